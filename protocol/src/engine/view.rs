//! What readers share with the engine: an immutable picture, replaced after each commit that changed it.
//!
//! It is cloned when a reader still holds the last one, so its big parts stand behind `Arc`s of their own.

use super::erase::{Former, named_due};
use crate::clock::{Hlc, Millis};
use crate::codec;
use crate::control::grants::GroupState;
use crate::control::registry::OrgState;
use crate::engine::alarms::Alarm;
use crate::entry::Entry;
use crate::group::{Card, DataOp, Profile, Version};
use crate::ids::{EntryId, GroupId, LogId, NodeId, OrgId, ScopeId, SiteId, UserId};
use crate::log::fork::Split;
use crate::store::Store;
use crate::sync::held::Held;
use crate::sync::plan::Progress;
use crate::sync::session::PeerCounts;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A peer's connection as this process saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerStatus {
    /// Connected now.
    pub connected: bool,
    /// Since when connected or away; `None` when never seen.
    pub since: Option<Millis>,
    /// The last time both compared equal.
    pub up_to_date: Option<Millis>,
    /// While something of it is missing here: entries here of those known to exist.
    pub progress: Option<Progress>,
    /// What it did on its present or last connection, as of the last tick.
    pub counts: PeerCounts,
}

/// What a node has stated over a scope, and when it first said so of which heights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The newest statement.
    pub held: Held,
    /// Growth as seen by this process: log, height, time of the statement. Bounded.
    pub steps: Vec<(LogId, u64, Millis)>,
    /// Erasures that it stated to have carried out, with when it first said so. Bounded alike.
    pub erased: Vec<(EntryId, Millis)>,
}

/// Steps kept per scope and node: enough for what a screen shows, the oldest go first.
const STEPS_MAX: usize = 256;

/// A moment's picture of who may do what, of names and of connections.
#[derive(Clone)]
pub struct View {
    /// This node.
    pub node: NodeId,
    /// The organisation, once there is one.
    pub org: Option<OrgId>,
    /// Sites, nodes, people.
    pub(crate) state: Option<Arc<OrgState>>,
    /// Groups held here.
    pub(crate) groups: BTreeMap<GroupId, Arc<GroupState>>,
    /// Names of people.
    pub(crate) profiles: Arc<BTreeMap<UserId, (Version, Profile)>>,
    /// Listed groups.
    pub(crate) cards: BTreeMap<GroupId, (Version, Card)>,
    /// What nodes state to hold.
    pub(crate) held: BTreeMap<ScopeId, Arc<BTreeMap<NodeId, Stated>>>,
    /// Connections.
    pub(crate) peers: BTreeMap<NodeId, PeerStatus>,
    /// How far each scope of which something is missing has got.
    pub(crate) filling: Arc<BTreeMap<ScopeId, Progress>>,
    /// Own data logs: scope and height.
    pub(crate) own_heights: BTreeMap<LogId, (ScopeId, u64)>,
    /// Scope of each log, to find an entry's group.
    pub(crate) log_scopes: Arc<BTreeMap<LogId, (ScopeId, NodeId)>>,
    /// What is proved of each forked log.
    pub(crate) forks: Arc<BTreeMap<LogId, Vec<Split>>>,
    /// What an administrator must know.
    pub(crate) alarms: Arc<BTreeMap<EntryId, Alarm>>,
    /// Branches of forked logs, with the log that headers and statements name.
    pub(crate) branches: Arc<BTreeMap<LogId, LogId>>,
    /// What erasures name: a first look, so that reading what nobody erased costs nothing.
    pub(crate) erased: Arc<BTreeSet<EntryId>>,
    /// People who were erased.
    pub(crate) former: Arc<BTreeMap<UserId, Former>>,
    /// Legal holds.
    pub(crate) holds: BTreeMap<GroupId, (Version, bool)>,
    /// How many days groups keep words and files.
    pub(crate) retention: BTreeMap<GroupId, (Version, Option<u32>)>,
    /// How many days this site keeps them: in all groups, and in single ones.
    pub(crate) site_keeps: SiteKeeps,
}

/// How many days a site keeps words and files; what is `None` is kept as long as its group keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SiteKeeps {
    /// In groups that are not named.
    pub everywhere: Option<u32>,
    /// In single groups.
    pub groups: BTreeMap<GroupId, Option<u32>>,
}

