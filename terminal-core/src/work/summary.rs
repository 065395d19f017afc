//! One line for the queue, for a saved draft or a filed payload of any kind.

use crate::{
    store::drafts::SavedDraft,
    words::Summary,
    work::{
        activity::ActivityContent, draft::DraftContent, report::ReportContent, saved_draft::Stored,
        tasks::AnswerContent,
    },
};
use protocol::{
    ids::RecordId,
    manifest::Catalogue,
    payload::{EntryKind, Payload},
};

/// Kind, record, summary and number of photos of a saved draft; `None` if it cannot be read.
pub(crate) fn draft_summary(draft: &SavedDraft) -> Option<(EntryKind, RecordId, Summary, usize)> {
    fn read<C: DraftContent>(json: &str) -> Option<(EntryKind, RecordId, Summary, usize)> {
        let stored: Stored<C> = serde_json::from_str(json).ok()?;
        Some((
            C::KIND,
            stored.record,
            stored.content.summary(),
            stored.photos.len(),
        ))
    }
    match draft.kind.parse().ok()? {
        EntryKind::Report => read::<ReportContent>(&draft.json),
        EntryKind::Activity => read::<ActivityContent>(&draft.json),
        EntryKind::Answer => read::<AnswerContent>(&draft.json),
        EntryKind::CheckIn | EntryKind::CheckOut | EntryKind::Withdraw | EntryKind::Void => None,
    }
}

/// The summary of a filed payload.
pub(super) fn payload_summary(payload: &Payload, catalogue: Option<&Catalogue>) -> Summary {
    match payload {
        Payload::Report(sent) => ReportContent::of(sent.clone(), catalogue).summary(),
        Payload::Activity(sent) => ActivityContent::from(sent.clone()).summary(),
        Payload::Answer(sent) => sent.text.as_str().into(),
        Payload::Withdraw(sent) => sent.reason.as_str().into(),
        Payload::CheckIn(_) | Payload::CheckOut(_) | Payload::Void => Summary::default(),
    }
}
