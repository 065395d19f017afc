//! Flags: doubts about an entry for the person who reads it. A flag never prevents that an entry is accepted (T1).

use crate::{
    kernel::config::Settings,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    evidence::{ClockReading, Evidence, Position, TimeBasis, TrustedTime},
    ids::EntryId,
    time::Millis,
};
use serde::{Deserialize, Serialize};

crate::text_enum! {
    /// What an acceptor should know about a report. A flagged report is taken all the same (T1).
    pub enum Flag {
        /// 不在岗时上报
        OffDuty = "off_duty",
        /// 责任网格外上报
        OutsideArea = "outside_area",
        /// 没有定位
        NoPosition = "no_position",
        /// 疑似虚拟定位
        MockPosition = "mock_position",
        /// 定位精度为零: mock providers say so.
        ZeroAccuracy = "zero_accuracy",
        /// 终端与平台定位的网格不同
        CellDiffers = "cell_differs",
        /// 定位已过时: the fix is much older or newer than the entry.
        StaleFix = "stale_fix",
        /// 定位精度不足: the accuracy circle is larger than a cell.
        Imprecise = "imprecise",
        /// 远离现场核查: a verification or check that was answered far from the place.
        Far = "far",
        /// 缺核查照片: it was answered with fewer photos than asked for.
        PhotoMissing = "photo_missing",
        /// 照片拍摄时间过早: by EXIF a photo is much older than the entry.
        PhotoOld = "photo_old",
        /// 照片拍于别处: by EXIF a photo was taken far from the entry's place.
        PhotoElsewhere = "photo_elsewhere",
        /// 照片重复使用: another entry has the same picture, or a very similar one.
        PhotoReused = "photo_reused",
        /// 不在任何网格内
        OutsideGrid = "outside_grid",
        /// 时间不可信
        ClockUntrusted = "clock_untrusted",
        /// 类型不在目录中
        MatterUnknown = "matter_unknown",
    }
}

impl Flag {
    pub const fn zh(self) -> &'static str {
        match self {
            Self::OffDuty => "不在岗时上报",
            Self::OutsideArea => "责任网格外上报",
            Self::NoPosition => "没有定位",
            Self::MockPosition => "疑似虚拟定位",
            Self::ZeroAccuracy => "定位精度为零",
            Self::CellDiffers => "终端与平台定位的网格不同",
            Self::StaleFix => "定位不是当时所得",
            Self::Imprecise => "定位精度不足",
            Self::Far => "核实核查时离现场太远",
            Self::PhotoMissing => "核实核查照片不足",
            Self::PhotoOld => "照片不是当时所拍",
            Self::PhotoElsewhere => "照片不是在现场所拍",
            Self::PhotoReused => "照片与其他记录重复",
            Self::OutsideGrid => "不在任何网格内",
            Self::ClockUntrusted => "终端时间不可信",
            Self::MatterUnknown => "类型不在目录中",
        }
    }
    pub const fn en(self) -> &'static str {
        match self {
            Self::OffDuty => "filed off duty",
            Self::OutsideArea => "outside the areas of the post",
            Self::NoPosition => "no position",
            Self::MockPosition => "the position may come from a mock provider",
            Self::ZeroAccuracy => "the stated accuracy of the fix is zero",
            Self::CellDiffers => "handset and server found different cells",
            Self::StaleFix => "the fix is not from then",
            Self::Imprecise => "the fix is not accurate enough for one cell",
            Self::Far => "answered too far from the place",
            Self::PhotoMissing => "fewer photos than asked for",
            Self::PhotoOld => "a photo is not from then",
            Self::PhotoElsewhere => "a photo is not from the place",
            Self::PhotoReused => "a photo is in another record too",
            Self::OutsideGrid => "in no cell of a grid",
            Self::ClockUntrusted => "the handset's time is not trusted",
            Self::MatterUnknown => "the catalogue has no such matter",
        }
    }
}

/// From which age and radius a fix is doubted (settings `fix_age_minutes`, `fix_accuracy_m`).
#[derive(Debug, Clone, Copy)]
pub struct FixLimits {
    age_ms: i64,
    accuracy_cm: u32,
}

impl FixLimits {
    pub fn of(settings: &Settings) -> Self {
        Self {
            age_ms: i64::from(settings.fix_age_minutes) * 60_000,
            accuracy_cm: settings.fix_accuracy_m.saturating_mul(100),
        }
    }
    /// Returns true if the accuracy circle is too large for one cell. A typed place has no such circle.
    pub fn is_imprecise(self, fix: &Position) -> bool {
        fix.accuracy_cm > self.accuracy_cm && fix.provider != MANUAL
    }
}

/// The provider of a place that was typed or dragged.
const MANUAL: &str = "manual";

/// When the entry of a fix was made.
#[derive(Debug, Clone, Copy)]
pub struct FixContext {
    pub made: Millis,
    /// By the handset's wall clock, which some providers take for the fix time.
    pub wall: Millis,
    /// Uncertainty of `made` in milliseconds.
    pub slack_ms: i64,
    /// The handset's monotonic clock when the entry was made, in milliseconds.
    pub monotonic_ms: Option<i64>,
}

