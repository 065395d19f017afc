//! Ids, codes, times and positions, and small values that are the same in every room.

use terminal_core::protocol::{
    case::CaseState,
    codes::{CellCode, CommunityCode, MatterCode, StreetCode},
    duty::{Answer, Purpose},
    evidence::Position,
    feed::ActivityState,
    geo::PointE7,
    ids::{EntryId, RecordId, StreamId, TaskId},
    manifest::FileName,
    open::Open,
    payload::EntryKind,
    photo::{PhotoRole, Sha256},
    time::{CivilMonth, Millis},
};

text_type!(
    EntryId,
    RecordId,
    TaskId,
    StreamId,
    Sha256,
    CellCode,
    CommunityCode,
    StreetCode,
    MatterCode,
    CivilMonth,
    FileName
);

uniffi::custom_type!(Millis, i64, { remote, lower: |at| at.0, try_lift: |millis| Ok(Millis(millis)) });

/// A point in WGS-84. Unit: 10^-7 degrees.
#[uniffi::remote(Record)]
pub struct PointE7 {
    pub lat: i32,
    pub lon: i32,
}

/// A fix, as the platform gave it. Its accuracy is the radius of 68 % in centimetres.
#[uniffi::remote(Record)]
pub struct Position {
    pub point: PointE7,
    pub accuracy_cm: u32,
    pub provider: String,
    pub mock: bool,
    pub fix_time: Millis,
    /// When it was measured, by the clock since boot that `Clocks` reads; null if the platform does not say.
    #[uniffi(default = None)]
    pub monotonic_ms: Option<i64>,
}

/// The answer to a task (核实反馈, 核查反馈).
#[uniffi::remote(Enum)]
pub enum Answer {
    True,
    NotTrue,
    Rectified,
    NotRectified,
}

/// The review of an activity record (活动记录).
#[uniffi::remote(Enum)]
pub enum ActivityState {
    Submitted,
    Approved,
    Returned,
}

open! {
    /// What an item of the queue is.
    ItemKind from EntryKind { CheckIn, CheckOut, Report, Activity, Answer, Withdraw, Void }
}

open! {
    /// What a task asks for (核实, 核查, 专项核验).
    TaskPurpose from Purpose { Verify, Check, Inspect }
}

/// What a photo shows; `Other` is a value that this version does not know.
#[uniffi::remote(Enum)]
pub enum PhotoRole {
    Scene,
    Before,
    After,
    Activity,
    Other(String),
}

/// The code of a case's state, also of one that this version does not know.
pub(crate) fn state_code(state: &Open<CaseState>) -> String {
    match state {
        Open::Known(state) => state.as_str().to_owned(),
        Open::Other(text) => text.clone(),
    }
}

/// A count for a screen.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// All values, each as its type here.
pub(crate) fn all<Core, Ours: From<Core>>(values: impl IntoIterator<Item = Core>) -> Vec<Ours> {
    values.into_iter().map(Into::into).collect()
}

/// As [`all`], for types whose words depend on the time.
pub(crate) fn all_at<Core, Ours: From<(Core, Millis)>>(values: Vec<Core>, now: Millis) -> Vec<Ours> {
    all(values.into_iter().map(|value| (value, now)))
}
