//! Long lines between sites in namespaces of their own: every packet arrives later, one in so many never. The kernel's own
//! means (netem) are not in every kernel, so packets pass this test: `socat` hands them out of each namespace.
//!
//! ```text
//!   site 1 ── tun ── socat ──┐
//!   site 2 ── tun ── socat ──┼── hub: waits, loses, cuts
//!   site 3 ── tun ── socat ──┘
//! ```
//!
//! Browsers, that is the test itself, come by the short lines of [`Lines`].

use super::lines::{Lines, Place};
use super::within;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The most that one packet of a tun device measures.
const PACKET_BYTES_MAX: usize = 65_536;
/// Packets under way at once: some 100 Mbit/s for a tenth of a second.
const UNDER_WAY_MAX: usize = 1_000;
/// Where an IPv4 packet says whence it comes, and whither it goes.
const SOURCE: usize = 12;
const TARGET: usize = 16;

/// A network of long lines.
#[derive(Debug)]
pub struct Far {
    lines: Lines,
    cuts: Arc<Mutex<BTreeSet<(u8, u8)>>>,
    // Ended and removed with the network.
    _wires: Vec<Child>,
    _folder: TempDir,
}

/// A packet on its way.
struct Packet {
    due: Instant,
    to: u8,
    bytes: Vec<u8>,
}

impl Far {
    /// So many places; a packet takes `delay`, and one in `lost_in` is lost.
    ///
    /// # Panics
    /// As [`Lines::new`], and without `socat`.
    pub async fn new(sites: u8, delay: Duration, lost_in: u64) -> Self {
        let lines = Lines::new(sites);
        let folder = TempDir::with_prefix("archipel-far-").expect("the machine has room for temporary files");
        let hub = UnixDatagram::bind(folder.path().join("hub")).expect("a socket in an own folder");
        let mut wires = Vec::new();
        for number in 1..=sites {
            wires.push(wire(&lines.place(number), folder.path(), number));
            within(Duration::from_secs(10), "the line is laid", async || {
                folder.path().join(number.to_string()).exists().then_some(())
            })
            .await;
        }
        let cuts = Arc::new(Mutex::new(BTreeSet::new()));
        tokio::spawn(carry(hub, folder.path().to_owned(), delay, lost_in, Arc::clone(&cuts)));
        Self { lines, cuts, _wires: wires, _folder: folder }
    }

    /// The place with this number, from 1: a site there listens to others on its long line.
    pub fn place(&self, number: u8) -> Place {
        Place { peers: address(number).into(), ..self.lines.place(number) }
    }

    /// Cuts the line between two sites; each still reaches all others.
    pub fn cut(&self, one: u8, other: u8) {
        self.cuts().extend([(one, other), (other, one)]);
    }

    /// Mends all lines.
    pub fn mend(&self) {
        self.cuts().clear();
    }

    fn cuts(&self) -> std::sync::MutexGuard<'_, BTreeSet<(u8, u8)>> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, 0, number)
}

/// The device in the place's namespace, and the program that carries its packets to the hub and back.
fn wire(place: &Place, folder: &Path, number: u8) -> Child {
    let device = format!("TUN:{}/24,tun-name=far0,iff-no-pi,iff-up", address(number));
    let socket =
        format!("UNIX-SENDTO:{},bind={}", folder.join("hub").display(), folder.join(number.to_string()).display());
    let mut socat = Command::new("ip");
    socat.args(["netns", "exec", &place.namespace, "socat", "-b", &PACKET_BYTES_MAX.to_string(), &device, &socket]);
    socat.stdin(Stdio::null()).kill_on_drop(true).spawn().expect("iproute2 is installed")
}

/// Takes packets and hands them on later, in their order.
async fn carry(
    hub: UnixDatagram,
    folder: PathBuf,
    delay: Duration,
    lost_in: u64,
    cuts: Arc<Mutex<BTreeSet<(u8, u8)>>>,
) {
    let hub = Arc::new(hub);
    let (sender, mut under_way) = mpsc::channel::<Packet>(UNDER_WAY_MAX);
    let out = Arc::clone(&hub);
    tokio::spawn(async move {
        while let Some(packet) = under_way.recv().await {
            tokio::time::sleep_until(packet.due).await;
            // The site at the other end may be gone.
            let _ = out.send_to(&packet.bytes, folder.join(packet.to.to_string())).await;
        }
    });
    let mut bytes = vec![0; PACKET_BYTES_MAX];
    let mut seen = 0_u64;
    while let Ok(length) = hub.recv(&mut bytes).await {
        let packet = &bytes[..length];
        let Some((from, to)) = ends(packet) else { continue };
        seen += 1;
        let cut = cuts.lock().unwrap_or_else(PoisonError::into_inner).contains(&(from, to));
        if !cut && !seen.is_multiple_of(lost_in) {
            let on_its_way = Packet { due: Instant::now() + delay, to, bytes: packet.to_vec() };
            // What a full line takes no more is lost, as on a router.
            let _ = sender.try_send(on_its_way);
        }
    }
}

/// The places between which an IPv4 packet travels.
fn ends(packet: &[u8]) -> Option<(u8, u8)> {
    let ipv4 = packet.first()? >> 4 == 4;
    let last = |at: usize| packet.get(at..at + 4).filter(|bytes| bytes[..3] == [10, 78, 0]).map(|bytes| bytes[3]);
    ipv4.then(|| last(SOURCE).zip(last(TARGET))).flatten()
}
