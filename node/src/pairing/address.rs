//! Where pairing listens, and which of the addresses go into an invitation.

use archipel_net::{Transport, address_parts, multiaddr, reachable};
use std::net::IpAddr;

/// The ports at which the door stood last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ports {
    /// UDP.
    pub quic: u16,
    /// TCP.
    pub tcp: u16,
}

/// The lists of addresses to try one after the other: one port above the peers' (ruling D15), unless that port is free
/// to choose; where the door stood last; at last any port, if any will do.
pub fn candidates(listen: &[String], last: Option<Ports>, wanted: Wanted) -> Vec<Vec<String>> {
    let with = |port: &dyn Fn(u16, Transport) -> u16| -> Vec<String> {
        let moved = listen.iter().filter_map(|text| {
            let (host, given, transport) = address_parts(text).ok()?;
            multiaddr(&host, port(given, transport), transport).ok()
        });
        moved.collect()
    };
    let above = with(&|given, _| if given == 0 { 0 } else { given.checked_add(1).unwrap_or(0) });
    let last = last.map(|last| {
        with(&|_, transport| match transport {
            Transport::Quic => last.quic,
            Transport::Tcp => last.tcp,
        })
    });
    let any = with(&|_, _| 0);
    let mut lists = if above == any { Vec::new() } else { vec![above] };
    lists.extend(last);
    if wanted == Wanted::Any || lists.is_empty() {
        lists.push(any);
    }
    lists.dedup();
    lists
}

/// Which ports will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The ones that invitations given out name.
    AsTold,
    /// Any: a new invitation will name it.
    Any,
}

/// The ports of opened addresses.
pub fn ports(opened: &[String]) -> Ports {
    let mut ports = Ports::default();
    for (_, port, transport) in opened.iter().filter_map(|text| address_parts(text).ok()) {
        match transport {
            Transport::Quic => ports.quic = port,
            Transport::Tcp => ports.tcp = port,
        }
    }
    ports
}

/// The addresses for an invitation, the most useful first: an invitation has room for three to six.
pub fn worth_telling(opened: &[String]) -> Vec<String> {
    let mut told = reachable(opened);
    told.sort_by_key(|text| match address_parts(text) {
        Ok((host, _, transport)) => (rank(&host), host, transport == Transport::Tcp),
        Err(_) => (u8::MAX, String::new(), false),
    });
    told
}

/// Offices use 10/8, 192.168/16 and public addresses; 172.16/12 is mostly the inside of this machine's containers.
fn rank(host: &str) -> u8 {
    match host.parse() {
        Ok(IpAddr::V4(ip)) if ip.octets()[0] == 172 && ip.is_private() => 3,
        Ok(IpAddr::V4(_)) => 0,
        Ok(IpAddr::V6(ip)) if ip.is_unique_local() => 2,
        Ok(IpAddr::V6(_)) => 1,
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_door_stands_one_port_above_the_peers() {
        let listen = list(&["/ip4/0.0.0.0/udp/7301/quic-v1", "/ip4/0.0.0.0/tcp/7301"]);
        let lists = candidates(&listen, Some(Ports { quic: 5, tcp: 6 }), Wanted::Any);
        assert_eq!(lists[0], list(&["/ip4/0.0.0.0/udp/7302/quic-v1", "/ip4/0.0.0.0/tcp/7302"]));
        assert_eq!(lists[1], list(&["/ip4/0.0.0.0/udp/5/quic-v1", "/ip4/0.0.0.0/tcp/6"]));
        assert_eq!(lists[2], list(&["/ip4/0.0.0.0/udp/0/quic-v1", "/ip4/0.0.0.0/tcp/0"]));
    }

    #[test]
    fn with_free_ports_the_door_returns_to_where_it_was() {
        let listen = list(&["/ip4/127.0.0.1/udp/0/quic-v1"]);
        assert_eq!(candidates(&listen, None, Wanted::AsTold), [list(&["/ip4/127.0.0.1/udp/0/quic-v1"])]);
        let lists = candidates(&listen, Some(Ports { quic: 5, tcp: 0 }), Wanted::AsTold);
        assert_eq!(lists, [list(&["/ip4/127.0.0.1/udp/5/quic-v1"])]);
    }

    #[test]
    fn both_transports_of_the_office_network_come_first() {
        let opened = list(&[
            "/ip4/172.17.0.1/tcp/2",
            "/ip4/192.168.1.2/tcp/2",
            "/ip4/192.168.1.2/udp/1/quic-v1",
            "/ip6/2001:db8::1/tcp/2",
            "/ip4/127.0.0.1/tcp/2",
        ]);
        let told = worth_telling(&opened);
        assert_eq!(told[..2], list(&["/ip4/192.168.1.2/udp/1/quic-v1", "/ip4/192.168.1.2/tcp/2"]));
        assert_eq!(told.last().map(String::as_str), Some("/ip4/172.17.0.1/tcp/2"));
        assert_eq!(ports(&opened), Ports { quic: 1, tcp: 2 });
    }
}
