//! The entry: one thing a worker entered, serialised once, at submit; exactly those bytes are stored, sent,
//! hashed and kept for ever.

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

/// An entry may not be larger than this; text and photo names fit many times over.
pub const MAX_ENTRY_BYTES: usize = 256 * 1024;

/// One entry of a stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Entry {
    /// [`crate::WIRE_VERSION`] of the handset that wrote it.
    pub v: u16,
    pub id: EntryId,
    /// Position in the stream: 1, 2, 3 … without gaps.
    pub n: u64,
    pub kind: Open<EntryKind>,
    /// What it is about; order is kept inside one record and free between records.
    pub record: RecordId,
    /// The entry of the same record that must be applied first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<EntryId>,
    /// The entry of the same record that this one mends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<EntryId>,
    pub author: PersonId,
    pub post: PostId,
    /// The grid version in which the handset looked up its cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridVersion>,
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub payload: Box<RawValue>,
    pub evidence: Evidence,
}

impl Entry {
    /// Reads an entry and the payload of a kind that is known.
    pub fn read(bytes: &[u8]) -> Result<(Self, Option<Payload>), serde_json::Error> {
        let entry: Self = serde_json::from_slice(bytes)?;
        let payload = match entry.kind {
            Open::Known(kind) => Some(Payload::read(kind, &entry.payload)?),
            Open::Other(_) => None,
        };
        Ok((entry, payload))
    }
    /// The bytes to store and send. Called once for an entry.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

/// The least that makes an entry well-framed: with it the server takes custody, whatever else it says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EntryFrame {
    pub v: u16,
    pub id: EntryId,
    pub n: u64,
}

/// The receipt: the server holds exactly these bytes, durably. Custody, nothing more; what becomes of the
/// entry is its [`Disposition`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipt {
    pub id: EntryId,
    pub n: u64,
    /// Of the entry's bytes. A receipt for other bytes is no receipt.
    pub sha256: Sha256,
    /// When the server first took the bytes.
    pub received: Millis,
}

/// The number that people quote (受理号): day of the entry's id and ten characters of its hash part. Derived
/// from the id alone, so that a restored server gives the same one.
///
/// The day is that of the id's clock, which may lie; the number is a name, not a time.
pub fn receipt_number(id: EntryId) -> String {
    let bytes = id.0.as_bytes();
    let millis = bytes.iter().take(6).fold(0i64, |n, b| (n << 8) | i64::from(*b));
    let day = Millis(millis).civil().strftime("%y%m%d").to_string();
    // 50 random bits of the id in an alphabet without look-alikes (Crockford's base 32).
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
    /// What became of an entry, apart from custody.
    pub enum DispositionState {
        /// In force.
        Applied = "applied",
        /// 转人工核对: late or crossing; a person decides.
        Review = "review",
        /// Kept until it can be understood or its predecessor arrives.
        Held = "held",
        /// 被退回, with the reason and a way to mend it.
        Rejected = "rejected",
    }
}

/// A reason for people and, by its code, for machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reason {
    /// Stable dotted code, such as `task.answered_by_other`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: ErrorCode,
    pub zh: String,
    pub en: String,
}

impl Reason {
    /// A reason with words of its own, for example with a number or a name in them.
    pub fn new(code: impl Into<ErrorCode>, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            zh: zh.into(),
            en: en.into(),
        }
    }
}

/// What became of an entry; may come later than the receipt and may change. Reaches the author by mailbox.
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
