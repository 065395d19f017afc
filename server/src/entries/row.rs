//! The row of an entry in the database.

use crate::store::{error::StoreError, value::Row};
use protocol::{
    entry::{DispositionState, Reason},
    evidence::{TimeBasis, TrustedTime},
    ids::{EntryId, PersonId, PostId, RecordId, StreamId},
    photo::Sha256,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// State of an entry in custody: a disposition, or not decided yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// Stored and not decided: just inserted, released by the entry that it waited for, held before the server was
    /// started again, or applying it failed. The job `intake.apply` applies it.
    Pending,
    Applied,
    Review,
    Held,
    Rejected,
}

impl EntryState {
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Applied,
        Self::Review,
        Self::Held,
        Self::Rejected,
    ];

    /// The text in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Applied => "applied",
            Self::Review => "review",
            Self::Held => "held",
            Self::Rejected => "rejected",
        }
    }
}

impl FromStr for EntryState {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(())
    }
}

impl From<DispositionState> for EntryState {
    fn from(state: DispositionState) -> Self {
        match state {
            DispositionState::Applied => Self::Applied,
            DispositionState::Review => Self::Review,
            DispositionState::Held => Self::Held,
            DispositionState::Rejected => Self::Rejected,
        }
    }
}

/// An entry in custody with its disposition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    pub id: EntryId,
    pub stream: StreamId,
    pub n: u64,
    pub sha256: Sha256,
    /// From the entry; may be unknown to this version.
    pub kind: String,
    pub record: RecordId,
    /// The holder of the stream that sent it.
    pub author: PersonId,
    /// The stream's post.
    pub post: PostId,
    pub state: EntryState,
    pub reason: Option<Reason>,
    pub received: Millis,
    pub made: TrustedTime,
}

impl EntryRow {
    /// The `SELECT` for [`EntryRow::read`], without `WHERE`.
    pub(crate) const SELECT: &'static str =
        "SELECT e.id, e.stream, e.n, e.sha256, e.kind, e.record, s.person,
             s.post, e.state, e.reason, e.received, e.made_at, e.uncertainty, e.basis
         FROM entry e JOIN stream s ON s.id = e.stream";

    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        let id: EntryId = row.parse("id")?;
        Ok(Self {
            id,
            stream: row.parse("stream")?,
            n: row.get("n")?,
            sha256: row.parse("sha256")?,
            kind: row.get("kind")?,
            record: row.parse_opt("record")?.unwrap_or(RecordId(id.0)),
            author: row.parse("person")?,
            post: row.parse("post")?,
            state: row.parse("state")?,
            reason: reason(row)?,
            received: Millis(row.get("received")?),
            made: made(row)?,
        })
    }
}

pub(crate) fn reason(row: &Row) -> Result<Option<Reason>, StoreError> {
    let text: Option<String> = row.get("reason")?;
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|e| StoreError::decode("reason", "a reason", e))
}

pub(crate) fn made(row: &Row) -> Result<TrustedTime, StoreError> {
    Ok(TrustedTime {
        at: Millis(row.get("made_at")?),
        uncertainty_ms: row.get("uncertainty")?,
        basis: basis(row)?,
    })
}

pub(crate) fn basis(row: &Row) -> Result<TimeBasis, StoreError> {
    Ok(match row.get::<String>("basis")?.as_str() {
        "monotonic" => TimeBasis::Monotonic,
        "offset" => TimeBasis::Offset,
        _ => TimeBasis::WallOnly,
    })
}

pub(crate) const fn basis_text(basis: TimeBasis) -> &'static str {
    match basis {
        TimeBasis::Monotonic => "monotonic",
        TimeBasis::Offset => "offset",
        TimeBasis::WallOnly => "wall_only",
    }
}
