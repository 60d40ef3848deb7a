//! What entries mean: rows that any order of arrival leaves the same (INV-01), for valid entries only.

use super::effect::{Effect, Notice};
use super::view::version_of;
use super::{Cx, Engine};
use crate::clock::Hlc;
use crate::control::op::kind as control_kind;
use crate::control::registry::OrgState;
use crate::control::table::Act;
use crate::control::{Standing, Verdict};
use crate::entry::Entry;
use crate::group::keeping;
use crate::group::{Attachment, DataOp, Outside, Version, kind};
use crate::ids::{EntryId, GroupId, LogId, NodeId, ScopeId, UserId};
use crate::store::Direction;
use crate::store::keys::{self, Key, table};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Verdicts asked before, by person, frontier and act.
pub(crate) type Memo = BTreeMap<(UserId, Vec<EntryId>, Act), Standing>;

/// Verdicts kept per group: a few per person and change of the rights.
const MEMO_MAX: usize = 4_096;

/// The row of a file that is to be here; that of one wanted on demand is longer.
const ALWAYS_WANTED_BYTES: usize = 40;

/// Feed row: written by a person, or from outside.
pub(crate) const FEED_PEOPLE: u8 = 0;
/// See [`FEED_PEOPLE`].
pub(crate) const FEED_AUTOMATIC: u8 = 1;

/// What a person must be allowed for an entry of this kind; `None` for what the node itself does.
pub(crate) fn act_of(of_kind: u16) -> Option<Act> {
    match of_kind {
        kind::POST => Some(Act::Post),
        kind::COMMENT | kind::PAGE_COMMENT | kind::PAGE_SETTLE => Some(Act::Comment),
        kind::EDIT | kind::DELETE => Some(Act::EditOwn),
        kind::REACT => Some(Act::React),
        kind::SOURCE_SET | kind::SOURCE_REMOVE => Some(Act::ManageSources),
        kind::PAGE | kind::PAGE_NAME | kind::PAGE_CHANGE => Some(Act::Post),
        kind::FOLDER..=kind::FILE_PLACE => Some(Act::Post),
        kind::PAGE_TRASH | kind::SPACE_TRASH => Some(Act::EditOwn),
        _ => None,
    }
}

/// A data entry with where it stands.
pub(crate) struct Placed<'a> {
    pub(crate) log: LogId,
    pub(crate) node: NodeId,
    pub(crate) ctl: &'a [EntryId],
    pub(crate) entry: &'a Entry,
}

impl Engine {
    pub(crate) fn view_mut(&mut self) -> &mut super::view::View {
        Arc::make_mut(&mut self.view)
    }

    // --- rights ---------------------------------------------------------------------------------------------------

    pub(crate) fn mark_group_stale(&mut self, group: GroupId, of_kind: u16) {
        if let Some(group) = self.groups.get_mut(&group) {
            group.stale = true;
            group.refold |= !matches!(
                of_kind,
                control_kind::LOG_OPEN | control_kind::SEE | control_kind::GROUP_CREATE | control_kind::JOIN
            );
        }
    }

    /// Groups rest on the organisation. Most of its changes are people and nodes arriving, which changes nothing
    /// for what was written before.
    pub(crate) fn mark_org_stale(&mut self, of_kind: u16) {
        self.org_stale = true;
        let narrow = matches!(
            of_kind,
            control_kind::LOG_OPEN
                | control_kind::SEE
                | control_kind::SITE_SET
                | control_kind::USER_REGISTER
                | control_kind::NODE_ADMIT
                | control_kind::NODE_SUSPEND
                | control_kind::NODE_RESUME
                | control_kind::USER_KEY
        );
        for group in self.groups.values_mut() {
            group.stale = true;
            group.refold |= !narrow;
        }
    }

    pub(crate) fn evaluate_all(&mut self) {
        self.org_stale = true;
        for group in self.groups.values_mut() {
            group.stale = true;
        }
        self.evaluate_states();
    }

