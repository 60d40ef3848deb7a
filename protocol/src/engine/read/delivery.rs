//! How far things have got, by signed statements only, and what is new for a person.

use super::Reader;
use super::feed::feed_key;
use crate::clock::{Hlc, Millis};
use crate::control::grants::GroupState;
use crate::engine::lookup::Found;
use crate::engine::query::{Delivery, DeliveryLine};
use crate::ids::{EntryId, GroupId, LogId, ScopeId, SiteId, UserId};
use crate::store::Direction;
use crate::store::keys::{Key, table};

impl Reader<'_> {
    pub(super) fn delivery_of(&self, state: &GroupState, group: GroupId, found: &Found) -> Delivery {
        let scope = ScopeId::from(group);
        let received = state.sites().iter().filter(|site| self.has(&scope, site, &found.log, found.seq)).count();
        Delivery { received, of: state.sites().len() }
    }

    pub(super) fn has(&self, scope: &ScopeId, site: &SiteId, log: &LogId, seq: u64) -> bool {
        // What is read here was committed here, and what left its author's node had been committed there.
        Some(*site) == self.view.own_site()
            || Some(*site) == self.author_site(log)
            || self.view.stated_height(scope, site, log) > seq
    }

    pub(super) fn author_site(&self, log: &LogId) -> Option<SiteId> {
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
            let at = if own || author {
                Some(found.hlc.millis())
            } else {
                self.first_stated(&scope, site, &found.log, found.seq)
            };
            DeliveryLine { site: *site, received, at: at.filter(|_| received) }
        };
        Some(state.sites().iter().map(line).collect())
    }

    /// When a site first said that it holds this position, as far as this process heard.
    pub(super) fn first_stated(&self, scope: &ScopeId, site: &SiteId, log: &LogId, seq: u64) -> Option<Millis> {
        let org = self.view.org_state()?;
        let stated = self.view.held.get(scope)?.iter().filter(|(node, _)| org.site_of_node(node) == Some(*site));
        stated
            .filter_map(|(_, stated)| {
                let step = stated.steps.iter().find(|(of, next, _)| of == log && *next > seq);
                let newest = || (stated.held.height(log) > seq).then(|| Hlc(stated.held.hlc).millis());
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
        self.store
            .range(&from, &to, 1, Direction::Forward)
            .first()
            .and_then(|(key, _)| feed_key(key))
            .map(|(hlc, _)| hlc)
    }
}
