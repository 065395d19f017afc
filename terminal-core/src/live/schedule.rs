//! When the handset syncs by itself: at the start, when the network returns, after something was filed, after
//! a hint, when a retry is due, when a person asks, and otherwise once per poll interval. There are no polls
//! while the hint stream is open.
//!
//! Waits are long, because every wake-up costs battery: [`Nudge`](crate::transport::nudge::Nudge) ends a wait
//! at once when something happens in this process. A change by another process, which cannot nudge, is noticed by a
//! look every [`LOOK_MS`].
//!
//! Correctness never depends on the hint stream: without it the handset only loses time. The loop is driven
//! through [`Connection`], so that a test simulates days without waiting.

use crate::{
    Error, Result,
    platform::{clock::ClockRaw, random::Random},
    store::retry::Retry,
    sync::{
        backoff,
        failure::{FailureKind, SyncFailure},
        report::SyncReport,
    },
    transport::{error::TransportError, hints::HintEvent, nudge::Nudged},
};
use protocol::problem::HandsetCode;
use std::time::Duration;

/// How much later than its heartbeat the stream may be before it counts as dead, in milliseconds.
const GRACE_MS: i64 = 45_000;

/// Longest wait in milliseconds between two checks of settings, network state and outbox, which other
/// processes may change. An hour without a network costs 24 wake-ups.
const LOOK_MS: i64 = 150_000;

/// How soon to try again if another process of this handset syncs now, in milliseconds.
const BUSY_MS: i64 = 10_000;

/// The heartbeat that the handset asks for, in seconds. Long, because every heartbeat wakes the radio; below
/// the five minutes after which mobile networks begin to forget idle connections.
pub(super) const HEARTBEAT_S: u32 = 240;

/// The shortest heartbeat that the handset asks for, in seconds, when longer ones do not pass the network.
const SHORTEST_HEARTBEAT_S: u32 = 30;

/// A stream that ends after it was silent for this long may have been ended because of its silence, in
/// milliseconds.
const IDLE_MS: i64 = 25_000;

/// Shortest wait in milliseconds, so that no clock can make the loop spin.
const SHORTEST_WAIT_MS: i64 = 50;

/// What the loop needs from its environment.
pub trait Connection {
    fn clock(&self) -> ClockRaw;
    /// Whether the hint stream is to be open now, and how often to poll without it.
    fn contact(&self) -> Result<ContactPlan>;
    /// Returns true if settings, network and battery allow a sync.
    fn may_sync(&mut self) -> Result<bool>;
    /// Called once when syncing becomes impossible, to report why.
    fn sync_blocked(&mut self) -> Result<()>;
    /// A value that changes when any user of the handset files something.
    fn filed(&self) -> Result<u64>;
    /// Syncs. `after_outage`: the network has just returned, so the handset's own waits end.
    fn sync(&mut self, after_outage: bool) -> Result<SyncReport>;
    /// Opens the hint stream and asks for a heartbeat every `heartbeat_s` seconds. Returns the interval in
    /// seconds that the server keeps.
    fn open(&mut self, heartbeat_s: u32) -> Result<std::result::Result<u32, SyncFailure>>;
    /// Waits for the next event of the hint stream or a nudge; without a stream only for a nudge.
    fn listen(&mut self, wait: Duration) -> HintEvent;
    fn close(&mut self) -> Result<()>;
}

/// How the handset keeps contact at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactPlan {
    /// The hint stream is to be open.
    pub line: bool,
    /// Milliseconds between two polls while it is not.
    pub poll_ms: i64,
}

/// Longest time between two polls on duty, in minutes, when the stream cannot be held.
const ON_DUTY_POLL_MINUTES: u32 = 10;

/// Time between two polls in minutes when the worker is off duty and nobody looks at the app. A task goes to
/// somebody on duty, so a poll only brings what can wait. With a new connection it costs up to 10 kB; a day off
/// duty may cost 20 kB.
const OFF_DUTY_POLL_MINUTES: u32 = 24 * 60;

impl ContactPlan {
    /// The stream is open on duty, and while a person looks at the app. `poll_minutes` is the worker's
    /// setting.
    pub(super) fn of(on_duty: bool, is_attended: bool, poll_minutes: u32) -> Self {
        let minutes = match (on_duty, is_attended) {
            (true, _) => poll_minutes.min(ON_DUTY_POLL_MINUTES),
            (false, true) => poll_minutes,
            (false, false) => poll_minutes.max(OFF_DUTY_POLL_MINUTES),
        };
        Self {
            line: on_duty || is_attended,
            poll_ms: i64::from(minutes.max(1)) * 60_000,
        }
    }
}

