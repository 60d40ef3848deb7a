//! Bundles at the engine: what goes into one, and taking what one brings. A bundle is a peer that comes in a file: it is
//! given what its site may have, and what it gives is proved entry by entry as if a node had sent it.
//!
//! The caller drives: begin, then batches of the parts until none is left, statements, files, the end. Each step costs
//! what one answer to a peer costs, so people's requests go between.

use super::effect::{Effect, Notice};
use super::ingest::Ingested;
use super::serve::{Share, org_tag};
use super::{Cx, Engine};
use crate::bundle::{self, ContentKey, Opened};
use crate::clock::Hlc;
use crate::control::op::Class;
use crate::control::registry::NodeStatus;
use crate::entry::{Entry, batch};
use crate::ids::{GroupId, LogId, NodeId, ScopeId, SiteId};
use crate::limits::{BATCH_BYTES_MAX, BUNDLE_HELDS_BYTES};
use crate::log::ChainError;
use crate::sync::held::Held;
use minicbor::bytes::ByteVec;
use std::collections::BTreeSet;

/// Logs read for one record of a bundle: many short ones must not hold up people's requests.
const PARTS_PER_STEP: usize = 256;

/// How much of what a site may have goes into a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// What the site is not known to hold.
    Since,
    /// Everything: for a site that lost what it once stated to hold.
    Everything,
}

/// A stretch of a log that goes into a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The log; of a forked one, what the branch is kept under.
    pub log: LogId,
    /// The next position.
    pub from: u64,
    /// Up to here when the bundle was begun.
    pub to: u64,
}

/// What is asked of the engine about a bundle. Answered by exactly one `Effect::Bundle`.
#[derive(Debug, Clone)]
pub enum BundleAsk {
    /// Begin one for a site. What it will carry counts as published (ruling A6).
    Begin {
        /// The site.
        site: SiteId,
        /// How much.
        reach: Reach,
    },
    /// The next batches of these parts.
    Batches {
        /// For whom, as `Begun` said.
        reader: NodeId,
        /// What is left.
        parts: Vec<Part>,
    },
    /// The statements over the scopes after this one.
    Helds {
        /// For whom.
        reader: NodeId,
        /// The scope last given.
        after: Option<ScopeId>,
    },
    /// Open one that somebody brought.
    Open(Opened),
    /// Take batches of one that was opened.
    TakeBatches {
        /// Who made it.
        from: NodeId,
        /// See `entry/batch.rs`.
        batches: Vec<ByteVec>,
    },
    /// Take statements of one that was opened. The maker's own are answers to the publish gate (ruling A6).
    TakeHelds {
        /// Who made it.
        from: NodeId,
        /// The statements.
        helds: Vec<Held>,
    },
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleAnswer {
    /// To `Begin`.
    Begun(Box<Begun>),
    /// To `Batches`: some, and what is left.
    Batches {
        /// Encoded.
        batches: Vec<ByteVec>,
        /// How many entries are in them.
        entries: u64,
        /// To be asked for next; empty at the end.
        left: Vec<Part>,
    },
    /// To `Helds`: some, and where to go on; `None` at the end.
    Helds {
        /// Signed.
        helds: Vec<Held>,
        /// The scope last looked at.
        next: Option<ScopeId>,
    },
    /// To `Open`.
    Opened {
        /// Opens its records.
        key: ContentKey,
        /// Who made it.
        from: NodeId,
        /// The maker's site, if it is known here already.
        site: Option<SiteId>,
    },
    /// To `TakeBatches` and `TakeHelds`.
    Taken(Taken),
    /// It may not be, or cannot be.
    Refused(BundleRefusal),
}

/// A bundle that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The bytes that it begins with.
    pub opening: Vec<u8>,
    /// Seals its records.
    pub key: ContentKey,
    /// A node of the receiving site, for the further questions.
    pub reader: NodeId,
    /// What goes in, control before data.
    pub parts: Vec<Part>,
}

