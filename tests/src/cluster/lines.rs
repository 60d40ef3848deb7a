//! Sites in network namespaces of their own, with lines between them that can be cut silently: what is sent is lost, and
//! nobody is told. Needs root, as `tests/run namespaces` has it.
//!
//! ```text
//!   site 1 ──┐
//!   site 2 ──┼── bridge ── this test
//!   site 3 ──┘
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A small network of this test's own. Its addresses exist only inside the namespace of the test.
#[derive(Debug)]
pub struct Lines {
    mark: u32,
    sites: u8,
    family: Family,
}

/// Which addresses there are, and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Where a site is to live.
#[derive(Debug, Clone)]
pub struct Place {
    pub(super) namespace: String,
    pub(super) address: IpAddr,
    /// Where it listens to other sites.
    pub(super) peers: IpAddr,
}

impl Lines {
    /// A bridge and so many places around it.
    ///
    /// # Panics
    /// If the kernel does not let this test make network namespaces.
    pub fn new(sites: u8) -> Self {
        Self::with(sites, Family::V4)
    }

    /// The same with addresses of one family.
    ///
    /// # Panics
    /// As [`Lines::new`].
    pub fn with(sites: u8, family: Family) -> Self {
        let lines = Self { mark: mark(), sites, family };
        let bridge = lines.bridge();
        ip(&format!("link add {bridge} type bridge"));
        ip(&format!("addr add {} dev {bridge}", lines.prefixed(254)));
        ip(&format!("link set {bridge} up"));
        for number in 1..=sites {
            let Place { namespace, .. } = lines.place(number);
            let line = format!("l{}-{number}", lines.mark);
            ip(&format!("netns add {namespace}"));
            ip(&format!("link add {line} type veth peer name eth0 netns {namespace}"));
            ip(&format!("link set {line} master {bridge} up"));
            ip(&format!("-n {namespace} addr add {} dev eth0", lines.prefixed(number)));
            ip(&format!("-n {namespace} link set eth0 up"));
            ip(&format!("-n {namespace} link set lo up"));
        }
        lines
    }

    /// The place with this number, from 1.
    pub fn place(&self, number: u8) -> Place {
        let address = self.address(number);
        Place { namespace: format!("archipel-{}-{number}", self.mark), address, peers: address }
    }

    fn address(&self, number: u8) -> IpAddr {
        match self.family {
            Family::V4 => Ipv4Addr::new(10, 77, 0, number).into(),
            Family::V6 => Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, u16::from(number)).into(),
        }
    }

    /// As `ip addr add` takes it. Nobody else can have the address, so nobody is asked.
    fn prefixed(&self, number: u8) -> String {
        match self.family {
            Family::V4 => format!("{}/24", self.address(number)),
            Family::V6 => format!("{}/64 nodad", self.address(number)),
        }
    }

    /// From now on so many of a hundred packets that reach a site are lost.
    pub fn lose(&self, number: u8, percent: u8) {
        let Place { namespace, .. } = self.place(number);
        nft(&namespace, "add table inet weather");
        nft(&namespace, "add chain inet weather in { type filter hook prerouting priority 0 ; }");
        nft(&namespace, &format!("add rule inet weather in numgen random mod 100 < {percent} drop"));
    }

    /// From now on packets to and from a site have at most so many bytes.
    pub fn narrow(&self, number: u8, bytes: u16) {
        let Place { namespace, .. } = self.place(number);
        ip(&format!("-n {namespace} link set eth0 mtu {bytes}"));
        ip(&format!("link set l{}-{number} mtu {bytes}", self.mark));
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

/// Tells networks apart: those of tests that run at once, and those of one process, since the kernel takes its time to
/// remove one.
pub(super) fn mark() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    std::process::id() % 100_000 * 10 + NEXT.fetch_add(1, Ordering::Relaxed) % 10
}

/// A sentence to the packet filter of a namespace.
#[track_caller]
pub(super) fn nft(namespace: &str, sentence: &str) {
    let done = Command::new("ip").args(["netns", "exec", namespace, "nft", sentence]).output();
    let done = done.expect("iproute2 is installed");
    assert!(done.status.success(), "nft {sentence}: {}", String::from_utf8_lossy(&done.stderr));
}

#[track_caller]
pub(super) fn ip(words: &str) {
    let done = Command::new("ip").args(words.split(' ')).output().expect("iproute2 is installed");
    assert!(done.status.success(), "ip {words}: {}", String::from_utf8_lossy(&done.stderr));
}
