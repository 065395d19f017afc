//! Continuous contact: the real connection of the watch loop, for one user and the other users of the
//! handset.

use crate::{
    Error, Result,
    live::schedule::{self, Connection, ContactPlan},
    platform::{clock::ClockRaw, surroundings::Surroundings},
    store::network_settings::NetworkSettings,
    sync::{
        data_policy::{DeviceConditions, SyncTrigger},
        failure::{FailureKind, SyncFailure, classify},
        meter::Meter,
        report::{SyncProgress, SyncReport},
        run_policy::Policy,
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

/// An event while the handset watches.
#[derive(Debug)]
pub enum WatchEvent {
    Progress(SyncProgress),
    /// A sync has ended.
    Synced(Box<SyncReport>),
    /// A sync of another user has ended: that user's name and the report.
    SyncedOther(String, Box<SyncReport>),
    /// The hint stream was opened (true) or closed.
    HintStream(bool),
    /// Nothing is sent from now on, and why: no network, or the settings.
    Paused(Reason),
}

impl Terminal {
    /// Syncs when needed, on the caller's thread, until it is cancelled; see `live::schedule`.
    ///
    /// # Errors
    /// Errors of disk and keys, and `network.address`.
    pub fn watch(
        &self,
        around: &dyn Surroundings,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(WatchEvent),
    ) -> Result<()> {
        self.watch_with(&mut Vec::new, around, cancel, listener)
    }
    /// As [`Terminal::watch`], for a handset with several users: pending work of the others is sent too,
    /// under each user's identity. `others` is called repeatedly, because users may be added or removed.
    ///
    /// # Errors
    /// As [`Terminal::watch`]. Failures of the others are logged.
    pub fn watch_with(
        &self,
        others: &mut dyn FnMut() -> Vec<Self>,
        around: &dyn Surroundings,
        cancel: &CancelToken,
        listener: &mut dyn FnMut(WatchEvent),
    ) -> Result<()> {
        let call = self.begin(cancel)?;
        let https = self.https()?;
        let platform = self.platform();
        let mut live = ServerConnection {
            terminal: self,
            others: RefCell::new(others),
            https: &https,
            around,
            cancel: &call.cancel,
            listener,
            stream: None,
            meter: Meter::new(self.store(), platform.clock.as_ref()),
            visited: BTreeMap::new(),
        };
        schedule::watch(&mut live, platform.random.as_ref())
    }
}

const EVENTS: &str = "/v1/field/events";

/// The connection to the server, as the watch loop uses it.
struct ServerConnection<'a> {
    terminal: &'a Terminal,
    others: RefCell<&'a mut dyn FnMut() -> Vec<Terminal>>,
    https: &'a Https,
    around: &'a dyn Surroundings,
    cancel: &'a CancelToken,
    listener: &'a mut dyn FnMut(WatchEvent),
    stream: Option<HintStream<'a>>,
    /// Counts the bytes of the stream.
    meter: Meter<'a>,
    /// When each other user was synced last, in monotonic milliseconds.
    visited: BTreeMap<StreamId, i64>,
}

/// How often an idle user's stream is synced anyway, so that it notices a server restore, in milliseconds.
const QUIET_MS: i64 = 6 * 3_600_000;

impl ServerConnection<'_> {
    fn network_settings(&self) -> Result<NetworkSettings> {
        self.terminal.store().network_settings()
    }
    fn policy(&self) -> Result<Policy> {
        self.terminal
            .policy(DeviceConditions::of(self.around), SyncTrigger::Automatic)
    }
    fn others(&self) -> Vec<Terminal> {
        (self.others.borrow_mut())()
    }
    /// Syncs the other users; returns when the next of their tries is due.
    fn sync_others(&mut self, after_outage: bool) -> Result<Option<Millis>> {
        let mut next: Option<Millis> = None;
        let now = self.terminal.platform().clock.read().monotonic_ms;
        let mut visited = std::mem::take(&mut self.visited);
        for other in self.others() {
            let mut one = || {
                let waits = other.store().counts()?.waiting > 0;
                let is_due = visited
                    .get(&other.account().stream)
                    .is_none_or(|at| now.saturating_sub(*at) >= QUIET_MS);
                if !waits && other.store().photos_waiting()? == 0 && !is_due {
                    return Ok(None);
                }
                visited.insert(other.account().stream, now);
                let ask = (SyncTrigger::Automatic, after_outage);
                let https = other.https()?;
                other
                    .sync_live(https.as_ref(), self.around, ask, self.cancel, &mut |_| {})
                    .map(Some)
            };
            match one() {
                Ok(Some(report)) => {
                    next = [next, report.next_try].into_iter().flatten().min();
                    let name = other.account().holder_name.clone();
                    (self.listener)(WatchEvent::SyncedOther(name, Box::new(report)));
                }
                Ok(None) => {}
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => tracing::info!(name: "users.sync_failed", cause = error.code().as_str()),
            }
        }
        self.visited = visited;
        Ok(next)
    }
    /// Counts the bytes of the stream since the last call. Called after every event, so that each is counted
    /// with the cost that the network had for it.
    fn count(&mut self) -> Result<()> {
        match &mut self.stream {
            Some(line) => {
                let cost = self.around.connectivity().cost();
                self.meter.count(EVENTS, line.take_traffic(), cost)
            }
            None => Ok(()),
        }
    }
}

