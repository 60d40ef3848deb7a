//! Many engines in one thread: one seed, virtual time, wires that delay, repeat, drop and cut (`wires.rs`), disks that
//! fail (`disk.rs`), processes that die (`faults.rs`). The shipped rules run unchanged; only the disk and the wires are
//! made of memory.

pub mod disk;
mod faults;
mod wires;

pub use disk::Disk;
pub use faults::Perils;
pub use wires::{Message, Weather, pair};

use disk::Pending;
use faults::Fate;
use protocol::clock::Millis;
use protocol::engine::effect::{Answer, Effect, FarHere, Judgement, Notice};
use protocol::engine::input::{Ask, Command, Input};
use protocol::engine::read::Reader;
use protocol::engine::{Engine, Identity, Tuning};
use protocol::ids::{BlobId, EntryId, GroupId, NodeId, RequestId, SiteId, TicketId, UserId};
use protocol::keys::SecretKey;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use wires::Packet;

/// Somebody who looks at everything that leaves a site or becomes durable there.
pub trait Watch {
    /// These records became durable at a site.
    fn committed(&mut self, world: &World, at: usize, records: &[Vec<u8>]);
    /// A site's disk is another one than before: after a crash, a repair, a restored copy, a wipe.
    fn reopened(&mut self, world: &World, at: usize);
    /// A message leaves a site.
    fn sent(&mut self, world: &World, from: usize, to: usize, message: &Message);
}

/// Answers for a puppet: site asked, site that asks, request.
pub type Puppeteer = Rc<dyn Fn(&mut World, usize, usize, &[u8]) -> Option<Vec<u8>>>;

/// One site of the world.
pub struct Site {
    /// Its engine.
    pub engine: Engine,
    /// Its disk.
    pub store: Disk,
    /// An earlier state of its disk, which somebody may restore.
    pub copy: Option<Disk>,
    /// Its engine does nothing any more: somebody else speaks with its key.
    pub puppet: bool,
    /// Its keys.
    pub identity: Identity,
    /// Its site id.
    pub site: SiteId,
    /// Whom it may connect to, as its engine said last.
    pub allowed: BTreeSet<NodeId>,
    /// Of these, who gets the lifeline alone.
    pub confined: BTreeSet<NodeId>,
    /// What it told its browsers.
    pub notices: Vec<Notice>,
    /// Who of other sites was said to be at pages.
    pub heres: Vec<FarHere>,
    /// Files it asked for.
    pub fetches: Vec<BlobId>,
    /// Files it removed.
    pub removed: Vec<BlobId>,
    /// How far its clock is off, in milliseconds.
    pub skew: i64,
    /// The live topics it follows.
    pub topics: BTreeSet<String>,
    /// Live messages it accepted.
    pub accepted: usize,
    /// Where it was told that others are, in the order told.
    pub addresses: Vec<(NodeId, Vec<String>)>,
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
    /// What the disks and processes do.
    pub perils: Perils,
    /// No live message arrives.
    pub silent: bool,
    /// Pairs of sites that can never connect.
    pub walls: BTreeSet<(usize, usize)>,
    /// Who looks on.
    pub watch: Option<Rc<RefCell<dyn Watch>>>,
    /// Who speaks for the puppets.
    pub puppeteer: Option<Puppeteer>,
    /// How the engines spread what is new.
    pub tuning: Tuning,
    /// Entries that came in ranges, by (from, to), once [`World::watch_ranges`] was called.
    pub ranges: Option<BTreeMap<(usize, usize), usize>>,
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
            perils: Perils::default(),
            silent: false,
            walls: BTreeSet::new(),
            watch: None,
            puppeteer: None,
            tuning: Tuning::default(),
            ranges: None,
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
        let store = Disk::default();
        let engine = Engine::open(identity.clone(), &store).tuned(self.tuning);
        let site = SiteId(self.random());
        self.sites.push(Site {
            engine,
            store,
            copy: None,
            puppet: false,
            identity,
            site,
            allowed: BTreeSet::new(),
            confined: BTreeSet::new(),
            notices: Vec::new(),
            heres: Vec::new(),
            fetches: Vec::new(),
            removed: Vec::new(),
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

    /// The site of a node.
    pub fn at(&self, node: &NodeId) -> Option<usize> {
        self.sites.iter().position(|site| site.engine.node() == *node)
    }

    /// The time that a site's clock shows.
    pub fn clock(&self, at: usize) -> Millis {
        Millis(self.now.0.saturating_add_signed(self.sites[at].skew))
    }

    /// Gives a site an input and, once what it writes is durable, carries out what it wishes. Answers what was carried
    /// out: nothing, when the commit failed or the process died over it.
    pub fn input(&mut self, at: usize, input: Input) -> Vec<Effect> {
        self.inputs(at, vec![input])
    }

    /// Several inputs in one commit, as the runtime takes what waits.
    pub fn inputs(&mut self, at: usize, inputs: Vec<Input>) -> Vec<Effect> {
        if self.sites[at].puppet {
            return Vec::new();
        }
        let fate = self.fate();
        let now = self.clock(at);
        let site = &mut self.sites[at];
        let mut pending = Pending::over(&site.store);
        let mut effects = Vec::new();
        for input in inputs {
            effects.extend(site.engine.handle(&mut pending, now, &mut self.rng, input));
        }
        let written = pending.done();
        if matches!(fate, Fate::Kept | Fate::DiesAfter) {
            let records = written.records.clone();
            site.store.commit(written);
            if let Some(watch) = self.watch.clone().filter(|_| !records.is_empty()) {
                watch.borrow_mut().committed(self, at, &records);
            }
        }
        match fate {
            Fate::Kept => {
                for effect in &effects {
                    self.carry_out(at, effect);
                }
                self.tell_forgotten(at, &effects);
                effects
            }
            Fate::SyncFails => {
                let site = &mut self.sites[at];
                site.engine = site.engine.reopened(&site.store);
                Vec::new()
            }
            Fate::DiesBefore | Fate::DiesAfter => {
                self.crash(at);
                Vec::new()
            }
        }
    }

    /// Nothing is said to be erased before the disk has done its part, and the engine heard of it.
    fn tell_forgotten(&mut self, at: usize, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Wipe(places) => drop(self.input(at, Input::Wiped(places.clone()))),
                Effect::RemoveBlob(blob) => drop(self.input(at, Input::BlobRemoved(*blob))),
                _ => {}
            }
        }
    }

