//! All sources that this site may poll: whose turn each is, what is due, what is under way. Pure but for its memory.

use super::lease::{Presence, Turn, turn};
use super::record::{Record, When};
use super::visit::Job;
use crate::http::ports::FeedState;
use protocol::engine::query::{SiteView, SourceView};
use protocol::ids::{EntryId, GroupId, SiteId};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// Polls under way at once: a large import must not take a small site's line.
pub const AT_ONCE_MAX: usize = 4;
/// Feeds that other sites may have polled while this one was off wait so long after the start: what those posted should
/// arrive first, or it would be posted twice and one of each pair hidden.
const START_PAUSE_MS: u64 = 60 * 1000;

/// A source with all that is known of it.
#[derive(Debug, Clone)]
struct Watched {
    group: GroupId,
    url: String,
    sites: Vec<SiteId>,
    record: Record,
    turn: Option<Turn>,
}

impl Watched {
    /// What is asked one at a time.
    fn host(&self) -> String {
        let url = self.record.moved.as_deref().unwrap_or(&self.url);
        Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    }

    fn is_here(&self) -> bool {
        self.turn.is_some_and(|turn| turn.here)
    }

    /// When this node polls it of its own accord.
    fn due(&self, now: u64) -> Option<u64> {
        self.record.due(now).filter(|_| self.is_here())
    }
}

/// What changed with the list of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Some are gone.
    Fewer,
    /// None is.
    SameOrMore,
}

/// The board.
#[derive(Debug)]
pub struct Board {
    started: u64,
    presence: BTreeMap<SiteId, Presence>,
    sources: BTreeMap<EntryId, Watched>,
    /// Under way, with their hosts.
    running: BTreeMap<EntryId, String>,
    /// Asked for by people.
    wanted: BTreeSet<EntryId>,
}

impl Board {
    /// An empty board of a process that starts now.
    pub fn new(now: u64) -> Self {
        Self {
            started: now,
            presence: BTreeMap::new(),
            sources: BTreeMap::new(),
            running: BTreeMap::new(),
            wanted: BTreeSet::new(),
        }
    }

    /// Takes over the list of sources; `known` gives what is remembered of one that is new here.
    pub fn list(&mut self, sources: Vec<SourceView>, known: impl Fn(EntryId) -> Record) -> Listed {
        let mut before = std::mem::take(&mut self.sources);
        for SourceView { id, group, url, sites, .. } in sources {
            let watched = before.remove(&id).unwrap_or_else(|| {
                let mut record = known(id);
                if sites.len() > 1 && !record.is_new() {
                    record.next = match record.next {
                        When::At(at) => When::At(at.max(self.started.saturating_add(START_PAUSE_MS))),
                        When::Asked => When::Asked,
                    };
                }
                Watched { group, url, sites, record, turn: None }
            });
            self.sources.insert(id, watched);
        }
        self.wanted.retain(|source| self.sources.contains_key(source));
        if before.is_empty() { Listed::SameOrMore } else { Listed::Fewer }
    }

    /// Takes over who is there.
    pub fn see(&mut self, sites: &[SiteView]) {
        let presence = |site: &SiteView| {
            if site.own {
                return Presence::Own;
            }
            if site.nodes.iter().any(|node| node.connected) {
                return Presence::Connected;
            }
            // What happened before this process began says nothing of who polled meanwhile.
            let left = site.nodes.iter().filter_map(|node| node.since).map(|at| at.0).max().unwrap_or(0);
            Presence::Away { since: left.max(self.started) }
        };
        self.presence = sites.iter().map(|site| (site.id, presence(site))).collect();
    }

