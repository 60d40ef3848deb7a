//! Statements of what nodes hold on their way to everybody.
//!
//! 1. Peers tell each other whom they are connected to (`Links`).
//! 2. A node gives its own statements to all its peers, and one of another node to those peers that are connected neither
//!    to that node nor to who gave it: these have it from there. If everybody passed everything on to everybody, one
//!    entry among two hundred sites would make eight million messages.
//! 3. What rule 2 left out, or what was stated while no way led there, is asked for when a connection begins or ends
//!    (`Stated`), from one peer at a time.
//! 4. Where many share a scope, a statement goes to all of them and is as long as they are many: it waits for the next.
//! 5. A statement of a thousand logs and more does not fit a request. It is told of (`Longer`), and asked for as in rule 3.

use super::serve::Share;
use super::{Cx, Engine};
use crate::clock::Hlc;
use crate::codec;
use crate::ids::{NodeId, ScopeId};
use crate::limits::{GROUPS_PER_REQUEST_MAX, PUSH_BYTES_MAX};
use crate::sync::held::Held;
use crate::sync::links::link;
use crate::sync::message::{Request, StatedScope};
use crate::sync::session::{Asked, Session};
use std::collections::BTreeMap;
use std::ops::Bound;

/// Statements passed on to one peer in one message.
const HELDS_PER_MESSAGE_MAX: usize = 64;
/// Between two statements of one scope that many share (rule 4), in milliseconds.
const STATED_APART_MS: u64 = 10_000;
/// Between two messages that tell whom this node is connected to: when a site with hundreds of peers comes back, each of
/// them has a new link.
const LINKS_APART_MS: u64 = 10_000;
/// Before all scopes.
const FIRST: ScopeId = ScopeId([0; 32]);
/// What a scope and a statement named by node and time measure in a request, at most.
const SCOPE_BYTES: usize = 40;
const LINK_BYTES: usize = 20;
/// How many peers are asked when a connection ended: one that heard the other's last words is enough, if it is there.
const ASKED_AFTER_END: usize = 2;

impl Engine {
    // --- own statements -------------------------------------------------------------------------------------------

    /// Says what is held by now where that changed.
    pub(crate) fn state_unstated(&mut self, cx: &mut Cx<'_>) {
        let own = self.node();
        for scope in std::mem::take(&mut self.unstated) {
            let last = self.view.held.get(&scope).and_then(|nodes| nodes.get(&own));
            let earliest = last.map_or(0, |stated| Hlc(stated.held.hlc).millis().0 + STATED_APART_MS);
            // A clock that was set back must not silence the node.
            let soon = cx.now.0 < earliest && earliest <= cx.now.0 + STATED_APART_MS;
            if soon && self.is_wide(&self.members(&scope)) {
                self.unstated.insert(scope);
                continue;
            }
            let shared = self.share(&own, &scope) == Share::All;
            if shared && self.state_held(cx, scope).is_some() {
                self.relay.insert((scope, own), own);
                self.unstated.remove(&scope);
            }
        }
    }

    // --- passing on -----------------------------------------------------------------------------------------------

    /// Gives new statements to the connected nodes that share the scope (rule 2).
    pub(crate) fn pass_on_helds(&mut self, cx: &mut Cx<'_>) {
        let own = self.node();
        for ((scope, node), from) in std::mem::take(&mut self.relay) {
            let has_it = |peer: &NodeId, session: &Session| {
                let meets = |other: &NodeId| session.links.as_ref().is_some_and(|links| links.has(other));
                [node, from].iter().any(|other| peer == other || (*other != own && meets(other)))
            };
            let lacking = self.sessions.iter().filter(|(peer, session)| !has_it(peer, session));
            let peers: Vec<NodeId> = lacking.map(|(peer, _)| *peer).collect();
            for peer in peers {
                let shared = self.share(&peer, &scope) == Share::All;
                if let Some(session) = self.sessions.get_mut(&peer).filter(|_| shared) {
                    session.untold.insert((scope, node));
                }
            }
        }
        let peers: Vec<NodeId> = self.sessions.iter().filter(|(_, s)| !s.untold.is_empty()).map(|(p, _)| *p).collect();
        for peer in peers {
            self.tell_helds(cx, peer);
        }
    }

