//! A minimal handset: a key, a stream, numbered entries. It uses the field API as handsets do and stores
//! nothing.

use super::{TestApp, TestResponse};
use axum::{body::Body, http::Request};
use protocol::{
    WIRE_VERSION,
    codes::GridVersion,
    entry::Entry,
    evidence::{ClockReading, Evidence, Position},
    feed::PullAnswer,
    field::{
        ChallengeAnswer, ChallengeRequest, Device, EnrolAnswer, EnrolRequest, SignedCertificate, TokenAnswer,
        TokenRequest,
    },
    geo::PointE7,
    ids::{EntryId, PersonId, PostId, RecordId, StreamId},
    open::Open,
    payload::Payload,
    push::{Envelope, PushAnswer},
    sign::{SIGNATURE_HEADER, Signer as _, SoftwareKey, challenge_message, enrol_message, push_message},
    time::Millis,
};
use serde_json::Value;

/// A client of the field API.
pub struct FieldClient {
    pub stream: StreamId,
    pub key: SoftwareKey,
    pub post: PostId,
    pub person: PersonId,
    pub certificate: Option<SignedCertificate>,
    pub token: String,
    /// Number of the last entry.
    pub n: u64,
    /// Wall clock minus server clock, in milliseconds, because handset clocks may be wrong.
    pub wall_offset: i64,
}

impl FieldClient {
    /// A handset that is not enrolled yet.
    pub fn new(app: &TestApp, post: PostId, person: PersonId) -> Self {
        Self {
            stream: StreamId::from_parts(app.now().0.unsigned_abs(), app.ten()),
            key: SoftwareKey::from_secret(&app.app.secret()),
            post,
            person,
            certificate: None,
            token: String::new(),
            n: 0,
            wall_offset: 0,
        }
    }

    /// All clock readings of the handset.
    pub fn clock(&self, app: &TestApp) -> ClockReading {
        ClockReading {
            wall: app.now().plus(self.wall_offset),
            boot: "boot-1".into(),
            monotonic_ms: app.now().since(super::START) + 1_000_000,
            offset_ms: Some(-self.wall_offset),
        }
    }

    pub fn enrol_request(&self, code: &str) -> EnrolRequest {
        EnrolRequest {
            v: WIRE_VERSION,
            code: code.into(),
            stream: self.stream,
            key: self.key.public_key(),
            device: Device {
                model: "测试机".into(),
                os: "test".into(),
                app: "0.1.0".into(),
            },
            predecessor: None,
            signature: self.key.sign(&enrol_message(code, self.stream)).unwrap(),
        }
    }

    pub async fn enrol(&mut self, app: &TestApp, code: &str) -> TestResponse {
        let body = serde_json::to_value(self.enrol_request(code)).unwrap();
        let answer = app.call("POST", "/v1/field/enrol", None, body).await;
        if answer.status == 200 {
            self.certificate = Some(answer.body::<EnrolAnswer>().certificate);
        }
        answer
    }

    pub async fn challenge(&self, app: &TestApp) -> String {
        let body = serde_json::to_value(ChallengeRequest { stream: self.stream }).unwrap();
        let answer = app.call("POST", "/v1/field/challenge", None, body).await;
        answer.body::<ChallengeAnswer>().challenge
    }

    pub fn token_request(&self, app: &TestApp, challenge: &str) -> TokenRequest {
        let message = challenge_message(self.stream, challenge);
        TokenRequest {
            stream: self.stream,
            challenge: challenge.into(),
            signature: self.key.sign(&message).unwrap(),
            clock: self.clock(app),
            certificate: None,
        }
    }

    /// Gets a challenge and a token.
    pub async fn sign_in(&mut self, app: &TestApp) -> TestResponse {
        let challenge = self.challenge(app).await;
        let body = serde_json::to_value(self.token_request(app, &challenge)).unwrap();
        let answer = app.call("POST", "/v1/field/token", None, body).await;
        if answer.status == 200 {
            self.token = answer.body::<TokenAnswer>().token;
        }
        answer
    }

    /// The next entry of the stream, with a new record and no position.
    pub fn entry(&mut self, app: &TestApp, payload: &Payload) -> Entry {
        self.n += 1;
        let at = app.now().plus(self.wall_offset).0.unsigned_abs();
        Entry {
            v: WIRE_VERSION,
            id: EntryId::from_parts(at, app.ten()),
            n: self.n,
            kind: Open::Known(payload.kind()),
            record: RecordId::from_parts(at, app.ten()),
            after: None,
            supersedes: None,
            author: self.person,
            post: self.post,
            grid: None,
            payload: payload.to_json().unwrap(),
            evidence: Evidence {
                position: None,
                clock: self.clock(app),
            },
        }
    }
    /// The next entry, with a position.
    pub fn entry_at(&mut self, app: &TestApp, point: PointE7, payload: &Payload) -> Entry {
        let mut entry = self.entry(app, payload);
        entry.evidence.position = Some(Position {
            point,
            accuracy_cm: 800,
            provider: "gps".into(),
            mock: false,
            fix_time: app.now(),
            monotonic_ms: None,
        });
        entry
    }

    pub fn envelope(&self, app: &TestApp, entries: &[Entry]) -> Vec<u8> {
        let raw = |e: &Entry| serde_json::value::to_raw_value(e).unwrap();
        let envelope = Envelope {
            v: WIRE_VERSION,
            stream: self.stream,
            clock: self.clock(app),
            exchange: None,
            entries: entries.iter().map(raw).collect(),
        };
        serde_json::to_vec(&envelope).unwrap()
    }

    /// Pushes these bytes with a signature.
    pub async fn push_bytes(&self, app: &TestApp, body: Vec<u8>) -> TestResponse {
        let signature = self.key.sign(&push_message(&self.token, &body)).unwrap();
        let request = Request::post("/v1/field/push")
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .header(SIGNATURE_HEADER, signature.to_string())
            .body(Body::from(body))
            .unwrap();
        app.send(request).await
    }

    /// A push that must succeed.
    pub async fn push(&self, app: &TestApp, entries: &[Entry]) -> PushAnswer {
        self.push_bytes(app, self.envelope(app, entries)).await.body()
    }

    /// One pull from a cursor ("" = from the beginning).
    pub async fn pull(&self, app: &TestApp, cursor: &str) -> PullAnswer {
        let path = format!("/v1/field/pull?cursor={cursor}");
        app.get(&path, &self.token).await.body()
    }

    /// The complete state of both mailboxes: `(kind, entity) -> body`, without tombstones.
    pub async fn state(&self, app: &TestApp) -> std::collections::BTreeMap<(String, String), Value> {
        let mut state = std::collections::BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let answer = self.pull(app, &cursor).await;
            for row in answer.rows {
                match row.body {
                    Some(body) => state.insert((row.kind, row.entity), body),
                    None => state.remove(&(row.kind, row.entity)),
                };
            }
            cursor = answer.cursor;
            if !answer.more {
                return state;
            }
        }
    }
}
