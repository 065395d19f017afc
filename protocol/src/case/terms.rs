//! The terms of the transition table: states, actions, guards and fields, each with its stable text and its Chinese
//! term, and the request body that carries the fields.
//!
//! A new state, action, guard or field is declared here only. The stable texts are on the wire, in the database and
//! in ledgers: append a value, never rename or reuse one.

use crate::{
    calendar::{Limit, LimitUnit},
    codes::{CellCode, MatterCode},
    geo::PointE7,
    ids::OrgId,
    photo::{MAX_PHOTOS_PER_ENTRY, Sha256},
};
use serde::{Deserialize, Serialize};

/// A [`crate::text_enum`] whose values also have a Chinese term.
macro_rules! terms {
    ($(#[$doc:meta])* pub enum $name:ident {
        $($(#[$vdoc:meta])* $variant:ident = $text:literal $zh:literal),* $(,)?
    }) => {
        crate::text_enum! { $(#[$doc])* pub enum $name { $($(#[$vdoc])* $variant = $text),* } }
        impl $name {
            /// The Chinese term, shown to users.
            pub const fn zh(self) -> &'static str {
                match self { $(Self::$variant => $zh),* }
            }
        }
    };
}

terms! {
    /// The state of a case.
    pub enum CaseState {
        /// Reported from the field, waits for an acceptor.
        Reported = "reported" "上报",
        /// A citizen's report, sent to the patroller on duty in the cell for verification.
        Verifying = "verifying" "待核实",
        /// Verified as true, waits for an acceptor.
        Verified = "verified" "属实",
        /// Waits for the shift leader.
        Prefiled = "prefiled" "预立案",
        /// Sent back by the shift leader to the acceptor.
        SentBack = "sent_back" "退回受理",
        /// Final: not filed.
        NotFiled = "not_filed" "不立案",
        /// Filed, waits for dispatch by the command centre.
        Filed = "filed" "立案",
        /// With a handling department; the deadline runs.
        Handling = "handling" "处置中",
        /// Handled; the feedback is with the command centre.
        Handled = "handled" "待批转",
        /// With the acceptor, to be sent for a check.
        CheckQueue = "check_queue" "核查栏",
        /// A check task is in the field.
        Checking = "checking" "核查中",
        /// Checked, waits for the shift leader.
        AwaitClosing = "await_closing" "待结案",
        /// Closing was refused, waits for another dispatch.
        Redispatch = "redispatch" "待二次派遣",
        /// Final: closed.
        Closed = "closed" "结案",
        /// Final: its author withdrew the report before the case was filed.
        Withdrawn = "withdrawn" "已撤回",
        /// Handled by the patroller who reported it; waits for the shift leader to recognise that (X11).
        SelfHandled = "self_handled" "自行处理待认定",
    }
}

impl CaseState {
    /// Returns true for states that have no outgoing transition.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Closed | Self::NotFiled | Self::Withdrawn)
    }
}

terms! {
    /// An action on a case. Several actions may share one id of `docs/rules.md` (T3 has two outcomes).
    pub enum Action {
        /// T1
        Report = "report" "上报",
        /// T2
        Register = "register" "公众举报登记",
        /// T3, the report is true.
        ConfirmTrue = "confirm_true" "核实：属实",
        /// T3, the report is not true.
        ConfirmFalse = "confirm_false" "核实：不属实",
        /// T4
        Prefile = "prefile" "预立案",
        /// T5
        File = "file" "立案",
        /// T6, shift leader to acceptor.
        SendBack = "send_back" "回退",
        /// T6, the acceptor does not file.
        Decline = "decline" "不立案",
        /// T9
        Dispatch = "dispatch" "派遣",
        /// T10
        Handle = "handle" "处置反馈",
        /// T11
        Forward = "forward" "批转",
        /// T12
        SendCheck = "send_check" "发核查",
        /// T13
        CheckResult = "check_result" "核查反馈",
        /// T14
        Close = "close" "结案",
        /// T15, back to the command centre.
        Rework = "rework" "回退指挥中心",
        /// X23, by the author's withdrawal; after T4 a reviewer has to accept the withdrawal.
        Withdraw = "withdraw" "撤回",
        /// X11, the acceptor to the shift leader.
        ProposeSelfHandled = "propose_self_handled" "提请认定自行处理",
        /// X11, the shift leader closes the case without handling and check.
        CloseSelfHandled = "close_self_handled" "自行处理结案",
        /// X11, the shift leader does not recognise it: an ordinary report.
        RefuseSelfHandled = "refuse_self_handled" "不认定自行处理",
    }
}

terms! {
    /// A condition of a transition. If it is not met the case keeps its state; `zh` and `en` tell the user what to
    /// do.
    pub enum Guard {
        /// Matter code and cell are known (T4).
        TypeAndPlace = "type_and_place" "需先填写类型和位置",
        Opinion = "opinion" "需填写意见",
        /// T5
        Level = "level" "需先定等级",
        /// T9
        Department = "department" "需指定处置部门",
        /// T9
        Deadline = "deadline" "需给出处置时限",
        /// T10
        AfterPhoto = "after_photo" "需附处置后照片",
        /// The answer of the check was 已整改 (T14).
        CheckPassed = "check_passed" "核查未通过，不能结案",
        /// X11
        SelfHandled = "self_handled" "填报人没有说明已自行处理",
        /// X11
        BeforeAndAfter = "before_and_after" "需收到处置前和处置后的照片",
    }
}

/// The check behind a guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The action's own input contains this field.
    Given(Field),
    /// The case has matter code and cell, after the action's fields were stored in it.
    TypeAndPlace,
    /// The last check of the case passed.
    CheckPassed,
    /// The report says that its author handled the matter.
    SelfHandled,
    /// The server holds a photo of before and one of after from the report.
    BeforeAndAfter,
}

impl Guard {
    pub const fn en(self) -> &'static str {
        match self {
            Self::TypeAndPlace => "enter type and place first",
            Self::Opinion => "enter an opinion",
            Self::Level => "set the level first",
            Self::Department => "choose a handling department",
            Self::Deadline => "set the deadline",
            Self::AfterPhoto => "attach a photo taken after handling",
            Self::CheckPassed => "the check did not pass, so the case cannot be closed",
            Self::SelfHandled => "the author does not say that the matter was handled on the spot",
            Self::BeforeAndAfter => "the report's photos of before and after must have arrived",
        }
    }
    /// Returns true for conditions of the case's kind. Where one is not met, the step is not offered at all.
    pub const fn is_of_kind(self) -> bool {
        matches!(self.condition(), Condition::SelfHandled)
    }
    pub const fn condition(self) -> Condition {
        match self {
            Self::TypeAndPlace => Condition::TypeAndPlace,
            Self::Opinion => Condition::Given(Field::Opinion),
            Self::Level => Condition::Given(Field::Level),
            Self::Department => Condition::Given(Field::Department),
            Self::Deadline => Condition::Given(Field::Limit),
            Self::AfterPhoto => Condition::Given(Field::Attachments),
            Self::CheckPassed => Condition::CheckPassed,
            Self::SelfHandled => Condition::SelfHandled,
            Self::BeforeAndAfter => Condition::BeforeAndAfter,
        }
    }
    /// Returns the fields by which an action can meet the guard; empty when no field of the same action can.
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::TypeAndPlace => &[Field::Matter, Field::Place, Field::Cell],
            Self::Opinion => &[Field::Opinion],
            Self::Level => &[Field::Level],
            Self::Department => &[Field::Department],
            Self::Deadline => &[Field::Limit],
            Self::AfterPhoto => &[Field::Attachments],
            Self::CheckPassed | Self::SelfHandled | Self::BeforeAndAfter => &[],
        }
    }
}

