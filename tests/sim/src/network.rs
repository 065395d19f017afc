//! The network between handset and server: converts requests to the server's type and responses to the
//! handset's, and applies network faults to both.

use super::{
    plan::ExchangeFault,
    server::{SimResponse, SimServer},
};
use axum::{body::Body, http::Request};
use bytes::Bytes;
use protocol::{field::PHOTO_RECEIPT_HEADER, photo::Sha256, time::Millis};
use serde_json::{Value, json};
use terminal_core::transport::{self, KEPT_HEADERS, Method, Transport, TransportError};

/// The request as the server receives it; with `most`, cut after that many bytes of its body.
pub fn request(sent: &transport::Request, most: Option<usize>) -> Option<Request<Body>> {
    let method = match sent.method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Patch => "PATCH",
    };
    let mut builder = Request::builder().method(method).uri(&sent.path);
    for (name, value) in &sent.headers {
        builder = builder.header(*name, value);
    }
    let whole = Bytes::from(sent.body.clone());
    let body = match most {
        None => Body::from(whole),
        Some(most) => {
            let piece = whole.slice(..most.min(whole.len()));
            Body::from_stream(futures_util::stream::iter([
                Ok(piece),
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
            ]))
        }
    };
    builder.body(body).ok()
}

/// The response as the handset's transport returns it.
pub fn response(answer: &SimResponse) -> transport::Response {
    let headers = answer
        .headers
        .iter()
        .filter(|(name, _)| KEPT_HEADERS.contains(&name.as_str()))
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    transport::Response {
        status: answer.status,
        headers,
        body: answer.body.clone(),
    }
}

/// An HTML page of a proxy.
pub fn page(status: u16, retry_after: Option<u32>) -> transport::Response {
    let mut headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    if let Some(seconds) = retry_after {
        headers.push(("retry-after".to_owned(), seconds.to_string()));
    }
    transport::Response {
        status,
        headers,
        body: b"<!doctype html><title>Welcome</title><p>Please accept the terms".to_vec(),
    }
}

/// Prefix of row kinds that only a newer server knows.
pub const FUTURE: &str = "future.";

/// The response as a newer server would send it: with unknown fields, rows and receipts.
pub fn newer(mut response: transport::Response, r: u64) -> transport::Response {
    let Ok(Value::Object(mut answer)) = serde_json::from_slice::<Value>(&response.body) else {
        return response;
    };
    answer.insert("future_field".into(), json!({"deep": [1, {"r": r}]}));
    if let Some(Value::Array(rows)) = answer.get_mut("rows") {
        rows.push(
            json!({"mailbox": "author", "n": 0, "kind": format!("{FUTURE}kind"), "entity": format!("{r}"),
            "body": {"unknown": true}, "more": 1}),
        );
        rows.push(json!({"mailbox": "future_box", "n": 1, "kind": format!("{FUTURE}box"), "entity": "e", "body": {}}));
    }
    if let Some(Value::Array(receipts)) = answer.get_mut("receipts") {
        // A receipt for other bytes of the same entry must be ignored.
        if let Some(mut strange) = receipts.first().cloned() {
            strange["sha256"] = json!("00".repeat(32));
            receipts.insert(0, strange);
        }
    }
    response.body = Value::Object(answer).to_string().into_bytes();
    response
}

/// The response of a peer that stored nothing: a receipt for other bytes of each entry, the short form for
/// another body, or a receipt for another photo.
pub fn strange(sent: &transport::Request, epoch: &str, now: Millis) -> transport::Response {
    let other = "00".repeat(32);
    let header = |name: &str| sent.headers.iter().find(|(known, _)| *known == name);
    if let Some(offset) = header("upload-offset").and_then(|(_, text)| text.parse::<u64>().ok()) {
        let end = offset + sent.body.len() as u64;
        let receipt = json!({"sha256": other, "size": end, "received": now});
        return transport::Response {
            status: 204,
            headers: vec![
                ("upload-offset".into(), end.to_string()),
                (PHOTO_RECEIPT_HEADER.into(), receipt.to_string()),
            ],
            body: Vec::new(),
        };
    }
    let Ok(envelope) = serde_json::from_slice::<Value>(&sent.body) else {
        return page(502, None);
    };
    let entries = envelope["entries"].as_array().cloned().unwrap_or_default();
    let receipt =
        |entry: &Value| json!({"id": entry["id"], "n": entry["n"], "sha256": other, "received": now});
    let body = Sha256::of(&sent.body);
    // One of the two forms, by the hash of the body.
    let brief = body.0.first().is_some_and(|byte| byte % 2 == 0);
    let answer = match brief {
        true => {
            json!({"epoch": epoch, "server_time": now, "body_sha256": other, "receipts": [], "refused": [],
            "mark": {"upto": 0, "highest": 0}, "taken": now})
        }
        false => json!({"epoch": epoch, "server_time": now, "body_sha256": body,
            "receipts": entries.iter().map(receipt).collect::<Vec<_>>(), "refused": [],
            "mark": {"upto": 0, "highest": 0}}),
    };
    transport::Response {
        status: 200,
        headers: Vec::new(),
        body: answer.to_string().into_bytes(),
    }
}

/// Changes one byte of an upload and removes the checksum that would detect it at once.
pub fn garble(sent: &mut transport::Request) {
    if sent.method == Method::Patch
        && let Some(byte) = sent.body.last_mut()
    {
        *byte ^= 1;
        sent.headers.retain(|(name, _)| *name != "upload-checksum");
    }
}

/// Transport for an enrolment: one blocking exchange, with at most one fault.
pub struct EnrolmentTransport<'a> {
    server: &'a SimServer,
    fault: Option<ExchangeFault>,
}

impl<'a> EnrolmentTransport<'a> {
    pub fn new(server: &'a SimServer, fault: Option<ExchangeFault>) -> Self {
        Self { server, fault }
    }
}

impl Transport for EnrolmentTransport<'_> {
    fn exchange(&self, sent: &transport::Request) -> Result<transport::Response, TransportError> {
        if matches!(self.fault, Some(ExchangeFault::RequestLost | ExchangeFault::Late)) {
            return Err(TransportError::Timeout);
        }
        let built = request(sent, None).ok_or(TransportError::Timeout)?;
        let answer = self
            .server
            .request(built)
            .map_err(|_| TransportError::Unreachable("the server is not running".into()))?;
        match self.fault {
            Some(ExchangeFault::AnswerLost | ExchangeFault::CutAnswer | ExchangeFault::CutRequest) => {
                Err(TransportError::Timeout)
            }
            Some(ExchangeFault::Portal) => Ok(page(200, None)),
            Some(ExchangeFault::NewerPeer) => Ok(newer(response(&answer), 1)),
            _ => Ok(response(&answer)),
        }
    }
}
