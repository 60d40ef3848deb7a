//! Fetching what peers hold more of: claims go into the plan (`sync/plan.rs`), pieces come out of it, and what arrives
//! is taken in when its turn comes. Nothing durable is asked for again after a cut (INV-34).

use super::ingest::Ingested;
use super::serve::Share;
use super::{Cx, Engine};
use crate::clock::Millis;
use crate::entry::{Entry, batch};
use crate::ids::{EntryId, GroupId, LogId, NodeId, ScopeId};
use crate::log::{ChainError, Height};
use crate::sync::message::Request;
use crate::sync::plan::{Arrived, Claim, Extent, Piece, Way, Ways};
use crate::sync::session::{Asked, Session};
use minicbor::bytes::ByteVec;
use std::sync::Arc;

/// The lowest priority whose logs are filled from their newest entry down: what people write in groups.
const DATA_PRIORITY: u8 = 3;

impl Engine {
    /// How far a log is held.
    pub fn extent(&self, log: &LogId) -> Extent {
        self.logs.get(log).map_or(Extent::default(), |log| Extent {
            next: log.next,
            above: log.above.as_ref().map(|span| (span.low, span.top)),
        })
    }

    /// Notes what a peer holds of a log and plans to fetch what is missing here.
    pub(crate) fn want(&mut self, now: Millis, peer: &NodeId, scope: ScopeId, priority: u8, height: &Height) {
        let extent = self.extent(&height.log);
        // What is being dropped is taken again when it is gone.
        let settled = extent.lacks(height.next) == 0 || self.dropping.contains_key(&height.log);
        if settled || !self.sessions.contains_key(peer) {
            return;
        }
        // Data of a group that is known and not kept here would only be refused.
        let group = GroupId::from(scope);
        if priority == DATA_PRIORITY
            && self.view.groups.contains_key(&group)
            && self.share(&self.node(), &scope) != Share::All
        {
            return;
        }
        // What continues it is here already, and its time has not come.
        let ends = match self.logs.get(&height.log) {
            Some(log) => (log.head, log.above.as_ref().map(|span| span.head)),
            None => (EntryId(height.log.0), None),
        };
        if self.later.waits(&ends.0) || ends.1.is_some_and(|head| self.later.waits(&head)) {
            return;
        }
        let place = self.logs.get(&height.log).map(|log| (log.node, log.scope, log.class));
        if place.is_some_and(|(node, scope, class)| self.is_capped(now, &node, &scope, class)) {
            return;
        }
        let own = self.logs.get(&height.log).is_some_and(|log| log.node == self.node());
        let forked = self.has_branches(&height.log) || self.logs.get(&height.log).is_some_and(|log| log.end.is_some());
        let upwards = own || forked || priority < DATA_PRIORITY || self.upwards.contains(&height.log);
        let ways = if upwards { Ways::Upwards } else { Ways::Both };
        let Height { log, next, head } = *height;
        self.plan.claim(*peer, &Claim { scope, priority, log, height: next, head, extent, ways });
    }

    /// A peer answered a piece.
    pub(crate) fn take_piece(&mut self, cx: &mut Cx<'_>, peer: NodeId, call: u64, batches: Vec<ByteVec>) {
        let bytes: usize = batches.iter().map(|batch| batch.len()).sum();
        let empty = batches.is_empty();
        // It holds the log so far and nothing that goes on from what is held here: it means a branch.
        if empty
            && let Some((log, head)) = self.plan.claimed(call)
            && self.logs.contains_key(&log)
            && let Some(session) = self.sessions.get_mut(&peer)
        {
            session.branches.insert((log, Some(head)));
        }
        self.count(&peer, |counts| {
            counts.bytes += bytes as u64;
            counts.broken += u64::from(empty);
        });
        let Some(log) = self.plan.arrived(call, batches) else { return };
        while let Some(arrived) = self.plan.take(&log) {
            self.take_arrived(cx, arrived);
        }
    }

    fn take_arrived(&mut self, cx: &mut Cx<'_>, Arrived { piece, peer, batches }: Arrived) {
        let before = self.extent(&piece.log);
        let mut bad = false;
        for bytes in batches {
            let Ok(entries) = batch::decode(&bytes) else {
                bad = true;
                break;
            };
            if entries.first().map(Entry::log) != Some(piece.log) {
                bad = true;
                break;
            }
            match self.take_part(cx, &peer, &piece, entries) {
                Ingested::New(_) => {}
                // It goes on from something else than what is held here: another branch.
                Ingested::Chain(ChainError::Gap | ChainError::Fork) if piece.way == Way::Forward => {
                    if let Some(session) = self.sessions.get_mut(&peer) {
                        session.branches.insert((piece.log, None));
                    }
                    break;
                }
                outcome => {
                    bad = outcome.is_fault();
                    break;
                }
            }
        }
        if bad {
            self.blame(cx, &peer);
        }
        let after = self.extent(&piece.log);
        let new = after.held().saturating_sub(before.held());
        self.count(&peer, |counts| {
            counts.entries += new;
            counts.bad += u64::from(bad);
        });
        if new == 0 && after == before {
            if piece.way == Way::Back {
                self.fill_upwards(&piece.log);
            }
            return self.plan.useless(&peer, &piece.log);
        }
        self.made_progress(&peer);
        for (holder, height) in self.plan.moved(&piece.log, after) {
            self.know(&holder, piece.log, height);
            self.made_progress(&holder);
        }
    }

