//! Erasures and how far each site has come with them, by signed statements only.

use super::Reader;
use crate::control::registry::NodeStatus;
use crate::engine::erase::{Row, is_objected};
use crate::engine::lookup::Found;
use crate::engine::query::{ErasureLine, ErasureOf, ErasureState, ErasureView};
use crate::group::keeping::Power;
use crate::group::{DataOp, kind};
use crate::ids::{EntryId, GroupId, ScopeId, SiteId};
use crate::store::Direction;
use crate::store::keys::{Key, table};
use std::cmp::Reverse;

impl Reader<'_> {
    /// The newest erasures, as far as this site holds their groups.
    pub fn erasures(&self, max: usize) -> Vec<ErasureView> {
        let (from, to) = Key::of(table::ERASE).prefix();
        let mut rows: Vec<(ScopeId, EntryId, Row)> = self
            .store
            .range(&from, &to, usize::MAX, Direction::Forward)
            .iter()
            .filter_map(|(key, value)| {
                let (scope, id) = (ScopeId::from_slice(key.get(1..33)?)?, EntryId::from_slice(key.get(33..)?)?);
                Some((scope, id, Row::from_bytes(value)?))
            })
            .collect();
        rows.sort_by_key(|(_, id, row)| Reverse((row.hlc, *id)));
        rows.truncate(max);
        rows.into_iter().filter_map(|(scope, id, row)| self.erasure_in(scope, id, row)).collect()
    }

    /// The erasure that names a target, if one does.
    pub fn erasure_of(&self, target: EntryId) -> Option<EntryId> {
        let (from, to) = Key::of(table::ERASED).and(target).prefix();
        let rows = self.store.range(&from, &to, 1, Direction::Forward);
        rows.first().and_then(|(key, _)| EntryId::from_slice(key.get(key.len().checked_sub(32)?..)?))
    }

    /// One erasure.
    pub fn erasure(&self, id: EntryId) -> Option<ErasureView> {
        let found = Found::of(self.store, &id)?;
        let scope = self.view.log_scopes.get(&found.log)?.0;
        let row = Row::from_bytes(&self.store.get(&crate::store::keys::erase(&scope, &id))?)?;
        self.erasure_in(scope, id, row)
    }

    fn erasure_in(&self, scope: ScopeId, id: EntryId, row: Row) -> Option<ErasureView> {
        let found = Found::of(self.store, &id)?;
        let group = row.power.is_some().then_some(GroupId::from(scope));
        let (of, reason) = match DataOp::decode(found.kind, found.body.as_deref()?).ok()? {
            DataOp::Erase(erase) => {
                let target = found.refs.first().and_then(|target| Found::of(self.store, target));
                let of = match target.map(|target| target.kind) {
                    Some(kind::COMMENT | kind::PAGE_COMMENT) => ErasureOf::Comment,
                    Some(kind::PAGE) => ErasureOf::Page,
                    Some(kind::FILE) => ErasureOf::File,
                    _ => ErasureOf::Post,
                };
                (of, erase.reason)
            }
            DataOp::ErasePerson(erase) => (ErasureOf::Person, erase.reason),
            _ => return None,
        };
        let sites: Vec<ErasureLine> =
            self.sites_of(group.as_ref()).map(|site| self.line(&scope, &site, &found, &id, row)).collect();
        let objected = row.power == Some(Power::Facilitator) && is_objected(self.store, &id, &row.site);
        let waiting = row.due() > self.now;
        let state = if objected {
            ErasureState::Objected
        } else if group.is_some_and(|group| self.view.is_held_for_law(&group)) {
            ErasureState::Held
        } else if waiting {
            ErasureState::Waiting
        } else if sites.iter().all(|line| line.done) {
            ErasureState::Done
        } else {
            ErasureState::Working
        };
        let due = (state == ErasureState::Waiting).then(|| row.due());
        Some(ErasureView { id, of, by: found.actor?, at: found.hlc.millis(), reason, group, state, due, sites })
    }

    /// The sites that must forget: those of the group, or all that have a node.
    fn sites_of(&self, group: Option<&GroupId>) -> impl Iterator<Item = SiteId> {
        let sites: Vec<SiteId> = match group {
            Some(group) => self.view.group_state(group).map(|state| state.sites().iter().copied().collect()),
            None => self.view.org_state().map(|org| {
                let has_node = |site: &SiteId| {
                    org.nodes().values().any(|node| node.site == *site && node.status != NodeStatus::Revoked)
                };
                org.sites().keys().copied().filter(has_node).collect()
            }),
        }
        .unwrap_or_default();
        sites.into_iter()
    }

    fn line(&self, scope: &ScopeId, site: &SiteId, found: &Found, id: &EntryId, row: Row) -> ErasureLine {
        let nodes = self.view.org_state().map(|org| {
            let nodes = org.nodes().iter();
            nodes
                .filter(|(_, node)| node.site == *site && node.status != NodeStatus::Revoked)
                .map(|(id, _)| *id)
                .collect::<Vec<_>>()
        });
        let nodes = nodes.unwrap_or_default();
        let mut at = None;
        let done = nodes.iter().all(|node| {
            if *node == self.view.node {
                return row.done;
            }
            let stated = self.view.held.get(scope).and_then(|held| held.get(node));
            let said = stated.and_then(|stated| stated.erased.iter().find(|(done, _)| done == id));
            at = at.max(said.map(|(_, when)| *when));
            stated.is_some_and(|stated| stated.held.has_erased(&found.log, found.seq, id))
        });
        ErasureLine { site: *site, done: done && !nodes.is_empty(), at: at.filter(|_| done) }
    }
}
