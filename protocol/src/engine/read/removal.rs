//! Removals, and which sites have confirmed that they know of them: a site's newest signed statement over the scope covers
//! the entry that removes. What a removed site holds already, nobody can take back; the screen says so.

use super::Reader;
use crate::control::Reason;
use crate::control::grants::RemovalRecord;
use crate::control::registry::NodeRemoval;
use crate::control::table::Act;
use crate::engine::lookup::{Found, place_of};
use crate::engine::query::{DeliveryLine, RemovalView};
use crate::ids::{EntryId, GroupId, NodeId, ScopeId, SiteId, UserId};
use crate::store::Direction;
use crate::store::keys::{Key, table};
use std::collections::BTreeSet;

/// Entries looked at to count what a removal leaves out: beyond, "at least so many" is enough.
const VOIDS_READ_MAX: usize = 2_000;
/// Removals shown of one group, the newest.
const REMOVALS_MAX: usize = 200;

impl Reader<'_> {
    /// The removals from a group, the newest first, for those who may remove.
    pub fn group_removals(&self, viewer: UserId, group: GroupId) -> Option<Vec<RemovalView>> {
        let state = self.readable(&viewer, &group)?;
        if state.may_now(&viewer, Act::Remove).is_err() {
            return Some(Vec::new());
        }
        let records = state.removals().iter().filter(|record| record.is_revocation);
        let mut views: Vec<RemovalView> = records.flat_map(|record| self.of_group(group, record)).collect();
        views.sort_by_key(|view| std::cmp::Reverse((view.at, view.id)));
        views.truncate(REMOVALS_MAX);
        Some(views)
    }

    fn of_group(&self, group: GroupId, record: &RemovalRecord) -> Vec<RemovalView> {
        let Some(found) = Found::of(self.store, &record.entry) else { return Vec::new() };
        let scope = ScopeId::from(group);
        let mut sites: BTreeSet<SiteId> =
            self.view.group_state(&group).map(|state| state.sites().clone()).unwrap_or_default();
        let org = self.view.org_state();
        let home = |user: &UserId| org.and_then(|org| org.user(user)).map(|user| user.site);
        sites.extend(record.users.iter().filter_map(home));
        let void = self.voids_of(group, Reason::Removed);
        record
            .users
            .iter()
            .map(|person| RemovalView {
                id: record.entry,
                group: Some(group),
                person: Some(*person),
                site: home(person),
                node: None,
                by: record.by,
                at: found.hlc.millis(),
                reason: String::new(),
                in_force: true,
                signed: record.by.into_iter().collect(),
                needed: 1,
                sites: self.confirmed(&scope, &record.entry, &sites),
                not_counted: void.iter().filter(|author| *author == person).count(),
            })
            .collect()
    }

    /// Authors of a group's entries that do not count for this reason.
    fn voids_of(&self, group: GroupId, reason: Reason) -> Vec<UserId> {
        let (from, to) = Key::of(table::VOID).and(group).prefix();
        let rows = self.store.range(&from, &to, VOIDS_READ_MAX, Direction::Forward);
        rows.iter()
            .filter(|(_, code)| code == reason.code().as_bytes())
            .filter_map(|(key, _)| Found::of(self.store, &EntryId::from_slice(&key[33..])?)?.actor)
            .collect()
    }

    /// By which a person is disabled, for whom the caller has let in.
    pub fn person_removals(&self, person: UserId) -> Vec<RemovalView> {
        let (Some(state), Some(org)) = (self.view.org_state(), self.view.org) else { return Vec::new() };
        let sites = self.serving_sites();
        let views = state.disablings(&person).into_iter().filter_map(|entry| {
            let found = Found::of(self.store, &entry)?;
            Some(RemovalView {
                id: entry,
                group: None,
                person: Some(person),
                site: state.user(&person).map(|user| user.site),
                node: None,
                by: found.actor,
                at: found.hlc.millis(),
                reason: String::new(),
                in_force: true,
                signed: found.actor.into_iter().collect(),
                needed: 1,
                sites: self.confirmed(&ScopeId::from(org), &entry, &sites),
                not_counted: 0,
            })
        });
        views.collect()
    }

    /// Revocations of nodes, in force or proposed, the newest first. The caller has let the viewer in.
    pub fn node_removals(&self) -> Vec<RemovalView> {
        let (Some(state), Some(org)) = (self.view.org_state(), self.view.org) else { return Vec::new() };
        let mut views: Vec<RemovalView> =
            state.node_removals().into_iter().filter_map(|removal| self.of_node(org.into(), removal)).collect();
        views.sort_by_key(|view| std::cmp::Reverse((view.at, view.id)));
        views
    }

    fn of_node(&self, scope: ScopeId, removal: NodeRemoval) -> Option<RemovalView> {
        let found = Found::of(self.store, &removal.entry)?;
        let site = self.view.org_state()?.site_of_node(&removal.node);
        let mut sites = self.serving_sites();
        sites.extend(site);
        // The last of the entries by which it holds is what a site must know.
        let entry = removal.effective.last().copied().unwrap_or(removal.entry);
        let void: usize = self.view.groups.keys().map(|group| self.voids_by_node(*group, removal.node)).sum();
        Some(RemovalView {
            id: removal.entry,
            group: None,
            person: None,
            site,
            node: Some(removal.node),
            by: found.actor,
            at: found.hlc.millis(),
            reason: removal.reason,
            in_force: removal.in_force,
            signed: removal.signed,
            needed: removal.needed,
            sites: self.confirmed(&scope, &entry, &sites),
            not_counted: void,
        })
    }

    fn voids_by_node(&self, group: GroupId, node: NodeId) -> usize {
        let (from, to) = Key::of(table::VOID).and(group).prefix();
        let rows = self.store.range(&from, &to, VOIDS_READ_MAX, Direction::Forward);
        rows.iter()
            .filter(|(_, code)| code == Reason::NodeRevoked.code().as_bytes())
            .filter_map(|(key, _)| place_of(self.store, &EntryId::from_slice(&key[33..])?))
            .filter(|(log, _)| self.view.log_scopes.get(log).is_some_and(|(_, of)| *of == node))
            .count()
    }

    /// Sites with a node that belongs.
    fn serving_sites(&self) -> BTreeSet<SiteId> {
        let Some(state) = self.view.org_state() else { return BTreeSet::new() };
        state.connectable().filter_map(|node| state.site_of_node(&node)).collect()
    }

    /// Of each site, whether a node of it has stated to hold this entry of a scope, and when first, as far as known.
    fn confirmed(&self, scope: &ScopeId, entry: &EntryId, sites: &BTreeSet<SiteId>) -> Vec<DeliveryLine> {
        let Some((log, seq)) = place_of(self.store, entry) else { return Vec::new() };
        let own = self.view.own_site();
        let line = |site: &SiteId| {
            let received = Some(*site) == own || self.view.stated_height(scope, site, &log) > seq;
            let at = self.first_stated(scope, site, &log, seq).filter(|_| received);
            DeliveryLine { site: *site, received, at }
        };
        self.by_name(sites.iter().copied().collect()).iter().map(line).collect()
    }
}