    /// Gives a peer the statements that are meant for it, in messages that a request can hold: where many share a scope a
    /// statement is long, and what exceeds a request would be refused as a whole.
    fn tell_helds(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        let mut untold = std::mem::take(&mut session.untold).into_iter().peekable();
        let mut longer: BTreeMap<(ScopeId, NodeId), u64> = BTreeMap::new();
        while untold.peek().is_some() {
            let (mut helds, mut told, mut bytes) = (Vec::new(), Vec::new(), 0);
            while let Some((scope, node)) = untold.peek().copied() {
                // What the peer may not read by now it may not hear of either.
                let shared = self.share(&peer, &scope) == Share::All;
                let stated = self.view.held.get(&scope).and_then(|nodes| nodes.get(&node)).filter(|_| shared);
                if let Some(stated) = stated {
                    let more = codec::encode(&stated.held).len();
                    if more > PUSH_BYTES_MAX {
                        longer.insert((scope, node), stated.held.hlc);
                        untold.next();
                        continue;
                    }
                    if !helds.is_empty() && (helds.len() == HELDS_PER_MESSAGE_MAX || bytes + more > PUSH_BYTES_MAX) {
                        break;
                    }
                    bytes += more;
                    helds.push(stated.held.clone());
                    told.push((scope, node));
                }
                untold.next();
            }
            let told_now = told.clone();
            if !helds.is_empty()
                && self.call(cx, peer, &Request::Helds { helds }, Asked::Told(told_now)).is_none()
                && let Some(session) = self.sessions.get_mut(&peer)
            {
                // It leaves much unanswered.
                session.untold.extend(told.into_iter().chain(untold).chain(longer.into_keys()));
                return;
            }
        }
        self.tell_longer(cx, peer, longer);
    }

    /// Tells a peer of statements that it must ask for (rule 5), as many as one request takes; the others at the next time.
    fn tell_longer(&mut self, cx: &mut Cx<'_>, peer: NodeId, longer: BTreeMap<(ScopeId, NodeId), u64>) {
        if longer.is_empty() {
            return;
        }
        let mut rest: Vec<(ScopeId, NodeId)> = longer.keys().copied().collect();
        let mut told = rest.split_off(rest.len().saturating_sub(GROUPS_PER_REQUEST_MAX));
        let named = told.iter().filter_map(|key| Some((key, longer.get(key)?)));
        let scopes =
            named.map(|((scope, node), hlc)| StatedScope { scope: *scope, stated: vec![(link(node), *hlc)] }).collect();
        if self.call(cx, peer, &Request::Longer { scopes }, Asked::Told(told.clone())).is_none() {
            rest.append(&mut told);
        }
        if let Some(session) = self.sessions.get_mut(&peer) {
            session.untold.extend(rest);
        }
    }

    /// A peer has statements that do not fit a request: it is asked for them where one is newer than what is at hand.
    pub(crate) fn take_longer(&mut self, peer: NodeId, scopes: &[StatedScope]) {
        let own = self.node();
        for StatedScope { scope, stated } in scopes.iter().take(GROUPS_PER_REQUEST_MAX) {
            if self.share(&peer, scope) != Share::All || self.share(&own, scope) != Share::All {
                continue;
            }
            let nodes = self.view.held.get(scope);
            let nodes = nodes.iter().flat_map(|nodes| nodes.iter());
            let known: BTreeMap<u64, u64> = nodes.map(|(node, at_hand)| (link(node), at_hand.held.hlc)).collect();
            let is_newer =
                |(of, hlc): &(u64, u64)| *of != link(&own) && known.get(of).is_none_or(|at_hand| at_hand < hlc);
            if stated.iter().any(is_newer) {
                let from = self.ask_stated.entry(peer).or_insert(*scope);
                *from = (*from).min(*scope);
            }
        }
    }

    // --- links ----------------------------------------------------------------------------------------------------

    /// A peer answered the greeting. It is told at once whom this node meets: until then it gives everything.
    pub(crate) fn link_begun(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        for session in self.sessions.values_mut() {
            session.links_due = true;
        }
        self.tell_links(cx, peer);
        self.ask_stated.insert(peer, FIRST);
    }

    /// A peer is gone. What it stated at last may not have come, and others left it to the peer.
    pub(crate) fn link_ended(&mut self, peer: &NodeId) {
        self.ask_stated.remove(peer);
        let mut heard: Vec<NodeId> = Vec::new();
        for (other, session) in &mut self.sessions {
            session.links_due = true;
            if heard.len() < ASKED_AFTER_END && session.links.as_ref().is_some_and(|links| links.has(peer)) {
                heard.push(*other);
            }
        }
        self.ask_stated.extend(heard.into_iter().map(|peer| (peer, FIRST)));
    }

