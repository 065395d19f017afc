//! The token that a stream speaks with, and the challenge that it is asked for with.

use crate::platform::clock::ClockRaw;
use protocol::problem::{ErrorCode, ProblemCode};

/// A challenge is good for two minutes; after this it is not tried any more.
pub(super) const CHALLENGE_MS: i64 = 100_000;

/// A token is renewed this long before it ends.
pub(super) const MARGIN_MS: i64 = 30_000;

/// Token and what is needed to get one. Times are monotonic, with their boot: the wall clock may jump.
#[derive(Default)]
pub(super) struct TokenState {
    pub(super) token: Option<TimedText>,
    pub(super) challenge: Option<TimedText>,
    /// Send the certificate with the next token request.
    pub(super) readmit: bool,
    /// Times in a row that the server asked us to authenticate again.
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
    /// The server does not accept what we have.
    pub(super) fn forget(&mut self, code: &ErrorCode) {
        self.token = None;
        self.challenge = None;
        self.refusals = self.refusals.saturating_add(1);
        if *code == ProblemCode::StreamUnknown {
            self.readmit = true;
        }
    }
    /// The token, while it holds.
    pub(super) fn valid(&self, now: &ClockRaw) -> Option<&str> {
        self.token.as_ref().and_then(|token| token.valid(now))
    }
    /// Asks for a new token, because its answer states the mark.
    pub(super) fn renew(&mut self) {
        self.token = None;
    }
}
