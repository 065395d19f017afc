//! What a case may do, as plain functions over plain data. The table itself is [`protocol::case::TRANSITIONS`].

use protocol::{
    case::{Action, CaseState, Guard, Transition, allowed},
    codes::CellCode,
    evidence::{Position, TimeBasis},
    problem::FieldError,
    role::Role,
};

/// What is known about a case and an action when its guards are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    pub matter: bool,
    pub cell: bool,
    pub opinion: bool,
    pub level: bool,
    pub department: bool,
    pub deadline: bool,
    pub after_photo: bool,
    pub check_passed: bool,
}

impl Facts {
    /// Whether one guard is met.
    pub const fn meet(self, guard: Guard) -> bool {
        match guard {
            Guard::TypeAndPlace => self.matter && self.cell,
            Guard::Opinion => self.opinion,
            Guard::Level => self.level,
            Guard::Department => self.department,
            Guard::Deadline => self.deadline,
            Guard::AfterPhoto => self.after_photo,
            Guard::CheckPassed => self.check_passed,
        }
    }
}

/// The guards of a row that the facts do not meet.
pub fn missing(transition: &Transition, facts: Facts) -> Vec<Guard> {
    transition
        .guards
        .iter()
        .copied()
        .filter(|g| !facts.meet(*g))
        .collect()
}

/// A guard as a field of the problem `case.guard`.
pub fn guard_error(guard: Guard) -> FieldError {
    FieldError {
        at: guard.as_str().to_owned(),
        zh: guard.zh().to_owned(),
        en: guard.en().to_owned(),
    }
}

/// The role whose step an action is; an action has one in all its rows.
pub fn role_of(action: Action) -> Role {
    protocol::case::TRANSITIONS
        .iter()
        .find(|t| t.action == action)
        .map_or(Role::Admin, |t| t.by)
}

/// The states that wait for `role`: its queue.
pub fn queue(role: Role) -> Vec<CaseState> {
    CaseState::ALL
        .iter()
        .copied()
        .filter(|state| allowed(*state).any(|t| t.by == role))
        .collect()
}

/// Why `action` does not lead out of `state`, with what does: the detail of `case.transition`.
pub fn not_from_here(state: CaseState, action: Action) -> String {
    let possible: Vec<String> = allowed(state)
        .map(|t| format!("{}（{}）", t.action.as_str(), t.by.zh()))
        .collect();
    let now = if possible.is_empty() {
        "已办结，不能再操作".to_owned()
    } else {
        format!("现在可以：{}", possible.join("、"))
    };
    format!("「{}」状态不能执行 {}；{now}", state.zh(), action.as_str())
}

/// A part of an action's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Matter,
    Place,
    Level,
    Department,
    Limit,
}

impl Part {
    pub const ALL: [Self; 5] = [
        Self::Matter,
        Self::Place,
        Self::Level,
        Self::Department,
        Self::Limit,
    ];
    /// JSON pointer of the part in the body.
    pub const fn at(self) -> &'static str {
        match self {
            Self::Matter => "/matter",
            Self::Place => "/place",
            Self::Level => "/level",
            Self::Department => "/department",
            Self::Limit => "/limit",
        }
    }
    /// Whether an action takes this part; what it does not take is refused, not swallowed.
    pub const fn fits(self, action: Action) -> bool {
        match self {
            Self::Matter => matches!(action, Action::Prefile | Action::File),
            Self::Place => matches!(action, Action::Prefile),
            Self::Level => matches!(action, Action::File),
            Self::Department | Self::Limit => matches!(action, Action::Dispatch),
        }
    }
}

/// One error for each given part that does not belong to the action.
pub fn strangers(action: Action, given: &[Part]) -> Vec<FieldError> {
    given
        .iter()
        .filter(|part| !part.fits(action))
        .map(|part| FieldError {
            at: part.at().to_owned(),
            zh: "这一步不填写此项".to_owned(),
            en: format!("{} takes no such field", action.as_str()),
        })
        .collect()
}

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

