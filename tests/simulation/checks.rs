//! Looks at everything that leaves a site or becomes durable there, and names the invariant that does not hold. It keeps
//! an account of its own of each site's disk, from the records alone.

use crate::chain::Chain;
use crate::world::{Message, Watch, World};
use protocol::clock::{Millis, is_ahead};
use protocol::control::op::{Access, Class, ControlOp};
use protocol::engine::{again_of, is_note};
use protocol::entry::{Entry, batch};
use protocol::group::DataOp;
use protocol::ids::{EntryId, GroupId, LogId, NodeId, OrgId, ScopeId, UserId};
use protocol::keys::{PublicKey, Verifier};
use protocol::limits::{FRONTIER_LOGS_MAX, GROUPS_PER_REQUEST_MAX};
use protocol::sync::message::{Request, Response};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Most that may be under way to one peer at once.
const IN_FLIGHT_MAX: usize = 512;

/// A log as one site's records tell it.
/// A site's disk as its records tell it.
#[derive(Debug, Clone, Default)]
struct Track {
    logs: BTreeMap<LogId, Chain>,
    ids: BTreeSet<EntryId>,
    /// What the entries held continue: proved by them.
    continued: BTreeSet<EntryId>,
    /// What stands at each position of a log that may be forked.
    tree: BTreeMap<(LogId, u64), BTreeSet<EntryId>>,
}

/// Whose a log is.
#[derive(Debug, Clone, Copy)]
struct Owner {
    node: NodeId,
    scope: ScopeId,
    class: Class,
}

/// What a site may be told of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum May {
    Nothing,
    Control,
    All,
}

/// All that was seen.
#[derive(Debug, Default)]
pub struct Checks {
    /// What does not hold.
    pub broken: Vec<String>,
    /// Nodes that do not keep to the rules: what they sign proves nothing about the product.
    pub hostile: BTreeSet<NodeId>,
    /// Logs that the hostile site forked, and nodes whose disk was put back in time.
    pub forked: BTreeSet<LogId>,
    /// See [`Checks::forked`].
    pub restored: BTreeSet<NodeId>,
    /// What a site dropped with a group that its people had left, by site: it comes back with them.
    pub dropped: BTreeSet<(usize, EntryId)>,
    /// What was written again of an entry.
    pub again: BTreeMap<EntryId, Vec<EntryId>>,
    /// What each entry is about.
    pub scopes: BTreeMap<EntryId, ScopeId>,
    tracks: Vec<Track>,
    owners: BTreeMap<LogId, Owner>,
    /// The control frontier in force at each entry.
    frontiers: BTreeMap<EntryId, Rc<[EntryId]>>,
    /// What a control entry rests on.
    parents: BTreeMap<EntryId, Vec<EntryId>>,
    /// Who was ever given a role in a group, rightly or not.
    given: BTreeMap<ScopeId, BTreeSet<UserId>>,
    /// Entries seen before.
    seen: BTreeSet<EntryId>,
    proved: BTreeSet<EntryId>,
    /// What stands at each position of an honest node's log, as other sites hold it.
    positions: BTreeMap<(LogId, u64), EntryId>,
    /// Texts of posts, which the play makes unique.
    texts: BTreeMap<String, EntryId>,
}

impl Checks {
    /// Whether a site's records hold an entry.
    pub fn holds(&self, at: usize, id: &EntryId) -> bool {
        self.tracks.get(at).is_some_and(|track| track.ids.contains(id))
    }

    /// An entry, what it says again, and all that say that again. What is acknowledged may be a copy: a request that is
    /// repeated is answered with what stands for it by then.
    pub fn family(&self, id: &EntryId) -> Vec<EntryId> {
        let original = self.again.iter().find(|(_, copies)| copies.contains(id)).map_or(*id, |(original, _)| *original);
        std::iter::once(original).chain(self.again.get(&original).into_iter().flatten().copied()).collect()
    }

    /// Whether a site holds two entries at one position of a log.
    pub fn holds_both(&self, at: usize, log: &LogId) -> bool {
        let track = self.tracks.get(at);
        track.is_some_and(|track| track.tree.range((*log, 0)..=(*log, u64::MAX)).any(|(_, there)| there.len() > 1))
    }

    /// Whether a log may be a tree: its owner forked it, or was put back in time.
    fn may_fork(&self, log: &LogId) -> bool {
        let owner = self.owners.get(log);
        self.forked.contains(log) || owner.is_some_and(|owner| self.restored.contains(&owner.node))
    }

