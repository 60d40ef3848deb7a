//! What is to be looked at again: bounded, whatever happens, because what does not fit is read from the journal later.

use protocol::engine::effect::Notice;
use protocol::engine::read::Reader;
use protocol::ids::{EntryId, GroupId, from_text};
use std::collections::BTreeSet;
use std::fmt::Write;

use archipel_storage::journal::Position;

/// Items that wait; beyond it the journal is read instead.
const ITEMS_MAX: usize = 16_384;
/// Groups named in a mark; beyond it all are meant.
const GROUPS_MAX: usize = 64;
/// What was said about one item that is looked at again with it.
pub const BESIDE_MAX: usize = 2_000;

/// Which groups are to be taken in from the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// These.
    Groups(BTreeSet<GroupId>),
    /// All that are held here.
    All,
}

impl Default for Whole {
    fn default() -> Self {
        Self::Groups(BTreeSet::new())
    }
}

impl Whole {
    /// One more.
    pub fn add(&mut self, group: GroupId) {
        if let Self::Groups(groups) = self {
            groups.insert(group);
            if groups.len() > GROUPS_MAX {
                *self = Self::All;
            }
        }
    }

    /// Nothing.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Groups(groups) if groups.is_empty())
    }

    /// Whether this group will be taken in whole.
    pub fn has(&self, group: &GroupId) -> bool {
        match self {
            Self::Groups(groups) => groups.contains(group),
            Self::All => true,
        }
    }
}

/// What is to be done.
#[derive(Debug, Default)]
pub struct Due {
    /// Posts, comments, pages, files.
    pub items: BTreeSet<EntryId>,
    /// Groups.
    pub whole: Whole,
    /// Something was missed: what the journal says from the mark on is to be looked at.
    pub blind: bool,
}

impl Due {
    /// Takes in what the engine told.
    pub fn hear(&mut self, reader: &Reader<'_>, notice: Notice) {
        match notice {
            Notice::Post { post, .. } => self.with_beside(reader, post),
            Notice::PostChanged { post, .. } => self.add(post),
            Notice::Comment { comment, .. } | Notice::CommentChanged { comment, .. } => self.add(comment),
            Notice::Page { page, .. } => self.add(page),
            Notice::PageComment { page, .. } => {
                reader.thread_of(page, BESIDE_MAX).into_iter().for_each(|id| self.add(id));
            }
            Notice::Space { item, .. } => {
                reader.files_with(item, BESIDE_MAX).into_iter().for_each(|id| self.add(id));
            }
            Notice::Refolded { group } => self.whole.add(group),
            Notice::GroupChanged { group } if !reader.is_held(&group) => self.whole.add(group),
            _ => {}
        }
    }

    /// An item and what stands or falls with it.
    pub fn with_beside(&mut self, reader: &Reader<'_>, id: EntryId) {
        reader.beside(id, BESIDE_MAX).into_iter().for_each(|id| self.add(id));
        self.add(id);
    }

    /// One more item.
    pub fn add(&mut self, id: EntryId) {
        self.items.insert(id);
        if self.items.len() > ITEMS_MAX && !self.blind {
            self.items.clear();
            self.blind = true;
        }
    }

    /// Nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.whole.is_empty() && !self.blind
    }
}

/// Up to where the journal was taken in, and which groups are still to be taken in whole: as it stands in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The place.
    pub at: Position,
    /// What is owed.
    pub whole: Whole,
}

impl Mark {
    /// Its text.
    pub fn to_text(&self) -> String {
        let mut text = u64::from_be_bytes(self.at.to_bytes()).to_string();
        match &self.whole {
            Whole::All => text.push_str(" *"),
            Whole::Groups(groups) => groups.iter().for_each(|group| write!(text, " {group}").unwrap_or_default()),
        }
        text
    }

    /// Reads the text; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let at = Position::from_bytes(words.next()?.parse::<u64>().ok()?.to_be_bytes());
        let mut whole = Whole::default();
        for word in words {
            match word {
                "*" => whole = Whole::All,
                group => whole.add(GroupId::from_slice(&from_text(group)?)?),
            }
        }
        Some(Self { at, whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back() {
        let at = Position { segment: 3, offset: 77 };
        let mut whole = Whole::default();
        for expected in [Whole::default(), Whole::All] {
            let mark = Mark { at, whole: expected };
            assert_eq!(Mark::parse(&mark.to_text()), Some(mark));
        }
        (0..3).for_each(|group| whole.add(GroupId([group; 32])));
        let mark = Mark { at, whole };
        assert_eq!(Mark::parse(&mark.to_text()), Some(mark));
        for bad in ["", "x", "1 y", "*"] {
            assert_eq!(Mark::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn too_much_is_left_to_the_journal() {
        let mut due = Due::default();
        for number in 0..=ITEMS_MAX as u32 {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            due.add(EntryId(id));
        }
        assert!(due.blind && due.items.is_empty());
    }
}
