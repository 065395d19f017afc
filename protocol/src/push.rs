//! `POST /v1/field/push`: an envelope with a batch of entries, whose body is signed, and its answer.

use crate::{
    boot_time::Exchange,
    entry::Receipt,
    evidence::ClockReading,
    ids::{EntryId, StreamId},
    photo::Sha256,
    problem::ErrorCode,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Maximum number of entries in a batch. A larger batch is answered with `push.too_many`, and the handset halves it.
pub const MAX_BATCH: usize = 500;
/// Maximum size of a push body in bytes after decompression.
pub const MAX_PUSH_BYTES: usize = 8 * 1024 * 1024;

/// A batch of entries. The bytes of each entry are exactly those that the handset stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Envelope {
    pub v: u16,
    pub stream: StreamId,
    /// Clock reading at the time of sending. Together with the reading in each entry it gives the entry's trusted
    /// time.
    pub clock: ClockReading,
    /// The shortest exchange with the server that the handset measured in this boot. Absent before the first one, and
    /// from older handsets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub entries: Vec<Box<RawValue>>,
}

/// Result of a push: what the server has stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PushAnswer {
    pub epoch: String,
    pub server_time: Millis,
    /// Hash of the decompressed request body. The handset ignores an answer with another hash.
    pub body_sha256: Sha256,
    pub receipts: Vec<Receipt>,
    pub refused: Vec<RefusedEntry>,
    pub mark: StreamMark,
    /// Present if the request asked for a brief answer ([`BRIEF`]) and every entry of the body was taken, at this
    /// time. Then `receipts` is empty: the receipt of each entry is its id, number and hash with this time, and
    /// `body_sha256` covers the bytes of all entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Millis>,
}

/// Header and value (RFC 7240) by which a handset requests `taken` instead of a receipt for each entry.
pub const BRIEF: (&str, &str) = ("prefer", "return=minimal");

/// An element of the batch that the server did not take, with the reason. It does not affect the other elements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Refused))]
pub struct RefusedEntry {
    /// Position in the batch, from 0.
    pub index: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EntryId>,
    /// `entry.unframed`, `entry.too_large`, `entry.conflict`, `entry.number_taken`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: ErrorCode,
    pub detail: String,
}

/// How complete the server's copy of a stream is. Handset and server compare it to prove completeness.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamMark {
    /// Every number from 1 to this one is held.
    pub upto: u64,
    /// The highest number held.
    pub highest: u64,
    /// Missing ranges between `upto` and `highest`, both ends inclusive; at most the first 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<(u64, u64)>,
}

impl StreamMark {
    /// Builds the mark from the numbers held, in ascending order.
    pub fn of(numbers: impl IntoIterator<Item = u64>) -> Self {
        let mut mark = Self::default();
        for n in numbers {
            if n > mark.highest.saturating_add(1) && mark.holes.len() < 100 {
                mark.holes
                    .push((mark.highest.saturating_add(1), n.saturating_sub(1)));
            }
            mark.highest = n.max(mark.highest);
            if mark.holes.is_empty() {
                mark.upto = mark.highest;
            }
        }
        mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_names_the_missing_ranges() {
        assert_eq!(StreamMark::of([]), StreamMark::default());
        assert_eq!(
            StreamMark::of([1, 2, 3]),
            StreamMark {
                upto: 3,
                highest: 3,
                holes: vec![]
            }
        );
        let mark = StreamMark::of([2, 3, 7, 9]);
        assert_eq!(
            mark,
            StreamMark {
                upto: 0,
                highest: 9,
                holes: vec![(1, 1), (4, 6), (8, 8)]
            }
        );
    }
}
