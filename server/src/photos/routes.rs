//! The operations on photos and attachments.

use super::{
    attachments,
    tus::{ahead::look, field_routes, staff_routes},
};
use crate::http::operation::Operations;
use protocol::role::Role;
use utoipa_axum::routes;

/// Roles that may attach pictures to their actions.
const ATTACHERS: &[Role] = &[
    Role::Acceptor,
    Role::ShiftLeader,
    Role::CommandCentre,
    Role::Department,
    Role::Supervisor,
];

/// The routes of this module.
pub fn routes() -> Operations {
    Operations::default()
        .open(
            "it states versions and limits only; browsers ask it before they send a token",
            routes!(field_routes::options),
        )
        .field_ahead(look, routes!(field_routes::create))
        .field_ahead(
            look,
            routes!(
                field_routes::head,
                field_routes::patch,
                field_routes::terminate,
                field_routes::overridden
            ),
        )
        .staff(ATTACHERS, routes!(attachments::attach))
        .open(
            "it states versions and limits only; browsers ask it before they send a token",
            routes!(staff_routes::options),
        )
        .staff(ATTACHERS, routes!(staff_routes::create))
        .staff(
            ATTACHERS,
            routes!(
                staff_routes::head,
                staff_routes::patch,
                staff_routes::terminate,
                staff_routes::overridden
            ),
        )
}
