//! The production transport: HTTPS with a pinned public key (SPKI), so that neither a captive portal nor a
//! mistakenly trusted authority can pose as the server. Validity dates of certificates are not checked: the
//! handset's clock may be years off, and the pin is the stronger proof.
//!
//! Calls block and must not be made from inside an async runtime. Connections live on one thread of their
//! own, so that one connection serves many syncs and its end is noticed between them. This file compresses
//! bodies in both directions instead of the HTTP client, because the bytes on the wire are counted: with the
//! preset dictionary (coding `xunge-1`) where the request has one, else with gzip. If the server rejects that
//! coding (415), the request is sent once more with gzip, and so are all later requests of this process.
//! Plain HTTP is allowed on loopback only, if the invitation names such an address.

use crate::transport::{
    cancel::CancelToken,
    connections::ConnectionCount,
    error::{TransportError, chain, failed},
    exchange::Transport,
    hints::{HintEvent, HintStream, NoHintStream},
    nudge::Nudge,
    pins::{Pins, tls},
    request::{KEPT_HEADERS, Method, Request, Response, Traffic},
};
use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use futures_util::stream;
use protocol::{
    coding::{CODING, Words},
    field::{HEARTBEAT_DEFAULT_S, HEARTBEAT_HEADER, HEARTBEATS_S},
    photo::Sha256,
};
use reqwest::{
    Body, Client,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue},
};
use std::{
    io::{Read as _, Write as _},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::runtime::Runtime;

/// JSON bodies above this size in bytes are compressed; a single report usually is.
const COMPRESS_FROM: usize = 256;

/// Largest accepted response body in bytes, compressed or not.
const MAX_ANSWER: u64 = 32 * 1024 * 1024;

/// Request bodies are sent in chunks of this size in bytes; a cancel takes effect between two chunks.
const PIECE: usize = 16 * 1024;

/// Accepted content codings: for all requests, and for requests with a preset dictionary.
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

const GZIP_OR_WORDS: HeaderValue = HeaderValue::from_static("gzip, xunge-1");

const CONNECT: Duration = Duration::from_secs(15);

const EXCHANGE: Duration = Duration::from_secs(60);

/// How long an idle connection is kept for the next sync. Keep-alives for longer would cost more bytes than a
/// new connection.
const IDLE: Duration = Duration::from_secs(60);

const AGENT: &str = concat!("xunge/", env!("CARGO_PKG_VERSION"));

/// HTTPS to one server; only pinned keys are accepted.
pub struct Https {
    client: Client,
    base: String,
    /// Size in bytes of the headers that the client adds to every request.
    own_head: u64,
    /// `None` only while the value is being dropped.
    runtime: Option<Runtime>,
    pins: Pins,
    /// Time has passed since the last exchange, so the server may have closed the kept connection.
    rested: AtomicBool,
    /// The server rejected the preset dictionary.
    words_unknown: AtomicBool,
    /// Connections begun since the last count.
    connections: ConnectionCount,
}

impl Https {
    /// Creates a transport for an address as the invitation names it: `https://host[:port]` with at least one
    /// pin, or `http://` on a loopback address without pins.
    pub fn new(server: &str, pins: &[Sha256]) -> Result<Self, TransportError> {
        let bad = |what: String| TransportError::Address(what);
        let base = server.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&base).map_err(|error| bad(error.to_string()))?;
        match (url.scheme(), pins) {
            ("https", [_, ..]) => {}
            ("https", []) => return Err(bad("no pin for https".into())),
            ("http", []) if is_loopback(&url) => {}
            ("http", _) => return Err(bad("plain http is only for loopback, without pins".into())),
            (scheme, _) => return Err(bad(format!("scheme {scheme}"))),
        }
        // Configured for plain HTTP too, where it is not used: without a preconfigured TLS, reqwest looks for
        // the platform's verifier on Android and panics if there is none.
        let pins: Pins = Arc::new(RwLock::new(pins.to_vec()));
        let tls = tls(Arc::clone(&pins)).map_err(|error| bad(error.to_string()))?;
        let connections = ConnectionCount::default();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            // The default probes every 15 seconds, which keeps a phone's radio awake. The heartbeats of the
            // hint stream find a dead connection; all other requests have a time limit.
            .tcp_keepalive(None)
            .tcp_keepalive_interval(None)
            .tcp_keepalive_retries(None)
            .connector_layer(connections.clone())
            .no_gzip()
            .no_proxy()
            .user_agent(AGENT)
            .build()
            .map_err(|error| bad(chain(&error)))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("xunge-net")
            .enable_all()
            .build()
            .map_err(|error| bad(error.to_string()))?;
        let authority = base.split("://").nth(1).unwrap_or_default();
        let own_head = format!("host: {authority}\r\naccept: */*\r\nuser-agent: {AGENT}\r\n").len();
        Ok(Self {
            client,
            own_head: u64::try_from(own_head).unwrap_or(0),
            base,
            runtime: Some(runtime),
            pins,
            rested: AtomicBool::new(false),
            words_unknown: AtomicBool::new(false),
            connections,
        })
    }

    /// Checks new connections against these pins.
    pub(crate) fn trust(&self, pins: &[Sha256]) {
        let mut kept = self.pins.write().unwrap_or_else(PoisonError::into_inner);
        if *kept != pins {
            *kept = pins.to_vec();
        }
    }

    /// Call when time has passed since the last exchange. If the kept connection turns out to be dead, the
    /// next request is sent again over a new one. Every request of the handset may be sent twice.
    pub fn after_a_rest(&self) {
        self.rested.store(true, Ordering::Relaxed);
    }

    /// Opens the hint stream. If the response is not an event stream, or none arrives, it is returned as the
    /// error.
    pub fn listen(&self, request: &Request, cancel: &CancelToken) -> Result<HintStream<'_>, NoHintStream> {
        let runtime = self.runtime().map_err(NoHintStream::Failed)?;
        let sent = Arc::new(AtomicU64::new(0));
        let opened = runtime.block_on(until(cancel, EXCHANGE, self.ask(request, &sent)));
        let answer = opened.map_err(NoHintStream::Failed)?;
        let head = head_of(&answer);
        let is_stream = head
            .header("content-type")
            .is_some_and(|text| text.starts_with("text/event-stream"));
        if head.status == 200 && is_stream {
            let traffic = self.traffic(sent.load(Ordering::Relaxed), head.size());
            let heartbeat_s = head.header(HEARTBEAT_HEADER).and_then(|text| text.parse().ok());
            let heartbeat_s = heartbeat_s
                .filter(|seconds| HEARTBEATS_S.contains(seconds))
                .unwrap_or(HEARTBEAT_DEFAULT_S);
            return Ok(HintStream::new(runtime, answer, traffic, heartbeat_s));
        }
        let received = AtomicU64::new(0);
        let whole = runtime.block_on(until(cancel, EXCHANGE, read(answer, head, None, &received)));
        Err(whole.map_or_else(NoHintStream::Failed, NoHintStream::Answer))
    }

    /// Waits without a stream; a cancel or a nudge ends the wait.
    #[expect(clippy::disallowed_methods, reason = "the one timer of the transport")]
    pub fn wait(&self, time: Duration, cancel: &CancelToken, nudge: &Nudge) -> HintEvent {
        let runtime = match self.runtime() {
            Ok(runtime) => runtime,
            Err(error) => return HintEvent::Closed(error),
        };
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = cancel.cancelled() => HintEvent::Closed(TransportError::Cancelled),
                nudged = nudge.nudged() => HintEvent::Nudged(nudged),
                () = tokio::time::sleep(time) => HintEvent::Quiet,
            }
        })
    }

    /// Payload bytes as traffic, with the connections begun since the last call.
    fn traffic(&self, sent: u64, received: u64) -> Traffic {
        Traffic::exchange(sent, received).connected(self.connections.take())
    }

    fn runtime(&self) -> Result<&Runtime, TransportError> {
        self.runtime
            .as_ref()
            .ok_or_else(|| TransportError::Unreachable("closed".into()))
    }

    /// The preset dictionary of a request, unless the server has rejected this coding.
    fn words<'r>(&self, request: &'r Request) -> Option<&'r Words> {
        let known = !self.words_unknown.load(Ordering::Relaxed);
        request.words.as_ref().filter(|_| known)
    }

    /// Sends a request. `sent` is increased by the size of the head and of every chunk that is sent.
    async fn ask(
        &self,
        request: &Request,
        sent: &Arc<AtomicU64>,
    ) -> Result<reqwest::Response, TransportError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
        };
        let mut headers = HeaderMap::new();
        let mut is_json = false;
        for (name, value) in &request.headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| TransportError::Address(format!("header {name} cannot be sent")))?;
            is_json |= *name == "content-type" && value == "application/json";
            headers.insert(HeaderName::from_static(name), value);
        }
        let words = self.words(request);
        headers.insert(
            ACCEPT_ENCODING,
            if words.is_some() { GZIP_OR_WORDS } else { GZIP },
        );
        let packed = words.and_then(|words| words.pack(&request.body));
        let body = if let Some(packed) = packed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(CODING));
            packed
        } else if is_json && request.body.len() > COMPRESS_FROM {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            gzip(&request.body).map_err(|error| TransportError::Address(error.to_string()))?
        } else {
            request.body.clone()
        };
        let mut asking = self
            .client
            .request(method, format!("{}{}", self.base, request.path));
        if !body.is_empty() {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            asking = asking.body(in_pieces(body.into(), sent));
        }
        let added = headers
            .iter()
            .filter(|(name, _)| [ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH].contains(name));
        let added: usize = added
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum();
        let head = request.head_size() + self.own_head + u64::try_from(added).unwrap_or(0);
        sent.fetch_add(head, Ordering::Relaxed);
        asking.headers(headers).send().await.map_err(failed)
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        // Shut down in the background: a DNS lookup in progress may take long.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Transport for Https {
    fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        self.carry(request, &CancelToken::default()).0
    }
    fn carry(&self, request: &Request, cancel: &CancelToken) -> (Result<Response, TransportError>, Traffic) {
        let (sent, received) = (Arc::new(AtomicU64::new(0)), AtomicU64::new(0));
        let exchange = async || {
            let answer = self.ask(request, &sent).await?;
            let head = head_of(&answer);
            received.fetch_add(head.size(), Ordering::Relaxed);
            let words = self
                .words(request)
                .map(|words| words.answering(Sha256::of(&request.body)));
            read(answer, head, words.as_ref(), &received).await
        };
        let once = || self.runtime()?.block_on(until(cancel, EXCHANGE, exchange()));
        let mut outcome = once();
        let rested = self.rested.swap(false, Ordering::Relaxed);
        if rested && matches!(outcome, Err(TransportError::Cut(_))) && received.load(Ordering::Relaxed) == 0 {
            outcome = once();
        }
        // Send again with gzip, which every server accepts.
        if self.words(request).is_some() && matches!(&outcome, Ok(answer) if answer.status == 415) {
            self.words_unknown.store(true, Ordering::Relaxed);
            outcome = once();
        }
        let reached = !matches!(
            outcome,
            Err(TransportError::Unreachable(_) | TransportError::Pin(_) | TransportError::Address(_))
        );
        let sent = if reached { sent.load(Ordering::Relaxed) } else { 0 };
        let traffic = self.traffic(sent, received.load(Ordering::Relaxed));
        (outcome, traffic)
    }
}

