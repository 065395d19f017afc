//! The operations on custody and review.

use super::{
    completeness, parcel, parcels, push,
    readers::{INSPECTORS, REVIEWERS},
    refused, review,
};
use crate::http::operation::Operations;
use protocol::push::MAX_PUSH_BYTES;
use utoipa_axum::{router::UtoipaMethodRouterExt, routes};

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .field(routes!(push::push).layer(axum::extract::DefaultBodyLimit::max(MAX_PUSH_BYTES)))
        .open(
            "a revoked terminal gets no token; the parcel's signature is the proof",
            routes!(parcel::hand_over),
        )
        .staff(INSPECTORS, routes!(parcels::list))
        .staff(INSPECTORS, routes!(parcels::kept))
        .staff(INSPECTORS, routes!(parcels::kept_item))
        .staff(REVIEWERS, routes!(review::list))
        .staff(REVIEWERS, routes!(review::decide))
        .staff(REVIEWERS, routes!(refused::list))
        .staff(REVIEWERS, routes!(refused::settle))
        .staff(INSPECTORS, routes!(completeness::completeness))
}
