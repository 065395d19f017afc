//! `GET /v1/field/pull`: two mailboxes, the post's and the author's, each a compacted feed.
//!
//! Each (kind, entity) has at most one row; every change gives the row a new, higher number. A row without a body is
//! a tombstone. A pull without a cursor returns the whole state.

use crate::{
    case::CaseState,
    codes::{CellCode, MatterCode},
    entry::Disposition,
    ids::{CaseId, EntryId, PersonId, RecordId},
    open::Open,
    payload::EntryKind,
    time::Millis,
};
use serde::{Deserialize, Serialize};

crate::text_enum! {
    /// The mailbox that a row belongs to.
    pub enum Mailbox {
        /// The post's: tasks and notices for the current holder (SP-02).
        Post = "post",
        /// The author's: dispositions, reviews, own history.
        Author = "author",
    }
}

/// Row kinds of this version; `FeedRow::kind` may hold others, which are kept and ignored.
pub mod kind {
    /// Body [`crate::duty::TaskRow`], entity the task.
    pub const TASK: &str = "task";
    /// Body [`super::DispositionRow`], entity the entry.
    pub const DISPOSITION: &str = "disposition";
    /// Body [`super::UnsettledRow`], entity the entry.
    pub const UNSETTLED: &str = "unsettled";
    /// Body [`super::CaseRow`], entity the case.
    pub const CASE: &str = "case";
    /// Body [`super::ActivityRow`], entity the record.
    pub const ACTIVITY: &str = "activity";
    /// Body [`super::PostRow`], entity the post.
    pub const POST: &str = "post";
    /// Body [`super::PresenceRow`], entity the person.
    pub const PRESENCE: &str = "presence";
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FeedRow {
    pub mailbox: Open<Mailbox>,
    /// Position in the mailbox; a later commit has a higher number.
    pub n: u64,
    pub kind: String,
    pub entity: String,
    /// Absent if the row is a tombstone: the entity was removed from this mailbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub body: Option<serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PullAnswer {
    /// Changes when the server is restored. A cursor of another epoch reads from the start.
    pub epoch: String,
    pub server_time: Millis,
    /// Mailboxes that this answer returns from the start. The handset deletes its rows of these mailboxes before it
    /// stores the new ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reset: Vec<Open<Mailbox>>,
    pub rows: Vec<FeedRow>,
    /// Opaque. The handset saves it together with the rows, in one transaction.
    pub cursor: String,
    /// True if another pull with the new cursor returns more rows now.
    pub more: bool,
}

/// The outcome of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DispositionRow {
    pub entry: EntryId,
    pub record: RecordId,
    #[serde(flatten)]
    pub disposition: Disposition,
    pub at: Millis,
}

/// An entry that still needs its author: it was rejected and not replaced, or it came in a parcel and is not decided.
/// The row contains the entry, so that every handset of the author can show and correct it, including one that never
/// had or has lost it. Removed when the entry is applied, withdrawn or replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnsettledRow {
    pub entry: EntryId,
    pub record: RecordId,
    pub kind: Open<EntryKind>,
    /// When the entry was created, as the server estimates it.
    pub made: Millis,
    #[serde(flatten)]
    pub disposition: Disposition,
    pub at: Millis,
    /// The entry as it was sent; absent if it cannot be parsed or is larger than [`MAX_UNSETTLED_BYTES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub content: Option<serde_json::Value>,
}

/// Maximum size in bytes of an entry in a mailbox row.
pub const MAX_UNSETTLED_BYTES: usize = 16 * 1024;

/// Number of bytes in the bodies of an answer's rows at which a pull ends the answer; the last row may exceed it. An
/// answer passes a bad network within one request.
pub const PULL_BYTES: usize = 128 * 1024;

/// The author's own report: the state of its case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CaseRow {
    pub case: CaseId,
    pub record: RecordId,
    /// 受理号
    pub number: String,
    pub state: Open<CaseState>,
    /// Number of photos named by the report that the server has stored and verified by hash.
    pub photos_held: u32,
    pub photos_named: u32,
    pub at: Millis,
    /// When the report was made, as the server estimates it. Absent, like all fields below, in a row that an older
    /// server wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Millis>,
    /// The type in force, which an acceptor may have corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<MatterCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellCode>,
    /// The beginning of the address: one line of at most [`MAX_ROW_WORDS`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The beginning of the description, of the same form; only in a row without an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// True if the author withdrew the report; for handsets that do not know [`CaseState::Withdrawn`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// Why the case was not filed: the beginning of the opinion, at most [`MAX_ROW_REASON`] characters. Only in state
    /// [`CaseState::NotFiled`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Maximum length in characters of a reason in a row.
pub const MAX_ROW_REASON: usize = 300;

/// Maximum length in characters of an address, a description or a place in a row. Rows stay for years, so they hold
/// what a list shows and no more.
pub const MAX_ROW_WORDS: usize = 40;

/// The beginning of a text for a row: one line of at most [`MAX_ROW_WORDS`] characters, the last one an ellipsis if
/// the text was cut. `None` for an empty text.
pub fn row_words(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().nth(MAX_ROW_WORDS).is_none() {
        return Some(line).filter(|line| !line.is_empty());
    }
    let kept = line.chars().take(MAX_ROW_WORDS - 1).chain(['…']);
    Some(kept.collect())
}

crate::text_enum! {
    /// State of an activity record.
    pub enum ActivityState {
        /// 待审核
        Submitted = "submitted",
        /// 通过
        Approved = "approved",
        /// 退回
        Returned = "returned",
    }
}

/// The author's own activity record: its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActivityRow {
    pub record: RecordId,
    /// The entry of the current version.
    pub entry: EntryId,
    /// 1 for the first version, then one more for each corrected version.
    pub version: u32,
    pub title: String,
    pub state: Open<ActivityState>,
    /// The reviewer's text when the record was returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub at: Millis,
    /// When the first version was received. Absent, like all fields below, in a row that an older server wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Millis>,
    /// The beginning decides the month (SP-05), see [`Millis::month`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participants: Option<u32>,
    /// The beginning of the place: one line of at most [`MAX_ROW_WORDS`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// The current data of the post: number and area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PostRow {
    pub name: String,
    /// 号码, bound to the post (SP-02).
    pub number: String,
    /// Prefixes of the cells that the post is responsible for: a county, street, community or cell code each.
    pub area: Vec<String>,
}

/// The person's presence: on duty or not, as the server records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PresenceRow {
    pub person: PersonId,
    pub present: bool,
    /// When the duty began; if not `present`: when it ended.
    pub since: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_row_are_one_short_line() {
        assert_eq!(row_words(" \n"), None);
        assert_eq!(row_words(" 同志街\n88 号 "), Some("同志街 88 号".into()));
        let exact = "街".repeat(MAX_ROW_WORDS);
        assert_eq!(row_words(&exact), Some(exact.clone()));
        let cut = row_words(&format!("{exact}口")).unwrap();
        assert_eq!(cut.chars().count(), MAX_ROW_WORDS);
        assert!(cut.ends_with('…'));
    }
}