    fn take_part(&mut self, cx: &mut Cx<'_>, peer: &NodeId, piece: &Piece, entries: Vec<Entry>) -> Ingested {
        let first = entries.first().map_or(0, |entry| entry.header.seq);
        let held = self.logs.get(&piece.log).map_or(0, |log| log.next);
        let above = piece.way == Way::Forward && first > held && held > 0 && piece.from > held;
        if piece.way == Way::Forward && !above {
            return self.ingest_from(cx, peer, entries);
        }
        let Some((node, scope, class)) = self.logs.get(&piece.log).map(|log| (log.node, log.scope, log.class)) else {
            return Ingested::Stranger;
        };
        if !self.may_give(peer, &scope, class) {
            return Ingested::Stranger;
        }
        if self.exceeds(cx.now, &node, &scope, class, &entries) {
            return Ingested::Capped;
        }
        self.count_intake(cx.now, &node, &entries);
        if above { self.ingest_above(cx, entries) } else { self.ingest_below(cx, entries) }
    }

    /// A log that cannot be taken from above is filled from below from now on.
    pub(crate) fn fill_upwards(&mut self, log: &LogId) {
        self.upwards.insert(*log);
        self.plan.only_upwards(log);
    }

    fn made_progress(&mut self, peer: &NodeId) {
        if let Some(session) = self.sessions.get_mut(peer) {
            session.progress = true;
        }
    }

    /// Asks every peer for what it may be asked, and ends the rounds that are over.
    pub(crate) fn fetch(&mut self, cx: &mut Cx<'_>) {
        let peers: Vec<NodeId> = self.sessions.keys().copied().collect();
        for peer in &peers {
            while let Some(piece) = self.plan.choose(peer) {
                let Piece { log, from, to, .. } = piece;
                // A push may have brought it meanwhile.
                let extent = self.extent(&log);
                if self.plan.extent(&log) != Some(extent) {
                    self.plan.moved(&log, extent);
                    continue;
                }
                let request = match piece.way {
                    Way::Forward => Request::Range { log, from, to },
                    Way::Back => Request::RangeBack { log, from, to },
                };
                let Some(call) = self.call(cx, *peer, &request, Asked::Range) else { break };
                self.plan.asked(*peer, call, piece, cx.now);
            }
        }
        for peer in peers {
            let over = self.sessions.get(&peer).is_some_and(Session::is_round_over);
            if over && !self.plan.has_work(&peer) {
                self.end_round(cx, peer, false);
            }
        }
    }

    /// Shows how far catching up has got. Called at each tick, so that screens hear of it once a second at most.
    pub(crate) fn show_progress(&mut self, cx: &mut Cx<'_>) {
        let filling = self.plan.progress();
        let mut changed = *self.view.filling != filling;
        if changed {
            let groups: Vec<ScopeId> = self.view.filling.keys().chain(filling.keys()).copied().collect();
            for scope in groups {
                if self.view.filling.get(&scope) != filling.get(&scope) {
                    cx.notify(super::effect::Notice::Delivery { group: GroupId::from(scope) });
                }
            }
            self.view_mut().filling = Arc::new(filling);
        }
        let peers: Vec<NodeId> = self.view.peers.keys().copied().collect();
        for peer in peers {
            if let Some(counts) = self.sessions.get(&peer).map(|session| session.counts)
                && self.view.peers.get(&peer).is_some_and(|status| status.counts != counts)
            {
                self.view_mut().peers.entry(peer).or_default().counts = counts;
            }
            let progress = self.plan.progress_of(&peer);
            if self.view.peers.get(&peer).is_some_and(|status| status.progress != progress) {
                changed = true;
                self.view_mut().peers.entry(peer).or_default().progress = progress;
            }
        }
        if changed {
            cx.notify(super::effect::Notice::Network);
        }
    }

    /// Counts what a peer does, for metrics and alarms.
    pub(crate) fn count(&mut self, peer: &NodeId, count: impl FnOnce(&mut crate::sync::session::PeerCounts)) {
        if let Some(session) = self.sessions.get_mut(peer) {
            count(&mut session.counts);
        }
    }
}
