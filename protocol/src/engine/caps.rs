//! How much of one site is taken (ruling A11). What lies beyond is not pulled and not stored; no verdict changes. Bytes
//! are counted by this process, from midnight (UTC): a restart forgives.

use super::Engine;
use crate::clock::Millis;
use crate::control::op::{Class, kind};
use crate::entry::Entry;
use crate::ids::{NodeId, ScopeId, SiteId};
use std::collections::BTreeMap;

const DAY_MS: u64 = 86_400_000;
/// What an entry costs beside its body.
const HEADER_BYTES: u64 = 256;

/// Bytes taken today, by site.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    day: u64,
    bytes: BTreeMap<SiteId, u64>,
}

impl Intake {
    fn today(&mut self, now: Millis) -> &mut BTreeMap<SiteId, u64> {
        let day = now.0 / DAY_MS;
        if self.day != day {
            self.day = day;
            self.bytes.clear();
        }
        &mut self.bytes
    }
}

fn bytes_of(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| HEADER_BYTES + u64::from(entry.header.body_len)).sum()
}

impl Engine {
    /// Whether nothing more of this node's site is pulled into logs of this scope and class today.
    pub(crate) fn is_capped(&mut self, now: Millis, node: &NodeId, scope: &ScopeId, class: Class) -> bool {
        self.exceeds(now, node, scope, class, &[])
    }

    /// Whether these entries lie beyond the caps of their site.
    pub(crate) fn exceeds(
        &mut self,
        now: Millis,
        node: &NodeId,
        scope: &ScopeId,
        class: Class,
        entries: &[Entry],
    ) -> bool {
        let Some(org) = self.view.state.clone() else { return false };
        let Some(site) = org.site_of_node(node).filter(|site| Some(*site) != self.own_site()) else { return false };
        let caps = org.caps(&site);
        let taken = self.intake.today(now).get(&site).copied().unwrap_or(0);
        if taken.saturating_add(bytes_of(entries)) >= caps.bytes_a_day {
            return true;
        }
        if class != Class::Control || self.org().map(ScopeId::from) != Some(*scope) {
            return false;
        }
        let of_site = |node: &NodeId| org.site_of_node(node) == Some(site);
        let logs = self.scopes.get(scope).into_iter().flatten().filter_map(|id| self.logs.get(id));
        let held: u64 = logs.filter(|log| log.class == class && of_site(&log.node)).map(|log| log.next).sum();
        if held + entries.len() as u64 > u64::from(caps.control_entries) {
            return true;
        }
        let registers = entries.iter().filter(|entry| entry.header.kind == kind::USER_REGISTER).count();
        registers > 0 && org.users().values().filter(|user| user.site == site).count() + registers > caps.users as usize
    }

    /// Counts what was taken of a site.
    pub(crate) fn count_intake(&mut self, now: Millis, node: &NodeId, entries: &[Entry]) {
        let Some(site) = self.view.org_state().and_then(|org| org.site_of_node(node)) else { return };
        let taken = self.intake.today(now).entry(site).or_default();
        *taken = taken.saturating_add(bytes_of(entries));
    }
}
