//! Required content and state changes of an activity record, as plain functions over plain data.

use protocol::{
    area::Area,
    entry::Reason,
    ids::EntryId,
    payload::Activity,
    problem::{ErrorCode, ProblemCode, ReasonCode},
    time::Millis,
};

crate::text_enum! {
    /// The state of a record: [`protocol::feed::ActivityState`], and `withdrawn`, which no mailbox shows.
    pub enum Standing {
        /// 待审核
        Submitted = "submitted",
        /// 通过
        Approved = "approved",
        /// 退回
        Returned = "returned",
        /// 已撤回: removed from the author's mailbox, kept in the table.
        Withdrawn = "withdrawn",
    }
}

impl Standing {
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Submitted => "待审核",
            Self::Approved => "通过",
            Self::Returned => "退回",
            Self::Withdrawn => "已撤回",
        }
    }
    /// The state in the author's mailbox; `None` if the row is removed.
    pub const fn wire(self) -> Option<protocol::feed::ActivityState> {
        use protocol::feed::ActivityState as S;
        match self {
            Self::Submitted => Some(S::Submitted),
            Self::Approved => Some(S::Approved),
            Self::Returned => Some(S::Returned),
            Self::Withdrawn => None,
        }
    }
}

crate::text_enum! {
    /// Why an approved activity does not fill its district's month (SP-05).
    pub enum NotCounted {
        /// The post that filed it does not answer for a whole district as a post of its unit: a street's or a community's
        /// activity never counts for the district.
        HostNotDistrict = "host_not_district",
        /// Fewer participants than `activity_min_participants`.
        TooSmall = "too_small",
        /// Fewer photos on the server than `activity_min_photos`.
        NoPhoto = "no_photo",
        NoSummary = "no_summary",
        /// Approved by nobody above the host: by an older program that let a unit approve its own activity. It counts
        /// after somebody from above approves it again.
        NotFromAbove = "not_from_above",
    }
}

impl NotCounted {
    pub const fn zh(self) -> &'static str {
        match self {
            Self::HostNotDistrict => "不是区级单位举办",
            Self::TooSmall => "参加人数不足",
            Self::NoPhoto => "照片不足",
            Self::NoSummary => "没有小结",
            Self::NotFromAbove => "未经上级审核，请上级重新审核通过",
        }
    }
}

/// What decides whether an activity fills its district's month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthFacts {
    /// The post that filed it belongs to a district's unit, which hosts it, and answers for all of the district.
    pub is_host_district: bool,
    pub participants: u32,
    /// Photos that the server holds.
    pub photos: u32,
    pub has_summary: bool,
    /// It is approved, and not by a unit above the host.
    pub is_approved_below: bool,
}

/// Returns why an activity with these facts does not fill its district's month (SP-05); empty if it does, once it is
/// approved by the unit above the district, see [`may_review`].
pub fn not_counted(facts: &MonthFacts, min_participants: u32, min_photos: u32) -> Vec<NotCounted> {
    let mut why = Vec::new();
    let mut add = |when: bool, reason| {
        if when {
            why.push(reason);
        }
    };
    add(!facts.is_host_district, NotCounted::HostNotDistrict);
    add(facts.participants < min_participants, NotCounted::TooSmall);
    add(facts.photos < min_photos, NotCounted::NoPhoto);
    add(!facts.has_summary, NotCounted::NoSummary);
    add(facts.is_approved_below, NotCounted::NotFromAbove);
    why
}

/// Digits of a district's area.
const COUNTY_DIGITS: usize = 6;

/// Whether a supervisor of a unit with the area `reviewer` may review what the unit with the area `host` hosts: only
/// from above, so that no unit approves its own activity (SP-03, SP-05). The city's own activities have nobody above.
pub fn may_review(reviewer: Area, host: Area) -> bool {
    let is_citys = host.as_str().len() < COUNTY_DIGITS;
    reviewer.covers(host) && (is_citys || reviewer != host)
}

/// Whether a record in this state was approved by nobody from above: `approved_from` is the area of the unit whose
/// supervisor approved it.
pub fn is_approved_below(state: Standing, approved_from: Option<Area>, host: Area) -> bool {
    state == Standing::Approved && !approved_from.is_some_and(|area| may_review(area, host))
}

/// A longer activity is a typing error.
const LONGEST_MS: i64 = 366 * 86_400_000;
/// More participants are a typing error: no stadium holds as many.
const MOST_PARTICIPANTS: u32 = 1_000_000;

