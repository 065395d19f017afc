//! One world through one day: a queue of things to come, in virtual time, on one thread.

use super::{
    clock::{START, Time},
    handset::Handset,
    judge::{Book, Broken, Judged, Rule, broken, unwell},
    network,
    newcomer::Newcomer,
    plan::{Act, DAY, ENTRIES, Event, Fate, Loss, Machine, PHOTOS, Plan, fate_words},
    server::{Image, Server},
    town::Town,
};
use protocol::{ids::EntryId, time::Millis};
use simdisk::{Cut, Fault, Rng, hash_bytes};
use std::collections::BTreeMap;
use terminal_core::{
    Error,
    platform::PhotoFiles,
    sync::{Action, Outcome},
    transport::{Request, TransportError},
};

/// How long a handset waits for an answer.
const TIMEOUT: i64 = 30_000;
/// More steps than this in one sync: it does not end.
const STEPS: u32 = 2_000;
/// Rounds that a calm world gets to come to rest.
const ROUNDS: usize = 60;

/// What happened in a world.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    pub days: u64,
    pub entries: u64,
    pub photos: u64,
    pub crashes: u64,
    pub steps: u64,
    /// Faults that took effect, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Over everything that happened: the same plan gives the same.
    pub trace: u64,
}

impl Tally {
    /// Adds another world's figures.
    pub fn add(&mut self, other: &Self) {
        self.days += other.days;
        self.entries += other.entries;
        self.photos += other.photos;
        self.crashes += other.crashes;
        self.steps += other.steps;
        for (kind, count) in &other.faults {
            *self.faults.entry(kind.clone()).or_default() += count;
        }
    }
}

/// What is to come.
enum Job {
    Event(usize),
    Boot(Machine),
    Enrol(usize),
    Step(usize, u64),
    Arrive {
        t: usize,
        run: u64,
        request: Request,
        fate: Fate,
        plain: bool,
    },
    Back {
        t: usize,
        run: u64,
        outcome: Outcome,
    },
    /// A request that comes when nobody waits for its answer any more.
    Late(Request),
    Room(Machine),
}

/// See the module.
pub struct World<'p> {
    pub plan: &'p Plan,
    pub town: &'static Town,
    pub time: Time,
    pub server: Server,
    pub handsets: Vec<Handset>,
    pub books: Vec<Book>,
    pub tally: Tally,
    /// What a hand has begun, by its event: a worker goes on with the same draft.
    pub begun: BTreeMap<usize, EntryId>,
    tries: BTreeMap<usize, u32>,
    queue: BTreeMap<(i64, u64), Job>,
    count: u64,
    server_cut: Cut,
    /// A disk fault may be on its way to the server: a 500 may be honest.
    server_strained: bool,
    backup: Option<Image>,
    calm: bool,
    pub(super) newcomer: Newcomer,
    story: Option<Vec<String>>,
}

/// Lives through a plan; with `story`, every step is told.
pub fn live(plan: &Plan, story: bool) -> (Judged<Tally>, Vec<String>) {
    let mut world = match World::new(plan, story) {
        Ok(world) => world,
        Err(error) => return (Err(unwell(format!("{error:#}"))), Vec::new()),
    };
    let end = world.run();
    let told = world.story.take().unwrap_or_default();
    (end.map(|()| world.tally), told)
}

