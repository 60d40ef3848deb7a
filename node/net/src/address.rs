//! Peers and addresses as text and bytes. Knows multiaddr and peer-id notation; knows nothing of who may connect.

use std::fmt;
use std::io;
use std::net::{IpAddr, UdpSocket};

use libp2p::identity::Keypair;
use libp2p::multiaddr::{Multiaddr, Protocol};
use libp2p::multihash::Multihash;
use libp2p::{PeerId, identity};

use crate::limits::ADDRESS_CHARS_MAX;

/// A peer, named by its ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub [u8; 32]);

/// Why a text is no address or peer id that we use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not written as a multiaddr.
    #[error("'{text}' is not a network address")]
    Malformed {
        /// The text, cut to a readable length.
        text: String,
    },
    /// A multiaddr, but not of a kind that we dial or listen on.
    #[error("'{text}' must be an IP address or a name with udp/…/quic-v1 or tcp/…")]
    Unsupported {
        /// The text.
        text: String,
    },
    /// The text names another peer than the one that it was given for.
    #[error("'{text}' names another peer")]
    OtherPeer {
        /// The text.
        text: String,
    },
    /// Not the peer id of an ed25519 key.
    #[error("'{text}' is not the peer id of an ed25519 key")]
    PeerId {
        /// The text, cut to a readable length.
        text: String,
    },
}

/// The two transports that we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// QUIC version 1 over UDP.
    Quic,
    /// TCP with Noise and yamux.
    Tcp,
}

/// Which addresses count as public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ranges {
    /// Those that the internet routes.
    #[default]
    Internet,
    /// Also those reserved for documentation and benchmarks, which networks made for tests use.
    WithTests,
}

/// The bytes before the key in the encoding of an ed25519 public key: key type 1, data of 32 bytes.
const KEY_PREFIX: [u8; 4] = [0x08, 0x01, 0x12, 0x20];
/// Code of the multihash that holds its input as it is; short keys are named so.
const IDENTITY_HASH: u64 = 0;

impl PeerKey {
    /// Derives the public key of a 32-byte ed25519 seed.
    pub fn of_secret(secret: &[u8; 32]) -> PeerKey {
        let pair = identity::ed25519::Keypair::from(
            identity::ed25519::SecretKey::try_from_bytes(&mut secret.clone())
                .expect("any 32 bytes are an ed25519 seed"),
        );
        PeerKey(pair.public().to_bytes())
    }

    /// The libp2p name of the key. Total: bytes that are no curve point name a peer that can never authenticate.
    pub(crate) fn peer_id(&self) -> PeerId {
        let mut encoded = [0u8; 36];
        encoded[..4].copy_from_slice(&KEY_PREFIX);
        encoded[4..].copy_from_slice(&self.0);
        let hash = Multihash::wrap(IDENTITY_HASH, &encoded).expect("36 bytes fit a multihash of 64");
        PeerId::from_multihash(hash).expect("identity hashes of up to 42 bytes are peer ids")
    }

    /// The key in a libp2p name, if it is an ed25519 key.
    pub(crate) fn of_peer_id(peer: &PeerId) -> Option<PeerKey> {
        let hash: &Multihash<64> = peer.as_ref();
        let key = hash.digest().strip_prefix(&KEY_PREFIX)?;
        (hash.code() == IDENTITY_HASH).then_some(())?;
        Some(PeerKey(key.try_into().ok()?))
    }
}

impl fmt::Display for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The peer id as other libp2p software writes it (`12D3Koo…`).
pub fn peer_id_text(peer: PeerKey) -> String {
    peer.peer_id().to_base58()
}

/// Reads what `peer_id_text` writes.
pub fn parse_peer_id(text: &str) -> Result<PeerKey, AddressError> {
    let error = || AddressError::PeerId { text: shortened(text) };
    let peer: PeerId = shortened(text).parse().map_err(|_| error())?;
    PeerKey::of_peer_id(&peer).ok_or_else(error)
}