    /// About once a second: tells new links, and asks one peer for what it has heard.
    pub(crate) fn link_tick(&mut self, cx: &mut Cx<'_>) {
        let due: Vec<NodeId> =
            self.sessions.iter().filter(|(_, s)| s.greeted && s.links_due).map(|(p, _)| *p).collect();
        let told_lately = self.links_told <= cx.now && cx.now.0 < self.links_told.0 + LINKS_APART_MS;
        if !due.is_empty() && !told_lately {
            self.links_told = cx.now;
            due.into_iter().for_each(|peer| self.tell_links(cx, peer));
        }
        let mut asked = self.sessions.values().flat_map(|session| session.in_flight.values());
        if !asked.any(|asked| matches!(asked, Asked::Stated { .. })) {
            self.ask_for_stated(cx);
        }
    }

    fn tell_links(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        let met = self.sessions.iter().filter(|(other, session)| session.greeted && **other != peer);
        let links = met.map(|(other, _)| other).collect();
        let told = self.call(cx, peer, &Request::Links { links }, Asked::Links).is_some();
        if let Some(session) = self.sessions.get_mut(&peer) {
            session.links_due = !told;
        }
    }

    // --- asking (rule 3) ------------------------------------------------------------------------------------------

    /// Asks the next peer in turn, so that one that never answers keeps nobody else from being asked.
    fn ask_for_stated(&mut self, cx: &mut Cx<'_>) {
        let ready = |(peer, _): &(&NodeId, &ScopeId)| {
            self.sessions.get(*peer).is_some_and(|session| session.greeted && !session.busy)
        };
        let after = (Bound::Excluded(self.stated_asked), Bound::Unbounded);
        let next = self.ask_stated.range(after).chain(&self.ask_stated).find(ready);
        let Some((peer, from)) = next.map(|(peer, from)| (*peer, *from)) else { return };
        self.stated_asked = peer;
        let (scopes, next) = self.stated_with(&peer, from);
        if scopes.is_empty() || self.call(cx, peer, &Request::Stated { scopes }, Asked::Stated { from, next }).is_some()
        {
            self.ask_stated.remove(&peer);
        }
    }

    /// The statements at hand over what is shared with a peer, from a scope on, as far as one request takes them; and
    /// where the next one begins.
    fn stated_with(&mut self, peer: &NodeId, from: ScopeId) -> (Vec<StatedScope>, Option<ScopeId>) {
        let own = self.node();
        let scopes: Vec<ScopeId> = self.scopes.range(from..).map(|(scope, _)| *scope).collect();
        let (mut shared, mut bytes) = (Vec::new(), 0);
        for scope in scopes {
            if self.share(peer, &scope) != Share::All || self.share(&own, &scope) != Share::All {
                continue;
            }
            let nodes = self.view.held.get(&scope);
            let nodes = nodes.iter().flat_map(|nodes| nodes.iter());
            let stated: Vec<_> = nodes.map(|(node, stated)| (link(node), stated.held.hlc)).collect();
            bytes += SCOPE_BYTES + LINK_BYTES * stated.len();
            if !shared.is_empty() && (bytes > PUSH_BYTES_MAX || shared.len() == GROUPS_PER_REQUEST_MAX) {
                return (shared, Some(scope));
            }
            shared.push(StatedScope { scope, stated });
        }
        (shared, None)
    }

    /// What a peer lacks of the statements over the scopes that it shares.
    pub(crate) fn newer_stated(&mut self, peer: &NodeId, scopes: &[StatedScope]) -> Vec<Held> {
        let (mut newer, mut bytes) = (Vec::new(), 0);
        for StatedScope { scope, stated } in scopes.iter().take(GROUPS_PER_REQUEST_MAX) {
            if self.share(peer, scope) != Share::All {
                continue;
            }
            let known: BTreeMap<u64, u64> = stated.iter().copied().collect();
            let Some(nodes) = self.view.held.get(scope) else { continue };
            let lacking = nodes.iter().filter(|(node, at_hand)| {
                *node != peer && known.get(&link(node)).is_none_or(|hlc| *hlc < at_hand.held.hlc)
            });
            for (_, at_hand) in lacking {
                bytes += codec::encode(&at_hand.held).len();
                if bytes > PUSH_BYTES_MAX && !newer.is_empty() {
                    return newer;
                }
                newer.push(at_hand.held.clone());
            }
        }
        newer
    }

    /// Takes what was asked for, and asks on: again from there if there was more than fits, else for the next scopes.
    pub(crate) fn take_stated(
        &mut self,
        cx: &mut Cx<'_>,
        peer: NodeId,
        helds: Vec<Held>,
        asked: (ScopeId, Option<ScopeId>),
    ) {
        let before = self.relay.len();
        for held in helds {
            self.take_held(cx, peer, held);
        }
        let (from, next) = asked;
        let on = if self.relay.len() > before { Some(from) } else { next };
        self.ask_stated.extend(on.map(|from| (peer, from)));
    }
}
