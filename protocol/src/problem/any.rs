//! Any error code: one of the three lists, or one that only a newer peer knows.

use super::{class::ProblemClass, code::ProblemCode, handset::HandsetCode, reason::ReasonCode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, ops::Deref};

/// An error code of this registry, or the text of a code that this version does not know.
///
/// On the wire and in databases it is its text. A code of a newer peer is kept and written unchanged.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The server refused a request.
    Problem(ProblemCode),
    /// The server's reason for an entry's disposition.
    Reason(ReasonCode),
    /// Raised by a handset.
    Handset(HandsetCode),
    /// In none of the lists: a newer peer's code, or `http.` and the status of an answer without a code.
    Other(Box<str>),
}

impl ErrorCode {
    /// Returns the code with this text. Never fails: an unknown text becomes [`Self::Other`].
    pub fn parse(text: &str) -> Self {
        ProblemCode::parse(text)
            .map(Self::Problem)
            .or_else(|| ReasonCode::parse(text).map(Self::Reason))
            .or_else(|| HandsetCode::parse(text).map(Self::Handset))
            .unwrap_or_else(|| Self::Other(text.into()))
    }
    /// Returns the code for an HTTP answer with this status and without a Xunge code, such as `http.503`.
    pub fn of_http(status: u16) -> Self {
        Self::Other(format!("http.{status}").into())
    }
    /// Returns the stable text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Problem(code) => code.as_str(),
            Self::Reason(code) => code.as_str(),
            Self::Handset(code) => code.as_str(),
            Self::Other(text) => text,
        }
    }
    /// How a program that receives the code reacts to it.
    ///
    /// Promise to old handsets: a new code of the families `auth.` and `stream.` concerns the sender, a new code of
    /// `network.` concerns the network. This is the only place that looks at a part of a code's text.
    pub fn class(&self) -> ProblemClass {
        match self {
            Self::Problem(code) => code.class(),
            Self::Reason(code) => code.class(),
            Self::Handset(code) => code.class(),
            Self::Other(text) => match text.split_once('.').map_or("", |(family, _)| family) {
                "auth" | "stream" => ProblemClass::SenderRefused,
                "network" => ProblemClass::Network,
                _ => ProblemClass::Refused,
            },
        }
    }
    /// Returns the Chinese text of the registry, `None` for an unknown code.
    pub const fn zh(&self) -> Option<&'static str> {
        match self {
            Self::Problem(code) => Some(code.zh()),
            Self::Reason(code) => Some(code.zh()),
            Self::Handset(code) => Some(code.zh()),
            Self::Other(_) => None,
        }
    }
    /// Returns the English text of the registry, `None` for an unknown code.
    pub const fn en(&self) -> Option<&'static str> {
        match self {
            Self::Problem(code) => Some(code.en()),
            Self::Reason(code) => Some(code.en()),
            Self::Handset(code) => Some(code.en()),
            Self::Other(_) => None,
        }
    }
}

impl From<ProblemCode> for ErrorCode {
    fn from(code: ProblemCode) -> Self {
        Self::Problem(code)
    }
}
impl From<ReasonCode> for ErrorCode {
    fn from(code: ReasonCode) -> Self {
        Self::Reason(code)
    }
}
impl From<HandsetCode> for ErrorCode {
    fn from(code: HandsetCode) -> Self {
        Self::Handset(code)
    }
}
impl From<&Self> for ErrorCode {
    fn from(code: &Self) -> Self {
        code.clone()
    }
}

impl PartialEq<ProblemCode> for ErrorCode {
    fn eq(&self, other: &ProblemCode) -> bool {
        matches!(self, Self::Problem(code) if code == other)
    }
}
impl PartialEq<ReasonCode> for ErrorCode {
    fn eq(&self, other: &ReasonCode) -> bool {
        matches!(self, Self::Reason(code) if code == other)
    }
}
impl PartialEq<HandsetCode> for ErrorCode {
    fn eq(&self, other: &HandsetCode) -> bool {
        matches!(self, Self::Handset(code) if code == other)
    }
}
impl PartialEq<str> for ErrorCode {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}
impl PartialEq<&str> for ErrorCode {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Deref for ErrorCode {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}
impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}
impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(|text| Self::parse(&text))
    }
}
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ErrorCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        String::schema()
    }
}
#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ErrorCode {}
