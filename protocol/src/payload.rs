//! The payload of an entry, by kind.

use crate::{
    codes::{CellCode, MatterCode},
    duty::Answer,
    evidence::Position,
    ids::{EntryId, TaskId},
    open::Open,
    photo::PhotoRef,
    time::Millis,
};
use serde::{Deserialize, Serialize};

crate::text_enum! {
    /// The kinds of entry this version knows. A newer handset may send others; the server holds them.
    pub enum EntryKind {
        /// 签到: presence begins (SP-03, duty by presence).
        CheckIn = "check_in",
        /// 签退: presence ends.
        CheckOut = "check_out",
        /// 上报 (T1)
        Report = "report",
        /// 活动记录 (SP-05)
        Activity = "activity",
        /// The answer to a task (T3, T13).
        Answer = "answer",
        /// Withdraws an entry that may already have been sent.
        Withdraw = "withdraw",
        /// A number that was cancelled before it was ever sent.
        Void = "void",
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckIn {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckOut {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A report from the field (上报, T1, SJ-03).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Report {
    /// Optional: the acceptor can fill or correct it (T4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<MatterCode>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Place of the matter, if it differs from the worker's position (`evidence.position`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Position>,
    /// The cell as looked up by the handset in its grid version; the server looks it up again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellCode>,
    /// True if the worker chose `cell` from a list; false if it was looked up from a position. The server uses a chosen
    /// cell only where no position gives one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cell_chosen: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// 自行处理: handled on the spot (SJ-03).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub self_handled: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoRef>,
}

/// An activity record (活动记录, SP-05, SP-15, TJ-09). A correction is a new version of the same record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Activity {
    /// 活动类别, a value from the settings: `fitness`, `contest`, `lecture`, `training` …
    pub category: String,
    pub title: String,
    pub starts: Millis,
    pub ends: Millis,
    pub place: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellCode>,
    pub organiser: String,
    /// Number of participants, 1 or more.
    pub participants: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoRef>,
}

/// The answer to a task (核实反馈 T3, 核查反馈 T13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskAnswer {
    pub task: TaskId,
    pub answer: Open<Answer>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PhotoRef>,
}

/// Withdraws an entry. If its case has already changed its state, the case stays and the withdrawal goes to the
/// review queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Withdraw {
    pub entry: EntryId,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A payload of a kind that this version knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    CheckIn(CheckIn),
    CheckOut(CheckOut),
    Report(Report),
    Activity(Activity),
    Answer(TaskAnswer),
    Withdraw(Withdraw),
    Void,
}

impl Payload {
    pub const fn kind(&self) -> EntryKind {
        match self {
            Self::CheckIn(_) => EntryKind::CheckIn,
            Self::CheckOut(_) => EntryKind::CheckOut,
            Self::Report(_) => EntryKind::Report,
            Self::Activity(_) => EntryKind::Activity,
            Self::Answer(_) => EntryKind::Answer,
            Self::Withdraw(_) => EntryKind::Withdraw,
            Self::Void => EntryKind::Void,
        }
    }
    /// Returns the photos that the entry names, in order.
    pub fn photos(&self) -> &[PhotoRef] {
        match self {
            Self::Report(p) => &p.photos,
            Self::Activity(p) => &p.photos,
            Self::Answer(p) => &p.photos,
            Self::CheckIn(_) | Self::CheckOut(_) | Self::Withdraw(_) | Self::Void => &[],
        }
    }
    /// Parses the payload of a known kind.
    pub fn read(kind: EntryKind, json: &serde_json::value::RawValue) -> Result<Self, serde_json::Error> {
        let text = json.get();
        Ok(match kind {
            EntryKind::CheckIn => Self::CheckIn(serde_json::from_str(text)?),
            EntryKind::CheckOut => Self::CheckOut(serde_json::from_str(text)?),
            EntryKind::Report => Self::Report(serde_json::from_str(text)?),
            EntryKind::Activity => Self::Activity(serde_json::from_str(text)?),
            EntryKind::Answer => Self::Answer(serde_json::from_str(text)?),
            EntryKind::Withdraw => Self::Withdraw(serde_json::from_str(text)?),
            EntryKind::Void => Self::Void,
        })
    }
    /// The payload as JSON.
    pub fn to_json(&self) -> Result<Box<serde_json::value::RawValue>, serde_json::Error> {
        use serde_json::value::to_raw_value;
        match self {
            Self::CheckIn(p) => to_raw_value(p),
            Self::CheckOut(p) => to_raw_value(p),
            Self::Report(p) => to_raw_value(p),
            Self::Activity(p) => to_raw_value(p),
            Self::Answer(p) => to_raw_value(p),
            Self::Withdraw(p) => to_raw_value(p),
            Self::Void => to_raw_value(&serde_json::Map::new()),
        }
    }
}
