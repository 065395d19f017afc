//! Networks and addresses, as settings name them: `10.0.0.0/8, 192.0.2.7, fd00::/8`.

use serde::Deserialize;
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// An address to listen on, such as `127.0.0.1:9464`; empty: none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Listen(pub Option<SocketAddr>);

impl TryFrom<String> for Listen {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong =
            |_| format!("{text}：应为 IP:端口 / must be an address and a port such as 127.0.0.1:9464");
        let address = (!text.is_empty()).then(|| text.parse()).transpose();
        Ok(Self(address.map_err(wrong)?))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |address| address.fmt(f))
    }
}

/// Networks, by address and length of the prefix. Addresses of IPv4 inside IPv6 (`::ffff:…`) count as IPv4.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Networks(Vec<Network>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Networks {
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }
    pub fn len(&self) -> usize {
        self.0.len()
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        let same = |own: u128, other: u128, width: u32| {
            let free = width - self.prefix;
            own.checked_shr(free).unwrap_or(0) == other.checked_shr(free).unwrap_or(0)
        };
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => same(
                u128::from(own.to_bits()),
                u128::from(other.to_bits()),
                Ipv4Addr::BITS,
            ),
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.to_bits(), other.to_bits(), Ipv6Addr::BITS),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text}：不是网络地址 / not a network such as 10.0.0.0/8");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let width = match address {
            IpAddr::V4(_) => Ipv4Addr::BITS,
            IpAddr::V6(_) => Ipv6Addr::BITS,
        };
        let prefix = prefix.map_or(Ok(width), str::parse).map_err(|_| wrong())?;
        (prefix <= width)
            .then_some(Self { address, prefix })
            .ok_or_else(wrong)
    }
}

impl TryFrom<String> for Networks {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(Self(parts.map(str::parse).collect::<Result<_, _>>()?))
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, network) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{}/{}", network.address, network.prefix)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Networks {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn an_address_is_found_in_its_network_only() {
        let own = networks("10.1.0.0/16, 192.0.2.7, fd00::/8");
        for (address, inside) in [
            ("10.1.255.3", true),
            ("10.2.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("::ffff:192.0.2.7", true),
            ("fd12::1", true),
            ("fe80::1", false),
        ] {
            assert_eq!(own.contain(address.parse().unwrap()), inside, "{address}");
        }
        assert!(networks("0.0.0.0/0").contain("8.8.8.8".parse().unwrap()));
        assert!(!networks("").contain("127.0.0.1".parse().unwrap()));
        assert_eq!(networks(&own.to_string()), own);
    }

    #[test]
    fn a_text_that_is_no_network_is_refused() {
        for text in ["10.0.0.0/33", "proxy.example", "10.0.0/8", "::/129", "1.2.3.4/x"] {
            assert!(Networks::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
