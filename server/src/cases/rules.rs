//! What a case may do, as plain functions over plain data. The table itself is [`protocol::case::TRANSITIONS`].

use crate::entries::flags::{Flag, fix_flags};
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

#[cfg(test)]
mod tests {
    use super::*;
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
}