/// Checks an address given by a person or a record and returns it as we write it, without a peer id at its end.
pub fn validate_multiaddr(text: &str) -> Result<String, AddressError> {
    Ok(parse(text, None)?.to_string())
}

/// Writes an address. The host is an IP address or a DNS name.
pub fn multiaddr(host: &str, port: u16, transport: Transport) -> Result<String, AddressError> {
    let host = match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => format!("/ip4/{ip}"),
        Ok(IpAddr::V6(ip)) => format!("/ip6/{ip}"),
        Err(_) => format!("/dns/{host}"),
    };
    validate_multiaddr(&match transport {
        Transport::Quic => format!("{host}/udp/{port}/quic-v1"),
        Transport::Tcp => format!("{host}/tcp/{port}"),
    })
}

/// Takes an address apart: host (IP address or name), port, transport.
pub fn address_parts(text: &str) -> Result<(String, u16, Transport), AddressError> {
    let address = parse(text, None)?;
    let mut parts = address.iter();
    let unsupported = || AddressError::Unsupported { text: shortened(text) };
    let host = match parts.next().ok_or_else(unsupported)? {
        Protocol::Ip4(ip) => ip.to_string(),
        Protocol::Ip6(ip) => ip.to_string(),
        Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) => name.into_owned(),
        _ => return Err(unsupported()),
    };
    match parts.next() {
        Some(Protocol::Udp(port)) => Ok((host, port, Transport::Quic)),
        Some(Protocol::Tcp(port)) => Ok((host, port, Transport::Tcp)),
        _ => Err(unsupported()),
    }
}

/// Of a node's listen addresses those worth telling others: no loopback, link-local or unspecified address.
/// If nothing is left (a machine without a network, a test), the loopback addresses are returned.
pub fn reachable(listen: &[String]) -> Vec<String> {
    let is = |wanted: fn(&IpAddr) -> bool| {
        move |text: &&String| {
            let host = address_parts(text).map(|(host, ..)| host).unwrap_or_default();
            host.parse::<IpAddr>().is_ok_and(|ip| wanted(&ip))
        }
    };
    let mut kept: Vec<String> = listen.iter().filter(is(may_be_told)).cloned().collect();
    if kept.is_empty() {
        kept = listen.iter().filter(is(IpAddr::is_loopback)).cloned().collect();
    }
    kept.sort();
    kept.dedup();
    kept
}

fn may_be_told(ip: &IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(ip.is_loopback() || ip.is_unspecified() || link_local)
}

/// Does an address lead over a relay?
pub(crate) fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

/// Is it an address that everybody could dial?
pub(crate) fn is_public(address: &Multiaddr, ranges: Ranges) -> bool {
    !is_relayed(address) && ip_of(address).is_some_and(|ip| is_global(ip, ranges))
}

fn is_global(ip: IpAddr, ranges: Ranges) -> bool {
    let (ordinary, test) = match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let reserved = a == 0 || a >= 224 || [a, b, c] == [192, 0, 0];
            let test = ip.is_documentation() || (a == 198 && (18..20).contains(&b));
            (!(ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared || reserved || test), test)
        }
        IpAddr::V6(ip) => {
            let [a, b, ..] = ip.segments();
            let test = a == 0x2001 && b == 0x0db8;
            (a & 0xe000 == 0x2000 && !test, test)
        }
    };
    ordinary || (test && ranges == Ranges::WithTests)
}

/// Parses an address to dial or listen on. A peer id at its end must be `expected`, if given, and is cut off.
pub(crate) fn parse(text: &str, expected: Option<PeerKey>) -> Result<Multiaddr, AddressError> {
    let address = parse_any(text, expected)?;
    if is_relayed(&address) { Err(AddressError::Unsupported { text: shortened(text) }) } else { Ok(address) }
}

