//! Where a sign-in comes from.

use crate::{
    app::state::App,
    http::client::{address, network_of},
    kernel::failure::Failure,
};
use axum::{extract::FromRequestParts, http::request::Parts};
use std::net::{IpAddr, Ipv4Addr};

/// The address that failed sign-ins are counted for: that of the client, by its network. `0.0.0.0` for a request without a
/// connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInOrigin(pub IpAddr);

impl FromRequestParts<App> for SignInOrigin {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let client = address(&parts.headers, &parts.extensions, &app.settings.trusted_proxies);
        Ok(Self(client.map_or(Ipv4Addr::UNSPECIFIED.into(), network_of)))
    }
}
