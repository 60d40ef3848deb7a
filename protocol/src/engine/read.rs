//! Reading for one person: every method answers `None` for what the viewer may not see, exactly as for what does not
//! exist (INV-55). A page costs what it shows, whatever the history (INV-32).

use crate::clock::{Hlc, Millis};
use crate::control::grants::GroupState;
use crate::control::op::{Access, Class};
use crate::control::table::Act;
use crate::engine::fold::{FEED_AUTOMATIC, FEED_PEOPLE};
use crate::engine::lookup::{self, Found};
use crate::engine::query::*;
use crate::engine::view::View;
use crate::group::{DataOp, Version, kind};
use crate::ids::{BlobId, EntryId, GroupId, LogId, NodeId, ScopeId, SiteId, UserId};
use crate::limits::PAGE_ITEMS_MAX;
use crate::store::keys::{self, Key, table};
use crate::store::{Direction, Store};
use std::collections::BTreeMap;

/// Comments looked at when a post's are counted: beyond it the count says so by standing still.
const COMMENTS_COUNTED_MAX: usize = 10_000;
/// Reactions looked at for one target.
const REACTIONS_COUNTED_MAX: usize = 20_000;
/// Comments shown under a post in a feed.
const LAST_COMMENTS: usize = 2;

/// A moment's view of the engine with its store.
pub struct Reader<'a> {
    /// Who may do what, names, connections.
    pub view: &'a View,
    /// Rows and bodies.
    pub store: &'a dyn Store,
    /// Now.
    pub now: Millis,
}