impl<'p> World<'p> {
    fn new(plan: &'p Plan, story: bool) -> anyhow::Result<Self> {
        let town = Town::get()?;
        simdisk::seed_process(plan.seed);
        let time = Time::new();
        let handsets: Vec<Handset> = town
            .beats
            .iter()
            .take(plan.terminals)
            .enumerate()
            .map(|(k, beat)| Handset::new(k, plan.seed, &time, plan.keyed, &beat.invitation))
            .collect();
        let mut world = Self {
            plan,
            town,
            server: Server::new(&time, plan.seed, &town.image)?,
            books: handsets.iter().map(|_| Book::default()).collect(),
            handsets,
            time,
            tally: Tally::default(),
            begun: BTreeMap::new(),
            tries: BTreeMap::new(),
            queue: BTreeMap::new(),
            count: 0,
            server_cut: Cut::Process,
            server_strained: false,
            backup: None,
            calm: false,
            newcomer: Newcomer::default(),
            story: story.then(Vec::new),
        };
        world.plan_at(0, Job::Boot(Machine::Server));
        for t in 0..plan.terminals {
            world.plan_at(1 + i64::try_from(t)?, Job::Boot(Machine::Terminal(t)));
        }
        for (k, event) in plan.events.iter().enumerate() {
            world.plan_at(event.at + 1_000, Job::Event(k));
        }
        Ok(world)
    }
    fn plan_at(&mut self, at: i64, job: Job) {
        self.count += 1;
        self.queue.insert((at, self.count), job);
    }
    pub(super) fn at(&self) -> i64 {
        self.time.now().since(START)
    }
    fn soon(&mut self, ms: i64, job: Job) {
        self.plan_at(self.at() + ms, job);
    }
    /// Adds a line to the story; made only when somebody reads it.
    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.story.is_none() {
            return;
        }
        let at = self.at();
        let line = line();
        if let Some(story) = &mut self.story {
            let (h, m, s) = (9 + at / 3_600_000, at / 60_000 % 60, at / 1000 % 60);
            story.push(format!("{h:02}:{m:02}:{s:02}.{:03} {line}", at % 1000));
        }
    }
    pub(super) fn trace(&mut self, bytes: &[u8]) {
        self.tally.trace = hash_bytes(self.tally.trace, bytes);
    }
    pub(super) fn count_fault(&mut self, kind: &str) {
        match self.tally.faults.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                self.tally.faults.insert(kind.to_owned(), 1);
            }
        }
    }

    fn run(&mut self) -> Judged {
        while let Some(((at, _), job)) = self.queue.pop_first() {
            self.time.set(START.plus(at.max(self.at())));
            self.tally.steps += 1;
            self.perform(job)?;
        }
        self.heal()?;
        for (t, book) in self.books.iter_mut().enumerate() {
            if let Some(handset) = self.handsets.get(t) {
                book.at_rest(t, handset, &self.server)?;
            }
        }
        self.newcomer_at_rest()?;
        for book in &self.books {
            self.tally.entries += book.entries() as u64;
            self.tally.photos += book.photos() as u64;
            self.tally.days += u64::from(book.entries() >= ENTRIES && book.photos() >= PHOTOS);
        }
        let hosts = self.handsets.iter().map(|handset| &handset.host);
        let hashes: Vec<u64> = hosts
            .chain([&self.server.host])
            .map(simdisk::Host::trace_hash)
            .collect();
        for hash in hashes {
            self.trace(&hash.to_le_bytes());
        }
        Ok(())
    }

    fn perform(&mut self, job: Job) -> Judged {
        match job {
            Job::Event(k) => self.event(k),
            Job::Boot(Machine::Server) => self.boot_server(),
            Job::Boot(Machine::Terminal(t)) => self.boot_handset(t),
            Job::Enrol(t) => self.enrol(t),
            Job::Step(t, run) => self.step(t, run),
            Job::Arrive {
                t,
                run,
                request,
                fate,
                plain,
            } => self.arrive(t, run, &request, fate, plain),
            Job::Back { t, run, outcome } => self.back(t, run, outcome),
            Job::Late(request) => {
                if let Some(request) = network::request(&request, None) {
                    let answered = self.server.request(request);
                    self.judge_answer(&answered, "a late request")?;
                }
                self.server_may_be_dead();
                Ok(())
            }
            Job::Room(on) => {
                self.host(on).set_quota(None);
                Ok(())
            }
        }
    }
    fn host(&self, on: Machine) -> simdisk::Host {
        match on {
            Machine::Terminal(t) => self.handsets.get(t).map(|handset| handset.host.clone()),
            Machine::Server => None,
        }
        .unwrap_or_else(|| self.server.host.clone())
    }

    // --- machines that die and come back ---

    fn boot_server(&mut self) -> Judged {
        if self.server.is_up() {
            return Ok(());
        }
        let booted = self.server.boot();
        if self.server.host.is_dead() {
            self.server_may_be_dead();
            return Ok(());
        }
        match booted {
            Ok(()) => {
                self.tell(|| "the server runs".into());
                Ok(())
            }
            // A full or failing disk can keep it down for a while.
            Err(error) if self.server_strained => {
                self.tell(|| format!("the server does not start: {error:#}"));
                self.soon(60_000, Job::Boot(Machine::Server));
                Ok(())
            }
            Err(error) => broken(Rule::Unwell, format!("the server does not start: {error:#}")),
        }
    }
    /// Notices that the server's machine has died, and lets it come back.
    pub(super) fn server_may_be_dead(&mut self) {
        if self.server.host.is_dead() {
            self.server_down(self.server_cut);
        }
    }
    fn server_down(&mut self, cut: Cut) {
        self.tell(|| format!("the server dies ({cut:?})"));
        self.tally.crashes += 1;
        self.server.die();
        self.server.host.power_cycle(cut);
        self.server_strained = false;
        self.perhaps_again(Machine::Server);
        self.soon(20_000, Job::Boot(Machine::Server));
    }
    /// Notices that a handset's machine has died; `true` when it has.
    pub(super) fn handset_may_be_dead(&mut self, t: usize) -> bool {
        let Some(handset) = self.handsets.get(t) else {
            return true;
        };
        if !handset.host.is_dead() {
            return false;
        }
        self.handset_down(t, handset.cut, true);
        true
    }
    fn handset_down(&mut self, t: usize, cut: Cut, reboot: bool) {
        self.tell(|| format!("handset {t} dies ({cut:?})"));
        self.tally.crashes += 1;
        if let Some(handset) = self.handsets.get_mut(t) {
            handset.die();
            handset.host.power_cycle(cut);
            if reboot {
                handset.clock.reboot();
            }
        }
        self.perhaps_again(Machine::Terminal(t));
        self.soon(15_000, Job::Boot(Machine::Terminal(t)));
    }
    /// Who has just died may die again while it starts: recovery must stand its own interruption.
    fn perhaps_again(&self, on: Machine) {
        let mut rng = Rng(self.count ^ self.plan.seed.rotate_left(32));
        if !self.calm && rng.chance(200) {
            self.host(on).fault_in(rng.below(25), Fault::PowerCut);
        }
    }
    fn boot_handset(&mut self, t: usize) -> Judged {
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        if handset.terminal.is_some() {
            return Ok(());
        }
        let booted = handset.boot();
        if self.handset_may_be_dead(t) {
            return Ok(());
        }
        match booted {
            Ok(()) => {
                self.tell(|| format!("handset {t} runs"));
                self.holds(t)
            }
            Err(Error::NotEnrolled) => {
                self.soon(1_000, Job::Enrol(t));
                Ok(())
            }
            Err(Error::MovedAside { detail, .. }) => broken(
                Rule::Lost,
                format!("handset {t} cannot read its database, which nothing had damaged: {detail}"),
            ),
            Err(error) => {
                self.tell(|| format!("handset {t} does not start: {error}"));
                self.soon(60_000, Job::Boot(Machine::Terminal(t)));
                self.patience(t, &error)
            }
        }
    }
    /// A handset that does not start is a fault of the disk's, or a defect.
    fn patience(&mut self, t: usize, error: &Error) -> Judged {
        if self.at() > DAY * 2 {
            return broken(Rule::Unwell, format!("handset {t} never starts: {error}"));
        }
        Ok(())
    }
    fn enrol(&mut self, t: usize) -> Judged {
        let fate = self.next_fate(t);
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        if handset.terminal.is_some() {
            return Ok(());
        }
        let line = network::Direct::new(&self.server, fate);
        let enrolled = handset.enrol(&line);
        self.server_may_be_dead();
        if self.handset_may_be_dead(t) {
            return Ok(());
        }
        match enrolled {
            Ok(()) => {
                self.tell(|| format!("handset {t} is enrolled"));
                Ok(())
            }
            Err(error) => {
                self.tell(|| format!("handset {t} is not enrolled: {error}"));
                if self.at() > DAY * 2 {
                    return broken(Rule::Unwell, format!("handset {t} cannot be enrolled: {error}"));
                }
                let boot = if matches!(error, Error::AlreadyEnrolled) {
                    Job::Boot(Machine::Terminal(t))
                } else {
                    Job::Enrol(t)
                };
                self.soon(30_000, boot);
                Ok(())
            }
        }
    }

    // --- the day ---

    fn event(&mut self, k: usize) -> Judged {
        let Some(event) = self.plan.events.get(k).cloned() else {
            return Ok(());
        };
        if let Some(kind) = event.act.fault() {
            self.count_fault(kind);
            self.tell(|| format!("FAULT {:?}", event.act));
            return self.befall(&event);
        }
        match event.act {
            Act::Net { t, fate } => {
                self.tell(|| format!("FAULT {:?}", event.act));
                if let Some(handset) = self.handsets.get_mut(t) {
                    handset.fates.push_back(fate);
                }
                Ok(())
            }
            Act::Sync(t) => self.begin_sync(t, event.r.is_multiple_of(3)),
            Act::Case
            | Act::Task
            | Act::CancelTask
            | Act::Review
            | Act::ActivityReview
            | Act::Register
            | Act::GiveBack(_) => {
                self.centre(&event)?;
                self.server_may_be_dead();
                Ok(())
            }
            Act::Sweep => {
                let _ = self.server.sweep();
                self.server_may_be_dead();
                Ok(())
            }
            Act::Backup => {
                if self.server.is_up() {
                    self.backup = Some(self.server.image().map_err(unwell)?);
                }
                Ok(())
            }
            _ => self.hand(k, &event),
        }
    }
    /// A worker does something; what fails is tried again, as workers do.
    fn hand(&mut self, k: usize, event: &Event) -> Judged {
        let Some(t) = super::hands::whose(&event.act) else {
            return Ok(());
        };
        let done = self.work(k, t, event)?;
        let dead = self.handset_may_be_dead(t);
        if done && !dead {
            return self.look(t, event.r);
        }
        let tries = self.tries.entry(k).or_default();
        *tries += 1;
        if *tries < 40 && !self.calm {
            self.soon(150_000, Job::Event(k));
        }
        Ok(())
    }
    /// A look at the queue costs more than most steps: some of them are followed by one.
    fn look(&mut self, t: usize, r: u64) -> Judged {
        let Some(terminal) = self.handsets.get(t).and_then(|h| h.terminal.clone()) else {
            return Ok(());
        };
        if r.is_multiple_of(8)
            && let Err(error) = terminal.status()
            && !self.handset_may_be_dead(t)
        {
            self.tell(|| format!("handset {t} shows no status: {error}"));
        }
        Ok(())
    }
    fn holds(&mut self, t: usize) -> Judged {
        let terminal = self.handsets.get(t).and_then(|h| h.terminal.clone());
        match (terminal, self.books.get_mut(t)) {
            (Some(terminal), Some(book)) => {
                let judged = book.holds(t, &terminal);
                match judged {
                    // Whoever looks at a machine that dies under the look sees nothing.
                    Err(_) if self.handset_may_be_dead(t) => Ok(()),
                    other => other,
                }
            }
            _ => Ok(()),
        }
    }

    fn befall(&mut self, event: &Event) -> Judged {
        match event.act {
            Act::Offline { t, minutes } => {
                let until = self.time.now().plus(minutes * 60_000);
                if let Some(handset) = self.handsets.get_mut(t) {
                    handset.offline_until = until;
                }
            }
            Act::Power { on, k, loss } => {
                let cut = match loss {
                    Loss::All => Cut::LoseAll,
                    Loss::Prefix => Cut::Prefix,
                    Loss::Scatter => Cut::Scatter {
                        keep: 500,
                        tear: 200,
                        garbage: 300,
                    },
                };
                match on {
                    Machine::Server => self.server_cut = cut,
                    Machine::Terminal(t) => {
                        if let Some(handset) = self.handsets.get_mut(t) {
                            handset.cut = cut;
                        }
                    }
                }
                self.host(on).fault_in(k, Fault::PowerCut);
            }
            Act::Kill(Machine::Server) => {
                if self.server.is_up() {
                    self.server_down(Cut::Process);
                }
            }
            Act::Kill(Machine::Terminal(t)) => {
                if self.handsets.get(t).is_some_and(|h| h.terminal.is_some()) {
                    self.handset_down(t, Cut::Process, false);
                }
            }
            Act::IoError { on, k } => {
                self.server_strained |= on == Machine::Server;
                self.host(on).fault_in(k, Fault::IoErr);
            }
            Act::DiskFull { on, minutes } => {
                self.server_strained |= on == Machine::Server;
                let host = self.host(on);
                host.set_quota(Some(host.used() + 20_000));
                self.soon(minutes * 60_000, Job::Room(on));
            }
            Act::Clock { t, ms } => {
                if let Some(handset) = self.handsets.get(t) {
                    handset.clock.set_skew(ms);
                }
            }
            Act::Reboot(t) => {
                if self.handsets.get(t).is_some_and(|h| h.terminal.is_some()) {
                    self.handset_down(t, Cut::Process, true);
                }
            }
            Act::TokenExpired(t) => {
                if let Some(terminal) = self.handsets.get(t).and_then(|h| h.terminal.as_ref()) {
                    let stream = terminal.account().stream;
                    self.operator(
                        "DELETE FROM field_token WHERE stream = ?1",
                        Some(stream.to_string()),
                    );
                }
            }
            Act::UploadsExpired => {
                self.operator("UPDATE upload SET expires = 1 WHERE finished IS NULL", None);
                let _ = self.server.sweep();
                self.server_may_be_dead();
            }
            Act::Restore => {
                if let Some(backup) = self.backup.take() {
                    self.server.replace(&backup).map_err(unwell)?;
                    self.tell(|| "the server is its backup".into());
                    self.newcomer_forgotten();
                    for handset in &mut self.handsets {
                        handset.excused = true;
                    }
                }
            }
            Act::Newcomer => self.newcomer(event)?,
            Act::Relieve(_) | Act::Revoke(_) => {
                self.centre(event)?;
                self.server_may_be_dead();
            }
            _ => {}
        }
        Ok(())
    }
    fn operator(&mut self, sql: &'static str, parameter: Option<String>) {
        let done = self.server.write_tx(move |tx, _| {
            match &parameter {
                Some(text) => tx.execute(sql, server::params![text])?,
                None => tx.execute(sql, server::params![])?,
            };
            Ok(())
        });
        if let Err(error) = done {
            self.tell(|| format!("the operator's hand fails: {error}"));
        }
        self.server_may_be_dead();
    }

    // --- the line ---

    fn next_fate(&mut self, t: usize) -> Option<Fate> {
        let fate = self.handsets.get_mut(t)?.fates.pop_front()?;
        self.count_fault(fate_words(fate));
        Some(fate)
    }
    pub(super) fn begin_sync(&mut self, t: usize, manual: bool) -> Judged {
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        let begun = handset.begin_sync(manual);
        let run = handset.runs;
        if self.handset_may_be_dead(t) {
            return Ok(());
        }
        match begun {
            Ok(true) => {
                self.soon(0, Job::Step(t, run));
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(error) => {
                self.tell(|| format!("handset {t} cannot sync: {error}"));
                Ok(())
            }
        }
    }
    fn step(&mut self, t: usize, run: u64) -> Judged {
        loop {
            let Some(handset) = self.handsets.get_mut(t) else {
                return Ok(());
            };
            let now = handset.now();
            let (Some(terminal), Some(going)) = (handset.terminal.clone(), handset.run.as_mut()) else {
                return Ok(());
            };
            if going.number != run {
                return Ok(());
            }
            going.steps += 1;
            if going.steps > STEPS {
                return broken(Rule::Unwell, format!("a sync of handset {t} does not end"));
            }
            match going.sync.next_action(terminal.store(), &now) {
                Ok(Action::ReadPhoto { file, offset, len }) => {
                    let read = PhotoFiles::read(terminal.photo_folder().as_ref(), &file, offset, len);
                    let applied = going.sync.apply(terminal.store(), &now, Outcome::Photo(read));
                    if self.failed(t, applied) {
                        return Ok(());
                    }
                }
                Ok(Action::Send(request)) => {
                    if !self.handset_may_be_dead(t) {
                        self.send(t, run, request);
                    }
                    return Ok(());
                }
                Ok(Action::Wait(_) | Action::Done) => return self.end_sync(t),
                Err(error) => {
                    self.failed(t, Err(error));
                    return Ok(());
                }
            }
        }
    }
    /// A step that failed ends the run; the machine may have died of it.
    fn failed(&mut self, t: usize, step: terminal_core::Result<()>) -> bool {
        let Err(error) = step else {
            return self.handset_may_be_dead(t);
        };
        self.tell(|| format!("handset {t}'s sync fails: {error}"));
        if let Some(handset) = self.handsets.get_mut(t) {
            handset.run = None;
        }
        self.handset_may_be_dead(t);
        true
    }
    fn end_sync(&mut self, t: usize) -> Judged {
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        let (Some(terminal), Some(run)) = (handset.terminal.clone(), handset.run.take()) else {
            return Ok(());
        };
        let report = run.sync.report(terminal.store(), handset.now().wall);
        drop(run);
        let Ok(report) = report else {
            self.handset_may_be_dead(t);
            return Ok(());
        };
        if report.is_success() {
            handset.excused = false;
            let _ = terminal.forget_old();
        }
        let excused = handset.excused;
        self.tell(|| format!("handset {t} has synced: {report:?}"));
        if self.handset_may_be_dead(t) || excused || !self.server.is_up() {
            return Ok(());
        }
        match self.books.get_mut(t) {
            Some(book) => match book.truth(t, &terminal, &self.server) {
                Err(Broken {
                    rule: Rule::Unwell, ..
                }) if self.server.host.is_dead() || self.handset_may_be_dead(t) => {
                    self.server_may_be_dead();
                    Ok(())
                }
                other => other,
            },
            None => Ok(()),
        }
    }
    fn send(&mut self, t: usize, run: u64, request: Request) {
        let offline = self
            .handsets
            .get(t)
            .is_some_and(|h| self.time.now() < h.offline_until);
        let failed = |error| Outcome::Failed(error);
        if offline {
            let outcome = failed(TransportError::Unreachable("no network".into()));
            return self.soon(50, Job::Back { t, run, outcome });
        }
        let fate = self.next_fate(t);
        self.tell(|| format!("handset {t} sends {request:?} {fate:?}"));
        let lag = 20 + i64::try_from(Rng(self.count ^ self.plan.seed).below(200)).unwrap_or(0);
        let back = |outcome| Job::Back { t, run, outcome };
        match fate {
            Some(Fate::RequestLost) => self.soon(TIMEOUT, back(failed(TransportError::Timeout))),
            Some(Fate::Portal) => self.soon(lag, back(Outcome::Answer(network::page(200, None)))),
            Some(Fate::TooLarge) => self.soon(lag, back(Outcome::Answer(network::page(413, None)))),
            Some(Fate::TooMany) => self.soon(lag, back(Outcome::Answer(network::page(429, Some(30))))),
            Some(Fate::Unavailable) => self.soon(lag, back(Outcome::Answer(network::page(503, Some(60))))),
            Some(Fate::Late) => {
                let later = 60_000 + i64::try_from(Rng(self.count).below(900_000)).unwrap_or(0);
                self.soon(later, Job::Late(request));
                self.soon(TIMEOUT, back(failed(TransportError::Timeout)));
            }
            fate => {
                if fate == Some(Fate::Duplicate) {
                    let later = 1_000 + i64::try_from(Rng(self.count).below(1_800_000)).unwrap_or(0);
                    self.soon(later, Job::Late(request.clone()));
                }
                let lag = if fate == Some(Fate::Slow) { 25_000 } else { lag };
                let job = Job::Arrive {
                    t,
                    run,
                    request,
                    fate: fate.unwrap_or(Fate::Slow),
                    plain: fate.is_none(),
                };
                self.soon(lag, job);
            }
        }
    }
    fn arrive(&mut self, t: usize, run: u64, request: &Request, fate: Fate, plain: bool) -> Judged {
        let cut = (fate == Fate::CutRequest && !plain).then(|| {
            let most = request.body.len() as u64;
            usize::try_from(Rng(self.count).below(most.max(1))).unwrap_or(0)
        });
        let Some(built) = network::request(request, cut) else {
            return broken(Rule::Unwell, format!("{request:?} is no request"));
        };
        let answered = self.server.request(built);
        let was_up = self.server.is_up();
        self.server_may_be_dead();
        if cut.is_none() {
            self.judge_answer(&answered, &format!("{request:?} of handset {t}"))?;
        }
        if let Ok(answer) = &answered {
            let hash = hash_bytes(u64::from(answer.status), &answer.body);
            self.trace(&hash.to_le_bytes());
        }
        let lag = 20 + i64::try_from(Rng(self.count ^ 77).below(200)).unwrap_or(0);
        let failed = |error| Outcome::Failed(error);
        let broke = || failed(TransportError::Cut("the connection broke".into()));
        let (wait, outcome) = match answered {
            Err(_) if was_up => (lag, broke()),
            Err(_) => (lag, failed(TransportError::Unreachable("refused".into()))),
            Ok(_) if plain => (lag, Outcome::Answer(answer_of(&answered))),
            Ok(_) => match fate {
                Fate::AnswerLost => (TIMEOUT, failed(TransportError::Timeout)),
                Fate::CutRequest | Fate::CutAnswer => (lag, broke()),
                Fate::HtmlError => (lag, Outcome::Answer(network::page(502, None))),
                Fate::NewerPeer => (
                    lag,
                    Outcome::Answer(network::newer(answer_of(&answered), self.count)),
                ),
                Fate::Slow => (25_000, Outcome::Answer(answer_of(&answered))),
                _ => (lag, Outcome::Answer(answer_of(&answered))),
            },
        };
        self.soon(wait, Job::Back { t, run, outcome });
        Ok(())
    }
    /// A server that nothing befell has no internal errors.
    pub(super) fn judge_answer(
        &self,
        answered: &Result<super::server::Answer, super::server::Down>,
        to: &str,
    ) -> Judged {
        match answered {
            Ok(answer) if answer.status == 500 && !self.server_strained => broken(
                Rule::Unwell,
                format!(
                    "500 to {to}: {}",
                    String::from_utf8_lossy(answer.body.get(..300).unwrap_or(&answer.body))
                ),
            ),
            _ => Ok(()),
        }
    }
    fn back(&mut self, t: usize, run: u64, outcome: Outcome) -> Judged {
        let Some(handset) = self.handsets.get_mut(t) else {
            return Ok(());
        };
        let now = handset.now();
        let (Some(terminal), Some(going)) = (handset.terminal.clone(), handset.run.as_mut()) else {
            return Ok(());
        };
        if going.number != run {
            return Ok(());
        }
        let applied = going.sync.apply(terminal.store(), &now, outcome);
        if self.failed(t, applied) {
            return Ok(());
        }
        self.soon(0, Job::Step(t, run));
        Ok(())
    }

    // --- the end of the day ---

    /// The faults end, everybody syncs until nothing moves any more.
    fn heal(&mut self) -> Judged {
        self.calm = true;
        self.tell(|| "calm".into());
        self.server.host.clear_faults();
        self.server.host.set_quota(None);
        for handset in &mut self.handsets {
            handset.host.clear_faults();
            handset.host.set_quota(None);
            handset.fates.clear();
            handset.offline_until = Millis(0);
        }
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            self.soon(0, Job::Boot(Machine::Server));
            for t in 0..self.handsets.len() {
                self.soon(1, Job::Boot(Machine::Terminal(t)));
            }
            self.drain()?;
            self.server_strained = false;
            let _ = self.server.sweep();
            let before = self.positions();
            for t in 0..self.handsets.len() {
                self.begin_sync(t, true)?;
            }
            self.drain()?;
            quiet = if before == self.positions() && self.all_sent() {
                quiet + 1
            } else {
                0
            };
            if quiet == 2 {
                return Ok(());
            }
            self.time.set(self.time.now().plus(20 * 60_000));
        }
        let left: Vec<String> = self
            .handsets
            .iter()
            .enumerate()
            .filter_map(|(t, h)| {
                let status = h.terminal.as_ref()?.status().ok()?;
                Some(format!(
                    "{t}: {} entries, {} photos",
                    status.items_waiting, status.photos_waiting
                ))
            })
            .collect();
        broken(
            Rule::Unwell,
            format!("the calm world does not come to rest; waiting {left:?}"),
        )
    }
    fn drain(&mut self) -> Judged {
        while let Some(((at, _), job)) = self.queue.pop_first() {
            self.time.set(START.plus(at.max(self.at())));
            self.perform(job)?;
        }
        Ok(())
    }
    fn positions(&self) -> Vec<String> {
        let cursor = |h: &Handset| h.terminal.as_ref().and_then(|t| t.store().cursor().ok());
        self.handsets
            .iter()
            .map(|h| cursor(h).unwrap_or_default())
            .collect()
    }
    fn all_sent(&self) -> bool {
        self.handsets.iter().all(|handset| {
            let Some(terminal) = &handset.terminal else {
                return false;
            };
            handset.revoked
                || terminal
                    .status()
                    .is_ok_and(|s| s.items_waiting == 0 && s.photos_waiting == 0)
        })
    }
}

fn answer_of(
    answered: &Result<super::server::Answer, super::server::Down>,
) -> terminal_core::transport::Response {
    answered.as_ref().map(network::response).unwrap_or_default()
}
