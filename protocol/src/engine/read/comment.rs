//! Comments of a post: counted, the newest two under it, and paged.

use super::Reader;
use crate::clock::Hlc;
use crate::control::grants::GroupState;
use crate::control::table::Act;
use crate::engine::lookup::{self, Found};
use crate::engine::query::{Before, CommentView, ItemRights, Page};
use crate::group::{DataOp, kind};
use crate::ids::{EntryId, GroupId, UserId};
use crate::limits::PAGE_ITEMS_MAX;
use crate::store::Direction;
use crate::store::keys::{self, Key, table};
use std::collections::BTreeMap;

/// Comments looked at when a post's are counted: beyond it the count stands still.
const COMMENTS_COUNTED_MAX: usize = 10_000;
/// Comments shown under a post in a feed.
const LAST_COMMENTS: usize = 2;

impl Reader<'_> {
    /// How many comments are not deleted, and the newest two.
    pub(super) fn thread_summary(
        &self,
        viewer: &UserId,
        state: &GroupState,
        group: GroupId,
        post: &EntryId,
    ) -> (usize, Vec<CommentView>) {
        let (from, to) = Key::of(table::THREAD).and(post).prefix();
        let rows = self.store.range(&from, &to, COMMENTS_COUNTED_MAX, Direction::Backward);
        if rows.is_empty() {
            return (0, Vec::new());
        }
        let authors: BTreeMap<&[u8], &[u8]> =
            rows.iter().filter_map(|(key, author)| Some((key.get(41..)?, author.as_slice()))).collect();
        let (from, to) = Key::of(table::THREAD_DELETE).and(post).prefix();
        let mut deleted: Vec<Vec<u8>> = self
            .store
            .range(&from, &to, COMMENTS_COUNTED_MAX, Direction::Forward)
            .into_iter()
            .filter(|(key, value)| value.get(40) == Some(&1) || authors.get(&key[33..65]) == Some(&&key[65..]))
            .map(|(key, _)| key[33..65].to_vec())
            .collect();
        deleted.dedup();
        let is_deleted = |comment: &[u8]| deleted.iter().any(|id| id == comment);
        let count = authors.keys().filter(|comment| !is_deleted(comment)).count();
        let mut last: Vec<CommentView> = rows
            .iter()
            .filter(|(key, _)| !is_deleted(&key[41..]))
            .take(LAST_COMMENTS)
            .filter_map(|(key, _)| self.comment_in(viewer, state, group, EntryId::from_slice(&key[41..])?))
            .collect();
        last.reverse();
        (count, last)
    }

    /// A page of comments: ascending within the page, the next page is older.
    pub fn comments(
        &self,
        viewer: UserId,
        post: EntryId,
        before: Option<Before>,
        limit: usize,
    ) -> Option<Page<CommentView>> {
        let group = self.group_of(&post)?;
        let state = self.readable(&viewer, &group)?;
        let limit = limit.clamp(1, PAGE_ITEMS_MAX);
        let (from, mut to) = Key::of(table::THREAD).and(post).prefix();
        if let Some(before) = before {
            to = keys::thread(&post, before.hlc, &before.id);
        }
        let rows = self.store.range(&from, &to, limit + 1, Direction::Backward);
        let more = rows.len() > limit;
        let keys: Vec<(Hlc, EntryId)> = rows.iter().take(limit).filter_map(|(key, _)| thread_key(key)).collect();
        let next = keys.last().filter(|_| more).map(|(hlc, id)| Before { hlc: *hlc, id: *id });
        let items = keys.iter().rev().filter_map(|(_, id)| self.comment_in(&viewer, state, group, *id)).collect();
        Some(Page { items, next })
    }

    /// One comment.
    pub fn comment(&self, viewer: UserId, comment: EntryId) -> Option<CommentView> {
        let group = self.group_of(&comment)?;
        let state = self.readable(&viewer, &group)?;
        if self.store.get(&keys::void(&group, &comment)).is_some() {
            return None;
        }
        self.comment_in(&viewer, state, group, comment)
    }

    pub(super) fn comment_in(
        &self,
        viewer: &UserId,
        state: &GroupState,
        group: GroupId,
        id: EntryId,
    ) -> Option<CommentView> {
        let found = Found::of(self.store, &id).filter(|found| found.kind == kind::COMMENT)?;
        let post = *found.refs.first()?;
        let erased = self.is_erased(&group, &id, &found);
        let deleted = erased || lookup::is_deleted(self.store, &id, found.actor.as_ref());
        let mine = found.actor.as_ref() == Some(viewer);
        let mut text = match DataOp::decode(found.kind, found.body.as_deref().unwrap_or_default()) {
            Ok(DataOp::Comment(comment)) => comment.text,
            _ if deleted => String::new(),
            _ => return None,
        };
        let edit = found.actor.as_ref().and_then(|author| self.edit_of(&id, author));
        if let Some((_, edit)) = &edit {
            text.clone_from(&edit.text);
        }
        if deleted {
            text.clear();
        }
        let may = |act| state.may_now(viewer, act).is_ok();
        Some(CommentView {
            id,
            post,
            author: found.actor,
            text,
            created: found.hlc.millis(),
            edited: edit.map(|(version, _)| version.hlc.millis()),
            deleted,
            erased,
            reactions: self.reactions(viewer, &id),
            delivery: self.delivery_of(state, group, &found),
            may: ItemRights {
                edit: mine && !deleted && may(Act::EditOwn),
                delete: !deleted && ((mine && may(Act::EditOwn)) || may(Act::DeleteAny)),
                comment: false,
                react: !deleted && may(Act::React),
                erase: !erased && self.may_erase(viewer, state, mine),
            },
            mine,
        })
    }
}

fn thread_key(key: &[u8]) -> Option<(Hlc, EntryId)> {
    let hlc = Hlc(u64::from_be_bytes(key.get(33..41)?.try_into().ok()?));
    Some((hlc, EntryId::from_slice(key.get(41..)?)?))
}
