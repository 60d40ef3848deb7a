//! Ports that stay free while a site is stopped.

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which the system takes the ports of outgoing connections: one of those could sit on the port of
/// a site that is stopped and about to return.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;

/// The lower of two neighbouring ports on which nothing listens, by TCP or UDP. Pairing takes the upper one.
///
/// # Panics
/// If the machine has none left.
pub fn free_pair() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let span = (LAST - FIRST) / 2;
    // Test processes that run at once begin at different places.
    let begin = u16::try_from(std::process::id().wrapping_mul(97) % u32::from(span)).expect("below the span");
    for _ in 0..span {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (begin.wrapping_add(step) % span) * 2;
        if is_free(port) && is_free(port + 1) {
            return port;
        }
    }
    panic!("no free ports between {FIRST} and {LAST}");
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok()
}
