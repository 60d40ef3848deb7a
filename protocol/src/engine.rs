//! The one door: `handle(store, now, rng, input) -> effects`.
//!
//! The loop a caller must write: take all inputs that wait, read the clock once, call [`Engine::handle`] for each on one
//! transaction, commit the records durably, then the rows, and only then carry out the effects in their order. If the
//! commit fails, nothing may be answered or sent (INV-10, INV-41).

mod addresses;
pub mod alarms;
mod backfill;
mod bare;
pub mod bundle;
mod caps;
mod command;
mod digests;
pub mod effect;
pub mod erase;
mod farewell;
mod fetch;
mod fold;
pub mod footprint;
mod forget;
mod fork;
mod gate;
mod here;
mod ingest;
pub mod input;
mod keep;
mod live;
mod lookup;
mod page;
mod parting;
mod peers;
pub mod query;
pub mod read;
mod refold;
mod seen;
mod serve;
mod setup;
mod sources;
mod space;
mod stated;
mod time;
pub mod view;
mod write;

use crate::clock::{Clock, Millis};
use crate::control::op::Class;
use crate::control::{ControlEntry, History};
use crate::entry::Entry;
use crate::ids::{EntryId, GroupId, LogId, NodeId, OrgId, ScopeId, SiteId};
use crate::keys::{SecretKey, sealing_public};
use crate::log::Log;
use crate::store::keys::{self, Key, table};
use crate::store::{Direction, Location, Store, Transaction};
use crate::sync::held::Held;
use crate::sync::plan::Plan;
use crate::sync::session::Session;
use effect::{Effect, Notice};
use input::Input;
use rand_core::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use view::View;

pub use forget::is_used;
pub use fork::{again_of, is_note};
pub use live::Tuning;
pub use serve::org_tag;

/// This node's keys.
#[derive(Clone)]
pub struct Identity {
    /// Signs entries and statements; its public half is the node's id.
    pub key: SecretKey,
    /// The X25519 secret that others seal to.
    pub sealing: [u8; 32],
}

impl Identity {
    /// The public X25519 key.
    pub fn sealing_public(&self) -> [u8; 32] {
        sealing_public(&self.sealing)
    }
}

/// The organisation as this node holds it.
pub(crate) struct Org {
    pub(crate) id: OrgId,
    pub(crate) history: History,
}

/// A group as this node holds it.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) history: History,
    /// The state must be evaluated anew before use.
    pub(crate) stale: bool,
    /// Earlier entries may count differently now.
    pub(crate) refold: bool,
    pub(crate) memo: fold::Memo,
    /// Removals of which this node has said what it held, or had nothing to say (ruling A2).
    pub(crate) answered: BTreeSet<EntryId>,
}

/// Decides everything, does nothing.
pub struct Engine {
    identity: Identity,
    clock: Clock,
    org: Option<Org>,
    org_stale: bool,
    groups: BTreeMap<GroupId, Group>,
    logs: BTreeMap<LogId, Log>,
    scopes: BTreeMap<ScopeId, BTreeSet<LogId>>,
    own: BTreeMap<(ScopeId, Class), LogId>,
    /// Scopes whose own logs may leave the node (ruling A6).
    published: BTreeSet<ScopeId>,
    /// Own logs opened by this process: nobody can hold another version of them.
    opened_now: BTreeSet<LogId>,
    /// The sites of a group changed.
    regrouped: bool,
    sessions: BTreeMap<NodeId, Session>,
    calls: u64,
    /// What is missing and who is asked for it.
    plan: Plan,
    /// Logs that could not be filled from above.
    upwards: BTreeSet<LogId>,
    digests: digests::Digests,
    /// Scopes whose heights moved since this node last stated what it holds.
    unstated: BTreeSet<ScopeId>,
    /// Statements to pass on at the next tick, with who gave them.
    relay: BTreeMap<(ScopeId, NodeId), NodeId>,
    /// Peers to ask for statements that did not come by themselves, one at a time, and from which scope on.
    ask_stated: BTreeMap<NodeId, ScopeId>,
    /// Who of them was asked last.
    stated_asked: NodeId,
    /// When peers were last told whom this node is connected to.
    links_told: Millis,
    /// Logs that grew since the last tick.
    fresh: BTreeSet<(ScopeId, LogId)>,
    own_addresses: Vec<String>,
    /// When the last own address records were made; bounded by what may be made at once.
    addresses_stated: Vec<u64>,
    /// For the first entry that the request under way makes.
    request_salt: Option<[u8; crate::limits::SALT_BYTES]>,
    epochs: live::Epochs,
    topics: BTreeMap<String, ScopeId>,
    topics_changed: bool,
    /// Since when a scope has no fitting key.
    lacking_since: BTreeMap<ScopeId, Millis>,
    gate: gate::Gate,
    later: time::Later,
    pace: time::Pace,
    forks: fork::Forks,
    tuning: Tuning,
    allowed: BTreeSet<NodeId>,
    /// Connections that stood when the engine was opened anew: nobody will say again that they stand.
    standing: BTreeSet<NodeId>,
    /// Who gets nothing but the lifeline.
    confined: BTreeSet<NodeId>,
    /// As for groups: revocations of nodes.
    answered: BTreeSet<EntryId>,
    /// Records are taken in again: nothing new is written.
    replaying: bool,
    /// Records that a replay put off, by their last entry.
    waiting_ends: BTreeMap<EntryId, Location>,
    intake: caps::Intake,
    started: bool,
    /// Erasures not carried out here yet.
    unerased: BTreeMap<ScopeId, BTreeSet<EntryId>>,
    /// Something about forgetting can be done now.
    erase_soon: bool,
    /// How far the words of an erased person were looked for.
    word_cursor: BTreeMap<EntryId, (LogId, u64)>,
    sweep: forget::Sweep,
    /// Logs of groups that this site left, whose records are being wiped.
    dropping: BTreeMap<LogId, GroupId>,
    /// When groups are looked through for those that this site left.
    part_next: Millis,
    view: Arc<View>,
}

