//! Live delivery where many nodes share a scope: epoch keys made and shared, messages published and taken.
//!
//! Where few nodes share a scope an entry is pushed to each of them (`peers.rs`), which is quicker and proves more.

use super::effect::{Effect, Judgement};
use super::serve::Share;
use super::write::Draft;
use super::{Cx, Engine};
use crate::clock::{Hlc, Millis};
use crate::control::op::Class;
use crate::entry::{Entry, batch};
use crate::gossip::{self, EpochKey, Message, SealedKey, Unread};
use crate::group::{DataOp, Epoch, Version};
use crate::ids::{EntryId, NodeId, ScopeId};
use crate::limits::{EPOCH_DAYS, EPOCH_RANK_MS, EPOCHS_KEPT, EXPLICIT_EVERY_ENTRIES, PUSH_ENTRIES_MAX, PUSH_PEERS_MAX};
use crate::store::keys::{self, Key, table};
use crate::store::{Direction, Store};
use crate::sync::plan::Sizes;
use minicbor::bytes::ByteVec;
use std::collections::{BTreeMap, BTreeSet};

/// An epoch as this node knows it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) version: Version,
    pub(crate) id: [u8; 8],
    /// Who was given the key.
    pub(crate) nodes: BTreeSet<NodeId>,
    /// `None` when it was not sealed to this node.
    pub(crate) key: Option<EpochKey>,
}

/// Epochs by scope, the newest last.
pub(crate) type Epochs = BTreeMap<ScopeId, Vec<Known>>;

impl Engine {
    /// Takes an `epoch` entry: a new key, or an old one for a node that joined.
    pub(crate) fn take_epoch(&mut self, cx: &mut Cx<'_>, scope: ScopeId, entry: &Entry, op: &Epoch) {
        cx.tx.put(&keys::epoch(&scope, entry.header.hlc, &entry.id), &[]);
        let known = self.read_epochs(&*cx.tx, &scope, Some((&entry.id, op)));
        self.epochs.insert(scope, known);
        self.topics_changed = true;
    }

    /// The newest epochs of a scope, from all entries that name them, so that it does not matter which came first: a
    /// share of a key may arrive before the entry that made it, or after three newer ones.
    fn read_epochs(&self, store: &dyn Store, scope: &ScopeId, fresh: Option<(&EntryId, &Epoch)>) -> Vec<Known> {
        let before = self.epochs.get(scope).map_or(&[][..], Vec::as_slice);
        let opened = |id: &[u8; 8]| before.iter().find(|epoch| epoch.id == *id).and_then(|epoch| epoch.key.clone());
        let own = self.node();
        let mut known: BTreeMap<[u8; 8], Known> = BTreeMap::new();
        let (from, to) = Key::of(table::EPOCH).and(scope).prefix();
        // Shares of one epoch stand in entries of their own: a few more than are kept.
        for (key, _) in store.range(&from, &to, EPOCHS_KEPT * 16, Direction::Backward) {
            let (Some(hlc), Some(id)) = (key.get(33..41), key.get(41..).and_then(EntryId::from_slice)) else {
                continue;
            };
            let version = Version { hlc: Hlc(u64::from_be_bytes(hlc.try_into().unwrap_or_default())), id };
            let stored = fresh.is_none_or(|(fresh, _)| *fresh != id).then(|| epoch_of(store, &id));
            let Some(op) = stored.as_ref().map_or(fresh.map(|(_, op)| op), Option::as_ref) else { continue };
            let epoch = known.entry(op.id).or_insert_with(|| Known {
                version,
                id: op.id,
                nodes: BTreeSet::new(),
                key: opened(&op.id),
            });
            // It is as old as the first entry that names it, however often it was shared since.
            epoch.version = epoch.version.min(version);
            epoch.nodes.extend(op.keys.iter().map(|sealed| sealed.node));
            if epoch.key.is_none() {
                let sealed = op.keys.iter().find(|sealed| sealed.node == own);
                epoch.key = sealed.and_then(|sealed| gossip::open_key(scope, &op.id, sealed, &self.identity.sealing));
            }
        }
        let mut known: Vec<Known> = known.into_values().collect();
        known.sort_by_key(|epoch| epoch.version);
        let over = known.len().saturating_sub(EPOCHS_KEPT);
        known.drain(..over);
        known
    }

    /// Reads the newest epochs of every scope back from the store.
    pub(crate) fn load_epochs(&mut self, store: &dyn Store) {
        let scopes: Vec<ScopeId> = self.scopes.keys().copied().collect();
        for scope in scopes {
            let known = self.read_epochs(store, &scope, None);
            if !known.is_empty() {
                self.epochs.insert(scope, known);
            }
        }
        self.topics_changed = true;
    }

