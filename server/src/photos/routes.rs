//! The operations on photos and attachments.

use super::{
    attachments,
    tus::{attachment, handlers},
};
use crate::http::operation::Operations;
use protocol::role::Role;
use utoipa_axum::routes;

/// Who attaches pictures to what they do.
const ATTACHERS: &[Role] = &[
    Role::Acceptor,
    Role::ShiftLeader,
    Role::CommandCentre,
    Role::Department,
    Role::Supervisor,
];

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .open(
            "it states versions and limits only; browsers ask it before they send a token",
            routes!(handlers::options),
        )
        .field(routes!(handlers::create))
        .field(routes!(
            handlers::head,
            handlers::patch,
            handlers::terminate,
            handlers::overridden
        ))
        .staff(ATTACHERS, routes!(attachments::attach))
        .open(
            "it states versions and limits only; browsers ask it before they send a token",
            routes!(attachment::speak),
        )
        .staff(ATTACHERS, routes!(attachment::begin))
        .staff(
            ATTACHERS,
            routes!(
                attachment::look,
                attachment::go_on,
                attachment::give_up,
                attachment::instead
            ),
        )
}
