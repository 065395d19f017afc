//! When a handset speaks by itself: at the start, when the network comes back, when something was filed, when the
//! server's line of hints says so, when a retry is due, and else at most once in the set interval. While the line
//! is open there are no polls at all.
//!
//! Correctness never depends on the line: it carries hints only, and without it the handset loses nothing but time.
//! The loop is driven by what [`Connection`] brings, so that a test plays days of it without waiting.

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

/// The server gives a sign of life every 30 seconds; after this long without one the line is taken for dead.
const SILENCE_MS: i64 = 75_000;

/// The longest that the loop looks away: settings, the network's state and the outbox may change without a word,
/// also by another process.
const LOOK_MS: i64 = 10_000;

/// The shortest wait, so that no clock can make the loop spin.
const LEAST_MS: i64 = 50;

/// What the loop does to the world.
pub trait Connection {
    fn clock(&self) -> ClockRaw;
    /// The set interval between two polls, in milliseconds.
    fn poll_ms(&self) -> Result<i64>;
    /// Whether settings, network and battery let the handset speak at all.
    fn may_speak(&self) -> Result<bool>;
    /// It may not, from now on: whoever looks is told why.
    fn fell_silent(&mut self) -> Result<()>;
    /// Changes when something was filed, by any user of the handset.
    fn filed(&self) -> Result<u64>;
    /// Syncs by itself; `anew` when the network has just come back, which ends waits of our own making.
    fn sync(&mut self, anew: bool) -> Result<SyncReport>;
    /// Opens the line of hints.
    fn open(&mut self) -> Result<std::result::Result<(), SyncFailure>>;
    /// Waits for the next sign of the line; without a line it only waits.
    fn listen(&mut self, wait: Duration) -> HintEvent;
    fn close(&mut self) -> Result<()>;
}

/// Speaks when it is right to, until it is cancelled.
///
/// # Errors
/// Those of the disk. Failures of the network are waited out.
pub fn watch(outside: &mut dyn Connection, random: &dyn Random) -> Result<()> {
    let done = WatchLoop::new(outside)?.run(outside, random);
    outside.close()?;
    match done {
        Err(Error::Cancelled) => Ok(()),
        other => other,
    }
}

/// Times are monotonic: the wall clock may jump while the handset watches.
struct WatchLoop {
    /// A sync is due now.
    due: bool,
    /// The network was gone and is back.
    anew: bool,
    could_speak: bool,
    next_poll: i64,
    next_retry: Option<i64>,
    seen: u64,
    /// When the open line last gave a sign.
    line: Option<i64>,
    /// When the line may be opened again.
    reopen: i64,
    /// Failures of the line in a row.
    attempts: u32,
}

impl WatchLoop {
    fn new(outside: &dyn Connection) -> Result<Self> {
        let now = outside.clock().monotonic_ms;
        Ok(Self {
            due: true,
            anew: false,
            could_speak: true,
            next_poll: now,
            next_retry: None,
            seen: outside.filed()?,
            line: None,
            reopen: now,
            attempts: 0,
        })
    }

    fn run(&mut self, outside: &mut dyn Connection, random: &dyn Random) -> Result<()> {
        loop {
            let now = outside.clock().monotonic_ms;
            if !outside.may_speak()? {
                self.line = None;
                outside.close()?;
                if std::mem::replace(&mut self.could_speak, false) {
                    outside.fell_silent()?;
                }
            } else {
                if !std::mem::replace(&mut self.could_speak, true) {
                    (self.due, self.anew, self.reopen) = (true, true, now);
                }
                self.speak(outside, random)?;
            }
            let now = outside.clock().monotonic_ms;
            let wait = Duration::from_millis(u64::try_from(self.wait(now)).unwrap_or(0));
            let heard = outside.listen(wait);
            let now = outside.clock().monotonic_ms;
            match heard {
                HintEvent::Closed(TransportError::Cancelled) => return Ok(()),
                HintEvent::Hint | HintEvent::Alive => {
                    self.due |= heard == HintEvent::Hint;
                    (self.line, self.attempts) = (Some(now), 0);
                }
                HintEvent::Closed(error) => self.lost(outside, random, &network(&error))?,
                HintEvent::Quiet => {
                    if self
                        .line
                        .is_some_and(|last| now.saturating_sub(last) >= SILENCE_MS)
                    {
                        self.lost(outside, random, &network(&TransportError::Timeout))?;
                    }
                }
            }
        }
    }

    /// A sync if one is due, and the line if there is none.
    fn speak(&mut self, outside: &mut dyn Connection, random: &dyn Random) -> Result<()> {
        let now = outside.clock().monotonic_ms;
        let filed = outside.filed()?;
        self.due |= filed != self.seen;
        self.due |= self.next_retry.is_some_and(|at| now >= at);
        self.due |= self.line.is_none() && now >= self.next_poll;
        if self.due {
            self.seen = filed;
            let report = match outside.sync(std::mem::take(&mut self.anew)) {
                Ok(report) => Some(report),
                // Whoever syncs now does it for us, too; what is left is seen by its next try.
                Err(Error::SyncRunning) => None,
                // Switched off while it ran: the next look finds it so.
                Err(Error::Input(reason)) if reason.code == HandsetCode::SyncOff => None,
                Err(error) => return Err(error),
            };
            let clock = outside.clock();
            let now = clock.monotonic_ms;
            self.due = false;
            self.next_poll = now.saturating_add(outside.poll_ms()?);
            self.next_retry = match report {
                Some(report) => report
                    .next_try
                    .map(|at| now.saturating_add(at.since(clock.wall).max(LEAST_MS))),
                None => Some(now.saturating_add(LOOK_MS)),
            };
        }
        let now = outside.clock().monotonic_ms;
        if self.line.is_none() && now >= self.reopen {
            match outside.open()? {
                Ok(()) => self.line = Some(outside.clock().monotonic_ms),
                Err(failure) => self.lost(outside, random, &failure)?,
            }
        }
        Ok(())
    }

    fn lost(
        &mut self,
        outside: &mut dyn Connection,
        random: &dyn Random,
        failure: &SyncFailure,
    ) -> Result<()> {
        outside.close()?;
        self.line = None;
        let clock = outside.clock();
        let Retry {
            not_before, attempts, ..
        } = backoff::after(failure, self.attempts, clock.wall, random)?;
        self.attempts = attempts;
        self.reopen = clock.monotonic_ms.saturating_add(not_before.since(clock.wall));
        Ok(())
    }

    fn wait(&self, now: i64) -> i64 {
        let next = match self.line {
            Some(last) => last.saturating_add(SILENCE_MS),
            None => self.next_poll.min(self.reopen),
        };
        let next = self.next_retry.map_or(next, |retry| next.min(retry));
        next.saturating_sub(now).clamp(LEAST_MS, LOOK_MS)
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
