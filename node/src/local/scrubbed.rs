//! What checking the disk found before: damage that was mended is not mended again at each pass.

use super::table::Table;
use super::{Local, LocalError, read_one};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The row's key among the settings.
const KEY: &[u8] = b"scrubbed";
/// Places remembered. A disk with more is to be replaced, and forgetting costs a rebuild of the index, not a word.
const PLACES_MAX: usize = 10_000;

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrubbed {
    /// When the last whole pass ended, in milliseconds.
    pub finished: Option<u64>,
    /// Places of the journal that are known to be damaged: segment, first byte, behind the last.
    pub places: BTreeSet<(u32, u32, u32)>,
    /// Files that were found damaged or gone so far.
    pub files: u64,
}

impl Local {
    /// What is remembered; nothing when it does not read back.
    pub fn scrubbed(&self) -> Scrubbed {
        read_one(&self.rows, Table::Settings, KEY).ok().flatten().unwrap_or_default()
    }

    /// Remembers.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn set_scrubbed(&self, mut scrubbed: Scrubbed) -> Result<(), LocalError> {
        while scrubbed.places.len() > PLACES_MAX {
            scrubbed.places.pop_first();
        }
        let mut writer = self.writer();
        writer.put(Table::Settings, KEY, &scrubbed)?;
        writer.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::for_test;

    #[test]
    fn what_was_found_reads_back() {
        let (_folder, _rows, local) = for_test();
        assert_eq!(local.scrubbed(), Scrubbed::default());
        let found = Scrubbed { finished: Some(7), places: BTreeSet::from([(1, 2, 3)]), files: 1 };
        local.set_scrubbed(found.clone()).unwrap();
        assert_eq!(local.scrubbed(), found);
    }
}
