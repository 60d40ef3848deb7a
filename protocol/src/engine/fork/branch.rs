//! Taking, asking for and giving branches. Positions do not tell what is missing of a forked log, so the asker names
//! entries that it holds, and the asked begins after the last one that it knows on the way to the branch's end.

use crate::codec;
use crate::control::op::Class;
use crate::engine::effect::Notice;
use crate::engine::fork::Note;
use crate::engine::ingest::{Ingested, whole};
use crate::engine::serve::{Share, encode_batches};
use crate::engine::{Cx, Engine, lookup};
use crate::entry::{Entry, batch};
use crate::ids::{EntryId, LogId, NodeId, OrgId};
use crate::limits::{BATCH_BYTES_MAX, BATCH_ENTRIES_MAX};
use crate::log::{self, Branch, ChainError, End, Height, Log, Why};
use crate::store::Store;
use crate::sync::message::Request;
use crate::sync::session::Asked;
use minicbor::bytes::ByteVec;

/// Ids in one locator: the ends of nine records, each with some thirty steps back, each twice as long as the last.
const LOCATOR_MAX: usize = 400;

impl Engine {
    /// Entries that continue no end of what is held: they extend a branch, open one, or come too early.
    pub(crate) fn ingest_beside(&mut self, cx: &mut Cx<'_>, org: &OrgId, log: LogId, fresh: Vec<Entry>) -> Ingested {
        let Some(prev) = fresh[0].header.prev else { return Ingested::Chain(ChainError::Broken) };
        let found = lookup::place_of(&*cx.tx, &prev).or_else(|| self.forks.passed.get(&prev).copied());
        let Some((key, at)) = found else { return Ingested::Chain(ChainError::Gap) };
        let Some(parent) = self.logs.get(&key) else { return Ingested::Chain(ChainError::Gap) };
        if parent.wire(&key) != log || at + 1 != fresh[0].header.seq {
            return Ingested::Chain(ChainError::Broken);
        }
        if let Some(end) = parent.end.filter(|end| at >= end.next) {
            if end.why == Why::Excess {
                return Ingested::Chain(ChainError::Fork);
            }
            self.reinstate(cx, &key, at + 1);
        }
        let parent = self.logs[&key].clone();
        if parent.end.is_none() && parent.next == at + 1 {
            return self.ingest_onto(cx, org, key, parent, fresh);
        }
        self.open_branch(cx, org, (key, &parent), fresh)
    }

    fn open_branch(
        &mut self,
        cx: &mut Cx<'_>,
        org: &OrgId,
        (key, parent): (LogId, &Log),
        mut fresh: Vec<Entry>,
    ) -> Ingested {
        let (from, id) = (fresh[0].header.seq, LogId(fresh[0].id.0));
        let Some(before) = from.checked_sub(1).and_then(|at| lookup::entry_at(&*cx.tx, &key, at)) else {
            return Ingested::Chain(ChainError::Gap);
        };
        let branch = Branch {
            log: parent.wire(&key),
            parent: key,
            from,
            prev: before.id,
            ctl: self.frontier_at(&*cx.tx, &key, from - 1),
        };
        let record = Log {
            next: from,
            head: before.id,
            hlc: before.header.hlc.0,
            ctl: branch.ctl.clone(),
            closed: true,
            branch: Some(branch),
            end: None,
            above: None,
            ..parent.clone()
        };
        if let Err(error) = record
            .continues(&fresh)
            .and_then(|()| log::proved(&fresh, record.class, record.node, org))
            .and_then(|()| whole(&fresh, record.class))
        {
            return Ingested::Chain(error);
        }
        // The future waits, here as on a log that is one chain (INV-15).
        self.keep_ahead(cx.now, record.node, &mut fresh);
        if fresh.is_empty() {
            return Ingested::Ahead;
        }
        let wire = parent.wire(&key);
        // Own entries that never left give way to those that others hold; they are written again elsewhere.
        let gives_way = parent.node == self.node() && !self.may_leave(&wire) && parent.next > from;
        self.note_log(id, record);
        self.accept(cx, &id, &fresh);
        if gives_way {
            self.withdraw(cx, &key, from);
        } else {
            self.prove_fork(cx, &id);
        }
        self.after_branching(cx, &wire);
        Ingested::New(fresh.len())
    }

