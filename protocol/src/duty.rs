//! Tasks (任务), pushed to the person on duty in a cell, and their answers.

use crate::{
    codes::CellCode,
    geo::PointE7,
    ids::{CaseId, PersonId, PostId, TaskId},
    photo::Sha256,
    time::Millis,
};
use serde::{Deserialize, Serialize};

crate::text_enum! {
    /// The purpose of a task.
    pub enum Purpose {
        /// 核实: is a citizen's report true? (T3)
        Verify = "verify",
        /// 核查: was the matter handled? (T12, T13)
        Check = "check",
        /// 督导核验: a supervisor asks about a place.
        Inspect = "inspect",
    }
}

impl Purpose {
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Verify => "核实",
            Self::Check => "核查",
            Self::Inspect => "督导核验",
        }
    }
    /// Returns the two answers that fit the purpose.
    pub const fn answers(self) -> [Answer; 2] {
        match self {
            Self::Verify | Self::Inspect => [Answer::True, Answer::NotTrue],
            Self::Check => [Answer::Rectified, Answer::NotRectified],
        }
    }
}

crate::text_enum! {
    /// The answer of a task (属实 / 不属实; 已整改 / 未整改).
    pub enum Answer {
        /// 属实
        True = "true",
        /// 不属实
        NotTrue = "not_true",
        /// 已整改
        Rectified = "rectified",
        /// 未整改
        NotRectified = "not_rectified",
    }
}

impl Answer {
    pub const fn zh(self) -> &'static str {
        match self {
            Self::True => "属实",
            Self::NotTrue => "不属实",
            Self::Rectified => "已整改",
            Self::NotRectified => "未整改",
        }
    }
}

crate::text_enum! {
    /// State of a task.
    pub enum TaskState {
        /// 无人在岗: assigned to nobody and shown so; assigned to the first person who checks in there.
        Nobody = "nobody",
        /// Assigned to the person on duty.
        Assigned = "assigned",
        /// Answered; no other person can answer it.
        Answered = "answered",
        /// Cancelled by its issuer, or because its case changed its state.
        Cancelled = "cancelled",
    }
}

/// A task as a row of the post's mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskRow {
    pub task: TaskId,
    pub purpose: crate::open::Open<Purpose>,
    /// Question to the worker, as text.
    pub wording: String,
    pub cell: CellCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PointE7>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    pub due: Millis,
    /// A photo to compare with, readable at `/v1/field/photos/{sha256}` while the task is assigned to the reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<Sha256>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    pub post: PostId,
    /// The person on duty to whom the task was assigned. Another holder of the post sees it only after the task was
    /// assigned again.
    pub holder: PersonId,
    /// The name of `holder`, so that several holders of a post see who goes. Absent in a row that an older server wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_name: Option<String>,
    pub issued: Millis,
}
