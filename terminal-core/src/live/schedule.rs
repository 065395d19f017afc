//! When the handset syncs by itself: at the start, when the network returns, after something was filed, after
//! a hint, when a retry is due, and otherwise once per poll interval. There are no polls while the hint
//! stream is open.
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
    transport::{error::TransportError, hints::HintEvent},
};
use protocol::problem::HandsetCode;
use std::time::Duration;

/// The server sends a keep-alive every 30 seconds; without one for this many milliseconds the stream counts
/// as dead.
const SILENCE_MS: i64 = 75_000;

/// Longest wait in milliseconds between two checks of settings, network state and outbox, which other
/// processes may change.
const LONGEST_WAIT_MS: i64 = 10_000;

/// Shortest wait in milliseconds, so that no clock can make the loop spin.
const SHORTEST_WAIT_MS: i64 = 50;

/// What the loop needs from its environment.
pub trait Connection {
    fn clock(&self) -> ClockRaw;
    /// The poll interval in milliseconds.
    fn poll_ms(&self) -> Result<i64>;
    /// Returns true if settings, network and battery allow a sync.
    fn may_sync(&self) -> Result<bool>;
    /// Called once when syncing becomes impossible, to report why.
    fn sync_blocked(&mut self) -> Result<()>;
    /// A value that changes when any user of the handset files something.
    fn filed(&self) -> Result<u64>;
    /// Syncs. `after_outage`: the network has just returned, so the handset's own waits end.
    fn sync(&mut self, after_outage: bool) -> Result<SyncReport>;
    /// Opens the hint stream.
    fn open(&mut self) -> Result<std::result::Result<(), SyncFailure>>;
    /// Waits for the next event of the hint stream; without a stream it only waits.
    fn listen(&mut self, wait: Duration) -> HintEvent;
    fn close(&mut self) -> Result<()>;
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
    next_poll: i64,
    next_retry: Option<i64>,
    seen: u64,
    /// Time of the last event of the open stream; `None` without a stream.
    stream: Option<i64>,
    /// Time from which the stream may be opened again.
    reopen: i64,
    /// Failures of the stream in a row.
    attempts: u32,
}

impl WatchLoop {
    fn new(connection: &dyn Connection) -> Result<Self> {
        let now = connection.clock().monotonic_ms;
        Ok(Self {
            due: true,
            after_outage: false,
            could_sync: true,
            next_poll: now,
            next_retry: None,
            seen: connection.filed()?,
            stream: None,
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
                    (self.due, self.after_outage, self.reopen) = (true, true, now);
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
                    (self.stream, self.attempts) = (Some(now), 0);
                }
                HintEvent::Closed(error) => self.lost(connection, random, &network(&error))?,
                HintEvent::Quiet => {
                    if self
                        .stream
                        .is_some_and(|last| now.saturating_sub(last) >= SILENCE_MS)
                    {
                        self.lost(connection, random, &network(&TransportError::Timeout))?;
                    }
                }
            }
        }
    }

    /// Syncs if one is due, and opens the hint stream if it is closed.
    fn sync_and_connect(&mut self, connection: &mut dyn Connection, random: &dyn Random) -> Result<()> {
        let now = connection.clock().monotonic_ms;
        let filed = connection.filed()?;
        self.due |= filed != self.seen;
        self.due |= self.next_retry.is_some_and(|at| now >= at);
        self.due |= self.stream.is_none() && now >= self.next_poll;
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
            self.next_poll = now.saturating_add(connection.poll_ms()?);
            self.next_retry = match report {
                Some(report) => report
                    .next_try
                    .map(|at| now.saturating_add(at.since(clock.wall).max(SHORTEST_WAIT_MS))),
                None => Some(now.saturating_add(LONGEST_WAIT_MS)),
            };
        }
        let now = connection.clock().monotonic_ms;
        if self.stream.is_none() && now >= self.reopen {
            match connection.open()? {
                Ok(()) => self.stream = Some(connection.clock().monotonic_ms),
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
        self.stream = None;
        let clock = connection.clock();
        let Retry {
            not_before, attempts, ..
        } = backoff::after(failure, self.attempts, clock.wall, random)?;
        self.attempts = attempts;
        self.reopen = clock.monotonic_ms.saturating_add(not_before.since(clock.wall));
        Ok(())
    }

    fn wait(&self, now: i64) -> i64 {
        let next = match self.stream {
            Some(last) => last.saturating_add(SILENCE_MS),
            None => self.next_poll.min(self.reopen),
        };
        let next = self.next_retry.map_or(next, |retry| next.min(retry));
        next.saturating_sub(now).clamp(SHORTEST_WAIT_MS, LONGEST_WAIT_MS)
    }
}

fn network(error: &TransportError) -> SyncFailure {
    SyncFailure {
        kind: FailureKind::Network,
        reason: error.reason(),
    }
}

#[cfg(test)]
mod tests;
