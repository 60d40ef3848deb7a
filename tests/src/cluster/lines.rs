//! Sites in network namespaces of their own, with lines between them that can be cut silently: what is sent is lost, and
//! nobody is told. Needs root, as `tests/run lines` has it.
//!
//! ```text
//!   site 1 ──┐
//!   site 2 ──┼── bridge ── this test
//!   site 3 ──┘
//! ```

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

/// A small network of this test's own. Its addresses exist only inside the namespace of the test.
#[derive(Debug)]
pub struct Lines {
    mark: u32,
    sites: u8,
}

/// Where a site is to live.
#[derive(Debug, Clone)]
pub struct Place {
    pub(super) namespace: String,
    pub(super) address: Ipv4Addr,
}

impl Lines {
    /// A bridge and so many places around it.
    ///
    /// # Panics
    /// If the kernel does not let this test make network namespaces.
    pub fn new(sites: u8) -> Self {
        let lines = Self { mark: std::process::id() % 100_000, sites };
        let bridge = lines.bridge();
        ip(&format!("link add {bridge} type bridge"));
        ip(&format!("addr add 10.77.0.254/24 dev {bridge}"));
        ip(&format!("link set {bridge} up"));
        for number in 1..=sites {
            let Place { namespace, address } = lines.place(number);
            let line = format!("l{}-{number}", lines.mark);
            ip(&format!("netns add {namespace}"));
            ip(&format!("link add {line} type veth peer name eth0 netns {namespace}"));
            ip(&format!("link set {line} master {bridge} up"));
            ip(&format!("-n {namespace} addr add {address}/24 dev eth0"));
            ip(&format!("-n {namespace} link set eth0 up"));
            ip(&format!("-n {namespace} link set lo up"));
        }
        lines
    }

    /// The place with this number, from 1.
    pub fn place(&self, number: u8) -> Place {
        Place { namespace: format!("archipel-{}-{number}", self.mark), address: Ipv4Addr::new(10, 77, 0, number) }
    }

    /// Cuts the line between two sites; each still reaches all others.
    pub fn cut(&self, one: u8, other: u8) {
        for (from, to) in [(one, other), (other, one)] {
            let Place { namespace, .. } = self.place(from);
            let Place { address, .. } = self.place(to);
            // What goes there goes to a machine that does not exist.
            ip(&format!("-n {namespace} neigh replace {address} lladdr 02:00:00:00:00:01 dev eth0 nud permanent"));
        }
    }

    /// Mends the line between two sites.
    pub fn mend(&self, one: u8, other: u8) {
        for (from, to) in [(one, other), (other, one)] {
            let Place { namespace, .. } = self.place(from);
            let Place { address, .. } = self.place(to);
            ip(&format!("-n {namespace} neigh del {address} dev eth0"));
        }
    }

    fn bridge(&self) -> String {
        format!("b{}", self.mark)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        for number in 1..=self.sites {
            let Place { namespace, .. } = self.place(number);
            let _ = Command::new("ip").args(["netns", "del", &namespace]).status();
        }
        let _ = Command::new("ip").args(["link", "del", &self.bridge()]).status();
    }
}

impl Place {
    pub(super) fn http(&self) -> SocketAddr {
        (self.address, 7300).into()
    }
}

#[track_caller]
fn ip(words: &str) {
    let done = Command::new("ip").args(words.split(' ')).output().expect("iproute2 is installed");
    assert!(done.status.success(), "ip {words}: {}", String::from_utf8_lossy(&done.stderr));
}
