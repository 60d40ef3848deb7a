//! How often one person or one address may do what (`docs/protocol.md` §7.2, §7.7, ruling B7). Forgets by itself.

use crate::config::Limits;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys remembered at once; beyond, those that owe nothing are forgotten.
const KEYS_MAX: usize = 20_000;
/// How much wider limits are for measuring.
const WIDE: u64 = 1_000;
/// So many failures of one account are forgiven before waiting begins.
const FAILURES_FREE: u32 = 5;
/// The longest wait after failures; never a lock-out, which would be a weapon against the account's owner.
const FAILURE_WAIT_MS_MAX: u64 = 15 * 60 * 1000;
/// Failures this old are forgotten.
const FAILURES_KEPT_MS: u64 = 60 * 60 * 1000;

/// What is counted: so many at once, and one more every so many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Any change, per person: 60 a minute.
    Write,
    /// A post, per person: 20 a minute.
    Post,
    /// A file, per person: a folder at once, then 300 an hour.
    Upload,
    /// An invitation of a person, per person: 50 a day.
    Invite,
    /// A file with everything about a person, per person: 3 a day.
    Export,
    /// A question to the search, per person: a word as it is typed, then two a second.
    Search,
    /// A look at a foreign address, per person: 30 a minute.
    Fetch,
    /// A request without a session, per address: 60 a minute.
    Stranger,
    /// A login, per address: 30 a minute.
    LoginHere,
    /// A login, of all: 300 a minute.
    LoginAnywhere,
}

impl Act {
    const fn burst_and_every_ms(self) -> (u64, u64) {
        match self {
            Self::Write => (120, 1_000),
            Self::Post => (30, 3_000),
            Self::Upload => (200, 12_000),
            Self::Invite => (50, 24 * 60 * 60 * 1000 / 50),
            Self::Export => (3, 24 * 60 * 60 * 1000 / 3),
            Self::Search => (60, 500),
            Self::Fetch => (30, 2_000),
            Self::Stranger => (120, 1_000),
            Self::LoginHere => (30, 2_000),
            Self::LoginAnywhere => (300, 200),
        }
    }
}

/// Wait so long before trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Milliseconds.
    pub ms: u64,
}

/// The counters.
pub struct Throttle {
    wide: u64,
    /// For each key the time at which all of its debt is paid.
    paid: Mutex<HashMap<(Act, Vec<u8>), u64>>,
    failures: Mutex<HashMap<String, Failures>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    count: u32,
    last: u64,
    until: u64,
}

impl Throttle {
    /// Counters at zero.
    pub fn new(limits: Limits) -> Self {
        let wide = if limits == Limits::Wide { WIDE } else { 1 };
        Self { wide, paid: Mutex::default(), failures: Mutex::default() }
    }

    /// Counts one act of a key.
    ///
    /// # Errors
    /// How long to wait, when it is one too many; then it is not counted.
    pub fn count(&self, act: Act, key: &[u8], now: u64) -> Result<(), Wait> {
        let (burst, every) = act.burst_and_every_ms();
        let (burst, every) = (burst * self.wide, (every * 1_000 / self.wide).max(1));
        // In microseconds, so that wide limits do not round to nothing.
        let now = now * 1_000;
        let mut paid = lock(&self.paid);
        make_room(&mut paid, |until| *until > now);
        let until = paid.entry((act, key.to_vec())).or_insert(now);
        let debt = (*until).max(now) + every;
        if debt - now > burst * every {
            return Err(Wait { ms: (debt - now - burst * every).div_ceil(1_000) });
        }
        *until = debt;
        Ok(())
    }

    /// Whether an account may be tried at all now.
    ///
    /// # Errors
    /// How long to wait.
    pub fn may_log_in(&self, account: &str, now: u64) -> Result<(), Wait> {
        let until = lock(&self.failures).get(account).map_or(0, |failures| failures.until);
        if until > now { Err(Wait { ms: until - now }) } else { Ok(()) }
    }

    /// Takes note of a wrong password; answers how many there have been.
    pub fn login_failed(&self, account: &str, now: u64) -> u32 {
        let mut failures = lock(&self.failures);
        make_room(&mut failures, |failures| failures.last + FAILURES_KEPT_MS > now);
        let entry = failures.entry(account.to_owned()).or_default();
        if entry.last + FAILURES_KEPT_MS <= now {
            *entry = Failures::default();
        }
        entry.count = entry.count.saturating_add(1);
        entry.last = now;
        if entry.count >= FAILURES_FREE {
            let doubled = 1_000u64.saturating_mul(1 << (entry.count - FAILURES_FREE).min(20));
            entry.until = now + doubled.min(FAILURE_WAIT_MS_MAX) / self.wide;
        }
        entry.count
    }

    /// Forgets an account's failures after the right password.
    pub fn login_succeeded(&self, account: &str) {
        lock(&self.failures).remove(account);
    }
}

/// The key of an address: all of a home's IPv6 addresses count as one.
pub fn address_key(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets()[..8].to_vec(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets what owes nothing; when everything owes, forgets all: the limits that count everybody together still hold.
fn make_room<K: Eq + Hash, V>(map: &mut HashMap<K, V>, owes: impl Fn(&V) -> bool) {
    if map.len() >= KEYS_MAX {
        map.retain(|_, value| owes(value));
        if map.len() >= KEYS_MAX {
            map.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_one_at_a_time() {
        let throttle = Throttle::new(Limits::Normal);
        for _ in 0..30 {
            throttle.count(Act::Post, b"ann", 0).unwrap();
        }
        let wait = throttle.count(Act::Post, b"ann", 0).unwrap_err();
        assert_eq!(wait.ms, 3_000);
        throttle.count(Act::Post, b"ben", 0).unwrap();
        throttle.count(Act::Post, b"ann", wait.ms).unwrap();
        throttle.count(Act::Post, b"ann", wait.ms).unwrap_err();
    }

    #[test]
    fn wide_limits_let_a_measuring_program_through() {
        let throttle = Throttle::new(Limits::Wide);
        for n in 0..20_000 {
            throttle.count(Act::Post, b"ann", n).unwrap();
        }
    }

    #[test]
    fn failures_double_the_wait_and_never_lock_for_ever() {
        let throttle = Throttle::new(Limits::Normal);
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..20 {
            throttle.login_failed("ann", now);
            let wait = throttle.may_log_in("ann", now).err().map_or(0, |wait| wait.ms);
            waits.push(wait);
            now += wait;
        }
        assert_eq!(&waits[..8], [0, 0, 0, 0, 1_000, 2_000, 4_000, 8_000]);
        assert_eq!(*waits.last().unwrap(), FAILURE_WAIT_MS_MAX);
        assert!(throttle.may_log_in("ben", now).is_ok());
        throttle.login_failed("ann", now);
        throttle.login_succeeded("ann");
        assert!(throttle.may_log_in("ann", now).is_ok());
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_memory() {
        let throttle = Throttle::new(Limits::Normal);
        for n in 0..3 * KEYS_MAX as u64 {
            let _ = throttle.count(Act::Stranger, &n.to_be_bytes(), 0);
            throttle.login_failed(&n.to_string(), 0);
        }
        assert!(lock(&throttle.paid).len() <= KEYS_MAX);
        assert!(lock(&throttle.failures).len() <= KEYS_MAX);
    }

    #[test]
    fn neighbours_behind_one_ipv6_prefix_count_as_one() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }
}
