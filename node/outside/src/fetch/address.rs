//! Decides which addresses the fetcher may connect to. Knows address blocks and the administrator's allow-list; it
//! resolves nothing and opens nothing.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Url;

/// Tells whether an address is global unicast, which is the only kind a foreign site may have.
///
/// IPv4 addresses inside IPv6 forms that reach the same machine (mapped, NAT64 with the well-known prefix) are judged
/// by the inner address; transition forms nobody needs today (6to4, Teredo, IPv4-compatible, local NAT64) are refused.
#[must_use]
pub fn is_global_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => is_global_v6(address),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let refused = match (a, b, c) {
        (0 | 10 | 127, ..) => true,                           // this network, private, loopback
        (100, 64..=127, _) => true,                           // carrier-grade NAT
        (169, 254, _) => true,                                // link-local, cloud metadata
        (172, 16..=31, _) | (192, 168, _) => true,            // private
        (192, 0, 0) => true,                                  // protocol assignments
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => true, // documentation
        (192, 88, 99) => true,                                // 6to4 relays
        (198, 18..=19, _) => true,                            // benchmarking
        (224.., ..) => true,                                  // multicast, reserved, broadcast
        _ => false,
    };
    !refused
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_global_v4(inner);
    }
    if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [a, b] = s[6].to_be_bytes();
        let [c, d] = s[7].to_be_bytes();
        return is_global_v4(Ipv4Addr::new(a, b, c, d));
    }
    // Only 2000::/3 is handed out; that alone refuses loopback, unspecified, ULA, link-local, site-local, multicast,
    // discard-only, IPv4-compatible and local NAT64 forms.
    if s[0] & 0xe000 != 0x2000 {
        return false;
    }
    let refused = match (s[0], s[1]) {
        (0x2001, 0x0000..=0x01ff) => true, // protocol assignments: Teredo, benchmarking, ORCHID
        (0x2001, 0x0db8) => true,          // documentation
        (0x2002, _) => true,               // 6to4, carries an IPv4 address
        (0x3fff, 0x0000..=0x0fff) => true, // documentation
        _ => false,
    };
    !refused
}

/// Scheme, host and port of an internal source that the administrator opened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// Reads `scheme://host[:port]`; anything more (path, query, credentials) is not an exact origin.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        let bare = matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && !text.contains('*'); // A star would look like a pattern and never match.
        if bare { Self::of(&url) } else { None }
    }

    pub(super) fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        Some(Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

/// What may be connected to at the moment: the allow-list and the node's own addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct Policy {
    pub allowed: BTreeSet<Origin>,
    pub own: BTreeSet<IpAddr>,
}

impl Policy {
    pub fn lists(&self, url: &Url) -> bool {
        Origin::of(url).is_some_and(|origin| self.allowed.contains(&origin))
    }

    /// Whether an unlisted name may lead to this address.
    pub fn admits(&self, address: IpAddr) -> bool {
        is_global_unicast(address) && !self.own.contains(&address.to_canonical()) && !self.own.contains(&address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_non_public_address_is_refused() {
        let refused = [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "this network"),
            ("10.0.0.1", "private"),
            ("10.255.255.255", "private"),
            ("100.64.0.1", "carrier-grade NAT"),
            ("100.127.255.255", "carrier-grade NAT"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("169.254.169.254", "cloud metadata"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.1", "protocol assignments"),
            ("192.0.2.1", "documentation"),
            ("192.88.99.1", "6to4 relay"),
            ("192.168.1.1", "private"),
            ("198.18.0.1", "benchmarking"),
            ("198.19.255.255", "benchmarking"),
            ("198.51.100.7", "documentation"),
            ("203.0.113.9", "documentation"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::7f00:1", "IPv4-compatible"),
            ("::ffff:127.0.0.1", "mapped loopback"),
            ("::ffff:10.1.2.3", "mapped private"),
            ("::ffff:169.254.169.254", "mapped metadata"),
            ("::ffff:0:127.0.0.1", "translated"),
            ("64:ff9b::127.0.0.1", "NAT64 loopback"),
            ("64:ff9b::10.0.0.1", "NAT64 private"),
            ("64:ff9b:1::8.8.8.8", "local NAT64"),
            ("100::1", "discard only"),
            ("2001::1", "Teredo"),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo"),
            ("2001:2::1", "benchmarking"),
            ("2001:10::1", "ORCHID"),
            ("2001:20::1", "ORCHIDv2"),
            ("2001:db8::1", "documentation"),
            ("2002:7f00:1::1", "6to4 loopback"),
            ("2002:808:808::1", "6to4"),
            ("3fff::1", "documentation"),
            ("5f00::1", "segment routing"),
            ("fc00::1", "unique local"),
            ("fd12:3456::1", "unique local"),
            ("fe80::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
        ];
        for (text, class) in refused {
            let address: IpAddr = text.parse().unwrap();
            assert!(!is_global_unicast(address), "{text} ({class}) must be refused");
        }
    }

    #[test]
    fn public_addresses_pass() {
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.169.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:200::1",
            "2003::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ];
        for text in public {
            assert!(is_global_unicast(text.parse().unwrap()), "{text} is public");
        }
    }

    #[test]
    fn own_addresses_are_refused_in_mapped_form_too() {
        let policy = Policy { own: ["1.2.3.4".parse().unwrap()].into(), ..Policy::default() };
        assert!(!policy.admits("1.2.3.4".parse().unwrap()));
        assert!(!policy.admits("::ffff:1.2.3.4".parse().unwrap()));
        assert!(policy.admits("1.2.3.5".parse().unwrap()));
    }

    #[test]
    fn an_origin_is_exact() {
        let origin = Origin::parse("http://Intranet.Example:8080").unwrap();
        assert_eq!(Origin::parse("http://intranet.example:8080/"), Some(origin.clone()));
        assert_ne!(Origin::parse("https://intranet.example:8080"), Some(origin.clone()));
        assert_ne!(Origin::parse("http://intranet.example"), Some(origin));
        assert_eq!(Origin::parse("http://a.example:80"), Origin::parse("http://a.example"));
        for bad in ["", "intranet", "ftp://a.example", "http://a.example/feeds", "http://u:p@a.example", "http://*"] {
            assert_eq!(Origin::parse(bad), None, "{bad}");
        }
    }
}