    /// What a site's records hold of a scope, for explaining.
    pub fn heights(&self, at: usize, scope: &ScopeId) -> Vec<String> {
        let of_scope = |log: &LogId| self.owners.get(log).filter(|owner| owner.scope == *scope);
        let logs = self.tracks[at].logs.iter();
        logs.filter_map(|(log, chain)| {
            let Owner { node, class, .. } = of_scope(log)?;
            let hostile = if self.hostile.contains(node) { " (hostile)" } else { "" };
            Some(format!("{log:?} {class:?} of {node:?}{hostile}: {chain:?}"))
        })
        .collect()
    }

    fn fail(&mut self, what: String) {
        // The first few say it all.
        if self.broken.len() < 8 {
            self.broken.push(what);
        }
    }

    fn track(&mut self, at: usize) -> &mut Track {
        if self.tracks.len() <= at {
            self.tracks.resize_with(at + 1, Track::default);
        }
        &mut self.tracks[at]
    }

    /// The whole chain of a log from its first entry on, in growing time, and nobody else's (INV-07, INV-08, INV-15).
    fn inv_08_logs_are_chains(&mut self, at: usize, log: LogId, entry: &Entry) {
        let is_tree = self.may_fork(&log);
        let track = self.track(at);
        let fits = track.logs.entry(log).or_default().take(entry);
        track.ids.insert(entry.id);
        track.continued.extend(entry.header.prev);
        track.tree.entry((log, entry.header.seq)).or_default().insert(entry.id);
        if !fits && !is_tree {
            let chain = self.tracks[at].logs[&log].clone();
            self.fail(format!(
                "INV-08: site {at} took {:?} at {} of {log:?} into {chain:?}",
                entry.id, entry.header.seq
            ));
        }
    }

    fn inv_08_nothing_is_missing_below(&mut self, at: usize, log: LogId) {
        let chain = &self.tracks[at].logs[&log];
        let of_data = self.owners.get(&log).is_some_and(|owner| owner.class == Class::Data);
        let whole = chain.is_whole() && (of_data || !chain.holds_any(chain.next(), u64::MAX));
        if !whole && !self.may_fork(&log) {
            self.fail(format!("INV-08: site {at} holds {log:?} with gaps: {chain:?}"));
        }
    }

    fn inv_07_what_is_stored_is_proved(&mut self, at: usize, log: &LogId, org: OrgId, entry: &Entry) {
        let Some(owner) = self.owners.get(log).copied() else { return };
        if !entry.body_fits() {
            self.fail(format!("INV-07: the body of {:?} at site {at} does not fit", entry.id));
        }
        if self.proved.contains(&entry.id) || self.tracks[at].continued.contains(&entry.id) {
            return;
        }
        let verifier = Verifier::new(PublicKey::from(owner.node));
        if verifier.is_some_and(|verifier| entry.is_signed_by(&verifier, &org)) {
            self.proved.insert(entry.id);
        } else {
            self.fail(format!("INV-07: site {at} ends {log:?} with {:?}, which is not signed", entry.id));
        }
    }

    fn inv_09_one_entry_a_position(&mut self, log: LogId, entry: &Entry) {
        let known = *self.positions.entry((log, entry.header.seq)).or_insert(entry.id);
        if known != entry.id {
            self.fail(format!("INV-09: {known:?} and {:?} both stand at {} of {log:?}", entry.id, entry.header.seq));
        }
    }

    fn inv_14_one_request_one_entry(&mut self, entry: &Entry) {
        let Some(body) = &entry.body else { return };
        if let Ok(DataOp::Post(post)) = DataOp::decode(entry.header.kind, &body.bytes) {
            // A copy that was written again after a clock was set right names its original: one of them is shown.
            let original = again_of(entry).unwrap_or(entry.id);
            let known = *self.texts.entry(post.text.clone()).or_insert(original);
            if known != original {
                self.fail(format!("INV-14: \"{}\" was written twice: {known:?}, {:?}", post.text, entry.id));
            }
        }
    }

    fn inv_15_nothing_from_the_future(&mut self, world: &World, at: usize, entry: &Entry) {
        // Three peers are believed rather than the own clock (ruling A9), and no fewer.
        let difference = world.sites[at].engine.clock_difference_ms();
        if difference.is_some() && world.sites.len() < 4 {
            self.fail(format!("INV-15: site {at} believes fewer than three peers"));
        }
        let now = Millis(world.clock(at).0.saturating_add_signed(difference.unwrap_or(0)));
        if is_ahead(now, entry.header.hlc) {
            self.fail(format!("INV-15: site {at} took {:?} from the future", entry.id));
        }
    }

