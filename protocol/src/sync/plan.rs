//! What is missing here, who holds it, and who is asked for which piece: one plan over all peers. Knows no entries and no
//! rights; what it is told of a log's state is what is durable, so that a cut costs only what was under way (INV-34).
//!
//! 1. Control before data, of each peer; small logs before big ones, so that most groups are whole early.
//! 2. Pieces of a log are disjoint. Those that arrive before their turn wait here, few of them.
//! 3. A log that lacks much is filled from its newest entry down (ruling D11), so that today is read first.
//! 4. A peer that delivers nothing of what it claims is not asked again for that log until it claims anew.

mod extent;

pub use extent::{Extent, Progress};

use crate::clock::Millis;
use crate::ids::{EntryId, LogId, NodeId, ScopeId};
use crate::limits::{
    BACKFILL_ENTRIES_MIN, FIRST_PIECE_ENTRIES, PIECE_ENTRIES, RANGE_SLOW_MS, RANGES_MAX, RANGES_PER_PEER_MAX,
    WANTED_LOGS_PER_PEER_MAX,
};
use minicbor::bytes::ByteVec;
use std::collections::{BTreeMap, BTreeSet};

/// From which end a piece joins what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It follows what is held, or begins a span further up; proved by its last signature.
    Forward,
    /// It precedes the span further up; proved by the chain.
    Back,
}

/// A piece to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The log.
    pub log: LogId,
    /// How it joins.
    pub way: Way,
    /// The first position.
    pub from: u64,
    /// Behind the last one.
    pub to: u64,
}

/// A piece that arrived and can be taken now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Which.
    pub piece: Piece,
    /// Who sent it.
    pub peer: NodeId,
    /// Its batches.
    pub batches: Vec<ByteVec>,
}

#[derive(Debug, Clone)]
enum State {
    Asked { peer: NodeId, call: u64, since: Millis },
    Here { peer: NodeId, batches: Vec<ByteVec> },
}

#[derive(Debug, Clone)]
struct Part {
    to: u64,
    way: Way,
    state: State,
}

#[derive(Debug, Clone, Copy)]
struct Holder {
    height: u64,
    head: EntryId,
    slow: bool,
}

/// The order in which logs are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    priority: u8,
    lacks: u64,
    log: LogId,
}

#[derive(Debug, Clone)]
struct Fill {
    scope: ScopeId,
    place: Place,
    extent: Extent,
    /// Only upwards: an own log, control, or one that cannot be taken from above.
    upwards: bool,
    holders: BTreeMap<NodeId, Holder>,
    parts: BTreeMap<u64, Part>,
}

/// What is known of one log that a peer holds more of.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// Its scope.
    pub scope: ScopeId,
    /// See [`super::session::priority`].
    pub priority: u8,
    /// The log.
    pub log: LogId,
    /// How far the peer holds it.
    pub height: u64,
    /// The entry before that position, there.
    pub head: EntryId,
    /// How far it is held here.
    pub extent: Extent,
    /// Whether it may be filled from above.
    pub ways: Ways,
}

/// From which ends a log may be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ways {
    /// From the lowest missing entry upwards only.
    Upwards,
    /// From the newest entry down, where much is missing.
    Both,
}

/// How large pieces are, and how much must be missing for a log to be filled from above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Entries of a piece, which begins at a multiple of it: a multiple of [`crate::limits::EXPLICIT_EVERY_ENTRIES`].
    pub piece: u64,
    /// See [`BACKFILL_ENTRIES_MIN`].
    pub backfill_min: u64,
    /// See [`FIRST_PIECE_ENTRIES`].
    pub first: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { piece: PIECE_ENTRIES, backfill_min: BACKFILL_ENTRIES_MIN, first: FIRST_PIECE_ENTRIES }
    }
}

/// The plan.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    sizes: Sizes,
    fills: BTreeMap<LogId, Fill>,
    queues: BTreeMap<NodeId, BTreeSet<Place>>,
    logs: BTreeMap<NodeId, BTreeSet<LogId>>,
    /// Calls under way: who was asked for which piece.
    calls: BTreeMap<u64, (NodeId, Piece)>,
    waiting: usize,
    /// Entries of logs that were completed since the peer, or the whole plan, last had nothing to do.
    done_by: BTreeMap<NodeId, u64>,
    done_in: BTreeMap<ScopeId, u64>,
}

