//! Intake: custody of the entries that handsets push, and their dispositions.
//!
//! A receipt means custody only: every authenticated, well-framed entry is stored, whatever its content. The room of the
//! entry's kind decides its disposition ([`apply`]), in the same transaction if possible; a failure there never affects
//! custody.
//!
//! * `custody`: stores entries and issues receipts, in one transaction with the evidence of the push.
//! * `held`: an entry in custody. [`apply`]: hands it to its room. `disposition`: only [`set_disposition`] writes its state and
//!   mail.
//! * [`sweep()`]: entries that are due again. `reasons`: texts of dispositions decided here.
//! * `needs_action`: mailbox rows of entries that still need their author. `readers`: roles. `defects`: planted defects.
//! * `times`: when the entries of a batch were made; corrections of earlier ones.
//! * `parcel_arrival`, `parcel_store`: the way of a parcel into custody.
//! * `refused`: entries whose number or id another one of the stream has, kept for a reviewer.
//! * `push`, `parcel`, `parcels`, `review`, `completeness`: the operations; `routes` lists them.

pub mod apply;
pub(crate) mod completeness;
mod custody;
mod defects;
mod disposition;
mod held;
mod needs_action;
pub(crate) mod parcel;
mod parcel_arrival;
mod parcel_sender;
mod parcel_store;
mod parcels;
pub(crate) mod photo_doubts;
mod push;
mod readers;
mod reasons;
mod refused;
mod review;
pub(crate) mod routes;
pub(crate) mod sweep;
mod times;

pub use apply::ApplyOutcome;
pub use completeness::{Completeness, StateCount, all as all_streams, of as completeness_of};
pub use disposition::set_disposition;
pub use parcel::{ParcelSource, take as take_parcel};
pub use parcels::{KeptItem, ParcelView};
pub use refused::{RefusedItem, SettleBody};
pub use review::{EntryDecision, ReviewDecision, ReviewItem, ReviewPage};
pub use sweep::{reconsider, sweep};
