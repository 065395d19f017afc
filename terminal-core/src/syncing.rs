//! How a terminal speaks to its server: once, when somebody asks ([`Terminal::sync_now`]), or by itself for as long
//! as it is let ([`Terminal::watch`]). One connection and one token serve all syncs of a process.

use crate::{
    Error, Result,
    manners::{Ask, Circumstances, Manners, Meter, watch},
    platform::{ClockRaw, Surroundings},
    salvage,
    store::{Custody, Month, Used},
    sync::{Failure, Held, Memory, Outcome, Policy, Progress, SyncReport, Verdict, classify},
    terminal::Terminal,
    transport::{
        CancelToken, Driver, Method, Request, Transport, TransportError,
        hints::{Heard, HintLine},
        https::Https,
    },
};
use protocol::{entry::Reason, ids::StreamId, time::Millis};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What a process keeps of the network between two syncs.
#[derive(Default)]
pub(crate) struct Network {
    https: Mutex<Option<Arc<Https>>>,
    memory: Mutex<Memory>,
}

/// What the data plan was used for this month, and what is left (SP-12).
#[derive(Debug, Clone)]
pub struct DataUse {
    pub month: Month,
    pub used: Vec<Used>,
    /// Bytes on metered networks, both ways: what counts towards the budget.
    pub metered: u64,
    pub budget: Option<u64>,
}

/// What happens while the handset watches.
#[derive(Debug)]
pub enum Watched {
    Progress(Progress),
    /// A sync ended.
    Synced(Box<SyncReport>),
    /// Another user's outbox left, under that user's own name.
    OfAnother(String, Box<SyncReport>),
    /// The line of hints opened or closed.
    Line(bool),
    /// Nothing travels from now on, and why: no network, or settings that say so.
    Silent(Reason),
}

impl Terminal {
    /// What may travel in these circumstances.
    ///
    /// # Errors
    /// Those of the store.
    pub fn policy(&self, now: Circumstances, ask: Ask) -> Result<Policy> {
        let used = self.store().metered_bytes(&Month::of(self.now()?))?;
        Ok(self.store().manners()?.policy(now, used, ask))
    }
    /// What the data plan was used for in the month that is now.
    ///
    /// # Errors
    /// Those of the store.
    pub fn data_use(&self) -> Result<DataUse> {
        let month = Month::of(self.now()?);
        Ok(DataUse {
            used: self.store().traffic(&month)?,
            metered: self.store().metered_bytes(&month)?,
            budget: self.store().manners()?.budget(),
            month,
        })
    }
    /// Syncs once, as settings, network, battery and budget allow.
    ///
    /// # Errors
    /// As [`Terminal::sync`].
    pub fn sync_now(
        &self,
        around: &dyn Surroundings,
        ask: Ask,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(Progress),
    ) -> Result<SyncReport> {
        self.sync(self.policy(circumstances(around), ask)?, cancel, listener)
    }
    /// Sends what waits and fetches tasks, dispositions and reference files, on the caller's thread, until there
    /// is nothing to do or something has to wait for its time. The report tells the truth about both.
    ///
    /// # Errors
    /// `sync.off`, `sync.running`, `call.cancelled`, `network.address`, and those of disk and keys. Failures of
    /// network and server are no errors: they stand in the report and at their items.
    pub fn sync(
        &self,
        policy: Policy,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(Progress),
    ) -> Result<SyncReport> {
        let transport = self.https()?;
        self.sync_over(transport.as_ref(), policy, cancel, listener)
    }
    /// [`Terminal::sync`] over a transport of the caller's.
    ///
    /// # Errors
    /// As [`Terminal::sync`].
    pub fn sync_over(
        &self,
        transport: &dyn Transport,
        policy: Policy,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(Progress),
    ) -> Result<SyncReport> {
        let platform = self.platform();
        self.hand_salvaged_over(transport);
        let driver = Driver {
            transport,
            photos: self.photo_folder().as_ref(),
            clock: platform.clock.as_ref(),
            random: Arc::clone(&platform.random),
            signer: platform.vault.signer(self.account().stream)?,
        };
        let report = driver.run_on(self.store(), policy, cancel, &self.network().memory, listener)?;
        if let Some(https) = self.kept_https().as_ref() {
            https.trust(&self.store().account()?.pins);
        }
        if report.is_success() {
            self.forget_old()?;
        }
        if let Some(done) = &report.handed_over {
            self.wipe(done)?;
        }
        Ok(report)
    }
    /// A damaged database that was set aside: what can be read of it goes first. What fails is tried with the next
    /// sync, and is in nobody's way.
    fn hand_salvaged_over(&self, transport: &dyn Transport) {
        let (home, platform) = (self.store().home(), self.platform());
        let all = salvage::waiting(home, platform.disk.as_ref()).unwrap_or_default();
        for aside in all {
            let done = salvage::read(home, platform, &aside).and_then(|saved| {
                if saved.account()?.server != self.account().server {
                    return Err(Error::Data("it belongs to another server".into()));
                }
                saved.deliver(home, platform, transport)
            });
            match done {
                Ok(report) => tracing::info!(entries = report.entries, "a damaged database was handed over"),
                Err(error) => tracing::warn!(code = %error.code(), "a damaged database still waits"),
            }
        }
    }
    /// Keeps the handset in touch on the caller's thread until it is cancelled: see [`mod@watch`].
    ///
    /// # Errors
    /// Those of disk and keys, and `network.address`.
    pub fn watch(
        &self,
        around: &dyn Surroundings,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(Watched),
    ) -> Result<()> {
        self.watch_with(&mut Vec::new, around, cancel, listener)
    }
    /// [`Terminal::watch`] on a handset that has had several users: what waits of the others leaves as well, each
    /// under its own identity. `others` is asked again and again, because users come and go meanwhile.
    ///
    /// # Errors
    /// As [`Terminal::watch`]. Failures of the others are in nobody's way.
    pub fn watch_with(
        &self,
        others: &mut dyn FnMut() -> Vec<Self>,
        around: &dyn Surroundings,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(Watched),
    ) -> Result<()> {
        let https = self.https()?;
        let platform = self.platform();
        let mut live = Live {
            terminal: self,
            others: RefCell::new(others),
            https: &https,
            around,
            cancel,
            listener,
            line: None,
            meter: None,
            visited: BTreeMap::new(),
        };
        watch::watch(&mut live, platform.random.as_ref())
    }
    fn kept_https(&self) -> MutexGuard<'_, Option<Arc<Https>>> {
        self.network()
            .https
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
    fn https(&self) -> Result<Arc<Https>> {
        let mut kept = self.kept_https();
        // Not as they were when the home was opened: they may have been renewed since, by another process, too.
        let account = self.store().account()?;
        if let Some(https) = kept.as_ref() {
            https.trust(&account.pins);
            https.after_a_rest();
            return Ok(Arc::clone(https));
        }
        let https = Arc::new(Https::new(&account.server, &account.pins).map_err(|error| error.reason())?);
        *kept = Some(Arc::clone(&https));
        Ok(https)
    }
}