/// What was taken of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Entries in it.
    pub entries: u64,
    /// Of these, new here.
    pub new: u64,
    /// Groups that something new is of.
    pub groups: BTreeSet<GroupId>,
    /// Logs of which entries before these are missing here: the maker thought this site had them.
    pub gaps: BTreeSet<LogId>,
    /// Entries that are not for this site, or not yet: from the future, over its maker's cap, of a group without people here.
    pub left_out: u64,
    /// Something in it no honest node would have put there: the rest is not worth reading.
    pub fault: bool,
}

/// Why a bundle is not made or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleRefusal {
    /// This node belongs to no organisation yet.
    NotSetUp,
    /// There is no such site, or it is this one.
    NoSuchSite,
    /// None of the site's nodes may read any more, or none ever could.
    NobodyToRead,
    /// Of another organisation.
    OtherOrganisation,
    /// For this site, which is not here.
    OtherSite(SiteId),
    /// For this site, but not sealed to this node: it came later.
    OtherNode,
    /// Its maker was removed from the organisation.
    MakerRemoved,
    /// Its maker did not sign it.
    Damaged,
}

impl Engine {
    pub(crate) fn bundle(&mut self, cx: &mut Cx<'_>, token: u64, ask: BundleAsk) {
        let answer = match ask {
            BundleAsk::Begin { site, reach } => match self.begin_bundle(cx, site, reach) {
                Ok(begun) => BundleAnswer::Begun(Box::new(begun)),
                Err(refusal) => BundleAnswer::Refused(refusal),
            },
            BundleAsk::Batches { reader, parts } => self.batches_for(cx, &reader, parts),
            BundleAsk::Helds { reader, after } => self.helds_for(&reader, after),
            BundleAsk::Open(opened) => match self.open_bundle(&opened) {
                Ok(key) => {
                    let from = opened.opening.from;
                    let site = self.view.org_state().and_then(|org| org.site_of_node(&from));
                    BundleAnswer::Opened { key, from, site }
                }
                Err(refusal) => BundleAnswer::Refused(refusal),
            },
            BundleAsk::TakeBatches { from, batches } => BundleAnswer::Taken(self.take_bundled(cx, from, &batches)),
            BundleAsk::TakeHelds { from, helds } => {
                self.take_bundled_helds(cx, from, helds);
                BundleAnswer::Taken(Taken::default())
            }
        };
        cx.effects.push(Effect::Bundle { token, answer });
    }

    // --- making one -----------------------------------------------------------------------------------------------

    fn begin_bundle(&mut self, cx: &mut Cx<'_>, site: SiteId, reach: Reach) -> Result<Begun, BundleRefusal> {
        let org = self.org().ok_or(BundleRefusal::NotSetUp)?;
        let state = self.view.state.clone().ok_or(BundleRefusal::NotSetUp)?;
        if self.own_site() == Some(site) || !state.sites().contains_key(&site) {
            return Err(BundleRefusal::NoSuchSite);
        }
        let of_site = |status: NodeStatus| {
            let nodes = state.nodes().iter().filter(move |(_, node)| node.site == site && node.status == status);
            nodes.map(|(node, record)| (*node, record.sealing)).collect::<Vec<_>>()
        };
        // Suspended nodes may have the lifeline, and only where no other reads along.
        let readers = Some(of_site(NodeStatus::Admitted)).filter(|nodes| !nodes.is_empty());
        let readers = readers.unwrap_or_else(|| of_site(NodeStatus::Suspended));
        let (reader, _) = readers.first().copied().ok_or(BundleRefusal::NobodyToRead)?;
        let made = (site, cx.now.0);
        let begun = bundle::begin(&org, org_tag(&org), &self.identity.key, made, &readers, &mut *cx.rng);
        let (opening, key) = begun.ok_or(BundleRefusal::NobodyToRead)?;
        let nodes: Vec<NodeId> = readers.into_iter().map(|(node, _)| node).collect();
        for scope in self.scopes_for(&reader) {
            self.publish(scope);
            if self.both_hold(&reader, &scope) {
                self.state_held(cx, scope);
            }
        }
        let parts = self.parts_for(cx, &nodes, reach);
        Ok(Begun { opening, key, reader, parts })
    }