    /// Evaluates what changed; answers the groups whose state is new. Where a group's sites changed, what is to be fetched
    /// or given changed too: every peer is compared with soon.
    fn evaluate_states(&mut self) -> Vec<GroupId> {
        let Some(org) = &self.org else { return Vec::new() };
        if std::mem::take(&mut self.org_stale) {
            self.digests.rights_changed();
            let state = OrgState::evaluate(org.id, &org.history);
            Arc::make_mut(&mut self.view).state = Some(Arc::new(state));
            let history = &org.history;
            for group in self.groups.values_mut() {
                if group.history.retry(&|id| history.contains(id)) {
                    group.stale = true;
                    group.refold = true;
                }
            }
        }
        let Some(state) = self.view.state.clone() else { return Vec::new() };
        let mut changed = Vec::new();
        for (id, group) in self.groups.iter_mut().filter(|(_, group)| group.stale) {
            group.stale = false;
            group.memo.clear();
            if let Some(evaluated) = crate::control::grants::GroupState::evaluate(*id, &group.history, &state) {
                self.regrouped |= self.view.group_state(id).is_none_or(|before| before.sites() != evaluated.sites());
                Arc::make_mut(&mut self.view).groups.insert(*id, Arc::new(evaluated));
                changed.push(*id);
            } else if self.view.groups.contains_key(id) {
                // What its creation rests on was withdrawn: it is known again when that comes back.
                Arc::make_mut(&mut self.view).groups.remove(id);
                self.regrouped = true;
                changed.push(*id);
            }
        }
        if !changed.is_empty() {
            self.digests.rights_changed();
        }
        changed
    }

    pub(crate) fn evaluate_stale(&mut self, cx: &mut Cx<'_>) {
        let org_changed = self.org_stale;
        let mut changed: BTreeSet<GroupId> = self.evaluate_states().into_iter().collect();
        // What this node says of a removal bears on what counts: it is judged with it, before anything is folded anew.
        self.answer_removals(cx, &changed);
        changed.extend(self.evaluate_states());
        if let Some(org) = self.org().filter(|_| org_changed) {
            cx.notify(Notice::PeopleChanged);
            cx.notify(Notice::Network);
            self.alarm_equivocations(cx);
            self.take_seals(cx);
            self.retry_pending(cx, GroupId(org.0));
        }
        for group in changed {
            cx.notify(Notice::GroupChanged { group });
            cx.notify(Notice::GroupsChanged);
            if self.groups.get_mut(&group).is_some_and(|group| std::mem::take(&mut group.refold)) {
                self.refold(cx, group);
            } else {
                self.retry_pending(cx, group);
            }
        }
    }

    /// Whether an entry counts. Pure in the control entries held (INV-16).
    pub(crate) fn verdict(&mut self, group: GroupId, placed: &Placed<'_>, act: Act) -> Verdict {
        let Some(state) = self.view.groups.get(&group) else { return Verdict::Pending };
        let Some(org) = self.view.org_state() else { return Verdict::Pending };
        let Some(actor) = placed.entry.header.actor else {
            return Verdict::Void(crate::control::Reason::UnknownUser);
        };
        // Only a node of the person's home at that time vouches, and only up to its own revocation (D3, N3, N4).
        match org.vouched(&placed.node, &actor, placed.ctl, (&placed.log, placed.entry.header.seq)) {
            Verdict::Valid => {}
            other => return other,
        }
        let Some(held) = self.groups.get_mut(&group) else { return Verdict::Pending };
        let key = (actor, placed.ctl.to_vec(), act);
        if !held.memo.contains_key(&key) {
            if held.memo.len() >= MEMO_MAX {
                held.memo.clear();
            }
            let standing = state.standing(&held.history, &actor, placed.ctl, act);
            held.memo.insert(key.clone(), standing);
        }
        held.memo[&key].verdict(&placed.log, placed.entry.header.seq)
    }

    // --- data -----------------------------------------------------------------------------------------------------

    /// Gives a stored data entry its meaning.
    pub(crate) fn fold_data(&mut self, cx: &mut Cx<'_>, scope: ScopeId, placed: &Placed<'_>) {
        let entry = placed.entry;
        if let Some(whole) = keeping::goes_with(entry.header.kind, &entry.header.refs) {
            cx.tx.put(&keys::edit_of(&whole, &entry.id), &[]);
        }
        let Some(body) = &entry.body else { return self.fold_bare(cx, scope, placed) };
        let op = DataOp::decode(entry.header.kind, &body.bytes);
        if let Ok(DataOp::Epoch(op)) = &op {
            // Any member node may make a key; it is used only while its holders are the members (§1.11).
            if op.keys.len() <= crate::limits::EPOCH_NODES_MAX
                && self.share(&placed.node, &scope) == super::serve::Share::All
            {
                self.take_epoch(cx, scope, entry, op);
            }
            return;
        }
        if self.org().map(ScopeId::from) == Some(scope) {
            if let Ok(op) = op {
                self.fold_org_data(cx, placed, op);
            }
            return;
        }
        let group = GroupId::from(scope);
        let Some(op) = op.ok().filter(|op| super::bare::names_its_item(op, &entry.header.refs)) else {
            return cx.tx.put(&keys::void(&group, &entry.id), b"malformed");
        };
        let verdict = match (self.keeping_verdict(group, placed, &op), act_of(entry.header.kind)) {
            (Some(verdict), _) => verdict,
            (None, _) if matches!(op, DataOp::Outside(_) | DataOp::OutsideEdit(_)) => self.outside_verdict(cx, placed),
            (None, Some(act)) => self.verdict(group, placed, act),
            (None, None) => return,
        };
        self.take_verdict(cx, group, placed, op, verdict);
    }