    /// A log's frontier only grows: what it named before lies in the past of what it names now.
    fn inv_24_frontiers_grow(&mut self, entry: &Entry) {
        let before = entry.header.prev.and_then(|prev| self.frontiers.get(&prev).cloned());
        let Some(ctl) = &entry.header.ctl else {
            self.frontiers.insert(entry.id, before.unwrap_or_default());
            return;
        };
        self.frontiers.insert(entry.id, ctl.clone().into());
        let lost =
            before.iter().flat_map(|before| before.iter()).find(|old| !ctl.contains(old) && !self.is_past(old, ctl));
        if let Some(old) = lost.copied() {
            self.fail(format!("INV-24: {:?} names {ctl:?} after {old:?}, which it does not contain", entry.id));
        }
    }

    fn is_past(&self, wanted: &EntryId, heads: &[EntryId]) -> bool {
        let mut next: Vec<EntryId> = heads.to_vec();
        let mut met: BTreeSet<EntryId> = next.iter().copied().collect();
        while let Some(id) = next.pop() {
            if id == *wanted {
                return true;
            }
            let parents = self.parents.get(&id).map_or(&[][..], Vec::as_slice);
            next.extend(parents.iter().filter(|parent| met.insert(**parent)));
        }
        false
    }

    /// What is new to everybody is looked at once.
    fn first_sight(&mut self, log: LogId, entry: &Entry) {
        if !self.seen.insert(entry.id) {
            return;
        }
        let Some(owner) = self.owners.get(&log).copied() else { return };
        self.scopes.insert(entry.id, owner.scope);
        let mut parents: Vec<EntryId> = entry.header.prev.into_iter().collect();
        if let Some(ctl) = &entry.header.ctl {
            parents.extend(ctl);
        }
        if owner.class == Class::Control {
            let body = entry.body.as_ref().map_or(&[][..], |body| &body.bytes);
            let given = self.given.entry(owner.scope).or_default();
            match ControlOp::decode(entry.header.kind, body) {
                Ok(ControlOp::See(see)) => parents.extend(see.heads),
                Ok(ControlOp::Grant(grant)) => given.extend(grant.roles.iter().map(|role| role.user)),
                Ok(ControlOp::GroupCreate(_) | ControlOp::Join) => given.extend(entry.header.actor),
                _ => {}
            }
            self.parents.insert(entry.id, parents);
        }
        if self.hostile.contains(&owner.node) {
            return;
        }
        self.inv_24_frontiers_grow(entry);
        if let Some(original) = again_of(entry) {
            self.again.entry(original).or_default().push(entry.id);
        }
        self.inv_14_one_request_one_entry(entry);
    }

    fn take(&mut self, world: &World, at: usize, record: &[u8]) -> Option<(LogId, Entry)> {
        let Ok(entries) = batch::decode(record) else {
            if is_note(record) {
                return None;
            }
            self.fail(format!("INV-07: site {at} stored a record that cannot be read"));
            return None;
        };
        let node = world.node(at);
        let log = entries.first().map(Entry::log)?;
        // Written anew, without bodies that a newer version took the place of.
        if entries.iter().all(|entry| self.holds(at, &entry.id)) && entries.iter().any(|entry| entry.body.is_none()) {
            return None;
        }
        for entry in &entries {
            self.note_owner(log, entry);
            self.inv_08_logs_are_chains(at, log, entry);
            self.first_sight(log, entry);
            let owner = self.owners.get(&log).map(|owner| owner.node);
            if owner != Some(node) {
                self.inv_15_nothing_from_the_future(world, at, entry);
                if owner.is_some_and(|owner| !self.hostile.contains(&owner)) && !self.may_fork(&log) {
                    self.inv_09_one_entry_a_position(log, entry);
                }
            }
        }
        entries.into_iter().next_back().map(|last| (log, last))
    }

    fn note_owner(&mut self, log: LogId, entry: &Entry) {
        let Some(body) = entry.body.as_ref().filter(|_| entry.header.seq == 0) else { return };
        let owner = match ControlOp::decode(entry.header.kind, &body.bytes) {
            Ok(ControlOp::LogOpen(open)) => Owner { node: open.node, scope: entry.header.scope, class: open.class },
            Ok(ControlOp::GroupCreate(create)) => {
                Owner { node: create.node, scope: ScopeId(entry.id.0), class: Class::Control }
            }
            _ => return,
        };
        self.owners.insert(log, owner);
    }