/// One `handle` under way.
pub(crate) struct Cx<'a> {
    pub(crate) tx: &'a mut dyn Transaction,
    pub(crate) now: Millis,
    pub(crate) rng: &'a mut dyn Rng,
    pub(crate) effects: Vec<Effect>,
    pub(crate) notices: BTreeSet<Notice>,
    /// Own entries written now, to be pushed.
    pub(crate) written: BTreeMap<ScopeId, Vec<Entry>>,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(tx: &'a mut dyn Transaction, now: Millis, rng: &'a mut dyn Rng) -> Self {
        Self { tx, now, rng, effects: Vec::new(), notices: BTreeSet::new(), written: BTreeMap::new() }
    }

    pub(crate) fn notify(&mut self, notice: Notice) {
        self.notices.insert(notice);
    }

    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }
}

impl Engine {
    /// Opens the engine on what the store holds. Reads log states, control entries, profiles and statements: its cost
    /// grows with those, not with posts.
    pub fn open(identity: Identity, store: &dyn Store) -> Self {
        let node = identity.key.node();
        let mut engine = Self {
            identity,
            clock: Clock::default(),
            org: None,
            org_stale: false,
            groups: BTreeMap::new(),
            logs: BTreeMap::new(),
            scopes: BTreeMap::new(),
            own: BTreeMap::new(),
            published: BTreeSet::new(),
            opened_now: BTreeSet::new(),
            regrouped: false,
            sessions: BTreeMap::new(),
            calls: 0,
            plan: Plan::default(),
            upwards: BTreeSet::new(),
            digests: digests::Digests::default(),
            unstated: BTreeSet::new(),
            relay: BTreeMap::new(),
            ask_stated: BTreeMap::new(),
            stated_asked: NodeId([0; 32]),
            links_told: Millis(0),
            fresh: BTreeSet::new(),
            own_addresses: Vec::new(),
            addresses_stated: Vec::new(),
            request_salt: None,
            epochs: BTreeMap::new(),
            topics: BTreeMap::new(),
            topics_changed: false,
            lacking_since: BTreeMap::new(),
            gate: gate::Gate::default(),
            later: time::Later::default(),
            pace: time::Pace::default(),
            forks: fork::Forks::default(),
            tuning: Tuning::default(),
            allowed: BTreeSet::new(),
            standing: BTreeSet::new(),
            confined: BTreeSet::new(),
            answered: BTreeSet::new(),
            replaying: false,
            waiting_ends: BTreeMap::new(),
            intake: caps::Intake::default(),
            started: false,
            unerased: BTreeMap::new(),
            erase_soon: false,
            word_cursor: BTreeMap::new(),
            sweep: forget::Sweep::default(),
            dropping: BTreeMap::new(),
            part_next: Millis(0),
            view: Arc::new(View::new(node)),
        };
        engine.load(store);
        engine
    }

