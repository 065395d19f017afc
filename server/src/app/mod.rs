//! The shared parts of a running server, and the context of every write.
//!
//! * [`state`]: [`App`], the shared parts; how domain code runs writes and reads.
//! * [`ctx`]: time, ids, mail and changes of one write. [`mailbox`]: mailbox changes. [`changes`]:
//!   events of a room to which rooms above it react. [`audit`]: the audit log.
//! * [`identity`]: epoch and keys of this deployment. [`meta`]: the table they are in. [`secrets`], [`seal`]: its sealed rows.
//!   [`address`]: its public address.
//! * [`objects`], [`object_name`], [`object_files`], [`s3`]: photo and file storage. [`grid_packs`]: grids in force. [`rate`], [`bounds`],
//!   [`listeners`]: what a caller may use.
//! * [`calendars`]: the working calendar in force. [`sign_ins`]: sign-ins under way and failures of addresses.
//!   [`known_callers`]: whom a flood of strangers does not lock out.
//! * [`tally`], [`tally_job`]: figures kept as the rows change. [`ordered`]: lists in the order of an index.
//! * [`lease`]: the right to run a background job. [`planted`]: wrong behaviour for deliberate defects.
//!   [`history`]: how long an author's rows stay. [`scratch`]: temporary files of requests.

pub mod address;
pub mod audit;
pub mod bounds;
pub mod calendars;
pub mod changes;
pub mod ctx;
pub mod grid_packs;
pub mod history;
pub mod identity;
pub mod known_callers;
pub mod lease;
pub mod listeners;
pub mod mailbox;
pub mod meta;
pub(crate) mod object_files;
pub mod object_name;
pub mod objects;
pub mod ordered;
mod planted;
pub mod rate;
pub mod right;
pub mod s3;
pub mod scratch;
pub mod seal;
pub mod secrets;
pub mod sign_ins;
pub mod state;
pub mod tally;
pub mod tally_job;

pub use state::{App, Parts};