/// What a report looked like when it came in.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    pub on_duty: bool,
    /// Areas that the author's post answers for.
    pub areas: &'a [String],
    /// The place of the matter, or else where the worker stood.
    pub position: Option<&'a Position>,
    /// The same, and where the worker stood besides: a typed place must not hide a made-up fix.
    pub fixes: &'a [&'a Position],
    /// As the handset looked it up.
    pub handset_cell: Option<CellCode>,
    /// As the server looked it up from the position.
    pub located: Option<CellCode>,
    /// The cell the case gets.
    pub cell: Option<CellCode>,
    pub basis: TimeBasis,
    pub matter_known: bool,
}

/// What is odd about fixes themselves, whatever kind of entry they came with.
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

/// The flags of a report, in a stable order.
pub fn flags(c: &Circumstances<'_>) -> Vec<Flag> {
    let covered = |cell: CellCode| c.areas.iter().any(|a| cell.as_str().starts_with(a.as_str()));
    let mut flags = Vec::new();
    let mut flag = |when: bool, flag: Flag| {
        if when {
            flags.push(flag);
        }
    };
    flag(!c.on_duty, Flag::OffDuty);
    flag(c.cell.is_some_and(|cell| !covered(cell)), Flag::OutsideArea);
    flag(c.position.is_none(), Flag::NoPosition);
    for odd in fix_flags(c.fixes) {
        flag(true, odd);
    }
    flag(
        matches!((c.handset_cell, c.located), (Some(a), Some(b)) if a != b),
        Flag::CellDiffers,
    );
    flag(c.position.is_some() && c.located.is_none(), Flag::OutsideGrid);
    flag(c.basis == TimeBasis::WallOnly, Flag::ClockUntrusted);
    flag(!c.matter_known, Flag::MatterUnknown);
    flags
}

/// The longest area that holds all of `areas`, cut to a whole level (city 4, county 6, street 8, community 10);
/// empty when they share no city.
pub fn common_area(areas: &[String]) -> String {
    let Some((first, rest)) = areas.split_first() else {
        return String::new();
    };
    let shared = rest.iter().fold(first.len(), |n, area| {
        first
            .bytes()
            .zip(area.bytes())
            .take(n)
            .take_while(|(a, b)| a == b)
            .count()
    });
    let level = [12, 10, 8, 6, 4].into_iter().find(|l| *l <= shared).unwrap_or(0);
    first.get(..level).unwrap_or_default().to_owned()
}

/// A name as it is shown by default: the family name and stars (DC-05).
pub fn masked_name(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => std::iter::once(first).chain(letters.map(|_| '*')).collect(),
        None => String::new(),
    }
}