    fn load(&mut self, store: &dyn Store) {
        let (from, to) = Key::of(table::LOG).prefix();
        for (key, value) in store.range(&from, &to, usize::MAX, Direction::Forward) {
            let (Some(id), Ok(log)) = (LogId::from_slice(&key[1..]), Log::from_bytes(&value)) else { continue };
            self.clock.observe(crate::clock::Hlc(log.hlc).millis(), crate::clock::Hlc(log.hlc));
            self.note_log(id, log);
        }
        let control: Vec<LogId> =
            self.logs.iter().filter(|(_, log)| log.class == Class::Control).map(|(id, _)| *id).collect();
        let mut entries: Vec<ControlEntry> = Vec::new();
        for id in control {
            let record = &self.logs[&id];
            let (end, _) = record.end();
            let mut ctl = record.branch.as_ref().map(|branch| branch.ctl.clone()).unwrap_or_default();
            for entry in lookup::entries_of(store, &id, 0).take_while(|entry| entry.header.seq < end) {
                if let Some(explicit) = &entry.header.ctl {
                    ctl.clone_from(explicit);
                }
                if let Some(control) = ingest::control_entry(&entry, self.logs[&id].node, &ctl) {
                    entries.push(control);
                }
            }
        }
        if let Some(org) = store.get(&keys::organisation()).as_deref().and_then(OrgId::from_slice) {
            self.recall_organisation(org);
            for entry in entries {
                let scope = self.logs[&entry.log].scope;
                self.insert_control(scope, entry);
            }
            self.load_rows(store);
            self.load_forks(store);
            self.load_erasures(store);
            self.load_dropping(store);
            self.evaluate_all();
            self.recall_removals();
            if let Some(state) = self.view.org_state() {
                self.forks.sealed = state.sealed().clone();
            }
            self.load_epochs(store);
        }
    }

    fn load_rows(&mut self, store: &dyn Store) {
        let view = Arc::make_mut(&mut self.view);
        let (from, to) = Key::of(table::PROFILE).prefix();
        for (_, value) in store.range(&from, &to, usize::MAX, Direction::Forward) {
            view.load_profile(store, &value);
        }
        let (from, to) = Key::of(table::CARD).prefix();
        for (_, value) in store.range(&from, &to, usize::MAX, Direction::Forward) {
            view.load_card(store, &value);
        }
        let (from, to) = Key::of(table::HELD).prefix();
        for (_, value) in store.range(&from, &to, usize::MAX, Direction::Forward) {
            if let Ok(held) = crate::codec::decode::<Held>("held row", &value, 1 << 20) {
                view.take_held(held);
            }
        }
        let (from, to) = Key::of(table::SEEN).prefix();
        for (key, value) in store.range(&from, &to, usize::MAX, Direction::Forward) {
            if let (Some(node), Ok(at)) = (NodeId::from_slice(&key[1..]), value.as_slice().try_into()) {
                view.peers.entry(node).or_default().since = Some(Millis(u64::from_be_bytes(at)));
            }
        }
    }

    /// Handles one input. What it writes goes into the transaction; what it wishes comes out.
    pub fn handle(&mut self, tx: &mut dyn Transaction, now: Millis, rng: &mut dyn Rng, input: Input) -> Vec<Effect> {
        let mut cx = Cx::new(tx, now, rng);
        self.notice_step(now);
        if !self.started {
            self.started = true;
            self.start(&mut cx);
        }
        match input {
            Input::Ask(ask) => self.ask(&mut cx, ask),
            Input::PeerConnected(peer) => self.peer_connected(&mut cx, peer),
            Input::PeerGone(peer) => self.peer_gone(&mut cx, peer),
            Input::PeerRequest { peer, token, bytes } => self.serve(&mut cx, peer, token, &bytes),
            Input::PeerResponse { peer, call, bytes } => self.peer_response(&mut cx, peer, call, bytes.as_deref()),
            Input::Live { topic, token, bytes } => self.take_live(&mut cx, &topic, token, &bytes),
            Input::Listening(addresses) => self.listening(&mut cx, addresses),
            Input::AddressHint { node, addresses } => self.hint_addresses(&mut cx, node, addresses),
            Input::BlobHere(blob) => self.blob_here(&mut cx, blob),
            Input::Wiped(places) => self.wiped(&mut cx, &places),
            Input::WipesUnfinished(places) => forget::wipe_again(&mut cx, places),
            Input::BlobRemoved(blob) => self.blob_removed(&mut cx, blob),
            Input::BlobsLost(blobs) => self.blobs_lost(&mut cx, blobs),
            Input::RecordsLost { places, alarms } => self.records_lost(&mut cx, places, alarms),
            Input::Bundle { token, ask } => self.bundle(&mut cx, token, ask),
            Input::SiteKeeps(keeps) => {
                self.view_mut().site_keeps = keeps;
                self.sweep_soon();
            }
            Input::PageQuarantined(page) => self.page_quarantined(&mut cx, page),
            Input::PageSound(page) => self.page_sound(&mut cx, page),
            Input::Here { here, to } => self.tell_here(&mut cx, here, &to),
            Input::Tick => self.tick(&mut cx),
        }
        self.settle(&mut cx);
        self.push_written(&mut cx);
        self.erase_step(&mut cx);
        let Cx { mut effects, notices, .. } = cx;
        effects.extend(notices.into_iter().map(Effect::Notify));
        effects
    }

