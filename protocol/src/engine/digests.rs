//! Digests of what is held, kept until it grows: comparing with a peer when nothing changed costs a look (ruling B4).

use super::Engine;
use super::serve::Share;
use crate::control::op::Class;
use crate::ids::{NodeId, ScopeId};
use crate::sync::held::{frontier_digest, root};
use std::collections::BTreeMap;

/// A scope shared with a peer, and how much of it.
pub(crate) type Shared = Vec<(ScopeId, Share)>;

/// What was worked out before.
#[derive(Default)]
pub(crate) struct Digests {
    /// By scope: of control alone, and of all.
    scopes: BTreeMap<ScopeId, [Option<[u8; 32]>; 2]>,
    /// By peer: over all that is shared.
    roots: BTreeMap<NodeId, [u8; 32]>,
    /// By peer: what is shared.
    shared: BTreeMap<NodeId, Shared>,
    /// By peer: groups of this site that its site has left.
    parted: BTreeMap<NodeId, Vec<ScopeId>>,
    /// How often a digest or root was worked out, for tests and benches.
    pub(crate) made: u64,
}

impl Digests {
    /// A log of the scope grew.
    pub(crate) fn grew(&mut self, scope: &ScopeId) {
        self.scopes.remove(scope);
        self.roots.clear();
    }

    /// Rights changed, or a scope came: other things may be shared.
    pub(crate) fn rights_changed(&mut self) {
        self.roots.clear();
        self.shared.clear();
        self.parted.clear();
    }
}

impl Engine {
    /// How often a digest was worked out: stands still while nothing changes.
    pub fn digests_made(&self) -> u64 {
        self.digests.made
    }

    /// Over control and, where shared, data.
    pub(crate) fn scope_digest(&mut self, scope: &ScopeId, share: Share) -> [u8; 32] {
        let all = share == Share::All;
        if let Some(known) = self.digests.scopes.get(scope).and_then(|known| known[usize::from(all)]) {
            return known;
        }
        let mut heights = self.heights(scope, Class::Control);
        if all {
            heights.extend(self.heights(scope, Class::Data));
        }
        let digest = frontier_digest(&heights);
        self.digests.made += 1;
        self.digests.scopes.entry(*scope).or_default()[usize::from(all)] = Some(digest);
        digest
    }

    /// The scopes that both this node and a peer keep, in the order of their ids.
    pub(crate) fn shared(&mut self, peer: &NodeId) -> Shared {
        if let Some(known) = self.digests.shared.get(peer) {
            return known.clone();
        }
        let own = self.node();
        let shared: Shared = self
            .scopes
            .keys()
            .map(|scope| (*scope, self.share(peer, scope).min(self.share(&own, scope))))
            .filter(|(_, share)| *share > Share::Nothing)
            .collect();
        self.digests.shared.insert(*peer, shared.clone());
        shared
    }

    /// Groups of this site that a peer's site has left, and of which it has not said on this connection what it holds. It
    /// compares control alone from then on, and may hold what its people wrote before and nobody was given.
    pub(crate) fn unheard_parted(&mut self, peer: &NodeId) -> Vec<ScopeId> {
        if !self.digests.parted.contains_key(peer) {
            let own = self.node();
            let left = self.farewells(peer).into_iter().map(|(scope, _)| scope);
            let parted = left.filter(|scope| self.share(&own, scope) == Share::All).collect();
            self.digests.parted.insert(*peer, parted);
        }
        let heard = self.sessions.get(peer).map(|session| &session.heard);
        let unheard = |scope: &&ScopeId| heard.is_some_and(|heard| !heard.contains(*scope));
        self.digests.parted[peer].iter().filter(unheard).copied().collect()
    }

    /// A peer has said what it holds of these.
    pub(crate) fn note_heard(&mut self, peer: &NodeId, scopes: &[ScopeId]) {
        let parted = self.unheard_parted(peer);
        if let Some(session) = self.sessions.get_mut(peer) {
            session.heard.extend(scopes.iter().filter(|scope| parted.contains(scope)));
        }
    }

    /// One root over all that both are believed to share.
    pub(crate) fn root_for(&mut self, peer: &NodeId) -> [u8; 32] {
        if let Some(known) = self.digests.roots.get(peer) {
            return *known;
        }
        let shared = self.shared(peer);
        let digests: Vec<(ScopeId, [u8; 32])> =
            shared.into_iter().map(|(scope, share)| (scope, self.scope_digest(&scope, share))).collect();
        let made = root(digests.iter().map(|(scope, digest)| (scope, digest)));
        self.digests.made += 1;
        self.digests.roots.insert(*peer, made);
        made
    }
}
