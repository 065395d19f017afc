//! The network as the handset sees it: one blocking exchange at a time. [`https`] is the real one; tests and
//! the simulator bring their own.

mod cancel;
pub mod driver;
pub mod hints;
pub mod https;
pub(crate) mod pins;

pub use cancel::CancelToken;
pub use driver::Driver;

use protocol::{coding::Words, entry::Reason, problem::HandsetCode};

/// HTTP methods that the handset uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Asks how far an upload came.
    Head,
    /// Sends.
    Post,
    /// Goes on with an upload.
    Patch,
}

/// A request to the server this store is enrolled at.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Path and query, from `/v1/` on.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// As it is signed and hashed; the transport may compress it on the way.
    pub body: Vec<u8>,
    /// What the server knows of it beforehand: the transport may pack it by these words and read an answer so packed.
    pub words: Option<Words>,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            words: None,
        }
    }
    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
    /// With a JSON body.
    #[must_use]
    pub fn json(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self.header("content-type", "application/json")
    }
    /// With words that both ends know.
    #[must_use]
    pub fn known_by(mut self, words: Words) -> Self {
        self.words = Some(words);
        self
    }
    /// Bytes of the request line and the headers, as HTTP/1.1 writes them; HTTP/2 may need fewer.
    pub fn head_size(&self) -> u64 {
        let method = match self.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Patch => "PATCH",
        };
        let line = method.len() + "  HTTP/1.1\r\n".len() + self.path.len();
        size_of_head(
            line,
            self.headers.iter().map(|(name, value)| (*name, value.as_str())),
        )
    }
    /// Bytes of the whole request, its body as it stands here.
    pub fn size(&self) -> u64 {
        self.head_size().saturating_add(length(&self.body))
    }
}

fn size_of_head<'a>(line: usize, headers: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
    let headers: usize = headers.map(|(name, value)| name.len() + value.len() + 4).sum();
    u64::try_from(line + headers + 2).unwrap_or(u64::MAX)
}

fn length(body: &[u8]) -> u64 {
    u64::try_from(body.len()).unwrap_or(u64::MAX)
}

impl std::fmt::Debug for Request {
    /// Without header values and body: tokens and personal data do not belong into logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {} ({} bytes)", self.method, self.path, self.body.len())
    }
}

/// A whole answer. An answer that was cut off is a [`TransportError::Cut`], never a short body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case; at least those of [`KEPT_HEADERS`] that were there.
    pub headers: Vec<(String, String)>,
    /// Decompressed.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
    /// Bytes of the whole answer, its body as it stands here.
    pub fn size(&self) -> u64 {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        size_of_head("HTTP/1.1 200\r\n".len(), headers).saturating_add(length(&self.body))
    }
}

/// Bytes on the wire: head and body, compressed as they travelled; TLS, TCP and IP come on top.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    pub sent: u64,
    pub received: u64,
}

impl Traffic {
    pub fn total(self) -> u64 {
        self.sent.saturating_add(self.received)
    }
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent.saturating_add(other.sent),
            received: self.received.saturating_add(other.received),
        }
    }
}

/// Headers of answers that the sync looks at.
pub const KEPT_HEADERS: &[&str] = &[
    "content-type",
    "content-range",
    "date",
    "location",
    "retry-after",
    "upload-offset",
    protocol::field::PHOTO_RECEIPT_HEADER,
];

/// No answer came. Whether the request arrived is unknown in every case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// `network.unreachable`: no connection.
    #[error("no connection to the server: {0}")]
    Unreachable(String),
    /// `network.timeout`
    #[error("the server did not answer in time")]
    Timeout,
    /// `network.cut`: the connection broke in the middle.
    #[error("the connection broke: {0}")]
    Cut(String),
    /// `network.pin`: whoever answered does not have the pinned key: a captive portal, or worse.
    #[error("this is not the enrolled server: {0}")]
    Pin(String),
    /// `network.address`: the address cannot be used at all.
    #[error("the server's address cannot be used: {0}")]
    Address(String),
    /// `call.cancelled`: the caller does not want the answer any more.
    #[error("cancelled")]
    Cancelled,
}

impl TransportError {
    /// For the worker, in both languages.
    pub fn reason(&self) -> Reason {
        let (code, zh) = match self {
            Self::Unreachable(_) => (HandsetCode::Unreachable, "连不上服务器，将自动重试"),
            Self::Timeout => (HandsetCode::Timeout, "服务器没有及时回应，将自动重试"),
            Self::Cut(_) => (HandsetCode::Cut, "网络中断，将自动重试"),
            Self::Pin(_) => (
                HandsetCode::Pin,
                "对方不是登记的服务器（可能需要网页登录的无线网），未发送任何内容",
            ),
            Self::Address(_) => (HandsetCode::Address, "服务器地址无法使用，请联系管理员"),
            Self::Cancelled => (HandsetCode::Cancelled, "已取消"),
        };
        Reason::new(code, zh, self.to_string())
    }
}

/// Exchanges requests with one server. Blocking; follows no redirects; retries nothing.
pub trait Transport: Send + Sync {
    /// Sends the request and waits for the whole answer, whatever its status.
    fn exchange(&self, request: &Request) -> Result<Response, TransportError>;
    /// [`Self::exchange`] that a cancel ends in its middle, and what it cost, also when it failed.
    fn carry(&self, request: &Request, cancel: &CancelToken) -> (Result<Response, TransportError>, Traffic) {
        if cancel.is_cancelled() {
            return (Err(TransportError::Cancelled), Traffic::default());
        }
        let outcome = self.exchange(request);
        let traffic = Traffic {
            sent: request.size(),
            received: outcome.as_ref().map_or(0, Response::size),
        };
        (outcome, traffic)
    }
}
