//! Runs one day of one simulated world: a queue of jobs in virtual time, on one thread.

use super::{
    city_template::CityTemplate,
    clock::{START, SimTime},
    ends::{EndedStream, HandsetCopy},
    handset::SimHandset,
    judge::{CheckResult, Expectations, Invariant, check_failed, violation},
    memory::ServerDecisions,
    network,
    newer_handset::NewerHandset,
    plan::{DayPlan, ENTRIES, EventKind, ExchangeFault, MachineId, PHOTOS, PlannedEvent},
    server::{DiskImage, SimServer},
};
use bytes::Bytes;
use protocol::{ids::EntryId, time::Millis};
use simdisk::{Cut, hash_bytes};
use std::collections::BTreeMap;
use terminal_core::{
    sync::StepOutcome,
    transport::{Request, Response},
};

/// Maximum number of sync rounds in the calm phase.
const ROUNDS: usize = 60;

/// Counts of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DayTally {
    pub days: u64,
    pub entries: u64,
    pub photos: u64,
    pub crashes: u64,
    pub steps: u64,
    /// How often an observer's view was compared with the store.
    #[serde(default)]
    pub compared: u64,
    /// Tasks whose arrival an observer was told.
    #[serde(default)]
    pub announced: u64,
    /// Faults that took effect, by name.
    pub faults: BTreeMap<String, u64>,
    /// Hash over all responses and states; equal plans give equal values.
    pub trace: u64,
}

impl DayTally {
    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.days += other.days;
        self.entries += other.entries;
        self.photos += other.photos;
        self.crashes += other.crashes;
        self.steps += other.steps;
        self.compared += other.compared;
        self.announced += other.announced;
        for (kind, count) in &other.faults {
            *self.faults.entry(kind.clone()).or_default() += count;
        }
    }
}

/// A queued job.
pub(super) enum SimJob {
    Event(usize),
    Boot(MachineId),
    Enrol(usize),
    Step(usize, u64),
    Arrive {
        t: usize,
        run: u64,
        request: Request,
        fault: ExchangeFault,
        plain: bool,
    },
    Back {
        t: usize,
        run: u64,
        outcome: StepOutcome,
    },
    /// A request that arrives after its client has given up.
    Late(Request),
    /// A full disk gets free space again.
    Room(MachineId),
    /// A memory card arrives at the centre.
    Import(Bytes),
}

/// One simulated world: a server, handsets, and what is expected of them.
pub struct SimWorld<'p> {
    pub plan: &'p DayPlan,
    pub template: &'static CityTemplate,
    pub time: SimTime,
    pub server: SimServer,
    pub handsets: Vec<SimHandset>,
    pub expectations: Vec<Expectations>,
    pub tally: DayTally,
    /// Drafts that a worker has begun, by index of the event: a repeated event continues the same draft.
    pub begun: BTreeMap<usize, EntryId>,
    pub(super) tries: BTreeMap<usize, u32>,
    pub(super) queue: BTreeMap<(i64, u64), SimJob>,
    pub(super) count: u64,
    pub(super) server_cut: Cut,
    /// The server's disk may be failing, so a 500 is no defect.
    pub(super) server_disk_faulty: bool,
    /// The latest backup with the time at which it was taken.
    pub(super) backup: Option<(DiskImage, Millis)>,
    pub(super) calm: bool,
    pub(super) newer_handset: NewerHandset,
    pub(super) ended_streams: Vec<EndedStream>,
    pub(super) copies: BTreeMap<usize, HandsetCopy>,
    pub(super) decisions: ServerDecisions,
    /// Home of the active user of a shared machine, `None` while unknown.
    pub(super) in_use: Option<&'static str>,
    /// The server's last response to each handset's push.
    pub(super) last_push: BTreeMap<usize, Response>,
    log: Option<Vec<String>>,
}

