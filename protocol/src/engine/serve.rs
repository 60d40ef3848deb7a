//! Answering peers: only what the asking node may have, within the limits. What it may not see and what does not exist
//! answer alike (INV-22, INV-55).

use super::effect::{Effect, Notice};
use super::ingest::Ingested;
use super::view::held_row;
use super::{Cx, Engine};
use crate::control::op::{Access, Class};
use crate::entry::Entry;
use crate::entry::batch::{self, Signatures};
use crate::ids::{EntryId, GroupId, LogId, NodeId, OrgId, ScopeId};
use crate::keys::{self, Purpose};
use crate::limits::{
    BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, FORK_BRANCHES_MAX, FRONTIER_BYTES_MAX, GROUPS_PER_REQUEST_MAX,
    SHARED_SCOPES_MAX, UNERASED_MAX,
};
use crate::log::ChainError;
use crate::store::keys as rows;
use crate::sync::held::{Held, frontier_digest};
use crate::sync::message::{LEVEL, Request, Response, ScopeDigest, ScopeFrontier};
use minicbor::bytes::ByteVec;
use std::collections::BTreeSet;

/// What a node may have of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Share {
    /// Nothing, not even that it exists.
    Nothing,
    /// The control log of an open group (ruling D2).
    Control,
    /// Everything.
    All,
}

/// The short tag by which two nodes see that they are of one organisation.
pub fn org_tag(org: &OrgId) -> [u8; 16] {
    let digest = keys::derive(Purpose::Scope, &[b"tag", &org.0]);
    digest[..16].try_into().expect("a digest has 32 bytes")
}

impl Engine {
    /// What a node may have of a scope, as seen here.
    pub(crate) fn share(&self, peer: &NodeId, scope: &ScopeId) -> Share {
        let Some(org) = self.view.org_state() else { return Share::Nothing };
        if !org.connectable().any(|node| node == *peer) {
            return Share::Nothing;
        }
        let of_org = self.org().map(ScopeId::from) == Some(*scope);
        // The lifeline carries the constitution and the registry, so that nobody is kept from what takes them back (N2a).
        if org.is_suspended(peer) && *peer != self.node() {
            return if of_org { Share::Control } else { Share::Nothing };
        }
        if of_org {
            return Share::All;
        }
        let Some(state) = self.view.group_state(&GroupId::from(*scope)) else { return Share::Nothing };
        match org.site_of_node(peer) {
            Some(site) if state.sites().contains(&site) => Share::All,
            Some(_) if state.access() == Access::Open => Share::Control,
            _ => Share::Nothing,
        }
    }

    /// Answers a peer's request.
    pub(crate) fn serve(&mut self, cx: &mut Cx<'_>, peer: NodeId, token: u64, bytes: &[u8]) {
        let response = match (Request::decode(bytes), self.org()) {
            (Ok(request), Some(org)) if self.share(&peer, &ScopeId::from(org)) > Share::Nothing => {
                self.answer(cx, peer, org, request)
            }
            _ => Response::Refused,
        };
        self.count(&peer, |counts| counts.requests += 1);
        cx.effects.push(Effect::Respond { token, bytes: response.encode() });
    }