    /// Keeps a log within its number of branches, and an own forked log from growing.
    fn after_branching(&mut self, cx: &mut Cx<'_>, log: &LogId) {
        while let Some(tip) = self.excess_tip(&*cx.tx, log) {
            let from = self.leaving(&tip).last().map_or(self.logs[&tip].from(), |(from, _)| *from);
            self.pass_over(cx, &tip, from, Why::Excess);
        }
        self.close_own(cx, log);
        cx.notify(Notice::Network);
    }

    /// Nothing more is written in this own log, also when its row was lost.
    pub(crate) fn close_own(&mut self, cx: &mut Cx<'_>, log: &LogId) {
        let own = self.node();
        if let Some(record) = self.logs.get_mut(log).filter(|record| record.node == own && !record.closed) {
            record.closed = true;
            self.own.retain(|_, id| id != log);
            self.save_log(cx, log);
            if !self.replaying {
                cx.tx.append(&codec::encode(&Note::Closed { log: *log }));
            }
        }
    }

    /// The journal's record of an entry again: which of a log's records it goes to. `None` when it cannot be told.
    pub(crate) fn record_for(&mut self, cx: &Cx<'_>, entries: &[Entry]) -> Option<LogId> {
        let first = &entries[0];
        let log = first.log();
        let Some(prev) = first.header.prev else { return Some(log) };
        if self.logs.get(&log)?.head == prev {
            return Some(log);
        }
        let (key, at) =
            lookup::place_of(&*cx.tx, &prev).or_else(|| self.forks.passed.get(&prev).copied()).filter(|(_, at)| {
                // Anything else is a damaged journal, which its owner reports.
                *at + 1 == first.header.seq
            })?;
        let parent = self.logs.get(&key)?.clone();
        if parent.next == at + 1 {
            return Some(key);
        }
        let id = LogId(first.id.0);
        if !self.logs.contains_key(&id) {
            let before = lookup::entry_at(&*cx.tx, &key, at)?;
            let ctl = self.frontier_at(&*cx.tx, &key, at);
            let branch = Branch { log, parent: key, from: at + 1, prev, ctl: ctl.clone() };
            let hlc = before.header.hlc.0;
            let record = Log {
                next: at + 1,
                head: prev,
                hlc,
                ctl,
                closed: true,
                branch: Some(branch),
                end: None,
                above: None,
                ..parent
            };
            self.note_log(id, record);
        }
        Some(id)
    }

    // --- asking ---------------------------------------------------------------------------------------------------

    /// Whether a frontier line names a branch of which something is missing here; notes it.
    pub(crate) fn want_branch(&mut self, cx: &mut Cx<'_>, peer: &NodeId, height: &Height) -> bool {
        let Some(record) = self.logs.get(&height.log) else { return false };
        let plain = !self.has_branches(&height.log) && record.end.is_none();
        if plain && (height.next > record.next || height.head == record.head) {
            return false;
        }
        if let Some((key, at)) = self.forks.passed.get(&height.head).copied() {
            // Somebody holds what was thought never to have left.
            self.reinstate(cx, &key, at + 1);
            return true;
        }
        if lookup::place_of(&*cx.tx, &height.head).is_none()
            && !self.later.ends_with(&height.head)
            && let Some(session) = self.sessions.get_mut(peer)
        {
            session.branches.insert((height.log, Some(height.head)));
        }
        true
    }

    /// Asks for the branches wanted of a peer, one at a time.
    pub(crate) fn ask_branches(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        if session.in_flight.values().any(|asked| matches!(asked, Asked::Branch(..))) {
            return;
        }
        let Some((log, head)) = session.branches.pop_first() else { return };
        let request = Request::Branch { log, head, locator: self.locator(&*cx.tx, &log) };
        self.call(cx, peer, &request, Asked::Branch(log, head));
    }

