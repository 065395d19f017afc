//! Requests and responses of the handset, and their size on the wire.

use protocol::coding::Words;

/// HTTP methods that the handset uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read.
    Get,
    /// Ask for the offset of an upload.
    Head,
    /// Send.
    Post,
    /// Continue an upload.
    Patch,
}

/// A request to the server that the store is enrolled at.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query, beginning with `/v1/`.
    pub path: String,
    /// Names in lower case, with values.
    pub headers: Vec<(&'static str, String)>,
    /// The body as it is signed and hashed; the transport may compress it.
    pub body: Vec<u8>,
    /// Preset dictionary shared with the server; if set, `xunge-1` coding may be used for request and
    /// response.
    pub words: Option<Words>,
}

impl Request {
    /// Makes a request without headers and body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            words: None,
        }
    }
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self.header("content-type", "application/json")
    }
    /// Sets the preset dictionary.
    #[must_use]
    pub fn known_by(mut self, words: Words) -> Self {
        self.words = Some(words);
        self
    }
    /// Size in bytes of request line and headers in HTTP/1.1 form; HTTP/2 may need fewer.
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
    /// Size in bytes of the whole request, with the body uncompressed.
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
    /// Omits header values and body: tokens and personal data must not appear in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {} ({} bytes)", self.method, self.path, self.body.len())
    }
}

/// A complete response. A response that was cut off is a [`TransportError::Cut`], never a short body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case; contains at least those of [`KEPT_HEADERS`] that were sent.
    pub headers: Vec<(String, String)>,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header with this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
    /// Size in bytes of the whole response, with the body uncompressed.
    pub fn size(&self) -> u64 {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        size_of_head("HTTP/1.1 200\r\n".len(), headers).saturating_add(length(&self.body))
    }
}

/// Bytes on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Heads and bodies as compressed.
    pub sent: u64,
    pub received: u64,
    /// What IP, TCP, TLS and HTTP/2 add, estimated by [`crate::transport::overhead`].
    pub overhead_sent: u64,
    pub overhead_received: u64,
}

impl Traffic {
    /// The same bytes as the network operator counts them: with all overhead.
    #[must_use]
    pub fn at_ip_level(self) -> Self {
        Self {
            sent: self.sent.saturating_add(self.overhead_sent),
            received: self.received.saturating_add(self.overhead_received),
            ..Self::default()
        }
    }
    /// Bytes sent and received, without overhead.
    pub fn total(self) -> u64 {
        self.sent.saturating_add(self.received)
    }
    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent.saturating_add(other.sent),
            received: self.received.saturating_add(other.received),
            overhead_sent: self.overhead_sent.saturating_add(other.overhead_sent),
            overhead_received: self.overhead_received.saturating_add(other.overhead_received),
        }
    }
}

/// Response headers that the sync uses.
pub const KEPT_HEADERS: &[&str] = &[
    "content-type",
    "content-range",
    "date",
    "location",
    "retry-after",
    "upload-offset",
    protocol::field::PHOTO_RECEIPT_HEADER,
];
