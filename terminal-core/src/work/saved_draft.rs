//! The stored format of drafts.

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
    /// Hash of the bytes from which it was made.
    pub(super) original: Sha256,
}

/// A draft in its stored form. Only add fields, with a default: drafts survive upgrades (story 19).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stored<C> {
    pub(super) record: RecordId,
    #[serde(default)]
    pub(super) supersedes: Option<EntryId>,
    #[serde(default)]
    pub(super) position: Option<Position>,
    /// The boot in which the position was set: its monotonic time means nothing in another one.
    #[serde(default)]
    pub(super) boot: Option<String>,
    #[serde(default)]
    pub(super) photos: Vec<DraftPhoto>,
    pub(super) content: C,
}

/// The reason why a draft cannot be read: a newer version of the app wrote it. It is kept unchanged.
pub(crate) fn newer_app_draft() -> Reason {
    Reason::new(
        HandsetCode::DraftNewer,
        "当前版本的应用打不开这份草稿，已原样保留在本机，请更新应用后继续",
        "this version of the app cannot open the draft; the draft is kept unchanged; update the app to continue it",
    )
}

/// The kind of a saved draft, without reading its content; `None` if this version cannot read it.
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

/// Record and number of photos of a draft whose content cannot be read.
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

/// The photos that a saved draft names; `None` if it cannot be read.
pub(crate) fn draft_photos(draft: &SavedDraft) -> Option<Vec<Sha256>> {
    #[derive(Deserialize)]
    struct Photos {
        #[serde(default)]
        photos: Vec<DraftPhoto>,
    }
    let read = serde_json::from_str::<Photos>(&draft.json).ok()?;
    Some(read.photos.into_iter().map(|p| p.photo.sha256).collect())
}
