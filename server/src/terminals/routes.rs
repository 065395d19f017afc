//! The operations on terminals and their streams.

use super::{admin, enrol, tokens};
use crate::http::operation::Operations;
use protocol::role::Role;
use utoipa_axum::routes;

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .open(
            "there is no token before enrolment; the code and the key's signature are checked",
            routes!(enrol::enrol),
        )
        .open(
            "a challenge tells nothing but the time",
            routes!(tokens::issue_challenge),
        )
        .open(
            "the signature over the challenge is the proof",
            routes!(tokens::issue_token),
        )
        .staff(&[Role::Admin], routes!(admin::create, admin::list))
        .staff(&[Role::Admin], routes!(admin::invite))
        .staff(&[Role::Admin], routes!(admin::revoke))
        .staff(&[Role::Admin], routes!(admin::unlock_code))
        .staff(&[Role::Admin], routes!(admin::wipe))
}