impl FixContext {
    pub fn new(made: &TrustedTime, clock: Option<&ClockReading>) -> Self {
        Self {
            made: made.at,
            wall: clock.map_or(made.at, |clock| clock.wall),
            slack_ms: made.uncertainty_ms,
            monotonic_ms: clock.map(|clock| clock.monotonic_ms),
        }
    }
    /// Age of the fix when the entry was made, in milliseconds: by the monotonic clock if the handset says when the fix
    /// was measured, else by the clock that is nearer to the fix time; then negative for a fix time in the future.
    pub fn age_ms(&self, fix: &Position) -> i64 {
        if let Some(age) = self.monotonic_ms.and_then(|now| fix.age_at(now)) {
            return age;
        }
        let (made, wall) = (self.made.since(fix.fix_time), self.wall.since(fix.fix_time));
        if wall.saturating_abs() < made.saturating_abs() {
            wall
        } else {
            made
        }
    }
    /// Returns true if the age is beyond doubt over the limit: an age of the monotonic clock is exact, one of a wall clock
    /// has the uncertainty of the entry's time.
    fn is_stale(&self, fix: &Position, limits: FixLimits) -> bool {
        let is_exact = self.monotonic_ms.is_some_and(|now| fix.age_at(now).is_some());
        let slack_ms = if is_exact { 0 } else { self.slack_ms };
        self.age_ms(fix).saturating_abs() > limits.age_ms.saturating_add(slack_ms)
    }
}

/// The flags of position fixes, for every kind of entry.
pub fn fix_flags(fixes: &[&Position], context: &FixContext, limits: FixLimits) -> Vec<Flag> {
    let stale = |fix: &&Position| fix.provider != MANUAL && context.is_stale(fix, limits);
    let mut flags = provider_flags(fixes);
    if fixes.iter().any(stale) {
        flags.push(Flag::StaleFix);
    }
    if fixes.iter().any(|fix| limits.is_imprecise(fix)) {
        flags.push(Flag::Imprecise);
    }
    flags
}

/// The flags of what the provider says of itself.
fn provider_flags(fixes: &[&Position]) -> Vec<Flag> {
    let mock = fixes.iter().any(|fix| fix.mock);
    let zero = |fix: &&Position| fix.accuracy_cm == 0 && fix.provider != MANUAL;
    let odd = [
        (mock, Flag::MockPosition),
        (fixes.iter().any(zero), Flag::ZeroAccuracy),
    ];
    odd.into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, flag)| flag)
        .collect()
}

/// The flags of an entry's clock and position fix.
pub(crate) fn of_entry(
    fix: Option<&Position>,
    clock: Option<&ClockReading>,
    made: &TrustedTime,
    limits: FixLimits,
) -> Vec<Flag> {
    let mut flags = fix_flags(fix.as_slice(), &FixContext::new(made, clock), limits);
    if made.basis == TimeBasis::WallOnly {
        flags.push(Flag::ClockUntrusted);
    }
    flags
}

/// The flags of an entry from before the column, from its bytes.
fn flags_of_before(bytes: Option<Vec<u8>>) -> Vec<Flag> {
    #[derive(Deserialize)]
    struct Sent {
        evidence: Evidence,
    }
    // An entry that cannot be parsed has no fix.
    let sent = bytes.and_then(|bytes| serde_json::from_slice::<Sent>(&bytes).ok());
    let fix = sent.and_then(|sent| sent.evidence.position);
    provider_flags(&fix.iter().collect::<Vec<_>>())
}

/// Codes for the column `flags` of an entry.
pub(crate) fn codes(flags: &[Flag]) -> String {
    flags
        .iter()
        .map(|flag| flag.as_str())
        .collect::<Vec<_>>()
        .join(",")
}

/// The flags of such a column; codes of a later version are left out.
pub(crate) fn of_codes(codes: Option<&str>) -> Vec<Flag> {
    codes
        .into_iter()
        .flat_map(|codes| codes.split(','))
        .filter_map(|code| code.parse().ok())
        .collect()
}

/// A flag with its display name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FlagName {
    pub code: String,
    pub zh: String,
    pub en: String,
}

impl FlagName {
    /// The flag of a code; a code that this version does not know is its own text.
    pub(crate) fn of(code: &str) -> Self {
        let known = code.parse::<Flag>();
        let (zh, en) = known.map_or((code, code), |flag| (flag.zh(), flag.en()));
        Self {
            code: code.to_owned(),
            zh: zh.to_owned(),
            en: en.to_owned(),
        }
    }
    /// The flags of an entry's clock and position fix: of a check-in, an answer or an activity record.
    pub fn of_entry(tx: &mut Tx<'_>, entry: EntryId) -> Result<Vec<Self>, StoreError> {
        let stored = tx.opt(
            "SELECT flags, CASE WHEN flags IS NULL THEN bytes END AS bytes FROM entry WHERE id = ?1",
            params![entry.to_string()],
            |row| Ok((row.get::<Option<String>>("flags")?, row.get("bytes")?)),
        )?;
        let Some((listed, bytes)) = stored else {
            return Ok(Vec::new());
        };
        let listed = listed.unwrap_or_else(|| codes(&flags_of_before(bytes)));
        Ok(listed
            .split(',')
            .filter(|code| !code.is_empty())
            .map(Self::of)
            .collect())
    }
}
