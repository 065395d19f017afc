//! What the worker does with the handset. Everything here works with no network at all, and whatever a call has
//! returned as done survives the death of the process.
//!
//! Rules that need the server's knowledge are the server's (a report off duty is taken and flagged there). What the
//! handset knows for sure is said at once: a second check-in, a task answered already, a file that is no photo.

pub(crate) mod activity;
pub(crate) mod catalogue;
pub(crate) mod check_in;
pub(crate) mod draft;
pub(crate) mod filing;
pub(crate) mod find;
pub(crate) mod needs_action;
pub(crate) mod photo_files;
pub(crate) mod queue;
pub(crate) mod queue_row;
pub(crate) mod reference;
pub(crate) mod report;
pub(crate) mod retention;
pub(crate) mod saved_draft;
pub(crate) mod status;
pub(crate) mod summary;
pub(crate) mod tasks;
pub(crate) mod withdraw;

pub use activity::{ActivityContent, ActivityDraft};
pub use catalogue::{one, search};
pub use check_in::HandsetPresence;
pub use draft::{Draft, DraftContent, Submitted};
pub use queue_row::{ItemState, QueueRow};
pub use report::{ReportContent, ReportDraft};
pub use status::Status;
pub use tasks::{AnswerContent, AnswerDraft, HandsetTask, TaskDistance};
pub use withdraw::Withdrawal;
