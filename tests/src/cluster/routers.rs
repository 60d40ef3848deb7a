//! Sites behind routers that let nobody in, as at home and in small offices, and one site that everybody reaches. All in
//! network namespaces; addresses of the documentation ranges stand for the internet. Needs root.
//!
//! ```text
//!   public site ──┐
//!   router 2 ─────┼── bridge ── this test
//!   router 3 ─────┘
//!      └── site 3
//! ```

use super::lines::{Place, ip, mark, nft};
use std::net::Ipv4Addr;
use std::process::Command;

/// Flags for the sites: here the documentation ranges are the internet.
pub const INTERNET: [&str; 2] = ["--test-ranges", "on"];

/// The small internet of a test: place 1 is public, the others are behind a router each.
#[derive(Debug)]
pub struct Routers {
    mark: u32,
    places: u8,
}

/// How a router translates ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// The port of the machine behind it, where it is free: holes can be punched.
    Kept,
    /// Another one at random for every connection: only a third party helps.
    Random,
}

impl Routers {
    /// So many places, the first of them public.
    ///
    /// # Panics
    /// If the kernel does not let this test make network namespaces.
    pub fn new(places: u8, ports: Ports) -> Self {
        let routers = Self { mark: mark(), places };
        let bridge = routers.bridge();
        ip(&format!("link add {bridge} type bridge"));
        ip(&format!("addr add 203.0.113.254/24 dev {bridge}"));
        ip(&format!("link set {bridge} up"));
        let Place { namespace, .. } = routers.place(1);
        namespace_with(&namespace);
        routers.plug(&namespace, 1);
        for number in 2..=places {
            routers.house(number, ports);
        }
        routers
    }

    /// A router, and a site behind it.
    fn house(&self, number: u8, ports: Ports) {
        let Place { namespace: site, address, .. } = self.place(number);
        let router = self.router(number);
        namespace_with(&site);
        namespace_with(&router);
        self.plug(&router, number);
        ip(&format!("-n {router} link add eth1 type veth peer name eth0 netns {site}"));
        ip(&format!("-n {router} addr add 10.0.{number}.1/24 dev eth1"));
        ip(&format!("-n {router} link set eth1 up"));
        ip(&format!("-n {site} addr add {address}/24 dev eth0"));
        ip(&format!("-n {site} link set eth0 up"));
        ip(&format!("-n {site} route add default via 10.0.{number}.1"));
        ip(&format!("netns exec {router} sysctl -q -w net.ipv4.ip_forward=1"));
        let how = if ports == Ports::Random { " fully-random" } else { "" };
        nft(&router, "add table ip nat");
        nft(&router, "add chain ip nat out { type nat hook postrouting priority 100 ; }");
        nft(&router, &format!("add rule ip nat out oifname \"eth0\" masquerade{how}"));
        // As routers do: who comes unasked is not answered, and leaves no trace in the table of connections.
        nft(&router, "add table ip door");
        nft(&router, "add chain ip door in { type filter hook input priority 0 ; }");
        nft(&router, "add rule ip door in iifname \"eth0\" meta l4proto udp ct state new drop");
        // Only this test, as the person in front of the machine, knows a way in.
        ip(&format!("route add 10.0.{number}.0/24 via 203.0.113.{number}"));
    }

    /// A namespace on the bridge.
    fn plug(&self, namespace: &str, number: u8) {
        let line = format!("n{}-{number}", self.mark);
        ip(&format!("link add {line} type veth peer name eth0 netns {namespace}"));
        ip(&format!("link set {line} master {} up", self.bridge()));
        ip(&format!("-n {namespace} addr add 203.0.113.{number}/24 dev eth0"));
        ip(&format!("-n {namespace} link set eth0 up"));
    }

    /// The place with this number, from 1.
    pub fn place(&self, number: u8) -> Place {
        let address = if number == 1 { Ipv4Addr::new(203, 0, 113, 1) } else { Ipv4Addr::new(10, 0, number, 2) };
        Place { namespace: format!("archipel-{}-{number}", self.mark), address: address.into(), peers: address.into() }
    }

    fn router(&self, number: u8) -> String {
        format!("archipel-{}-r{number}", self.mark)
    }

    fn bridge(&self) -> String {
        format!("b{}", self.mark)
    }
}

impl Drop for Routers {
    fn drop(&mut self) {
        for number in 1..=self.places {
            for namespace in [self.place(number).namespace, self.router(number)] {
                let _ = Command::new("ip").args(["netns", "del", &namespace]).output();
            }
        }
        let _ = Command::new("ip").args(["link", "del", &self.bridge()]).status();
    }
}

fn namespace_with(name: &str) {
    ip(&format!("netns add {name}"));
    ip(&format!("-n {name} link set lo up"));
}
