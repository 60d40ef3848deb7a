//! Where folders stand: a pure function of the set of what put them there.
//!
//! 1. Every putting counts in the order of (time, id), whatever the order of arrival. One that would put a folder into
//!    itself, or into one that stands in it, does nothing: the tree has no cycle after any of them.
//! 2. A folder whose own folder was never made here, or does not count, stands at the top.

use crate::ids::{EntryId, GroupId};
use crate::limits::FOLDERS_PER_GROUP_MAX;
use crate::store::keys::{Key, table};
use crate::store::{Direction, Store};
use std::collections::{BTreeMap, BTreeSet};

/// The top of a file space, where a row names a folder.
pub(crate) const TOP: EntryId = EntryId([0; 32]);

/// One putting, in the order of (time, id).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Putting {
    pub(crate) entry: EntryId,
    pub(crate) folder: EntryId,
    pub(crate) within: EntryId,
}

/// The folders of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    made: BTreeSet<EntryId>,
    within: BTreeMap<EntryId, EntryId>,
}

impl Tree {
    /// The tree of a group as its rows make it.
    pub(crate) fn of(store: &dyn Store, group: &GroupId) -> Self {
        let (from, to) = Key::of(table::FOLDER_PLACE).and(group).prefix();
        let rows = store.range(&from, &to, usize::MAX, Direction::Forward);
        let putting = |(key, row): &(Vec<u8>, Vec<u8>)| {
            let entry = EntryId::from_slice(key.get(41..)?)?;
            let folder = EntryId::from_slice(row.get(..32)?)?;
            Some(Putting { entry, folder, within: EntryId::from_slice(row.get(32..)?)? })
        };
        Self::grow(rows.iter().filter_map(putting))
    }

    /// The tree that these make, given in their order.
    pub(crate) fn grow(puttings: impl Iterator<Item = Putting>) -> Self {
        let mut tree = Self::default();
        for Putting { entry, folder, within } in puttings.filter(|putting| putting.folder != TOP) {
            if entry == folder {
                tree.made.insert(folder);
            }
            if !tree.is_in(&within, &folder) {
                tree.within.insert(folder, within);
            }
        }
        tree
    }

    /// Whether something stands in a folder, is it, or stands in what does. Without cycles this ends.
    pub(crate) fn is_in(&self, item: &EntryId, folder: &EntryId) -> bool {
        let mut at = Some(item);
        while let Some(here) = at {
            if here == folder {
                return true;
            }
            at = self.within.get(here);
        }
        false
    }

    /// Whether there is such a folder.
    pub(crate) fn has(&self, folder: &EntryId) -> bool {
        self.made.contains(folder)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.made.len()
    }

    /// The folder that a folder stands in; `None` at the top.
    pub(crate) fn within(&self, folder: &EntryId) -> Option<EntryId> {
        self.within.get(folder).copied().filter(|within| self.has(within))
    }

    /// A folder and those that it stands in, from the inside out.
    pub(crate) fn way_up(&self, folder: EntryId) -> impl Iterator<Item = EntryId> + '_ {
        std::iter::successors(Some(folder).filter(|folder| self.has(folder)), |folder| self.within(folder))
    }

    /// How deep a folder stands: 1 at the top.
    pub(crate) fn depth(&self, folder: EntryId) -> usize {
        self.way_up(folder).count()
    }

    /// The folders that stand in one, or at the top.
    pub(crate) fn inside(&self, folder: Option<EntryId>) -> impl Iterator<Item = EntryId> + '_ {
        self.made.iter().copied().filter(move |made| self.within(made) == folder)
    }

    /// A folder with all that stand in it, at whatever depth, from the outside in.
    pub(crate) fn below(&self, folder: EntryId) -> Vec<EntryId> {
        let mut found = vec![folder];
        let mut at = 0;
        while let Some(next) = found.get(at).copied() {
            found.extend(self.inside(Some(next)));
            at += 1;
            if found.len() > FOLDERS_PER_GROUP_MAX * 4 {
                break;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(n: u8) -> EntryId {
        EntryId([n; 32])
    }

    fn make(folder: u8, within: u8) -> Putting {
        Putting { entry: id(folder), folder: id(folder), within: if within == 0 { TOP } else { id(within) } }
    }

    fn put(entry: u8, folder: u8, within: u8) -> Putting {
        Putting { entry: id(entry), folder: id(folder), within: if within == 0 { TOP } else { id(within) } }
    }

    #[test]
    fn of_two_that_would_put_folders_into_each_other_the_first_counts() {
        let tree = Tree::grow([make(1, 0), make(2, 0), put(10, 1, 2), put(11, 2, 1)].into_iter());
        assert_eq!(tree.within(&id(1)), Some(id(2)));
        assert_eq!(tree.within(&id(2)), None);
        // The other way round, when the other came first.
        let tree = Tree::grow([make(1, 0), make(2, 0), put(10, 2, 1), put(11, 1, 2)].into_iter());
        assert_eq!((tree.within(&id(2)), tree.within(&id(1))), (Some(id(1)), None));
    }

    #[test]
    fn nothing_is_put_into_itself_or_into_what_stands_in_it() {
        let tree = Tree::grow([make(1, 0), make(2, 1), make(3, 2), put(10, 1, 3), put(11, 1, 1)].into_iter());
        assert_eq!(tree.within(&id(1)), None);
        assert_eq!(tree.depth(id(3)), 3);
        assert_eq!(tree.below(id(1)), [id(1), id(2), id(3)]);
    }

    #[test]
    fn what_stands_in_nothing_that_is_known_stands_at_the_top() {
        let tree = Tree::grow([make(1, 9), put(10, 7, 1)].into_iter());
        assert_eq!(tree.within(&id(1)), None);
        assert!(!tree.has(&id(7)), "a folder that was never made is none");
        assert_eq!(tree.inside(None).collect::<Vec<_>>(), [id(1)]);
    }

    proptest! {
        #[test]
        fn whatever_is_put_where_there_is_no_cycle_and_every_folder_is_reached_once(
            puttings in proptest::collection::vec((1u8..9, 0u8..9, any::<bool>()), 0..60)
        ) {
            let all = puttings.iter().enumerate().map(|(at, (folder, within, makes))| {
                if *makes { make(*folder, *within) } else { put(100 + at as u8, *folder, *within) }
            });
            let tree = Tree::grow(all);
            let mut reached: Vec<EntryId> = tree.inside(None).flat_map(|top| tree.below(top)).collect();
            reached.sort_unstable();
            prop_assert_eq!(reached, tree.made.iter().copied().collect::<Vec<_>>());
        }
    }
}
