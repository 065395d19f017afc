//! Error codes: the one registry that server and handset share, and the body of an error answer.
//!
//! A code is a stable dotted text such as `auth.token`. The registry has three lists, and no code is in two of them:
//!
//! | list | made by | reaches the other end as |
//! |---|---|---|
//! | [`ProblemCode`] | server | the answer to a request ([`Problem`], RFC 9457), with an HTTP status |
//! | [`ReasonCode`] | server | the reason of an entry's disposition, in the mailbox |
//! | [`HandsetCode`] | handset | nothing: shown to the worker, kept in the handset's database |
//!
//! A handset also raises some of the [`ReasonCode`]s itself, before it files an entry (`activity.times`) or for a state
//! that it derives (`entry.superseded`); those do not leave it.
//!
//! Every row states its [`ProblemClass`], and the default texts for people. Programs decide by class or by comparing with
//! one code, never by a part of the text. [`ErrorCode`] is any code of the three lists, or a code that only a newer
//! peer knows; it keeps such a code unchanged.
//!
//! To add a code, append a row to its list. Never rename or reuse a code: old handsets and stored rows contain it.

mod any;
mod body;
mod class;
mod code;
mod handset;
mod reason;
mod registry;

pub use any::ErrorCode;
pub use body::{FieldError, Problem};
pub use class::{ProblemClass, Recovery};
pub use code::ProblemCode;
pub use handset::HandsetCode;
pub use reason::ReasonCode;
