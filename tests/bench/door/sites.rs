//! Some engines in one thread on virtual time, all connected, and a count of what they say to each other.

use protocol::clock::Millis;
use protocol::engine::effect::{Answer, Effect};
use protocol::engine::input::{Ask, Command, Input};
use protocol::engine::read::Reader;
use protocol::engine::{Engine, Identity};
use protocol::ids::{EntryId, GroupId, NodeId, RequestId, SiteId, TicketId, UserId};
use protocol::keys::SecretKey;
use protocol::store::keys::{Key, table};
use protocol::store::memory::MemoryStore;
use protocol::store::{Direction, Row, Store as _};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, VecDeque};

/// What was said so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said {
    /// Requests.
    pub requests: usize,
    /// Bytes of requests and responses, encoded.
    pub bytes: usize,
}

impl Said {
    /// What was said since then.
    pub fn since(self, before: Self) -> Self {
        Self { requests: self.requests - before.requests, bytes: self.bytes - before.bytes }
    }
}

struct Site {
    engine: Engine,
    store: MemoryStore,
}

enum Packet {
    Request { from: usize, to: usize, call: u64, bytes: Vec<u8> },
    Response { from: usize, to: usize, call: u64, bytes: Vec<u8> },
}

/// The sites, each connected with each other.
pub struct Sites {
    /// One person of each site; the first is the administrator.
    pub people: Vec<UserId>,
    /// The count.
    pub said: Said,
    sites: Vec<Site>,
    places: BTreeMap<NodeId, usize>,
    packets: VecDeque<Packet>,
    /// Whose lines are cut.
    parted: Vec<(usize, usize)>,
    asked: BTreeMap<u64, (usize, u64)>,
    tokens: u64,
    now: Millis,
    rng: ChaCha12Rng,
}

impl Sites {
    /// An organisation of so many sites.
    pub fn new(count: usize) -> Self {
        let mut sites = Self {
            people: Vec::new(),
            said: Said::default(),
            sites: Vec::new(),
            places: BTreeMap::new(),
            packets: VecDeque::new(),
            parted: Vec::new(),
            asked: BTreeMap::new(),
            tokens: 0,
            now: Millis(1_800_000_000_000),
            rng: ChaCha12Rng::seed_from_u64(14),
        };
        for at in 0..count {
            let identity = Identity { key: SecretKey::from_seed(&sites.random()), sealing: sites.random() };
            let (sealing, store) = (identity.sealing_public(), MemoryStore::default());
            let engine = Engine::open(identity, &store);
            sites.places.insert(engine.node(), at);
            sites.sites.push(Site { engine, store });
            let person = if at == 0 { sites.found() } else { sites.admit(at, sealing) };
            sites.people.push(person);
        }
        for a in 0..count {
            for b in 0..count {
                if a != b {
                    let peer = sites.sites[b].engine.node();
                    sites.input(a, Input::PeerConnected(peer));
                }
            }
        }
        sites.come_to_rest();
        sites
    }

    fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }

    fn found(&mut self) -> UserId {
        let (admin, secret) = (UserId(self.random()), self.random());
        let command = Command::CreateOrganisation {
            name: "Habitat Ouest".into(),
            site: SiteId(self.random()),
            site_name: "Site 0".into(),
            company: String::new(),
            admin,
            admin_name: "Ann".into(),
            admin_key: SecretKey::from_seed(&secret).public().0,
            admin_secret: secret,
            recovery: Vec::new(),
        };
        self.ask(0, None, command);
        admin
    }

    fn admit(&mut self, at: usize, sealing: [u8; 32]) -> UserId {
        let command = Command::AdmitNode {
            node: self.sites[at].engine.node(),
            sealing,
            site: SiteId(self.random()),
            site_name: Some(format!("Site {at}")),
            company: String::new(),
            ticket: TicketId(self.random()),
        };
        self.done(0, self.people[0], command);
        let (first, view) = (&self.sites[0], self.sites[0].engine.view());
        let reader = Reader { view: &view, store: &first.store, now: self.now };
        let welcome = reader.welcome().expect("there is an organisation");
        self.ask(at, None, Command::JoinOrganisation { welcome });
        let user = UserId(self.random());
        self.ask(at, None, Command::RegisterUser { user, name: format!("Person {at}"), title: String::new() });
        user
    }

    fn ask(&mut self, at: usize, actor: Option<UserId>, command: Command) -> EntryId {
        let ask = Ask { token: 7, actor, request: RequestId(self.random()), command };
        let effects = self.input(at, Input::Ask(ask));
        let answer = effects.into_iter().find_map(|effect| match effect {
            Effect::Answer { answer, .. } => Some(answer),
            _ => None,
        });
        match answer {
            Some(Answer::Done { id }) => id,
            other => panic!("answered with {other:?}"),
        }
    }

    /// Asks for something that is done.
    ///
    /// # Panics
    /// If it is not.
    pub fn done(&mut self, at: usize, actor: UserId, command: Command) -> EntryId {
        self.ask(at, Some(actor), command)
    }

    fn input(&mut self, at: usize, input: Input) -> Vec<Effect> {
        let site = &mut self.sites[at];
        let effects = site.engine.handle(&mut site.store, self.now, &mut self.rng, input);
        for effect in &effects {
            match effect {
                Effect::Request { peer, call, bytes } => {
                    self.said.requests += 1;
                    self.said.bytes += bytes.len();
                    let (to, bytes) = (self.places[peer], bytes.clone());
                    self.packets.push_back(Packet::Request { from: at, to, call: *call, bytes });
                }
                Effect::Respond { token, bytes } => {
                    self.said.bytes += bytes.len();
                    if let Some((to, call)) = self.asked.remove(token) {
                        self.packets.push_back(Packet::Response { from: at, to, call, bytes: bytes.clone() });
                    }
                }
                _ => {}
            }
        }
        effects
    }

    /// Delivers until nothing is under way.
    pub fn deliver(&mut self) {
        while let Some(packet) = self.packets.pop_front() {
            match packet {
                Packet::Request { from, to, call, bytes } => {
                    self.tokens += 1;
                    self.asked.insert(self.tokens, (from, call));
                    let peer = self.sites[from].engine.node();
                    self.input(to, Input::PeerRequest { peer, token: self.tokens, bytes });
                }
                Packet::Response { from, to, call, bytes } => {
                    let peer = self.sites[from].engine.node();
                    self.input(to, Input::PeerResponse { peer, call, bytes: Some(bytes) });
                }
            }
        }
    }

    /// Lets time pass, a tick a second.
    pub fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now.0 += 1_000;
            for at in 0..self.sites.len() {
                self.input(at, Input::Tick);
            }
            self.deliver();
        }
    }

    /// Lets much time pass with few ticks.
    pub fn leap(&mut self, seconds: u64, ticks: u64) {
        for _ in 0..ticks {
            self.now.0 += seconds * 1_000 / ticks;
            for at in 0..self.sites.len() {
                self.input(at, Input::Tick);
            }
            self.deliver();
        }
    }

    /// Cuts all lines between two halves.
    pub fn part(&mut self, is_here: impl Fn(usize) -> bool) {
        let count = self.sites.len();
        let all = (0..count).flat_map(|a| (0..count).map(move |b| (a, b)));
        self.parted = all.filter(|(a, b)| is_here(*a) != is_here(*b)).collect();
        for (a, b) in self.parted.clone() {
            let peer = self.sites[b].engine.node();
            self.input(a, Input::PeerGone(peer));
        }
    }

    /// Connects them again.
    pub fn join(&mut self) {
        for (a, b) in std::mem::take(&mut self.parted) {
            let peer = self.sites[b].engine.node();
            self.input(a, Input::PeerConnected(peer));
        }
    }

    /// The rows of a group's feed at a site.
    pub fn feed_rows(&self, at: usize, group: GroupId) -> Vec<Row> {
        let (from, to) = Key::of(table::FEED).and(group.0).prefix();
        self.sites[at].store.range(&from, &to, usize::MAX, Direction::Forward)
    }

    /// Until nothing was said for some seconds.
    ///
    /// # Panics
    /// If they talk for hours.
    pub fn come_to_rest(&mut self) {
        self.deliver();
        let mut quiet = 0;
        for _ in 0..7_200 {
            let before = self.said.requests;
            self.pass(1);
            quiet = if self.said.requests == before { quiet + 1 } else { 0 };
            if quiet == 20 {
                return;
            }
        }
        panic!("they talk on and on");
    }
}