impl View {
    /// The picture of a node that belongs nowhere yet.
    pub fn new(node: NodeId) -> Self {
        Self {
            node,
            org: None,
            state: None,
            groups: BTreeMap::new(),
            profiles: Arc::default(),
            cards: BTreeMap::new(),
            held: BTreeMap::new(),
            peers: BTreeMap::new(),
            filling: Arc::default(),
            own_heights: BTreeMap::new(),
            log_scopes: Arc::default(),
            forks: Arc::default(),
            alarms: Arc::default(),
            branches: Arc::default(),
            erased: Arc::default(),
            former: Arc::default(),
            holds: BTreeMap::new(),
            retention: BTreeMap::new(),
            site_keeps: SiteKeeps::default(),
        }
    }

    /// Whether a group is under legal hold.
    pub fn is_held_for_law(&self, group: &GroupId) -> bool {
        self.holds.get(group).is_some_and(|(_, on)| *on)
    }

    /// How many days a group keeps words and files, by its owners' rule.
    pub fn retention_days(&self, group: &GroupId) -> Option<u32> {
        self.retention.get(group).and_then(|(_, days)| *days)
    }

    /// How many days they are kept here: the shorter of the group's and this site's rule.
    pub fn keep_days(&self, group: &GroupId) -> Option<u32> {
        let site = self.site_keeps.groups.get(group).copied().unwrap_or(self.site_keeps.everywhere);
        self.retention_days(group).into_iter().chain(site).min()
    }

    /// Whether a person was erased.
    pub fn is_former(&self, user: &UserId) -> bool {
        self.former.contains_key(user)
    }

    /// Whether a person's words of that time went with the person.
    pub(crate) fn is_former_word(&self, user: &UserId, at: Hlc) -> bool {
        self.former.get(user).is_some_and(|former| former.words_until.is_some_and(|until| at <= until))
    }

    /// Whether an erasure in force hides a post or comment.
    pub(crate) fn is_erased(
        &self,
        store: &dyn Store,
        scope: &ScopeId,
        target: &EntryId,
        author: Option<&UserId>,
        at: Hlc,
    ) -> bool {
        let named = self.erased.contains(target) && named_due(store, scope, target, author).is_some();
        named || author.is_some_and(|author| self.is_former_word(author, at))
    }

    pub(crate) fn note_former(&mut self, user: UserId, words_until: Option<Hlc>) {
        let former = Arc::make_mut(&mut self.former).entry(user).or_default();
        former.words_until = former.words_until.max(words_until);
    }

    /// Sites, nodes, people; `None` before set-up.
    pub fn org_state(&self) -> Option<&OrgState> {
        self.state.as_deref()
    }

    /// A group held here.
    pub fn group_state(&self, group: &GroupId) -> Option<&GroupState> {
        self.groups.get(group).map(Arc::as_ref)
    }

    /// This node's site.
    pub fn own_site(&self) -> Option<SiteId> {
        self.org_state()?.site_of_node(&self.node)
    }

    /// Registered anywhere and not disabled.
    pub fn is_active(&self, user: &UserId) -> bool {
        self.org_state().and_then(|state| state.user(user)).is_some_and(|user| user.active)
    }

    /// Registered at this site.
    pub fn is_registered_here(&self, user: &UserId) -> bool {
        self.org_state().and_then(|state| state.user(user)).is_some_and(|user| Some(user.site) == self.own_site())
    }

    /// May act through this node.
    pub fn is_active_here(&self, user: &UserId) -> bool {
        self.is_registered_here(user) && self.is_active(user)
    }

    /// An admin of the organisation.
    pub fn is_admin(&self, user: &UserId) -> bool {
        self.org_state().is_some_and(|state| state.is_admin(user))
    }

    /// Whether a node is proved to have signed two histories, of which none is sealed yet.
    pub fn is_forked(&self, node: &NodeId) -> bool {
        let is_sealed = |log: &LogId| self.org_state().is_some_and(|state| state.sealed().contains_key(log));
        let mut open = self.forks.iter().filter(|(log, _)| !is_sealed(log));
        open.any(|(_, splits)| splits.iter().any(|split| split.node == *node))
    }

    /// What an administrator must know and has not dismissed, the newest first.
    pub fn alarms(&self) -> Vec<(EntryId, Alarm)> {
        let standing = self.alarms.iter().filter(|(_, alarm)| alarm.dismissed.is_none());
        let mut standing: Vec<_> = standing.map(|(id, alarm)| (*id, alarm.clone())).collect();
        standing.sort_by_key(|(id, alarm)| (std::cmp::Reverse(alarm.since), *id));
        standing
    }

    /// How far each scope of which something is missing has got.
    pub fn filling(&self) -> &BTreeMap<ScopeId, Progress> {
        &self.filling
    }

