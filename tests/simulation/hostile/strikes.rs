//! What the hostile site does by itself. Each attack has its check: see `docs/testing.md`.

use super::MARK;
use super::entries::{choose, header_of, noise, push_of, spoil};
use crate::world::{Message, World};
use protocol::clock::{Hlc, Millis};
use protocol::control::op::{
    Class, ControlOp, Grant, LogOpen, NodeAdmit, NodeOnly, Role, RoleFor, UserAt, UserMove, UserOnly,
};
use protocol::entry::batch::{self, Signatures};
use protocol::entry::{Body, Entry};
use protocol::group::{DataOp, Post, Profile};
use protocol::ids::{EntryId, GroupId, LogId, ScopeId, SiteId, TicketId, UserId};
use protocol::log::{Log, opened};
use protocol::sync::address::AddressRecord;
use protocol::sync::message::Request;

impl super::Hostile {
    /// One attack at a connected site.
    pub fn strike(&mut self, world: &mut World, forks: bool) {
        let victims: Vec<usize> =
            (0..world.sites.len()).filter(|at| *at != self.at && !world.sites[*at].puppet).collect();
        let victim = victims[world.below(victims.len() as u64) as usize];
        self.count += 1;
        match world.below(13) {
            0..=2 => self.write_without_right(world, victim),
            3 => self.speak_for_others(world, victim),
            4..=5 => self.forge_rights(world, victim),
            6..=7 => self.poison(world, victim),
            8 => self.flood(world, victim),
            9 => self.open_many_logs(world, victim),
            10 if forks => self.equivocate(world, &victims),
            11 => self.date_back(world, victim),
            _ => self.repeat(world, victim),
        }
    }

    pub(super) fn tell(&self, world: &mut World, victim: usize, request: &Request) {
        self.tell_bytes(world, victim, request.encode());
    }

    pub(super) fn tell_bytes(&self, world: &mut World, victim: usize, bytes: Vec<u8>) {
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
        if scope.is_some_and(|group| self.is_out_everywhere(world, &group)) {
            self.forbidden.push(text.clone());
        }
        let post = DataOp::Post(Post { title: String::new(), text, attachments: Vec::new() });
        self.append(world, &log, &post.encode(), Some(user), Vec::new());
        self.push(world, victim, &log);
    }

    /// The equivocator: two entries at one position, one for each half of the others.
    fn equivocate(&mut self, world: &mut World, victims: &[usize]) {
        // Each log once: what follows goes on from the second.
        let data: Vec<LogId> = self
            .own_logs(world)
            .iter()
            .filter(|(id, log)| log.class == Class::Data && !self.forked.contains(id))
            .map(|(id, _)| *id)
            .collect();
        let (Some(log), Some(user)) = (choose(world, &data), choose(world, &self.users.clone())) else { return };
        let Some(state) = self.state(world, &log) else { return };
        let before = self.made.get(&log).map_or(Vec::new(), |(_, entries)| entries.clone());
        for half in 0..2 {
            let text = format!("{MARK}{} says {half}", self.count);
            let post = DataOp::Post(Post { title: String::new(), text, attachments: Vec::new() });
            self.made.insert(log, (state.clone(), before.clone()));
            self.append(world, &log, &post.encode(), Some(user), Vec::new());
            for victim in victims.iter().skip(half).step_by(2) {
                self.push(world, *victim, &log);
            }
        }
        self.forked.insert(log);
    }

    /// The back-dater: a new log that claims to be of a time when its people had other rights, and rests on what was known
    /// then. Rights from there count for nothing, and words none that are written once its people were taken out.
    fn date_back(&mut self, world: &mut World, victim: usize) {
        let logs = self.own_logs(world);
        let (Some((_, old)), Some(user)) = (choose(world, &logs), choose(world, &self.users.clone())) else { return };
        let (org, node) = (self.org(world), world.node(self.at));
        let back = Millis(world.now.0.saturating_sub(1 + world.below(40 * 86_400_000)));
        let scope = old.scope;
        let earliest: Vec<EntryId> = self.first_frontier(world, &scope).unwrap_or(old.ctl);
        let is_late = self.is_out_everywhere(world, &GroupId::from(scope));
        for class in [Class::Data, Class::Control] {
            let open = LogOpen { node, class, nonce: world.random(), previous: Vec::new() };
            let (kind, bytes) = ControlOp::LogOpen(open).encode();
            let body = Body { salt: world.random(), bytes };
            let ctl = Some(earliest.clone());
            let header = header_of(scope, None, Hlc::at(back), ctl, kind, None, &body, Vec::new());
            let entry = Entry::sign(header, body, &org, &world.sites[self.at].identity.key);
            let id = entry.log();
            self.made.insert(id, (opened(&entry, scope, class, node), vec![entry]));
            let op = if class == Class::Data {
                let text = format!("{MARK}{}", self.count);
                self.forbidden.extend(is_late.then(|| text.clone()));
                DataOp::Post(Post { title: String::new(), text, attachments: Vec::new() }).encode()
            } else if scope == ScopeId::from(org) {
                ControlOp::UserRegister(UserAt { user: UserId(world.random()), site: SiteId(world.random()) }).encode()
            } else {
                ControlOp::Grant(Grant { roles: vec![RoleFor { user, role: Role::Owner }], cuts: Vec::new() }).encode()
            };
            self.dated = Some(Hlc::at(back));
            self.append(world, &id, &op, Some(user), Vec::new());
            self.dated = None;
            self.push(world, victim, &id);
        }
    }

    /// The oldest frontier that one of its logs of a scope named.
    fn first_frontier(&self, world: &World, scope: &ScopeId) -> Option<Vec<EntryId>> {
        let node = world.node(self.at);
        let records = world.sites[self.at].store.records();
        let mut own = records.flat_map(|(_, bytes)| batch::decode(bytes).unwrap_or_default());
        own.find_map(|entry| {
            let log = self.state(world, &entry.log())?;
            (log.node == node && log.scope == *scope).then_some(entry.header.ctl).flatten()
        })
    }

    /// Whether every honest site that holds the group knows that all people of this site were taken out of it. Who is only
    /// disabled is not: that has no cuts, and what does not know of it stays (ruling A3, `docs/decisions/0003` 16).
    fn is_out_everywhere(&self, world: &World, group: &GroupId) -> bool {
        if !self.removable.contains(group) {
            return false;
        }
        let honest = world.sites.iter().filter(|site| !site.puppet);
        let mut held = false;
        for site in honest {
            let view = site.engine.view();
            let Some(state) = view.group_state(group) else { continue };
            held = true;
            let is_active =
                |user: &UserId| view.org_state().and_then(|org| org.user(user)).is_some_and(|record| record.active);
            if self.users.iter().any(|user| state.role(user).is_some() || !is_active(user)) {
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
                self.forbidden.extend(self.is_out_everywhere(world, &GroupId::from(scope)).then(|| text.clone()));
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
}
