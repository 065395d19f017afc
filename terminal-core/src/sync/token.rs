//! The stream's token, and the challenge for getting one.

use crate::platform::clock::ClockRaw;
use protocol::problem::{ErrorCode, ProblemCode};

/// Lifetime of a challenge in milliseconds; the server's limit is two minutes.
pub(super) const CHALLENGE_MS: i64 = 100_000;

/// A token is renewed this many milliseconds before it expires.
pub(super) const MARGIN_MS: i64 = 30_000;

/// Token and challenge. Times are monotonic and bound to a boot, because the wall clock may jump.
#[derive(Default)]
pub(super) struct TokenState {
    pub(super) token: Option<TimedText>,
    pub(super) challenge: Option<TimedText>,
    /// Send the certificate with the next token request.
    pub(super) readmit: bool,
    /// Number of times in a row that the server demanded a new token.
    pub(super) refusals: u32,
}

pub(super) struct TimedText {
    pub(super) text: String,
    pub(super) boot: String,
    pub(super) until_ms: i64,
}

impl TimedText {
    pub(super) fn valid(&self, now: &ClockRaw) -> Option<&str> {
        (self.boot == now.boot && now.monotonic_ms < self.until_ms).then_some(self.text.as_str())
    }
}

impl TokenState {
    /// Drops token and challenge after the server rejected them.
    pub(super) fn forget(&mut self, code: &ErrorCode) {
        self.token = None;
        self.challenge = None;
        self.refusals = self.refusals.saturating_add(1);
        if *code == ProblemCode::StreamUnknown {
            self.readmit = true;
        }
    }
    /// The token, while it is valid.
    pub(super) fn valid(&self, now: &ClockRaw) -> Option<&str> {
        self.token.as_ref().and_then(|token| token.valid(now))
    }
    /// Drops the token: the answer for a new one contains the stream mark.
    pub(super) fn renew(&mut self) {
        self.token = None;
    }
}
