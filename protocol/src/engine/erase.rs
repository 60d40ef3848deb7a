//! Erasures: who may ask for them, what they hide, when what they name must be gone (`docs/protocol.md` "Forgetting").
//!
//! 1. An erasure in force hides at once. What it names is wiped when it is due (`forget.rs`), or never stored when it
//!    arrives later.
//! 2. Everything here is a function of the entries held, the control history and, for what waits 72 hours, the time.

use super::effect::Notice;
use super::fold::Placed;
use super::lookup::Found;
use super::view::version_of;
use super::{Cx, Engine};
use crate::clock::{Hlc, Millis};
use crate::control::table::Act;
use crate::control::{Reason, Verdict};
use crate::entry::Entry;
use crate::group::keeping::{Erase, ErasePerson, Hold, Power, Retention, goes_with, is_content, is_shared};
use crate::group::{DataOp, Version, kind};
use crate::ids::{EntryId, GroupId, ScopeId, SiteId, UserId};
use crate::limits::OBJECTION_MS;
use crate::store::keys::{self, Key, table};
use crate::store::{Direction, Store};
use std::sync::Arc;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Facilitators' erasures of one target looked at: one counts, more are repeats.
const NAMED_MAX: usize = 64;

/// An erasure's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// What it rests on; `None` when it is a person's.
    pub power: Option<Power>,
    /// When it was asked for.
    pub hlc: Hlc,
    /// The site that asked for it.
    pub site: SiteId,
    /// Carried out here.
    pub done: bool,
}

impl Row {
    /// The stored form.
    pub(crate) fn to_bytes(self) -> [u8; 26] {
        let mut out = [0; 26];
        out[0] = self.power.map_or(3, |power| power as u8);
        out[1..9].copy_from_slice(&self.hlc.0.to_be_bytes());
        out[9] = u8::from(self.done);
        out[10..].copy_from_slice(&self.site.0);
        out
    }

    /// Reads the stored form.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let power = match bytes.first()? {
            0 => Some(Power::Author),
            1 => Some(Power::Facilitator),
            2 => Some(Power::Admin),
            _ => None,
        };
        let hlc = Hlc(u64::from_be_bytes(bytes.get(1..9)?.try_into().ok()?));
        Some(Self { power, hlc, site: SiteId::from_slice(bytes.get(10..)?)?, done: bytes.get(9) == Some(&1) })
    }

    /// From when on the bytes must be gone.
    pub fn due(&self) -> Millis {
        due(self.power, self.hlc)
    }
}

fn due(power: Option<Power>, hlc: Hlc) -> Millis {
    let wait = if power == Some(Power::Facilitator) { OBJECTION_MS } else { 0 };
    Millis(hlc.millis().0 + wait)
}

/// A person whose erasure is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Former {
    /// Words up to this moment are gone too.
    pub(crate) words_until: Option<Hlc>,
}

/// Whether an objection to an erasure counts: an owner's, or an admin's of another site than the one that asked for it.
pub fn is_objected(store: &dyn Store, erasure: &EntryId, asked_by: &SiteId) -> bool {
    let (from, to) = Key::of(table::OBJECTED).and(erasure).prefix();
    let rows = store.range(&from, &to, NAMED_MAX, Direction::Forward);
    rows.iter().any(|(_, value)| value.first() == Some(&1) || value.get(1..) != Some(&asked_by.0[..]))
}

/// From when on an entry's body must be gone because an erasure names it; `None` when none does.
pub(crate) fn named_due(
    store: &dyn Store,
    scope: &ScopeId,
    target: &EntryId,
    author: Option<&UserId>,
) -> Option<Millis> {
    let first = |key: Key, power, max: usize| {
        let (from, to) = key.prefix();
        let rows = store.range(&from, &to, max, Direction::Forward);
        rows.into_iter().find_map(|(key, value)| {
            let erasure = EntryId::from_slice(key.get(key.len().checked_sub(32)?..)?)?;
            let (hlc, site) = value.split_first_chunk::<8>()?;
            let hlc = Hlc(u64::from_be_bytes(*hlc));
            let objected = power == Power::Facilitator && is_objected(store, &erasure, &SiteId::from_slice(site)?);
            (!objected).then(|| due(Some(power), hlc))
        })
    };
    let of = |power: Power| Key::of(table::ERASED).and(target).and([power as u8]).and(scope);
    let own = author.and_then(|author| first(of(Power::Author).and(author), Power::Author, 1));
    let law = first(of(Power::Admin), Power::Admin, 1);
    let moderated = || first(of(Power::Facilitator), Power::Facilitator, NAMED_MAX);
    own.into_iter().chain(law).min().or_else(moderated)
}

fn is_past(days: u32, hlc: Hlc, now: Millis) -> bool {
    hlc.millis().0.saturating_add(u64::from(days) * DAY_MS) <= now.0
}

