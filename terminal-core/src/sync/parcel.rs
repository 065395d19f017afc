//! Builds parcels (封存包): what only this handset holds, sealed to the server's key. Used by the hand-over of
//! an ended stream (`sync/handover.rs`), by the export to a file (`lifecycle/export.rs`) and by salvage.

use crate::{
    Error, Result,
    platform::{
        photo_files::PhotoFileError,
        random::{Random, random_bytes},
    },
    store::{
        account::Account,
        pending::{PendingPhoto, PendingWork},
    },
};
use protocol::{
    WIRE_VERSION,
    evidence::ClockReading,
    ids::EntryId,
    parcel::{
        Contents, FULL_PARCEL_BYTES, FULL_PARCEL_ITEMS, MissingPhoto, ParcelKey, ParcelSender, SealedDraft,
        SealedFor, SealedPhoto, seal,
    },
    photo::Sha256,
    problem::HandsetCode,
    sign::Signer,
};
use serde_json::value::RawValue;
use std::collections::{BTreeSet, VecDeque};

/// A parcel that is being built.
#[derive(Debug)]
pub struct ParcelBuilder {
    contents: Contents,
    entries: Vec<EntryId>,
    /// Photos whose bytes were not read yet.
    to_read: VecDeque<PendingPhoto>,
    photos: Vec<Vec<u8>>,
    /// Hashes of the contents, and of photos that are missing.
    hashes: BTreeSet<Sha256>,
}

impl ParcelBuilder {
    /// Selects the next parcel from the pending work that is not in `done`.
    ///
    /// # Errors
    /// `data.malformed` for an entry that is not UTF-8.
    pub fn next(
        pending: &PendingWork,
        done: &BTreeSet<Sha256>,
        clock: ClockReading,
        sealed_for: SealedFor,
    ) -> Result<Self> {
        let mut pack = Self {
            contents: Contents {
                v: WIRE_VERSION,
                clock,
                sealed_for: sealed_for.into(),
                left: 0,
                entries: Vec::new(),
                drafts: Vec::new(),
                photos: Vec::new(),
                missing: Vec::new(),
            },
            entries: Vec::new(),
            to_read: VecDeque::new(),
            photos: Vec::new(),
            hashes: BTreeSet::new(),
        };
        let (mut size, mut left) = (0, 0);
        // Returns true if this many bytes still fit after `count` items of their kind; the first item always does.
        let mut fits = |bytes: usize, is_first: bool, count: usize| {
            let fits = is_first || (size + bytes <= FULL_PARCEL_BYTES && count < FULL_PARCEL_ITEMS);
            if fits {
                size += bytes;
            } else {
                left += 1;
            }
            fits
        };
        // In order: if an entry does not fit, later ones wait too.
        let mut held_back = 0_u64;
        for entry in pending
            .entries
            .iter()
            .filter(|entry| !done.contains(&entry.sha256))
        {
            if held_back > 0 {
                held_back += 1;
            } else if !fits(entry.bytes.len(), pack.hashes.is_empty(), pack.entries.len()) {
                held_back = 1;
            } else {
                let text = String::from_utf8(entry.bytes.clone()).map_err(|e| Error::Data(e.to_string()))?;
                pack.contents.entries.push(RawValue::from_string(text)?);
                pack.entries.push(entry.id);
                pack.hashes.insert(entry.sha256);
            }
        }
        for draft in &pending.drafts {
            let draft = SealedDraft {
                id: draft.id,
                kind: draft.kind.clone(),
                json: draft.json.clone(),
                updated: draft.updated,
            };
            let count = pack.contents.drafts.len();
            if !done.contains(&draft.sha256()) && fits(2 * draft.json.len(), pack.hashes.is_empty(), count) {
                pack.hashes.insert(draft.sha256());
                pack.contents.drafts.push(draft);
            }
        }
        for photo in pending
            .photos
            .iter()
            .filter(|photo| !done.contains(&photo.sha256))
        {
            let bytes = usize::try_from(photo.size).unwrap_or(usize::MAX / 2);
            if fits(bytes, pack.hashes.is_empty(), pack.to_read.len()) {
                pack.hashes.insert(photo.sha256);
                pack.to_read.push_back(photo.clone());
            }
        }
        // The first of them was counted above.
        pack.contents.left = left + held_back.saturating_sub(1);
        Ok(pack)
    }
    /// Adds to the number of things that follow in later parcels.
    pub fn followed_by(&mut self, more: usize) {
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        self.contents.left = self.contents.left.saturating_add(more);
    }
    /// The entries in the parcel.
    pub fn entries(&self) -> &[EntryId] {
        &self.entries
    }
    /// Hashes of the contents, and of photos that are missing.
    pub fn hashes(&self) -> &BTreeSet<Sha256> {
        &self.hashes
    }
    /// The parcel's contents so far.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }
    /// The next photo to read.
    pub fn wanted(&self) -> Option<&PendingPhoto> {
        self.to_read.front()
    }
    /// Takes the bytes of the wanted photo, or why it cannot be read.
    pub fn take_photo(&mut self, read: std::result::Result<Vec<u8>, PhotoFileError>) {
        let Some(photo) = self.to_read.pop_front() else {
            return;
        };
        match read {
            Ok(bytes) if Sha256::of(&bytes) == photo.sha256 => {
                self.contents.photos.push(SealedPhoto {
                    sha256: photo.sha256,
                    size: photo.size,
                });
                self.photos.push(bytes);
            }
            Ok(_) => self.miss(photo.sha256, HandsetCode::PhotoFileDamaged),
            Err(PhotoFileError::Missing) => self.miss(photo.sha256, HandsetCode::PhotoFileMissing),
            Err(PhotoFileError::Damaged | PhotoFileError::Unreadable(_)) => {
                self.miss(photo.sha256, HandsetCode::PhotoFileDamaged);
            }
        }
    }
    fn miss(&mut self, sha256: Sha256, code: HandsetCode) {
        self.contents.missing.push(MissingPhoto {
            sha256,
            code: code.into(),
        });
    }
    /// Seals the parcel.
    ///
    /// # Errors
    /// Errors of the keys.
    pub fn seal(&self, account: &Account, signer: &dyn Signer, random: &dyn Random) -> Result<Vec<u8>> {
        let key: ParcelKey = account
            .parcel_key
            .parse()
            .map_err(|e: protocol::parcel::NotSealed| Error::Keystore(e.to_string()))?;
        let sender = ParcelSender {
            stream: account.stream,
            certificate: &account.certificate,
            signer,
        };
        seal(&sender, &key, &self.contents, &self.photos, random_bytes(random)?)
            .map_err(|error| Error::Keystore(error.to_string()))
    }
}

/// Counts of what was sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    pub parcels: u64,
    pub entries: u64,
    pub drafts: u64,
    pub photos: u64,
    /// Photos whose file was missing or damaged.
    pub photos_missing: u64,
}

impl Exported {
    pub(crate) fn add(&mut self, contents: &Contents) {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        self.parcels += 1;
        self.entries += count(contents.entries.len());
        self.drafts += count(contents.drafts.len());
        self.photos += count(contents.photos.len());
        self.photos_missing += count(contents.missing.len());
    }
}