    /// What a site held and does not hold any more of groups that its people are in no longer.
    fn note_dropped(&mut self, world: &World, at: usize, before: &Track) {
        let (node, org) = (world.node(at), world.sites[at].engine.org().map(ScopeId::from));
        for ((log, _), ids) in &before.tree {
            let Some(owner) = self.owners.get(log).filter(|owner| Some(owner.scope) != org) else { continue };
            let group = GroupId::from(owner.scope);
            let left = owner.class == Class::Data && !world.read(at, |reader| reader.keeps(&node, &group));
            let gone: Vec<EntryId> = ids.iter().filter(|id| left && !self.holds(at, id)).copied().collect();
            self.dropped.extend(gone.into_iter().map(|id| (at, id)));
        }
    }

    // --- what leaves ------------------------------------------------------------------------------------------------

    fn may(&self, world: &World, from: usize, to: usize, scope: &ScopeId) -> May {
        let site = &world.sites[from];
        if site.engine.org().map(ScopeId::from) == Some(*scope) {
            return May::All;
        }
        let (view, node, group) = (site.engine.view(), world.node(to), GroupId::from(*scope));
        let Some(state) = view.group_state(&group) else { return May::Nothing };
        let home = view.org_state().and_then(|org| org.site_of_node(&node));
        if home.is_some_and(|home| state.sites().contains(&home)) {
            return May::All;
        }
        // Who was in may learn that it is not any more (ruling B8).
        let given = self.given.get(scope);
        let was_in = given.is_some_and(|users| {
            let home_of = |user| view.org_state().and_then(|org| org.user(user)).map(|user| user.site);
            home.is_some() && users.iter().any(|user| home_of(user) == home)
        });
        if state.access() == Access::Open || was_in { May::Control } else { May::Nothing }
    }

    fn inv_10_only_durable_entries_leave(&mut self, from: usize, entry: &Entry) {
        if !self.holds(from, &entry.id) {
            self.fail(format!("INV-10: {:?} left site {from} before it was durable there", entry.id));
        }
    }

    /// A node is never sent what its site has no right to.
    fn inv_22_only_members_are_sent(
        &mut self,
        world: &World,
        (from, to): (usize, usize),
        batches: &[impl AsRef<[u8]>],
    ) {
        for bytes in batches {
            let Ok(entries) = batch::decode(bytes.as_ref()) else {
                self.fail(format!("site {from} sent site {to} a batch that cannot be read"));
                continue;
            };
            for entry in &entries {
                self.inv_10_only_durable_entries_leave(from, entry);
                let Some(owner) = self.owners.get(&entry.log()).copied() else { continue };
                let needed = if owner.class == Class::Data { May::All } else { May::Control };
                if self.may(world, from, to, &owner.scope) < needed {
                    self.fail(format!("INV-22: site {from} sent site {to} {:?} of {:?}", entry.id, owner.scope));
                }
            }
        }
    }

    fn inv_22_only_members_are_told(
        &mut self,
        world: &World,
        ends: (usize, usize),
        what: &str,
        scope: &ScopeId,
        needed: May,
    ) {
        let ((from, to), may) = (ends, self.may(world, ends.0, ends.1, scope));
        if may < needed {
            self.fail(format!("INV-22: site {from} gave site {to} {what} of {scope:?}: {needed:?} and not {may:?}"));
        }
    }

    /// What is durable is not asked for again.
    fn inv_34_only_what_is_missing_is_asked_for(&mut self, from: usize, log: &LogId, (first, to): (u64, u64)) {
        let chain = self.tracks.get(from).and_then(|track| track.logs.get(log));
        if let Some(chain) = chain.filter(|chain| chain.holds_any(first, to) && !self.may_fork(log)).cloned() {
            self.fail(format!("INV-34: site {from} asks for {log:?} from {first} to {to} and holds {chain:?}"));
        }
    }

    /// What is kept because of peers is bounded, whatever they send.
    pub fn inv_35_memory_is_bounded(&mut self, world: &World) {
        for (at, site) in world.sites.iter().enumerate().filter(|(_, site)| !site.puppet) {
            let footprint = site.engine.footprint();
            let (sites, logs) = (world.sites.len(), footprint.logs);
            let within = footprint.sessions < sites
                && footprint.in_flight <= IN_FLIGHT_MAX
                && footprint.wanted <= 2 * FRONTIER_LOGS_MAX
                && footprint.known <= logs + FRONTIER_LOGS_MAX
                && footprint.waiting <= logs + GROUPS_PER_REQUEST_MAX
                && footprint.relay <= sites * logs;
            if !within {
                self.fail(format!("INV-35: site {at} keeps {footprint:?}"));
            }
        }
    }

