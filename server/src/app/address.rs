//! The public address of this deployment: what handsets call the server.

use axum::http::Uri;
use protocol::photo::Sha256;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// `--public` with this word: handsets on this machine alone, at the address that the server listens on.
pub const LOOPBACK: &str = "loopback";

/// Address and pins for enrolment strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicAddress {
    /// `https://host:port`; plain http only on loopback.
    pub url: String,
    /// SPKI pins of the certificate in use and of its successor.
    pub pins: Vec<Sha256>,
    pub reach: Reach,
}

/// Which handsets can reach the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Network,
    /// 仅限本机: a loopback address that the operator named.
    ThisMachine,
    /// A loopback address, or none at all, because the operator named no other. No invitation is made for it.
    Nobody,
}

/// `--public` cannot be what handsets call the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "--public {text}：{zh}；应为 https://主机[:端口] 或 loopback（仅限本机） / {en}; it must be https://host[:port], or loopback for \
     handsets on this machine alone"
)]
pub struct BadAddress {
    text: String,
    zh: &'static str,
    en: &'static str,
}

/// The address that handsets call, for a server that listens on `listen` with this `scheme`, and who can reach it.
///
/// # Errors
/// [`BadAddress`] if `public` is no address for handsets: another scheme than the server's, no host, 0.0.0.0, a path.
pub fn settle(public: Option<&str>, scheme: &str, listen: SocketAddr) -> Result<(String, Reach), BadAddress> {
    match public {
        None => {
            let host = listen.ip();
            let reachable = !host.is_loopback() && !host.is_unspecified();
            let reach = if reachable { Reach::Network } else { Reach::Nobody };
            Ok((format!("{scheme}://{listen}"), reach))
        }
        Some(LOOPBACK) => {
            let host = if listen.ip().is_loopback() {
                listen.ip()
            } else {
                IpAddr::V4(Ipv4Addr::LOCALHOST)
            };
            let address = SocketAddr::new(host, listen.port());
            Ok((format!("{scheme}://{address}"), Reach::ThisMachine))
        }
        Some(text) => checked(text, scheme),
    }
}

fn checked(text: &str, scheme: &str) -> Result<(String, Reach), BadAddress> {
    let bad = |zh, en| BadAddress {
        text: text.to_owned(),
        zh,
        en,
    };
    let uri: Uri = text
        .parse()
        .map_err(|_| bad("不是网址", "it is not an address"))?;
    if uri.scheme_str() != Some(scheme) {
        return Err(bad("协议与服务器不符", "it has another scheme than the server"));
    }
    let authority = uri.authority().ok_or_else(|| bad("缺少主机", "it has no host"))?;
    if authority.as_str().contains('@') || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(bad("只能有主机和端口", "it may have a host and a port alone"));
    }
    let host = authority.host().trim_matches(['[', ']']).trim_end_matches('.');
    let ip = host.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
    // Programs read `127.1` and `0` as addresses.
    let is_number = ip.is_none() && host.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let port = authority
        .as_str()
        .rsplit_once(':')
        .filter(|(_, port)| !port.ends_with(']'));
    let has_bad_port = port.is_some_and(|(_, port)| port.parse::<u16>().is_err());
    if is_number
        || has_bad_port
        || host.is_empty()
        || ip.is_some_and(|ip| ip.is_unspecified() || ip.is_multicast())
    {
        return Err(bad("终端无法连接这个地址", "no handset can call this address"));
    }
    let is_local = ip.map_or(host.eq_ignore_ascii_case("localhost"), |ip| ip.is_loopback());
    let reach = if is_local {
        Reach::ThisMachine
    } else {
        Reach::Network
    };
    Ok((format!("{scheme}://{authority}"), reach))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn use_b04_address_that_nobody_can_call_is_said_or_refused() {
        let of = |public, listen| settle(public, "https", listening(listen));
        for listen in ["127.0.0.1:8443", "0.0.0.0:8443", "[::]:8443", "[::1]:8443"] {
            assert_eq!(of(None, listen).unwrap().1, Reach::Nobody, "{listen}");
        }
        assert_eq!(
            of(None, "192.0.2.7:8443"),
            Ok(("https://192.0.2.7:8443".to_owned(), Reach::Network))
        );
        assert_eq!(
            of(Some("loopback"), "0.0.0.0:8443"),
            Ok(("https://127.0.0.1:8443".to_owned(), Reach::ThisMachine))
        );
        for local in [
            "https://127.0.0.1:8443",
            "https://localhost",
            "https://localhost.",
            "https://[::1]:8443/",
        ] {
            assert_eq!(
                of(Some(local), "0.0.0.0:8443").unwrap().1,
                Reach::ThisMachine,
                "{local}"
            );
        }
        assert_eq!(
            of(Some("https://xunge.example/"), "0.0.0.0:8443"),
            Ok(("https://xunge.example".to_owned(), Reach::Network))
        );
        for wrong in [
            "ftp://x",
            "http://xunge.example",
            "xunge.example",
            "https://",
            "https://0.0.0.0:8443",
            "https://[::]",
            "https://[::ffff:0.0.0.0]",
            "https://0",
            "https://127.1",
            "https://xunge.example:70000",
            "https://a@xunge.example",
            "https://xunge.example/path",
            "https://xunge.example?q",
            "https://xun ge",
            "",
        ] {
            assert!(of(Some(wrong), "0.0.0.0:8443").is_err(), "{wrong}");
        }
    }
}