    /// What is known here that a node may have anything of, the organisation first.
    fn scopes_for(&self, reader: &NodeId) -> Vec<ScopeId> {
        let org = self.org().map(ScopeId::from);
        let mut scopes: Vec<ScopeId> = self
            .scopes
            .keys()
            .filter(|scope| self.share(reader, scope) > Share::Nothing || self.is_farewell(reader, scope))
            .copied()
            .collect();
        scopes.sort_by_key(|scope| Some(*scope) != org);
        scopes
    }

    fn is_farewell(&self, reader: &NodeId, scope: &ScopeId) -> bool {
        self.farewell(reader, &GroupId::from(*scope)).is_some()
    }

    fn both_hold(&self, reader: &NodeId, scope: &ScopeId) -> bool {
        self.share(reader, scope).min(self.share(&self.node(), scope)) == Share::All
    }

    /// In an order in which each log's writer is known, and what it rests on is there, when its turn comes: a node's log
    /// begins after the entry that admitted the node and all that this one rests on.
    fn parts_for(&self, cx: &Cx<'_>, nodes: &[NodeId], reach: Reach) -> Vec<Part> {
        let reader = nodes[0];
        let scopes = self.scopes_for(&reader);
        let org = self.org().map(ScopeId::from);
        let mut parts = Vec::new();
        for class in [Class::Control, Class::Data] {
            for scope in &scopes {
                if class == Class::Data && !self.both_hold(&reader, scope) {
                    continue;
                }
                let mut logs: Vec<LogId> = self.scopes[scope].iter().copied().collect();
                logs.retain(|id| self.logs.get(id).is_some_and(|log| log.class == class));
                let opened = |id: &LogId| self.opened_at(cx, id);
                match Some(*scope) == org {
                    true => logs.sort_by_cached_key(|id| (opened(id), *id)),
                    false => logs.sort_by_key(|id| (self.logs[id].from(), *id)),
                }
                parts.extend(logs.into_iter().filter_map(|id| self.part(cx, nodes, reach, id)));
            }
        }
        parts
    }

    fn opened_at(&self, cx: &Cx<'_>, id: &LogId) -> Option<Hlc> {
        let first = self.logs.get(id)?.from();
        super::lookup::entry_at(&*cx.tx, id, first).map(|entry| entry.header.hlc)
    }

    fn part(&self, cx: &Cx<'_>, nodes: &[NodeId], reach: Reach, id: LogId) -> Option<Part> {
        let log = self.logs.get(&id)?;
        let to = log.end().0;
        let forked = log.branch.is_some() || self.has_branches(&id);
        let from = match reach {
            Reach::Since if !forked => {
                nodes.iter().map(|node| self.held_by(cx, node, &log.scope, &id)).min().unwrap_or(0)
            }
            // Heights do not tell what is missing of a forked log.
            Reach::Since | Reach::Everything => log.from(),
        };
        (from < to).then_some(Part { log: id, from, to })
    }

    /// How many entries of a log a node has stated to hold, as far as they are those that are held here.
    fn held_by(&self, cx: &Cx<'_>, node: &NodeId, scope: &ScopeId, log: &LogId) -> u64 {
        let stated = self.view.held.get(scope).and_then(|nodes| nodes.get(node));
        let height = stated.and_then(|stated| stated.held.heights.iter().find(|height| height.log == *log));
        match height {
            Some(height) if height.next > self.logs[log].end().0 => height.next,
            Some(height) if self.is_stored(&*cx.tx, &height.head) => height.next,
            _ => 0,
        }
    }

