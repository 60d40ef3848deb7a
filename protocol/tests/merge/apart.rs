//! Sites that write apart, and copies of one that takes what they wrote.

use crate::world::{self, World};
use protocol::control::op::{Access, GroupKind, Role};
use protocol::engine::effect::Answer;
use protocol::engine::input::{Command, Input};
use protocol::engine::{Engine, Tuning};
use protocol::entry::batch;
use protocol::ids::{EntryId, GroupId, LogId, UserId};
use protocol::log::Log;
use protocol::store::Store;
use protocol::store::keys::{self, table};
use protocol::sync::message::Request;
use std::collections::{BTreeMap, BTreeSet};

/// The site that takes what the others wrote.
pub const READER: usize = 3;
/// A site that is in the organisation and not in the group.
pub const LATE: usize = 4;

/// Rows that are the same at every node that holds the same entries: not the places on its own disk, nor what it knows of
/// its peers, nor its own work that is left.
const SHARED: &[u8] = &[
    table::FEED,
    table::THREAD,
    table::EDIT,
    table::DELETE,
    table::THREAD_DELETE,
    table::REACT,
    table::ORIGIN,
    table::ORIGIN_EDIT,
    table::SOURCE,
    table::SOURCE_ITEM,
    table::PENDING,
    table::VOID,
    table::BLOB,
    table::POST_BLOB,
    table::PROFILE,
    table::CARD,
    table::EPOCH,
    table::AGAIN,
    table::FORK,
    table::ERASE,
    table::ERASED,
    table::OBJECTED,
    table::EDIT_OF,
    table::FORMER,
    table::HOLD,
    table::RETENTION,
];

/// What people of a site do by a rule: the sites, the site.
pub type Act<'a> = &'a dyn Fn(&mut Apart, usize);

/// What a site shows of it all: the rows, and the state that stands in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    rows: world::disk::Rows,
    /// Keys of the entries held.
    pub entries: BTreeSet<Vec<u8>>,
    state: String,
}

/// Sites that write apart.
pub struct Apart {
    /// The sites.
    pub world: World,
    /// One person of each site; the first is an admin and owns the group with the second.
    pub people: Vec<UserId>,
    /// The group that all are in.
    pub group: GroupId,
    /// Posts and comments that all had before they parted, and what was written since.
    pub items: Vec<EntryId>,
    /// Feeds.
    pub sources: Vec<EntryId>,
    /// Erasures asked for since.
    pub erasures: Vec<EntryId>,
    /// The reader's disk when they parted.
    pub before: world::Disk,
}

impl Apart {
    /// Four sites that have a group and some posts in common, and no line between them any more.
    pub fn new(seed: u64, tuning: Tuning) -> Self {
        let mut world = World::new(seed);
        world.tuning = tuning;
        for _ in 0..=LATE {
            world.add_site();
        }
        // The reader is not the first in rank: it would make a key of its own, another one in each order.
        if (0..READER).all(|at| world.node(READER) < world.node(at)) {
            world.sites.swap(0, READER);
        }
        let ann = world.found(0);
        let mut people = vec![ann];
        for at in 1..=LATE {
            people.push(world.admit(0, ann, at, &format!("Person {at}")));
        }
        world.connect_all();
        world.pass(4);
        let command = Command::CreateGroup {
            name: "Groupe".into(),
            purpose: String::new(),
            kind: GroupKind::Project,
            access: Access::Closed,
        };
        let group = GroupId::from(world.done(0, ann, command));
        let roles = [Role::Owner, Role::Owner, Role::Facilitator, Role::Member];
        for (user, role) in people.iter().zip(roles).skip(1) {
            world.done(0, ann, Command::Grant { group, users: vec![*user], role });
        }
        world.pass(8);
        let mut apart = Self {
            world,
            people,
            group,
            items: Vec::new(),
            sources: Vec::new(),
            erasures: Vec::new(),
            before: world::Disk::default(),
        };
        for at in 0..3 {
            let post = apart.post(at).expect("members write");
            let comment = Command::CreateComment { post, text: "first".into() };
            apart.items.push(post);
            apart.items.push(apart.world.done(at, apart.people[at], comment));
            let url = format!("https://example.org/{}", at % 2);
            let source = Command::SetSource { group, url, title: "Flux".into(), site_url: None };
            let made = apart.ask(at, source);
            apart.sources.extend(made);
        }
        apart.world.pass(8);
        for at in 0..=LATE {
            apart.world.isolate(at);
        }
        apart.before = apart.world.sites[READER].store.clone();
        apart
    }

    /// A person asks; answers what was made.
    pub fn ask(&mut self, at: usize, command: Command) -> Option<EntryId> {
        match self.world.ask(at, Some(self.people[at]), command) {
            Answer::Done { id } => Some(id),
            _ => None,
        }
    }

    /// A post.
    pub fn post(&mut self, at: usize) -> Option<EntryId> {
        let text = format!("post {}", self.world.below(1 << 40));
        self.ask(at, Command::CreatePost { group: self.group, title: String::new(), text, attachments: Vec::new() })
    }

    /// One of the posts and comments.
    pub fn item(&mut self) -> EntryId {
        let at = self.world.below(self.items.len() as u64) as usize;
        self.items[at]
    }

