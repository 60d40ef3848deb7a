//! Driving the sessions: greet, compare, fetch what is missing, pass on what is new (`docs/protocol.md` §1.10).

use super::effect::{Effect, Notice};
use super::ingest::Ingested;
use super::serve::{Share, encode_batches, org_tag};
use super::{Cx, Engine};
use crate::clock::Millis;
use crate::control::op::Class;
use crate::entry::Entry;
use crate::ids::{LogId, NodeId, ScopeId};
use crate::limits::{CALLS_PER_PEER_MAX, GROUPS_PER_REQUEST_MAX, PUSH_BYTES_MAX, PUSH_ENTRIES_MAX, SHARED_SCOPES_MAX};
use crate::store::keys as rows;
use crate::sync::message::{LEVEL, Request, Response, ScopeFrontier};
use crate::sync::session::{Asked, Session, priority};
use minicbor::bytes::ByteVec;
use std::collections::BTreeSet;

/// After a call that failed, wait this long before the next round.
const RETRY_MS: u64 = 3_000;

impl Engine {
    /// What the first input of a process sets going.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) {
        self.begin_gate(cx.now);
        self.prove_forks(cx);
        self.recall_addresses(cx);
        for peer in std::mem::take(&mut self.standing) {
            self.peer_connected(cx, peer);
        }
        let wanted = super::read::Reader { view: &self.view, store: &*cx.tx, now: cx.now }.wanted(10_000);
        cx.effects.extend(wanted.into_iter().map(|(blob, size, group)| Effect::FetchBlob { blob, size, group }));
    }

    /// The other nodes that share a scope.
    pub(crate) fn others(&self, scope: &ScopeId) -> Vec<NodeId> {
        let Some(org) = self.view.org_state() else { return Vec::new() };
        let own = self.node();
        org.connectable().filter(|node| *node != own && self.share(node, scope) == Share::All).collect()
    }

    pub(crate) fn peer_connected(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        let status = self.view_mut().peers.entry(peer).or_default();
        if !status.connected {
            status.connected = true;
            status.since = Some(cx.now);
        }
        cx.tx.put(&rows::seen(&peer), &cx.now.0.to_be_bytes());
        cx.notify(Notice::Network);
        self.plan.forget(&peer);
        self.sessions.insert(peer, Session::new());
        self.greet(cx, peer);
    }

    pub(crate) fn greet(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        if let Some(org) = self.org() {
            let hello = Request::Hello { level: LEVEL, tag: org_tag(&org), now: cx.now.0 };
            self.call(cx, peer, &hello, Asked::Hello);
        }
    }

    pub(crate) fn peer_gone(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        self.sessions.remove(&peer);
        self.plan.forget(&peer);
        self.link_ended(&peer);
        let status = self.view_mut().peers.entry(peer).or_default();
        status.connected = false;
        status.since = Some(cx.now);
        cx.tx.put(&rows::seen(&peer), &cx.now.0.to_be_bytes());
        cx.notify(Notice::Network);
    }

    /// Asks a peer. A note to one that leaves many unanswered is left to the next comparison.
    pub(crate) fn call(&mut self, cx: &mut Cx<'_>, peer: NodeId, request: &Request, asked: Asked) -> Option<u64> {
        let session = self.sessions.get_mut(&peer)?;
        if asked.is_note() && session.in_flight.len() >= CALLS_PER_PEER_MAX {
            return None;
        }
        self.calls += 1;
        session.in_flight.insert(self.calls, asked);
        cx.effects.push(Effect::Request { peer, call: self.calls, bytes: request.encode() });
        Some(self.calls)
    }

    pub(crate) fn peer_response(&mut self, cx: &mut Cx<'_>, peer: NodeId, call: u64, bytes: Option<&[u8]>) {
        let Some(asked) = self.sessions.get_mut(&peer).and_then(|session| session.in_flight.remove(&call)) else {
            return;
        };
        match (bytes.map(Response::decode), asked) {
            (Some(Ok(Response::Range { batches })), Asked::Range) => self.take_piece(cx, peer, call, batches),
            (Some(Ok(response)), asked) => self.take_response(cx, peer, asked, response),
            // What was pushed in vain is found by the next comparison.
            (_, Asked::Push(logs)) => {
                let scopes: Vec<ScopeId> =
                    logs.iter().filter_map(|(log, _)| self.logs.get(log)).map(|log| log.scope).collect();
                if let Some(session) = self.sessions.get_mut(&peer) {
                    session.announce.extend(scopes);
                }
            }
            // An announcement or a statement may be what was lost.
            (None, Asked::Note) => {
                if let Some(session) = self.sessions.get_mut(&peer) {
                    session.look_soon(cx.now);
                }
            }
            (None, Asked::Told(told)) => {
                if let Some(session) = self.sessions.get_mut(&peer) {
                    session.untold.extend(told);
                }
            }
            (None, Asked::Links) => {
                if let Some(session) = self.sessions.get_mut(&peer) {
                    session.links_due = true;
                }
            }
            (None, Asked::Stated { from, .. }) => {
                self.ask_stated.insert(peer, from);
            }
            (_, Asked::Note | Asked::Told(_) | Asked::Links | Asked::Here | Asked::Stated { .. }) => {}
            (_, _) => self.fail_round(cx, peer),
        }
        self.go_on(cx, peer);
    }

    fn fail_round(&mut self, cx: &Cx<'_>, peer: NodeId) {
        if let Some(session) = self.sessions.get_mut(&peer) {
            session.branches.clear();
            session.heard.clear();
            session.busy = false;
            session.progress = false;
            session.next = Millis(cx.now.0 + RETRY_MS);
        }
        self.plan.forget(&peer);
    }

    fn take_response(&mut self, cx: &mut Cx<'_>, peer: NodeId, asked: Asked, response: Response) {
        match (asked, response) {
            (Asked::Hello, Response::Hello { tag, now, .. }) if self.org().map(|org| org_tag(&org)) == Some(tag) => {
                if let Some(session) = self.sessions.get_mut(&peer) {
                    session.greeted = true;
                    session.clock_ms = Some(now as i64 - cx.now.0 as i64);
                }
                self.give_addresses(cx, peer);
                self.give_proofs(cx, peer);
                self.link_begun(cx, peer);
                self.compare(cx, peer);
            }
            (Asked::Compare(root), Response::Compared { same }) => {
                // Ours may have moved since; then the answer proves nothing about now.
                if same && root == self.root_for(&peer) {
                    self.proved_equal(cx, peer);
                    // Equal, but what others state of own logs is to be heard before those may leave, and what a site that
                    // left still has to give.
                    let unheard = self.unheard_with(&peer);
                    if unheard.is_empty() {
                        self.end_round(cx, peer, true);
                    } else {
                        let request = Request::Frontier { scopes: unheard.clone() };
                        self.call(cx, peer, &request, Asked::Frontier(unheard));
                    }
                } else {
                    self.call(cx, peer, &Request::Digests, Asked::Digests);
                }
            }
            (Asked::Digests, Response::Digests { digests }) => {
                let differing = digests
                    .into_iter()
                    .take(SHARED_SCOPES_MAX)
                    .filter(|theirs| {
                        let share = if theirs.data { Share::All } else { Share::Control };
                        self.scope_digest(&theirs.scope, share) != theirs.digest
                    })
                    .map(|theirs| theirs.scope)
                    .take(GROUPS_PER_REQUEST_MAX);
                let mut scopes: BTreeSet<ScopeId> = differing.collect();
                scopes.extend(self.unheard_with(&peer));
                // What does not fit comes with the next round, which follows one that brought something.
                let scopes: BTreeSet<ScopeId> = scopes.into_iter().take(GROUPS_PER_REQUEST_MAX).collect();
                if !scopes.is_empty() {
                    let scopes: Vec<ScopeId> = scopes.into_iter().collect();
                    let request = Request::Frontier { scopes: scopes.clone() };
                    self.call(cx, peer, &request, Asked::Frontier(scopes));
                }
            }
            (Asked::Frontier(asked), Response::Frontier { scopes, left }) => {
                let answered = asked.len() > left.len();
                let (left, asked): (Vec<ScopeId>, Vec<ScopeId>) =
                    asked.into_iter().partition(|scope| left.contains(scope));
                // A scope that the peer does not know cannot be further there than here.
                let unknown = asked.iter().filter(|scope| !scopes.iter().any(|frontier| frontier.scope == **scope));
                for scope in unknown.copied().collect::<Vec<_>>() {
                    self.heard_from(cx.now, peer, scope);
                }
                self.note_heard(&peer, &asked);
                for frontier in scopes.into_iter().filter(|frontier| asked.contains(&frontier.scope)) {
                    self.take_frontier(cx, peer, frontier);
                }
                if answered && !left.is_empty() {
                    self.call(cx, peer, &Request::Frontier { scopes: left.clone() }, Asked::Frontier(left));
                }
            }
            (Asked::Branch(log, head), Response::Range { batches }) => {
                self.take_branch(cx, peer, (log, head), &batches);
            }
            (Asked::Push(logs), Response::Noted { helds }) => {
                // Where it met a gap the peer asks by itself.
                for (log, next) in logs {
                    self.know(&peer, log, next);
                }
                for held in helds {
                    self.take_held(cx, peer, held);
                }
            }
            (Asked::Stated { from, next }, Response::Noted { helds }) => {
                self.take_stated(cx, peer, helds, (from, next));
            }
            (asked, _) if asked.is_note() => {}
            _ => self.fail_round(cx, peer),
        }
    }

    /// Scopes of which a peer is asked what it holds though nothing differs: where own logs wait to be published, and what
    /// its site has left.
    fn unheard_with(&mut self, peer: &NodeId) -> Vec<ScopeId> {
        let shared = self.shared(peer).into_iter().map(|(scope, _)| scope);
        let unpublished: BTreeSet<ScopeId> = shared.filter(|scope| !self.published.contains(scope)).collect();
        let parted = self.unheard_parted(peer).into_iter().filter(|scope| !unpublished.contains(scope));
        unpublished.iter().copied().chain(parted).take(GROUPS_PER_REQUEST_MAX).collect()
    }

    fn compare(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        let root = self.root_for(&peer);
        if let Some(session) = self.sessions.get_mut(&peer) {
            session.busy = true;
            self.call(cx, peer, &Request::Compare { root }, Asked::Compare(root));
        }
    }

    /// Both hold the same: said only after a comparison (`ui.md`).
    pub(crate) fn proved_equal(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        let now = cx.now;
        let status = self.view_mut().peers.entry(peer).or_default();
        let news = status.up_to_date.is_none_or(|before| now.0 > before.0 + 1_000);
        status.up_to_date = Some(now);
        if news {
            cx.notify(Notice::Network);
        }
        for (scope, share) in self.shared(&peer) {
            let data = if share == Share::All { self.heights(&scope, Class::Data) } else { Vec::new() };
            for height in self.heights(&scope, Class::Control).into_iter().chain(data) {
                self.know(&peer, height.log, height.next);
            }
        }
    }

    fn take_frontier(&mut self, cx: &mut Cx<'_>, peer: NodeId, frontier: ScopeFrontier) {
        let scope = frontier.scope;
        let of_org = self.org().map(ScopeId::from) == Some(scope);
        let mut lacks = false;
        for (class, heights) in [(Class::Control, &frontier.control), (Class::Data, &frontier.data)] {
            for height in heights.iter().take(crate::limits::FRONTIER_LOGS_MAX) {
                self.check_own(cx, peer, height);
                self.know(&peer, height.log, height.next);
                if !self.want_branch(cx, &peer, height) {
                    self.want(cx.now, &peer, scope, priority(of_org, class), height);
                }
                lacks |= self.logs.get(&height.log).is_some_and(|log| log.next > height.next);
            }
            let theirs: BTreeSet<LogId> = heights.iter().map(|height| height.log).collect();
            lacks |= self.heights(&scope, class).iter().any(|height| !theirs.contains(&height.log));
        }
        if lacks && let Some(session) = self.sessions.get_mut(&peer) {
            session.announce.insert(scope);
        }
        for held in frontier.helds {
            self.take_held(cx, peer, held);
        }
        self.heard_from(cx.now, peer, scope);
    }

    /// Ingests entries of a scope that this node keeps; everything else is not its business.
    pub(crate) fn ingest_wanted(&mut self, cx: &mut Cx<'_>, entries: Vec<Entry>) -> Ingested {
        let Some(first) = entries.first() else { return Ingested::New(0) };
        let (scope, class, node) = match self.logs.get(&first.log()) {
            Some(log) => (log.scope, log.class, log.node),
            None => match super::ingest::opening(first) {
                Some(opening) => opening,
                None => return Ingested::Malformed,
            },
        };
        let of_org = self.org().map(ScopeId::from) == Some(scope);
        if class == Class::Data && !of_org && self.share(&self.node(), &scope) != Share::All {
            return Ingested::Stranger;
        }
        if self.exceeds(cx.now, &node, &scope, class, &entries) {
            return Ingested::Capped;
        }
        self.count_intake(cx.now, &node, &entries);
        let outcome = self.ingest(cx, entries);
        self.evaluate_stale(cx);
        outcome
    }

    /// The same for what a peer gave: from a suspended one the organisation's control alone (ruling A10).
    pub(crate) fn ingest_from(&mut self, cx: &mut Cx<'_>, peer: &NodeId, entries: Vec<Entry>) -> Ingested {
        let Some(first) = entries.first() else { return Ingested::New(0) };
        let place = match self.logs.get(&first.log()) {
            Some(log) => Some((log.scope, log.class)),
            None => super::ingest::opening(first).map(|(scope, class, _)| (scope, class)),
        };
        match place {
            Some((scope, class)) if !self.may_give(peer, &scope, class) => Ingested::Stranger,
            _ => self.ingest_wanted(cx, entries),
        }
    }

    /// Asks for the next ranges, or ends the round; pushes what came up meanwhile.
    fn go_on(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        self.push_backlog(cx, peer);
        self.ask_branches(cx, peer);
        self.fetch(cx);
    }

    pub(crate) fn end_round(&mut self, cx: &mut Cx<'_>, peer: NodeId, equal: bool) {
        let now = cx.now;
        if self.sessions.get_mut(&peer).is_some_and(|session| session.end_round(now, equal)) {
            self.compare(cx, peer);
        }
    }

    /// Begins a round with a peer at once, if one is due.
    pub(crate) fn begin_if_due(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        let now = cx.now;
        if self.sessions.get(&peer).is_some_and(|session| session.is_due(now)) {
            self.compare(cx, peer);
        }
    }

    /// About once a second: rounds that are due, announcements, statements.
    pub(crate) fn tick(&mut self, cx: &mut Cx<'_>) {
        self.plan.hurry(cx.now);
        self.fetch(cx);
        self.show_progress(cx);
        self.state_unstated(cx);
        self.keep_gate(cx);
        self.keep_clock(cx);
        self.erase_tick(cx);
        self.part_tick(cx);
        self.pass_on_helds(cx);
        self.link_tick(cx);
        self.state_addresses(cx);
        if self.check_clock().is_ok() {
            self.keep_epochs(cx);
        }
        let fresh = std::mem::take(&mut self.fresh);
        let peers: Vec<NodeId> = self.sessions.keys().copied().collect();
        for peer in peers {
            // A greeting may be lost with one of several connections; without another one nothing would ever follow.
            if self.sessions.get(&peer).is_some_and(|session| session.is_greeting_due(cx.now)) {
                self.greet(cx, peer);
            }
            let lacking = self.lacking(&peer, &fresh);
            let Some(session) = self.sessions.get_mut(&peer).filter(|session| session.greeted) else { continue };
            session.announce.extend(lacking);
            let mut scopes: Vec<ScopeId> = std::mem::take(&mut session.announce).into_iter().collect();
            let due = session.is_due(cx.now);
            // What a peer may not read it may not hear of either.
            scopes.retain(|scope| self.share(&peer, scope) > Share::Nothing);
            if !scopes.is_empty() {
                let scopes = scopes.into_iter().take(GROUPS_PER_REQUEST_MAX).collect();
                self.call(cx, peer, &Request::Announce { scopes }, Asked::Note);
            }
            if due {
                self.compare(cx, peer);
            }
        }
    }

    /// Scopes of which a peer is known to lack entries that came from elsewhere since the last tick.
    fn lacking(&self, peer: &NodeId, fresh: &BTreeSet<(ScopeId, LogId)>) -> Vec<ScopeId> {
        let Some(session) = self.sessions.get(peer) else { return Vec::new() };
        let lacks = |log: &LogId| {
            let next = self.logs.get(log).map_or(0, |log| log.next);
            session.known.get(log).copied().unwrap_or(0) < next
        };
        let scopes: BTreeSet<ScopeId> = fresh.iter().filter(|(_, log)| lacks(log)).map(|(scope, _)| *scope).collect();
        scopes.into_iter().filter(|scope| self.share(peer, scope) > Share::Nothing).collect()
    }

    /// Gives own new entries at once to the connected nodes that share their scope.
    pub(crate) fn push_written(&mut self, cx: &mut Cx<'_>) {
        let written = std::mem::take(&mut cx.written);
        for (scope, entries) in written {
            if !self.published.contains(&scope) && self.others(&scope).is_empty() {
                self.published.insert(scope);
            }
            // Where many share the scope one message serves them all.
            if self.publish_live(cx, &scope, &entries) {
                continue;
            }
            let logs: BTreeSet<LogId> = entries.iter().map(Entry::log).collect();
            for session in self.sessions.values_mut().filter(|session| session.greeted) {
                session.backlog.extend(&logs);
            }
        }
        let peers: Vec<NodeId> = self.sessions.keys().copied().collect();
        for peer in peers {
            self.push_backlog(cx, peer);
        }
    }

    /// Pushes to a peer the own entries that it lacks, if it holds all before them and they are few; else they are
    /// announced, and pulled.
    fn push_backlog(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        let Some(session) = self.sessions.get_mut(&peer).filter(|session| !session.is_pushing()) else { return };
        let backlog = std::mem::take(&mut session.backlog);
        let (mut runs, mut bytes, mut count) = (Vec::new(), 0, 0);
        for id in backlog {
            let Some(log) = self.logs.get(&id) else { continue };
            let share = self.share(&peer, &log.scope);
            let known = self.sessions.get(&peer).and_then(|session| session.known.get(&id)).copied();
            if share == Share::Nothing
                || (share == Share::Control && log.class == Class::Data)
                || known >= Some(log.next)
            {
                continue;
            }
            let run: Vec<Entry> =
                super::lookup::entries_of(&*cx.tx, &id, known.unwrap_or(0)).take(PUSH_ENTRIES_MAX + 1).collect();
            count += run.len();
            bytes += run.iter().map(|entry| 256 + entry.header.body_len as usize).sum::<usize>();
            // A log that the peer is not known to hold is pushed only from its beginning, while it is new.
            let unknown = known.is_none() && log.next as usize > PUSH_ENTRIES_MAX;
            if unknown || !self.may_leave(&id) || count > PUSH_ENTRIES_MAX || bytes > PUSH_BYTES_MAX {
                let scope = log.scope;
                if let Some(session) = self.sessions.get_mut(&peer) {
                    session.announce.insert(scope);
                }
                continue;
            }
            runs.push((log.class, id, log.next, run));
        }
        if runs.is_empty() {
            return;
        }
        runs.sort_by_key(|(class, ..)| *class);
        let batches =
            runs.iter().flat_map(|(class, _, _, run)| encode_batches(run, *class)).map(ByteVec::from).collect();
        let logs = runs.iter().map(|(_, id, next, _)| (*id, *next)).collect();
        self.call(cx, peer, &Request::Push { batches }, Asked::Push(logs));
    }
}