    fn answer(&mut self, cx: &mut Cx<'_>, peer: NodeId, org: OrgId, request: Request) -> Response {
        match request {
            Request::Hello { tag, now, .. } if tag == org_tag(&org) => {
                // Its clock may have been set since we greeted it.
                if let Some(session) = self.sessions.get_mut(&peer) {
                    session.clock_ms = Some(now as i64 - cx.now.0 as i64);
                }
                Response::Hello { level: LEVEL, tag, now: cx.now.0 }
            }
            Request::Hello { .. } => Response::Refused,
            Request::Compare { root } => {
                let same = root == self.root_for(&peer);
                if same {
                    self.proved_equal(cx, peer);
                } else if let Some(session) = self.sessions.get_mut(&peer) {
                    // It lacks something of ours, or we of its: look too, but not in the same breath, or two nodes that
                    // cannot agree would ask each other for ever.
                    session.look_soon(cx.now);
                }
                Response::Compared { same }
            }
            Request::Digests => Response::Digests { digests: self.digests_for(cx, &peer) },
            Request::Frontier { scopes } => {
                let scopes: BTreeSet<ScopeId> = scopes.into_iter().take(GROUPS_PER_REQUEST_MAX).collect();
                self.frontiers_for(cx, &peer, scopes)
            }
            Request::Range { log, from, to } => Response::Range { batches: self.range(cx, &peer, &log, from, to) },
            Request::RangeBack { log, from, to } => {
                Response::Range { batches: self.range_back(cx, &peer, &log, from, to).into_iter().collect() }
            }
            Request::Branch { log, head, locator } => {
                Response::Range { batches: self.give_branch(cx, &peer, &log, head, &locator) }
            }
            Request::Push { batches } => self.take_push(cx, peer, batches),
            Request::Announce { scopes } => {
                if let Some(session) = self.sessions.get_mut(&peer) {
                    session.heard.retain(|scope| !scopes.contains(scope));
                    session.poke(cx.now);
                }
                self.begin_if_due(cx, peer);
                Response::Noted { helds: Vec::new() }
            }
            Request::Addresses { records } => {
                for record in records.into_iter().take(64) {
                    self.take_addresses(cx, peer, record);
                }
                Response::Noted { helds: Vec::new() }
            }
            Request::Forks { proofs } => {
                for proof in proofs.into_iter().take(FORK_BRANCHES_MAX) {
                    self.take_proof(cx, peer, &proof);
                }
                Response::Noted { helds: Vec::new() }
            }
            Request::Helds { helds } => {
                for held in helds {
                    self.take_held(cx, peer, held);
                }
                Response::Noted { helds: Vec::new() }
            }
            Request::Links { links } => {
                if let Some(session) = self.sessions.get_mut(&peer) {
                    session.links = Some(links);
                }
                Response::Noted { helds: Vec::new() }
            }
            Request::Here { here } => {
                self.take_here(cx, peer, here);
                Response::Noted { helds: Vec::new() }
            }
            Request::Stated { scopes } => Response::Noted { helds: self.newer_stated(&peer, &scopes) },
            Request::Longer { scopes } => {
                self.take_longer(peer, &scopes);
                Response::Noted { helds: Vec::new() }
            }
        }
    }

    fn digests_for(&mut self, cx: &Cx<'_>, peer: &NodeId) -> Vec<ScopeDigest> {
        let own = self.node();
        // A group that this site has left is told of too: the peer may not have heard of it.
        let scopes: Vec<ScopeId> = self.scopes.keys().copied().collect();
        let mut digests = Vec::new();
        for scope in scopes {
            let share = self.share(peer, &scope);
            if share > Share::Nothing {
                let share = share.min(self.share(&own, &scope).max(Share::Control));
                let digest = self.scope_digest(&scope, share);
                digests.push(ScopeDigest { scope, digest, data: share == Share::All });
            }
        }
        let farewells = self.farewells(peer).into_iter().map(|(scope, farewell)| {
            let digest = frontier_digest(&self.farewell_heights(&*cx.tx, &farewell));
            ScopeDigest { scope, digest, data: false }
        });
        digests.into_iter().chain(farewells).take(SHARED_SCOPES_MAX).collect()
    }

    /// Frontiers of as many of the scopes as fit in one answer, at least of one. Statements of others travel along where
    /// there is room; they are passed on by themselves too.
    fn frontiers_for(&self, cx: &Cx<'_>, peer: &NodeId, scopes: BTreeSet<ScopeId>) -> Response {
        let bytes_of = |heights: usize| 80 * heights;
        let (mut frontiers, mut left, mut bytes) = (Vec::new(), Vec::new(), 0);
        for scope in scopes {
            if bytes > FRONTIER_BYTES_MAX {
                left.push(scope);
                continue;
            }
            let Some(mut frontier) = self.frontier_for(cx, peer, &scope) else { continue };
            bytes += 40 + bytes_of(frontier.control.len() + frontier.data.len());
            frontier.helds.retain(|held| {
                let fits = bytes <= FRONTIER_BYTES_MAX;
                bytes += if fits { 200 + bytes_of(held.heights.len()) } else { 0 };
                fits
            });
            frontiers.push(frontier);
        }
        Response::Frontier { scopes: frontiers, left }
    }

    fn frontier_for(&self, cx: &Cx<'_>, peer: &NodeId, scope: &ScopeId) -> Option<ScopeFrontier> {
        let share = self.share(peer, scope);
        if share == Share::Nothing {
            let farewell = self.farewell(peer, &GroupId::from(*scope))?;
            let control = self.farewell_heights(&*cx.tx, &farewell);
            return Some(ScopeFrontier { scope: *scope, control, data: Vec::new(), helds: Vec::new() });
        }
        let open = |class| {
            let mut heights = self.heights(scope, class);
            heights.retain(|height| self.may_leave(&height.log));
            heights
        };
        let all = share == Share::All;
        let helds = self
            .view
            .held
            .get(scope)
            .filter(|_| all)
            .map(|nodes| nodes.values().map(|stated| stated.held.clone()).collect());
        Some(ScopeFrontier {
            scope: *scope,
            control: open(Class::Control),
            data: if all { open(Class::Data) } else { Vec::new() },
            helds: helds.unwrap_or_default(),
        })
    }

