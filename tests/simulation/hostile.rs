//! A member site turned hostile. It was admitted, its people are in groups, it signs with its real key; from its turning on
//! its engine is silent and this room speaks for it: back-dated and forged entries, floods, poison, old messages, lies.

mod entries;
mod strikes;

use crate::world::World;
use entries::{noise, spoil};
use protocol::clock::Hlc;
use protocol::control::op::Class;
use protocol::engine::effect::Effect;
use protocol::engine::input::Input;
use protocol::entry::Entry;
use protocol::ids::{EntryId, GroupId, LogId, NodeId, OrgId, ScopeId, UserId};
use protocol::log::{Height, Log};
use protocol::store::Store;
use protocol::store::keys::{Key, table};
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
    /// Logs in which two entries stand at one position.
    pub forked: BTreeSet<LogId>,
    /// Groups of which every honest holder knew at the turning that its people were in: where they are out since then,
    /// others took them out. What one leaves oneself, one may date back to (ruling A3).
    removable: BTreeSet<GroupId>,
    /// Entries made since the turning, by log, each log's after those that its engine wrote.
    made: BTreeMap<LogId, (Log, Vec<Entry>)>,
    heard: VecDeque<Vec<u8>>,
    count: u64,
    /// What time its entries claim, when not now.
    dated: Option<Hlc>,
}

impl Hostile {
    /// The site turns.
    pub fn turn(world: &mut World, at: usize, users: Vec<UserId>) -> Rc<RefCell<Self>> {
        let removable = removable(world, at, &users);
        let stranger = protocol::keys::SecretKey::from_seed(&world.random()).node();
        let (made, heard, forbidden) = (BTreeMap::new(), VecDeque::new(), Vec::new());
        let hostile = Rc::new(RefCell::new(Self {
            at,
            users,
            stranger,
            forbidden,
            forked: BTreeSet::new(),
            removable,
            made,
            heard,
            count: 0,
            dated: None,
        }));
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
}

fn removable(world: &World, at: usize, users: &[UserId]) -> BTreeSet<GroupId> {
    let site = &world.sites[at];
    let (node, view) = (site.engine.node(), site.engine.view());
    let (from, to) = Key::of(table::LOG).prefix();
    let logs = site.store.range(&from, &to, usize::MAX, protocol::store::Direction::Forward);
    logs.into_iter()
        .filter_map(|(_, value)| Log::from_bytes(&value).ok())
        .filter(|log| log.node == node && log.class == Class::Data)
        .map(|log| GroupId::from(log.scope))
        .filter(|group| {
            view.group_state(group).is_some()
                && world.sites.iter().all(|other| {
                    let view = other.engine.view();
                    let Some(state) = view.group_state(group) else { return true };
                    users.iter().all(|user| state.role(user).is_some())
                })
        })
        .collect()
}
