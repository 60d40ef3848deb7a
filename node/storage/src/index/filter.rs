//! Which keys a run surely does not hold (a Bloom filter), so that most look-ups of what is not there read nothing.

use super::block::{read_number, write_number};

/// Ten bits and six probes: one in a hundred absent keys is looked for in vain.
const BITS_PER_KEY: usize = 10;
const PROBES: u64 = 6;

/// The filter of one run. It holds the keys, and of longer keys their first bytes too.
#[derive(Debug, Default)]
pub(super) struct Filter {
    words: Vec<u64>,
    prefix_bytes: usize,
    /// The last prefix added: neighbours share it.
    last: Vec<u8>,
    added: usize,
}

impl Filter {
    /// An empty filter that is good for so many keys and prefixes.
    pub(super) fn new(keys: usize, prefix_bytes: usize) -> Self {
        let words = (keys * BITS_PER_KEY).div_ceil(64).max(1);
        Self { words: vec![0; words], prefix_bytes, last: Vec::new(), added: 0 }
    }

    pub(super) fn add(&mut self, key: &[u8]) {
        self.set(hash(key));
        if let Some(prefix) = key.get(..self.prefix_bytes).filter(|prefix| prefix.len() < key.len())
            && prefix != self.last
        {
            self.last.clear();
            self.last.extend_from_slice(prefix);
            self.set(hash(prefix));
        }
    }

    /// How many bytes of a longer key were added by themselves too.
    pub(super) fn prefix_bytes(&self) -> usize {
        self.prefix_bytes
    }

    /// How many keys and prefixes were added.
    pub(super) fn added(&self) -> usize {
        self.added
    }

    /// False when the key was surely not added; also for a prefix of the filter's own length.
    pub(super) fn may_hold(&self, key: &[u8]) -> bool {
        probes(hash(key), self.words.len()).all(|(word, bit)| self.words[word] & bit != 0)
    }

    fn set(&mut self, hash: u64) {
        self.added += 1;
        for (word, bit) in probes(hash, self.words.len()) {
            self.words[word] |= bit;
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_number(out, self.prefix_bytes);
        write_number(out, self.added);
        write_number(out, self.words.len());
        self.words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    }

    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (prefix_bytes, added, count) = (read_number(bytes)?, read_number(bytes)?, read_number(bytes)?);
        let (words, rest) = bytes.split_at_checked(count.checked_mul(8)?)?;
        *bytes = rest;
        let words: Vec<u64> = words.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        (!words.is_empty()).then_some(Self { words, prefix_bytes, last: Vec::new(), added })
    }
}

/// The bits of a hash: a word and a mask each.
fn probes(hash: u64, words: usize) -> impl Iterator<Item = (usize, u64)> {
    let (step, bits) = (hash.rotate_left(32) | 1, words as u64 * 64);
    (0..PROBES).map(move |probe| {
        let at = hash.wrapping_add(step.wrapping_mul(probe));
        // The upper half of the product spreads the hash evenly over the bits.
        let bit = ((u128::from(at) * u128::from(bits)) >> 64) as u64;
        ((bit / 64) as usize, 1 << (bit % 64))
    })
}

/// A quick hash. Whoever finds keys that collide slows look-ups of absent keys down, no more.
fn hash(key: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * u128::from(FACTOR);
        (product >> 64) as u64 ^ product as u64
    };
    let (words, rest) = key.as_chunks::<8>();
    let mut state = words.iter().fold(FACTOR ^ key.len() as u64, |state, word| mix(state, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    state = mix(state, u64::from_le_bytes(last));
    mix(state, FACTOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_little_else() {
        let key = |n: u64| blake3::hash(&n.to_le_bytes()).as_bytes().repeat(2);
        let mut filter = Filter::new(20_000, 32);
        (0..10_000).for_each(|n| filter.add(&key(n)));
        assert_eq!(filter.added(), 20_000);
        assert!((0..10_000).all(|n| filter.may_hold(&key(n)) && filter.may_hold(&key(n)[..32])));
        let wrong = (10_000..20_000).filter(|n| filter.may_hold(&key(*n))).count();
        assert!(wrong < 300, "{wrong} of 10000");
        let small = (0..2_000_u64).filter(|n| filter.may_hold(&n.to_be_bytes())).count();
        assert!(small < 60, "{small} of 2000");
        let mut bytes = Vec::new();
        filter.write(&mut bytes);
        let back = Filter::read(&mut bytes.as_slice()).expect("as written");
        assert_eq!((back.words, back.added), (filter.words, filter.added));
    }
}
