//! The transition table, and the queries over it.
//!
//! A row is data: from which state, by which roles, with which fields, guards and effects. The server has one
//! match over fields, one over conditions and one over effects; no code depends on the id of a row.

use super::terms::{Action, CaseState, Field, Guard};
use crate::{duty::Purpose, role::Role};

/// The target state of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    State(CaseState),
    /// Back to the state from which the case entered its present state, according to its ledger.
    Prior,
}

/// How many people must approve before the case changes its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approvals {
    /// The person who acts.
    One,
    /// Two different people, one in each role, in this order. The first approval is recorded in the ledger and leaves
    /// the state unchanged; the second changes the state and brings the fields.
    Two(Role, Role),
}

/// A time limit that runs while one party holds the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseClock {
    /// The handling department holds the case, from dispatch (T9) to feedback (T10).
    Handle,
}

/// A further effect of a transition, besides changing the state and storing the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Increments the count of handling rounds and clears the result of the last check.
    NewRound,
    /// Sets the deadline to the field [`Field::Limit`] counted from now on the working calendar.
    StartClock(CaseClock),
    /// Records whether the deadline was kept.
    EndClock(CaseClock),
    /// Sends the case's task to the person on duty in its cell, and clears the result of the last check.
    SendTask(Purpose),
    /// The report counts as one whose matter its author did not handle.
    NotSelfHandled,
}

