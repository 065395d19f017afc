//! Intake: custody of what handsets push, and what becomes of it.
//!
//! A receipt means custody and nothing more: every authenticated, well-framed entry is kept, whatever it
//! says. What becomes of it, its disposition, is decided by the room of its kind ([`apply`]) in the same
//! transaction when that works, and never at the price of custody.
//!
//! * `custody`: bytes in, receipts out, in one transaction with the evidence of the push.
//! * [`apply`]: an entry's way to its room and its disposition; [`settle`] alone writes state and mail.
//! * [`sweep()`]: what is due again. `reasons`: the words of dispositions decided here.
//! * `needs_action`: mailbox rows of entries that still need their author. `readers`: roles.
//! * `push`, `parcel`, `parcels`, `review`, `completeness`: the operations; `routes` lists them.

pub mod apply;
pub(crate) mod completeness;
mod custody;
mod needs_action;
pub(crate) mod parcel;
mod parcels;
mod push;
mod readers;
mod reasons;
mod review;
pub(crate) mod routes;
pub(crate) mod sweep;

pub use apply::{Outcome, settle};
pub use completeness::{Completeness, StateCount, all as all_streams, of as completeness_of};
pub use parcel::{Carrier, take as take_parcel};
pub use parcels::{KeptItem, ParcelView};
pub use review::{Decision, ReviewDecision, ReviewItem, ReviewPage};
pub use sweep::{reconsider, sweep};