/// A phone number as it is shown by default: at most the last two digits (DC-05).
pub fn masked_phone(phone: &str) -> String {
    let n = phone.chars().count();
    let shown = if n >= 7 { 2 } else { 0 };
    phone
        .chars()
        .enumerate()
        .map(|(i, c)| if i + shown >= n { c } else { '*' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use protocol::{case::TRANSITIONS, geo::PointE7, time::Millis};

    #[test]
    fn every_guard_is_asked_by_its_own_fact_only() {
        let all = Facts {
            matter: true,
            cell: true,
            opinion: true,
            level: true,
            department: true,
            deadline: true,
            after_photo: true,
            check_passed: true,
        };
        for t in TRANSITIONS {
            assert_eq!(missing(t, all), Vec::new());
            assert_eq!(missing(t, Facts::default()), t.guards);
        }
        assert!(!Facts { cell: false, ..all }.meet(Guard::TypeAndPlace));
        assert!(!Facts { matter: false, ..all }.meet(Guard::TypeAndPlace));
    }

    #[test]
    fn an_action_belongs_to_one_role_in_all_its_rows() {
        for t in TRANSITIONS {
            assert_eq!(role_of(t.action), t.by);
        }
    }

    #[test]
    fn every_open_state_waits_for_somebody() {
        for state in CaseState::ALL {
            let waits = Role::ALL.iter().filter(|r| queue(**r).contains(state)).count();
            assert_eq!(waits, usize::from(!state.is_final()), "{state}");
        }
        assert_eq!(
            queue(Role::ShiftLeader),
            [CaseState::Prefiled, CaseState::AwaitClosing]
        );
    }

    #[test]
    fn a_refused_action_says_what_is_possible_now() {
        let text = not_from_here(CaseState::Reported, Action::Close);
        assert!(
            text.contains("上报") && text.contains("prefile（受理员）"),
            "{text}"
        );
        assert!(not_from_here(CaseState::Closed, Action::Close).contains("已办结"));
    }

    #[test]
    fn what_an_action_does_not_take_is_named() {
        assert_eq!(strangers(Action::File, &[Part::Matter, Part::Level]), Vec::new());
        assert_eq!(strangers(Action::Close, &Part::ALL).len(), Part::ALL.len());
    }

    fn position(accuracy_cm: u32, mock: bool) -> Position {
        Position {
            point: PointE7 {
                lat: 438_000_000,
                lon: 1_253_000_000,
            },
            accuracy_cm,
            provider: "gps".into(),
            mock,
            fix_time: Millis(0),
        }
    }

    #[test]
    fn a_report_from_the_right_place_at_the_right_time_has_no_flags() {
        let cell: CellCode = "220104010203".parse().unwrap();
        let (areas, at) = (["22010401".to_owned()], position(800, false));
        let good = Circumstances {
            on_duty: true,
            areas: &areas,
            position: Some(&at),
            fixes: &[&at],
            handset_cell: Some(cell),
            located: Some(cell),
            cell: Some(cell),
            basis: TimeBasis::Monotonic,
            matter_known: true,
        };
        assert_eq!(flags(&good), []);
        let other: CellCode = "220104990203".parse().unwrap();
        let mock = position(0, true);
        let bad = Circumstances {
            on_duty: false,
            position: Some(&mock),
            fixes: &[&mock],
            located: Some(other),
            cell: Some(other),
            basis: TimeBasis::WallOnly,
            matter_known: false,
            ..good
        };
        use Flag as F;
        assert_eq!(
            flags(&bad),
            [
                F::OffDuty,
                F::OutsideArea,
                F::MockPosition,
                F::ZeroAccuracy,
                F::CellDiffers,
                F::ClockUntrusted,
                F::MatterUnknown
            ]
        );
        let typed_away = Circumstances {
            fixes: &[&at, &mock],
            ..good
        };
        assert_eq!(flags(&typed_away), [F::MockPosition, F::ZeroAccuracy]);
        let lost = Circumstances {
            position: None,
            fixes: &[],
            located: None,
            ..good
        };
        assert_eq!(flags(&lost), [F::NoPosition]);
        let at_sea = Circumstances {
            located: None,
            ..good
        };
        assert_eq!(flags(&at_sea), [F::OutsideGrid]);
    }

    #[test]
    fn a_post_of_several_communities_answers_for_their_street() {
        let area = |list: &[&str]| common_area(&list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(area(&["2201040101", "2201040102"]), "22010401");
        assert_eq!(area(&["220104010101"]), "220104010101");
        assert_eq!(area(&["220104", "220105"]), "2201");
        assert_eq!(area(&["22", "33"]), "");
        assert_eq!(area(&[]), "");
    }

    proptest! {
        #[test]
        fn a_masked_caller_cannot_be_read_back(name in "\\PC{2,8}", phone in "[0-9]{3,15}") {
            let hidden = masked_name(&name);
            prop_assert_eq!(hidden.chars().count(), name.chars().count());
            prop_assert!(hidden.chars().skip(1).all(|c| c == '*'));
            let digits = masked_phone(&phone).chars().filter(char::is_ascii_digit).count();
            prop_assert!(digits <= 2 && digits < phone.len());
        }

        #[test]
        fn the_common_area_holds_every_area(tails in proptest::collection::vec("[0-9]{2,6}", 1..5)) {
            let areas: Vec<String> = tails.iter().map(|t| format!("2201{t}")).collect();
            let common = common_area(&areas);
            prop_assert!(common.len() >= 4);
            prop_assert!(areas.iter().all(|a| a.starts_with(&common)));
        }
    }
}
