//! The rules of a case as pure functions. The table itself is [`protocol::case::TRANSITIONS`].

use super::file::CaseFile;
use crate::{
    entries::flags::{FixContext, FixLimits, Flag, fix_flags},
    kernel::failure::field_error,
};
use protocol::{
    area::Area,
    case::{Action, CaseState, Condition, Field, FieldKind, FieldValue, Guard, allowed, waits_for},
    codes::CellCode,
    evidence::{Position, TimeBasis},
    problem::FieldError,
    role::Role,
};

/// The facts of the case that guards check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GuardFacts {
    pub matter: bool,
    pub cell: bool,
    pub check_passed: bool,
    pub self_handled: bool,
    pub before_and_after: bool,
}

impl GuardFacts {
    /// `before_and_after`: whether the server holds such photos of the report.
    pub fn of(file: &CaseFile, before_and_after: bool) -> Self {
        Self {
            matter: file.matter.is_some(),
            cell: file.cell.is_some(),
            check_passed: file.check_passed == Some(true),
            self_handled: file.self_handled,
            before_and_after,
        }
    }
    /// Returns whether one guard is met, when `gives` tells which fields the action brings.
    pub fn meet(self, guard: Guard, gives: impl Fn(Field) -> bool) -> bool {
        match guard.condition() {
            Condition::Given(field) => gives(field),
            Condition::TypeAndPlace => self.matter && self.cell,
            Condition::CheckPassed => self.check_passed,
            Condition::SelfHandled => self.self_handled,
            Condition::BeforeAndAfter => self.before_and_after,
        }
    }
    /// Returns whether the field must be given for the guard to be met.
    pub fn lack(self, guard: Guard, field: Field) -> bool {
        match guard.condition() {
            Condition::Given(asked) => asked == field,
            Condition::TypeAndPlace => {
                (field == Field::Matter && !self.matter)
                    || (matches!(field, Field::Place | Field::Cell) && !self.cell)
            }
            Condition::CheckPassed | Condition::SelfHandled | Condition::BeforeAndAfter => false,
        }
    }
}

/// Returns the guards that are not met, in their order.
pub fn missing(guards: &[Guard], facts: GuardFacts, gives: impl Fn(Field) -> bool) -> Vec<Guard> {
    guards
        .iter()
        .copied()
        .filter(|guard| !facts.meet(*guard, &gives))
        .collect()
}

/// Returns a guard as a field of the problem `case.guard`.
pub fn guard_error(guard: Guard) -> FieldError {
    field_error(guard.as_str(), guard.zh(), guard.en())
}

/// Returns the states in the queue of `role`.
pub fn queue(role: Role) -> Vec<CaseState> {
    CaseState::ALL
        .iter()
        .copied()
        .filter(|state| waits_for(*state) == Some(role))
        .collect()
}

/// Returns the detail of `case.transition`: why `action` does not apply in `state`, and which actions do.
pub fn not_from_here(state: CaseState, action: Action) -> String {
    let possible: Vec<String> = allowed(state)
        .map(|t| {
            let roles: Vec<&str> = t.by.iter().map(|role| role.zh()).collect();
            format!("{}（{}）", t.action.zh(), roles.join("、"))
        })
        .collect();
    let now = if possible.is_empty() {
        "已办结，不能再操作".to_owned()
    } else {
        format!("现在可以：{}", possible.join("、"))
    };
    format!("「{}」状态不能执行「{}」；{now}", state.zh(), action.zh())
}

/// Returns one error for each given field that the action does not take.
pub fn fields_not_taken(takes: &[Field], given: &[FieldValue]) -> Vec<FieldError> {
    given
        .iter()
        .map(FieldValue::field)
        .filter(|field| !takes.contains(field))
        .map(|field| {
            field_error(
                format!("/{field}"),
                "这一步不填写此项",
                "this action does not accept this field",
            )
        })
        .collect()
}

/// Returns the error of a value outside the bounds of its field. Text with a NUL is refused too: no engine stores it.
pub fn out_of_bounds(value: &FieldValue) -> Option<FieldError> {
    let field = value.field();
    let nul = match value {
        FieldValue::Opinion(text) | FieldValue::Address(text) => text.contains('\0'),
        _ => false,
    };
    let outside = value.amount().is_some_and(|amount| !field.holds(amount));
    let (least, most) = field.bounds().filter(|_| nul || outside)?;
    let (at, zh, en) = match field.kind() {
        FieldKind::Text => (
            "",
            "文字过长".to_owned(),
            "the text is too long or contains a NUL character".to_owned(),
        ),
        FieldKind::Photos => (
            "",
            "照片过多，请减少照片后再提交".to_owned(),
            "too many photos; remove some and submit again".to_owned(),
        ),
        FieldKind::Limit => (
            "/amount",
            format!("时限为 {least} 至 {most}"),
            format!("the limit is {least} to {most}"),
        ),
        // A number. Other kinds have no bounds.
        _ => (
            "",
            format!("{}为 {least} 至 {most}", field.zh()),
            format!("the {field} is {least} to {most}"),
        ),
    };
    Some(field_error(format!("/{field}{at}"), zh, en))
}

