//! One world through one day: a queue of things to come, in virtual time, on one thread.

use super::{
    clock::{START, Time},
    ends::{Former, Older},
    handset::Handset,
    judge::{Book, Judged, Rule, broken, unwell},
    memory::Memory,
    network,
    newcomer::Newcomer,
    plan::{Act, ENTRIES, Event, Fate, Machine, PHOTOS, Plan},
    server::{Image, Server},
    town::Town,
};
use bytes::Bytes;
use protocol::{ids::EntryId, time::Millis};
use simdisk::{Cut, hash_bytes};
use std::collections::BTreeMap;
use terminal_core::{
    sync::StepOutcome,
    transport::{Request, Response},
};

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
pub(super) enum Job {
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
        outcome: StepOutcome,
    },
    /// A request that comes when nobody waits for its answer any more.
    Late(Request),
    Room(Machine),
    /// A memory card comes to the centre.
    Import(Bytes),
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
    pub(super) tries: BTreeMap<usize, u32>,
    pub(super) queue: BTreeMap<(i64, u64), Job>,
    pub(super) count: u64,
    pub(super) server_cut: Cut,
    /// A disk fault may be on its way to the server: a 500 may be honest.
    pub(super) server_strained: bool,
    /// And of when it is.
    pub(super) backup: Option<(Image, Millis)>,
    pub(super) calm: bool,
    pub(super) newcomer: Newcomer,
    pub(super) former: Vec<Former>,
    pub(super) copies: BTreeMap<usize, Older>,
    pub(super) memory: Memory,
    /// Home of the user who is in use on a shared machine, when that is known.
    pub(super) in_use: Option<&'static str>,
    /// The server's last answer to each handset's push.
    pub(super) last_push: BTreeMap<usize, Response>,
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
        let mut handsets = handsets;
        if plan.shared
            && handsets.len() > 1
            && let Some(second) = handsets.pop()
            && let Some(first) = handsets.first()
        {
            let second = second.second(first);
            handsets.push(second);
        }
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
            former: Vec::new(),
            copies: BTreeMap::new(),
            memory: Memory::default(),
            in_use: None,
            last_push: BTreeMap::new(),
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
    pub(super) fn plan_at(&mut self, at: i64, job: Job) {
        self.count += 1;
        self.queue.insert((at, self.count), job);
    }
    pub(super) fn at(&self) -> i64 {
        self.time.now().since(START)
    }
    pub(super) fn soon(&mut self, ms: i64, job: Job) {
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
                book.at_rest(t, handset, &self.server, self.tally.crashes)?;
            }
        }
        for former in &self.former {
            former.at_rest(&self.server)?;
        }
        self.memory_looks()?;
        super::rest::decided(&self.server)?;
        self.users_at_rest()?;
        self.newcomer_at_rest()?;
        // A handset that was enrolled anew has lived one day under two names.
        for (t, book) in self.books.iter().enumerate() {
            let before = self
                .former
                .iter()
                .filter(|former| former.t == t)
                .map(|former| &former.book);
            let books: Vec<&Book> = before.chain([book]).collect();
            let entries: usize = books.iter().map(|book| book.entries()).sum();
            let photos: usize = books.iter().map(|book| book.photos()).sum();
            self.tally.entries += entries as u64;
            self.tally.photos += photos as u64;
            self.tally.days += u64::from(entries >= ENTRIES && photos >= PHOTOS);
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
            Job::Import(card) => self.import(card),
        }
    }
    pub(super) fn host(&self, on: Machine) -> simdisk::Host {
        match on {
            Machine::Terminal(t) => self.handsets.get(t).map(|handset| handset.host.clone()),
            Machine::Server => None,
        }
        .unwrap_or_else(|| self.server.host.clone())
    }

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
        self.everybody_boots()?;
        // Whoever was put back speaks before he files, however long he was told to wait.
        for _ in 0..ROUNDS {
            if !self.handsets.iter().any(|handset| handset.put_back) {
                break;
            }
            self.time.set(self.time.now().plus(20 * 60_000));
            for t in 0..self.handsets.len() {
                self.begin_sync(t, true)?;
            }
            self.drain()?;
            self.everybody_boots()?;
        }
        for t in 0..self.handsets.len() {
            let act = Act::Report {
                t,
                photos: 0,
                twice: false,
            };
            if !self.work(usize::MAX - t, t, &Event { at: 0, r: 1, act })? {
                return broken(Rule::Unwell, format!("handset {t} files nothing in a calm world"));
            }
        }
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            self.everybody_boots()?;
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
    fn everybody_boots(&mut self) -> Judged {
        self.soon(0, Job::Boot(Machine::Server));
        for t in 0..self.handsets.len() {
            self.soon(1, Job::Boot(Machine::Terminal(t)));
        }
        self.drain()
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
            terminal
                .status()
                .is_ok_and(|s| s.items_waiting == 0 && s.photos_waiting == 0)
        })
    }
}
