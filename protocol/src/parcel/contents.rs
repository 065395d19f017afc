//! The contents of a parcel, and the server's answer to it.

use crate::{
    entry::Receipt,
    evidence::ClockReading,
    field::{PhotoReceipt, SignedCertificate},
    ids::{EntryId, StreamId},
    open::Open,
    photo::Sha256,
    problem::ErrorCode,
    push::StreamMark,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

crate::text_enum! {
    /// Why items were sealed instead of pushed.
    pub enum SealedFor {
        /// 终端停用
        Revoked = "revoked",
        /// 清除指令
        Wipe = "wipe",
        /// 无网络，导出交接
        Export = "export",
        /// 数据库损坏，抢救
        Salvage = "salvage",
    }
}

/// The part of a parcel that is not encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub v: u16,
    pub stream: StreamId,
    /// Id of the server's parcel key to which it is sealed ([`super::ParcelKey::id`]).
    pub key: String,
    /// With it, a server restored from an older backup accepts the stream again.
    pub certificate: SignedCertificate,
}

/// The encrypted part, except the photos' bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Contents {
    pub v: u16,
    /// All clocks of the handset at sealing.
    pub clock: ClockReading,
    pub sealed_for: Open<SealedFor>,
    /// Number of items still to be handed over after this parcel; 0: this is the last one.
    pub left: u64,
    /// The entries, byte for byte as the handset stored them.
    pub entries: Vec<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drafts: Vec<SealedDraft>,
    /// In the order in which their bytes follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<SealedPhoto>,
    /// Photos whose bytes the handset no longer has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingPhoto>,
}

/// A draft that the worker had not submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedDraft {
    pub id: EntryId,
    pub kind: String,
    /// The draft as the handset's program stores it; for people to read.
    pub json: String,
    pub updated: Millis,
}

impl SealedDraft {
    /// Returns the hash by which the answer confirms that the draft is stored.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(self.json.as_bytes())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedPhoto {
    pub sha256: Sha256,
    pub size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingPhoto {
    pub sha256: Sha256,
    /// `photo.file_missing`, `photo.file_damaged`
    pub code: ErrorCode,
}

/// Contents of a parcel that the server has stored durably. The handset may delete only what this answer names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParcelAnswer {
    pub epoch: String,
    pub server_time: Millis,
    /// Hash of the parcel's bytes. The handset ignores an answer with another hash.
    pub parcel: Sha256,
    pub receipts: Vec<Receipt>,
    /// Hashes of contents that the server does not take as entries (drafts, entries that it refused before). The
    /// server keeps them for a person to check.
    pub kept: Vec<Sha256>,
    pub photos: Vec<PhotoReceipt>,
    pub mark: StreamMark,
}
