//! Questions that a person asks again and again. They never leave this site.

use super::table::Table;
use super::{Local, LocalError, read_one};
use protocol::ids::UserId;
use serde::{Deserialize, Serialize};

/// A question with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSearch {
    /// As the person calls it.
    pub name: String,
    /// The part of the search screen's address that holds the question.
    pub query: String,
}

impl Local {
    /// A person's questions, in the order that they gave them.
    pub fn searches(&self, user: UserId) -> Vec<SavedSearch> {
        read_one(&self.rows, Table::Searches, &user.0).ok().flatten().unwrap_or_default()
    }

    /// Keeps these instead.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn set_searches(&self, user: UserId, searches: &[SavedSearch]) -> Result<(), LocalError> {
        let mut writer = self.writer();
        writer.put(Table::Searches, &user.0, &searches)?;
        writer.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::for_test;

    #[test]
    fn everybody_has_their_own() {
        let (_folder, _, local) = for_test();
        let (ann, ben) = (UserId([1; 16]), UserId([2; 16]));
        let saved = vec![SavedSearch { name: "Budget".into(), query: "q=budget".into() }];
        local.set_searches(ann, &saved).unwrap();
        assert_eq!(local.searches(ann), saved);
        assert_eq!(local.searches(ben), []);
    }
}