/// Runs a plan; with `log`, also returns a log of every step.
pub fn run_plan(plan: &DayPlan, log: bool) -> (CheckResult<DayTally>, Vec<String>) {
    let mut world = match SimWorld::new(plan, log) {
        Ok(world) => world,
        Err(error) => return (Err(check_failed(format!("{error:#}"))), Vec::new()),
    };
    let end = world.run();
    let told = world.log.take().unwrap_or_default();
    (end.map(|()| world.tally), told)
}

impl<'p> SimWorld<'p> {
    fn new(plan: &'p DayPlan, log: bool) -> anyhow::Result<Self> {
        let template = CityTemplate::get()?;
        simdisk::seed_process(plan.seed);
        let time = SimTime::new();
        let handsets: Vec<SimHandset> = template
            .beats
            .iter()
            .take(plan.terminals)
            .enumerate()
            .map(|(k, beat)| SimHandset::new(k, plan.seed, &time, plan.keyed, &beat.invitation))
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
            template,
            server: SimServer::new(&time, plan.seed, &template.image)?,
            expectations: handsets.iter().map(|_| Expectations::default()).collect(),
            handsets,
            time,
            tally: DayTally::default(),
            begun: BTreeMap::new(),
            tries: BTreeMap::new(),
            queue: BTreeMap::new(),
            count: 0,
            server_cut: Cut::Process,
            server_disk_faulty: false,
            backup: None,
            calm: false,
            newer_handset: NewerHandset::default(),
            ended_streams: Vec::new(),
            copies: BTreeMap::new(),
            decisions: ServerDecisions::default(),
            in_use: None,
            last_push: BTreeMap::new(),
            log: log.then(Vec::new),
        };
        world.schedule_at(0, SimJob::Boot(MachineId::Server));
        for t in 0..plan.terminals {
            world.schedule_at(1 + i64::try_from(t)?, SimJob::Boot(MachineId::Terminal(t)));
        }
        for (k, event) in plan.events.iter().enumerate() {
            world.schedule_at(event.at + 1_000, SimJob::Event(k));
        }
        Ok(world)
    }
    pub(super) fn schedule_at(&mut self, at: i64, job: SimJob) {
        self.count += 1;
        self.queue.insert((at, self.count), job);
    }
    pub(super) fn at(&self) -> i64 {
        self.time.now().since(START)
    }
    pub(super) fn schedule_in(&mut self, ms: i64, job: SimJob) {
        self.schedule_at(self.at() + ms, job);
    }
    /// Adds a line to the log; the text is built only if the log is kept.
    pub(super) fn log_line(&mut self, line: impl FnOnce() -> String) {
        if self.log.is_none() {
            return;
        }
        let at = self.at();
        let line = line();
        if let Some(log) = &mut self.log {
            let (h, m, s) = (9 + at / 3_600_000, at / 60_000 % 60, at / 1000 % 60);
            log.push(format!("{h:02}:{m:02}:{s:02}.{:03} {line}", at % 1000));
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

    fn run(&mut self) -> CheckResult {
        while let Some(((at, _), job)) = self.queue.pop_first() {
            self.time.set(START.plus(at.max(self.at())));
            self.tally.steps += 1;
            self.perform(job)?;
        }
        self.run_calm_phase()?;
        self.observers_at_rest()?;
        for (t, expected) in self.expectations.iter_mut().enumerate() {
            if let Some(handset) = self.handsets.get(t) {
                expected.at_rest(t, handset, &self.server, self.tally.crashes)?;
            }
        }
        for stream in &self.ended_streams {
            stream.at_rest(&self.server)?;
        }
        self.check_decisions()?;
        super::rest::check_waiting_entries(&self.server)?;
        super::rest::check_figures(&self.server)?;
        self.users_at_rest()?;
        self.newer_handset_at_rest()?;
        // A handset that was enrolled again has worked under two streams on this day.
        for (t, expected) in self.expectations.iter().enumerate() {
            let before = self
                .ended_streams
                .iter()
                .filter(|stream| stream.t == t)
                .map(|stream| &stream.expected);
            let expectations: Vec<&Expectations> = before.chain([expected]).collect();
            let entries: usize = expectations.iter().map(|expected| expected.entries()).sum();
            let photos: usize = expectations.iter().map(|expected| expected.photos()).sum();
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

    fn perform(&mut self, job: SimJob) -> CheckResult {
        let watched = self.begin_to_watch(&job)?;
        self.work_off(job)?;
        watched.map_or(Ok(()), |t| self.compare_view(t))
    }
    fn work_off(&mut self, job: SimJob) -> CheckResult {
        match job {
            SimJob::Event(k) => self.event(k),
            SimJob::Boot(MachineId::Server) => self.boot_server(),
            SimJob::Boot(MachineId::Terminal(t)) => self.boot_handset(t),
            SimJob::Enrol(t) => self.enrol(t),
            SimJob::Step(t, run) => self.step(t, run),
            SimJob::Arrive {
                t,
                run,
                request,
                fault,
                plain,
            } => self.arrive(t, run, &request, fault, plain),
            SimJob::Back { t, run, outcome } => self.back(t, run, outcome),
            SimJob::Late(request) => {
                if let Some(request) = network::request(&request, None) {
                    let answered = self.server.request(request);
                    self.check_response(&answered, "a late request")?;
                }
                self.check_server_crash();
                Ok(())
            }
            SimJob::Room(on) => {
                self.host(on).set_quota(None);
                Ok(())
            }
            SimJob::Import(card) => self.import(card),
        }
    }
    pub(super) fn host(&self, on: MachineId) -> simdisk::Host {
        match on {
            MachineId::Terminal(t) => self.handsets.get(t).map(|handset| handset.host.clone()),
            MachineId::Server => None,
        }
        .unwrap_or_else(|| self.server.host.clone())
    }

    /// Ends all faults, then syncs every handset until nothing changes any more.
    fn run_calm_phase(&mut self) -> CheckResult {
        self.calm = true;
        self.log_line(|| "calm".into());
        self.server.host.clear_faults();
        self.server.host.set_quota(None);
        for handset in &mut self.handsets {
            handset.host.clear_faults();
            handset.host.set_quota(None);
            handset.faults.clear();
            handset.offline_until = Millis(0);
        }
        self.boot_all()?;
        // A handset that was put back to a copy must sync before it can file; a wait that the server asked
        // for may delay this.
        for _ in 0..ROUNDS {
            if !self.handsets.iter().any(|handset| handset.put_back) {
                break;
            }
            self.time.set(self.time.now().plus(20 * 60_000));
            for t in 0..self.handsets.len() {
                self.begin_sync(t, true)?;
            }
            self.drain()?;
            self.boot_all()?;
        }
        for t in 0..self.handsets.len() {
            let act = EventKind::Report {
                t,
                photos: 0,
                twice: false,
            };
            if !self.work(usize::MAX - t, t, &PlannedEvent { at: 0, r: 1, act })? {
                return violation(
                    Invariant::Health,
                    format!("handset {t} cannot file although there are no faults"),
                );
            }
        }
        let mut quiet = 0;
        for _ in 0..ROUNDS {
            self.boot_all()?;
            self.server_disk_faulty = false;
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
            if quiet == 1 {
                self.follow_all()?;
            }
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
        violation(
            Invariant::Health,
            format!("the calm phase does not become idle; unsent: {left:?}"),
        )
    }
    fn boot_all(&mut self) -> CheckResult {
        self.schedule_in(0, SimJob::Boot(MachineId::Server));
        for t in 0..self.handsets.len() {
            self.schedule_in(1, SimJob::Boot(MachineId::Terminal(t)));
        }
        self.drain()
    }
    fn drain(&mut self) -> CheckResult {
        while let Some(((at, _), job)) = self.queue.pop_first() {
            self.time.set(START.plus(at.max(self.at())));
            self.perform(job)?;
        }
        Ok(())
    }
    fn positions(&self) -> Vec<String> {
        let cursor = |h: &SimHandset| h.terminal.as_ref().and_then(|t| t.store().cursor().ok());
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
