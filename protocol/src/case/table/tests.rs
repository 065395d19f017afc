//! Tests that hold for every table, and a few of this one.

use super::{super::terms::Condition, *};
use std::collections::BTreeSet;

#[test]
fn every_state_is_reachable() {
    let reached: BTreeSet<CaseState> = TRANSITIONS
        .iter()
        .filter_map(|t| match t.to {
            To::State(state) => Some(state),
            To::Prior => None,
        })
        .collect();
    assert_eq!(reached, CaseState::ALL.iter().copied().collect());
}

#[test]
fn every_open_state_has_a_first_queue_and_a_final_one_has_none() {
    for state in CaseState::ALL {
        assert_eq!(waits_for(*state).is_none(), state.is_final(), "{state}");
    }
    assert_eq!(waits_for(CaseState::Prefiled), Some(Role::ShiftLeader));
    assert_eq!(waits_for(CaseState::SentBack), Some(Role::Acceptor));
}

#[test]
fn a_final_state_is_reachable_from_every_state() {
    for start in CaseState::ALL {
        let mut seen = BTreeSet::from([*start]);
        let mut open = vec![*start];
        while let Some(state) = open.pop() {
            open.extend(
                allowed(state)
                    .flat_map(|t| targets(t, state))
                    .filter(|next| seen.insert(*next)),
            );
        }
        assert!(seen.iter().any(|s| s.is_final()), "{start} is a dead end");
    }
}

#[test]
fn a_row_takes_the_fields_that_its_guards_and_effects_need() {
    for t in TRANSITIONS {
        let at = format!("{} {}", t.id, t.action);
        let given = |field: Field| t.guards.iter().any(|g| g.condition() == Condition::Given(field));
        for guard in t.guards {
            if let Condition::Given(field) = guard.condition() {
                assert_eq!(guard.fields(), [field], "{at}: {guard}");
                assert!(t.takes.contains(&field), "{at}: {guard} asks for {field}");
            }
        }
        for field in t.effects.iter().filter_map(|e| e.needs()) {
            assert!(
                t.takes.contains(&field) && given(field),
                "{at}: {field} may be missing"
            );
        }
        for field in t.takes {
            if let Some(other) = field.instead_of() {
                assert!(t.takes.contains(&other), "{at}: {field} without {other}");
            }
        }
        let distinct: BTreeSet<&Field> = t.takes.iter().collect();
        assert_eq!(distinct.len(), t.takes.len(), "{at}");
    }
}

#[test]
fn every_transition_id_of_the_requirements_has_a_row_or_is_listed_as_later() {
    for n in 1..=18 {
        let id = format!("T{n}");
        let rows = TRANSITIONS.iter().filter(|t| t.id == id).count();
        let later = LATER.iter().filter(|(later, _)| *later == id).count();
        assert!((rows > 0) != (later > 0), "{id}");
    }
}

/// The page `docs/cases.md`, which lists the rows, so holds every action.
#[test]
fn every_action_has_a_row() {
    let actions: BTreeSet<Action> = TRANSITIONS.iter().map(|t| t.action).collect();
    assert_eq!(actions, Action::ALL.iter().copied().collect());
}

#[test]
fn approvals_name_the_roles_of_their_row() {
    for t in TRANSITIONS {
        match t.approvals {
            Approvals::One => assert!(!t.by.is_empty(), "{}", t.id),
            Approvals::Two(first, second) => assert_eq!(t.by, [first, second], "{}", t.id),
        }
    }
}

#[test]
fn an_action_has_at_most_one_row_from_a_state() {
    for state in CaseState::ALL {
        let actions: Vec<Action> = allowed(*state).map(|t| t.action).collect();
        let distinct: BTreeSet<Action> = actions.iter().copied().collect();
        assert_eq!(actions.len(), distinct.len(), "{state}");
    }
    for action in Action::ALL {
        let creating = TRANSITIONS
            .iter()
            .filter(|t| t.action == *action && t.from.is_empty());
        assert!(creating.count() <= 1, "{action}");
    }
}

#[test]
fn an_action_without_a_row_for_the_state_is_refused() {
    let mut named = 0;
    for state in CaseState::ALL {
        for action in Action::ALL {
            match transition(*state, *action) {
                Ok(t) => {
                    assert!(t.from.contains(state));
                    named += 1;
                }
                Err(e) => assert_eq!((e.action, e.state), (*action, *state)),
            }
        }
    }
    assert_eq!(named, TRANSITIONS.iter().map(|t| t.from.len()).sum::<usize>());
}

#[test]
fn a_returned_case_is_dispatched_again_by_t9() {
    let back = transition(CaseState::AwaitClosing, Action::Rework).unwrap();
    let To::State(state) = back.to else {
        panic!("T15 leads to one state")
    };
    let again = transition(state, Action::Dispatch).unwrap();
    assert_eq!((again.id, again.to), ("T9", To::State(CaseState::Handling)));
}
