//! Whether the ports for other sites are free, asked once before a node starts. The network itself would go on without
//! one, or share a TCP port with another program of the same user, and people would find out days later.

use archipel_net::{Transport, address_parts};
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};

/// Another program has a port.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen for other sites on {address}: another program uses this port. Stop it (`archipel status` tells whether \
     it is another node), or give other ports with --listen"
)]
pub struct PortTaken {
    /// The address, as it was set.
    pub address: String,
}

/// Looks at each address, without keeping it.
///
/// # Errors
/// [`PortTaken`] with the first that is. Whatever else is wrong, such as a machine without IPv6, is left to the network.
pub fn free_ports(listen: &[String]) -> Result<(), PortTaken> {
    match listen.iter().find(|address| is_taken(address)) {
        Some(address) => Err(PortTaken { address: address.clone() }),
        None => Ok(()),
    }
}

fn is_taken(address: &str) -> bool {
    let Ok((host, port, transport)) = address_parts(address) else { return false };
    let Ok(ip) = host.parse::<IpAddr>() else { return false };
    if port == 0 || !in_use(ip, port, transport) {
        return false;
    }
    // All IPv6 addresses, asked for so, include those of IPv4, which the network leaves alone: who has only those is not
    // in the way.
    let only_v4 = || ip.is_ipv6() && ip.is_unspecified() && in_use(Ipv4Addr::UNSPECIFIED.into(), port, transport);
    !only_v4()
}

fn in_use(ip: IpAddr, port: u16, transport: Transport) -> bool {
    let tried = match transport {
        Transport::Tcp => TcpListener::bind((ip, port)).map(drop),
        Transport::Quic => UdpSocket::bind((ip, port)).map(drop),
    };
    tried.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_another_program_has_is_named() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let held = [
            format!("/ip4/127.0.0.1/tcp/{}", tcp.local_addr().unwrap().port()),
            format!("/ip4/127.0.0.1/udp/{}/quic-v1", udp.local_addr().unwrap().port()),
        ];
        for address in &held {
            let error = free_ports(&["/ip4/127.0.0.1/tcp/0".to_owned(), address.clone()]).unwrap_err();
            assert_eq!(&error.address, address);
            assert!(error.to_string().contains("--listen"), "{error}");
        }
        assert!(free_ports(&["/ip4/127.0.0.1/tcp/0".to_owned(), "/ip4/127.0.0.1/udp/0/quic-v1".to_owned()]).is_ok());
    }
}