    pub(super) fn take_verdict(
        &mut self,
        cx: &mut Cx<'_>,
        group: GroupId,
        placed: &Placed<'_>,
        op: DataOp,
        verdict: Verdict,
    ) {
        let entry = placed.entry;
        let verdict = match verdict {
            Verdict::Valid if self.is_sealed_off(&*cx.tx, placed) => Verdict::Void(crate::control::Reason::Sealed),
            verdict => verdict,
        };
        if placed.node == self.node() {
            note_undelivered(cx, &group, entry, verdict);
        }
        match verdict {
            Verdict::Valid if self.yields(cx, group, entry) => {}
            Verdict::Valid => {
                self.apply(cx, group, placed, op);
                self.unseal_named(cx, group, &entry.header.refs);
            }
            Verdict::Pending => cx.tx.put(&keys::pending(&EntryId(group.0), &entry.id), &[]),
            Verdict::Void(reason) => cx.tx.put(&keys::void(&group, &entry.id), reason.code().as_bytes()),
        }
    }

    /// An automatic post counts when its source is known and names the writer's site (ruling D7).
    pub(super) fn outside_verdict(&self, cx: &Cx<'_>, placed: &Placed<'_>) -> Verdict {
        let Some(source) = placed.entry.header.refs.first() else {
            return Verdict::Void(crate::control::Reason::UnknownUser);
        };
        match self.source_rank(cx, source, &placed.node) {
            Some(Some(_)) => Verdict::Valid,
            Some(None) => Verdict::Void(crate::control::Reason::NotHome),
            None => Verdict::Pending,
        }
    }

    /// The place of a node's site in a source's order: outer `None` when the source is not known.
    fn source_rank(&self, cx: &Cx<'_>, source: &EntryId, node: &NodeId) -> Option<Option<u32>> {
        let (_, set) = self.source_any(cx, source)?;
        let site = self.view.org_state()?.site_of_node(node)?;
        Some(set.sites.iter().position(|listed| *listed == site).map(|at| at as u32))
    }

    fn fold_org_data(&mut self, cx: &mut Cx<'_>, placed: &Placed<'_>, op: DataOp) {
        if self.is_sealed_off(&*cx.tx, placed) {
            return;
        }
        let version = version_of(placed.entry);
        match op {
            DataOp::Profile(profile) => {
                let user = profile.user;
                // A name comes from the person's home site only.
                let site = self.view.org_state().and_then(|org| org.site_of_node(&placed.node));
                let home = self.view.org_state().and_then(|org| org.user(&user)).map(|user| user.site);
                match home {
                    // The registration has not arrived: what came first must not matter.
                    None => {
                        let scope = placed.entry.header.scope;
                        return cx.tx.put(&keys::pending(&EntryId(scope.0), &placed.entry.id), &[]);
                    }
                    Some(home) if Some(home) != site => return,
                    Some(_) => {}
                }
                // What a newer version, or an erasure, took the place of does not stay (ruling D9).
                let known = self.view.profiles.get(&user).map(|(known, _)| *known);
                if self.view.is_former(&user) {
                    self.supersede(cx, &version.id);
                } else if self.view_mut().take_profile(version, profile) {
                    cx.tx.put(&keys::profile(&user), &version.to_bytes());
                    cx.notify(Notice::PeopleChanged);
                    if let Some(known) = known {
                        self.supersede(cx, &known.id);
                    }
                } else if known.is_some_and(|known| known > version) {
                    self.supersede(cx, &version.id);
                }
            }
            DataOp::ErasePerson(op) => {
                if !self.take_erase_person(cx, placed, &op) {
                    let scope = placed.entry.header.scope;
                    cx.tx.put(&keys::pending(&EntryId(scope.0), &placed.entry.id), &[]);
                    return;
                }
                if self.view.is_former(&op.user)
                    && let Some((known, _)) = self.view_mut().forget_profile(&op.user)
                {
                    cx.tx.delete(&keys::profile(&op.user));
                    self.supersede(cx, &known.id);
                }
            }
            DataOp::Hold(op) => self.take_hold(cx, placed, &op),
            DataOp::Card(card) => {
                let group = card.group;
                if self.view_mut().take_card(version, card) {
                    cx.tx.put(&keys::card(&group), &version.to_bytes());
                    cx.notify(Notice::GroupsChanged);
                }
            }
            _ => {}
        }
    }

