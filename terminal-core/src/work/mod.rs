//! The worker's functions. All of them work without a network, and whatever a call returned as done survives
//! a kill of the process.
//!
//! Rules that need the server's knowledge are applied by the server (a report off duty is accepted and
//! flagged there). What the handset knows for certain is reported at once: a second check-in, a task that was
//! answered, a file that is no photo.

pub(crate) mod activity;
pub(crate) mod answered;
pub(crate) mod asked;
pub(crate) mod catalogue;
pub(crate) mod check_in;
pub(crate) mod draft;
mod draft_content;
pub(crate) mod filing;
pub(crate) mod find;
pub(crate) mod fix;
pub(crate) mod history;
pub(crate) mod item_detail;
pub(crate) mod months;
pub(crate) mod needs_action;
pub(crate) mod photo_files;
mod pinyin;
pub(crate) mod queue;
pub(crate) mod queue_row;
pub(crate) mod reference;
pub(crate) mod report;
pub(crate) mod retention;
pub(crate) mod saved_draft;
pub(crate) mod status;
pub(crate) mod summary;
pub(crate) mod tasks;
mod unlock;
pub(crate) mod update;
pub(crate) mod withdraw;

pub use activity::{ActivityContent, ActivityDraft};
pub use answered::AnsweredTask;
pub use asked::FewerPhotos;
pub use catalogue::{FrequentMatter, one, search};
pub use check_in::HandsetPresence;
pub use draft::{Draft, DraftCell, DraftContent, Submitted};
pub use fix::FixView;
pub use history::{HistoryCursor, HistoryRow};
pub use item_detail::ItemDetail;
pub use months::MonthState;
pub use queue::QueueFilter;
pub use queue_row::{ItemState, QueueRow};
pub use report::{ReportContent, ReportDraft};
pub use status::Status;
pub use tasks::{AnswerContent, AnswerDraft, ComparePhoto, HandsetTask, TaskDistance};
pub use update::AppUpdate;
pub use withdraw::Withdrawal;
