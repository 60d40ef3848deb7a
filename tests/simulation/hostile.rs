//! A member site turned hostile. It was admitted, its people are in groups, it signs with its real key; from its turning on
//! its engine is silent and this room speaks for it: back-dated and forged entries, floods, poison, old messages, lies.

use crate::world::{Message, World};
use protocol::clock::Hlc;
use protocol::control::op::{
    Class, ControlOp, Grant, LogOpen, NodeAdmit, NodeOnly, Role, RoleFor, UserAt, UserMove, UserOnly,
};
use protocol::engine::effect::Effect;
use protocol::engine::input::Input;
use protocol::entry::batch::{self, Signatures};
use protocol::entry::{Body, Entry, Header};
use protocol::group::{DataOp, Post, Profile};
use protocol::ids::{EntryId, GroupId, LogId, NodeId, OrgId, ScopeId, SiteId, TicketId, UserId};
use protocol::log::{Height, Log, opened};
use protocol::store::Store;
use protocol::store::keys::{self, Key, table};
use protocol::sync::address::AddressRecord;
use protocol::sync::held::Held;
use protocol::sync::message::{Request, Response};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// Messages remembered to be sent again.
const HEARD_MAX: usize = 64;
/// What it writes begins like this.
pub const MARK: &str = "eve ";

/// Who speaks for the hostile site.
pub struct Hostile {
    /// Its site.
    pub at: usize,
    /// Its people.
    pub users: Vec<UserId>,
    /// A key that nobody admitted.
    pub stranger: NodeId,
    /// Texts that no honest site may ever show.
    pub forbidden: Vec<String>,
    /// Own logs that every honest holder of the group held at the turning, when its people were in: a removal since then
    /// names them. One that its author does not hold counts whole (ruling A2).
    settled: BTreeSet<LogId>,
    /// Entries made since the turning, by log, each log's after those that its engine wrote.
    made: BTreeMap<LogId, (Log, Vec<Entry>)>,
    heard: VecDeque<Vec<u8>>,
    count: u64,
}

impl Hostile {
    /// The site turns.
    pub fn turn(world: &mut World, at: usize, users: Vec<UserId>) -> Rc<RefCell<Self>> {
        let settled = settled_logs(world, at, &users);
        let stranger = protocol::keys::SecretKey::from_seed(&world.random()).node();
        let (made, heard, forbidden) = (BTreeMap::new(), VecDeque::new(), Vec::new());
        let hostile = Rc::new(RefCell::new(Self { at, users, stranger, forbidden, settled, made, heard, count: 0 }));
        world.sites[at].puppet = true;
        let speaker = Rc::clone(&hostile);
        world.puppeteer = Some(Rc::new(move |world, at, from, request| {
            let mut speaker = speaker.borrow_mut();
            speaker.hear(request);
            speaker.answer(world, at, from, request)
        }));
        hostile
    }

    fn hear(&mut self, request: &[u8]) {
        self.heard.push_back(request.to_vec());
        if self.heard.len() > HEARD_MAX {
            self.heard.pop_front();
        }
    }

    fn org(&self, world: &World) -> OrgId {
        world.sites[self.at].engine.org().expect("it was admitted before it turned")
    }

    /// What its engine would have answered.
    fn truth(&self, world: &mut World, from: usize, request: &[u8]) -> Option<Vec<u8>> {
        let peer = world.node(from);
        let effects = world.voice(self.at, Input::PeerRequest { peer, token: 0, bytes: request.to_vec() });
        effects.into_iter().find_map(|effect| match effect {
            Effect::Respond { bytes, .. } => Some(bytes),
            _ => None,
        })
    }

    // --- answers ----------------------------------------------------------------------------------------------------

    fn answer(&mut self, world: &mut World, _at: usize, from: usize, request: &[u8]) -> Option<Vec<u8>> {
        match world.below(8) {
            0 => None,
            1 => Some(Response::Refused.encode()),
            2 => Some(noise(world)),
            3 => self.truth(world, from, request).map(|bytes| spoil(world, bytes)),
            4..=5 => Some(self.lie(world, request)),
            _ => self.truth(world, from, request),
        }
    }