    /// Writes the rows of a valid entry.
    fn apply(&mut self, cx: &mut Cx<'_>, group: GroupId, placed: &Placed<'_>, op: DataOp) {
        let entry = placed.entry;
        let (id, hlc, actor) = (entry.id, entry.header.hlc, entry.header.actor);
        let version = version_of(entry);
        let refs = &self.meant(cx, group, &entry.header.refs);
        match (op, actor, refs.first().copied()) {
            (DataOp::Post(post), Some(actor), _) => {
                cx.tx.put(&keys::feed(&group, hlc, &id), &feed_value(FEED_PEOPLE, Some(&actor)));
                self.apply_blobs(cx, group, id, placed.node, &post.attachments);
                cx.notify(Notice::Post { group, post: id });
            }
            (DataOp::Outside(outside), _, Some(source)) => self.apply_outside(cx, group, placed, &outside, source),
            (DataOp::OutsideEdit(outside), ..) => {
                put_newer(cx, &keys::origin_edit(&group, &outside.origin_key), version, &[]);
                if let Some(post) = super::lookup::outside_post(&*cx.tx, &group, &outside.origin_key) {
                    cx.notify(Notice::PostChanged { group, post });
                }
            }
            (DataOp::Erase(erase), Some(_), _) => self.apply_erase(cx, group, placed, &erase),
            (DataOp::Object, Some(_), Some(erasure)) => self.apply_objection(cx, group, placed, erasure),
            (DataOp::Retention(op), Some(_), _) => self.apply_retention(cx, group, entry, &op),
            (DataOp::Comment(_), Some(actor), Some(post)) => {
                cx.tx.put(&keys::thread(&post, hlc, &id), &actor.0);
                cx.notify(Notice::Comment { group, post, comment: id });
            }
            (DataOp::Edit(_), Some(actor), Some(target)) => {
                put_newer(cx, &keys::edit(&target, &actor), version, &[]);
                notify_changed(cx, group, refs);
            }
            (DataOp::Delete, Some(actor), Some(target)) => {
                let moderator = u8::from(self.verdict(group, placed, Act::DeleteAny) == Verdict::Valid);
                put_newer(cx, &keys::delete(&target, &actor), version, &[moderator]);
                if let Some(post) = refs.get(1) {
                    put_newer(cx, &keys::thread_delete(post, &target, &actor), version, &[moderator]);
                }
                notify_changed(cx, group, refs);
            }
            // Any emoji of bounded length is kept: another version may offer more.
            (DataOp::React(react), Some(actor), Some(target))
                if react.emoji.len() <= 32 && !react.emoji.contains('\0') =>
            {
                put_newer(cx, &keys::react(&target, &react.emoji, &actor), version, &[u8::from(react.on)]);
                notify_changed(cx, group, refs);
            }
            (DataOp::Source(_), Some(_), _) => {
                // A removal may have come first.
                if cx.tx.get(&keys::source(&group, &id)).is_none() {
                    cx.tx.put(&keys::source(&group, &id), &[]);
                }
                cx.notify(Notice::Source { group, source: id });
                self.retry_pending(cx, group);
            }
            (DataOp::SourceRemove, Some(_), Some(source)) => {
                put_newer(cx, &keys::source(&group, &source), version, &[]);
                cx.notify(Notice::Source { group, source });
            }
            (op, ..) if matches!(entry.header.kind, kind::FOLDER..=kind::SPACE_TRASH) => {
                self.apply_space(cx, group, placed, op, refs);
            }
            (op, ..) => self.apply_page(cx, group, placed, op, refs.first().copied()),
        }
    }

