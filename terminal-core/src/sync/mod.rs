//! The sync: a state machine without I/O ([`Sync`]), the [`Driver`] that runs it against a real network, and what
//! may be sent now ([`Policy`]).

mod app;
pub(crate) mod backoff;
pub(crate) mod data_policy;
pub(crate) mod driver;
pub(crate) mod failure;
mod files;
mod handover;
mod handover_state;
mod limits;
pub(crate) mod live_policy;
mod machine;
pub(crate) mod meter;
mod method_override;
pub(crate) mod network;
pub(crate) mod parcel;
mod photo_answers;
mod photo_uploads;
mod photos;
mod planted;
mod pull;
mod push;
pub(crate) mod report;
mod report_words;
pub(crate) mod run_policy;
pub(crate) mod running;
mod session;
pub(crate) mod state;
pub(crate) mod step;
mod token;

pub use data_policy::{DeviceConditions, SyncTrigger};
pub use driver::Driver;
pub use failure::{FailureKind, SyncFailure, classify};
pub use live_policy::{Guide, LiveGuide, Spent};
pub use parcel::{Exported, ParcelBuilder};
pub use report::{SyncProgress, SyncReport};
pub use run_policy::{HeldBack, Policy};
pub use state::{Sync, SyncMemory};
pub use step::{NextAction, StepOutcome};
