//! A case as its readers get it, as data.

use super::{allowed::AllowedAction, file::CaseSource, fix::CaseFix, ledger::LedgerEvent};
use crate::{entries::flags::FlagName, photos::view::CasePhoto, tasks::privacy::PersonalFound};
use protocol::{
    area::Area,
    case::CaseState,
    codes::{CellCode, GridVersion, MatterCode},
    duty::{Answer, Purpose, TaskState},
    geo::PointE7,
    ids::{CaseId, OrgId, PostId, TaskId},
    role::Role,
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// A matter type with its display name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MatterName {
    pub code: MatterCode,
    pub zh: String,
    pub en: String,
}

/// A unit or post with its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Named<T> {
    pub id: T,
    pub name: String,
}

/// Masked data of a caller (DC-05). `POST /v1/cases/{id}/caller-view` gives the full data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MaskedCaller {
    pub name: String,
    pub phone: String,
}

/// An event of the ledger with display names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EventView {
    #[serde(flatten)]
    pub event: LedgerEvent,
    /// Name of the member of staff, or of the post for an actor in the field.
    pub actor_name: String,
    pub to_zh: String,
    pub hash: String,
}

/// A task of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CaseTask {
    pub task: TaskId,
    pub purpose: Purpose,
    pub state: TaskState,
    pub due: Millis,
    /// True if the answer was made after the task was due.
    pub answered_late: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_text: Option<String>,
}

/// A case with all its parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CaseView {
    pub id: CaseId,
    /// 受理号
    pub number: String,
    pub source: CaseSource,
    pub state: CaseState,
    pub state_zh: String,
    /// Version of the case; an action sends it as `expected_version`.
    pub version: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<MatterName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridVersion>,
    /// Street and community of the cell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cell_name: String,
    /// WGS-84
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PointE7>,
    /// How the place was measured; not shown to departments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<CaseFix>,
    pub address: String,
    #[schema(value_type = String)]
    pub area: Area,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter_post: Option<Named<PostId>>,
    pub self_handled: bool,
    pub flags: Vec<FlagName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Named<OrgId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Millis>,
    pub deadline_provisional: bool,
    pub rounds: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_passed: Option<bool>,
    pub withdrawn: bool,
    pub reported: Millis,
    pub created: Millis,
    pub updated: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<MaskedCaller>,
    /// Personal data in the texts that is neither moved to the caller's fields nor marked as a contact; only for roles that
    /// may do so (`POST /v1/cases/{id}/personal-data`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub personal: Vec<PersonalFound>,
    pub photos: Vec<CasePhoto>,
    pub tasks: Vec<CaseTask>,
    pub allowed: Vec<AllowedAction>,
    pub ledger: Vec<EventView>,
    /// True if the hash chain of the ledger was complete and unchanged when it was verified for this answer.
    pub ledger_ok: bool,
}

/// Most characters of a text in a line of a list; the case has the whole.
pub const MAX_LINE_TEXT: usize = 100;

/// A case in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CaseLine {
    pub id: CaseId,
    pub number: String,
    pub source: CaseSource,
    pub state: CaseState,
    pub state_zh: String,
    pub version: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<MatterName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// The beginning, at most [`MAX_LINE_TEXT`] characters, the last one an ellipsis if there are more.
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellCode>,
    /// As `text`.
    pub address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<OrgId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Millis>,
    pub flags: Vec<String>,
    pub withdrawn: bool,
    pub rounds: u32,
    pub photos_named: u32,
    pub photos_held: u32,
    pub reported: Millis,
    pub updated: Millis,
}

/// Roles that read cases.
pub const READERS: &[Role] = &[
    Role::Acceptor,
    Role::ShiftLeader,
    Role::CommandCentre,
    Role::Department,
    Role::Supervisor,
];

/// Roles that move and mark personal data, and are told where it stands.
pub const KEEPERS: &[Role] = &[Role::Acceptor, Role::ShiftLeader];