    /// Entries of a log from a position on, ending at one whose signature is at hand.
    pub(crate) fn range(&self, cx: &Cx<'_>, peer: &NodeId, log: &LogId, from: u64, to: u64) -> Vec<ByteVec> {
        let Some(state) = self.logs.get(log) else { return Vec::new() };
        let until = self.readable_until(peer, log);
        let mut entries: Vec<Entry> = Vec::new();
        let (mut bytes, mut signed) = (0, 0);
        for entry in super::lookup::entries_of(&*cx.tx, log, from).take_while(|entry| entry.header.seq < until) {
            if entry.header.seq >= to && signed > 0 {
                break;
            }
            bytes += 160 + entry.body.as_ref().map_or(0, |body| body.bytes.len());
            entries.push(entry);
            if entries.last().is_some_and(|entry| entry.signature.is_some()) {
                signed = entries.len();
            }
            if entries.len() == BATCH_ENTRIES_MAX || (bytes > BATCH_BYTES_MAX && signed > 0) {
                break;
            }
        }
        entries.truncate(signed);
        self.empty_doomed(cx, &state.scope, &mut entries);
        encode_batches(&entries, state.class).into_iter().map(ByteVec::from).collect()
    }

    /// What is to be erased and still stands on the disk is not given any more.
    fn empty_doomed(&self, cx: &Cx<'_>, scope: &ScopeId, entries: &mut [Entry]) {
        for entry in entries.iter_mut().filter(|entry| entry.body.is_some()) {
            if self.is_doomed(&*cx.tx, scope, entry, cx.now) {
                entry.body = None;
            }
        }
    }

    /// Entries of a data log that end right before `to`: of those asked for as many as fit. The first of them says its
    /// control frontier, or is the first asked for.
    fn range_back(&self, cx: &Cx<'_>, peer: &NodeId, log: &LogId, from: u64, to: u64) -> Option<ByteVec> {
        let state = self.logs.get(log)?;
        let wrong = state.class != Class::Data || to > self.readable_until(peer, log) || from >= to;
        if wrong || to - from > BATCH_ENTRIES_MAX as u64 {
            return None;
        }
        let mut entries: Vec<Entry> =
            super::lookup::entries_of(&*cx.tx, log, from).take_while(|entry| entry.header.seq < to).collect();
        self.empty_doomed(cx, &state.scope, &mut entries);
        if entries.len() as u64 != to - from {
            return None;
        }
        let (mut bytes, mut begin) = (0, entries.len());
        for (at, entry) in entries.iter().enumerate().rev() {
            bytes += 160 + entry.body.as_ref().map_or(0, |body| body.bytes.len());
            if bytes > BATCH_BYTES_MAX {
                break;
            }
            if at == 0 || entry.header.ctl.is_some() {
                begin = at;
            }
        }
        let fitting = &entries[begin..];
        (!fitting.is_empty()).then(|| ByteVec::from(super::backfill::encode_below(fitting)))
    }

    /// Up to which position a peer may have a log: never beyond what is held without a gap.
    fn readable_until(&self, peer: &NodeId, log: &LogId) -> u64 {
        let Some(state) = self.logs.get(log).filter(|_| self.may_leave(log)) else { return 0 };
        let share = self.share(peer, &state.scope);
        let until = match share {
            Share::All => u64::MAX,
            Share::Control if state.class == Class::Control => u64::MAX,
            Share::Nothing if state.class == Class::Control => self
                .farewell(peer, &GroupId::from(state.scope))
                .and_then(|farewell| farewell.get(log).copied())
                .unwrap_or(0),
            Share::Control | Share::Nothing => 0,
        };
        until.min(state.end().0)
    }