    fn locator(&self, store: &dyn Store, log: &LogId) -> Vec<EntryId> {
        let mut locator = Vec::new();
        for key in self.records(log) {
            let Some(record) = self.logs.get(&key) else { continue };
            let (end, mut back) = (record.end().0, 1);
            while let Some(at) = end.checked_sub(back).filter(|at| *at >= record.from()) {
                locator.extend(lookup::entry_at(store, &key, at).map(|entry| entry.id));
                back *= 2;
            }
        }
        locator.push(EntryId(log.0));
        locator.truncate(LOCATOR_MAX);
        locator
    }

    /// Takes what a peer answered; asks on while something new comes.
    pub(crate) fn take_branch(
        &mut self,
        cx: &mut Cx<'_>,
        peer: NodeId,
        (log, head): (LogId, Option<EntryId>),
        batches: &[ByteVec],
    ) {
        let mut new = 0;
        for bytes in batches {
            let Ok(entries) = batch::decode(bytes) else { break };
            if entries.first().map(Entry::log) != Some(log) {
                break;
            }
            match self.ingest_wanted(cx, entries) {
                Ingested::New(count) => new += count,
                _ => break,
            }
        }
        let more = new > 0 && head.is_none_or(|head| !self.is_stored(&*cx.tx, &head));
        if let Some(session) = self.sessions.get_mut(&peer).filter(|_| new > 0) {
            session.progress = true;
            if more {
                session.branches.insert((log, head));
            }
        }
    }

    // --- giving ---------------------------------------------------------------------------------------------------

    /// Entries on the way to a branch's end, after the last of the asker's that lies on it.
    pub(crate) fn give_branch(
        &self,
        cx: &Cx<'_>,
        peer: &NodeId,
        log: &LogId,
        head: Option<EntryId>,
        locator: &[EntryId],
    ) -> Vec<ByteVec> {
        let Some(state) = self.logs.get(log) else { return Vec::new() };
        let readable = match self.share(peer, &state.scope) {
            Share::All => true,
            Share::Control => state.class == Class::Control,
            Share::Nothing => false,
        };
        if !readable || !self.may_leave(log) {
            return Vec::new();
        }
        let place = |id: &EntryId| lookup::place_of(&*cx.tx, id).filter(|(key, _)| self.records(log).contains(key));
        let Some(tip) = head.map_or(Some(*log), |head| place(&head).map(|(key, _)| key)) else { return Vec::new() };
        let path = self.path(&tip);
        let on_path = |(key, at): (LogId, u64)| {
            path.iter().any(|(record, from, to)| *record == key && (*from..*to).contains(&at)).then_some(at + 1)
        };
        let start = locator.iter().take(LOCATOR_MAX).filter_map(|id| on_path(place(id)?)).max().unwrap_or(0);
        let mut entries: Vec<Entry> = Vec::new();
        let (mut bytes, mut signed) = (0, 0);
        'path: for (key, from, to) in &path {
            let own = lookup::entries_of(&*cx.tx, key, start.max(*from)).take_while(|entry| entry.header.seq < *to);
            for entry in own.filter(|entry| entry.header.seq >= start) {
                bytes += 160 + entry.body.as_ref().map_or(0, |body| body.bytes.len());
                entries.push(entry);
                if entries.last().is_some_and(|entry| entry.signature.is_some()) {
                    signed = entries.len();
                }
                if entries.len() == BATCH_ENTRIES_MAX || (bytes > BATCH_BYTES_MAX && signed > 0) {
                    break 'path;
                }
            }
        }
        entries.truncate(signed);
        encode_batches(&entries, state.class).into_iter().map(ByteVec::from).collect()
    }

    /// From this position on a record does not count any more.
    pub(super) fn pass_over(&mut self, cx: &mut Cx<'_>, key: &LogId, from: u64, why: Why) {
        let Some(record) = self.logs.get(key) else { return };
        let head = match &record.branch {
            Some(branch) if branch.from == from => branch.prev,
            _ => match from.checked_sub(1).and_then(|at| lookup::entry_at(&*cx.tx, key, at)) {
                Some(entry) => entry.id,
                None => return,
            },
        };
        self.set_end(cx, key, Some(End { next: from, head, why }));
    }
}