terms! {
    /// A field that actions take: one member of [`ActionBody`], or of an answer from the field.
    pub enum Field {
        Opinion = "opinion" "意见",
        Attachments = "attachments" "照片",
        Matter = "matter" "类型",
        Place = "place" "位置",
        /// Instead of [`Field::Place`].
        Cell = "cell" "网格",
        Address = "address" "地址",
        Level = "level" "等级",
        Department = "department" "处置部门",
        Limit = "limit" "处置时限",
        /// The result of a check (T13). Only an answer from the field brings it; it is no member of the body.
        CheckPassed = "check_passed" "核查结果",
    }
}

crate::text_enum! {
    /// The type of a field's value: its JSON form and its input control.
    pub enum FieldKind {
        /// A string.
        Text = "text",
        /// A list of SHA-256 of photos that the same person uploaded by `POST /v1/attachments`.
        Photos = "photos",
        /// A code of the catalogue of matters.
        Matter = "matter",
        /// WGS-84, in units of 1e-7 degree: `{"lat": …, "lon": …}`.
        Point = "point",
        /// A 12-digit cell code.
        Cell = "cell",
        /// A whole number.
        Number = "number",
        /// The id of a unit.
        Org = "org",
        /// A time limit: `{"amount": …, "unit": …}`.
        Limit = "limit",
        /// `true` or `false`.
        Flag = "flag",
    }
}