/// Returns all faults of a record, each with its own code.
pub fn faults(a: &Activity, now: Millis) -> Vec<Reason> {
    let mut faults = Vec::new();
    let mut fault = |wrong: bool, code: ReasonCode, zh: &str, en: &str| {
        if wrong {
            faults.push(Reason::new(code, zh, en));
        }
    };
    let missing = |text: &str, most: usize| {
        let n = text.trim().chars().count();
        n == 0 || n > most || text.contains('\0')
    };
    fault(
        missing(&a.title, 200),
        ReasonCode::ActivityTitle,
        "请填写活动名称（200 字以内）",
        "enter the title of the activity, up to 200 characters",
    );
    fault(
        missing(&a.category, 64),
        ReasonCode::ActivityCategory,
        "请选择活动类别",
        "choose the category of the activity",
    );
    fault(
        missing(&a.place, 200),
        ReasonCode::ActivityPlace,
        "请填写活动地点",
        "enter the place of the activity",
    );
    fault(
        missing(&a.organiser, 200),
        ReasonCode::ActivityOrganiser,
        "请填写组织单位",
        "enter the organiser",
    );
    fault(
        !(1..=MOST_PARTICIPANTS).contains(&a.participants),
        ReasonCode::ActivityParticipants,
        "参加人数至少 1 人",
        "enter the number of participants, at least 1",
    );
    fault(
        a.ends < a.starts,
        ReasonCode::ActivityTimes,
        "结束时间不能早于开始时间",
        "the end must not be before the start",
    );
    fault(
        a.ends.since(a.starts) > LONGEST_MS || a.starts.0 <= 0,
        ReasonCode::ActivityTimes,
        "请检查活动时间",
        "check the times of the activity",
    );
    fault(
        a.starts > now.plus(86_400_000),
        ReasonCode::ActivityNotYet,
        "活动尚未举行，请在活动后上报",
        "the activity has not taken place yet; report it afterwards",
    );
    fault(
        a.summary.chars().count() > 8000 || a.summary.contains('\0'),
        ReasonCode::ActivitySummary,
        "小结过长，请缩短到 8000 字以内",
        "the summary is too long; shorten it to 8000 characters",
    );
    faults
}

/// The faults as one reason of a disposition: the code of the first and the texts of all.
pub fn one_reason(faults: &[Reason]) -> Option<Reason> {
    let first = faults.first()?;
    let zh: Vec<&str> = faults.iter().map(|f| f.zh.as_str()).collect();
    let en: Vec<&str> = faults.iter().map(|f| f.en.as_str()).collect();
    Some(Reason::new(&first.code, zh.join("；"), en.join("; ")))
}

/// What another entry of a known record does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Further {
    /// It is the current version.
    Known,
    /// It replaces the current version.
    Revises,
    Refused(Reason),
}

/// What is known about another entry of a record.
#[derive(Debug, Clone, Copy)]
pub struct FurtherEntry {
    pub state: Standing,
    pub same_author: bool,
    pub in_force: EntryId,
    pub entry: EntryId,
    pub supersedes: Option<EntryId>,
}

