//! The case (案卷): its terms, and the transition table (T1..T18 of `docs/rules.md`) as data.
//!
//! * [`terms`]: states, actions, guards, fields, and the request body built from them.
//! * [`table`]: the rows, and the queries over them.
//! * [`page`]: renders the table as the page `docs/cases.md`.
//!
//! The server interprets the rows (`server/src/cases`); this module has no effects.

pub mod page;
pub mod table;
pub mod terms;

pub use table::{
    Approvals, CaseClock, Effect, NoTransition, TRANSITIONS, To, Transition, WORDS, allowed, creates, roles,
    targets, transition, waits_for,
};
pub use terms::{Action, ActionBody, CaseState, Condition, Field, FieldKind, FieldValue, Guard};
