//! Terminals, their streams and how they show who they are (enrolment, challenge, token, revocation),
//! and the keys that parcels are sealed to.

pub mod admin;
pub mod enrol;
pub mod parcel_keys;
mod placeholder;
pub mod tokens;

use crate::http::operation::Operations;
use protocol::{photo::Sha256, role::Role};
use utoipa_axum::routes;

/// What is put into enrolment strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicAddress {
    /// `https://host:port`; plain http only on loopback.
    pub url: String,
    /// SPKI pins of the certificate in use and of its successor.
    pub pins: Vec<Sha256>,
}

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .open(
            "there is no token before enrolment; the code and the key's signature are checked",
            routes!(enrol::enrol),
        )
        .open("a challenge tells nothing but the time", routes!(tokens::ask))
        .open(
            "the signature over the challenge is the proof",
            routes!(tokens::answer),
        )
        .staff(&[Role::Admin], routes!(admin::create, admin::list))
        .staff(&[Role::Admin], routes!(admin::invite))
        .staff(&[Role::Admin], routes!(admin::revoke))
        .staff(&[Role::Admin], routes!(admin::wipe))
}