/// A node stated anew what it holds of a scope: who has carried out its erasures may have changed.
pub(crate) fn confirmed(cx: &mut Cx<'_>, scope: &ScopeId) {
    let (from, to) = Key::of(table::ERASE).and(scope).prefix();
    if !cx.tx.range(&from, &to, 1, Direction::Forward).is_empty() {
        cx.notify(Notice::Erasures);
    }
}

impl Engine {
    // --- what must be gone ----------------------------------------------------------------------------------------

    /// Whether the body of an entry must not stand on the disk now. A legal hold wins over everything.
    pub(crate) fn is_doomed(&self, store: &dyn Store, scope: &ScopeId, entry: &Entry, now: Millis) -> bool {
        let held = self.view.is_held_for_law(&GroupId::from(*scope));
        self.is_doomed_on_arrival(store, scope, entry, now)
            || (is_shared(entry.header.kind) && !held && self.is_shared_expired(store, scope, entry, now))
    }

    /// The same for what just arrives: of a page or file it is not known yet when somebody last wrote in it.
    pub(crate) fn is_doomed_on_arrival(&self, store: &dyn Store, scope: &ScopeId, entry: &Entry, now: Millis) -> bool {
        let header = &entry.header;
        if !is_content(header.kind) || self.view.is_held_for_law(&GroupId::from(*scope)) {
            return false;
        }
        let whole = goes_with(header.kind, &header.refs);
        let named = [Some(entry.id), whole].into_iter().flatten().filter(|target| self.view.erased.contains(target));
        let mut dues = named.filter_map(|target| named_due(store, scope, &target, header.actor.as_ref()));
        dues.any(|due| due <= now)
            || (!is_shared(header.kind)
                && (header.actor.is_some_and(|actor| self.view.is_former_word(&actor, header.hlc))
                    || self.is_expired(scope, entry, header.hlc, now)))
    }

    /// Whether something of this age is older than its group, or this site, keeps.
    pub(crate) fn is_old(&self, scope: &ScopeId, hlc: Hlc, now: Millis) -> bool {
        self.view.keep_days(&GroupId::from(*scope)).is_some_and(|days| is_past(days, hlc, now))
    }

    /// Whether an entry's words go by age: everywhere by the group's rule; by this site's own rule only the words of other
    /// sites, of which two are known to hold them, so that no site's thrift loses anything.
    fn is_expired(&self, scope: &ScopeId, entry: &Entry, hlc: Hlc, now: Millis) -> bool {
        let group = GroupId::from(*scope);
        self.view.retention_days(&group).is_some_and(|days| is_past(days, hlc, now))
            || (self.is_old(scope, hlc, now) && self.others_hold(scope, &entry.log(), entry.header.seq))
    }

    /// A page or a file goes by age as a whole, when nobody has done anything with it for so long, and not while some of it
    /// may be on its way.
    fn is_shared_expired(&self, store: &dyn Store, scope: &ScopeId, entry: &Entry, now: Millis) -> bool {
        let group = GroupId::from(*scope);
        let edited = self.page_edited(store, &group, entry).or_else(|| super::space::file_edited(store, &group, entry));
        !self.view.filling.contains_key(scope) && edited.is_some_and(|hlc| self.is_expired(scope, entry, hlc, now))
    }

    // --- who may --------------------------------------------------------------------------------------------------

    /// Whether what somebody decided about keeping counts; `None` for other operations.
    pub(crate) fn keeping_verdict(&mut self, group: GroupId, placed: &Placed<'_>, op: &DataOp) -> Option<Verdict> {
        match op {
            DataOp::Erase(erase) => Some(match erase.power {
                Power::Author => self.verdict(group, placed, Act::EditOwn),
                Power::Facilitator => self.verdict(group, placed, Act::EraseAny),
                Power::Admin => self.admin_verdict(placed),
            }),
            DataOp::Object => Some(match self.verdict(group, placed, Act::Keep) {
                Verdict::Void(reason) => match self.admin_verdict(placed) {
                    Verdict::Void(_) => Verdict::Void(reason),
                    other => other,
                },
                other => other,
            }),
            DataOp::Retention(_) => Some(self.verdict(group, placed, Act::Keep)),
            _ => None,
        }
    }

    /// Whether the author was an admin for who wrote this, and is one still.
    fn admin_verdict(&self, placed: &Placed<'_>) -> Verdict {
        let Some(org) = self.view.org_state() else { return Verdict::Pending };
        let Some(actor) = placed.entry.header.actor else { return Verdict::Void(Reason::UnknownUser) };
        match org.vouched(&placed.node, &actor, placed.ctl, (&placed.log, placed.entry.header.seq)) {
            Verdict::Valid if org.is_admin(&actor) && org.was_admin_at(&actor, placed.ctl) => Verdict::Valid,
            Verdict::Valid => Verdict::Void(Reason::NotAdmin),
            other => other,
        }
    }

