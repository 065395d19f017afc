//! Authentication of the stream: challenge, token, and the certificate if the server does not know the
//! stream.

use crate::{
    Result,
    platform::clock::ClockRaw,
    store::{database::HandsetStore, retry::SyncStep},
    sync::{
        failure::{FailureKind, classify, read_answer},
        report::SyncProgress,
        state::Sync,
        step::{NextAction, PendingRequest, StepOutcome},
        token::{CHALLENGE_MS, MARGIN_MS, TimedText},
    },
    transport::request::{Method, Request},
};
use protocol::{
    field::{ChallengeAnswer, ChallengeRequest, TokenAnswer, TokenRequest},
    problem::ProblemCode,
    sign::challenge_message,
};

impl Sync {
    /// The bearer token; empty if there is none, which `session_action` prevents.
    pub(super) fn token(&self) -> &str {
        self.session
            .token
            .as_ref()
            .map_or("", |token| token.text.as_str())
    }
    /// Makes a request with the token.
    pub(super) fn request(&self, method: Method, path: &str) -> Request {
        Request::new(method, self.path(path)).header("authorization", format!("Bearer {}", self.token()))
    }

    /// Gets a token; `None` if the current one is valid.
    pub(super) fn session_action(
        &mut self,
        store: &HandsetStore,
        now: &ClockRaw,
    ) -> Result<Option<(PendingRequest, NextAction)>> {
        if self.session.valid(now).is_some() {
            return Ok(None);
        }
        let stream = self.account.stream;
        let Some(challenge) = self.session.challenge.as_ref().and_then(|c| c.valid(now)) else {
            let body = serde_json::to_vec(&ChallengeRequest { stream })?;
            let request = Request::new(Method::Post, self.path("challenge")).json(body);
            return Ok(Some((PendingRequest::Challenge, NextAction::Send(request))));
        };
        let body = TokenRequest {
            stream,
            challenge: challenge.to_owned(),
            signature: self.signer.sign(&challenge_message(stream, challenge))?,
            clock: store.clock_reading(now.clone())?,
            certificate: self.session.readmit.then(|| self.account.certificate.clone()),
        };
        let request = Request::new(Method::Post, self.path("token")).json(serde_json::to_vec(&body)?);
        Ok(Some((PendingRequest::Token, NextAction::Send(request))))
    }

    pub(super) fn challenge_answer(
        &mut self,
        store: &HandsetStore,
        sent: &ClockRaw,
        now: &ClockRaw,
        outcome: StepOutcome,
    ) -> Result<()> {
        let answer: ChallengeAnswer = match classify(outcome).and_then(|r| read_answer(&r.body, "challenge"))
        {
            Ok(answer) => answer,
            Err(failure) => return self.step_failed(store, now.wall, SyncStep::Session, &failure),
        };
        store.learn_server_time(sent, now, answer.server_time)?;
        self.see_epoch(store, &answer.epoch)?;
        self.session.challenge = Some(TimedText {
            text: answer.challenge,
            boot: now.boot.clone(),
            until_ms: now.monotonic_ms.saturating_add(CHALLENGE_MS),
        });
        Ok(())
    }

    pub(super) fn token_answer(
        &mut self,
        store: &HandsetStore,
        sent: &ClockRaw,
        now: &ClockRaw,
        outcome: StepOutcome,
    ) -> Result<()> {
        // A challenge can be used once, whatever the result.
        self.session.challenge = None;
        let readmitting = self.session.readmit;
        let answer: TokenAnswer = match classify(outcome).and_then(|r| read_answer(&r.body, "token")) {
            Ok(answer) => answer,
            Err(mut failure) => {
                if readmitting && failure.reason.code == ProblemCode::StreamUnknown {
                    // The certificate did not help: repeating the request at once is useless.
                    failure.kind = FailureKind::Refused;
                }
                return self.step_failed(store, now.wall, SyncStep::Session, &failure);
            }
        };
        store.learn_server_time(sent, now, answer.server_time)?;
        self.see_epoch(store, &answer.epoch)?;
        store.renew_trust(&answer.pins, &answer.server_keys)?;
        let lost = store.check_mark(&answer.mark)?;
        if lost > 0 {
            // The server lacks entries that it had received; they are sent again.
            tracing::warn!(name: "sync.server_lost_entries", lost);
        }
        self.session.readmit = false;
        let life = i64::from(answer.expires_in_s).saturating_mul(1000);
        self.session.token = Some(TimedText {
            text: answer.token,
            boot: now.boot.clone(),
            // A very short lifetime still allows one request.
            until_ms: now.monotonic_ms.saturating_add((life - MARGIN_MS).max(5_000)),
        });
        self.events.push(SyncProgress::Connected);
        // Not counted as success yet: tokens that are refused afterwards are no progress.
        Ok(())
    }
}
