//! The operations on people, units and posts.

use super::{accounts, divisions, login, orgs, posts};
use crate::http::operation::Operations;
use protocol::role::Role;
use utoipa_axum::routes;

/// The routes of this room.
pub fn routes() -> Operations {
    Operations::default()
        .open("signing in is how a token is got", routes!(login::sign_in))
        .first_password(routes!(login::who, login::sign_out))
        .staff(&[], routes!(login::sign_out_everywhere))
        .first_password(routes!(login::change_password))
        .staff(&[], routes!(orgs::list))
        .staff(&[Role::Admin], routes!(orgs::create))
        .staff(&[Role::Admin], routes!(accounts::create, accounts::list))
        .staff(&[Role::Admin], routes!(accounts::roles))
        .staff(&[Role::Admin], routes!(accounts::disable))
        .staff(&[Role::Admin], routes!(accounts::enable))
        .staff(&[Role::Admin], routes!(accounts::reset))
        .staff(&[Role::Admin, Role::Supervisor], routes!(posts::list))
        .staff(&[Role::Admin], routes!(posts::create))
        .staff(&[Role::Admin], routes!(posts::put_areas))
        .staff(&[Role::Admin], routes!(posts::assign))
        .staff(&[Role::Admin], routes!(posts::relieve))
        .with(divisions::routes())
}