impl Fill {
    fn target(&self) -> u64 {
        self.holders.values().map(|holder| holder.height).max().unwrap_or(0)
    }

    /// Where the next piece must join, by the way it is filled now.
    fn is_next(&self, sizes: Sizes, from: u64, part: &Part) -> bool {
        match (part.way, self.extent.above) {
            (Way::Forward, Some((low, top))) if from >= low => from <= top,
            // A piece that is to begin the span further up joins nothing below.
            (Way::Forward, None) if from > self.extent.next => self.begins_span(sizes, from, part.to),
            (Way::Forward, _) => from <= self.extent.next,
            (Way::Back, Some((low, _))) => part.to >= low,
            (Way::Back, None) => true,
        }
    }

    fn begins_span(&self, sizes: Sizes, from: u64, to: u64) -> bool {
        !self.upwards
            && self.extent.next > 0
            && to.saturating_sub(self.extent.next) > sizes.backfill_min
            && from > self.extent.next
    }

    /// The lowest free stretch from a position on, cut at the next multiple of a piece.
    fn free_upwards(&self, piece: u64, from: u64, until: u64) -> Option<(u64, u64)> {
        let mut at = from;
        for (start, part) in &self.parts {
            if *start > at {
                break;
            }
            at = at.max(part.to);
        }
        let wall = self.parts.range(at..).next().map_or(until, |(start, _)| (*start).min(until));
        let to = ((at / piece + 1) * piece).min(wall);
        (at < to).then_some((at, to))
    }

    /// The highest free stretch below a position, cut at a multiple of a piece.
    fn free_downwards(&self, piece: u64, below: u64, bottom: u64) -> Option<(u64, u64)> {
        let mut to = below;
        let mut floor = bottom;
        for (start, part) in self.parts.range(..below).rev() {
            if part.to < to {
                floor = floor.max(part.to);
                break;
            }
            to = to.min(*start);
        }
        if to <= bottom {
            return None;
        }
        let from = ((to - 1) / piece * piece).max(floor);
        (from < to).then_some((from, to))
    }

    /// The piece that a peer can be asked for now.
    fn pick(&self, sizes: Sizes, peer: &NodeId) -> Option<(Way, u64, u64)> {
        let holder = self.holders.get(peer)?;
        if holder.slow && self.holders.values().any(|other| !other.slow) {
            return None;
        }
        let (height, next) = (holder.height, self.extent.next);
        let forward = |found: Option<(u64, u64)>| found.map(|(from, to)| (Way::Forward, from, to));
        match self.extent.above {
            Some((low, top)) => {
                let newer = self.free_upwards(sizes.piece, top, height).filter(|(from, _)| *from == top);
                let older = || {
                    if self.upwards {
                        return forward(self.free_upwards(sizes.piece, next, low.min(height)));
                    }
                    let (from, to) = self.free_downwards(sizes.piece, low.min(height), next)?;
                    Some((Way::Back, from, to))
                };
                forward(newer).or_else(older)
            }
            // Nothing more is asked until the log's first entries say whose it is.
            None if next == 0 => {
                let to = height.min(sizes.first);
                (self.parts.is_empty() && to > 0).then_some((Way::Forward, 0, to))
            }
            None if self.begins_span(sizes, next + 1, height) => {
                let from = (height - 1) / sizes.piece * sizes.piece;
                let idle = self.parts.values().all(|part| matches!(part.state, State::Here { .. }));
                (idle && from > next).then_some((Way::Forward, from, height))
            }
            None => forward(self.free_upwards(sizes.piece, next, height)),
        }
    }

    /// Drops what has been overtaken.
    fn trim(&mut self) -> usize {
        let extent = self.extent;
        let inside = |from: u64, part: &Part| {
            part.to <= extent.next || extent.above.is_some_and(|(low, top)| from >= low && part.to <= top)
        };
        let mut waited = 0;
        self.parts.retain(|from, part| {
            let drop = inside(*from, part);
            waited += usize::from(drop && matches!(part.state, State::Here { .. }));
            !drop
        });
        waited
    }
}