    /// The member nodes of a scope, this one included, with the keys to seal to.
    pub(crate) fn members(&self, scope: &ScopeId) -> BTreeMap<NodeId, [u8; 32]> {
        let Some(org) = self.view.org_state() else { return BTreeMap::new() };
        let nodes = org.connectable().filter(|node| self.share(node, scope) == Share::All);
        nodes.filter_map(|node| Some((node, org.nodes().get(&node)?.sealing))).collect()
    }

    /// Whether live messages are for this scope: it has more members than are pushed to one by one.
    pub(crate) fn is_wide(&self, members: &BTreeMap<NodeId, [u8; 32]>) -> bool {
        members.len() > self.tuning.push_peers_max + 1
    }

    /// Makes or shares keys where they are missing, and follows the topics. Called at each tick.
    pub(crate) fn keep_epochs(&mut self, cx: &mut Cx<'_>) {
        let own = self.node();
        let scopes: Vec<ScopeId> = self.scopes.keys().copied().collect();
        for scope in scopes {
            if self.share(&own, &scope) != Share::All {
                continue;
            }
            let members = self.members(&scope);
            if self.is_wide(&members) {
                self.keep_epoch(cx, scope, &members);
            } else {
                self.lacking_since.remove(&scope);
            }
        }
        if std::mem::take(&mut self.topics_changed) {
            self.follow_topics(cx);
        }
    }

    fn keep_epoch(&mut self, cx: &mut Cx<'_>, scope: ScopeId, members: &BTreeMap<NodeId, [u8; 32]>) {
        let newest = self.epochs.get(&scope).and_then(|known| known.last());
        let old = |epoch: &Known| epoch.version.hlc.millis().0 + EPOCH_DAYS * 86_400_000 < cx.now.0;
        let holds = |epoch: &Known, node: &NodeId| epoch.nodes.contains(node);
        let fits = newest.is_some_and(|epoch| {
            !old(epoch)
                && members.keys().all(|node| holds(epoch, node))
                && epoch.nodes.iter().all(|node| members.contains_key(node))
        });
        if fits {
            self.lacking_since.remove(&scope);
            return;
        }
        // The member nodes take turns by rank, so that one of those that are up acts and the others see it in time.
        let rank = members.keys().position(|node| *node == self.node()).unwrap_or(0) as u64;
        let since = *self.lacking_since.entry(scope).or_insert(cx.now);
        if cx.now.0 < since.0 + rank * EPOCH_RANK_MS {
            return;
        }
        let grown = newest.filter(|epoch| !old(epoch) && epoch.nodes.iter().all(|node| members.contains_key(node)));
        let op = match grown.and_then(|epoch| epoch.key.clone().map(|key| (key, epoch.nodes.clone()))) {
            // Only newcomers lack the key: it is shared, not changed (ruling D13).
            Some((key, have)) => {
                let lacking = members.iter().filter(|(node, _)| !have.contains(node));
                seal_to(cx, &scope, &key, lacking)
            }
            None => {
                let key = gossip::new_epoch(cx.rng);
                seal_to(cx, &scope, &key, members.iter())
            }
        };
        self.lacking_since.remove(&scope);
        self.write(cx, scope, Class::Data, Draft::data(&DataOp::Epoch(op), None, Vec::new()));
    }

    /// Who removes makes the new key in the same breath, without waiting for its turn (INV-23).
    pub(crate) fn rotate(&mut self, cx: &mut Cx<'_>, scope: ScopeId) {
        let members = self.members(&scope);
        if self.share(&self.node(), &scope) == Share::All && self.is_wide(&members) {
            self.lacking_since.insert(scope, Millis(0));
            self.keep_epoch(cx, scope, &members);
        }
    }

    /// The same for all scopes: after a node is out.
    pub(crate) fn rotate_all(&mut self, cx: &mut Cx<'_>) {
        let scopes: Vec<ScopeId> = self.scopes.keys().copied().collect();
        for scope in scopes {
            self.rotate(cx, scope);
        }
    }

    fn follow_topics(&mut self, cx: &mut Cx<'_>) {
        let mut topics = BTreeMap::new();
        for (scope, known) in &self.epochs {
            for epoch in known.iter().rev().filter(|epoch| epoch.key.is_some()).take(2) {
                topics.insert(gossip::topic(scope, &epoch.id), *scope);
            }
        }
        if topics != self.topics {
            cx.effects.push(Effect::Subscribe(topics.keys().cloned().collect()));
            self.topics = topics;
        }
    }

