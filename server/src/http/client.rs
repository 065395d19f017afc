//! The address of a client: that of its connection, or what a trusted proxy says about it.
//!
//! `Forwarded` (RFC 7239) and `X-Forwarded-For` count only on a connection from a proxy of the setting
//! `trusted_proxies`, and are read from the right: each proxy appends the address that it saw, so that everything to the
//! left of the last address that is no trusted proxy was written by the client.

use crate::kernel::networks::Networks;
use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap, HeaderName, header},
};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client of a request, from its headers and extensions. `None` without a connection: a request made
/// inside the process.
pub fn address(headers: &HeaderMap, extensions: &Extensions, proxies: &Networks) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(behind(peer.ip().to_canonical(), headers, proxies))
}

/// The key under which limits count an address. An IPv6 address counts as its network of 64 bits, because one customer
/// has all of it.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

fn behind(peer: IpAddr, headers: &HeaderMap, proxies: &Networks) -> IpAddr {
    let mut client = peer;
    let mut hops = hops(headers);
    while proxies.contain(client) {
        match hops.pop() {
            Some(Some(hop)) => client = hop,
            // A proxy that does not name its client, or no proxy wrote a header: the proxy counts itself.
            Some(None) | None => break,
        }
    }
    client
}

/// The addresses that the proxies named, the last one last; `None` for a name that is no address.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let parts = |name: &HeaderName| -> Vec<String> {
        let lines = headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
        lines
            .flat_map(|line| line.split(','))
            .map(str::to_owned)
            .collect()
    };
    let listed: Vec<_> = parts(&FORWARDED_FOR).iter().map(|text| parse(text)).collect();
    let client = |element: &String| {
        let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
        let mut named = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case("for"));
        named.next().and_then(|(_, value)| parse(value))
    };
    let forwarded: Vec<_> = parts(&header::FORWARDED).iter().map(client).collect();
    match (listed.last(), forwarded.last()) {
        (_, None) => listed,
        (None, _) => forwarded,
        (Some(one), Some(other)) if one == other => listed,
        // The proxy wrote one of the two and passed the other on as the client sent it.
        _ => Vec::new(),
    }
}

/// Reads `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::1`, `[2001:db8::1]:4711`, each with or without quotes.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let plain = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    plain
        .or_else(with_port)
        .or_else(bracketed)
        .map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let mut extensions = Extensions::new();
        let peer: SocketAddr = peer.parse().unwrap();
        extensions.insert(ConnectInfo(peer));
        let proxies = "10.0.0.0/8".to_owned().try_into().unwrap();
        address(&map, &extensions, &proxies).unwrap().to_string()
    }

    #[test]
    fn sec_a11_a_stranger_cannot_choose_the_address_that_counts() {
        let forged = [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4")];
        assert_eq!(of("192.0.2.7:5", &forged), "192.0.2.7");
        // Behind a trusted proxy, which appends the address that it saw.
        assert_eq!(
            of("10.0.0.1:5", &[("x-forwarded-for", "1.2.3.4, 192.0.2.7")]),
            "192.0.2.7"
        );
        let two = [
            ("x-forwarded-for", "1.2.3.4, 192.0.2.7"),
            ("x-forwarded-for", "10.0.0.2"),
        ];
        assert_eq!(of("10.0.0.1:5", &two), "192.0.2.7");
        // The proxy writes one of the headers and passes the other on.
        let passed_on = [("x-forwarded-for", "192.0.2.7"), ("forwarded", "for=1.2.3.4")];
        assert_eq!(of("10.0.0.1:5", &passed_on), "10.0.0.1");
    }

    #[test]
    fn forms_of_addresses_are_read() {
        for (header, expected) in [
            ("for=192.0.2.7;proto=https", "192.0.2.7"),
            ("proto=https;For=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=\"192.0.2.7:80\"", "192.0.2.7"),
            ("for=_hidden", "10.0.0.1"),
            ("for=unknown", "10.0.0.1"),
        ] {
            assert_eq!(of("10.0.0.1:5", &[("forwarded", header)]), expected, "{header}");
        }
        assert_eq!(of("10.0.0.1:5", &[]), "10.0.0.1");
        assert_eq!(
            of("10.0.0.1:5", &[("x-forwarded-for", "::ffff:192.0.2.7")]),
            "192.0.2.7"
        );
    }

    #[test]
    fn an_ipv6_network_of_64_bits_counts_as_one() {
        let key = |text: &str| network_of(text.parse().unwrap()).to_string();
        assert_eq!(key("2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_eq!(key("192.0.2.7"), "192.0.2.7");
        assert_eq!(key("::ffff:192.0.2.7"), "192.0.2.7");
    }
}
