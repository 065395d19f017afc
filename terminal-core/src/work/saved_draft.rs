//! The format in which drafts are saved.

use crate::store::drafts::SavedDraft;
use protocol::{
    entry::Reason,
    evidence::Position,
    ids::{EntryId, RecordId},
    payload::EntryKind,
    photo::{PhotoRef, Sha256},
    problem::HandsetCode,
};
use serde::{Deserialize, Serialize, de::IgnoredAny};

/// A photo of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DraftPhoto {
    #[serde(flatten)]
    pub(super) photo: PhotoRef,
    /// Hash of the bytes it was made from.
    pub(super) original: Sha256,
}

/// A draft as the store keeps it. Fields are only ever added, with a default: drafts outlive upgrades
/// (story 19).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stored<C> {
    pub(super) record: RecordId,
    #[serde(default)]
    pub(super) supersedes: Option<EntryId>,
    #[serde(default)]
    pub(super) position: Option<Position>,
    #[serde(default)]
    pub(super) photos: Vec<DraftPhoto>,
    pub(super) content: C,
}

/// Code of [`newer_app_draft`].
pub(super) const DRAFT_NEWER: HandsetCode = HandsetCode::DraftNewer;

/// Why a draft cannot be opened that does not read here: a newer version of the app wrote it. It is kept as it is.
pub(crate) fn newer_app_draft() -> Reason {
    Reason::new(
        DRAFT_NEWER,
        "当前版本的应用打不开这份草稿，已原样保留在本机，请更新应用后继续",
        "this version of the app cannot open the draft; it is kept here as it is, update the app and go on",
    )
}

/// The kind of a saved draft, its content not read; `None` when it does not read as a draft of a kind known here.
pub(super) fn saved_kind(draft: &SavedDraft) -> Option<EntryKind> {
    match draft.kind.parse().ok()? {
        kind @ (EntryKind::Report | EntryKind::Activity | EntryKind::Answer) => {
            serde_json::from_str::<Stored<IgnoredAny>>(&draft.json)
                .ok()
                .map(|_| kind)
        }
        EntryKind::CheckIn | EntryKind::CheckOut | EntryKind::Withdraw | EntryKind::Void => None,
    }
}

/// What a draft that does not read still says: its record and how many photos it names.
pub(crate) fn draft_outline(draft: &SavedDraft) -> (Option<RecordId>, usize) {
    #[derive(Deserialize)]
    struct Outline {
        record: RecordId,
    }
    let outline = serde_json::from_str::<Outline>(&draft.json).ok();
    (
        outline.map(|outline| outline.record),
        draft_photos(draft).map_or(0, |photos| photos.len()),
    )
}

/// The photos that a saved draft names; `None` when it does not read as a draft.
pub(crate) fn draft_photos(draft: &SavedDraft) -> Option<Vec<Sha256>> {
    #[derive(Deserialize)]
    struct Photos {
        #[serde(default)]
        photos: Vec<DraftPhoto>,
    }
    let read = serde_json::from_str::<Photos>(&draft.json).ok()?;
    Some(read.photos.into_iter().map(|p| p.photo.sha256).collect())
}