impl Connection for ServerConnection<'_> {
    fn clock(&self) -> ClockRaw {
        self.terminal.platform().clock.read()
    }
    fn contact(&self) -> Result<ContactPlan> {
        let minutes = self.network_settings()?.poll_minutes;
        let on_duty = self.terminal.presence()?.on_duty;
        Ok(ContactPlan::of(on_duty, self.around.is_attended(), minutes))
    }
    fn may_sync(&mut self) -> Result<bool> {
        self.count()?;
        Ok(self.network_settings()?.sync && self.policy()?.online)
    }
    fn sync_blocked(&mut self) -> Result<()> {
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
    fn sync(&mut self, after_outage: bool) -> Result<SyncReport> {
        self.count()?;
        // Before the current user's own sync, which may fail.
        let of_others = self.sync_others(after_outage)?;
        let listener = &mut self.listener;
        let ask = (SyncTrigger::Automatic, after_outage);
        let mut report =
            self.terminal
                .sync_live(self.https, self.around, ask, self.cancel, &mut |progress| {
                    listener(WatchEvent::Progress(progress));
                })?;
        (self.listener)(WatchEvent::Synced(Box::new(report.clone())));
        // The stream has ended; there is nothing to watch.
        if let Some(done) = &report.handed_over {
            return Err(Error::Input(done.reason()));
        }
        report.next_try = [report.next_try, of_others].into_iter().flatten().min();
        Ok(report)
    }
    fn open(&mut self, heartbeat_s: u32) -> Result<std::result::Result<u32, SyncFailure>> {
        let memory = &self.terminal.network().memory;
        let kept = || memory.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(token) = kept().token(&self.clock()).map(str::to_owned) else {
            // The next sync gets one.
            return Ok(Err(SyncFailure {
                kind: FailureKind::Network,
                reason: TransportError::Unreachable("no token yet".into()).reason(),
            }));
        };
        let request = Request::new(Method::Get, format!("{EVENTS}?heartbeat={heartbeat_s}"))
            .header("authorization", format!("Bearer {token}"));
        let https = self.https;
        match https.listen(&request, self.cancel) {
            Ok(line) => {
                let kept = line.heartbeat_s();
                self.stream = Some(line);
                self.count()?;
                (self.listener)(WatchEvent::HintStream(true));
                Ok(Ok(kept))
            }
            Err(NoHintStream::Failed(TransportError::Cancelled)) => Err(Error::Cancelled),
            Err(none) => {
                let outcome = match none {
                    NoHintStream::Answer(response) => StepOutcome::Answer(response),
                    NoHintStream::Failed(error) => StepOutcome::Failed(error),
                };
                let failure = classify(outcome)
                    .err()
                    .unwrap_or_else(|| SyncFailure::foreign("not a hint stream"));
                if failure.kind == FailureKind::Authenticate {
                    kept().forget_token();
                }
                Ok(Err(failure))
            }
        }
    }
    fn listen(&mut self, wait: Duration) -> HintEvent {
        match &mut self.stream {
            Some(line) => line.next(wait, self.cancel, &self.terminal.network().nudge),
            None => self.https.wait(wait, self.cancel, &self.terminal.network().nudge),
        }
    }
    fn close(&mut self) -> Result<()> {
        self.count()?;
        if self.stream.take().is_some() {
            (self.listener)(WatchEvent::HintStream(false));
        }
        self.meter.write()
    }
}
