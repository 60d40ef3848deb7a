//! Many engines in one thread: one seed, virtual time, a network that delays, drops and cuts. The shipped rules run
//! unchanged; only the disk and the wires are made of memory.

use protocol::clock::Millis;
use protocol::engine::effect::{Answer, Effect, Judgement, Notice};
use protocol::engine::input::{Ask, Command, Input};
use protocol::engine::read::Reader;
use protocol::engine::{Engine, Identity, Tuning};
use protocol::ids::{BlobId, EntryId, GroupId, NodeId, RequestId, SiteId, TicketId, UserId};
use protocol::keys::SecretKey;
use protocol::store::memory::MemoryStore;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A message under way.
#[derive(Debug, Clone)]
enum Packet {
    Request { from: usize, to: usize, call: u64, bytes: Vec<u8> },
    Response { from: usize, to: usize, call: u64, bytes: Option<Vec<u8>> },
    Live { from: usize, to: usize, topic: String, bytes: Vec<u8> },
}

impl Packet {
    fn ends(&self) -> (usize, usize) {
        match self {
            Self::Request { from, to, .. } | Self::Response { from, to, .. } | Self::Live { from, to, .. } => {
                (*from, *to)
            }
        }
    }
}

/// One site of the world.
pub struct Site {
    /// Its engine.
    pub engine: Engine,
    /// Its disk.
    pub store: MemoryStore,
    /// Its keys.
    pub identity: Identity,
    /// Its site id.
    pub site: SiteId,
    /// Whom it may connect to, as its engine said last.
    pub allowed: BTreeSet<NodeId>,
    /// What it told its browsers.
    pub notices: Vec<Notice>,
    /// Files it asked for.
    pub fetches: Vec<BlobId>,
    /// How far its clock is off, in milliseconds.
    pub skew: i64,
    /// The live topics it follows.
    pub topics: BTreeSet<String>,
    /// Live messages it accepted.
    pub accepted: usize,
    /// Where it was told that others are, in the order told.
    pub addresses: Vec<(NodeId, Vec<String>)>,
}

/// What the wires do to messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Of a hundred messages so many are lost.
    pub loss_percent: u64,
    /// Messages are delivered in any order.
    pub reorder: bool,
}

/// All of it.
pub struct World {
    /// The sites.
    pub sites: Vec<Site>,
    /// Virtual time.
    pub now: Millis,
    /// The one source of randomness.
    pub rng: ChaCha12Rng,
    /// What the wires do.
    pub weather: Weather,
    /// How the engines spread what is new.
    pub tuning: Tuning,
    links: BTreeSet<(usize, usize)>,
    packets: VecDeque<Packet>,
    tokens: BTreeMap<(usize, u64), (usize, u64)>,
    next_token: u64,
}

impl World {
    /// A world without sites.
    pub fn new(seed: u64) -> Self {
        Self {
            sites: Vec::new(),
            now: Millis(1_800_000_000_000),
            rng: ChaCha12Rng::seed_from_u64(seed),
            weather: Weather::default(),
            tuning: Tuning::default(),
            links: BTreeSet::new(),
            packets: VecDeque::new(),
            tokens: BTreeMap::new(),
            next_token: 0,
        }
    }