fn circumstances(around: &dyn Surroundings) -> Circumstances {
    Circumstances {
        network: around.connectivity(),
        power: around.power(),
    }
}

const EVENTS: &str = "/v1/field/events";

/// The real outside of the loop.
struct Live<'a> {
    terminal: &'a Terminal,
    others: RefCell<&'a mut dyn FnMut() -> Vec<Terminal>>,
    https: &'a Https,
    around: &'a dyn Surroundings,
    cancel: &'a CancelToken,
    listener: &'a mut dyn FnMut(Watched),
    line: Option<HintLine<'a>>,
    /// Counts what the open line costs.
    meter: Option<Meter<'a>>,
    /// When another user was synced last, by the clock that only goes forward.
    visited: BTreeMap<StreamId, i64>,
}

/// Another user of whom nothing waits is looked after this often, milliseconds: only then does his handset learn that
/// a server was restored and lacks what it once received.
const QUIET_MS: i64 = 6 * 3_600_000;

impl Live<'_> {
    fn manners(&self) -> Result<Manners> {
        self.terminal.store().manners()
    }
    fn policy(&self) -> Result<Policy> {
        self.terminal.policy(circumstances(self.around), Ask::Itself)
    }
    fn others(&self) -> Vec<Terminal> {
        (self.others.borrow_mut())()
    }
    /// Sends what waits of the other users; when the next of it is due.
    fn sync_the_others(&mut self, anew: bool) -> Result<Option<Millis>> {
        let mut next: Option<Millis> = None;
        let now = self.terminal.platform().clock.read().monotonic_ms;
        let mut visited = std::mem::take(&mut self.visited);
        for other in self.others() {
            let mut one = || {
                let waits = other
                    .store()
                    .items()?
                    .iter()
                    .any(|item| matches!(item.custody, Custody::Waiting));
                let is_due = visited
                    .get(&other.account().stream)
                    .is_none_or(|at| now.saturating_sub(*at) >= QUIET_MS);
                if !waits && other.store().photos_waiting()? == 0 && !is_due {
                    return Ok(None);
                }
                visited.insert(other.account().stream, now);
                let policy = Policy {
                    manual: anew,
                    ..other.policy(circumstances(self.around), Ask::Itself)?
                };
                other.sync(policy, self.cancel, &mut |_| {}).map(Some)
            };
            match one() {
                Ok(Some(report)) => {
                    next = [next, report.next_try].into_iter().flatten().min();
                    let name = other.account().holder_name.clone();
                    (self.listener)(Watched::OfAnother(name, Box::new(report)));
                }
                Ok(None) => {}
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => tracing::info!(code = %error.code(), "another user's outbox still waits"),
            }
        }
        self.visited = visited;
        Ok(next)
    }
    /// What the line has cost since the last time.
    fn count(&mut self) -> Result<()> {
        match (&mut self.line, &mut self.meter) {
            (Some(line), Some(meter)) => meter.count(EVENTS, line.take_traffic()),
            _ => Ok(()),
        }
    }
}