impl Effect {
    /// The field that the effect requires. The row must take the field, and a guard must require it.
    pub const fn needs(self) -> Option<Field> {
        match self {
            Self::StartClock(CaseClock::Handle) => Some(Field::Limit),
            Self::NewRound | Self::EndClock(CaseClock::Handle) | Self::SendTask(_) | Self::NotSelfHandled => {
                None
            }
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The id in `docs/rules.md`, such as `T9`.
    pub id: &'static str,
    pub action: Action,
    /// States in which the action applies. Empty: the action creates the case.
    pub from: &'static [CaseState],
    /// The roles that may act; any one of them suffices. With [`Approvals::Two`]: the two roles in order.
    pub by: &'static [Role],
    pub to: To,
    pub approvals: Approvals,
    /// Fields that the action accepts; any other is refused.
    pub takes: &'static [Field],
    /// Conditions, in the order in which failures are reported.
    pub guards: &'static [Guard],
    /// Effects, in the order in which they are applied.
    pub effects: &'static [Effect],
}

/// Ids of `docs/rules.md` that have no row yet. Their actions do not exist: the API refuses a request that names one as
/// `request.invalid` (422). An action that exists and has no row for the case's state is `case.transition` (409).
pub const LATER: &[(&str, &str)] = &[
    ("T7", "缓受理"),
    ("T8", "调出"),
    ("T16", "无核查结案"),
    ("T17", "作废申请"),
    ("T18", "作废"),
];

/// Fields that every step takes: an opinion and photos.
pub const WORDS: &[Field] = &[Field::Opinion, Field::Attachments];

/// Fields of a step that says what the matter is and where.
const DESCRIPTION: &[Field] = &[
    Field::Opinion,
    Field::Attachments,
    Field::Matter,
    Field::Place,
    Field::Cell,
    Field::Address,
];

/// The transition table, the single source for how a case may change its state.
///
/// The first row from a state decides whose queue holds the cases in that state ([`waits_for`]).
pub const TRANSITIONS: &[Transition] = {
    use Action as A;
    use CaseState as S;
    use Effect as E;
    use Field as F;
    use Guard as G;
    use Role as R;
    &[
        Transition {
            id: "T1",
            action: A::Report,
            from: &[],
            by: &[R::Patroller],
            to: To::State(S::Reported),
            approvals: Approvals::One,
            takes: DESCRIPTION,
            guards: &[],
            effects: &[],
        },
        Transition {
            id: "T2",
            action: A::Register,
            from: &[],
            by: &[R::Acceptor],
            to: To::State(S::Verifying),
            approvals: Approvals::One,
            takes: &[F::Matter, F::Place, F::Cell, F::Address],
            guards: &[G::TypeAndPlace],
            effects: &[E::SendTask(Purpose::Verify)],
        },
        Transition {
            id: "T3",
            action: A::ConfirmTrue,
            from: &[S::Verifying],
            by: &[R::Patroller],
            to: To::State(S::Verified),
            approvals: Approvals::One,
            takes: WORDS,
            guards: &[],
            effects: &[],
        },
        Transition {
            id: "T3",
            action: A::ConfirmFalse,
            from: &[S::Verifying],
            by: &[R::Patroller],
            to: To::State(S::NotFiled),
            approvals: Approvals::One,
            takes: WORDS,
            guards: &[],
            effects: &[],
        },
        Transition {
            id: "T4",
            action: A::Prefile,
            from: &[S::Reported, S::Verified, S::SentBack],
            by: &[R::Acceptor],
            to: To::State(S::Prefiled),
            approvals: Approvals::One,
            takes: DESCRIPTION,
            guards: &[G::TypeAndPlace],
            effects: &[],
        },
        Transition {
            id: "T5",
            action: A::File,
            from: &[S::Prefiled],
            by: &[R::ShiftLeader],
            to: To::State(S::Filed),
            approvals: Approvals::One,
            takes: &[F::Opinion, F::Attachments, F::Matter, F::Level],
            guards: &[G::TypeAndPlace, G::Level, G::Opinion],
            effects: &[],
        },
        Transition {
            id: "T6",
            action: A::SendBack,
            from: &[S::Prefiled],
            by: &[R::ShiftLeader],
            to: To::State(S::SentBack),
            approvals: Approvals::One,
            takes: WORDS,
            guards: &[G::Opinion],
            effects: &[],
        },
        Transition {
            id: "T6",
            action: A::Decline,
            from: &[S::SentBack],
            by: &[R::Acceptor],
            to: To::State(S::NotFiled),
            approvals: Approvals::One,
            takes: WORDS,
            guards: &[G::Opinion],
            effects: &[],
        },
        Transition {
            id: "T9",
            action: A::Dispatch,
            from: &[S::Filed, S::Redispatch],
            by: &[R::CommandCentre],
            to: To::State(S::Handling),
            approvals: Approvals::One,
            takes: &[F::Opinion, F::Attachments, F::Department, F::Limit],
            guards: &[G::Department, G::Deadline],
            effects: &[E::NewRound, E::StartClock(CaseClock::Handle)],
        },
        Transition {
            id: "T10",
            action: A::Handle,
            from: &[S::Handling],
            by: &[R::Department],
            to: To::State(S::Handled),
            approvals: Approvals::One,
            takes: WORDS,
            guards: &[G::Opinion, G::AfterPhoto],
            effects: &[E::EndClock(CaseClock::Handle)],
        },
        Transition {
            id: "T11",
            action: A::Forward,
            from: &[S::Handled],
            by: &[R::CommandCentre],
            to: To::State(S::CheckQueue),
            approvals: Approvals::One,
            takes: WORDS,
            guards: &[],
            effects: &[],
        },
        Transition {
            id: "T12",
            action: A::SendCheck,
            from: &[S::CheckQueue],
            by: &[R::Acceptor],
            to: To::State(S::Checking),
            approvals: Approvals::One,
            takes: WORDS,
            guards: &[],
            effects: &[E::SendTask(Purpose::Check)],
        },
        Transition {
            id: "T13",
            action: A::CheckResult,
            from: &[S::Checking],
            by: &[R::Patroller],
            to: To::State(S::AwaitClosing),
            approvals: Approvals::One,
            takes: &[F::Opinion, F::Attachments, F::CheckPassed],
            guards: &[],
            effects: &[],
        },
        Transition {
            id: "T14",
            action: A::Close,
            from: &[S::AwaitClosing],
            by: &[R::ShiftLeader],
            to: To::State(S::Closed),
            approvals: Approvals::One,
            takes: WORDS,
            guards: &[G::CheckPassed, G::Opinion],
            effects: &[],
        },
        Transition {
            id: "T15",
            action: A::Rework,
            from: &[S::AwaitClosing],
            by: &[R::ShiftLeader],
            to: To::State(S::Redispatch),
            approvals: Approvals::One,
            takes: WORDS,
            guards: &[G::Opinion],
            effects: &[],
        },
        // After T4, so that the reports stay in the acceptor's queue.
        Transition {
            id: "X11",
            action: A::ProposeSelfHandled,
            from: &[S::Reported],
            by: &[R::Acceptor],
            to: To::State(S::SelfHandled),
            approvals: Approvals::One,
            takes: DESCRIPTION,
            guards: &[G::SelfHandled, G::TypeAndPlace, G::BeforeAndAfter],
            effects: &[],
        },
        Transition {
            id: "X11",
            action: A::CloseSelfHandled,
            from: &[S::SelfHandled],
            by: &[R::ShiftLeader],
            to: To::State(S::Closed),
            approvals: Approvals::One,
            takes: WORDS,
            guards: &[G::Opinion, G::BeforeAndAfter],
            effects: &[],
        },
        Transition {
            id: "X11",
            action: A::RefuseSelfHandled,
            from: &[S::SelfHandled],
            by: &[R::ShiftLeader],
            to: To::State(S::Reported),
            approvals: Approvals::One,
            takes: WORDS,
            guards: &[G::Opinion],
            effects: &[E::NotSelfHandled],
        },
        // Last, so that the cases stay in the queues of the rows above.
        Transition {
            id: "X23",
            action: A::Withdraw,
            from: &[S::Reported, S::SelfHandled, S::Prefiled, S::SentBack],
            by: &[R::Patroller],
            to: To::State(S::Withdrawn),
            approvals: Approvals::One,
            takes: WORDS,
            guards: &[],
            effects: &[],
        },
    ]
};

/// The action has no row for the case's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{action} is not possible in state {state}", action = .action.as_str(), state = .state.as_str())]
pub struct NoTransition {
    pub action: Action,
    pub state: CaseState,
}

/// Returns the row for `action` from `state`.
pub fn transition(state: CaseState, action: Action) -> Result<&'static Transition, NoTransition> {
    TRANSITIONS
        .iter()
        .find(|t| t.action == action && t.from.contains(&state))
        .ok_or(NoTransition { action, state })
}

/// Returns the row by which `action` creates a case.
pub fn creates(action: Action) -> Option<&'static Transition> {
    TRANSITIONS
        .iter()
        .find(|t| t.action == action && t.from.is_empty())
}