    /// The withholder: it claims much and delivers nothing.
    fn lie(&mut self, world: &mut World, request: &[u8]) -> Vec<u8> {
        let response = match Request::decode(request) {
            Ok(Request::Compare { .. }) => Response::Compared { same: world.below(2) == 0 },
            Ok(Request::Frontier { scopes }) => {
                let claims = scopes.into_iter().map(|scope| protocol::sync::message::ScopeFrontier {
                    scope,
                    control: self.claims(world, &scope),
                    data: self.claims(world, &scope),
                    helds: Vec::new(),
                });
                Response::Frontier { scopes: claims.collect(), left: Vec::new() }
            }
            Ok(Request::Range { .. }) => Response::Range { batches: Vec::new() },
            Ok(Request::Push { .. }) => Response::Noted { helds: self.statements(world) },
            _ => Response::Refused,
        };
        response.encode()
    }

    /// Heights beyond everything for logs that exist, and for some that do not.
    fn claims(&self, world: &mut World, scope: &ScopeId) -> Vec<Height> {
        let site = &world.sites[self.at];
        let mut claims: Vec<Height> = Vec::new();
        let (from, to) = Key::of(table::LOG).prefix();
        for (key, value) in site.store.range(&from, &to, usize::MAX, protocol::store::Direction::Forward) {
            let (Some(log), Ok(state)) = (LogId::from_slice(&key[1..]), Log::from_bytes(&value)) else { continue };
            // What it says of the honest sites' own logs is left to the gate's own tests.
            if state.scope == *scope && state.node == site.engine.node() {
                claims.push(Height { log, next: 1_000_000, head: EntryId(log.0) });
            }
        }
        for _ in 0..world.below(40) {
            claims.push(Height { log: LogId(world.random()), next: 1 + world.below(9), head: EntryId(world.random()) });
        }
        claims
    }

    /// Statements over scopes that it knows, true in form.
    fn statements(&self, world: &mut World) -> Vec<Held> {
        let (org, scope) = (self.org(world), self.scope(world));
        let mut heights: Vec<Height> = (0..world.below(50))
            .map(|_| Height { log: LogId(world.random()), next: world.below(1 << 40), head: EntryId(world.random()) })
            .collect();
        heights.sort();
        let hlc = Hlc(world.now.0.saturating_add(world.below(200_000)) << 16);
        vec![Held::sign(scope, hlc, heights, Vec::new(), &org, &world.sites[self.at].identity.key)]
    }

    fn scope(&self, world: &mut World) -> ScopeId {
        let groups = self.groups(world);
        match world.below(groups.len() as u64 + 1) as usize {
            0 => ScopeId::from(self.org(world)),
            at => ScopeId::from(groups[at - 1]),
        }
    }

    fn groups(&self, world: &World) -> Vec<GroupId> {
        let view = world.sites[self.at].engine.view();
        let logs = self.own_logs(world);
        logs.into_iter()
            .map(|(_, log)| GroupId::from(log.scope))
            .filter(|group| view.group_state(group).is_some())
            .collect()
    }

    fn own_logs(&self, world: &World) -> Vec<(LogId, Log)> {
        let site = &world.sites[self.at];
        let node = site.engine.node();
        let (from, to) = Key::of(table::LOG).prefix();
        let rows = site.store.range(&from, &to, usize::MAX, protocol::store::Direction::Forward);
        rows.into_iter()
            .filter_map(|(key, value)| Some((LogId::from_slice(&key[1..])?, Log::from_bytes(&value).ok()?)))
            .filter(|(_, log)| log.node == node)
            .collect()
    }

    // --- strikes ----------------------------------------------------------------------------------------------------

    /// One attack at a connected site.
    pub fn strike(&mut self, world: &mut World) {
        let victims: Vec<usize> =
            (0..world.sites.len()).filter(|at| *at != self.at && !world.sites[*at].puppet).collect();
        let victim = victims[world.below(victims.len() as u64) as usize];
        self.count += 1;
        match world.below(12) {
            0..=2 => self.write_without_right(world, victim),
            3 => self.speak_for_others(world, victim),
            4..=5 => self.forge_rights(world, victim),
            6..=7 => self.poison(world, victim),
            8 => self.flood(world, victim),
            9 => self.open_many_logs(world, victim),
            _ => self.repeat(world, victim),
        }
    }

    fn tell(&self, world: &mut World, victim: usize, request: &Request) {
        self.tell_bytes(world, victim, request.encode());
    }

    fn tell_bytes(&self, world: &mut World, victim: usize, bytes: Vec<u8>) {
        world.send(self.at, victim, Message::Request { call: 0, bytes });
    }