    fn look_at_request(&mut self, world: &World, ends: (usize, usize), bytes: &[u8]) {
        match Request::decode(bytes) {
            Ok(Request::Push { batches }) => self.inv_22_only_members_are_sent(world, ends, &slices(&batches)),
            Ok(Request::Range { log, from, to } | Request::RangeBack { log, from, to }) => {
                self.inv_34_only_what_is_missing_is_asked_for(ends.0, &log, (from, to));
            }
            Ok(Request::Announce { scopes }) => {
                for scope in &scopes {
                    self.inv_22_only_members_are_told(world, ends, "an announcement", scope, May::Control);
                }
            }
            Ok(Request::Helds { helds }) => {
                for held in &helds {
                    self.inv_22_only_members_are_told(world, ends, "a relayed statement", &held.scope, May::All);
                }
            }
            Ok(Request::Stated { scopes } | Request::Longer { scopes }) => {
                for stated in &scopes {
                    self.inv_22_only_members_are_told(world, ends, "statements at hand", &stated.scope, May::All);
                }
            }
            Ok(_) => {}
            Err(error) => self.fail(format!("site {} sent a request that cannot be read: {error}", ends.0)),
        }
    }

    fn look_at_response(&mut self, world: &World, ends: (usize, usize), bytes: &[u8]) {
        match Response::decode(bytes) {
            Ok(Response::Range { batches }) => self.inv_22_only_members_are_sent(world, ends, &slices(&batches)),
            Ok(Response::Digests { digests }) => {
                for digest in &digests {
                    let needed = if digest.data { May::All } else { May::Control };
                    self.inv_22_only_members_are_told(world, ends, "a digest", &digest.scope, needed);
                }
            }
            Ok(Response::Frontier { scopes, .. }) => {
                for frontier in &scopes {
                    let content = !frontier.data.is_empty() || !frontier.helds.is_empty();
                    let needed = if content { May::All } else { May::Control };
                    self.inv_22_only_members_are_told(world, ends, "a frontier", &frontier.scope, needed);
                }
            }
            Ok(Response::Noted { helds }) => {
                for held in &helds {
                    self.inv_22_only_members_are_told(world, ends, "a statement", &held.scope, May::All);
                }
            }
            Ok(_) => {}
            Err(error) => self.fail(format!("site {} sent a response that cannot be read: {error}", ends.0)),
        }
    }
}

fn slices(batches: &[minicbor::bytes::ByteVec]) -> Vec<&[u8]> {
    batches.iter().map(|bytes| bytes.as_slice()).collect()
}

impl Watch for Checks {
    fn committed(&mut self, world: &World, at: usize, records: &[Vec<u8>]) {
        let mut last = BTreeMap::new();
        for record in records {
            last.extend(self.take(world, at, record));
        }
        let Some(org) = world.sites[at].engine.org() else { return };
        for (log, entry) in last {
            self.inv_08_nothing_is_missing_below(at, log);
            self.inv_07_what_is_stored_is_proved(at, &log, org, &entry);
        }
    }

    fn reopened(&mut self, world: &World, at: usize) {
        // What was written anew stands behind what follows it.
        let records = world.sites[at].store.records();
        let mut entries: Vec<Entry> =
            records.into_iter().flat_map(|(_, record)| batch::decode(record).unwrap_or_default()).collect();
        entries.sort_by_key(|entry| entry.header.seq);
        let mut track = Track::default();
        for entry in entries {
            // What lies behind damage may not count: it is fetched again.
            let (extent, seq) = (world.sites[at].engine.extent(&entry.log()), entry.header.seq);
            let above = extent.above.is_some_and(|(low, top)| (low..top).contains(&seq));
            if seq < extent.next || above || self.may_fork(&entry.log()) {
                track.logs.entry(entry.log()).or_default().take(&entry);
                track.ids.insert(entry.id);
                track.continued.extend(entry.header.prev);
                track.tree.entry((entry.log(), seq)).or_default().insert(entry.id);
            }
        }
        let before = std::mem::replace(self.track(at), track);
        self.note_dropped(world, at, &before);
    }

    fn sent(&mut self, world: &World, from: usize, to: usize, message: &Message) {
        match message {
            Message::Request { bytes, .. } => self.look_at_request(world, (from, to), bytes),
            Message::Response { bytes: Some(bytes), .. } => self.look_at_response(world, (from, to), bytes),
            Message::Response { bytes: None, .. } | Message::Live { .. } => {}
        }
    }
}
