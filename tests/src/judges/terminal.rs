//! A terminal without a store: its key, its certificate and its token. It sends what a judge wants to send, which the
//! handset's core would never do.

use crate::{bench::fleet::now, city::City, random::ScenarioRandom, staff_api::StaffApi};
use anyhow::Result;
use protocol::{
    WIRE_VERSION,
    entry::Entry,
    evidence::{ClockReading, Evidence},
    field::{
        Certificate, ChallengeAnswer, ChallengeRequest, Device, EnrolAnswer, EnrolRequest, Invitation,
        SignedCertificate, TokenAnswer, TokenRequest,
    },
    ids::{EntryId, RecordId, StreamId},
    open::Open,
    parcel::ParcelKey,
    payload::{Payload, Report},
    photo::PhotoRef,
    push::Envelope,
    role::Role,
    sign::{Signature, Signer as _, SoftwareKey, challenge_message, enrol_message, push_message},
};
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// See the module.
pub(super) struct EnrolledTerminal {
    pub stream: StreamId,
    pub key: SoftwareKey,
    pub certificate: SignedCertificate,
    pub parcel_key: ParcelKey,
    pub token: String,
    holder: Certificate,
    random: ScenarioRandom,
    n: u64,
}

impl EnrolledTerminal {
    /// Enrols a terminal of a new post over the whole district, and gets its first token.
    pub fn enrol(city: &City, number: u8) -> Result<Self> {
        let label = format!("{number}");
        let invited = city.post(&label, "一号岗", "巡查员", Role::Patroller, &["220104"])?;
        let invitation = Invitation::from_text(&invited.invitation)?;
        let stream = StreamId::from_parts(1, [number; 10]);
        let key = SoftwareKey::from_secret(&[number; 32]);
        let request = EnrolRequest {
            v: WIRE_VERSION,
            stream,
            key: key.public_key(),
            device: Device {
                model: "judge".into(),
                os: "linux".into(),
                app: "0".into(),
            },
            predecessor: None,
            signature: key.sign(&enrol_message(&invitation.code, stream))?,
            code: invitation.code,
        };
        let answer: EnrolAnswer = asked(&city.office, "/v1/field/enrol", &request)?;
        let mut terminal = Self {
            stream,
            key,
            holder: serde_json::from_str(&answer.certificate.certificate)?,
            certificate: answer.certificate,
            parcel_key: invitation.parcel_key.parse()?,
            token: String::new(),
            random: ScenarioRandom::of(1, &label),
            n: 0,
        };
        terminal.token = terminal.fresh_token(&city.office)?;
        Ok(terminal)
    }

    /// Answers a challenge for a token, as a handset does when its token has expired.
    pub fn fresh_token(&self, office: &StaffApi) -> Result<String> {
        let stream = self.stream;
        let said: ChallengeAnswer = asked(office, "/v1/field/challenge", &ChallengeRequest { stream })?;
        let request = TokenRequest {
            stream,
            signature: self.key.sign(&challenge_message(stream, &said.challenge))?,
            challenge: said.challenge,
            clock: clock(),
            certificate: None,
        };
        let answer: TokenAnswer = asked(office, "/v1/field/token", &request)?;
        Ok(answer.token)
    }

    /// The bytes of a report with this text, numbered as the next entry.
    pub fn report(&mut self, text: String, photos: Vec<PhotoRef>) -> Result<Box<RawValue>> {
        self.n += 1;
        let payload = Payload::Report(Report {
            matter: None,
            text,
            place: None,
            cell: None,
            address: "桂林路".into(),
            cell_chosen: false,
            self_handled: false,
            photos,
        });
        let millis = u64::try_from(now().0).unwrap_or(0);
        let entry = Entry {
            v: WIRE_VERSION,
            id: EntryId::from_parts(millis, self.ten()),
            n: self.n,
            kind: Open::Known(payload.kind()),
            record: RecordId::from_parts(millis, self.ten()),
            after: None,
            supersedes: None,
            author: self.holder.holder,
            post: self.holder.post,
            grid: None,
            payload: payload.to_json()?,
            evidence: Evidence {
                position: None,
                clock: clock(),
            },
        };
        Ok(RawValue::from_string(String::from_utf8(entry.to_bytes()?)?)?)
    }

    /// The body of a push with these entries, and its signature.
    pub fn push(&self, entries: Vec<Box<RawValue>>) -> Result<(Vec<u8>, Signature)> {
        let body = serde_json::to_vec(&Envelope {
            v: WIRE_VERSION,
            stream: self.stream,
            clock: clock(),
            exchange: None,
            entries,
        })?;
        let signature = self.key.sign(&push_message(&self.token, &body))?;
        Ok((body, signature))
    }

    fn ten(&mut self) -> [u8; 10] {
        let mut ten = [0; 10];
        for byte in &mut ten {
            *byte = self.random.bits().to_le_bytes()[0];
        }
        ten
    }
}

pub(super) fn clock() -> ClockReading {
    let now = now();
    ClockReading {
        wall: now,
        boot: "1".into(),
        monotonic_ms: now.0 % 1_000_000_000,
        offset_ms: None,
    }
}

fn asked<T: DeserializeOwned>(office: &StaffApi, path: &str, body: &impl Serialize) -> Result<T> {
    let answer = office.request(Method::POST, path).json(body).send()?;
    Ok(answer.error_for_status()?.json()?)
}
