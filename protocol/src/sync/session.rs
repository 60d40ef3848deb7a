//! One peer: what was asked, what is to be asked next, when to compare again. Knows no entries and no rights.
//!
//! A round is: hello once; compare roots; if they differ digests, then frontiers of what differs, then ranges, control
//! before data; then compare again. A round that brings nothing new ends until the next announcement or the interval,
//! so that two nodes that cannot agree (a range from the future, say) do not ask for ever.

use crate::clock::Millis;
use crate::control::op::Class;
use crate::ids::{EntryId, LogId, ScopeId};
use crate::limits::{COMPARE_EVERY_MS, COMPARE_EVERY_MS_MAX, RANGES_PER_PEER_MAX};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How soon a node looks after a peer found that they differ.
const LOOK_SOON_MS: u64 = 1_000;

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
    /// Entries of a log.
    Range(Wanted),
    /// Entries of the branch of a log that ends at this entry.
    Branch(LogId, Option<EntryId>),
    /// A push: of these logs up to these positions.
    Push(Vec<(LogId, u64)>),
    /// Something that needs no answer.
    Note,
}

/// A range still to be fetched. Sorts by what must come first (§1.10.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// 0 organisation control, 1 group control, 2 organisation data, 3 data.
    pub priority: u8,
    /// The log.
    pub log: LogId,
    /// The first position wanted.
    pub from: u64,
    /// What the peer holds of it.
    pub to: u64,
    /// Its scope.
    pub scope: ScopeId,
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
    /// Ranges to fetch.
    pub wanted: VecDeque<Wanted>,
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
    /// Scopes to announce to the peer at the next tick.
    pub announce: BTreeSet<ScopeId>,
    /// Difference of the peer's clock to ours, in milliseconds; unknown before a greeting, and after our clock was set.
    pub clock_ms: Option<i64>,
}

impl Session {
    /// A new connection.
    pub fn new() -> Self {
        Self { interval: COMPARE_EVERY_MS, ..Self::default() }
    }

    /// Takes the next ranges to ask for: those of the most urgent priority only, within the peer's limit.
    pub fn next_ranges(&mut self) -> Vec<Wanted> {
        let under_way = |asked: &Asked| matches!(asked, Asked::Range(_));
        let running = self.in_flight.values().filter(|asked| under_way(asked)).count();
        let running_priority = self
            .in_flight
            .values()
            .filter_map(|asked| if let Asked::Range(wanted) = asked { Some(wanted.priority) } else { None })
            .min();
        let Some(first) = self.wanted.iter().map(|wanted| wanted.priority).min() else { return Vec::new() };
        if running_priority.is_some_and(|running| running < first) {
            return Vec::new();
        }
        let room = RANGES_PER_PEER_MAX.saturating_sub(running);
        let mut taken = Vec::new();
        self.wanted.retain(|wanted| {
            let take = wanted.priority == first && taken.len() < room;
            if take {
                taken.push(*wanted);
            }
            !take
        });
        taken
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

    /// Whether nothing of the round is left.
    pub fn is_round_over(&self) -> bool {
        self.busy
            && self.wanted.is_empty()
            && self.branches.is_empty()
            && !self.in_flight.values().any(|asked| !matches!(asked, Asked::Push(_) | Asked::Note))
    }

    /// Ends a round and says whether to begin another at once.
    pub fn end_round(&mut self, now: Millis, equal: bool) -> bool {
        self.busy = false;
        let at_once = std::mem::take(&mut self.again) || (!equal && self.progress);
        if equal && !self.progress {
            self.interval = (self.interval * 2).min(COMPARE_EVERY_MS_MAX);
        } else {
            self.interval = COMPARE_EVERY_MS;
        }
        self.progress = false;
        self.next = Millis(now.0 + self.interval);
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
        } else {
            self.next = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(priority: u8, log: u8) -> Wanted {
        Wanted { priority, log: LogId([log; 32]), from: 0, to: 1, scope: ScopeId([0; 32]) }
    }

    #[test]
    fn control_is_fetched_before_data_though_there_is_room() {
        let mut session = Session::new();
        session.wanted = [wanted(3, 1), wanted(0, 2), wanted(3, 3)].into();
        let first = session.next_ranges();
        assert_eq!(first, vec![wanted(0, 2)]);
        session.in_flight.insert(1, Asked::Range(first[0]));
        assert!(session.next_ranges().is_empty());
        session.in_flight.clear();
        assert_eq!(session.next_ranges().len(), 2);
    }

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
