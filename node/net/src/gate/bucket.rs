//! How often an address may fail before it has to wait. Time is an argument; knows addresses, no peers.
//!
//! 1. Only proven misdeeds cost: a stranger authenticated and turned away, or a TCP handshake that failed. An unfinished
//!    QUIC handshake costs nothing, because its sender's address may be forged to lock somebody else out.
//! 2. A known peer costs nothing, however often it comes.
//! 3. An address from which a known peer came within a day has a far larger bucket: behind one NAT a noisy stranger must
//!    not lock its neighbours out. What remains is bounded by the limit of pending connections.
//! 4. Loopback has no bucket: who is on this machine has better ways to waste its time.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use crate::limits;

/// The buckets of all addresses seen lately.
#[derive(Default)]
pub(crate) struct Buckets {
    entries: BTreeMap<IpAddr, Bucket>,
}

struct Bucket {
    /// Failures not yet forgiven.
    owed: f64,
    /// When `owed` was computed.
    at: Instant,
    /// When a known peer last came from here.
    familiar: Option<Instant>,
}

impl Bucket {
    fn is_familiar(&self, now: Instant) -> bool {
        self.familiar.is_some_and(|since| now.saturating_duration_since(since) < limits::FAMILIAR_FOR)
    }

    fn settle(&mut self, now: Instant) {
        let refill =
            if self.is_familiar(now) { limits::FAMILIAR_REFILL_PER_SECOND } else { limits::STRANGER_REFILL_PER_SECOND };
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.owed = (self.owed - passed * refill).max(0.0);
        self.at = now;
    }

    fn is_forgettable(&self, now: Instant) -> bool {
        self.owed == 0.0 && !self.is_familiar(now)
    }
}

impl Buckets {
    /// May a connection attempt from this address go on to the handshake?
    pub fn admits(&mut self, ip: IpAddr, now: Instant) -> bool {
        let Some(bucket) = self.entries.get_mut(&network(ip)) else { return true };
        bucket.settle(now);
        bucket.owed < if bucket.is_familiar(now) { limits::FAMILIAR_BURST } else { limits::STRANGER_BURST }
    }

    /// A proven misdeed (rule 1).
    pub fn charge(&mut self, ip: IpAddr, now: Instant) {
        if let Some(bucket) = self.bucket(ip, now) {
            bucket.owed += 1.0;
        }
    }

    /// A known peer was authenticated from this address (rule 3).
    pub fn familiar(&mut self, ip: IpAddr, now: Instant) {
        if let Some(bucket) = self.bucket(ip, now) {
            bucket.familiar = Some(now);
        }
    }

    fn bucket(&mut self, ip: IpAddr, now: Instant) -> Option<&mut Bucket> {
        if ip.is_loopback() {
            return None;
        }
        let ip = network(ip);
        if !self.entries.contains_key(&ip) && self.entries.len() >= limits::ADDRESSES_REMEMBERED_MAX {
            self.make_room(now);
        }
        let bucket = self.entries.entry(ip).or_insert(Bucket { owed: 0.0, at: now, familiar: None });
        bucket.settle(now);
        Some(bucket)
    }

    fn make_room(&mut self, now: Instant) {
        self.entries.values_mut().for_each(|bucket| bucket.settle(now));
        self.entries.retain(|_, bucket| !bucket.is_forgettable(now));
        if self.entries.len() >= limits::ADDRESSES_REMEMBERED_MAX {
            let rank = |bucket: &Bucket| (bucket.is_familiar(now), bucket.owed);
            let least = self.entries.iter().min_by(|a, b| rank(a.1).partial_cmp(&rank(b.1)).expect("never NaN"));
            if let Some(ip) = least.map(|(ip, _)| *ip) {
                self.entries.remove(&ip);
            }
        }
    }
}

/// Whoever has one IPv6 address has its whole /64.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_stranger_has_ten_tries_and_then_one_every_six_seconds() {
        let (mut buckets, start, eve) = (Buckets::default(), Instant::now(), ip("203.0.113.9"));
        let tries = (0..20).take_while(|_| {
            let admitted = buckets.admits(eve, start);
            buckets.charge(eve, start);
            admitted
        });
        assert_eq!(tries.count(), 10);
        let mut later = start;
        let mut admitted = 0;
        for _ in 0..600 {
            later += Duration::from_millis(100);
            if buckets.admits(eve, later) {
                admitted += 1;
                buckets.charge(eve, later);
            }
        }
        assert!((8..=11).contains(&admitted), "{admitted} in a minute");
        assert!(buckets.admits(ip("203.0.113.10"), start));
    }

    #[test]
    fn a_known_peer_behind_the_same_nat_is_not_locked_out() {
        let (mut buckets, mut now, nat) = (Buckets::default(), Instant::now(), ip("203.0.113.9"));
        buckets.familiar(nat, now);
        for _ in 0..3600 {
            now += Duration::from_millis(200);
            buckets.charge(nat, now);
            assert!(buckets.admits(nat, now));
        }
        now += limits::FAMILIAR_FOR;
        for _ in 0..10 {
            buckets.charge(nat, now);
        }
        assert!(!buckets.admits(nat, now), "a day later it is an address like any other");
    }

    #[test]
    fn an_ipv6_network_shares_one_bucket() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        for host in 0..10 {
            buckets.charge(ip(&format!("2001:db8::{host}")), now);
        }
        assert!(!buckets.admits(ip("2001:db8::ffff"), now));
        assert!(buckets.admits(ip("2001:db8:0:1::1"), now));
    }

    #[test]
    fn loopback_is_free_and_memory_is_bounded() {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        for _ in 0..1000 {
            buckets.charge(ip("127.0.0.1"), now);
        }
        assert!(buckets.admits(ip("127.0.0.1"), now));
        buckets.familiar(ip("198.51.100.1"), now);
        for host in 0..2 * limits::ADDRESSES_REMEMBERED_MAX as u32 {
            buckets.charge(IpAddr::V4((0x0a00_0000 + host).into()), now);
        }
        assert_eq!(buckets.entries.len(), limits::ADDRESSES_REMEMBERED_MAX);
        assert!(buckets.entries.contains_key(&ip("198.51.100.1")), "familiar addresses are forgotten last");
    }
}