    /// Writes in its own logs, also where its people are in no longer: each log goes on, none is forked.
    fn write_without_right(&mut self, world: &mut World, victim: usize) {
        let data: Vec<LogId> =
            self.own_logs(world).iter().filter(|(_, log)| log.class == Class::Data).map(|(id, _)| *id).collect();
        let Some(log) = choose(world, &data) else { return };
        let Some(user) = choose(world, &self.users.clone()) else { return };
        let text = format!("{MARK}{}", self.count);
        let scope = self.state(world, &log).map(|state| GroupId::from(state.scope));
        if self.settled.contains(&log) && scope.is_some_and(|group| self.is_out_everywhere(world, &group)) {
            self.forbidden.push(text.clone());
        }
        let post = DataOp::Post(Post { title: String::new(), text, attachments: Vec::new() });
        self.append(world, &log, &post.encode(), Some(user), Vec::new());
        self.push(world, victim, &log);
    }

    /// Whether every honest site that holds the group knows that no person of this site is in.
    fn is_out_everywhere(&self, world: &World, group: &GroupId) -> bool {
        let honest = world.sites.iter().filter(|site| !site.puppet);
        let mut held = false;
        for site in honest {
            let view = site.engine.view();
            let Some(state) = view.group_state(group) else { continue };
            held = true;
            if self.users.iter().any(|user| state.role(user).is_some()) {
                return false;
            }
        }
        held
    }

    /// Writes as somebody of another site.
    fn speak_for_others(&mut self, world: &mut World, victim: usize) {
        let view = world.sites[victim].engine.view();
        let others: Vec<UserId> = view
            .org_state()
            .map(|org| org.users().keys().filter(|user| !self.users.contains(user)).copied().collect())
            .unwrap_or_default();
        let Some(user) = choose(world, &others) else { return };
        let logs = self.own_logs(world);
        let of_org = ScopeId::from(self.org(world));
        let Some((log, state)) = choose(world, &logs) else { return };
        let text = format!("{MARK}{}", self.count);
        self.forbidden.push(text.clone());
        let op = match (state.class, state.scope == of_org) {
            (Class::Data, true) => DataOp::Profile(Profile { user, name: text, title: String::new() }).encode(),
            (Class::Data, false) => DataOp::Post(Post { title: String::new(), text, attachments: Vec::new() }).encode(),
            (Class::Control, true) => ControlOp::UserDisable(UserOnly { user }).encode(),
            (Class::Control, false) => ControlOp::Leave.encode(),
        };
        self.append(world, &log, &op, Some(user), Vec::new());
        self.push(world, victim, &log);
    }

    /// Gives itself what nobody gave it.
    fn forge_rights(&mut self, world: &mut World, victim: usize) {
        let (of_org, site) = (ScopeId::from(self.org(world)), world.sites[self.at].site);
        let control: Vec<(LogId, Log)> =
            self.own_logs(world).into_iter().filter(|(_, log)| log.class == Class::Control).collect();
        let Some((log, state)) = choose(world, &control) else { return };
        let Some(user) = choose(world, &self.users.clone()) else { return };
        let other = world.sites[victim].engine.node();
        let op = if state.scope == of_org {
            let (sealing, ticket) = (world.random(), TicketId(world.random()));
            match world.below(4) {
                0 => ControlOp::NodeAdmit(NodeAdmit { node: self.stranger, sealing, site, ticket, caps: None }),
                1 => ControlOp::NodeSuspend(NodeOnly { node: other }),
                2 => ControlOp::UserRegister(UserAt { user: UserId(world.random()), site: SiteId(world.random()) }),
                _ => ControlOp::UserRehome(UserMove { user, site: world.sites[victim].site, cuts: Vec::new() }),
            }
        } else {
            let roles = vec![RoleFor { user, role: Role::Owner }];
            ControlOp::Grant(Grant { roles, cuts: Vec::new() })
        };
        self.append(world, &log, &op.encode(), Some(user), Vec::new());
        self.push(world, victim, &log);
    }