/// Runs the loop until it is cancelled.
///
/// # Errors
/// Errors of the disk. Network failures are waited out.
pub fn watch(connection: &mut dyn Connection, random: &dyn Random) -> Result<()> {
    let done = WatchLoop::new(connection)?.run(connection, random);
    connection.close()?;
    match done {
        Err(Error::Cancelled) => Ok(()),
        other => other,
    }
}

/// State of the loop. Times are monotonic milliseconds, because the wall clock may jump.
struct WatchLoop {
    /// A sync is due now.
    due: bool,
    /// The network was gone and has returned.
    after_outage: bool,
    could_sync: bool,
    /// Time of the last sync; `None` before the first.
    last_sync: Option<i64>,
    next_retry: Option<i64>,
    seen: u64,
    contact: ContactPlan,
    stream: Option<OpenStream>,
    /// The heartbeat to ask for, in seconds.
    heartbeat_s: u32,
    /// Time from which the stream may be opened again.
    reopen: i64,
    /// Failures of the stream in a row.
    attempts: u32,
}

/// The open hint stream.
#[derive(Debug, Clone, Copy)]
struct OpenStream {
    /// Time of its last event.
    last: i64,
    /// Milliseconds between two heartbeats.
    heartbeat_ms: i64,
    /// A heartbeat has arrived, so this interval passes the network.
    is_proven: bool,
    /// Something has arrived. The server sends the first hint at once; a network that opens the stream and lets
    /// nothing through must not stop the polls.
    has_spoken: bool,
}

impl OpenStream {
    /// Time at which the stream counts as dead.
    fn dead_at(&self) -> i64 {
        self.last
            .saturating_add(self.heartbeat_ms)
            .saturating_add(GRACE_MS)
    }
}

impl WatchLoop {
    fn new(connection: &dyn Connection) -> Result<Self> {
        let now = connection.clock().monotonic_ms;
        Ok(Self {
            due: true,
            after_outage: false,
            could_sync: true,
            last_sync: None,
            next_retry: None,
            seen: connection.filed()?,
            contact: connection.contact()?,
            stream: None,
            heartbeat_s: HEARTBEAT_S,
            reopen: now,
            attempts: 0,
        })
    }

    fn run(&mut self, connection: &mut dyn Connection, random: &dyn Random) -> Result<()> {
        loop {
            let now = connection.clock().monotonic_ms;
            if !connection.may_sync()? {
                self.stream = None;
                connection.close()?;
                if std::mem::replace(&mut self.could_sync, false) {
                    connection.sync_blocked()?;
                }
            } else {
                if !std::mem::replace(&mut self.could_sync, true) {
                    self.network_changed(now);
                }
                self.sync_and_connect(connection, random)?;
            }
            let now = connection.clock().monotonic_ms;
            let wait = Duration::from_millis(u64::try_from(self.wait(now)).unwrap_or(0));
            let event = connection.listen(wait);
            let now = connection.clock().monotonic_ms;
            match event {
                HintEvent::Closed(TransportError::Cancelled) => return Ok(()),
                HintEvent::Hint | HintEvent::Alive => {
                    self.due |= event == HintEvent::Hint;
                    self.attempts = 0;
                    if let Some(stream) = &mut self.stream {
                        stream.last = now;
                        stream.has_spoken = true;
                        stream.is_proven |= event == HintEvent::Alive;
                    }
                }
                HintEvent::Nudged(nudged) => self.nudged(nudged, now),
                HintEvent::Closed(error) => self.lost(connection, random, &network(&error))?,
                HintEvent::Quiet => {
                    if self.stream.is_some_and(|stream| now >= stream.dead_at()) {
                        self.lost(connection, random, &network(&TransportError::Timeout))?;
                    }
                }
            }
        }
    }

    /// A person's wish and a change of the network end the handset's own waits; a change of the outbox is
    /// found by looking.
    fn nudged(&mut self, nudged: Nudged, now: i64) {
        let network = nudged.network && self.stream.is_none();
        if nudged.person || network {
            self.network_changed(now);
        }
    }

