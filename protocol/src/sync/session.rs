//! One peer: what was asked, what is to be asked next, when to compare again. Knows no entries and no rights.
//!
//! A round is: hello once; compare roots; if they differ digests, then frontiers of what differs, then ranges, control
//! before data; then compare again. A round that brings nothing new ends until the next announcement or the interval,
//! so that two nodes that cannot agree (a range from the future, say) do not ask for ever.

use crate::clock::Millis;
use crate::control::op::Class;
use crate::ids::{EntryId, LogId, NodeId, ScopeId};
use crate::limits::{COMPARE_EVERY_MS, COMPARE_EVERY_MS_MAX};
use crate::sync::links::Links;
use std::collections::{BTreeMap, BTreeSet};

/// What a peer did on one connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeerCounts {
    /// Entries that it brought and that were new.
    pub entries: u64,
    /// Bytes of ranges and pushes that it brought.
    pub bytes: u64,
    /// Answers and pushes with something malformed, unsigned or not fitting.
    pub bad: u64,
    /// Ranges that it claimed to hold and did not deliver.
    pub broken: u64,
    /// Its requests.
    pub requests: u64,
}

/// How soon a node looks after a peer found that they differ.
const LOOK_SOON_MS: u64 = 1_000;
/// So many rounds that bring nothing begin at once after announcements; then they begin a second apart.
const IDLE_ROUNDS_MAX: u32 = 4;

/// What a call in flight was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Hello.
    Hello,
    /// Roots; with the root that was sent.
    Compare([u8; 32]),
    /// Digests.
    Digests,
    /// Frontiers of these scopes.
    Frontier(Vec<ScopeId>),
    /// A piece of a log, as the plan knows.
    Range,
    /// Entries of the branch of a log that ends at this entry.
    Branch(LogId, Option<EntryId>),
    /// A push: of these logs up to these positions.
    Push(Vec<(LogId, u64)>),
    /// Something that needs no answer.
    Note,
    /// A note: these statements. Told again if the message was lost.
    Told(Vec<(ScopeId, NodeId)>),
    /// A note: whom this node is connected to.
    Links,
    /// A note: who is at a page. Lost, it is not missed: the next one says it all.
    Here,
    /// Statements of others that are newer there.
    Stated {
        /// Over this scope and those after it.
        from: ScopeId,
        /// The first scope that the request had no room for.
        next: Option<ScopeId>,
    },
}

impl Asked {
    /// Whether it may be left out where a peer leaves much unanswered.
    pub fn is_note(&self) -> bool {
        matches!(self, Asked::Note | Asked::Told(_) | Asked::Links | Asked::Here | Asked::Stated { .. })
    }
}

/// The priority of a log's class in a scope.
pub fn priority(of_org: bool, class: Class) -> u8 {
    match (of_org, class) {
        (true, Class::Control) => 0,
        (false, Class::Control) => 1,
        (true, Class::Data) => 2,
        (false, Class::Data) => 3,
    }
}

/// The state of one connection.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// Hello was answered well.
    pub greeted: bool,
    /// Calls without an answer yet.
    pub in_flight: BTreeMap<u64, Asked>,
    /// Branches of forked logs to fetch, by log and newest entry.
    pub branches: BTreeSet<(LogId, Option<EntryId>)>,
    /// The round brought something new.
    pub progress: bool,
    /// A round is under way.
    pub busy: bool,
    /// Something was announced during the round: compare again at its end.
    pub again: bool,
    /// When to compare next.
    pub next: Millis,
    /// How long until then after a round that changed nothing.
    pub interval: u64,
    /// What the peer is known to hold, by log.
    pub known: BTreeMap<LogId, u64>,
    /// Own logs that grew while a push was under way: they go in the next one.
    pub backlog: BTreeSet<LogId>,
    /// Groups that the peer's site has left and of which it said all that it holds, since something last failed.
    pub heard: BTreeSet<ScopeId>,
    /// Scopes to announce to the peer at the next tick.
    pub announce: BTreeSet<ScopeId>,
    /// Difference of the peer's clock to ours, in milliseconds; unknown before a greeting, and after our clock was set.
    pub clock_ms: Option<i64>,
    /// Rounds in a row that brought nothing, less than a second apart.
    pub idle: u32,
    /// When the last round ended.
    pub ended: Millis,
    /// Statements to give to the peer at the next tick.
    pub untold: BTreeSet<(ScopeId, NodeId)>,
    /// Whom the peer is connected to, as far as it told.
    pub links: Option<Links>,
    /// Whom this node is connected to changed since the peer was told.
    pub links_due: bool,
    /// What the peer did on this connection.
    pub counts: PeerCounts,
    /// Words about who is at pages in the second that began then.
    heres: (Millis, u32),
}