    /// Bytes that are not what they should be.
    fn poison(&mut self, world: &mut World, victim: usize) {
        let logs: Vec<LogId> = self.own_logs(world).iter().map(|(id, _)| *id).collect();
        let Some(log) = choose(world, &logs) else { return };
        let bytes = match world.below(6) {
            0 => noise(world),
            // Nested deeper than anything honest.
            1 => [vec![0x82, 0x05], vec![0x81; 60_000]].concat(),
            // Says that four thousand millions of batches follow.
            2 => vec![0x82, 0x05, 0x9a, 0xff, 0xff, 0xff, 0xff],
            3 => {
                let Some(state) = self.state(world, &log) else { return };
                let mut entry = self.entry(world, &log, &state, &(0x0300, vec![0xff; 40]), None, Vec::new());
                entry.signature = Some(world.random());
                push_of(&[batch::encode(&[entry], Signatures::All)])
            }
            4 => {
                let Some(state) = self.state(world, &log) else { return };
                let mut entry = self.entry(world, &log, &state, &(0x0300, vec![0xff; 40]), None, Vec::new());
                entry.body = Some(Body { salt: [0; 16], bytes: vec![1; 40] });
                push_of(&[batch::encode(&[entry], Signatures::All)])
            }
            _ => {
                let heard: Vec<Vec<u8>> = self.heard.iter().cloned().collect();
                let Some(at) = (!heard.is_empty()).then(|| world.below(heard.len() as u64) as usize) else { return };
                spoil(world, heard[at].clone())
            }
        };
        self.tell_bytes(world, victim, bytes);
        // A body that nobody can read, rightly signed.
        if world.below(4) == 0 {
            let user = choose(world, &self.users.clone());
            let kind = [0x0101, 0x0300, 0x0302, 0x0303, 0x0304, 0x0310, 0x0320, 0x7fff, 0x0010, 0x0021];
            let Some(kind) = choose(world, &kind) else { return };
            self.append(world, &log, &(kind, vec![0x9f; 30]), user, vec![EntryId([7; 32])]);
            self.push(world, victim, &log);
        }
    }

    /// Much of everything that costs the other side.
    fn flood(&mut self, world: &mut World, victim: usize) {
        let scopes: Vec<ScopeId> = (0..200).map(|_| ScopeId(world.random())).collect();
        for _ in 0..8 {
            let request = match world.below(5) {
                0 => Request::Announce { scopes: scopes.clone() },
                1 => Request::Frontier { scopes: scopes.clone() },
                2 => Request::Compare { root: world.random() },
                3 => Request::Helds { helds: self.statements(world) },
                _ => {
                    let at = if world.below(2) == 0 { u64::MAX } else { world.now.0 };
                    let addresses = (0..16).map(|n| format!("/ip4/10.0.0.{n}/tcp/1")).collect();
                    let (org, key) = (self.org(world), world.sites[self.at].identity.key.clone());
                    Request::Addresses { records: vec![AddressRecord::sign(at, addresses, &org, &key)] }
                }
            };
            self.tell(world, victim, &request);
        }
    }

    fn open_many_logs(&mut self, world: &mut World, victim: usize) {
        let (org, node) = (self.org(world), world.node(self.at));
        let scope = self.scope(world);
        let class = if world.below(2) == 0 { Class::Control } else { Class::Data };
        let ctl = self.own_logs(world).first().map(|(_, log)| log.ctl.clone()).unwrap_or_default();
        for _ in 0..6 {
            let open = LogOpen { node, class, nonce: world.random(), previous: Vec::new() };
            let (kind, bytes) = ControlOp::LogOpen(open).encode();
            let body = Body { salt: world.random(), bytes };
            let header = header_of(scope, None, Hlc::at(world.now), Some(ctl.clone()), kind, None, &body, Vec::new());
            let entry = Entry::sign(header, body, &org, &world.sites[self.at].identity.key);
            let id = entry.log();
            self.made.insert(id, (opened(&entry, scope, class, node), vec![entry]));
            // Something stands in it.
            if let Some(user) = choose(world, &self.users.clone()).filter(|_| class == Class::Data) {
                self.count += 1;
                let text = format!("{MARK}{}", self.count);
                let post = DataOp::Post(Post { title: String::new(), text, attachments: Vec::new() });
                self.append(world, &id, &post.encode(), Some(user), Vec::new());
            }
            self.push(world, victim, &id);
        }
    }

    /// Something old once more.
    fn repeat(&mut self, world: &mut World, victim: usize) {
        let heard: Vec<Vec<u8>> = self.heard.iter().cloned().collect();
        if !heard.is_empty() {
            let at = world.below(heard.len() as u64) as usize;
            self.tell_bytes(world, victim, heard[at].clone());
        }
        let records: Vec<Vec<u8>> = world.sites[self.at].store.records().map(|(_, bytes)| bytes.to_vec()).collect();
        let from = world.below(records.len() as u64) as usize;
        self.tell_bytes(world, victim, push_of(&records[from..(from + 8).min(records.len())]));
    }

    // --- entries ----------------------------------------------------------------------------------------------------

