//! The sites of the organisation: who is connected, what waits for whom, and what a newcomer is given.

use super::Reader;
use crate::control::op::Class;
use crate::control::registry::{NodeStatus, SiteRecord};
use crate::engine::query::{NodeView, SiteView};
use crate::engine::setup;
use crate::ids::{GroupId, LogId, ScopeId, SiteId};
use crate::store::keys;
use crate::sync::plan::Progress;
use std::collections::BTreeMap;

impl Reader<'_> {
    /// The names of all sites. Cheap, unlike [`Reader::sites`], which also counts people and what waits.
    pub fn site_names(&self) -> BTreeMap<SiteId, String> {
        let sites = self.view.org_state().map(|state| state.sites().clone()).unwrap_or_default();
        sites.into_iter().map(|(id, record)| (id, record.name)).collect()
    }

    /// The sites, own first.
    pub fn sites(&self) -> Vec<SiteView> {
        let Some(state) = self.view.org_state() else { return Vec::new() };
        let own = self.view.own_site();
        let mut people: BTreeMap<SiteId, usize> = BTreeMap::new();
        for user in state.users().values().filter(|user| user.active) {
            *people.entry(user.site).or_default() += 1;
        }
        let view = |(id, record): (&SiteId, &SiteRecord)| {
            let nodes = self.nodes_of(id);
            let removed = !nodes.is_empty() && nodes.iter().all(|node| node.state == NodeStatus::Revoked);
            let served = nodes.iter().any(|node| node.state == NodeStatus::Admitted);
            SiteView {
                id: *id,
                name: record.name.clone(),
                company: record.company.clone(),
                own: Some(*id) == own,
                suspended: !nodes.is_empty() && !served && !removed,
                removed,
                nodes,
                people: people.get(id).copied().unwrap_or(0),
                waiting: if Some(*id) == own || removed { 0 } else { self.waiting(id) },
                progress: self.progress(id),
            }
        };
        let mut sites: Vec<SiteView> = state.sites().iter().map(view).collect();
        sites.sort_by(|a, b| b.own.cmp(&a.own).then_with(|| a.name.cmp(&b.name)));
        sites
    }

    fn nodes_of(&self, site: &SiteId) -> Vec<NodeView> {
        let Some(state) = self.view.org_state() else { return Vec::new() };
        let of_site = state.nodes().iter().filter(|(_, record)| record.site == *site);
        of_site
            .map(|(id, record)| {
                let id = *id;
                let status = self.view.peers.get(&id).cloned().unwrap_or_default();
                NodeView {
                    id,
                    state: record.status,
                    connected: status.connected || id == self.view.node,
                    since: status.since,
                    up_to_date: status.up_to_date,
                }
            })
            .collect()
    }

    /// How far the entries that a site's nodes hold have got here.
    fn progress(&self, site: &SiteId) -> Option<Progress> {
        let state = self.view.org_state()?;
        let of_site = self.view.peers.iter().filter(|(node, _)| state.site_of_node(node) == Some(*site));
        // Two nodes of one site hold the same: the one that has more to give counts.
        of_site.filter_map(|(_, status)| status.progress).max_by_key(|progress| progress.of)
    }

    /// How far catching up has got in all, and in how many groups; `None` when nothing is missing.
    pub fn catching_up(&self) -> Option<(Progress, usize)> {
        let filling = self.view.filling();
        let mut all = Progress::default();
        for progress in filling.values() {
            all.have += progress.have;
            all.of += progress.of;
        }
        (!filling.is_empty()).then_some((all, filling.len()))
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
        Some(setup::make_welcome(self.store, org, control))
    }

    fn log_class(&self, log: &LogId) -> Option<Class> {
        let row = self.store.get(&keys::log(log))?;
        crate::log::Log::from_bytes(&row).ok().map(|log| log.class)
    }
}