impl Session {
    /// A new connection.
    pub fn new() -> Self {
        Self { interval: COMPARE_EVERY_MS, ..Self::default() }
    }

    /// Whether one more word about who is at a page is taken from the peer in this second.
    pub fn may_say_here(&mut self, now: Millis, most: u32) -> bool {
        let (began, said) = &mut self.heres;
        if now.0 >= began.0 + 1_000 || now < *began {
            (*began, *said) = (now, 0);
        }
        *said += 1;
        *said <= most
    }

    /// Whether a push has no answer yet. Pushes go one after the other: one that overtakes another finds a gap.
    pub fn is_pushing(&self) -> bool {
        self.in_flight.values().any(|asked| matches!(asked, Asked::Push(_)))
    }

    /// Whether a round should begin now.
    pub fn is_due(&self, now: Millis) -> bool {
        self.greeted && !self.busy && self.next <= now
    }

    /// Whether the greeting failed and should be said again.
    pub fn is_greeting_due(&self, now: Millis) -> bool {
        !self.greeted && self.next <= now && !self.in_flight.values().any(|asked| *asked == Asked::Hello)
    }

    /// Whether nothing of the round is under way.
    pub fn is_round_over(&self) -> bool {
        self.busy
            && self.branches.is_empty()
            && self.in_flight.values().all(|asked| asked.is_note() || matches!(asked, Asked::Push(_)))
    }

    /// Ends a round and says whether to begin another at once.
    pub fn end_round(&mut self, now: Millis, equal: bool) -> bool {
        self.busy = false;
        // One that announces for ever and brings nothing is looked at once a second.
        let rested = now.0 >= self.ended.0 + LOOK_SOON_MS;
        self.idle = if self.progress || rested { 0 } else { self.idle + 1 };
        self.ended = now;
        let again = std::mem::take(&mut self.again);
        let at_once = (again && self.idle <= IDLE_ROUNDS_MAX) || (!equal && self.progress);
        let soon = again && !at_once;
        if equal && !self.progress {
            self.interval = (self.interval * 2).min(COMPARE_EVERY_MS_MAX);
        } else {
            self.interval = COMPARE_EVERY_MS;
        }
        self.progress = false;
        self.next = Millis(now.0 + self.interval);
        if soon {
            self.look_soon(now);
        }
        at_once
    }

    /// A comparison failed: the next round begins within a second.
    pub fn look_soon(&mut self, now: Millis) {
        self.next = self.next.min(Millis(now.0 + LOOK_SOON_MS));
    }

    /// Something changed at the peer: the next round begins at once, or right after the one under way.
    pub fn poke(&mut self, now: Millis) {
        if self.busy {
            self.again = true;
        } else if self.idle > IDLE_ROUNDS_MAX && now.0 < self.ended.0 + LOOK_SOON_MS {
            self.look_soon(now);
        } else {
            self.next = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_grows_only_while_nothing_changes() {
        let mut session = Session { busy: true, ..Session::new() };
        assert!(!session.end_round(Millis(0), true));
        assert_eq!(session.interval, 2 * COMPARE_EVERY_MS);
        session.progress = true;
        assert!(session.end_round(Millis(0), false));
        assert_eq!(session.interval, COMPARE_EVERY_MS);
    }
}