    /// Works out all turns anew; gives the sources whose turn changed.
    pub fn pass_turns(&mut self, now: u64) -> Vec<(GroupId, EntryId)> {
        let presence = &self.presence;
        let unknown = Presence::Away { since: self.started };
        let mut changed = Vec::new();
        for (id, watched) in &mut self.sources {
            let new = turn(&watched.sites, |site| presence.get(site).copied().unwrap_or(unknown), now);
            let old = watched.turn.replace(new);
            if !new.here && old.is_none_or(|old| old.here) {
                // What went wrong here is no news of the site that polls now.
                watched.record.trouble = None;
            }
            if old.is_some_and(|old| (old.site, old.here) != (new.site, new.here)) {
                changed.push((watched.group, *id));
            }
        }
        changed
    }

    /// Makes sources due whose addresses were refused, since more may be opened now.
    pub fn retry_refused(&mut self, now: u64) {
        for watched in self.sources.values_mut() {
            if watched.record.trouble.as_ref().is_some_and(|trouble| trouble.code == "feed_refused_address") {
                watched.record.next = When::At(now);
            }
        }
    }

    /// Somebody wants a source polled now; false when this site does not poll it at all.
    pub fn want(&mut self, source: EntryId) -> bool {
        let known = self.sources.contains_key(&source);
        if known && !self.running.contains_key(&source) {
            self.wanted.insert(source);
        }
        known
    }

    /// The next poll to begin now, if any may: what people asked for first, then what has waited longest.
    pub fn begin(&mut self, now: u64) -> Option<Job> {
        if self.running.len() >= AT_ONCE_MAX {
            return None;
        }
        let due = |(id, watched): (&EntryId, &Watched)| match watched.due(now) {
            _ if self.running.contains_key(id) => None,
            _ if self.wanted.contains(id) => Some((0, *id)),
            Some(at) if at <= now => Some((at.saturating_add(1), *id)),
            _ => None,
        };
        let mut waiting: Vec<(u64, EntryId)> = self.sources.iter().filter_map(due).collect();
        waiting.sort_unstable();
        let free = |(_, id): &(u64, EntryId)| {
            let watched = self.sources.get(id)?;
            let host = watched.host();
            let job = Job { source: *id, url: watched.url.clone(), record: watched.record.clone() };
            (!self.running.values().any(|busy| *busy == host)).then_some((job, host))
        };
        let (job, host) = waiting.iter().find_map(free)?;
        self.wanted.remove(&job.source);
        self.running.insert(job.source, host);
        Some(job)
    }

    /// A poll has ended; gives the group of a source that is still there.
    pub fn end(&mut self, source: EntryId, record: Option<Record>, now: u64) -> Option<GroupId> {
        self.running.remove(&source);
        let watched = self.sources.get_mut(&source)?;
        match record {
            Some(record) => watched.record = record,
            // It broke: not at once again.
            None => watched.record.undelivered(0, now),
        }
        Some(watched.group)
    }

    /// When something is to be done next, if nothing ends or changes before: a poll, or a turn that passes on. What is
    /// due already waits for a poll that is under way.
    pub fn wake(&self, now: u64) -> Option<u64> {
        let next = |(id, watched): (&EntryId, &Watched)| {
            if self.running.contains_key(id) {
                return None;
            }
            let passes = watched.turn.and_then(|turn| turn.passes);
            watched.due(now).or(passes).filter(|at| *at > now)
        };
        self.sources.iter().filter_map(next).min()
    }

    /// Whether there is anything to poll, ever.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Whether a source is on the board.
    pub fn has(&self, source: &EntryId) -> bool {
        self.sources.contains_key(source)
    }

    /// For people.
    pub fn state(&self, source: EntryId, now: u64) -> FeedState {
        let Some(watched) = self.sources.get(&source) else { return FeedState::default() };
        let record = &watched.record;
        FeedState {
            poller: watched.turn.and_then(|turn| turn.site),
            polled_here: watched.is_here(),
            last_success: record.last_success,
            last_item: record.last_item,
            error: record.trouble.as_ref().map(|trouble| trouble.shown(watched.due(now))),
        }
    }
}

#[cfg(test)]
mod tests;