    pub(super) fn apply_blobs(
        &mut self,
        cx: &mut Cx<'_>,
        group: GroupId,
        post: EntryId,
        node: NodeId,
        files: &[Attachment],
    ) {
        for (at, file) in files.iter().enumerate().take(crate::limits::ATTACHMENTS_MAX) {
            cx.tx.put(&keys::blob(&file.blob, &group, &post), &(at as u32).to_be_bytes());
            cx.tx.put(&keys::post_blob(&post, &file.blob), &[]);
            cx.tx.delete(&keys::unused(&file.blob));
            // What was wanted on demand only is wanted now.
            let due = |row: Option<Vec<u8>>| row.is_none_or(|row| row.len() > ALWAYS_WANTED_BYTES);
            if node != self.node() && due(cx.tx.get(&keys::wanted(&file.blob))) {
                let mut value = file.size.to_be_bytes().to_vec();
                value.extend_from_slice(&group.0);
                cx.tx.put(&keys::wanted(&file.blob), &value);
                cx.effects.push(Effect::FetchBlob { blob: file.blob, size: file.size, group });
            }
        }
    }

    /// Of twins of one item the lowest (rank of the site, entry) is shown (ruling D7).
    fn apply_outside(
        &mut self,
        cx: &mut Cx<'_>,
        group: GroupId,
        placed: &Placed<'_>,
        outside: &Outside,
        source: EntryId,
    ) {
        let entry = placed.entry;
        let origin_key = outside.origin_key;
        let rank = self.source_rank(cx, &source, &placed.node).flatten().unwrap_or(u32::MAX);
        let (from, to) = Key::of(table::ORIGIN).and(group).and(origin_key).prefix();
        let before = cx.tx.range(&from, &to, 1, Direction::Forward).pop();
        let key = keys::origin(&group, &origin_key, rank, &entry.id);
        let wins = before.as_ref().is_none_or(|(winner, _)| key <= *winner);
        cx.tx.put(&key, &entry.header.hlc.0.to_be_bytes());
        if !wins {
            return;
        }
        if let Some((winner, hlc)) = before.filter(|(winner, _)| *winner != key) {
            let id = EntryId::from_slice(&winner[winner.len() - 32..]).unwrap_or(super::view::NO_ENTRY);
            let hlc = Hlc(u64::from_be_bytes(hlc.try_into().unwrap_or_default()));
            cx.tx.delete(&keys::feed(&group, hlc, &id));
            // It may have come by another feed.
            let brought_by = super::lookup::Found::of(&*cx.tx, &id).and_then(|found| found.refs.first().copied());
            cx.tx.delete(&keys::source_item(&brought_by.unwrap_or(source), &id));
        }
        cx.tx.put(&keys::feed(&group, entry.header.hlc, &entry.id), &feed_value(FEED_AUTOMATIC, None));
        cx.tx.put(&keys::source_item(&source, &entry.id), &[]);
        cx.notify(Notice::Post { group, post: entry.id });
    }
}

/// Own entries that do not count are shown to their authors (G13).
fn note_undelivered(cx: &mut Cx<'_>, group: &GroupId, entry: &Entry, verdict: Verdict) {
    let Some(user) = entry.header.actor else { return };
    let key = keys::undelivered(&user, entry.header.hlc, &entry.id);
    let before = cx.tx.get(&key);
    match verdict {
        Verdict::Void(reason) => {
            let mut value = group.0.to_vec();
            value.extend_from_slice(reason.code().as_bytes());
            if before.as_ref() != Some(&value) {
                cx.tx.put(&key, &value);
                cx.notify(Notice::NotDelivered { user });
            }
        }
        Verdict::Valid | Verdict::Pending if before.is_some() => {
            cx.tx.delete(&key);
            cx.notify(Notice::NotDelivered { user });
        }
        Verdict::Valid | Verdict::Pending => {}
    }
}

fn feed_value(of: u8, actor: Option<&UserId>) -> Vec<u8> {
    let mut value = vec![of];
    value.extend_from_slice(actor.map_or(&[][..], |actor| &actor.0));
    value
}

/// Sets a register if this version is the newest.
pub(super) fn put_newer(cx: &mut Cx<'_>, key: &[u8], version: Version, rest: &[u8]) {
    let newest = cx.tx.get(key).and_then(|row| Version::from_bytes(&row));
    if newest.is_none_or(|newest| newest < version) {
        let mut value = version.to_bytes().to_vec();
        value.extend_from_slice(rest);
        cx.tx.put(key, &value);
    }
}

/// The first reference is the target; a second one is the post of a comment.
fn notify_changed(cx: &mut Cx<'_>, group: GroupId, refs: &[EntryId]) {
    match *refs {
        [_, page, ..] if super::lookup::page_row(&*cx.tx, &group, &page).is_some() => {
            cx.notify(Notice::PageComment { group, page });
        }
        [comment, post, ..] => cx.notify(Notice::CommentChanged { group, post, comment }),
        [post] => cx.notify(Notice::PostChanged { group, post }),
        [] => {}
    }
}
