//! The sync: a state machine without I/O ([`Sync`]), the [`Driver`] that runs it against a real network, and what
//! may be sent now ([`Policy`]).

pub(crate) mod backoff;
pub(crate) mod data_policy;
pub(crate) mod driver;
mod ending;
mod files;
mod handover;
mod limits;
mod machine;
pub(crate) mod meter;
pub(crate) mod network;
pub(crate) mod parcel;
mod photos;
pub(crate) mod policy;
mod pull;
mod push;
pub(crate) mod report;
mod session;
pub(crate) mod state;
pub(crate) mod step;
mod token;
mod upstream;
pub(crate) mod verdict;

pub use data_policy::{Ask, Circumstances};
pub use driver::Driver;
pub use parcel::{Exported, Pack};
pub use policy::{Held, Policy};
pub use report::{Progress, SyncReport};
pub use state::{Memory, Sync};
pub use step::{Action, Outcome};
pub use verdict::{Failure, Verdict, classify};