    /// Random bytes.
    pub fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.rng.next_u64() % end
    }

    /// A site that belongs nowhere yet.
    pub fn add_site(&mut self) -> usize {
        let identity = Identity { key: SecretKey::from_seed(&self.random()), sealing: self.random() };
        let store = MemoryStore::default();
        let engine = Engine::open(identity.clone(), &store).tuned(self.tuning);
        let site = SiteId(self.random());
        self.sites.push(Site {
            engine,
            store,
            identity,
            site,
            allowed: BTreeSet::new(),
            notices: Vec::new(),
            fetches: Vec::new(),
            skew: 0,
            topics: BTreeSet::new(),
            accepted: 0,
            addresses: Vec::new(),
        });
        self.sites.len() - 1
    }

    /// The node of a site.
    pub fn node(&self, at: usize) -> NodeId {
        self.sites[at].engine.node()
    }

    fn at(&self, node: &NodeId) -> Option<usize> {
        self.sites.iter().position(|site| site.engine.node() == *node)
    }

    /// Gives a site an input and carries out what it wishes.
    pub fn input(&mut self, at: usize, input: Input) -> Vec<Effect> {
        let site = &mut self.sites[at];
        let now = Millis(self.now.0.saturating_add_signed(site.skew));
        let effects = site.engine.handle(&mut site.store, now, &mut self.rng, input);
        for effect in &effects {
            match effect {
                Effect::Request { peer, call, bytes } => {
                    let to = self.at(peer).expect("wishes name nodes of this world");
                    self.packets.push_back(Packet::Request { from: at, to, call: *call, bytes: bytes.clone() });
                }
                Effect::Respond { token, bytes } => {
                    if let Some((to, call)) = self.tokens.remove(&(at, *token)) {
                        let bytes = Some(bytes.clone());
                        self.packets.push_back(Packet::Response { from: at, to, call, bytes });
                    }
                }
                Effect::Allow(nodes) => self.sites[at].allowed.clone_from(nodes),
                Effect::Notify(notice) => self.sites[at].notices.push(notice.clone()),
                Effect::FetchBlob { blob, .. } => self.sites[at].fetches.push(*blob),
                Effect::Subscribe(topics) => self.sites[at].topics.clone_from(topics),
                Effect::Publish { topic, bytes } => {
                    // A full mesh: every linked follower hears it from the writer.
                    for to in 0..self.sites.len() {
                        let linked = self.links.contains(&(at.min(to), at.max(to)));
                        if to != at && linked && self.sites[to].topics.contains(topic) {
                            let (topic, bytes) = (topic.clone(), bytes.clone());
                            self.packets.push_back(Packet::Live { from: at, to, topic, bytes });
                        }
                    }
                }
                Effect::Judge { judgement, .. } => {
                    self.sites[at].accepted += usize::from(*judgement == Judgement::Accept);
                }
                Effect::Addresses { node, addresses } => self.sites[at].addresses.push((*node, addresses.clone())),
                Effect::Answer { .. } => {}
            }
        }
        effects
    }

    /// Asks and gives the answer.
    pub fn ask(&mut self, at: usize, actor: Option<UserId>, command: Command) -> Answer {
        let request = RequestId(self.random());
        self.ask_as(at, actor, request, command)
    }

    /// Asks under a chosen request id.
    pub fn ask_as(&mut self, at: usize, actor: Option<UserId>, request: RequestId, command: Command) -> Answer {
        let effects = self.input(at, Input::Ask(Ask { token: 7, actor, request, command }));
        let answer = effects.into_iter().find_map(|effect| match effect {
            Effect::Answer { token: 7, answer } => Some(answer),
            _ => None,
        });
        answer.expect("every ask is answered at once")
    }

    /// Asks and expects something to be made.
    pub fn done(&mut self, at: usize, actor: UserId, command: Command) -> EntryId {
        match self.ask(at, Some(actor), command.clone()) {
            Answer::Done { id } => id,
            other => panic!("{command:?} was answered with {other:?}"),
        }
    }

    /// Founds the organisation at a site; answers its first admin.
    pub fn found(&mut self, at: usize) -> UserId {
        let (admin, secret) = (UserId(self.random()), self.random());
        let command = Command::CreateOrganisation {
            name: "Habitat Ouest".into(),
            site: self.sites[at].site,
            site_name: format!("Site {at}"),
            company: String::new(),
            admin,
            admin_name: "Ann".into(),
            admin_key: SecretKey::from_seed(&secret).public().0,
            admin_secret: secret,
            recovery: Vec::new(),
        };
        assert!(matches!(self.ask(at, None, command), Answer::Done { .. }), "the organisation is founded");
        admin
    }

    /// Admits a site by an admin of another, and gives it a first person.
    pub fn admit(&mut self, by: usize, admin: UserId, new: usize, name: &str) -> UserId {
        let command = Command::AdmitNode {
            node: self.node(new),
            sealing: self.sites[new].identity.sealing_public(),
            site: self.sites[new].site,
            site_name: Some(format!("Site {new}")),
            company: String::new(),
            ticket: TicketId(self.random()),
        };
        self.done(by, admin, command);
        let welcome = self.read(by, |reader| reader.welcome()).expect("there is an organisation");
        assert!(matches!(self.ask(new, None, Command::JoinOrganisation { welcome }), Answer::Done { .. }), "joined");
        let user = UserId(self.random());
        let register = Command::RegisterUser { user, name: name.into(), title: String::new() };
        assert!(matches!(self.ask(new, None, register), Answer::Done { .. }), "the first person is registered");
        user
    }

    /// Reads at a site.
    pub fn read<T>(&self, at: usize, read: impl FnOnce(&Reader<'_>) -> T) -> T {
        let site = &self.sites[at];
        let view = site.engine.view();
        read(&Reader { view: &view, store: &site.store, now: self.now })
    }

    /// Connects two sites, if both allow it.
    pub fn connect(&mut self, a: usize, b: usize) {
        let (node_a, node_b) = (self.node(a), self.node(b));
        let allowed = self.sites[a].allowed.contains(&node_b) && self.sites[b].allowed.contains(&node_a);
        if allowed && self.links.insert((a.min(b), a.max(b))) {
            self.input(a, Input::PeerConnected(node_b));
            self.input(b, Input::PeerConnected(node_a));
        }
    }

    /// Connects all that may.
    pub fn connect_all(&mut self) {
        for a in 0..self.sites.len() {
            for b in a + 1..self.sites.len() {
                self.connect(a, b);
            }
        }
    }

    /// Cuts the line between two sites; what is under way is lost.
    pub fn cut(&mut self, a: usize, b: usize) {
        if self.links.remove(&(a.min(b), a.max(b))) {
            self.packets.retain(|packet| {
                let (from, to) = packet.ends();
                (from.min(to), from.max(to)) != (a.min(b), a.max(b))
            });
            let (node_a, node_b) = (self.node(a), self.node(b));
            self.input(a, Input::PeerGone(node_b));
            self.input(b, Input::PeerGone(node_a));
        }
    }

    /// Cuts all lines of a site.
    pub fn isolate(&mut self, at: usize) {
        for other in 0..self.sites.len() {
            if other != at {
                self.cut(at, other);
            }
        }
    }

    /// Delivers until nothing is under way.
    pub fn deliver(&mut self) {
        let mut left = 200_000;
        while !self.packets.is_empty() {
            left -= 1;
            assert!(left > 0, "the sites talk for ever: {} packets under way", self.packets.len());
            self.deliver_one();
        }
    }

    fn deliver_one(&mut self) {
        let at = if self.weather.reorder { self.below(self.packets.len() as u64) as usize } else { 0 };
        let Some(packet) = self.packets.remove(at) else { return };
        let (from, to) = packet.ends();
        let linked = self.links.contains(&(from.min(to), from.max(to)));
        let lost = !linked || self.below(100) < self.weather.loss_percent;
        match packet {
            Packet::Request { from, call, .. } if lost => {
                let peer = self.node(to);
                self.input(from, Input::PeerResponse { peer, call, bytes: None });
            }
            Packet::Response { from, to, call, .. } if lost => {
                let peer = self.node(from);
                self.input(to, Input::PeerResponse { peer, call, bytes: None });
            }
            Packet::Live { .. } if lost => {}
            Packet::Live { to, topic, bytes, .. } => {
                self.input(to, Input::Live { topic, token: 0, bytes });
            }
            Packet::Request { from, to, call, bytes } => {
                self.next_token += 1;
                let token = self.next_token;
                self.tokens.insert((to, token), (from, call));
                let peer = self.node(from);
                self.input(to, Input::PeerRequest { peer, token, bytes });
            }
            Packet::Response { from, to, call, bytes } => {
                let peer = self.node(from);
                self.input(to, Input::PeerResponse { peer, call, bytes });
            }
        }
    }

    /// Lets time pass with everything delivered, a tick of each site at a time.
    pub fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now.0 += 1_000;
            for at in 0..self.sites.len() {
                self.input(at, Input::Tick);
            }
            self.deliver();
        }
    }

    /// Stops a site's process and starts it again on its disk.
    pub fn restart(&mut self, at: usize) {
        self.isolate(at);
        let site = &mut self.sites[at];
        site.engine = Engine::open(site.identity.clone(), &site.store).tuned(self.tuning);
        self.input(at, Input::Tick);
    }

    /// Loses a site's index and rebuilds it from its records.
    pub fn rebuild(&mut self, at: usize) {
        self.isolate(at);
        let site = &mut self.sites[at];
        let mut store = site.store.without_rows();
        let mut engine = Engine::open(site.identity.clone(), &store);
        let records: Vec<_> = site.store.records().map(|(at, record)| (at, record.to_vec())).collect();
        for (location, record) in records {
            engine.replay(&mut store, self.now, &mut self.rng, &record, location);
        }
        site.engine = engine.reopened(&store).tuned(self.tuning);
        site.store = store;
        self.input(at, Input::Tick);
    }

    /// The texts of a group's feed as a person sees it, newest first.
    pub fn feed(&self, at: usize, viewer: UserId, group: GroupId) -> Vec<String> {
        self.read(at, |reader| {
            let page = reader.feed(viewer, Some(group), Default::default(), None, 50)?;
            Some(page.items.into_iter().map(|post| post.text).collect())
        })
        .unwrap_or_default()
    }
}
