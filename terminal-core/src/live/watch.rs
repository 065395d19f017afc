//! How a terminal speaks to its server: once, when somebody asks ([`Terminal::sync_now`]), or by itself for as long
//! as it is let ([`Terminal::watch`]). One connection and one token serve all syncs of a process.

use crate::{
    Error, Result,
    live::{
        schedule::{self, Connection},
        sync_now::circumstances,
    },
    platform::{clock::ClockRaw, surroundings::Surroundings},
    store::{items::Custody, network_settings::NetworkSettings},
    sync::{
        data_policy::SyncTrigger,
        failure::{FailureKind, SyncFailure, classify},
        meter::Meter,
        policy::Policy,
        report::{Progress, SyncReport},
        step::StepOutcome,
    },
    terminal::Terminal,
    transport::{
        cancel::CancelToken,
        error::TransportError,
        hints::{HintEvent, HintStream, NoHintStream},
        https::Https,
        request::{Method, Request},
    },
};
use protocol::{entry::Reason, ids::StreamId, time::Millis};
use std::{cell::RefCell, collections::BTreeMap, sync::PoisonError, time::Duration};

/// What happens while the handset watches.
#[derive(Debug)]
pub enum WatchEvent {
    Progress(Progress),
    /// A sync ended.
    Synced(Box<SyncReport>),
    /// Another user's outbox left, under that user's own name.
    SyncedOther(String, Box<SyncReport>),
    /// The line of hints opened or closed.
    HintStream(bool),
    /// Nothing travels from now on, and why: no network, or settings that say so.
    Paused(Reason),
}

impl Terminal {
    /// Keeps the handset in touch on the caller's thread until it is cancelled: see [`schedule`].
    ///
    /// # Errors
    /// Those of disk and keys, and `network.address`.
    pub fn watch(
        &self,
        around: &dyn Surroundings,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(WatchEvent),
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
        listener: &mut dyn FnMut(WatchEvent),
    ) -> Result<()> {
        let https = self.https()?;
        let platform = self.platform();
        let mut live = ServerConnection {
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
        schedule::watch(&mut live, platform.random.as_ref())
    }
}

const EVENTS: &str = "/v1/field/events";

/// The real outside of the loop.
struct ServerConnection<'a> {
    terminal: &'a Terminal,
    others: RefCell<&'a mut dyn FnMut() -> Vec<Terminal>>,
    https: &'a Https,
    around: &'a dyn Surroundings,
    cancel: &'a CancelToken,
    listener: &'a mut dyn FnMut(WatchEvent),
    line: Option<HintStream<'a>>,
    /// Counts what the open line costs.
    meter: Option<Meter<'a>>,
    /// When another user was synced last, by the clock that only goes forward.
    visited: BTreeMap<StreamId, i64>,
}

/// Another user of whom nothing waits is looked after this often, milliseconds: only then does his handset learn that
/// a server was restored and lacks what it once received.
const QUIET_MS: i64 = 6 * 3_600_000;

impl ServerConnection<'_> {
    fn network_settings(&self) -> Result<NetworkSettings> {
        self.terminal.store().network_settings()
    }
    fn policy(&self) -> Result<Policy> {
        self.terminal
            .policy(circumstances(self.around), SyncTrigger::Automatic)
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
                    ..other.policy(circumstances(self.around), SyncTrigger::Automatic)?
                };
                other.sync(policy, self.cancel, &mut |_| {}).map(Some)
            };
            match one() {
                Ok(Some(report)) => {
                    next = [next, report.next_try].into_iter().flatten().min();
                    let name = other.account().holder_name.clone();
                    (self.listener)(WatchEvent::SyncedOther(name, Box::new(report)));
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

impl Connection for ServerConnection<'_> {
    fn clock(&self) -> ClockRaw {
        self.terminal.platform().clock.read()
    }
    fn poll_ms(&self) -> Result<i64> {
        Ok(i64::from(self.network_settings()?.poll_minutes.max(1)) * 60_000)
    }
    fn may_speak(&self) -> Result<bool> {
        Ok(self.network_settings()?.sync && self.policy()?.online)
    }
    fn fell_silent(&mut self) -> Result<()> {
        let off = self.terminal.store().ensure_sync_on().err();
        if let Some(why) = off.map(|error| error.reason()).or(self.policy()?.closed()) {
            (self.listener)(WatchEvent::Paused(why));
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
                listener(WatchEvent::Progress(progress));
            })?;
        (self.listener)(WatchEvent::Synced(Box::new(report.clone())));
        // There is nothing to watch any more.
        if let Some(done) = &report.handed_over {
            return Err(Error::Input(done.reason()));
        }
        report.next_try = [report.next_try, of_others].into_iter().flatten().min();
        Ok(report)
    }
    fn open(&mut self) -> Result<std::result::Result<(), SyncFailure>> {
        let memory = &self.terminal.network().memory;
        let kept = || memory.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(token) = kept().token(&self.clock()).map(str::to_owned) else {
            // The next sync brings one.
            return Ok(Err(SyncFailure {
                kind: FailureKind::Network,
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
                (self.listener)(WatchEvent::HintStream(true));
                Ok(Ok(()))
            }
            Err(NoHintStream::Failed(TransportError::Cancelled)) => Err(Error::Cancelled),
            Err(none) => {
                let outcome = match none {
                    NoHintStream::Answer(response) => StepOutcome::Answer(response),
                    NoHintStream::Failed(error) => StepOutcome::Failed(error),
                };
                let failure = classify(outcome)
                    .err()
                    .unwrap_or_else(|| SyncFailure::foreign("no line of hints"));
                if failure.kind == FailureKind::Authenticate {
                    kept().forget_token();
                }
                Ok(Err(failure))
            }
        }
    }
    fn listen(&mut self, wait: Duration) -> HintEvent {
        match &mut self.line {
            Some(line) => line.next(wait, self.cancel),
            None => self.https.wait(wait, self.cancel),
        }
    }
    fn close(&mut self) -> Result<()> {
        self.count()?;
        if self.line.take().is_some() {
            (self.listener)(WatchEvent::HintStream(false));
        }
        match self.meter.take() {
            Some(mut meter) => meter.write(),
            None => Ok(()),
        }
    }
}