/// Returns the rows from `state`, in the order of the table.
pub fn allowed(state: CaseState) -> impl Iterator<Item = &'static Transition> {
    TRANSITIONS.iter().filter(move |t| t.from.contains(&state))
}

/// Returns the roles that may do `action` from some state, each once, in the order of the table.
pub fn roles(action: Action) -> Vec<Role> {
    let mut roles = Vec::new();
    for role in TRANSITIONS
        .iter()
        .filter(|t| t.action == action)
        .flat_map(|t| t.by)
    {
        if !roles.contains(role) {
            roles.push(*role);
        }
    }
    roles
}

/// Returns the role whose queue holds the cases in `state`: the first role of the first row from it. `None` for final
/// states.
pub fn waits_for(state: CaseState) -> Option<Role> {
    allowed(state).next().and_then(|t| t.by.first().copied())
}

/// Returns the states to which `row` may lead from `from`: one, or for [`To::Prior`] every state with a row into
/// `from`.
pub fn targets(row: &Transition, from: CaseState) -> Vec<CaseState> {
    match row.to {
        To::State(state) => vec![state],
        To::Prior => CaseState::ALL
            .iter()
            .copied()
            .filter(|prior| allowed(*prior).any(|t| t.to == To::State(from)))
            .collect(),
    }
}

#[cfg(test)]
mod tests;
