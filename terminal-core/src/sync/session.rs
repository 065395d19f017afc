//! Who speaks: challenge, token, and the certificate when the server does not know the stream any more.

use super::{Action, Asked, Failure, Outcome, Progress, Sync, classify, verdict::Verdict};
use crate::{
    Result,
    platform::ClockRaw,
    store::{Step, Store},
    transport::{Method, Request},
};
use protocol::{
    field::{ChallengeAnswer, ChallengeRequest, TokenAnswer, TokenRequest},
    problem::{ErrorCode, ProblemCode},
    sign::challenge_message,
};

/// A challenge is good for two minutes; after this it is not tried any more.
const CHALLENGE_MS: i64 = 100_000;
/// A token is renewed this long before it ends.
const MARGIN_MS: i64 = 30_000;

/// Token and what is needed to get one. Times are monotonic, with their boot: the wall clock may jump.
#[derive(Default)]
pub(super) struct Session {
    token: Option<Timed>,
    challenge: Option<Timed>,
    /// Send the certificate with the next token request.
    readmit: bool,
    /// Times in a row that the server asked us to authenticate again.
    pub(super) refusals: u32,
}

struct Timed {
    text: String,
    boot: String,
    until_ms: i64,
}

impl Timed {
    fn valid(&self, now: &ClockRaw) -> Option<&str> {
        (self.boot == now.boot && now.monotonic_ms < self.until_ms).then_some(self.text.as_str())
    }
}

impl Session {
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

impl Sync {
    /// The bearer token; empty only when there is none, which `session_action` rules out.
    pub(super) fn token(&self) -> &str {
        self.session
            .token
            .as_ref()
            .map_or("", |token| token.text.as_str())
    }
    /// A request that carries the token.
    pub(super) fn request(&self, method: Method, path: &str) -> Request {
        Request::new(method, self.path(path)).header("authorization", format!("Bearer {}", self.token()))
    }

    /// `None` when there is a valid token.
    pub(super) fn session_action(
        &mut self,
        store: &Store,
        now: &ClockRaw,
    ) -> Result<Option<(Asked, Action)>> {
        if self.session.valid(now).is_some() {
            return Ok(None);
        }
        let stream = self.account.stream;
        let Some(challenge) = self.session.challenge.as_ref().and_then(|c| c.valid(now)) else {
            let body = serde_json::to_vec(&ChallengeRequest { stream })?;
            let request = Request::new(Method::Post, self.path("challenge")).json(body);
            return Ok(Some((Asked::Challenge, Action::Send(request))));
        };
        let body = TokenRequest {
            stream,
            challenge: challenge.to_owned(),
            signature: self.signer.sign(&challenge_message(stream, challenge))?,
            clock: store.clock_reading(now.clone())?,
            certificate: self.session.readmit.then(|| self.account.certificate.clone()),
        };
        let request = Request::new(Method::Post, self.path("token")).json(serde_json::to_vec(&body)?);
        Ok(Some((Asked::Token, Action::Send(request))))
    }

    pub(super) fn challenge_answer(
        &mut self,
        store: &Store,
        sent: &ClockRaw,
        now: &ClockRaw,
        outcome: Outcome,
    ) -> Result<()> {
        let answer: ChallengeAnswer = match classify(outcome).and_then(|r| read(&r.body, "challenge")) {
            Ok(answer) => answer,
            Err(failure) => return self.step_failed(store, now.wall, Step::Session, &failure),
        };
        store.learn_server_time(sent, now, answer.server_time)?;
        self.see_epoch(store, &answer.epoch)?;
        self.session.challenge = Some(Timed {
            text: answer.challenge,
            boot: now.boot.clone(),
            until_ms: now.monotonic_ms.saturating_add(CHALLENGE_MS),
        });
        Ok(())
    }

    pub(super) fn token_answer(
        &mut self,
        store: &Store,
        sent: &ClockRaw,
        now: &ClockRaw,
        outcome: Outcome,
    ) -> Result<()> {
        // A challenge serves once, whatever came of it.
        self.session.challenge = None;
        let readmitting = self.session.readmit;
        let answer: TokenAnswer = match classify(outcome).and_then(|r| read(&r.body, "token")) {
            Ok(answer) => answer,
            Err(mut failure) => {
                if readmitting && failure.reason.code == ProblemCode::StreamUnknown {
                    // Not even the certificate helped: no use in asking again at once.
                    failure.verdict = Verdict::Refused;
                }
                return self.step_failed(store, now.wall, Step::Session, &failure);
            }
        };
        store.learn_server_time(sent, now, answer.server_time)?;
        self.see_epoch(store, &answer.epoch)?;
        store.renew_pins(&answer.pins)?;
        let lost = store.check_mark(&answer.mark)?;
        if lost > 0 {
            tracing::warn!(
                lost,
                "the server lacks entries that it had received; they are sent again"
            );
        }
        self.session.readmit = false;
        let life = i64::from(answer.expires_in_s).saturating_mul(1000);
        self.session.token = Some(Timed {
            text: answer.token,
            boot: now.boot.clone(),
            // A very short life still gives one request.
            until_ms: now.monotonic_ms.saturating_add((life - MARGIN_MS).max(5_000)),
        });
        self.events.push(Progress::Connected);
        // Not `well` yet: getting tokens that are then refused is no progress.
        Ok(())
    }
}

/// Reads an answer's body, or says that it is not our server's.
pub(super) fn read<T: serde::de::DeserializeOwned>(
    body: &[u8],
    what: &str,
) -> std::result::Result<T, Failure> {
    serde_json::from_slice(body).map_err(|_| Failure::foreign(&format!("no {what} answer")))
}