/// Runs `work` until it completes, is cancelled or times out.
async fn until<T>(
    cancel: &CancelToken,
    limit: Duration,
    work: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(TransportError::Cancelled),
        done = tokio::time::timeout(limit, work) => done.unwrap_or(Err(TransportError::Timeout)),
    }
}

/// Makes a body whose bytes are counted when they are sent. A body of one chunk is passed as a whole, which
/// saves an HTTP/2 frame.
fn in_pieces(body: Bytes, sent: &Arc<AtomicU64>) -> Body {
    if body.len() <= PIECE {
        sent.fetch_add(u64::try_from(body.len()).unwrap_or(0), Ordering::Relaxed);
        return body.into();
    }
    let sent = Arc::clone(sent);
    let pieces = stream::unfold((body, sent), |(mut body, sent)| async move {
        if body.is_empty() {
            return None;
        }
        let piece = body.split_to(PIECE.min(body.len()));
        sent.fetch_add(u64::try_from(piece.len()).unwrap_or(0), Ordering::Relaxed);
        Some((Ok::<_, std::convert::Infallible>(piece), (body, sent)))
    });
    Body::wrap_stream(pieces)
}

/// Status and all headers of a response; used to compute the size of its head.
fn head_of(answer: &reqwest::Response) -> Response {
    let headers = answer
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    Response {
        status: answer.status().as_u16(),
        headers,
        body: Vec::new(),
    }
}

