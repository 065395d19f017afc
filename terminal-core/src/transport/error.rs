//! Why no response came.

use crate::transport::pins::NOT_PINNED;
use protocol::{entry::Reason, problem::HandsetCode};

/// No response was received. The request may or may not have arrived.
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
    /// `network.pin`: the peer's certificate does not have a pinned key, for example at a captive portal.
    #[error("this is not the enrolled server: {0}")]
    Pin(String),
    /// `network.address`: the server address is invalid.
    #[error("the server's address cannot be used: {0}")]
    Address(String),
    /// `call.cancelled`: the caller cancelled the exchange.
    #[error("cancelled")]
    Cancelled,
}

impl TransportError {
    /// Code and words for the worker, in both languages.
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

pub(super) fn failed(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let text = chain(&error);
    if text.contains(NOT_PINNED) || text.contains("invalid peer certificate") {
        TransportError::Pin(text)
    } else if error.is_timeout() {
        TransportError::Timeout
    } else if error.is_connect() {
        TransportError::Unreachable(text)
    } else if error.is_builder() {
        TransportError::Address(text)
    } else {
        TransportError::Cut(text)
    }
}

/// Formats an error with its causes in one line. The URL is left out, because every cause repeats it.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}