impl Plan {
    /// A plan with other sizes.
    pub fn sized(sizes: Sizes) -> Self {
        Self { sizes, ..Self::default() }
    }

    /// A peer holds more of a log than is here. Beyond the bound it is left for the next round.
    pub fn claim(&mut self, peer: NodeId, claim: &Claim) {
        if claim.extent.lacks(claim.height) == 0 {
            return;
        }
        let logs = self.logs.entry(peer).or_default();
        if logs.len() >= WANTED_LOGS_PER_PEER_MAX && !logs.contains(&claim.log) {
            return;
        }
        logs.insert(claim.log);
        let place = Place { priority: claim.priority, lacks: claim.extent.lacks(claim.height), log: claim.log };
        let fill = self.fills.entry(claim.log).or_insert_with(|| Fill {
            scope: claim.scope,
            place,
            extent: claim.extent,
            upwards: claim.ways == Ways::Upwards,
            holders: BTreeMap::new(),
            parts: BTreeMap::new(),
        });
        fill.extent = claim.extent;
        fill.holders.insert(peer, Holder { height: claim.height, head: claim.head, slow: false });
        let place = fill.place;
        self.queues.entry(peer).or_default().insert(place);
    }

    /// Whether a peer has something that is missing here.
    pub fn has_work(&self, peer: &NodeId) -> bool {
        self.logs.get(peer).is_some_and(|logs| !logs.is_empty())
    }

    /// Whether a call belongs to the plan.
    pub fn knows(&self, call: u64) -> bool {
        self.calls.contains_key(&call)
    }

    /// The log of which a piece was asked for, and its newest entry as the peer that was asked claimed it.
    pub fn claimed(&self, call: u64) -> Option<(LogId, EntryId)> {
        let (peer, piece) = self.calls.get(&call)?;
        Some((piece.log, self.fills.get(&piece.log)?.holders.get(peer)?.head))
    }

    /// What the plan thinks durable of a log; `None` when it misses nothing of it.
    pub fn extent(&self, log: &LogId) -> Option<Extent> {
        self.fills.get(log).map(|fill| fill.extent)
    }

    /// The next piece to ask a peer for, within its bounds and those of all.
    pub fn choose(&mut self, peer: &NodeId) -> Option<Piece> {
        let running = self.calls.values().filter(|(asked, _)| asked == peer).count();
        if running >= RANGES_PER_PEER_MAX || self.calls.len() >= RANGES_MAX {
            return None;
        }
        let urgent = self
            .calls
            .values()
            .filter(|(asked, _)| asked == peer)
            .filter_map(|(_, piece)| self.fills.get(&piece.log))
            .map(|fill| fill.place.priority)
            .min();
        let queue = self.queues.get_mut(peer)?;
        let mut passed = Vec::new();
        let mut found = None;
        for place in queue.iter() {
            if urgent.is_some_and(|urgent| urgent < place.priority) {
                break;
            }
            let picked = self.fills.get(&place.log).and_then(|fill| {
                let (way, from, to) = fill.pick(self.sizes, peer)?;
                let asked = Part { to, way, state: State::Here { peer: *peer, batches: Vec::new() } };
                // Where much waits for its turn only what it waits for is asked.
                Some((way, from, to, self.waiting < RANGES_MAX || fill.is_next(self.sizes, from, &asked)))
            });
            match picked {
                Some((way, from, to, true)) => {
                    found = Some(Piece { log: place.log, way, from, to });
                    break;
                }
                Some(_) => {}
                None => passed.push(*place),
            }
        }
        for place in passed {
            queue.remove(&place);
        }
        found
    }

    /// A piece was asked for.
    pub fn asked(&mut self, peer: NodeId, call: u64, piece: Piece, now: Millis) {
        self.calls.insert(call, (peer, piece));
        if let Some(fill) = self.fills.get_mut(&piece.log) {
            let state = State::Asked { peer, call, since: now };
            fill.parts.insert(piece.from, Part { to: piece.to, way: piece.way, state });
        }
    }