    // --- what it does ---------------------------------------------------------------------------------------------

    /// Writes the rows of a valid erasure.
    pub(crate) fn apply_erase(&mut self, cx: &mut Cx<'_>, group: GroupId, placed: &Placed<'_>, erase: &Erase) {
        let (entry, scope) = (placed.entry, ScopeId::from(group));
        let Some(actor) = entry.header.actor else { return };
        let Some(site) = self.view.org_state().and_then(|org| org.site_of_node(&placed.node)) else { return };
        let value = [&entry.header.hlc.0.to_be_bytes()[..], &site.0].concat();
        for target in &entry.header.refs {
            cx.tx.put(&erased_key(target, erase.power, &scope, &actor, &entry.id), &value);
            Arc::make_mut(&mut self.view_mut().erased).insert(*target);
            notify_target(cx, group, target);
        }
        self.note_erasure(cx, scope, entry, Some(erase.power), site);
    }

    /// Remembers that an erasure is to be carried out here.
    fn note_erasure(&mut self, cx: &mut Cx<'_>, scope: ScopeId, entry: &Entry, power: Option<Power>, site: SiteId) {
        let row = Row { power, hlc: entry.header.hlc, site, done: false };
        cx.tx.put(&keys::erase(&scope, &entry.id), &row.to_bytes());
        self.unerased.entry(scope).or_default().insert(entry.id);
        self.unstated.insert(scope);
        self.erase_soon = true;
        cx.notify(Notice::Erasures);
    }

    /// Takes a valid objection: what was hidden shows again.
    pub(crate) fn apply_objection(&mut self, cx: &mut Cx<'_>, group: GroupId, placed: &Placed<'_>, erasure: EntryId) {
        let owner = self.verdict(group, placed, Act::Keep) == Verdict::Valid;
        let Some(site) = self.view.org_state().and_then(|org| org.site_of_node(&placed.node)) else { return };
        let mut value = vec![u8::from(owner)];
        value.extend_from_slice(&site.0);
        cx.tx.put(&keys::objected(&erasure, &placed.entry.id), &value);
        for target in Found::of(&*cx.tx, &erasure).map(|found| found.refs).unwrap_or_default() {
            notify_target(cx, group, &target);
        }
        self.erase_soon = true;
        cx.notify(Notice::Erasures);
    }

    /// Takes a valid rule of how long a group keeps.
    pub(crate) fn apply_retention(&mut self, cx: &mut Cx<'_>, group: GroupId, entry: &Entry, op: &Retention) {
        let version = version_of(entry);
        let known = self.view.retention.get(&group).map(|(known, _)| *known);
        if known.is_none_or(|known| known < version) {
            cx.tx.put(&keys::retention(&group), &retention_row(version, op.days));
            self.view_mut().retention.insert(group, (version, op.days));
            self.sweep_soon();
            cx.notify(Notice::GroupChanged { group });
        }
    }

    /// Takes an erasure of a person, which counts when it comes from the person's home site or an admin. False when the
    /// person is not known yet.
    pub(crate) fn take_erase_person(&mut self, cx: &mut Cx<'_>, placed: &Placed<'_>, op: &ErasePerson) -> bool {
        let Some(org) = self.view.org_state() else { return false };
        let Some(home) = org.user(&op.user).map(|user| user.site) else { return false };
        let Some(site) = org.site_of_node(&placed.node) else { return false };
        if site != home && self.admin_verdict(placed) != Verdict::Valid {
            return true;
        }
        let entry = placed.entry;
        let key = former_key(&op.user, &entry.id);
        let mut value = entry.header.hlc.0.to_be_bytes().to_vec();
        value.push(u8::from(op.content));
        cx.tx.put(&key, &value);
        self.view_mut().note_former(op.user, op.content.then_some(entry.header.hlc));
        self.note_erasure(cx, entry.header.scope, entry, None, site);
        cx.notify(Notice::PeopleChanged);
        true
    }

    /// Takes a legal hold, which counts when it comes from an admin.
    pub(crate) fn take_hold(&mut self, cx: &mut Cx<'_>, placed: &Placed<'_>, op: &Hold) {
        let version = version_of(placed.entry);
        let known = self.view.holds.get(&op.group).map(|(known, _)| *known);
        if self.admin_verdict(placed) == Verdict::Valid && known.is_none_or(|known| known < version) {
            let mut value = version.to_bytes().to_vec();
            value.push(u8::from(op.on));
            cx.tx.put(&keys::hold(&op.group), &value);
            self.view_mut().holds.insert(op.group, (version, op.on));
            self.erase_soon = true;
            self.sweep_soon();
            cx.notify(Notice::GroupChanged { group: op.group });
            cx.notify(Notice::Erasures);
        }
    }

