//! Three burned invitations in an hour lock pairing for an hour.

use super::world::START;
use crate::clock::Millis;
use crate::pairing::{LOCK_MS, PairingLock};

fn at(minutes: u64) -> Millis {
    Millis(START.0 + minutes * 60_000)
}

#[test]
fn three_in_an_hour_lock_for_an_hour() {
    let mut lock = PairingLock::default();
    lock.burn(at(0));
    lock.burn(at(30));
    assert_eq!(lock.until(at(31)), None);
    lock.burn(at(60));
    assert_eq!(lock.until(at(61)), Some(at(120)));
    assert_eq!(PairingLock::from_bytes(&lock.to_bytes()), Ok(lock.clone()));
    assert_eq!(lock.until(at(120)), None);
}

#[test]
fn three_over_a_longer_time_lock_nothing() {
    let mut lock = PairingLock::default();
    for minutes in [0, 40, 61, 120, 130] {
        lock.burn(at(minutes));
        assert_eq!(lock.until(at(minutes)), None, "{minutes}");
    }
    lock.burn(at(140));
    assert!(lock.until(at(140)).is_some());
}

#[test]
fn a_clock_set_back_does_not_lock_for_longer() {
    let mut lock = PairingLock::default();
    (0..3).for_each(|_| lock.burn(at(1_000)));
    assert_eq!(lock.until(at(0)), None);
    assert_eq!(lock.until(Millis(at(1_000).0 + LOCK_MS)), None);
}
