//! Feeds and posts. A page costs what it shows, whatever the history (INV-32).

use super::Reader;
use crate::clock::Hlc;
use crate::control::grants::GroupState;
use crate::control::table::Act;
use crate::engine::fold::{FEED_AUTOMATIC, FEED_PEOPLE};
use crate::engine::lookup::{self, Found};
use crate::engine::query::{AutomaticView, Before, FeedKind, ItemRights, Page, PostView, ReactionView};
use crate::group::{DataOp, Edit, Version, keeping, kind};
use crate::ids::{EntryId, GroupId, ScopeId, UserId};
use crate::limits::PAGE_ITEMS_MAX;
use crate::store::Direction;
use crate::store::keys::{self, Key, table};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Reactions looked at for one target.
const REACTIONS_COUNTED_MAX: usize = 20_000;

impl Reader<'_> {
    /// A group's feed, or the home feed over all the viewer's groups; newest first.
    pub fn feed(
        &self,
        viewer: UserId,
        group: Option<GroupId>,
        of: FeedKind,
        before: Option<Before>,
        limit: usize,
    ) -> Option<Page<PostView>> {
        let groups: Vec<GroupId> = match group {
            Some(group) => self.readable(&viewer, &group).map(|_| vec![group])?,
            None => self.view.groups.keys().filter(|id| self.readable(&viewer, id).is_some()).copied().collect(),
        };
        let limit = limit.clamp(1, PAGE_ITEMS_MAX);
        // The newest of each group suffice: at most `limit` of one group are shown.
        let mut rows: Vec<(Hlc, EntryId, GroupId)> =
            groups.iter().flat_map(|group| self.feed_rows(group, of, before, limit + 1)).collect();
        rows.sort_unstable_by_key(|(hlc, id, _)| (Reverse(*hlc), *id));
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(hlc, id, _)| Before { hlc: *hlc, id: *id });
        let items = rows.into_iter().filter_map(|(_, id, group)| self.post_in(&viewer, group, id)).collect();
        Some(Page { items, next })
    }

    fn feed_rows(
        &self,
        group: &GroupId,
        of: FeedKind,
        before: Option<Before>,
        limit: usize,
    ) -> Vec<(Hlc, EntryId, GroupId)> {
        let (mut from, to) = Key::of(table::FEED).and(group).prefix();
        let wanted = match of {
            FeedKind::All => None,
            FeedKind::People => Some(FEED_PEOPLE),
            FeedKind::Automatic => Some(FEED_AUTOMATIC),
        };
        if let Some(before) = before {
            // Posts of one moment stand by id, in the rows of each group as in pages over several.
            from = [Key::of(table::FEED).and(group).number(!before.hlc.0).and(before.id).done(), vec![0]].concat();
        }
        let mut found = Vec::new();
        while found.len() < limit {
            let rows = self.store.range(&from, &to, limit + 1, Direction::Forward);
            let Some((last, _)) = rows.last() else { break };
            let done = rows.len() <= limit;
            from = [last.as_slice(), &[0]].concat();
            for (key, value) in rows {
                let Some((hlc, id)) = feed_key(&key) else { continue };
                if wanted.is_none_or(|wanted| value.first() == Some(&wanted)) {
                    found.push((hlc, id, *group));
                }
            }
            if done {
                break;
            }
        }
        found
    }

    /// One post.
    pub fn post(&self, viewer: UserId, post: EntryId) -> Option<PostView> {
        let group = self.group_of(&post)?;
        self.readable(&viewer, &group)?;
        self.post_in(&viewer, group, post)
    }

    pub(super) fn group_of(&self, entry: &EntryId) -> Option<GroupId> {
        let (log, _) = lookup::place_of(self.store, entry)?;
        self.view.log_scopes.get(&log).map(|(scope, _)| GroupId::from(*scope))
    }

    pub(super) fn post_in(&self, viewer: &UserId, group: GroupId, id: EntryId) -> Option<PostView> {
        let found = Found::of(self.store, &id)?;
        let void = self.store.get(&keys::void(&group, &id));
        let mine = found.actor.as_ref() == Some(viewer);
        if void.is_some() && !mine {
            return None;
        }
        let state = self.view.group_state(&group)?;
        let erased = self.is_erased(&group, &id, &found);
        let deleted = erased || lookup::is_deleted(self.store, &id, found.actor.as_ref());
        let op = DataOp::decode(found.kind, found.body.as_deref().unwrap_or_default()).ok();
        let (mut automatic, mut changed) = (None, None);
        let (mut title, mut text, mut attachments) = match op {
            Some(DataOp::Post(post)) => (post.title, post.text, post.attachments),
            Some(DataOp::Outside(outside)) => {
                let newer = lookup::outside_edit(self.store, &group, &outside.origin_key);
                changed = newer.as_ref().map(|(version, _)| version.hlc.millis());
                let outside = newer.map_or(outside, |(_, newer)| newer);
                automatic = Some(self.automatic(found.refs.first()?, outside.url, outside.author));
                (outside.title, outside.text, Vec::new())
            }
            _ if found.kind == kind::OUTSIDE => {
                automatic = Some(self.automatic(found.refs.first()?, None, None));
                Default::default()
            }
            _ if deleted => (String::new(), String::new(), Vec::new()),
            _ => return None,
        };
        let edit = found.actor.as_ref().and_then(|author| self.edit_of(&id, author));
        if let Some((_, edit)) = &edit {
            (title, text) = (edit.title.clone(), edit.text.clone());
        }
        if deleted {
            (title, text, attachments) = Default::default();
        }
        let may = |act| state.may_now(viewer, act).is_ok();
        let (comments, last_comments) = self.thread_summary(viewer, state, group, &id);
        Some(PostView {
            id,
            group,
            author: found.actor,
            automatic,
            title,
            text,
            created: found.hlc.millis(),
            edited: edit.map(|(version, _)| version.hlc.millis()).or(changed),
            deleted,
            erased,
            attachments,
            reactions: self.reactions(viewer, &id),
            comments,
            last_comments,
            delivery: self.delivery_of(state, group, &found),
            may: ItemRights {
                edit: mine && !deleted && may(Act::EditOwn),
                delete: !deleted && ((mine && may(Act::EditOwn)) || may(Act::DeleteAny)),
                comment: !deleted && may(Act::Comment),
                react: !deleted && may(Act::React),
                erase: !erased && self.may_erase(viewer, state, mine),
            },
            mine,
            not_delivered: void.map(|_| "void"),
        })
    }

    /// Whether nothing of a post or comment may be shown, because it is gone or to go.
    pub(super) fn is_erased(&self, group: &GroupId, id: &EntryId, found: &Found) -> bool {
        let scope = ScopeId::from(*group);
        // What is the group's does not go with who wrote it.
        let author = found.actor.as_ref().filter(|_| !keeping::is_shared(found.kind));
        let named = |target: &EntryId| self.view.is_erased(self.store, &scope, target, author, found.hlc);
        let whole = keeping::goes_with(found.kind, &found.refs);
        found.body.is_none() || named(id) || whole.is_some_and(|whole| named(&whole))
    }

    pub(super) fn may_erase(&self, viewer: &UserId, state: &GroupState, mine: bool) -> bool {
        let may = |act| state.may_now(viewer, act).is_ok();
        (mine && may(Act::EditOwn)) || may(Act::EraseAny) || self.view.is_admin(viewer)
    }

    pub(super) fn automatic(&self, source: &EntryId, url: Option<String>, author: Option<String>) -> AutomaticView {
        let title = Found::of(self.store, source)
            .and_then(|found| match DataOp::decode(found.kind, found.body.as_deref()?) {
                Ok(DataOp::Source(source)) => Some(source.title),
                _ => None,
            })
            .unwrap_or_default();
        AutomaticView { author, source: *source, source_title: title, url }
    }

    pub(super) fn edit_of(&self, target: &EntryId, author: &UserId) -> Option<(Version, Edit)> {
        let version = Version::from_bytes(&self.store.get(&keys::edit(target, author))?)?;
        let found = Found::of(self.store, &version.id)?;
        match DataOp::decode(found.kind, found.body.as_deref()?) {
            Ok(DataOp::Edit(edit)) => Some((version, edit)),
            _ => None,
        }
    }

    pub(super) fn reactions(&self, viewer: &UserId, target: &EntryId) -> Vec<ReactionView> {
        let (from, to) = Key::of(table::REACT).and(target).prefix();
        let mut counts: BTreeMap<String, (usize, bool)> = BTreeMap::new();
        for (key, value) in self.store.range(&from, &to, REACTIONS_COUNTED_MAX, Direction::Forward) {
            if value.get(40) != Some(&1) || key.len() < 33 + 17 {
                continue;
            }
            let (emoji, actor) = (&key[33..key.len() - 17], &key[key.len() - 16..]);
            let count = counts.entry(String::from_utf8_lossy(emoji).into_owned()).or_default();
            count.0 += 1;
            count.1 |= actor == viewer.0;
        }
        let mut views: Vec<ReactionView> =
            counts.into_iter().map(|(emoji, (count, mine))| ReactionView { emoji, count, mine }).collect();
        views.sort_by_key(|view| Reverse(view.count));
        views
    }
}

pub(super) fn feed_key(key: &[u8]) -> Option<(Hlc, EntryId)> {
    let hlc = Hlc(!u64::from_be_bytes(key.get(33..41)?.try_into().ok()?));
    Some((hlc, EntryId::from_slice(key.get(41..)?)?))
}
