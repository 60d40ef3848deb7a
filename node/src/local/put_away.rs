//! Entries that did not count and that their author has put away, or sent again: they leave the list, at this site.

use super::table::Table;
use super::{Local, LocalError};
use protocol::ids::{EntryId, UserId};

impl Local {
    /// Whether the person has put it away.
    pub fn is_put_away(&self, user: UserId, entry: EntryId) -> bool {
        self.rows.get(Table::PutAway.byte(), &key(user, entry)).is_some()
    }

    /// Puts it away.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn put_away(&self, user: UserId, entry: EntryId) -> Result<(), LocalError> {
        let mut writer = self.writer();
        writer.put_bytes(Table::PutAway, &key(user, entry), &[]);
        writer.commit()
    }
}

fn key(user: UserId, entry: EntryId) -> Vec<u8> {
    [&user.0[..], &entry.0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::for_test;

    #[test]
    fn what_one_puts_away_stays_in_others_lists() {
        let (_folder, _, local) = for_test();
        let (ann, ben, entry) = (UserId([1; 16]), UserId([2; 16]), EntryId([3; 32]));
        local.put_away(ann, entry).unwrap();
        assert!(local.is_put_away(ann, entry) && !local.is_put_away(ben, entry));
    }
}
