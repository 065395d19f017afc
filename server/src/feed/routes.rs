//! The operations on mailboxes.

use super::{events, pull};
use crate::http::operation::Operations;
use utoipa_axum::routes;

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .field(routes!(pull::pull))
        .field(routes!(events::events))
}