    /// Publishes own new entries of a wide scope; false when the scope is not wide or has no key yet.
    pub(crate) fn publish_live(&mut self, cx: &mut Cx<'_>, scope: &ScopeId, entries: &[Entry]) -> bool {
        let members = self.members(scope);
        if !self.is_wide(&members) || !entries.iter().all(|entry| self.may_leave(&entry.log())) {
            return false;
        }
        // The newest epoch whose holders are exactly the members now: nobody else reads, nobody is left out.
        let fits = |epoch: &&Known| epoch.nodes.iter().eq(members.keys());
        let Some(key) =
            self.epochs.get(scope).and_then(|known| known.iter().rev().find(fits)).and_then(|epoch| epoch.key.clone())
        else {
            return false;
        };
        let mut by_log: BTreeMap<_, Vec<Entry>> = BTreeMap::new();
        for entry in entries {
            by_log.entry(entry.log()).or_default().push(entry.clone());
        }
        let batches = by_log.into_iter().flat_map(|(log, run)| {
            let class = self.logs.get(&log).map_or(Class::Data, |log| log.class);
            super::serve::encode_batches(&run, class)
        });
        // A burst is announced: members fetch it from several of them, each once, instead of hearing all of it from all.
        let message = if entries.len() > PUSH_ENTRIES_MAX {
            Message::Announce
        } else {
            Message::Entries { batches: batches.map(ByteVec::from).collect() }
        };
        let bytes = gossip::seal(scope, &message, &key, cx.rng)
            .or_else(|| gossip::seal(scope, &Message::Announce, &key, cx.rng));
        let Some(bytes) = bytes else { return false };
        cx.effects.push(Effect::Publish { topic: gossip::topic(scope, &key.id), bytes });
        true
    }

    /// Takes a live message and judges it for the library: what no member made is blamed on who passed it on.
    pub(crate) fn take_live(&mut self, cx: &mut Cx<'_>, topic: &str, token: u64, bytes: &[u8]) {
        let judgement = match self.topics.get(topic).copied() {
            None => Judgement::Ignore,
            Some(scope) => {
                let keys = self.epochs.get(&scope).into_iter().flatten().filter_map(|epoch| epoch.key.as_ref());
                match gossip::open(&scope, bytes, keys) {
                    Err(Unread::UnknownEpoch) => Judgement::Ignore,
                    Err(Unread::Bad) => Judgement::Reject,
                    Ok(Message::Announce) => {
                        self.sessions.values_mut().for_each(|session| session.look_soon(cx.now));
                        Judgement::Accept
                    }
                    Ok(Message::Entries { batches }) => self.take_live_entries(cx, scope, &batches),
                }
            }
        };
        cx.effects.push(Effect::Judge { token, judgement });
    }

    fn take_live_entries(&mut self, cx: &mut Cx<'_>, scope: ScopeId, batches: &[ByteVec]) -> Judgement {
        for bytes in batches.iter().take(PUSH_ENTRIES_MAX) {
            let Ok(entries) = batch::decode(bytes) else { return Judgement::Reject };
            use super::ingest::Ingested;
            use crate::log::ChainError;
            match self.ingest_wanted(cx, entries) {
                Ingested::New(_) | Ingested::Stranger => {}
                // Something came before this that did not arrive: found by comparing.
                Ingested::Capped => {}
                Ingested::Chain(ChainError::Gap) | Ingested::Ahead => {
                    self.sessions.values_mut().for_each(|session| session.look_soon(cx.now));
                }
                Ingested::Chain(ChainError::Fork) => return Judgement::Ignore,
                Ingested::Chain(_) | Ingested::Malformed => return Judgement::Reject,
            }
        }
        // Held statements follow at the next tick (`unstated`).
        self.unstated.insert(scope);
        Judgement::Accept
    }
}

fn epoch_of(store: &dyn Store, id: &EntryId) -> Option<Epoch> {
    let found = super::lookup::Found::of(store, id)?;
    match DataOp::decode(found.kind, found.body.as_deref().unwrap_or_default()) {
        Ok(DataOp::Epoch(op)) => Some(op),
        _ => None,
    }
}

fn seal_to<'a>(
    cx: &mut Cx<'_>,
    scope: &ScopeId,
    key: &EpochKey,
    nodes: impl Iterator<Item = (&'a NodeId, &'a [u8; 32])>,
) -> Epoch {
    let keys: Vec<SealedKey> =
        nodes.filter_map(|(node, sealing)| gossip::seal_key(scope, key, *node, sealing, cx.rng)).collect();
    Epoch { id: key.id, keys }
}

/// How the engine spreads what is new. Tests choose other values to reach what needs many sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// Up to so many other nodes an entry is pushed to each; beyond, it is published.
    pub push_peers_max: usize,
    /// Sizes of what is fetched.
    pub fetch: Sizes,
    /// How often an entry names its frontier though it did not change: a divisor of the sizes.
    pub explicit_every: u64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { push_peers_max: PUSH_PEERS_MAX, fetch: Sizes::default(), explicit_every: EXPLICIT_EVERY_ENTRIES }
    }
}