    /// Forgets what was learned of the network: waits, and the heartbeat that passed it.
    fn network_changed(&mut self, now: i64) {
        (self.due, self.after_outage, self.reopen) = (true, true, now);
        self.heartbeat_s = HEARTBEAT_S;
    }

    /// Syncs if one is due, and opens the hint stream if it is closed.
    fn sync_and_connect(&mut self, connection: &mut dyn Connection, random: &dyn Random) -> Result<()> {
        let now = connection.clock().monotonic_ms;
        let filed = connection.filed()?;
        self.due |= filed != self.seen;
        self.due |= self.next_retry.is_some_and(|at| now >= at);
        self.contact = connection.contact()?;
        if !self.contact.line && self.stream.take().is_some() {
            connection.close()?;
        }
        self.due |= !self.stream_speaks() && now >= self.next_poll(now);
        if self.due {
            self.seen = filed;
            let report = match connection.sync(std::mem::take(&mut self.after_outage)) {
                Ok(report) => Some(report),
                // The process that syncs now sends our items too; what is left has its own next try.
                Err(Error::SyncRunning) => None,
                // The sync was switched off while it ran; the next check handles it.
                Err(Error::Input(reason)) if reason.code == HandsetCode::SyncOff => None,
                Err(error) => return Err(error),
            };
            let clock = connection.clock();
            let now = clock.monotonic_ms;
            self.due = false;
            self.last_sync = Some(now);
            self.next_retry = match report {
                Some(report) => report
                    .next_try
                    .map(|at| now.saturating_add(at.since(clock.wall).max(SHORTEST_WAIT_MS))),
                None => Some(now.saturating_add(BUSY_MS)),
            };
        }
        let now = connection.clock().monotonic_ms;
        // The sync may have changed the duty.
        self.contact = connection.contact()?;
        if self.contact.line && self.stream.is_none() && now >= self.reopen {
            match connection.open(self.heartbeat_s)? {
                Ok(heartbeat_s) => {
                    self.stream = Some(OpenStream {
                        last: connection.clock().monotonic_ms,
                        heartbeat_ms: i64::from(heartbeat_s) * 1000,
                        is_proven: false,
                        has_spoken: false,
                    });
                }
                Err(failure) => self.lost(connection, random, &failure)?,
            }
        }
        Ok(())
    }

    fn lost(
        &mut self,
        connection: &mut dyn Connection,
        random: &dyn Random,
        failure: &SyncFailure,
    ) -> Result<()> {
        connection.close()?;
        let clock = connection.clock();
        if let Some(stream) = self.stream.take()
            && !stream.is_proven
            && clock.monotonic_ms.saturating_sub(stream.last) >= IDLE_MS
        {
            // Something between handset and server may end connections that are idle for this long.
            self.heartbeat_s = (self.heartbeat_s / 2).max(SHORTEST_HEARTBEAT_S);
        }
        let Retry {
            not_before, attempts, ..
        } = backoff::after(failure, self.attempts, clock.wall, random)?;
        self.attempts = attempts;
        self.reopen = clock.monotonic_ms.saturating_add(not_before.since(clock.wall));
        Ok(())
    }

    /// Whether the stream replaces the polls.
    fn stream_speaks(&self) -> bool {
        self.stream.is_some_and(|stream| stream.has_spoken)
    }

    /// Time of the next poll.
    fn next_poll(&self, now: i64) -> i64 {
        self.last_sync
            .map_or(now, |last| last.saturating_add(self.contact.poll_ms))
    }

    fn wait(&self, now: i64) -> i64 {
        if !self.could_sync {
            // Nothing becomes due by time alone: only a nudge or a look finds a change.
            return LOOK_MS;
        }
        let mut next = match self.stream {
            Some(stream) if stream.has_spoken => stream.dead_at(),
            Some(stream) => stream.dead_at().min(self.next_poll(now)),
            None => self.next_poll(now),
        };
        if self.contact.line && self.stream.is_none() {
            next = next.min(self.reopen);
        }
        let next = self.next_retry.map_or(next, |retry| next.min(retry));
        next.saturating_sub(now).clamp(SHORTEST_WAIT_MS, LOOK_MS)
    }
}

fn network(error: &TransportError) -> SyncFailure {
    SyncFailure {
        kind: FailureKind::Network,
        reason: error.reason(),
    }
}

#[cfg(all(test, feature = "testing"))]
mod announced;
#[cfg(test)]
mod tests;