    /// Takes in a record of the journal whose rows were lost. Records are given in the order of the journal; the caller
    /// ends with [`Engine::end_replay`] and opens a new engine on the rows afterwards.
    pub fn replay(&mut self, tx: &mut dyn Transaction, now: Millis, rng: &mut dyn Rng, record: &[u8], at: Location) {
        let mut cx = Cx::new(tx, now, rng);
        self.started = true;
        self.replaying = true;
        if let Ok(entries) = crate::entry::batch::decode(record) {
            self.take_record(&mut cx, entries, at);
        } else if let Some(note) = fork::Note::decode(record) {
            self.take_note(&mut cx, note);
        }
        self.settle(&mut cx);
    }

    /// This engine opened anew: after rows were rebuilt, or after a commit failed and the engine had gone ahead.
    #[must_use]
    pub fn reopened(&self, store: &dyn Store) -> Self {
        let mut engine = Self::open(self.identity.clone(), store).tuned(self.tuning);
        engine.standing = self.standing.iter().chain(self.sessions.keys()).copied().collect();
        // What was asked before may be answered yet, and must not pass for an answer to what is asked from now on.
        engine.calls = self.calls;
        engine.own_addresses.clone_from(&self.own_addresses);
        engine
    }

    /// Changes how what is new is spread.
    #[must_use]
    pub fn tuned(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self.plan = Plan::sized(tuning.fetch);
        self
    }

    /// The picture for readers. Taken after a commit.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view)
    }

    /// This node.
    pub fn node(&self) -> NodeId {
        self.identity.key.node()
    }

    /// The organisation, once there is one.
    pub fn org(&self) -> Option<OrgId> {
        self.org.as_ref().map(|org| org.id)
    }

    fn own_site(&self) -> Option<SiteId> {
        self.view.own_site()
    }

    fn note_log(&mut self, id: LogId, log: Log) {
        Arc::make_mut(&mut self.view_mut().log_scopes).insert(id, (log.scope, log.node));
        self.scopes.entry(log.scope).or_default().insert(id);
        self.digests.grew(&log.scope);
        self.digests.rights_changed();
        if log.node == self.node() && !log.closed {
            self.own.insert((log.scope, log.class), id);
        }
        if let Some(branch) = &log.branch {
            self.forks.branches.entry(branch.log).or_default().insert(id);
            Arc::make_mut(&mut self.view_mut().branches).insert(id, branch.log);
        }
        self.logs.insert(id, log);
    }

    fn save_log(&mut self, cx: &mut Cx<'_>, id: &LogId) {
        if let Some(log) = self.logs.get(id) {
            cx.tx.put(&keys::log(id), &log.to_bytes());
            self.digests.grew(&log.scope);
        }
        self.note_height(id);
    }

    /// Own data logs' heights stand in the picture, for what waits for whom.
    fn note_height(&mut self, id: &LogId) {
        let own = self.node();
        let Some(log) = self.logs.get(id).filter(|log| log.node == own && log.class == Class::Data) else { return };
        let height = (log.scope, log.next);
        self.view_mut().own_heights.insert(*id, height);
    }

    /// Evaluates what changed, tells who may connect, publishes the picture.
    fn settle(&mut self, cx: &mut Cx<'_>) {
        self.evaluate_stale(cx);
        self.settle_doubts(cx);
        self.settle_forks(cx);
        self.evaluate_stale(cx);
        // What counts since then may say the same as another.
        while !self.forks.refolds.is_empty() {
            self.settle_forks(cx);
            self.evaluate_stale(cx);
        }
        if std::mem::take(&mut self.regrouped) {
            let peers: Vec<NodeId> = self.sessions.keys().copied().collect();
            for peer in peers {
                if let Some(session) = self.sessions.get_mut(&peer) {
                    session.poke(cx.now);
                }
                self.begin_if_due(cx, peer);
            }
        }
        let mut allowed: BTreeSet<NodeId> =
            self.view.org_state().map(|state| state.connectable().collect()).unwrap_or_default();
        allowed.remove(&self.node());
        let confined = self.confined();
        if confined != self.confined {
            self.confined.clone_from(&confined);
            cx.effects.push(Effect::Confine(confined));
            cx.notify(Notice::Network);
        }
        if allowed != self.allowed {
            self.allowed.clone_from(&allowed);
            cx.effects.push(Effect::Allow(allowed));
            cx.notify(Notice::Network);
        }
    }
}
