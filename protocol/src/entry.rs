//! The entry: one item that a worker submitted. It is serialised once, at submit; exactly those bytes are stored,
//! sent, hashed and kept for ever.

use crate::{
    codes::GridVersion,
    evidence::Evidence,
    ids::{EntryId, PersonId, PostId, RecordId},
    open::Open,
    payload::{EntryKind, Payload},
    photo::Sha256,
    problem::ErrorCode,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Maximum size of an entry in bytes; leaves ample room for text and the list of photos.
pub const MAX_ENTRY_BYTES: usize = 256 * 1024;

/// One entry of a stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Entry {
    /// [`crate::WIRE_VERSION`] of the handset that created it.
    pub v: u16,
    pub id: EntryId,
    /// Sequence number in the stream: 1, 2, 3 … without gaps.
    pub n: u64,
    pub kind: Open<EntryKind>,
    /// The record that the entry is about. Entries of one record are applied in order; there is no order between
    /// records.
    pub record: RecordId,
    /// The entry of the same record that must be applied first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<EntryId>,
    /// The entry of the same record that this one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<EntryId>,
    pub author: PersonId,
    pub post: PostId,
    /// The grid version with which the handset looked up its cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridVersion>,
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub payload: Box<RawValue>,
    pub evidence: Evidence,
}

impl Entry {
    /// Parses an entry, and its payload if the kind is known.
    pub fn read(bytes: &[u8]) -> Result<(Self, Option<Payload>), serde_json::Error> {
        let entry: Self = serde_json::from_slice(bytes)?;
        let payload = match entry.kind {
            Open::Known(kind) => Some(Payload::read(kind, &entry.payload)?),
            Open::Other(_) => None,
        };
        Ok((entry, payload))
    }
    /// Serialises the entry to the bytes that are stored and sent. Called once for each entry.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

/// The minimal fields of an entry. The server accepts and receipts an entry that has them, whatever else it contains.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EntryFrame {
    pub v: u16,
    pub id: EntryId,
    pub n: u64,
}

/// The receipt for an entry: the server has stored exactly these bytes durably. It says nothing about the processing
/// of the entry, which is its [`Disposition`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipt {
    pub id: EntryId,
    pub n: u64,
    /// Hash of the entry's bytes. The handset ignores a receipt with another hash.
    pub sha256: Sha256,
    /// Time at which the server first stored the bytes.
    pub received: Millis,
}

/// The receipt number (受理号) for people: day of the entry's id and ten characters of its random part. Derived from the
/// id alone, so that a restored server computes the same number.
///
/// The day is that of the clock in the id, which may be wrong: the number is a name, not a time.
pub fn receipt_number(id: EntryId) -> String {
    let bytes = id.0.as_bytes();
    let millis = bytes.iter().take(6).fold(0i64, |n, b| (n << 8) | i64::from(*b));
    let day = Millis(millis).civil().strftime("%y%m%d").to_string();
    // 50 random bits of the id in an alphabet without ambiguous characters (Crockford's base 32).
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let tail = bytes.iter().skip(9).fold(0u64, |n, b| (n << 8) | u64::from(*b));
    let letters: String = (0..10)
        .rev()
        .map(|k| {
            let digit = usize::try_from((tail >> (5 * k)) & 31).unwrap_or(0);
            ALPHABET.get(digit).copied().map_or('0', char::from)
        })
        .collect();
    format!("{day}-{letters}")
}

crate::text_enum! {
    /// The outcome of an entry, separate from custody.
    pub enum DispositionState {
        /// In effect.
        Applied = "applied",
        /// 转人工核对: late, or in conflict with another entry; a person decides.
        Review = "review",
        /// Stored until the server understands it or its predecessor arrives.
        Held = "held",
        /// 被退回, with the reason and how to correct it.
        Rejected = "rejected",
    }
}

/// A reason: texts for people and a code for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reason {
    /// Stable dotted code, such as `task.late`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: ErrorCode,
    pub zh: String,
    pub en: String,
}

impl Reason {
    /// A reason with its own text, for example with a number or a name in it, in place of the registry's text.
    pub fn new(code: impl Into<ErrorCode>, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            zh: zh.into(),
            en: en.into(),
        }
    }
}

/// Result of processing an entry. It may come later than the receipt and may change; the author receives it through
/// the mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Disposition {
    pub state: Open<DispositionState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl Disposition {
    pub fn applied() -> Self {
        Self {
            state: DispositionState::Applied.into(),
            reason: None,
        }
    }
    pub fn review(reason: Reason) -> Self {
        Self {
            state: DispositionState::Review.into(),
            reason: Some(reason),
        }
    }
    pub fn held(reason: Reason) -> Self {
        Self {
            state: DispositionState::Held.into(),
            reason: Some(reason),
        }
    }
    pub fn rejected(reason: Reason) -> Self {
        Self {
            state: DispositionState::Rejected.into(),
            reason: Some(reason),
        }
    }
}
