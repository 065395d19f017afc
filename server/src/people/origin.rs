//! Where a sign-in comes from.

use crate::{app::state::App, kernel::failure::Failure};
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::request::Parts,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The address that failed sign-ins are counted for: that of the peer. An IPv6 client has a whole /64 network, so the last
/// 64 bits are left out. `0.0.0.0` for a request without a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInOrigin(pub IpAddr);

impl FromRequestParts<App> for SignInOrigin {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self::of(peer.map(|peer| peer.0.ip())))
    }
}

impl SignInOrigin {
    fn of(peer: Option<IpAddr>) -> Self {
        Self(match peer.map(|peer| peer.to_canonical()) {
            Some(IpAddr::V6(six)) => Ipv6Addr::from_bits(six.to_bits() >> 64 << 64).into(),
            Some(four) => four,
            None => Ipv4Addr::UNSPECIFIED.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_are_one_origin() {
        let of = |peer: &str| SignInOrigin::of(Some(peer.parse().unwrap())).0.to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(SignInOrigin::of(None).0.to_string(), "0.0.0.0");
    }
}