    fn state(&self, world: &World, log: &LogId) -> Option<Log> {
        if let Some((state, _)) = self.made.get(log) {
            return Some(state.clone());
        }
        Log::from_bytes(&world.sites[self.at].store.get(&keys::log(log))?).ok()
    }

    fn entry(
        &self,
        world: &mut World,
        log: &LogId,
        state: &Log,
        (kind, bytes): &(u16, Vec<u8>),
        actor: Option<UserId>,
        refs: Vec<EntryId>,
    ) -> Entry {
        let body = Body { salt: world.random(), bytes: bytes.clone() };
        let hlc = Hlc(state.hlc + 1).max(Hlc::at(world.now));
        let place = Some((*log, state.next, state.head));
        let header = header_of(state.scope, place, hlc, None, *kind, actor, &body, refs);
        Entry::sign(header, body, &self.org(world), &world.sites[self.at].identity.key)
    }

    fn append(
        &mut self,
        world: &mut World,
        log: &LogId,
        op: &(u16, Vec<u8>),
        actor: Option<UserId>,
        refs: Vec<EntryId>,
    ) {
        let Some(mut state) = self.state(world, log) else { return };
        let entry = self.entry(world, log, &state, op, actor, refs);
        state.extend(std::slice::from_ref(&entry));
        let made = self.made.entry(*log).or_insert_with(|| (state.clone(), Vec::new()));
        made.0 = state;
        made.1.push(entry);
    }

    /// Gives everything that was made in a log.
    fn push(&self, world: &mut World, victim: usize, log: &LogId) {
        let Some((_, entries)) = self.made.get(log) else { return };
        let from = entries.len().saturating_sub(24);
        let bytes = batch::encode(&entries[from..], Signatures::All);
        self.tell_bytes(world, victim, push_of(&[bytes]));
    }
}

fn settled_logs(world: &World, at: usize, users: &[UserId]) -> BTreeSet<LogId> {
    let site = &world.sites[at];
    let (node, view) = (site.engine.node(), site.engine.view());
    let (from, to) = Key::of(table::LOG).prefix();
    let logs = site.store.range(&from, &to, usize::MAX, protocol::store::Direction::Forward);
    logs.into_iter()
        .filter_map(|(key, value)| Some((LogId::from_slice(&key[1..])?, Log::from_bytes(&value).ok()?)))
        .filter(|(_, log)| log.node == node && log.class == Class::Data)
        .filter(|(id, log)| {
            let group = GroupId::from(log.scope);
            view.group_state(&group).is_some()
                && world.sites.iter().all(|other| {
                    let view = other.engine.view();
                    let Some(state) = view.group_state(&group) else { return true };
                    users.iter().all(|user| state.role(user).is_some()) && other.store.get(&keys::log(id)).is_some()
                })
        })
        .map(|(id, _)| id)
        .collect()
}

#[expect(clippy::too_many_arguments, reason = "a header has that many parts")]
fn header_of(
    scope: ScopeId,
    place: Option<(LogId, u64, EntryId)>,
    hlc: Hlc,
    ctl: Option<Vec<EntryId>>,
    kind: u16,
    actor: Option<UserId>,
    body: &Body,
    refs: Vec<EntryId>,
) -> Header {
    Header {
        scope,
        log: place.map(|(log, ..)| log),
        seq: place.map_or(0, |(_, seq, _)| seq),
        prev: place.map(|(.., head)| head),
        hlc,
        ctl,
        kind,
        actor,
        body_len: body.bytes.len() as u32,
        body_commit: body.commitment(),
        refs,
        auth_proof: None,
        extra: Vec::new(),
    }
}

fn push_of(batches: &[Vec<u8>]) -> Vec<u8> {
    Request::Push { batches: batches.iter().cloned().map(Into::into).collect() }.encode()
}

fn choose<T: Clone>(world: &mut World, of: &[T]) -> Option<T> {
    (!of.is_empty()).then(|| of[world.below(of.len() as u64) as usize].clone())
}

fn noise(world: &mut World) -> Vec<u8> {
    let bytes: [u8; 64] = world.random();
    let len = world.below(64) as usize;
    bytes[..len].to_vec()
}

/// Some bits the other way round, or the end cut off.
fn spoil(world: &mut World, mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.is_empty() {
        return bytes;
    }
    for _ in 0..=world.below(3) {
        let at = world.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << world.below(8);
    }
    if world.below(4) == 0 {
        let len = world.below(bytes.len() as u64) as usize;
        bytes.truncate(len);
    }
    bytes
}
