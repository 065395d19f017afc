//! Flags: doubts about an entry for the person who reads it. A flag never prevents that an entry is accepted (T1).

use crate::{
    entries::row::basis,
    params,
    store::{error::StoreError, tx::Tx},
};
use protocol::{
    evidence::{Evidence, Position, TimeBasis},
    ids::EntryId,
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
            Self::OutsideGrid => "不在任何网格内",
            Self::ClockUntrusted => "终端时间不可信",
            Self::MatterUnknown => "类型不在目录中",
        }
    }
}

/// The flags of position fixes, for every kind of entry.
pub fn fix_flags(fixes: &[&Position]) -> Vec<Flag> {
    let mock = fixes.iter().any(|fix| fix.mock);
    let zero = |fix: &&Position| fix.accuracy_cm == 0 && fix.provider != "manual";
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
pub(crate) fn of_entry(fix: Option<&Position>, basis: TimeBasis) -> Vec<Flag> {
    let mut flags = fix_flags(fix.as_slice());
    if basis == TimeBasis::WallOnly {
        flags.push(Flag::ClockUntrusted);
    }
    flags
}

/// Codes for the column `flags` of an entry.
pub(crate) fn codes(flags: &[Flag]) -> String {
    flags
        .iter()
        .map(|flag| flag.as_str())
        .collect::<Vec<_>>()
        .join(",")
}

/// A flag with its display name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FlagName {
    pub code: String,
    pub zh: String,
}

impl FlagName {
    /// The flag of a code; a code that this version does not know is its own text.
    pub(crate) fn of(code: &str) -> Self {
        Self {
            zh: code
                .parse::<Flag>()
                .map_or_else(|_| code.to_owned(), |flag| flag.zh().to_owned()),
            code: code.to_owned(),
        }
    }
    /// The flags of an entry's clock and position fix: of a check-in, an answer or an activity record.
    pub fn of_entry(tx: &mut Tx<'_>, entry: EntryId) -> Result<Vec<Self>, StoreError> {
        #[derive(Deserialize)]
        struct Sent {
            evidence: Evidence,
        }
        let stored = tx.opt(
            "SELECT flags, CASE WHEN flags IS NULL THEN bytes END AS bytes, basis FROM entry WHERE id = ?1",
            params![entry.to_string()],
            |row| {
                let listed: Option<String> = row.get("flags")?;
                Ok((listed, row.get::<Option<Vec<u8>>>("bytes")?, basis(row)?))
            },
        )?;
        let Some((listed, bytes, basis)) = stored else {
            return Ok(Vec::new());
        };
        let listed = listed.unwrap_or_else(|| {
            // An entry of before the column. One that cannot be parsed has no fix.
            let sent = bytes.and_then(|bytes| serde_json::from_slice::<Sent>(&bytes).ok());
            let fix = sent.and_then(|sent| sent.evidence.position);
            codes(&of_entry(fix.as_ref(), basis))
        });
        Ok(listed
            .split(',')
            .filter(|code| !code.is_empty())
            .map(Self::of)
            .collect())
    }
}