/// The same; the address may also lead over a relay.
pub(crate) fn parse_any(text: &str, expected: Option<PeerKey>) -> Result<Multiaddr, AddressError> {
    if text.len() > ADDRESS_CHARS_MAX {
        return Err(AddressError::Malformed { text: shortened(text) });
    }
    let mut address: Multiaddr = text.parse().map_err(|_| AddressError::Malformed { text: shortened(text) })?;
    if let Some(Protocol::P2p(peer)) = address.iter().last() {
        if expected.is_some_and(|expected| expected.peer_id() != peer) {
            return Err(AddressError::OtherPeer { text: shortened(text) });
        }
        address.pop();
    }
    let parts: Vec<Protocol<'_>> = address.iter().collect();
    let host_known = match parts.first() {
        Some(Protocol::Ip4(_) | Protocol::Ip6(_)) => true,
        Some(Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name)) => !name.is_empty(),
        _ => false,
    };
    let transport_known = matches!(
        parts.get(1..),
        Some(
            [Protocol::Tcp(_)]
                | [Protocol::Udp(_), Protocol::QuicV1]
                | [Protocol::Tcp(_), Protocol::P2p(_), Protocol::P2pCircuit]
                | [Protocol::Udp(_), Protocol::QuicV1, Protocol::P2p(_), Protocol::P2pCircuit]
        )
    );
    if host_known && transport_known { Ok(address) } else { Err(AddressError::Unsupported { text: shortened(text) }) }
}

/// Parses a list of addresses of a peer and leaves out what cannot be used: one bad record must not hide the good ones.
pub(crate) fn parse_all(texts: &[String], peer: PeerKey) -> Vec<Multiaddr> {
    let parsed = texts.iter().filter_map(|text| match parse_any(text, Some(peer)) {
        Ok(address) => Some(address),
        Err(error) => {
            tracing::debug!(%error, ?peer, "an address is left out");
            None
        }
    });
    parsed.collect()
}

/// An address without the peer id at its end.
pub(crate) fn without_peer(mut address: Multiaddr) -> Multiaddr {
    if let Some(Protocol::P2p(_)) = address.iter().last() {
        address.pop();
    }
    address
}

/// The address with a port of 0 replaced by the port of another: what the system gave to a listener.
pub(crate) fn with_port_of(address: &Multiaddr, given: &Multiaddr) -> Multiaddr {
    let is_port = |part: &Protocol<'_>| matches!(part, Protocol::Tcp(_) | Protocol::Udp(_));
    let replace = |part| match part {
        Protocol::Tcp(0) | Protocol::Udp(0) => given.iter().find(is_port).unwrap_or(part),
        part => part,
    };
    address.iter().map(replace).collect()
}

/// The IP address at the start of an address.
pub(crate) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)),
        _ => None,
    }
}

/// The keypair of a 32-byte seed.
pub(crate) fn keypair(secret: &[u8; 32]) -> Keypair {
    Keypair::ed25519_from_bytes(*secret).expect("any 32 bytes are an ed25519 seed")
}

/// Whether a listen address, if it is a QUIC one, could be bound now.
pub(crate) fn is_udp_port_free(text: &str) -> bool {
    let Ok((host, port, Transport::Quic)) = address_parts(text) else { return true };
    let Ok(ip) = host.parse::<IpAddr>() else { return true };
    match UdpSocket::bind((ip, port)) {
        Ok(_) => true,
        Err(error) => error.kind() != io::ErrorKind::AddrInUse,
    }
}

/// An error with its causes: libp2p's own texts name only the outermost.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = chain.map(|error| error.to_string()).filter(|text| !text.is_empty()).collect();
    texts.join(": ")
}

/// Did something fail because somebody else has the port? libp2p hides the kind of the error, not the system's words.
pub(crate) fn is_taken(error: &dyn std::error::Error) -> bool {
    causes(error).contains("already in use")
}