/// Reads the rest of a response and decompresses it. `received` is increased by the size of every chunk.
async fn read(
    mut answer: reqwest::Response,
    mut head: Response,
    words: Option<&Words>,
    received: &AtomicU64,
) -> Result<Response, TransportError> {
    let cut = |what: String| TransportError::Cut(what);
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(failed)? {
        received.fetch_add(u64::try_from(piece.len()).unwrap_or(0), Ordering::Relaxed);
        body.extend_from_slice(&piece);
        if is_too_large(&body) {
            return Err(cut("the answer is too large".into()));
        }
    }
    if !body.is_empty() {
        body = match (head.header(CONTENT_ENCODING.as_str()), words) {
            (Some("gzip"), _) => ungzip(&body).map_err(|error| cut(error.to_string()))?,
            (Some(CODING), Some(words)) => words
                .unpack(&body, usize::try_from(MAX_ANSWER).unwrap_or(usize::MAX))
                .map_err(|error| cut(error.to_string()))?,
            _ => body,
        };
        if is_too_large(&body) {
            return Err(cut("the answer is too large".into()));
        }
    }
    head.headers
        .retain(|(name, _)| KEPT_HEADERS.contains(&name.as_str()));
    head.body = body;
    Ok(head)
}

fn is_too_large(body: &[u8]) -> bool {
    u64::try_from(body.len()).is_ok_and(|length| length > MAX_ANSWER)
}

fn is_loopback(url: &reqwest::Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Decompresses at most [`MAX_ANSWER`] + 1 bytes.
fn ungzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes)
        .take(MAX_ANSWER + 1)
        .read_to_end(&mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only_and_https_needs_a_pin() {
        let pin = [Sha256([1; 32])];
        assert!(Https::new("http://127.0.0.1:8080", &[]).is_ok());
        assert!(Https::new("http://[::1]:8080/", &[]).is_ok());
        assert!(Https::new("https://city.example:8443", &pin).is_ok());
        for (server, pins) in [
            ("http://192.168.1.1", &[][..]),
            ("http://127.0.0.1.example", &[]),
            ("http://127.0.0.1", &pin),
            ("https://city.example", &[]),
            ("ftp://127.0.0.1", &[]),
            ("city.example", &pin),
        ] {
            assert!(
                matches!(Https::new(server, pins), Err(TransportError::Address(_))),
                "{server}"
            );
        }
    }
}