    /// The scopes of which logs are held.
    pub fn scopes(&self) -> impl Iterator<Item = ScopeId> {
        let scopes: BTreeSet<ScopeId> = self.log_scopes.values().map(|(scope, _)| *scope).collect();
        scopes.into_iter()
    }

    /// What peers did on their connections.
    pub fn peer_counts(&self) -> impl Iterator<Item = (NodeId, PeerCounts)> + '_ {
        self.peers.iter().map(|(node, status)| (*node, status.counts))
    }

    /// How many entries of a log the nodes of a site have stated to hold.
    pub(crate) fn stated_height(&self, scope: &ScopeId, site: &SiteId, log: &LogId) -> u64 {
        let Some(state) = self.org_state() else { return 0 };
        let log = self.branches.get(log).unwrap_or(log);
        self.held
            .get(scope)
            .into_iter()
            .flat_map(|nodes| nodes.iter())
            .filter(|(node, _)| state.site_of_node(node) == Some(*site))
            .map(|(_, stated)| stated.held.height(log))
            .max()
            .unwrap_or(0)
    }

    /// Takes a newer statement; false when it is not newer.
    pub(crate) fn take_held(&mut self, held: Held) -> bool {
        let nodes = Arc::make_mut(self.held.entry(held.scope).or_default());
        let at = Hlc(held.hlc).millis();
        match nodes.get_mut(&held.node) {
            Some(known) if !held.is_newer_than(&known.held) => false,
            Some(known) => {
                for height in &held.heights {
                    if height.next > known.held.height(&height.log) {
                        known.steps.push((height.log, height.next, at));
                    }
                }
                let over = known.steps.len().saturating_sub(STEPS_MAX);
                known.steps.drain(..over);
                let carried_out = known.held.unerased.iter().filter(|id| !held.unerased.contains(id));
                known.erased.extend(carried_out.map(|id| (*id, at)));
                let over = known.erased.len().saturating_sub(STEPS_MAX);
                known.erased.drain(..over);
                known.held = held;
                true
            }
            None => {
                nodes.insert(held.node, Stated { held, steps: Vec::new(), erased: Vec::new() });
                true
            }
        }
    }

    /// What a node stated of a scope does not count any more.
    pub(crate) fn forget_held(&mut self, scope: &ScopeId, node: &NodeId) {
        if let Some(nodes) = self.held.get_mut(scope) {
            Arc::make_mut(nodes).remove(node);
        }
    }

    pub(crate) fn take_profile(&mut self, version: Version, profile: Profile) -> bool {
        let known = self.profiles.get(&profile.user).map(|(known, _)| *known);
        if known.is_some_and(|known| known >= version) {
            return false;
        }
        Arc::make_mut(&mut self.profiles).insert(profile.user, (version, profile));
        true
    }

    pub(crate) fn forget_profile(&mut self, user: &UserId) -> Option<(Version, Profile)> {
        if !self.profiles.contains_key(user) {
            return None;
        }
        Arc::make_mut(&mut self.profiles).remove(user)
    }

    pub(crate) fn take_card(&mut self, version: Version, card: Card) -> bool {
        if self.cards.get(&card.group).is_some_and(|(known, _)| *known >= version) {
            return false;
        }
        self.cards.insert(card.group, (version, card));
        true
    }

    /// Reads a profile row back through its entry's body.
    pub(crate) fn load_profile(&mut self, store: &dyn Store, row: &[u8]) {
        if let Some((version, DataOp::Profile(profile))) = load(store, row) {
            self.take_profile(version, profile);
        }
    }

    /// Reads a card row back through its entry's body.
    pub(crate) fn load_card(&mut self, store: &dyn Store, row: &[u8]) {
        if let Some((version, DataOp::Card(card))) = load(store, row) {
            self.take_card(version, card);
        }
    }
}

fn load(store: &dyn Store, row: &[u8]) -> Option<(Version, DataOp)> {
    let version = Version::from_bytes(row)?;
    let found = super::lookup::Found::of(store, &version.id)?;
    Some((version, DataOp::decode(found.kind, found.body.as_deref()?).ok()?))
}

/// The version that an entry gives to a register.
pub(crate) fn version_of(entry: &Entry) -> Version {
    Version { hlc: entry.header.hlc, id: entry.id }
}

/// The row form of a statement.
pub(crate) fn held_row(held: &Held) -> Vec<u8> {
    codec::encode(held)
}

/// An id that stands for none.
pub(crate) const NO_ENTRY: EntryId = EntryId([0; 32]);