fn shortened(text: &str) -> String {
    text.chars().take(ADDRESS_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_ids_survive_the_way_to_text_and_back() {
        let key = PeerKey::of_secret(&[7; 32]);
        assert_eq!(key.peer_id(), keypair(&[7; 32]).public().to_peer_id());
        assert_eq!(parse_peer_id(&peer_id_text(key)), Ok(key));
        assert!(parse_peer_id("12D3KooWnonsense").is_err());
        assert!(parse_peer_id("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N").is_err());
    }

    #[test]
    fn only_quic_and_tcp_addresses_pass() {
        for good in
            ["/ip4/10.0.0.1/udp/4001/quic-v1", "/ip6/::1/tcp/1", "/dns/node.example/tcp/4001", "/dns4/a/udp/1/quic-v1"]
        {
            assert_eq!(validate_multiaddr(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "10.0.0.1:4001",
            "/ip4/10.0.0.1",
            "/ip4/10.0.0.1/udp/1",
            "/ip4/1.2.3.4/tcp/1/ws",
            "/dnsaddr/a/tcp/1",
            "/memory/1",
        ] {
            assert!(validate_multiaddr(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn relayed_addresses_are_dialled_but_never_listened_on() {
        let (ann, ben) = (PeerKey::of_secret(&[1; 32]), PeerKey::of_secret(&[2; 32]));
        let over = format!("/ip4/192.0.2.1/udp/1/quic-v1/p2p/{}/p2p-circuit", peer_id_text(ann));
        let whole = format!("{over}/p2p/{}", peer_id_text(ben));
        assert_eq!(parse_any(&whole, Some(ben)).unwrap().to_string(), over);
        assert!(parse_any(&whole, Some(ann)).is_err());
        assert!(parse(&over, None).is_err());
        for bad in ["/ip4/192.0.2.1/udp/1/quic-v1/p2p-circuit".to_owned(), format!("{over}/tcp/1")] {
            assert!(parse_any(&bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_everybody_could_dial_is_public() {
        let public = |text: &str, ranges| is_public(&text.parse().unwrap(), ranges);
        for ip in ["ip4/9.9.9.9", "ip6/2a00:1450::1"] {
            assert!(public(&format!("/{ip}/tcp/1"), Ranges::Internet));
        }
        for ip in
            ["ip4/10.1.2.3", "ip4/127.0.0.1", "ip4/100.64.0.1", "ip4/169.254.1.1", "ip4/0.0.0.0", "ip4/255.255.255.255"]
                .into_iter()
                .chain(["ip6/::1", "ip6/fe80::1", "ip6/fd00::1", "ip6/ff02::1", "dns/node.example"])
        {
            assert!(!public(&format!("/{ip}/tcp/1"), Ranges::WithTests), "{ip}");
        }
        for ip in ["ip4/203.0.113.1", "ip4/198.18.0.1", "ip6/2001:db8::1"] {
            assert!(!public(&format!("/{ip}/tcp/1"), Ranges::Internet));
            assert!(public(&format!("/{ip}/tcp/1"), Ranges::WithTests));
        }
    }

    #[test]
    fn a_peer_id_at_the_end_is_cut_off_and_must_fit() {
        let (ann, ben) = (PeerKey::of_secret(&[1; 32]), PeerKey::of_secret(&[2; 32]));
        let text = format!("/ip4/10.0.0.1/tcp/1/p2p/{}", peer_id_text(ann));
        assert_eq!(validate_multiaddr(&text).as_deref(), Ok("/ip4/10.0.0.1/tcp/1"));
        assert!(parse(&text, Some(ann)).is_ok());
        assert!(matches!(parse(&text, Some(ben)), Err(AddressError::OtherPeer { .. })));
    }

    #[test]
    fn addresses_are_written_and_taken_apart() {
        for (host, transport) in
            [("10.0.0.1", Transport::Quic), ("::1", Transport::Tcp), ("node.example", Transport::Quic)]
        {
            let text = multiaddr(host, 4001, transport).unwrap();
            assert_eq!(address_parts(&text), Ok((host.to_owned(), 4001, transport)));
        }
    }

    #[test]
    fn loopback_is_told_to_others_only_when_there_is_nothing_else() {
        let text = |list: &[&str]| list.iter().map(|text| text.to_string()).collect::<Vec<_>>();
        let all = text(&["/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip6/fe80::1/tcp/1"]);
        assert_eq!(reachable(&all), text(&["/ip4/10.0.0.1/tcp/1"]));
        assert_eq!(reachable(&all[..1]), text(&["/ip4/127.0.0.1/tcp/1"]));
    }
}