    fn batches_for(&self, cx: &Cx<'_>, reader: &NodeId, parts: Vec<Part>) -> BundleAnswer {
        let (mut batches, mut entries, mut bytes) = (Vec::new(), 0, 0);
        let mut left = parts.into_iter();
        let mut unfinished = None;
        for _ in 0..PARTS_PER_STEP {
            if bytes >= BATCH_BYTES_MAX {
                break;
            }
            let Some(mut part) = unfinished.take().or_else(|| left.next()) else { break };
            let range = self.range(cx, reader, &part.log, part.from, u64::MAX);
            let extents: Vec<(u64, u64)> = range.iter().filter_map(|batch| bundle::extent(batch)).collect();
            let Some((_, next)) = extents.last() else { continue };
            part.from = *next;
            entries += extents.iter().map(|(count, _)| count).sum::<u64>();
            bytes += range.iter().map(|batch| batch.len()).sum::<usize>();
            batches.extend(range);
            unfinished = (part.from < part.to).then_some(part);
        }
        BundleAnswer::Batches { batches, entries, left: unfinished.into_iter().chain(left).collect() }
    }

    fn helds_for(&self, reader: &NodeId, after: Option<ScopeId>) -> BundleAnswer {
        let (mut helds, mut bytes, mut last) = (Vec::new(), 0, None);
        for (scope, nodes) in self.view.held.iter().filter(|(scope, _)| Some(**scope) > after) {
            if self.both_hold(reader, scope) {
                for stated in nodes.values() {
                    bytes += crate::codec::encode(&stated.held).len();
                    helds.push(stated.held.clone());
                }
            }
            if bytes > BUNDLE_HELDS_BYTES {
                last = Some(*scope);
                break;
            }
        }
        BundleAnswer::Helds { helds, next: last }
    }

    // --- taking one -----------------------------------------------------------------------------------------------

    fn open_bundle(&self, opened: &Opened) -> Result<ContentKey, BundleRefusal> {
        let org = self.org().ok_or(BundleRefusal::NotSetUp)?;
        let opening = &opened.opening;
        if opening.tag != org_tag(&org) {
            return Err(BundleRefusal::OtherOrganisation);
        }
        if !opened.is_signed(&org) {
            return Err(BundleRefusal::Damaged);
        }
        if self.own_site() != Some(opening.to) {
            return Err(BundleRefusal::OtherSite(opening.to));
        }
        // A maker that is not known yet may be introduced by what it brings; one that was removed brings nothing.
        let state = self.view.org_state().ok_or(BundleRefusal::NotSetUp)?;
        if state.nodes().get(&opening.from).is_some_and(|node| node.status == NodeStatus::Revoked) {
            return Err(BundleRefusal::MakerRemoved);
        }
        opened.key(&self.node(), &self.identity.sealing).ok_or(BundleRefusal::OtherNode)
    }

    fn take_bundled(&mut self, cx: &mut Cx<'_>, from: NodeId, batches: &[ByteVec]) -> Taken {
        let mut taken = Taken::default();
        for bytes in batches {
            let Ok(entries) = batch::decode(bytes) else {
                taken.fault = true;
                break;
            };
            let (Some(log), count) = (entries.first().map(Entry::log), entries.len() as u64) else { continue };
            taken.entries += count;
            let headless = !self.logs.contains_key(&log) && entries[0].header.seq > 0;
            let outcome =
                if headless { Ingested::Chain(ChainError::Gap) } else { self.ingest_from(cx, &from, entries) };
            match outcome {
                Ingested::New(new) => {
                    taken.new += new as u64;
                    let scope = self.logs.get(&log).map(|log| log.scope).filter(|_| new > 0);
                    let group = scope.map(GroupId::from).filter(|group| self.view.groups.contains_key(group));
                    taken.groups.extend(group);
                }
                Ingested::Chain(ChainError::Gap | ChainError::Fork) => {
                    taken.gaps.insert(log);
                    taken.left_out += count;
                }
                fault if fault.is_fault() => {
                    taken.fault = true;
                    break;
                }
                _ => taken.left_out += count,
            }
        }
        if taken.new > 0 {
            cx.notify(Notice::Network);
        }
        taken
    }

    fn take_bundled_helds(&mut self, cx: &mut Cx<'_>, from: NodeId, helds: Vec<Held>) {
        for held in helds {
            let (node, scope) = (held.node, held.scope);
            self.take_held(cx, from, held);
            if node == from && self.share(&from, &scope) == Share::All {
                self.heard_from(cx.now, from, scope);
            }
        }
    }
}
