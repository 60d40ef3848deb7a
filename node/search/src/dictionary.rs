//! The words that a list holds, as one string to look for parts of words in (ruling D14). Lists never change, so each is
//! read once; what is kept is bounded.

use crate::schema::Fields;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tantivy::SegmentReader;
use tantivy::index::SegmentId;

/// Bytes of words kept: a list of a million posts has a few megabytes of different words.
const KEPT_BYTES_MAX: usize = 24 << 20;
/// Stands before each word; no word holds it.
const BEGIN: char = '\n';

/// The words of lists that were asked for lately.
#[derive(Debug, Default)]
pub struct Dictionaries(Mutex<BTreeMap<SegmentId, Arc<str>>>);

impl Dictionaries {
    /// Words of this list that begin with a part, then those that hold it, at most so many.
    pub fn with_part(
        &self,
        segment: &SegmentReader,
        fields: &Fields,
        part: &str,
        inside: Inside,
        max: usize,
    ) -> tantivy::Result<Vec<String>> {
        let all = self.of(segment, fields)?;
        let mut found = Vec::new();
        collect(&all, &format!("{BEGIN}{part}"), max, &mut found);
        if inside == Inside::Too {
            collect(&all, part, max, &mut found);
        }
        Ok(found)
    }

    /// Lets go of everything: words that were removed must not stay in memory either.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn of(&self, segment: &SegmentReader, fields: &Fields) -> tantivy::Result<Arc<str>> {
        let id = segment.segment_id();
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(Arc::clone(known));
        }
        let mut all = String::new();
        let list = segment.inverted_index(fields.words)?;
        let mut words = list.terms().stream()?;
        while let Some((word, _)) = words.next() {
            if let Ok(word) = std::str::from_utf8(word) {
                all.push(BEGIN);
                all.push_str(word);
            }
            if all.len() > KEPT_BYTES_MAX {
                break;
            }
        }
        let all: Arc<str> = all.into();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.values().map(|all| all.len()).sum::<usize>() + all.len() > KEPT_BYTES_MAX {
            kept.clear();
        }
        kept.insert(id, Arc::clone(&all));
        Ok(all)
    }
}

/// Whether a part may stand anywhere in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// It may.
    Too,
    /// Only at the beginning: short parts stand in too many words.
    No,
}

fn collect(all: &str, part: &str, max: usize, found: &mut Vec<String>) {
    let mut at = 0;
    while found.len() < max {
        let Some(place) = all[at..].find(part).map(|place| at + place) else { return };
        let from = all[..place + part.len()].rfind(BEGIN).map_or(0, |begin| begin + 1);
        let to = all[from..].find(BEGIN).map_or(all.len(), |end| from + end);
        let word = &all[from..to];
        if !found.iter().any(|known| known == word) {
            found.push(word.to_owned());
        }
        at = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_by_their_beginning_and_by_what_they_hold() {
        let all = "\necole\nmaternelle\nmater\nalma";
        let mut found = Vec::new();
        collect(all, "\nmat", 9, &mut found);
        assert_eq!(found, ["maternelle", "mater"]);
        collect(all, "ma", 9, &mut found);
        assert_eq!(found, ["maternelle", "mater", "alma"]);
        let mut few = Vec::new();
        collect(all, "e", 1, &mut few);
        assert_eq!(few, ["ecole"]);
    }
}
