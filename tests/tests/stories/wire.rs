//! A client with a real handset's key that builds its own requests: for requests that no handset sends, and
//! for many equal requests at once.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use e2e::{city::City, handset::Handset, staff_api::StaffApi};
use protocol::{
    WIRE_VERSION,
    field::{
        ChallengeAnswer, ChallengeRequest, PHOTO_RECEIPT_HEADER, PhotoReceipt, TokenAnswer, TokenRequest,
    },
    ids::StreamId,
    photo::Sha256,
    push::Envelope,
    sign::{SIGNATURE_HEADER, Signer, challenge_message, push_message},
};
use reqwest::{
    Method,
    blocking::{RequestBuilder, Response},
};
use serde_json::{Value, value::RawValue};
use std::sync::Arc;

/// A client of the field API with a token.
#[derive(Clone)]
pub struct WireClient {
    office: StaffApi,
    stream: StreamId,
    signer: Arc<dyn Signer>,
    token: String,
    clock: protocol::evidence::ClockReading,
}

impl WireClient {
    /// Signs in with the handset's key, directly at the server.
    pub fn of(city: &City, handset: &mut Handset) -> Self {
        let office = city.server.api().unwrap();
        let terminal = handset.open().unwrap();
        let stream = terminal.account().stream;
        let clock = terminal.clock_reading().unwrap();
        let signer = handset.platform().unwrap().keystore.signer(stream).unwrap();
        let post = |path: &str, body: Value| {
            let answer = office.request(Method::POST, path).json(&body).send().unwrap();
            assert_eq!(answer.status().as_u16(), 200, "{path}");
            answer.text().unwrap()
        };
        let body = serde_json::to_value(ChallengeRequest { stream }).unwrap();
        let answer: ChallengeAnswer = serde_json::from_str(&post("/v1/field/challenge", body)).unwrap();
        let message = challenge_message(stream, &answer.challenge);
        let request = TokenRequest {
            stream,
            challenge: answer.challenge,
            signature: signer.sign(&message).unwrap(),
            clock: clock.clone(),
            certificate: None,
        };
        let body = serde_json::to_value(request).unwrap();
        let answer: TokenAnswer = serde_json::from_str(&post("/v1/field/token", body)).unwrap();
        Self {
            stream,
            signer,
            token: answer.token,
            clock,
            office,
        }
    }
    /// A request with the token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.office.request(method, path).bearer_auth(&self.token)
    }
    /// A tus request.
    pub fn tus(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).header("tus-resumable", "1.0.0")
    }
    /// The body of a push of these entries.
    pub fn envelope(&self, entries: &[&[u8]]) -> Vec<u8> {
        let raw = |bytes: &&[u8]| RawValue::from_string(String::from_utf8(bytes.to_vec()).unwrap()).unwrap();
        let envelope = Envelope {
            v: WIRE_VERSION,
            stream: self.stream,
            clock: self.clock.clone(),
            exchange: None,
            entries: entries.iter().map(raw).collect(),
        };
        serde_json::to_vec(&envelope).unwrap()
    }
    /// Pushes a signed body; returns status and response.
    pub fn push_body(&self, body: Vec<u8>) -> (u16, Value) {
        let signature = self.signer.sign(&push_message(&self.token, &body)).unwrap();
        let answer = self
            .request(Method::POST, "/v1/field/push")
            .header("content-type", "application/json")
            .header(SIGNATURE_HEADER, signature.to_string())
            .body(body)
            .send()
            .unwrap();
        document(answer)
    }
    pub fn push(&self, entries: &[&[u8]]) -> (u16, Value) {
        self.push_body(self.envelope(entries))
    }
    /// Creates an upload; returns its path, and the receipt if the server already holds the photo.
    pub fn create(&self, sha256: Sha256, size: usize) -> (String, Option<PhotoReceipt>) {
        let answer = self
            .tus(Method::POST, "/v1/field/photos")
            .header("upload-length", size.to_string())
            .header(
                "upload-metadata",
                format!("sha256 {}", BASE64.encode(sha256.to_string())),
            )
            .send()
            .unwrap();
        assert_eq!(answer.status().as_u16(), 201, "{:?}", answer.text());
        let path = answer.headers()["location"].to_str().unwrap().to_owned();
        (path, receipt(&answer))
    }
    /// Sends all bytes to an upload.
    pub fn patch(&self, path: &str, bytes: &[u8]) -> (u16, Option<PhotoReceipt>) {
        let answer = self
            .tus(Method::PATCH, path)
            .header("content-type", "application/offset+octet-stream")
            .header("upload-offset", "0")
            .body(bytes.to_vec())
            .send()
            .unwrap();
        (answer.status().as_u16(), receipt(&answer))
    }
}

fn receipt(answer: &Response) -> Option<PhotoReceipt> {
    let header = answer.headers().get(PHOTO_RECEIPT_HEADER)?;
    Some(serde_json::from_slice(header.as_bytes()).unwrap())
}

/// Status and JSON body.
pub fn document(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}