/// The circumstances of a report at its arrival.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    pub on_duty: bool,
    /// Areas that the author's post is responsible for.
    pub areas: &'a [Area],
    /// The place of the matter, or otherwise the worker's position.
    pub position: Option<&'a Position>,
    /// The same, and also the worker's position: a typed place must not hide a mock fix.
    pub fixes: &'a [&'a Position],
    pub fix_context: FixContext,
    pub fix_limits: FixLimits,
    /// The cell as looked up by the handset.
    pub handset_cell: Option<CellCode>,
    /// The cell as looked up by the server from the position.
    pub located: Option<CellCode>,
    /// The cell that the case gets.
    pub cell: Option<CellCode>,
    pub basis: TimeBasis,
    pub matter_known: bool,
}

/// Returns the flags of a report, in a stable order.
pub fn flags(c: &Circumstances<'_>) -> Vec<Flag> {
    let covered = |cell: CellCode| c.areas.iter().any(|area| area.contains(cell));
    let mut flags = Vec::new();
    let mut flag = |when: bool, flag: Flag| {
        if when {
            flags.push(flag);
        }
    };
    flag(!c.on_duty, Flag::OffDuty);
    flag(c.cell.is_some_and(|cell| !covered(cell)), Flag::OutsideArea);
    flag(c.position.is_none(), Flag::NoPosition);
    for odd in fix_flags(c.fixes, &c.fix_context, c.fix_limits) {
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
    use crate::kernel::config::Settings;
    use protocol::{
        calendar::{Limit, LimitUnit},
        case::TRANSITIONS,
        geo::PointE7,
        photo::Sha256,
        time::Millis,
    };

    #[test]
    fn every_guard_can_refuse_and_can_be_met() {
        let all = GuardFacts {
            matter: true,
            cell: true,
            check_passed: true,
            self_handled: true,
            before_and_after: true,
        };
        for t in TRANSITIONS {
            assert_eq!(missing(t.guards, all, |_| true), []);
            assert_eq!(missing(t.guards, GuardFacts::default(), |_| false), t.guards);
            // Each omitted field is missed by the guards that need it, and by no other guard.
            for left_out in t.takes {
                let asked: Vec<Guard> = t
                    .guards
                    .iter()
                    .copied()
                    .filter(|g| g.condition() == Condition::Given(*left_out))
                    .collect();
                assert_eq!(
                    missing(t.guards, all, |field| field != *left_out),
                    asked,
                    "{}",
                    t.id
                );
            }
        }
        for half in [
            GuardFacts { cell: false, ..all },
            GuardFacts { matter: false, ..all },
        ] {
            assert!(!half.meet(Guard::TypeAndPlace, |_| true));
        }
        let no_cell = GuardFacts { cell: false, ..all };
        assert!(no_cell.lack(Guard::TypeAndPlace, Field::Cell));
        assert!(!no_cell.lack(Guard::TypeAndPlace, Field::Matter));
    }

    #[test]
    fn every_open_state_is_in_one_queue() {
        for state in CaseState::ALL {
            let waits = Role::ALL.iter().filter(|r| queue(**r).contains(state)).count();
            assert_eq!(waits, usize::from(!state.is_final()), "{state}");
        }
        assert_eq!(
            queue(Role::ShiftLeader),
            [
                CaseState::Prefiled,
                CaseState::AwaitClosing,
                CaseState::SelfHandled
            ]
        );
    }

    #[test]
    fn a_refused_action_lists_the_actions_possible_now() {
        let text = not_from_here(CaseState::Reported, Action::Close);
        assert!(
            text.contains("上报") && text.contains("预立案（受理员）"),
            "{text}"
        );
        assert!(not_from_here(CaseState::Closed, Action::Close).contains("已办结"));
    }

    #[test]
    fn a_field_that_the_action_does_not_take_is_named() {
        let given = [FieldValue::Level(2), FieldValue::Address("x".into())];
        let at: Vec<String> = fields_not_taken(&[Field::Level], &given)
            .into_iter()
            .map(|e| e.at)
            .collect();
        assert_eq!(at, ["/address"]);
    }

    #[test]
    fn a_value_out_of_bounds_is_named() {
        let limit = |amount| {
            FieldValue::Limit(Limit {
                amount,
                unit: LimitUnit::WorkingDay,
            })
        };
        for (value, at) in [
            (FieldValue::Opinion("x".repeat(4001)), "/opinion"),
            (FieldValue::Address("\0".into()), "/address"),
            (FieldValue::Attachments(vec![Sha256([1; 32]); 21]), "/attachments"),
            (FieldValue::Level(0), "/level"),
            (FieldValue::Level(4), "/level"),
            (limit(0), "/limit/amount"),
            (limit(1001), "/limit/amount"),
        ] {
            assert_eq!(out_of_bounds(&value).map(|e| e.at).as_deref(), Some(at));
        }
        for value in [
            FieldValue::Level(3),
            limit(1),
            limit(1000),
            FieldValue::Opinion(String::new()),
        ] {
            assert_eq!(out_of_bounds(&value), None);
        }
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
            monotonic_ms: None,
        }
    }

    #[test]
    fn a_report_from_the_right_place_at_the_right_time_has_no_flags() {
        let cell: CellCode = "220104010203".parse().unwrap();
        let (areas, at) = (["22010401".parse().unwrap()], position(800, false));
        let good = Circumstances {
            on_duty: true,
            areas: &areas,
            position: Some(&at),
            fixes: &[&at],
            fix_context: FixContext {
                made: Millis(20 * 60_000),
                wall: Millis(0),
                slack_ms: 0,
                monotonic_ms: None,
            },
            fix_limits: FixLimits::of(&Settings::default()),
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