    /// What a puppet's engine would wish; nothing of it is carried out.
    pub fn voice(&mut self, at: usize, input: Input) -> Vec<Effect> {
        let now = self.clock(at);
        let site = &mut self.sites[at];
        let mut pending = Pending::over(&site.store);
        let effects = site.engine.handle(&mut pending, now, &mut self.rng, input);
        let written = pending.done();
        site.store.commit(written);
        effects
    }

    fn leaves(&mut self, from: usize, to: usize, message: Message) {
        if let Some(watch) = self.watch.clone() {
            watch.borrow_mut().sent(self, from, to, &message);
        }
        self.send(from, to, message);
    }

    fn carry_out(&mut self, at: usize, effect: &Effect) {
        match effect {
            Effect::Request { peer, call, bytes } => {
                let to = self.at(peer).expect("wishes name nodes of this world");
                self.leaves(at, to, Message::Request { call: *call, bytes: bytes.clone() });
            }
            Effect::Respond { token, bytes } => {
                if let Some((to, call)) = self.tokens.remove(&(at, *token)) {
                    self.leaves(at, to, Message::Response { call, bytes: Some(bytes.clone()) });
                }
            }
            Effect::Allow(nodes) => self.sites[at].allowed.clone_from(nodes),
            Effect::Confine(nodes) => self.sites[at].confined.clone_from(nodes),
            Effect::Notify(notice) => self.sites[at].notices.push(notice.clone()),
            Effect::Here(here) => self.sites[at].heres.push(here.clone()),
            Effect::FetchBlob { blob, .. } => self.sites[at].fetches.push(*blob),
            Effect::Subscribe(topics) => self.sites[at].topics.clone_from(topics),
            Effect::Publish { topic, bytes } => {
                // A full mesh: every linked follower hears it from the writer.
                for to in 0..self.sites.len() {
                    if to != at && self.links.contains(&pair(at, to)) && self.sites[to].topics.contains(topic) {
                        self.leaves(at, to, Message::Live { topic: topic.clone(), bytes: bytes.clone() });
                    }
                }
            }
            Effect::Judge { judgement, .. } => {
                self.sites[at].accepted += usize::from(*judgement == Judgement::Accept);
            }
            Effect::Addresses { node, addresses } => self.sites[at].addresses.push((*node, addresses.clone())),
            Effect::Wipe(places) => {
                self.sites[at].store.wipe(places);
                if let Some(watch) = self.watch.clone() {
                    watch.borrow_mut().reopened(self, at);
                }
            }
            Effect::RemoveBlob(blob) => self.sites[at].removed.push(*blob),
            Effect::Answer { .. } | Effect::Bundle { .. } => {}
        }
    }

    /// Asks and gives the answer.
    pub fn ask(&mut self, at: usize, actor: Option<UserId>, command: Command) -> Answer {
        let request = RequestId(self.random());
        self.ask_as(at, actor, request, command)
    }

    /// Asks under a chosen request id.
    pub fn ask_as(&mut self, at: usize, actor: Option<UserId>, request: RequestId, command: Command) -> Answer {
        self.try_ask(at, actor, request, command).expect("every ask is answered at once")
    }

    /// Asks; no answer when the site's disk failed or its process died over it.
    pub fn try_ask(
        &mut self,
        at: usize,
        actor: Option<UserId>,
        request: RequestId,
        command: Command,
    ) -> Option<Answer> {
        let effects = self.input(at, Input::Ask(Ask { token: 7, actor, request, command }));
        effects.into_iter().find_map(|effect| match effect {
            Effect::Answer { token: 7, answer } => Some(answer),
            _ => None,
        })
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
        read(&Reader { view: &view, store: &site.store, now: self.clock(at) })
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

    /// The texts of a group's feed as a person sees it, newest first.
    pub fn feed(&self, at: usize, viewer: UserId, group: GroupId) -> Vec<String> {
        self.read(at, |reader| {
            let page = reader.feed(viewer, Some(group), Default::default(), None, 50)?;
            Some(page.items.into_iter().map(|post| post.text).collect())
        })
        .unwrap_or_default()
    }
}