impl Field {
    pub const fn kind(self) -> FieldKind {
        match self {
            Self::Opinion | Self::Address => FieldKind::Text,
            Self::Attachments => FieldKind::Photos,
            Self::Matter => FieldKind::Matter,
            Self::Place => FieldKind::Point,
            Self::Cell => FieldKind::Cell,
            Self::Level => FieldKind::Number,
            Self::Department => FieldKind::Org,
            Self::Limit => FieldKind::Limit,
            Self::CheckPassed => FieldKind::Flag,
        }
    }
    /// Returns minimum and maximum, inclusive: characters of a text, number of photos, the number itself, or the
    /// amount of a limit. `None` for kinds without an amount.
    pub const fn bounds(self) -> Option<(usize, usize)> {
        match self {
            Self::Opinion | Self::Address => Some((0, 4000)),
            Self::Attachments => Some((0, MAX_PHOTOS_PER_ENTRY)),
            Self::Level => Some((1, 3)),
            Self::Limit => Some((1, 1000)),
            Self::Matter | Self::Place | Self::Cell | Self::Department | Self::CheckPassed => None,
        }
    }
    /// Returns whether `amount` is within [`Field::bounds`].
    pub fn holds(self, amount: usize) -> bool {
        self.bounds()
            .is_none_or(|(least, most)| (least..=most).contains(&amount))
    }
    /// Returns the texts that the field allows, each with its term; empty when there is no fixed list. For a limit:
    /// its units.
    pub const fn choices(self) -> &'static [(&'static str, &'static str)] {
        const UNITS: &[(&str, &str)] = &[
            (LimitUnit::UrgentHour.as_str(), "紧急工作时"),
            (LimitUnit::WorkingHour.as_str(), "工作时"),
            (LimitUnit::WorkingDay.as_str(), "工作日"),
        ];
        match self {
            Self::Limit => UNITS,
            Self::Opinion
            | Self::Attachments
            | Self::Matter
            | Self::Place
            | Self::Cell
            | Self::Address
            | Self::Level
            | Self::Department
            | Self::CheckPassed => &[],
        }
    }
    /// Returns the field that this one can replace: one of the two is enough.
    pub const fn instead_of(self) -> Option<Self> {
        match self {
            Self::Cell => Some(Self::Place),
            Self::Opinion
            | Self::Attachments
            | Self::Matter
            | Self::Place
            | Self::Address
            | Self::Level
            | Self::Department
            | Self::Limit
            | Self::CheckPassed => None,
        }
    }
}