impl watch::Outside for Live<'_> {
    fn clock(&self) -> ClockRaw {
        self.terminal.platform().clock.read()
    }
    fn poll_ms(&self) -> Result<i64> {
        Ok(i64::from(self.manners()?.poll_minutes.max(1)) * 60_000)
    }
    fn may_speak(&self) -> Result<bool> {
        Ok(self.manners()?.sync && self.policy()?.online)
    }
    fn fell_silent(&mut self) -> Result<()> {
        let off = self.terminal.store().ensure_on().err();
        if let Some(why) = off.map(|error| error.reason()).or(self.policy()?.closed()) {
            (self.listener)(Watched::Silent(why));
        }
        Ok(())
    }
    fn filed(&self) -> Result<u64> {
        let others = self.others();
        let others = others
            .iter()
            .map(|other| other.store().next_number().unwrap_or(0));
        let others: u64 = others.sum();
        Ok(self.terminal.store().next_number()?.saturating_add(others))
    }
    fn sync(&mut self, anew: bool) -> Result<SyncReport> {
        self.count()?;
        let policy = Policy {
            manual: anew,
            ..self.policy()?
        };
        // First of all, whatever becomes of this user's own.
        let of_others = self.sync_the_others(anew)?;
        let listener = &mut self.listener;
        let mut report = self
            .terminal
            .sync_over(self.https, policy, self.cancel, &mut |progress| {
                listener(Watched::Progress(progress));
            })?;
        (self.listener)(Watched::Synced(Box::new(report.clone())));
        // There is nothing to watch any more.
        if let Some(done) = &report.handed_over {
            return Err(Error::Input(done.reason()));
        }
        report.next_try = [report.next_try, of_others].into_iter().flatten().min();
        Ok(report)
    }
    fn open(&mut self) -> Result<std::result::Result<(), Failure>> {
        let memory = &self.terminal.network().memory;
        let kept = || memory.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(token) = kept().token(&self.clock()).map(str::to_owned) else {
            // The next sync brings one.
            return Ok(Err(Failure {
                verdict: Verdict::Network,
                reason: TransportError::Unreachable("no token yet".into()).reason(),
            }));
        };
        let request = Request::new(Method::Get, EVENTS).header("authorization", format!("Bearer {token}"));
        let https = self.https;
        match https.listen(&request, self.cancel) {
            Ok(line) => {
                let terminal = self.terminal;
                let clock = terminal.platform().clock.as_ref();
                self.meter = Some(Meter::new(terminal.store(), clock, self.policy()?));
                self.line = Some(line);
                (self.listener)(Watched::Line(true));
                Ok(Ok(()))
            }
            Err(Outcome::Failed(TransportError::Cancelled)) => Err(Error::Cancelled),
            Err(outcome) => {
                let failure = classify(outcome)
                    .err()
                    .unwrap_or_else(|| Failure::foreign("no line of hints"));
                if failure.verdict == Verdict::Authenticate {
                    kept().forget_token();
                }
                Ok(Err(failure))
            }
        }
    }
    fn listen(&mut self, wait: Duration) -> Heard {
        match &mut self.line {
            Some(line) => line.next(wait, self.cancel),
            None => self.https.wait(wait, self.cancel),
        }
    }
    fn close(&mut self) -> Result<()> {
        self.count()?;
        if self.line.take().is_some() {
            (self.listener)(Watched::Line(false));
        }
        match self.meter.take() {
            Some(mut meter) => meter.write(),
            None => Ok(()),
        }
    }
}

/// Why photos and files, or everything, would wait now; for a screen.
///
/// # Errors
/// Those of the store.
pub fn held(terminal: &Terminal, around: &dyn Surroundings) -> Result<Option<Held>> {
    Ok(terminal.policy(circumstances(around), Ask::Person)?.held)
}
