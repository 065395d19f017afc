//! Intake: custody of what handsets push, and what becomes of it.
//!
//! A receipt means custody and nothing more: every authenticated, well-framed entry is kept, whatever it
//! says. What becomes of it, its disposition, is decided by the room of its kind ([`apply`]) in the same
//! transaction when that works, and never at the price of custody.
//!
//! * `reading`: what can be read of an entry's bytes, however little.
//! * `custody`: bytes in, receipts out, in one transaction with the evidence of the push.
//! * [`apply`]: an entry's way to its room and its disposition; [`settle`] alone writes state and mail.
//! * [`sweep()`]: what is due again. [`mark`]: how complete a stream is. `reasons`: the words of dispositions decided here.
//! * `unsettled`: what an author still has to do with, for every handset of theirs.
//! * `push`, `parcel`, `parcels`, `review`, `completeness`: the routes.

pub mod apply;
pub(crate) mod completeness;
mod custody;
mod needs_action;
pub(crate) mod parcel;
mod parcels;
mod push;
mod reasons;
mod review;
pub(crate) mod sweep;

pub use apply::{Outcome, settle};
pub use completeness::{Completeness, StateCount, all as all_streams, of as completeness_of};
pub use parcel::{Carrier, take as take_parcel};
pub use parcels::{KeptItem, ParcelView};
pub use review::{Decision, ReviewDecision, ReviewItem, ReviewPage};
pub use sweep::{reconsider, sweep};

use crate::http::operation::Operations;
use protocol::{
    entry::Entry, evidence::TrustedTime, ids::StreamId, parcel::MAX_PARCEL_BYTES, photo::Sha256,
    push::MAX_PUSH_BYTES, role::Role, time::Millis,
};
use utoipa_axum::{router::UtoipaMethodRouterExt, routes};

/// An entry in custody, as the room of its kind gets it.
#[derive(Debug, Clone)]
pub struct Taken {
    pub entry: Entry,
    pub sha256: Sha256,
    pub stream: StreamId,
    pub received: Millis,
    /// When it was made, as the server judges it.
    pub made: TrustedTime,
}

/// Who decides about what is late or crossing, and who inspects.
const REVIEWERS: &[Role] = &[Role::ShiftLeader, Role::Supervisor];
/// Who may ask how complete a stream is.
const INSPECTORS: &[Role] = &[Role::ShiftLeader, Role::Supervisor, Role::Admin];

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .field(routes!(push::push).layer(axum::extract::DefaultBodyLimit::max(MAX_PUSH_BYTES)))
        .open(
            "a revoked terminal gets no token; the parcel's signature is the proof",
            routes!(parcel::hand_over).layer(axum::extract::DefaultBodyLimit::max(MAX_PARCEL_BYTES)),
        )
        .staff(INSPECTORS, routes!(parcels::list))
        .staff(REVIEWERS, routes!(review::list))
        .staff(REVIEWERS, routes!(review::decide))
        .staff(INSPECTORS, routes!(completeness::completeness))
}
