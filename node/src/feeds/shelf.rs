//! What the site's own rows hold of each source. Writing blocks on the disk: call it from a thread that may.

use super::news::Seen;
use super::record::Record;
use crate::local::table::FOREIGN_TABLES_FROM;
use archipel_storage::kvlog::{Batch, KvError, KvLog};
use protocol::ids::EntryId;
use std::sync::Arc;

/// Source → [`Record`] as JSON. Rooms take tables in steps of eight.
const RECORD: u8 = FOREIGN_TABLES_FROM + 8;
/// Source → marks of its items: apart, since they change seldom and are larger.
const SEEN: u8 = FOREIGN_TABLES_FROM + 9;

/// The rows.
#[derive(Debug, Clone)]
pub struct Shelf(pub Arc<KvLog>);

impl Shelf {
    /// What is known of a source. A row that does not read back counts as absent: the feed is then read as if for the
    /// first time, and the group takes each item once all the same.
    pub fn record(&self, source: EntryId) -> Record {
        let Some(row) = self.0.get(RECORD, &source.0) else { return Record::default() };
        serde_json::from_slice(&row).unwrap_or_else(|error| {
            tracing::warn!(%source, %error, "what was known of a feed is damaged; it is read as a new one");
            Record::default()
        })
    }

    /// The marks of its items.
    pub fn seen(&self, source: EntryId) -> Seen {
        self.0.get(SEEN, &source.0).map(|row| Seen::from_bytes(&row)).unwrap_or_default()
    }

    /// Keeps both; the marks only when they changed.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn keep(&self, source: EntryId, record: &Record, seen: Option<&Seen>) -> Result<(), KvError> {
        let row = serde_json::to_vec(record).expect("a record has only text keys and plain values");
        let mut batch = Batch::new().put(RECORD, &source.0, &row);
        if let Some(seen) = seen {
            batch.add_put(SEEN, &source.0, &seen.to_bytes());
        }
        self.0.apply(batch)
    }

    /// Forgets all sources but these.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn forget_all_but(&self, live: impl Fn(&EntryId) -> bool) -> Result<(), KvError> {
        let mut batch = Batch::new();
        let mut any = false;
        for table in [RECORD, SEEN] {
            for (key, _) in self.0.prefix(table, &[], None, usize::MAX) {
                if !EntryId::from_slice(&key).is_some_and(|source| live(&source)) {
                    batch.add_delete(table, &key);
                    any = true;
                }
            }
        }
        if any { self.0.apply(batch) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::for_test;

    const A: EntryId = EntryId([1; 32]);
    const B: EntryId = EntryId([2; 32]);

    #[test]
    fn what_was_kept_is_there_until_its_source_goes() {
        let (_folder, rows, _local) = for_test();
        let shelf = Shelf(rows);
        let record = Record { etag: Some("\"1\"".into()), ..Record::default() };
        let mut seen = Seen::default();
        seen.add([1, 2]);
        for source in [A, B] {
            shelf.keep(source, &record, Some(&seen)).unwrap();
        }
        shelf.keep(A, &Record::default(), None).unwrap();
        assert_eq!((shelf.record(A), shelf.seen(A)), (Record::default(), seen.clone()));
        shelf.forget_all_but(|source| *source == A).unwrap();
        assert_eq!((shelf.record(B), shelf.seen(B)), (Record::default(), Seen::default()));
        assert_eq!(shelf.seen(A), seen);
    }

    #[test]
    fn a_damaged_row_is_a_new_source() {
        let (_folder, rows, _local) = for_test();
        rows.put(RECORD, &A.0, b"{").unwrap();
        assert_eq!(Shelf(rows).record(A), Record::default());
    }
}