    /// Reads back what is in force and what is still to be done.
    pub(crate) fn load_erasures(&mut self, store: &dyn Store) {
        let rows = |of: u8| {
            let (from, to) = Key::of(of).prefix();
            store.range(&from, &to, usize::MAX, Direction::Forward)
        };
        for (key, value) in rows(table::ERASE) {
            let (Some(scope), Some(id)) = (ScopeId::from_slice(&key[1..33]), EntryId::from_slice(&key[33..])) else {
                continue;
            };
            if Row::from_bytes(&value).is_some_and(|row| !row.done) {
                self.unerased.entry(scope).or_default().insert(id);
                self.erase_soon = true;
            }
        }
        let (targets, former, holds, retention) =
            (rows(table::ERASED), rows(table::FORMER), rows(table::HOLD), rows(table::RETENTION));
        let view = self.view_mut();
        Arc::make_mut(&mut view.erased)
            .extend(targets.iter().filter_map(|(key, _)| EntryId::from_slice(key.get(1..33)?)));
        for (key, value) in former {
            let hlc = value.get(..8).and_then(|bytes| Some(Hlc(u64::from_be_bytes(bytes.try_into().ok()?))));
            if let (Some(user), Some(hlc)) = (key.get(1..17).and_then(UserId::from_slice), hlc) {
                view.note_former(user, (value.get(8) == Some(&1)).then_some(hlc));
            }
        }
        for (key, value) in holds {
            if let (Some(group), Some(version)) = (GroupId::from_slice(&key[1..]), Version::from_bytes(&value)) {
                view.holds.insert(group, (version, value.get(40) == Some(&1)));
            }
        }
        for (key, value) in retention {
            if let (Some(group), Some(version)) = (GroupId::from_slice(&key[1..]), Version::from_bytes(&value)) {
                let days = value.get(40..44).and_then(|days| Some(u32::from_be_bytes(days.try_into().ok()?)));
                view.retention.insert(group, (version, days.filter(|days| *days > 0)));
            }
        }
    }
}

/// Key of what an erasure names. Power, scope and author stand in it, so that one look finds what counts.
fn erased_key(target: &EntryId, power: Power, scope: &ScopeId, actor: &UserId, erasure: &EntryId) -> Vec<u8> {
    Key::of(table::ERASED).and(target).and([power as u8]).and(scope).and(actor).and(erasure).done()
}

/// Key of a person's erasure.
fn former_key(user: &UserId, erasure: &EntryId) -> Vec<u8> {
    Key::of(table::FORMER).and(user).and(erasure).done()
}

/// Removes the rows of an erasure or objection before its group is folded anew.
pub(crate) fn unapply(cx: &mut Cx<'_>, entry: &Entry) {
    let (header, Some(actor)) = (&entry.header, entry.header.actor) else { return };
    match header.kind {
        kind::ERASE => {
            cx.tx.delete(&keys::erase(&header.scope, &entry.id));
            for target in &header.refs {
                for power in [Power::Author, Power::Facilitator, Power::Admin] {
                    cx.tx.delete(&erased_key(target, power, &header.scope, &actor, &entry.id));
                }
            }
        }
        kind::OBJECT => {
            if let Some(erasure) = header.refs.first() {
                cx.tx.delete(&keys::objected(erasure, &entry.id));
            }
        }
        _ => {}
    }
}

fn retention_row(version: Version, days: Option<u32>) -> Vec<u8> {
    let mut value = version.to_bytes().to_vec();
    value.extend_from_slice(&days.unwrap_or(0).to_be_bytes());
    value
}

/// Tells browsers that a post or comment looks different now.
pub(crate) fn notify_target(cx: &mut Cx<'_>, group: GroupId, target: &EntryId) {
    match Found::of(&*cx.tx, target) {
        Some(found) if found.kind == kind::COMMENT => {
            if let Some(post) = found.refs.first() {
                cx.notify(Notice::CommentChanged { group, post: *post, comment: *target });
            }
        }
        Some(found) if found.kind == kind::PAGE_COMMENT => {
            if let Some(page) = found.refs.first() {
                cx.notify(Notice::PageComment { group, page: *page });
            }
        }
        Some(found) if found.kind == kind::PAGE => cx.notify(Notice::Page { group, page: *target }),
        Some(found) if matches!(found.kind, kind::FOLDER..=kind::SPACE_TRASH) => {
            let item = super::space::item_of(found.kind, *target, &found.refs);
            cx.notify(Notice::Space { group, item });
        }
        Some(_) => cx.notify(Notice::PostChanged { group, post: *target }),
        None => {}
    }
}