    /// Two rounds of acts at the three sites, which meet between the rounds: what one names may be of another.
    pub fn write(&mut self, act: Act<'_>) {
        for round in 0..2 {
            for _ in 0..8 {
                self.world.now.0 += self.world.below(3_000);
                let at = self.world.below(3) as usize;
                act(self, at);
            }
            if round == 0 {
                for (a, b) in [(0, 1), (0, 2), (1, 2)] {
                    self.world.connect(a, b);
                }
                self.world.pass(8);
                for at in 0..3 {
                    self.world.isolate(at);
                }
            }
        }
        self.world.now.0 += 4 * 86_400_000;
    }

    /// What was written since they parted: each log's entries in its order, from the disk of the site that wrote it.
    pub fn written(&self) -> Vec<Vec<Vec<u8>>> {
        let mut logs: BTreeMap<LogId, BTreeMap<u64, Vec<u8>>> = BTreeMap::new();
        for site in &self.world.sites[..READER] {
            for (_, record) in site.store.records() {
                let Ok(entries) = batch::decode(record) else { continue };
                let log = entries[0].log();
                let state = site.store.get(&keys::log(&log)).and_then(|row| Log::from_bytes(&row).ok());
                let own = state.is_some_and(|state| state.node == site.engine.node());
                let known = entries.iter().all(|entry| self.before.get(&keys::entry(&entry.id)).is_some());
                if own && !known {
                    // What lost its words was written once more, behind the rest.
                    logs.entry(log).or_default().insert(entries[0].header.seq, record.to_vec());
                }
            }
        }
        logs.into_values().map(|log| log.into_values().collect()).collect()
    }

    /// The reader as it was before, alone with the names of the others.
    pub fn reader(&self) -> World {
        let mut world = World::new(7);
        world.now = self.world.now;
        world.tuning = self.world.tuning;
        for at in 0..=LATE {
            world.add_site();
            let identity = self.world.sites[at].identity.clone();
            let store = if at == READER { self.before.clone() } else { world::Disk::default() };
            let site = &mut world.sites[at];
            site.engine = Engine::open(identity.clone(), &store).tuned(self.world.tuning);
            (site.identity, site.store, site.puppet) = (identity, store, at != READER);
        }
        for at in 0..READER {
            let node = world.node(at);
            world.input(READER, Input::PeerConnected(node));
        }
        world
    }

    /// What the reader shows.
    pub fn picture(&self, world: &mut World) -> Picture {
        // What is to be erased is carried out in its own time.
        for _ in 0..4 {
            world.input(READER, Input::Tick);
        }
        let rows = world.sites[READER].store.rows();
        let entries = rows.keys().filter(|key| key[0] == table::ENTRY).cloned().collect();
        let rows = shared(rows);
        let view = world.sites[READER].engine.view();
        let state = view.group_state(&self.group).map(|state| {
            let roles: Vec<_> = state.members().keys().map(|user| (*user, state.role(user))).collect();
            format!("{roles:?} {:?} {:?} {:?} {:?}", state.name(), state.access(), state.policy(), state.voids())
        });
        let names =
            world.read(READER, |reader| self.people.iter().map(|user| reader.person(*user)).collect::<Vec<_>>());
        let keeps = (view.is_held_for_law(&self.group), view.retention_days(&self.group));
        let topics = &world.sites[READER].topics;
        Picture { rows, entries, state: format!("{state:?} {names:?} {keeps:?} {topics:?}") }
    }
}

/// The rows of a disk that must be the same everywhere.
pub fn shared(rows: &world::disk::Rows) -> world::disk::Rows {
    let shared = rows.iter().filter(|(key, _)| SHARED.contains(&key[0]));
    let same = |(key, row): (&Vec<u8>, &Vec<u8>)| {
        let mut row = row.clone();
        // Whether an erasure is carried out is each node's own matter: a legal hold stops only those that know of it.
        if key[0] == table::ERASE {
            row[9] = 0;
        }
        (key.clone(), row)
    };
    shared.map(same).collect()
}

/// Gives the reader a batch as its writer, or another, would.
pub fn take(world: &mut World, batches: &[Vec<u8>]) {
    for bytes in batches {
        let from = world.below(READER as u64) as usize;
        let peer = world.node(from);
        let push = Request::Push { batches: vec![bytes.clone().into()] };
        world.input(READER, Input::PeerRequest { peer, token: 1, bytes: push.encode() });
    }
}

/// One order in which the batches can come.
pub fn mixed(world: &mut World, logs: &[Vec<Vec<u8>>]) -> Vec<Vec<u8>> {
    let mut left: Vec<_> = logs.iter().map(|log| log.iter()).collect();
    let mut order = Vec::new();
    while left.iter().any(|log| log.len() > 0) {
        let at = world.below(left.len() as u64) as usize;
        // Sometimes long runs of one log, sometimes one of each.
        for _ in 0..1 + world.below(4) {
            order.extend(left[at].next().cloned());
        }
    }
    order
}

/// Says what differs.
pub fn same(expected: &Picture, found: &Picture, context: &str) {
    if expected == found {
        return;
    }
    let lost = expected.rows.iter().filter(|(key, row)| found.rows.get(*key) != Some(row));
    let more = found.rows.iter().filter(|(key, row)| expected.rows.get(*key) != Some(row));
    let show = |(key, row): (&Vec<u8>, &Vec<u8>)| format!("{} {key:02x?} = {row:02x?}", char::from(key[0]));
    let (lost, more): (Vec<_>, Vec<_>) = (lost.map(show).collect(), more.map(show).collect());
    assert_eq!(expected.entries.len(), found.entries.len(), "{context}: other entries");
    assert_eq!(expected.state, found.state, "{context}");
    panic!("{context}\nlost {lost:#?}\nmore {more:#?}");
}
