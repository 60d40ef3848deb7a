//! Read marks: up to which timestamp a person has read a group. They never leave this site (ruling D9).

use super::table::Table;
use super::{Local, LocalError};
use protocol::clock::{Hlc, Millis};
use protocol::ids::{GroupId, UserId};

impl Local {
    /// The mark; before the first one, everything older than the account counts as read.
    pub fn mark(&self, user: UserId, group: GroupId) -> Hlc {
        let row = self.rows.get(Table::Mark.byte(), &key(user, group));
        let marked = row.and_then(|bytes| bytes.try_into().ok()).map(|bytes| Hlc(u64::from_be_bytes(bytes)));
        marked.unwrap_or_else(|| Hlc::at(Millis(self.with_account(user, |account| account.created).unwrap_or(0))))
    }

    /// Moves the mark forward.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn set_mark(&self, user: UserId, group: GroupId, to: Hlc) -> Result<(), LocalError> {
        let mut writer = self.writer();
        if to > self.mark(user, group) {
            writer.put_bytes(Table::Mark, &key(user, group), &to.0.to_be_bytes());
            writer.commit()?;
        }
        Ok(())
    }
}

fn key(user: UserId, group: GroupId) -> Vec<u8> {
    [&user.0[..], &group.0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::for_test;

    #[test]
    fn a_mark_only_moves_forward() {
        let (_folder, _, local) = for_test();
        let (ann, group) = (UserId([1; 16]), GroupId([2; 32]));
        assert_eq!(local.mark(ann, group), Hlc(0));
        local.set_mark(ann, group, Hlc(9)).unwrap();
        local.set_mark(ann, group, Hlc(5)).unwrap();
        assert_eq!(local.mark(ann, group), Hlc(9));
        assert_eq!(local.mark(UserId([2; 16]), group), Hlc(0));
    }
}
