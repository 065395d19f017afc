//! Requests and responses of the handset, and the bytes that they cost on the wire.

use protocol::coding::Words;

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
