//! Words of what counts, for whoever keeps lists of words (ruling D14): asked for nobody in particular, so that what comes
//! of it is shown to nobody who was not asked about with [`Reader::words_for`].

use super::Reader;
use super::feed::feed_key;
use crate::engine::lookup::{self, Found};
use crate::engine::query::{Words, WordsOf};
use crate::group::{DataOp, kind};
use crate::ids::{EntryId, GroupId, UserId};
use crate::store::Direction;
use crate::store::keys::{self, Key, table};
use crate::sync::plan::Progress;

/// Pages of a group that are listed at once: far more than a group has.
const PAGES_MAX: usize = 100_000;

impl Reader<'_> {
    /// The words of a post, a comment, a page or a comment on one, or a file. `None` when it is not here, does not count, or is
    /// deleted, thrown away or erased; a comment also when what it is about is.
    pub fn words(&self, id: EntryId) -> Option<Words> {
        let group = self.group_of(&id)?;
        self.view.group_state(&group)?;
        let found = Found::of(self.store, &id)?;
        if !self.stands(&group, &id, &found) {
            return None;
        }
        let file = if found.kind == kind::FILE { Some(self.file_words(&group, &id)?) } else { None };
        let mut words = Words {
            id,
            group,
            of: WordsOf::Post,
            under: None,
            author: found.actor,
            source: None,
            title: String::new(),
            text: String::new(),
            created: found.hlc.millis(),
            attachments: Vec::new(),
        };
        match DataOp::decode(found.kind, found.body.as_deref()?).ok()? {
            DataOp::Post(post) => {
                (words.title, words.text, words.attachments) = (post.title, post.text, post.attachments)
            }
            DataOp::Outside(outside) => {
                let newer = lookup::outside_edit(self.store, &group, &outside.origin_key);
                let outside = newer.map_or(outside, |(_, newer)| newer);
                (words.title, words.text) = (outside.title, outside.text);
                (words.source, words.author) = (found.refs.first().copied(), None);
            }
            DataOp::Comment(comment) => {
                (words.of, words.under, words.text) = (WordsOf::Comment, self.about(&group, &found), comment.text);
            }
            DataOp::PageComment(comment) => {
                (words.of, words.under, words.text) = (WordsOf::PageComment, self.about(&group, &found), comment.text);
            }
            DataOp::File(_) => {
                let file = file?;
                (words.of, words.title, words.attachments) = (WordsOf::File, file.name.clone(), vec![file]);
            }
            DataOp::Page(_) => {
                let name = lookup::page_name(self.store, &group, &id).unwrap_or_default();
                (words.of, words.title) = (WordsOf::Page, name.title);
            }
            _ => return None,
        }
        if matches!(words.of, WordsOf::Comment | WordsOf::PageComment) && words.under.is_none() {
            return None;
        }
        if let Some((_, edit)) = found.actor.as_ref().and_then(|author| self.edit_of(&id, author)) {
            (words.title, words.text) = (edit.title, edit.text);
        }
        Some(words)
    }

    /// The same for one person: `None` too for what they may not read now.
    pub fn words_for(&self, viewer: UserId, id: EntryId) -> Option<Words> {
        let group = self.group_of(&id)?;
        self.readable(&viewer, &group)?;
        self.words(id)
    }

    /// Groups whose content a person may read now.
    pub fn readable_groups(&self, viewer: UserId) -> Vec<GroupId> {
        self.view.groups.keys().filter(|group| self.readable(&viewer, group).is_some()).copied().collect()
    }

    /// Groups held here.
    pub fn held_groups(&self) -> Vec<GroupId> {
        self.view.groups.keys().copied().collect()
    }

    /// Whether a group is held here.
    pub fn is_held(&self, group: &GroupId) -> bool {
        self.view.groups.contains_key(group)
    }

    /// Posts of a group, the newest first, and the place after which the next stand.
    pub fn posts_of(&self, group: GroupId, after: Option<&[u8]>, max: usize) -> (Vec<EntryId>, Option<Vec<u8>>) {
        let (from, to) = Key::of(table::FEED).and(group).prefix();
        let from = after.map_or(from, |after| [after, &[0]].concat());
        let rows = self.store.range(&from, &to, max, Direction::Forward);
        let next = rows.last().filter(|_| rows.len() == max).map(|(key, _)| key.clone());
        (rows.iter().filter_map(|(key, _)| Some(feed_key(key)?.1)).collect(), next)
    }

    /// Pages of a group.
    pub fn pages_of(&self, group: GroupId) -> Vec<EntryId> {
        let (from, to) = Key::of(table::PAGE_AT).and(group).prefix();
        let rows = self.store.range(&from, &to, PAGES_MAX, Direction::Forward);
        rows.iter().filter_map(|(key, _)| Some(feed_key(key)?.1)).collect()
    }

    /// What was said about a post or page, the newest first, at most so many.
    pub fn thread_of(&self, about: EntryId, max: usize) -> Vec<EntryId> {
        let (from, to) = Key::of(table::THREAD).and(about).prefix();
        let rows = self.store.range(&from, &to, max, Direction::Backward);
        rows.iter().filter_map(|(key, _)| EntryId::from_slice(key.get(41..)?)).collect()
    }

    /// What else may stand or fall when this entry counts: what was said about it, twins of an item from outside, and what
    /// an objection was about.
    pub fn beside(&self, id: EntryId, max: usize) -> Vec<EntryId> {
        let Some(found) = Found::of(self.store, &id) else { return Vec::new() };
        let mut beside = match found.kind {
            kind::POST | kind::OUTSIDE | kind::PAGE => self.thread_of(id, max),
            kind::OBJECT => {
                let erasure = found.refs.first().and_then(|erasure| Found::of(self.store, erasure));
                erasure.map(|erasure| erasure.refs).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        if let Some(target) = Self::space_target(&found, id) {
            beside.extend(self.files_with(target, max));
        }
        if let (kind::OUTSIDE | kind::OUTSIDE_EDIT, Some(origin), Some(group)) =
            (found.kind, found.refs.get(1), self.group_of(&id))
        {
            let (from, to) = Key::of(table::ORIGIN).and(group).and(origin).prefix();
            let twins = self.store.range(&from, &to, max, Direction::Forward);
            beside.extend(twins.iter().filter_map(|(key, _)| EntryId::from_slice(key.get(69..)?)));
        }
        beside
    }

    /// What a feed is called, removed or not; empty when it is not known.
    pub fn source_title(&self, source: EntryId) -> String {
        self.automatic(&source, None, None).source_title
    }

    /// While entries of a group are missing here: those here, of those known to exist.
    pub fn filling_of(&self, group: GroupId) -> Option<Progress> {
        self.view.filling().get(&group.into()).copied()
    }

    /// What a comment is about, if that stands.
    fn about(&self, group: &GroupId, comment: &Found) -> Option<EntryId> {
        let about = *comment.refs.first()?;
        let found = Found::of(self.store, &about)?;
        self.stands(group, &about, &found).then_some(about)
    }

    /// Whether something counts and is shown: it has its row, and nothing hides it.
    fn stands(&self, group: &GroupId, id: &EntryId, found: &Found) -> bool {
        let there = |key: Vec<u8>| self.store.get(&key).is_some();
        let row = match found.kind {
            kind::POST | kind::OUTSIDE => there(keys::feed(group, found.hlc, id)),
            kind::COMMENT | kind::PAGE_COMMENT => {
                found.refs.first().is_some_and(|about| there(keys::thread(about, found.hlc, id)))
            }
            kind::PAGE => lookup::page_row(self.store, group, id).is_some_and(|row| row.made),
            // Whether it is shown depends on its folders too, and is looked at with its words.
            kind::FILE => true,
            _ => false,
        };
        row && !there(keys::void(group, id)) && !self.is_gone(group, id, found)
    }

    fn is_gone(&self, group: &GroupId, id: &EntryId, found: &Found) -> bool {
        let author = found.actor.as_ref();
        match found.kind {
            // A page is written by many: what erases its maker's words does not take it along.
            kind::PAGE => {
                found.body.is_none()
                    || self.view.is_erased(self.store, &(*group).into(), id, None, found.hlc)
                    || lookup::is_trashed(self.store, group, id, author)
            }
            _ => self.is_erased(group, id, found) || lookup::is_deleted(self.store, id, author),
        }
    }
}