/// Decides about another entry of a record: only its author may revise it, and only until it is approved.
pub fn further(s: &FurtherEntry) -> Further {
    if s.entry == s.in_force {
        return Further::Known;
    }
    let refused = |code: ErrorCode, zh: &str, en: &str| Further::Refused(Reason::new(code, zh, en));
    if !s.same_author {
        return refused(
            ReasonCode::ActivityAuthor.into(),
            "只有本人能修改这条记录，请由填报人修改",
            "only the author can revise this record; ask the author to do it",
        );
    }
    if s.supersedes.is_none() {
        return refused(
            ReasonCode::ActivityRecordTaken.into(),
            "这条记录已提交，请以修改方式提交",
            "this record has already been submitted; submit a revision instead",
        );
    }
    match s.state {
        Standing::Submitted | Standing::Returned => Further::Revises,
        Standing::Approved => refused(
            ProblemCode::ActivityState.into(),
            "该活动记录已审核通过，不能再修改",
            "this activity record is approved and can no longer be changed",
        ),
        Standing::Withdrawn => refused(
            ReasonCode::ActivityWithdrawn.into(),
            "该活动记录已撤回，如需要请重新上报",
            "this activity record was withdrawn; file a new one if needed",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Millis = Millis(1_795_363_200_000);

    fn good() -> Activity {
        Activity {
            category: "fitness".into(),
            title: "社区健步走".into(),
            starts: NOW.plus(-7_200_000),
            ends: NOW.plus(-3_600_000),
            place: "文化广场".into(),
            cell: None,
            organiser: "街道文体站".into(),
            participants: 60,
            summary: String::new(),
            photos: Vec::new(),
        }
    }

    /// Rule: SP-05
    #[test]
    fn sp_05_an_activity_counts_by_host_size_photos_and_summary() {
        let good = MonthFacts {
            is_host_district: true,
            participants: 50,
            photos: 3,
            has_summary: true,
            is_approved_below: false,
        };
        assert_eq!(not_counted(&good, 50, 3), []);
        let bad = MonthFacts {
            is_host_district: false,
            participants: 49,
            photos: 2,
            has_summary: false,
            is_approved_below: true,
        };
        assert_eq!(not_counted(&bad, 50, 3), NotCounted::ALL);
    }

    /// Rule: SP-03, SP-05
    #[test]
    fn sp_05_an_activity_is_reviewed_from_above() {
        let area = |text: &str| text.parse::<Area>().unwrap();
        let (city, district, street) = (area("2201"), area("220104"), area("22010405"));
        assert!(may_review(city, district) && may_review(district, street) && may_review(city, street));
        assert!(!may_review(district, district) && !may_review(street, district));
        assert!(!may_review(area("220105"), street));
        assert!(may_review(city, city), "nobody is above the city");
    }

    #[test]
    fn a_complete_record_has_no_faults() {
        assert_eq!(faults(&good(), NOW), Vec::new());
        assert_eq!(one_reason(&[]), None);
    }

    /// Rule: SP-15
    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let bad = Activity {
            title: " ".into(),
            participants: 0,
            ends: NOW.plus(-8_000_000),
            ..good()
        };
        let faults = faults(&bad, NOW);
        let codes: Vec<&str> = faults.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(
            codes,
            ["activity.title", "activity.participants", "activity.times"]
        );
        let reason = one_reason(&faults).unwrap();
        assert_eq!(reason.code, "activity.title");
        assert!(reason.zh.contains("参加人数") && reason.zh.contains("结束时间"));
    }

    #[test]
    fn what_is_still_to_come_is_no_record() {
        let next_week = Activity {
            starts: NOW.plus(7 * 86_400_000),
            ends: NOW.plus(7 * 86_400_000),
            ..good()
        };
        assert_eq!(faults(&next_week, NOW)[0].code, "activity.not_yet");
    }

    fn entry(n: u8) -> EntryId {
        EntryId::from_parts(1, [n; 10])
    }

    #[test]
    fn only_the_author_mends_and_only_until_it_is_approved() {
        let second = FurtherEntry {
            state: Standing::Returned,
            same_author: true,
            in_force: entry(1),
            entry: entry(2),
            supersedes: Some(entry(1)),
        };
        assert_eq!(further(&second), Further::Revises);
        assert_eq!(
            further(&FurtherEntry {
                state: Standing::Submitted,
                ..second
            }),
            Further::Revises
        );
        assert_eq!(
            further(&FurtherEntry {
                entry: entry(1),
                ..second
            }),
            Further::Known
        );
        let code = |s: FurtherEntry| match further(&s) {
            Further::Refused(reason) => reason.code.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(
            code(FurtherEntry {
                same_author: false,
                ..second
            }),
            "activity.author"
        );
        assert_eq!(
            code(FurtherEntry {
                state: Standing::Approved,
                ..second
            }),
            "activity.state"
        );
        assert_eq!(
            code(FurtherEntry {
                supersedes: None,
                ..second
            }),
            "activity.record_taken"
        );
        assert_eq!(
            code(FurtherEntry {
                state: Standing::Withdrawn,
                ..second
            }),
            "activity.withdrawn"
        );
    }

    proptest! {
        #[test]
        fn no_record_passes_that_ends_before_it_starts(starts in 1i64..1_795_363_200_000, ends in 1i64..1_795_363_200_000) {
            let record = Activity { starts: Millis(starts), ends: Millis(ends), ..good() };
            if faults(&record, NOW).is_empty() {
                prop_assert!(starts <= ends);
            }
        }
    }
}
