//! Counts burned invitations: three in an hour lock pairing for an hour, so that nobody guesses in peace.

use super::{BURNED_MAX, LOCK_MS};
use crate::clock::Millis;
use crate::codec::{self, CodecError};

/// When invitations were burned, the newest last. A small value that the caller keeps beside the invitations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PairingLock {
    burned: Vec<Millis>,
}

/// Room for the times, with some to spare.
const BYTES_MAX: usize = 64;

impl PairingLock {
    /// Takes note of a burned invitation.
    pub fn burn(&mut self, now: Millis) {
        self.burned.push(now);
        let surplus = self.burned.len().saturating_sub(BURNED_MAX);
        self.burned.drain(..surplus);
    }

    /// Until when pairing is locked, if it is.
    pub fn until(&self, now: Millis) -> Option<Millis> {
        let (first, last) = (self.burned.first()?, self.burned.last()?);
        let end = Millis(last.0.saturating_add(LOCK_MS));
        let close = last.0.saturating_sub(first.0) <= LOCK_MS;
        // A clock that was set back must not lock for longer than an hour.
        let running = now < end && last.0 <= now.0.saturating_add(LOCK_MS);
        (self.burned.len() >= BURNED_MAX && close && running).then_some(end)
    }

    /// The bytes to keep.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(&self.burned.iter().map(|time| time.0).collect::<Vec<_>>())
    }

    /// Reads kept bytes.
    ///
    /// # Errors
    /// Bytes that are not a lock's.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let times: Vec<u64> = codec::decode("pairing lock", bytes, BYTES_MAX)?;
        let mut lock = Self::default();
        times.into_iter().for_each(|time| lock.burn(Millis(time)));
        Ok(lock)
    }
}