/// A field with its value.
///
/// The input of an action is a list of these, checked against [`super::Transition::takes`]. One type per action would
/// repeat that list, and each new row of the table would need new code. Serialized as the value alone: so it stands in
/// the facts of an event, under the name of its field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FieldValue {
    Opinion(String),
    Attachments(Vec<Sha256>),
    Matter(MatterCode),
    Place(PointE7),
    Cell(CellCode),
    Address(String),
    Level(u8),
    Department(OrgId),
    Limit(Limit),
    CheckPassed(bool),
}

impl FieldValue {
    pub const fn field(&self) -> Field {
        match self {
            Self::Opinion(_) => Field::Opinion,
            Self::Attachments(_) => Field::Attachments,
            Self::Matter(_) => Field::Matter,
            Self::Place(_) => Field::Place,
            Self::Cell(_) => Field::Cell,
            Self::Address(_) => Field::Address,
            Self::Level(_) => Field::Level,
            Self::Department(_) => Field::Department,
            Self::Limit(_) => Field::Limit,
            Self::CheckPassed(_) => Field::CheckPassed,
        }
    }
    /// Returns true for a text of white space only and for an empty list of photos: neither satisfies a guard.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Opinion(text) | Self::Address(text) => text.trim().is_empty(),
            Self::Attachments(photos) => photos.is_empty(),
            Self::Matter(_)
            | Self::Place(_)
            | Self::Cell(_)
            | Self::Level(_)
            | Self::Department(_)
            | Self::Limit(_)
            | Self::CheckPassed(_) => false,
        }
    }
    /// Returns the amount to which [`Field::bounds`] apply: characters, photos, the number, or the amount of a limit.
    /// `None` when the value has none, or none that it knows by itself: then the server checks the bounds.
    pub fn amount(&self) -> Option<usize> {
        match self {
            Self::Opinion(text) | Self::Address(text) => Some(text.chars().count()),
            Self::Attachments(photos) => Some(photos.len()),
            Self::Level(level) => Some(usize::from(*level)),
            Self::Limit(limit) => Some(usize::from(limit.amount)),
            Self::Matter(_) | Self::Place(_) | Self::Cell(_) | Self::Department(_) | Self::CheckPassed(_) => {
                None
            }
        }
    }
}

/// One step of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ActionBody {
    pub action: Action,
    /// Version of the case that the client has read. If the case has another version by now, the answer is
    /// `case.changed`.
    pub expected_version: i64,
    /// Id of this request; a repeated request with the same id is done once. The header `Idempotency-Key` does the
    /// same.
    pub request: Option<uuid::Uuid>,
    /// 意见
    #[serde(default)]
    pub opinion: String,
    /// Photos uploaded before by `POST /v1/attachments`.
    #[serde(default)]
    pub attachments: Vec<Sha256>,
    /// T4, T5
    pub matter: Option<MatterCode>,
    /// T4, WGS-84. `cell` may be given instead.
    pub place: Option<PointE7>,
    pub cell: Option<CellCode>,
    pub address: Option<String>,
    /// T5: 1 to 3
    pub level: Option<u8>,
    /// T9
    pub department: Option<OrgId>,
    /// T9
    pub limit: Option<Limit>,
}

impl ActionBody {
    /// Returns the fields that the body contains. An empty opinion and an empty list of photos count as absent.
    pub fn into_values(self) -> Vec<FieldValue> {
        let Self {
            action: _,
            expected_version: _,
            request: _,
            opinion,
            attachments,
            matter,
            place,
            cell,
            address,
            level,
            department,
            limit,
        } = self;
        [
            Some(opinion)
                .filter(|text| !text.is_empty())
                .map(FieldValue::Opinion),
            Some(attachments)
                .filter(|all| !all.is_empty())
                .map(FieldValue::Attachments),
            matter.map(FieldValue::Matter),
            place.map(FieldValue::Place),
            cell.map(FieldValue::Cell),
            address.map(FieldValue::Address),
            level.map(FieldValue::Level),
            department.map(FieldValue::Department),
            limit.map(FieldValue::Limit),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