impl Reader<'_> {
    /// The organisation; `None` before set-up.
    pub fn organisation(&self) -> Option<OrganisationView> {
        let state = self.view.org_state()?;
        Some(OrganisationView { id: self.view.org?, name: state.name().into(), site: self.view.own_site()? })
    }

    /// A person by id.
    pub fn person(&self, id: UserId) -> Option<PersonView> {
        let state = self.view.org_state()?;
        let user = state.user(&id)?;
        let profile = self.view.profiles.get(&id).map(|(_, profile)| profile);
        Some(PersonView {
            id,
            name: profile.map(|profile| profile.name.clone()).unwrap_or_default(),
            title: profile.map(|profile| profile.title.clone()).unwrap_or_default(),
            site: user.site,
            active: user.active,
            admin: state.is_admin(&id),
        })
    }

    /// Everybody, by id. The caller filters, sorts and pages.
    pub fn people(&self) -> Vec<PersonView> {
        let Some(state) = self.view.org_state() else { return Vec::new() };
        state.users().keys().filter_map(|id| self.person(*id)).collect()
    }

    // --- groups ---------------------------------------------------------------------------------------------------

    /// The viewer's groups, and those that may be seen from outside.
    pub fn groups(&self, viewer: UserId) -> (Vec<GroupView>, Vec<GroupView>) {
        let held = self.view.groups.keys().filter_map(|id| self.group(viewer, *id));
        let (mine, mut others): (Vec<_>, Vec<_>) = held.partition(|group| group.role.is_some());
        let listed = self.view.cards.keys().filter(|id| !self.view.groups.contains_key(id));
        others.extend(listed.filter_map(|id| self.group(viewer, *id)));
        (mine, others)
    }

    /// One group.
    pub fn group(&self, viewer: UserId, group: GroupId) -> Option<GroupView> {
        if !self.view.is_active(&viewer) {
            return None;
        }
        match self.view.group_state(&group) {
            Some(state) => {
                let role = state.role(&viewer);
                (role.is_some() || state.access() != Access::Secret).then(|| self.held_group(viewer, group, state))
            }
            None => self.listed_group(group),
        }
    }

    fn held_group(&self, viewer: UserId, id: GroupId, state: &GroupState) -> GroupView {
        let may = |act| state.may_now(&viewer, act).is_ok();
        let role = state.role(&viewer);
        let created = Found::of(self.store, &EntryId(id.0)).map_or(Millis(0), |found| found.hlc.millis());
        GroupView {
            id,
            name: state.name().into(),
            purpose: state.purpose().into(),
            kind: state.kind(),
            access: state.access(),
            role,
            may: GroupRights {
                post: may(Act::Post),
                comment: may(Act::Comment),
                manage: may(Act::Invite) && may(Act::ManageSources),
                join: role.is_none() && state.access() == Access::Open && may(Act::Join),
                leave: role.is_some() && !state.is_derived(),
            },
            members: Some(state.members().len()),
            sites: state.sites().iter().copied().collect(),
            created,
            last_activity: role.and(self.newest(id)).map(Hlc::millis),
        }
    }

    /// A group of which only the card is known here.
    fn listed_group(&self, id: GroupId) -> Option<GroupView> {
        let (_, card) = self.view.cards.get(&id)?;
        (card.access != Access::Secret).then(|| GroupView {
            id,
            name: card.name.clone(),
            purpose: card.purpose.clone(),
            kind: card.kind,
            access: card.access,
            role: None,
            may: GroupRights::default(),
            members: None,
            sites: Vec::new(),
            created: Millis(card.created),
            last_activity: None,
        })
    }

    /// The group's state if the viewer may read it.
    fn readable(&self, viewer: &UserId, group: &GroupId) -> Option<&GroupState> {
        let state = self.view.group_state(group)?;
        (self.view.is_active(viewer) && state.may_now(viewer, Act::Read).is_ok()).then_some(state)
    }

    /// A group's members, for members.
    pub fn members(&self, viewer: UserId, group: GroupId) -> Option<Vec<MemberView>> {
        let state = self.readable(&viewer, &group)?;
        let since = |id: &EntryId| Found::of(self.store, id).map_or(Millis(0), |found| found.hlc.millis());
        // Members of a derived group came with their registration; one date serves them all.
        let derived = state.is_derived().then(|| since(&EntryId(group.0)));
        let view = |(user, member): (&UserId, &crate::control::grants::MemberRecord)| MemberView {
            user: *user,
            role: member.role,
            since: derived.unwrap_or_else(|| since(&member.since)),
        };
        Some(state.members().iter().map(view).collect())
    }

    // --- feeds ----------------------------------------------------------------------------------------------------

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
        rows.sort_unstable_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)));
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(hlc, id, _)| Before { hlc: *hlc, id: *id });
        let items = rows.into_iter().filter_map(|(_, id, group)| self.post_in(&viewer, group, id)).collect();
        Some(Page { items, next })
    }

    fn feed_rows(&self, group: &GroupId, of: FeedKind, before: Option<Before>, limit: usize) -> Vec<(Hlc, EntryId, GroupId)> {
        let (mut from, to) = Key::of(table::FEED).and(group).prefix();
        let wanted = match of {
            FeedKind::All => None,
            FeedKind::People => Some(FEED_PEOPLE),
            FeedKind::Automatic => Some(FEED_AUTOMATIC),
        };
        if let Some(before) = before {
            // Rows of one timestamp sort by id ascending, pages by id descending: begin at the timestamp, drop what was shown.
            from = Key::of(table::FEED).and(group).number(!before.hlc.0).done();
        }
        let mut found = Vec::new();
        while found.len() < limit {
            let rows = self.store.range(&from, &to, limit + 1, Direction::Forward);
            let Some((last, _)) = rows.last() else { break };
            let done = rows.len() <= limit;
            from = [last.as_slice(), &[0]].concat();
            for (key, value) in rows {
                let Some((hlc, id)) = feed_key(&key) else { continue };
                let shown = before.is_some_and(|before| (hlc, id) >= (before.hlc, before.id));
                if !shown && wanted.is_none_or(|wanted| value.first() == Some(&wanted)) {
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

    fn group_of(&self, entry: &EntryId) -> Option<GroupId> {
        let (log, _) = lookup::place_of(self.store, entry)?;
        self.view.log_scopes.get(&log).map(|(scope, _)| GroupId::from(*scope))
    }

    fn post_in(&self, viewer: &UserId, group: GroupId, id: EntryId) -> Option<PostView> {
        let found = Found::of(self.store, &id)?;
        let void = self.store.get(&keys::void(&group, &id));
        let mine = found.actor.as_ref() == Some(viewer);
        if void.is_some() && !mine {
            return None;
        }
        let state = self.view.group_state(&group)?;
        let deleted = found.body.is_none() || lookup::is_deleted(self.store, &id, found.actor.as_ref());
        let op = DataOp::decode(found.kind, found.body.as_deref().unwrap_or_default()).ok();
        let mut automatic = None;
        let (mut title, mut text, mut attachments) = match op {
            Some(DataOp::Post(post)) => (post.title, post.text, post.attachments),
            Some(DataOp::Outside(outside)) => {
                automatic = Some(self.automatic(found.refs.first()?, outside.url));
                (outside.title, outside.text, Vec::new())
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
            edited: edit.map(|(version, _)| version.hlc.millis()),
            deleted,
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
            },
            mine,
            not_delivered: void.map(|_| "void"),
        })
    }

    fn automatic(&self, source: &EntryId, url: Option<String>) -> AutomaticView {
        let title = Found::of(self.store, source)
            .and_then(|found| match DataOp::decode(found.kind, found.body.as_deref()?) {
                Ok(DataOp::Source(source)) => Some(source.title),
                _ => None,
            })
            .unwrap_or_default();
        AutomaticView { source: *source, source_title: title, url }
    }

    fn edit_of(&self, target: &EntryId, author: &UserId) -> Option<(Version, crate::group::Edit)> {
        let version = Version::from_bytes(&self.store.get(&keys::edit(target, author))?)?;
        let found = Found::of(self.store, &version.id)?;
        match DataOp::decode(found.kind, found.body.as_deref()?) {
            Ok(DataOp::Edit(edit)) => Some((version, edit)),
            _ => None,
        }
    }

    fn reactions(&self, viewer: &UserId, target: &EntryId) -> Vec<ReactionView> {
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
        views.sort_by(|a, b| b.count.cmp(&a.count));
        views
    }

    // --- comments -------------------------------------------------------------------------------------------------

    /// How many comments are not deleted, and the newest two.
    fn thread_summary(&self, viewer: &UserId, state: &GroupState, group: GroupId, post: &EntryId) -> (usize, Vec<CommentView>) {
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

    fn comment_in(&self, viewer: &UserId, state: &GroupState, group: GroupId, id: EntryId) -> Option<CommentView> {
        let found = Found::of(self.store, &id).filter(|found| found.kind == kind::COMMENT)?;
        let post = *found.refs.first()?;
        let deleted = found.body.is_none() || lookup::is_deleted(self.store, &id, found.actor.as_ref());
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
            reactions: self.reactions(viewer, &id),
            delivery: self.delivery_of(state, group, &found),
            may: ItemRights {
                edit: mine && !deleted && may(Act::EditOwn),
                delete: !deleted && ((mine && may(Act::EditOwn)) || may(Act::DeleteAny)),
                comment: false,
                react: !deleted && may(Act::React),
            },
            mine,
        })
    }

    // --- delivery -------------------------------------------------------------------------------------------------

    fn delivery_of(&self, state: &GroupState, group: GroupId, found: &Found) -> Delivery {
        let scope = ScopeId::from(group);
        let received = state.sites().iter().filter(|site| self.has(&scope, site, &found.log, found.seq)).count();
        Delivery { received, of: state.sites().len() }
    }

    fn has(&self, scope: &ScopeId, site: &SiteId, log: &LogId, seq: u64) -> bool {
        // What is read here was committed here, and what left its author's node had been committed there.
        Some(*site) == self.view.own_site()
            || Some(*site) == self.author_site(log)
            || self.view.stated_height(scope, site, log) > seq
    }

    fn author_site(&self, log: &LogId) -> Option<SiteId> {
        let (_, node) = self.view.log_scopes.get(log)?;
        self.view.org_state()?.site_of_node(node)
    }

    /// Which sites hold a post or comment.
    pub fn delivery(&self, viewer: UserId, entry: EntryId) -> Option<Vec<DeliveryLine>> {
        let group = self.group_of(&entry)?;
        let state = self.readable(&viewer, &group)?;
        let found = Found::of(self.store, &entry)?;
        let scope = ScopeId::from(group);
        let line = |site: &SiteId| {
            let received = self.has(&scope, site, &found.log, found.seq);
            let own = Some(*site) == self.view.own_site();
            let author = Some(*site) == self.author_site(&found.log);
            let at = if own || author { Some(found.hlc.millis()) } else { self.first_stated(&scope, site, &found) };
            DeliveryLine { site: *site, received, at: at.filter(|_| received) }
        };
        Some(state.sites().iter().map(line).collect())
    }

    fn first_stated(&self, scope: &ScopeId, site: &SiteId, found: &Found) -> Option<Millis> {
        let org = self.view.org_state()?;
        let stated = self.view.held.get(scope)?.iter().filter(|(node, _)| org.site_of_node(node) == Some(*site));
        stated
            .filter_map(|(_, stated)| {
                let step = stated.steps.iter().find(|(log, next, _)| *log == found.log && *next > found.seq);
                let newest = || (stated.held.height(&found.log) > found.seq).then(|| Hlc(stated.held.hlc).millis());
                step.map(|(_, _, at)| *at).or_else(newest)
            })
            .min()
    }

    /// How many posts by others are newer than a mark, counted up to `max`.
    pub fn unread(&self, viewer: UserId, group: GroupId, since: Hlc, max: usize) -> usize {
        if self.readable(&viewer, &group).is_none() {
            return 0;
        }
        let from = Key::of(table::FEED).and(group).done();
        let to = Key::of(table::FEED).and(group).number(!since.0).done();
        self.store
            .range(&from, &to, max, Direction::Forward)
            .iter()
            .filter(|(_, value)| value.get(1..) != Some(&viewer.0[..]))
            .count()
    }

    /// The newest timestamp of a group's feed, for a read mark.
    pub fn newest(&self, group: GroupId) -> Option<Hlc> {
        let (from, to) = Key::of(table::FEED).and(group).prefix();
        self.store.range(&from, &to, 1, Direction::Forward).first().and_then(|(key, _)| feed_key(key)).map(|(hlc, _)| hlc)
    }

    // --- files and sources ----------------------------------------------------------------------------------------

    /// A file that a post of one of the viewer's groups refers to.
    pub fn blob(&self, viewer: UserId, blob: BlobId) -> Option<BlobView> {
        let (from, to) = Key::of(table::BLOB).and(blob).prefix();
        self.store.range(&from, &to, 1_000, Direction::Forward).into_iter().find_map(|(key, value)| {
            let group = GroupId::from_slice(key.get(33..65)?)?;
            self.readable(&viewer, &group)?;
            let post = EntryId::from_slice(key.get(65..)?)?;
            let found = Found::of(self.store, &post)?;
            if lookup::is_deleted(self.store, &post, found.actor.as_ref()) {
                return None;
            }
            let at = u32::from_be_bytes(value.try_into().ok()?) as usize;
            match DataOp::decode(found.kind, found.body.as_deref()?) {
                Ok(DataOp::Post(post)) => {
                    Some(BlobView { blob, group, attachment: post.attachments.into_iter().nth(at)? })
                }
                _ => None,
            }
        })
    }

    /// Whether a file may be given to a node: it serves a site of a group that refers to it (§1.13).
    pub fn may_serve_blob(&self, node: &NodeId, group: &GroupId, blob: &BlobId) -> bool {
        let Some(site) = self.view.org_state().and_then(|state| state.site_of_node(node)) else { return false };
        let (from, to) = Key::of(table::BLOB).and(blob).and(group).prefix();
        self.view.group_state(group).is_some_and(|state| state.sites().contains(&site))
            && !self.store.range(&from, &to, 1, Direction::Forward).is_empty()
    }

    /// Whether a node keeps a group's content: its site has a live member.
    pub fn keeps(&self, node: &NodeId, group: &GroupId) -> bool {
        let site = self.view.org_state().and_then(|state| state.site_of_node(node));
        site.is_some_and(|site| self.view.group_state(group).is_some_and(|state| state.sites().contains(&site)))
    }

    /// Nodes that may hold a group's files: those of its sites, connected ones only.
    pub fn holders(&self, group: &GroupId) -> Vec<NodeId> {
        let (Some(org), Some(state)) = (self.view.org_state(), self.view.group_state(group)) else { return Vec::new() };
        let serves = |node: &NodeId| org.site_of_node(node).is_some_and(|site| state.sites().contains(&site));
        let connected = self.view.peers.iter().filter(|(_, status)| status.connected);
        connected.map(|(node, _)| *node).filter(serves).collect()
    }

    /// Files that are not here yet: length and a group that refers to each.
    pub fn wanted(&self, max: usize) -> Vec<(BlobId, u64, GroupId)> {
        let (from, to) = Key::of(table::WANTED).prefix();
        let rows = self.store.range(&from, &to, max, Direction::Forward);
        let read = |(key, value): (Vec<u8>, Vec<u8>)| {
            let size = u64::from_be_bytes(value.get(..8)?.try_into().ok()?);
            Some((BlobId::from_slice(&key[1..])?, size, GroupId::from_slice(value.get(8..)?)?))
        };
        rows.into_iter().filter_map(read).collect()
    }

    /// A group's feeds from outside, for members.
    pub fn sources(&self, viewer: UserId, group: GroupId) -> Option<Vec<SourceView>> {
        self.readable(&viewer, &group)?;
        Some(self.sources_of(group))
    }

    fn sources_of(&self, group: GroupId) -> Vec<SourceView> {
        let count = |id: &EntryId| {
            let (from, to) = Key::of(table::SOURCE_ITEM).and(id).prefix();
            self.store.range(&from, &to, 100_000, Direction::Forward).len()
        };
        lookup::sources(self.store, &group)
            .into_iter()
            .map(|(id, source)| SourceView {
                items: count(&id),
                id,
                group,
                url: source.url,
                title: source.title,
                site_url: source.site_url,
                sites: source.sites,
            })
            .collect()
    }

    /// One feed, if the viewer is a member of its group.
    pub fn source(&self, viewer: UserId, source: EntryId) -> Option<SourceView> {
        let group = self.group_of(&source)?;
        self.sources(viewer, group)?.into_iter().find(|view| view.id == source)
    }

    /// All feeds that this site may poll.
    pub fn sources_here(&self) -> Vec<SourceView> {
        let Some(own) = self.view.own_site() else { return Vec::new() };
        let sources = self.view.groups.keys().flat_map(|group| self.sources_of(*group));
        sources.filter(|source| source.sites.contains(&own)).collect()
    }

    // --- sites ----------------------------------------------------------------------------------------------------

    /// The sites, own first.
    pub fn sites(&self) -> Vec<SiteView> {
        let Some(state) = self.view.org_state() else { return Vec::new() };
        let own = self.view.own_site();
        let mut people: BTreeMap<SiteId, usize> = BTreeMap::new();
        for user in state.users().values().filter(|user| user.active) {
            *people.entry(user.site).or_default() += 1;
        }
        let mut sites: Vec<SiteView> = state
            .sites()
            .iter()
            .map(|(id, record)| SiteView {
                id: *id,
                name: record.name.clone(),
                company: record.company.clone(),
                own: Some(*id) == own,
                nodes: self.nodes_of(id),
                people: people.get(id).copied().unwrap_or(0),
                waiting: if Some(*id) == own { 0 } else { self.waiting(id) },
            })
            .collect();
        sites.sort_by(|a, b| b.own.cmp(&a.own).then_with(|| a.name.cmp(&b.name)));
        sites
    }

    fn nodes_of(&self, site: &SiteId) -> Vec<NodeView> {
        let Some(state) = self.view.org_state() else { return Vec::new() };
        let of_site = state.connectable().filter(|node| state.site_of_node(node) == Some(*site));
        of_site
            .map(|id| {
                let status = self.view.peers.get(&id).cloned().unwrap_or_default();
                NodeView {
                    id,
                    connected: status.connected || id == self.view.node,
                    since: status.since,
                    up_to_date: status.up_to_date,
                }
            })
            .collect()
    }

    /// Own entries that a site should hold and has not stated to.
    fn waiting(&self, site: &SiteId) -> u64 {
        let shared = |scope: &ScopeId| {
            self.view.group_state(&GroupId::from(*scope)).is_some_and(|state| state.sites().contains(site))
        };
        self.view
            .own_heights
            .iter()
            .filter(|(_, (scope, _))| shared(scope))
            // The entry that opens a log is nobody's item.
            .map(|(log, (scope, next))| next.saturating_sub(self.view.stated_height(scope, site, log).max(1)))
            .sum()
    }

    /// What a newly admitted node is given: the organisation's control entries.
    pub fn welcome(&self) -> Option<Vec<u8>> {
        let org = self.view.org?;
        let scope = ScopeId::from(org);
        let logs = self.view.log_scopes.iter().filter(|(_, (of, _))| *of == scope).map(|(log, _)| *log);
        let control = logs.filter(|log| self.log_class(log) == Some(Class::Control));
        Some(super::setup::make_welcome(self.store, org, control))
    }

    fn log_class(&self, log: &LogId) -> Option<Class> {
        let row = self.store.get(&keys::log(log))?;
        crate::log::Log::from_bytes(&row).ok().map(|log| log.class)
    }
}

fn feed_key(key: &[u8]) -> Option<(Hlc, EntryId)> {
    let hlc = Hlc(!u64::from_be_bytes(key.get(33..41)?.try_into().ok()?));
    Some((hlc, EntryId::from_slice(key.get(41..)?)?))
}

fn thread_key(key: &[u8]) -> Option<(Hlc, EntryId)> {
    let hlc = Hlc(u64::from_be_bytes(key.get(33..41)?.try_into().ok()?));
    Some((hlc, EntryId::from_slice(key.get(41..)?)?))
}