    /// A piece arrived, and waits until its turn comes. `None` when nobody waits for it any more.
    pub fn arrived(&mut self, call: u64, batches: Vec<ByteVec>) -> Option<LogId> {
        let (peer, piece) = self.calls.remove(&call)?;
        let fill = self.fills.get_mut(&piece.log)?;
        if batches.is_empty() {
            // It does not hold what it claimed.
            self.free(call, &piece);
            self.drop_holder(&peer, &piece.log);
            self.requeue(&piece.log);
            return Some(piece.log);
        }
        let waits = |part: &Part| part.to == piece.to && part.way == piece.way;
        match fill.parts.get_mut(&piece.from).filter(|part| waits(part)) {
            Some(part) if matches!(part.state, State::Asked { .. }) => {
                part.state = State::Here { peer, batches };
                self.waiting += 1;
            }
            _ => {}
        }
        self.requeue(&piece.log);
        Some(piece.log)
    }

    /// A call failed: the piece is for others. The peer is not asked for anything until it claims anew.
    pub fn failed(&mut self, call: u64) {
        if let Some((peer, piece)) = self.calls.remove(&call) {
            self.free(call, &piece);
            self.forget(&peer);
        }
    }

    fn free(&mut self, call: u64, piece: &Piece) {
        let Some(fill) = self.fills.get_mut(&piece.log) else { return };
        let of_call = |part: &Part| matches!(part.state, State::Asked { call: asked, .. } if asked == call);
        if fill.parts.get(&piece.from).is_some_and(of_call) {
            fill.parts.remove(&piece.from);
        }
    }

    /// A peer is gone or failed: what it was asked for is for others.
    pub fn forget(&mut self, peer: &NodeId) {
        let calls: Vec<(u64, Piece)> = self
            .calls
            .iter()
            .filter(|(_, (asked, _))| asked == peer)
            .map(|(call, (_, piece))| (*call, *piece))
            .collect();
        for (call, piece) in calls {
            self.calls.remove(&call);
            self.free(call, &piece);
        }
        for log in self.logs.remove(peer).unwrap_or_default() {
            self.drop_holder(peer, &log);
            self.requeue(&log);
        }
        self.queues.remove(peer);
        self.done_by.remove(peer);
    }

    fn drop_holder(&mut self, peer: &NodeId, log: &LogId) {
        if let Some(logs) = self.logs.get_mut(peer) {
            logs.remove(log);
            if logs.is_empty() {
                self.logs.remove(peer);
                self.done_by.remove(peer);
            }
        }
        let Some(fill) = self.fills.get_mut(log) else { return };
        fill.holders.remove(peer);
        if fill.holders.is_empty() {
            self.remove(log);
        }
    }

    fn remove(&mut self, log: &LogId) {
        let Some(fill) = self.fills.remove(log) else { return };
        self.waiting -= fill.parts.values().filter(|part| matches!(part.state, State::Here { .. })).count();
        for peer in fill.holders.keys() {
            if let Some(queue) = self.queues.get_mut(peer) {
                queue.remove(&fill.place);
            }
            if let Some(logs) = self.logs.get_mut(peer) {
                logs.remove(log);
                if logs.is_empty() {
                    self.logs.remove(peer);
                    self.done_by.remove(peer);
                } else {
                    *self.done_by.entry(*peer).or_default() += fill.extent.held();
                }
            }
        }
        *self.done_in.entry(fill.scope).or_default() += fill.extent.held();
        if self.fills.is_empty() {
            self.done_in.clear();
        }
    }

    fn requeue(&mut self, log: &LogId) {
        let Some(fill) = self.fills.get(log) else { return };
        for peer in fill.holders.keys() {
            self.queues.entry(*peer).or_default().insert(fill.place);
        }
    }

    /// The next piece of a log whose turn it is.
    pub fn take(&mut self, log: &LogId) -> Option<Arrived> {
        let sizes = self.sizes;
        let fill = self.fills.get_mut(log)?;
        let ready =
            |from: &u64, part: &Part| matches!(part.state, State::Here { .. }) && fill.is_next(sizes, *from, part);
        let from = fill.parts.iter().find(|(from, part)| ready(from, part)).map(|(from, _)| *from)?;
        let part = fill.parts.remove(&from)?;
        self.waiting -= 1;
        match part.state {
            State::Here { peer, batches } => {
                Some(Arrived { piece: Piece { log: *log, way: part.way, from, to: part.to }, peer, batches })
            }
            State::Asked { .. } => None,
        }
    }

