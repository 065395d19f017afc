//! Queries on the case's ledger: the state to return to, and a pending first approval. Pure functions over events.

use super::ledger::LedgerEvent;
use protocol::{
    case::{Approvals, CaseState, Condition, Field, Guard, To, Transition, WORDS, transition},
    ids::PersonId,
    role::Role,
};

/// Key of the fact in an approval's event: 1 for the first, 2 for the second approval, which moves the case.
pub const APPROVAL: &str = "approval";

/// Returns whether the row needs the ledger.
pub fn matters(row: &Transition) -> bool {
    row.to == To::Prior || row.approvals != Approvals::One
}

/// The next act by a row: who may act, and with which fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Any of these may act now.
    pub roles: &'static [Role],
    /// False for the first of two approvals: it leaves the case in its state and brings no fields.
    pub moves: bool,
    /// Number of the approval, when the row requires two.
    pub number: Option<u8>,
    /// The fields that may be given now.
    pub takes: &'static [Field],
    /// The person who gave the first approval; another person must give the second.
    pub approved_by: Option<PersonId>,
    /// The guards of this act.
    pub guards: Vec<Guard>,
}

/// Returns the next act by `row` in a case with this ledger.
pub fn turn(row: &'static Transition, events: &[LedgerEvent]) -> Turn {
    let all = Turn {
        roles: row.by,
        moves: true,
        number: None,
        takes: row.takes,
        approved_by: None,
        guards: row.guards.to_vec(),
    };
    match (row.approvals, first_approval(row, events)) {
        (Approvals::One, _) => all,
        (Approvals::Two(..), None) => Turn {
            roles: row.by.get(..1).unwrap_or_default(),
            moves: false,
            number: Some(1),
            takes: WORDS,
            guards: row.guards.iter().copied().filter(|g| is_of_words(*g)).collect(),
            ..all
        },
        (Approvals::Two(..), Some(first)) => Turn {
            roles: row.by.get(1..).unwrap_or_default(),
            number: Some(2),
            approved_by: first.actor.person,
            ..all
        },
    }
}

/// The first approval brings only an opinion and photos, so only their guards are checked for it.
fn is_of_words(guard: Guard) -> bool {
    matches!(guard.condition(), Condition::Given(field) if WORDS.contains(&field))
}

/// Returns the pending first approval of the row's action, given since the case entered its state.
fn first_approval<'e>(row: &Transition, events: &'e [LedgerEvent]) -> Option<&'e LedgerEvent> {
    events
        .iter()
        .rev()
        // A revised report is not a step; every other event is an approval or has moved the case.
        .take_while(|e| e.transition.is_none() || approval(e) == Some(1))
        .find(|e| approval(e) == Some(1) && e.action == row.action.as_str())
}

fn approval(event: &LedgerEvent) -> Option<u64> {
    event.facts.get(APPROVAL).and_then(serde_json::Value::as_u64)
}

/// Returns the state that `row` leads to; `None` when it leads back and the ledger contains no prior state.
pub fn target(row: &Transition, events: &[LedgerEvent]) -> Option<CaseState> {
    match row.to {
        To::State(state) => Some(state),
        To::Prior => prior(events, returned),
    }
}

/// Returns the state before the one in which the last event left the case. Returns into that state are skipped: a
/// case that came to B from A, then to C and back to B, has A as the prior state of B.
fn prior(events: &[LedgerEvent], returned: impl Fn(&LedgerEvent) -> bool) -> Option<CaseState> {
    let now = events.last()?.to;
    events
        .iter()
        .rev()
        .filter(|e| e.to == now && !returned(e))
        .find_map(|e| e.from.filter(|from| *from != now))
}

/// Returns whether the event is a return to a prior state.
fn returned(event: &LedgerEvent) -> bool {
    let row = event.from.zip(event.action.parse().ok());
    row.is_some_and(|(from, action)| transition(from, action).is_ok_and(|t| t.to == To::Prior))
}

#[cfg(test)]
mod tests {
    use super::{super::ledger::EventActor, *};
    use protocol::{
        case::Action,
        ids::{CaseId, EventId},
        time::Millis,
    };
    use serde_json::{Map, json};

    /// 作废 (T18), as planned: two people must agree, and a refusal returns the case.
    const TWO: Transition = Transition {
        id: "T18",
        action: Action::Close,
        from: &[CaseState::Handling],
        by: &[Role::ShiftLeader, Role::Supervisor],
        to: To::Prior,
        approvals: Approvals::Two(Role::ShiftLeader, Role::Supervisor),
        takes: &[Field::Opinion, Field::Attachments, Field::Level],
        guards: &[Guard::Opinion, Guard::Level],
        effects: &[],
    };

    fn person(n: u8) -> PersonId {
        PersonId::from_parts(1, [n; 10])
    }

    fn event(action: Action, from: Option<CaseState>, to: CaseState, by: u8) -> LedgerEvent {
        LedgerEvent {
            case: CaseId::from_parts(1, [7; 10]),
            seq: 1,
            id: EventId::from_parts(1, [1; 10]),
            transition: Some("T0".into()),
            action: action.as_str().into(),
            from,
            to,
            actor: EventActor {
                person: Some(person(by)),
                role: None,
                post: None,
            },
            at: Millis(0),
            opinion: String::new(),
            attachments: Vec::new(),
            facts: Map::new(),
        }
    }

    #[test]
    fn two_approvals_are_given_by_two_roles_in_order() {
        use CaseState as S;
        let mut events = vec![event(Action::Dispatch, Some(S::Filed), S::Handling, 1)];
        let first = turn(&TWO, &events);
        assert_eq!(
            (first.roles, first.moves, first.number),
            ([Role::ShiftLeader].as_slice(), false, Some(1))
        );
        // The first approval takes opinion and photos only, so the guard for the level is checked at the second.
        assert_eq!(
            (first.takes, first.guards.as_slice()),
            (WORDS, [Guard::Opinion].as_slice())
        );
        let mut approved = event(Action::Close, Some(S::Handling), S::Handling, 2);
        approved.facts.insert(APPROVAL.into(), json!(1));
        events.push(approved);
        let mut revised = event(Action::Report, Some(S::Handling), S::Handling, 3);
        revised.transition = None;
        events.push(revised);
        let second = turn(&TWO, &events);
        assert_eq!(
            (second.roles, second.moves, second.number, second.approved_by),
            ([Role::Supervisor].as_slice(), true, Some(2), Some(person(2)))
        );
        assert_eq!(second.guards, TWO.guards);
        // The case moved on and came back: the approval has expired.
        events.push(event(Action::Handle, Some(S::Handling), S::Handled, 1));
        events.push(event(Action::Dispatch, Some(S::Handled), S::Handling, 1));
        assert_eq!(turn(&TWO, &events), first);
    }

    #[test]
    fn the_prior_state_is_the_one_from_which_the_case_first_came() {
        use CaseState as S;
        assert_eq!(target(&TWO, &[]), None);
        let mut events = vec![event(Action::Report, None, S::Reported, 1)];
        assert_eq!(target(&TWO, &events), None);
        events.push(event(Action::Prefile, Some(S::Reported), S::Prefiled, 1));
        assert_eq!(target(&TWO, &events), Some(S::Reported));
        // Into another state and back by a return: the result is the state before that, not the detour.
        events.push(event(Action::Handle, Some(S::Prefiled), S::Handled, 1));
        events.push(event(Action::Rework, Some(S::Handled), S::Prefiled, 1));
        let by_return = |e: &LedgerEvent| e.action == "rework";
        assert_eq!(prior(&events, by_return), Some(S::Reported));
    }
}