    fn take_push(&mut self, cx: &mut Cx<'_>, peer: NodeId, batches: Vec<ByteVec>) -> Response {
        let mut scopes: BTreeSet<ScopeId> = BTreeSet::new();
        let mut gap = false;
        for bytes in batches.iter().take(crate::limits::PUSH_ENTRIES_MAX) {
            let Ok(entries) = batch::decode(bytes) else {
                self.blame(cx, &peer);
                self.count(&peer, |counts| counts.bad += 1);
                return Response::Refused;
            };
            let Some(log) = entries.first().map(Entry::log) else { continue };
            // Only what this node wants: a group in which its site has people, or the organisation.
            let outcome = self.ingest_from(cx, &peer, entries);
            self.count(&peer, |counts| {
                counts.bytes += bytes.len() as u64;
                counts.bad += u64::from(outcome.is_fault());
                if let Ingested::New(new) = outcome {
                    counts.entries += new as u64;
                }
            });
            gap |= matches!(outcome, Ingested::Chain(ChainError::Gap | ChainError::Fork) | Ingested::Stranger);
            if outcome.is_fault() {
                self.blame(cx, &peer);
            }
            if let Some(state) = self.logs.get(&log) {
                scopes.insert(state.scope);
                let (next, node) = (state.next, peer);
                self.know(&node, log, next);
            }
        }
        if gap && let Some(session) = self.sessions.get_mut(&peer) {
            session.poke(cx.now);
            self.begin_if_due(cx, peer);
        }
        // Who is no longer in is not told what is held.
        scopes.retain(|scope| self.share(&peer, scope) == Share::All);
        let helds = scopes.into_iter().filter_map(|scope| self.state_held(cx, scope)).collect();
        Response::Noted { helds }
    }

    /// Notes how far a peer holds a log that is held here too: more than that is nobody's to remember.
    pub(crate) fn know(&mut self, peer: &NodeId, log: LogId, next: u64) {
        if !self.logs.contains_key(&log) {
            return;
        }
        if let Some(session) = self.sessions.get_mut(peer) {
            let known = session.known.entry(log).or_default();
            *known = (*known).max(next);
        }
    }

    // --- statements -----------------------------------------------------------------------------------------------

    /// Makes and keeps this node's newest statement over a scope. True once the transaction is durable, and nothing
    /// leaves before (D1, INV-10).
    pub(crate) fn state_held(&mut self, cx: &mut Cx<'_>, scope: ScopeId) -> Option<Held> {
        let org = self.org()?;
        // Control too: that a site applied a removal is told by the height at which it stands.
        let mut heights = self.heights(&scope, Class::Control);
        heights.extend(self.heights(&scope, Class::Data));
        heights.sort_unstable();
        heights.truncate(crate::limits::FRONTIER_LOGS_MAX);
        let own = self.view.held.get(&scope).and_then(|nodes| nodes.get(&self.node()));
        let unerased: Vec<EntryId> =
            self.unerased.get(&scope).into_iter().flatten().take(UNERASED_MAX).copied().collect();
        if let Some(own) = own.filter(|own| own.held.heights == heights && own.held.unerased == unerased) {
            return Some(own.held.clone());
        }
        let hlc = self.clock.tick(self.true_now(cx.now), crate::clock::Hlc(own.map_or(0, |own| own.held.hlc)));
        let held = Held::sign(scope, hlc, heights, unerased, &org, &self.identity.key);
        cx.tx.put(&rows::held(&scope, &held.node), &held_row(&held));
        self.view_mut().take_held(held.clone());
        // Also one that answers a single peer is for all: they hear of it at the next tick.
        self.unstated.insert(scope);
        super::erase::confirmed(cx, &scope);
        Some(held)
    }

    /// Takes a statement of another node, from it or relayed.
    pub(crate) fn take_held(&mut self, cx: &mut Cx<'_>, from: NodeId, held: Held) {
        let (Some(org), node, scope) = (self.org(), held.node, held.scope) else { return };
        let known = self.view.held.get(&scope).and_then(|nodes| nodes.get(&node));
        let relevant = known.is_none_or(|stated| held.is_newer_than(&stated.held))
            && self.share(&from, &scope) == Share::All
            && self.share(&node, &scope) == Share::All
            && !crate::clock::is_ahead(self.true_now(cx.now), crate::clock::Hlc(held.hlc));
        if !relevant || !held.is_valid(&org) {
            return;
        }
        for height in &held.heights {
            // What somebody holds of an own log counts though they cannot be asked (ruling A6), and what this node itself
            // stated before it went back in time.
            self.check_own(cx, node, height);
            self.know(&node, height.log, height.next);
        }
        if node == self.node() {
            return;
        }
        cx.tx.put(&rows::held(&scope, &node), &held_row(&held));
        if self.view_mut().take_held(held) {
            self.relay.insert((scope, node), from);
            super::erase::confirmed(cx, &scope);
            let org_scope = ScopeId::from(org);
            if scope != org_scope {
                cx.notify(Notice::Delivery { group: GroupId::from(scope) });
            }
        }
    }
}

/// Batches of contiguous entries: `group.create` stands in another scope than what follows it.
pub(crate) fn encode_batches(entries: &[Entry], class: Class) -> Vec<Vec<u8>> {
    let signatures = if class == Class::Control { Signatures::All } else { Signatures::Last };
    entries.chunk_by(|a, b| a.header.scope == b.header.scope).map(|run| batch::encode(run, signatures)).collect()
}