    /// What is durable of a log is now this. Answers who held it, when it is complete.
    pub fn moved(&mut self, log: &LogId, extent: Extent) -> Vec<(NodeId, u64)> {
        let Some(fill) = self.fills.get_mut(log) else { return Vec::new() };
        fill.extent = extent;
        self.waiting -= fill.trim();
        let full: Vec<(NodeId, u64)> = fill
            .holders
            .iter()
            .filter(|(_, holder)| extent.lacks(holder.height) == 0)
            .map(|(peer, holder)| (*peer, holder.height))
            .collect();
        if fill.holders.len() == full.len() {
            self.remove(log);
        } else {
            for (peer, _) in &full {
                *self.done_by.entry(*peer).or_default() += extent.held();
                self.drop_holder(peer, log);
            }
            self.requeue(log);
        }
        full
    }

    /// What a peer sent of a log was of no use: it is not asked for that log until it claims anew.
    pub fn useless(&mut self, peer: &NodeId, log: &LogId) {
        self.drop_holder(peer, log);
        self.requeue(log);
    }

    /// A log cannot be taken from above: it is filled upwards. What came from above would wait for ever.
    pub fn only_upwards(&mut self, log: &LogId) {
        let Some(fill) = self.fills.get_mut(log) else { return };
        fill.upwards = true;
        let here = |fill: &Fill| fill.parts.values().filter(|part| matches!(part.state, State::Here { .. })).count();
        let before = here(fill);
        fill.parts.retain(|_, part| part.way == Way::Forward);
        self.waiting -= before - here(fill);
        self.requeue(log);
    }

    /// Pieces that are slow in coming are asked of others, where others hold them. Called at each tick.
    pub fn hurry(&mut self, now: Millis) {
        let mut logs = BTreeSet::new();
        for (log, fill) in &mut self.fills {
            let late: Vec<(u64, NodeId)> = fill
                .parts
                .iter()
                .filter_map(|(from, part)| match part.state {
                    State::Asked { peer, since, .. } if since.0 + RANGE_SLOW_MS < now.0 => Some((*from, peer)),
                    _ => None,
                })
                .collect();
            for (from, peer) in late {
                let others = fill.holders.iter().any(|(other, holder)| *other != peer && !holder.slow);
                if others {
                    fill.parts.remove(&from);
                    if let Some(holder) = fill.holders.get_mut(&peer) {
                        holder.slow = true;
                    }
                    logs.insert(*log);
                }
            }
        }
        for log in logs {
            self.requeue(&log);
        }
    }

    /// How far a peer's entries have got here; `None` when nothing of it is missing.
    pub fn progress_of(&self, peer: &NodeId) -> Option<Progress> {
        let logs = self.logs.get(peer)?;
        let done = self.done_by.get(peer).copied().unwrap_or(0);
        let mut progress = Progress { have: done, of: done };
        for fill in logs.iter().filter_map(|log| self.fills.get(log)) {
            let height = fill.holders.get(peer).map_or(0, |holder| holder.height);
            progress.of += height;
            progress.have += height - fill.extent.lacks(height).min(height);
        }
        Some(progress)
    }

    /// How far each scope of which something is missing has got.
    pub fn progress(&self) -> BTreeMap<ScopeId, Progress> {
        let mut all: BTreeMap<ScopeId, Progress> = BTreeMap::new();
        for fill in self.fills.values() {
            let target = fill.target();
            let progress = all.entry(fill.scope).or_default();
            progress.of += target;
            progress.have += target - fill.extent.lacks(target).min(target);
        }
        for (scope, progress) in &mut all {
            let done = self.done_in.get(scope).copied().unwrap_or(0);
            progress.have += done;
            progress.of += done;
        }
        all
    }

    /// Pieces under way and pieces waiting for their turn.
    pub fn load(&self) -> (usize, usize) {
        (self.calls.len(), self.waiting)
    }

    /// Logs that a peer is known to hold more of.
    pub fn wanted_of(&self, peer: &NodeId) -> usize {
        self.logs.get(peer).map_or(0, BTreeSet::len)
    }
}

#[cfg(test)]
mod tests;
