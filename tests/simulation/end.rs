//! The second phase: faults stop, lines are mended, and within bounded time all honest sites hold and show the same
//! (INV-01, INV-03, INV-04, INV-13, INV-27), whatever a hostile one goes on doing.

use crate::hostile::MARK;
use crate::play::Play;
use crate::shown::{Rows, shown};
use crate::world::{Perils, Weather};
use protocol::clock::Millis;
use protocol::engine::alarms::AlarmKind;
use protocol::engine::effect::Effect;
use protocol::engine::input::Input;
use protocol::ids::{GroupId, UserId};
use protocol::limits::COMPARE_EVERY_MS_MAX;
use protocol::store::keys::table;
use protocol::sync::message::{Request, Response};
use std::collections::BTreeSet;

/// Virtual seconds in which healed sites must become equal.
const HEAL_SECONDS: u64 = 240;
/// A clock that was ahead wrote what nobody takes before its time has come.
const CLOCKS_HOURS: u64 = 26;

impl Play {
    /// Faults stop; everything that can be connected is. Answers since when that is so.
    pub fn heal(&mut self) -> Millis {
        let since = self.world.now;
        self.world.weather = Weather::default();
        self.world.perils = Perils::default();
        let clocks_were_off = self.world.sites.iter().any(|site| site.skew != 0);
        self.world.sites.iter_mut().for_each(|site| site.skew = 0);
        if clocks_were_off {
            for _ in 0..CLOCKS_HOURS {
                self.world.now.0 += 3_600_000;
                self.world.pass(1);
            }
        }
        // In half of the worlds every line is new; in the others the lines that stand go on, and compare when it is time.
        if self.world.below(2) == 0 {
            (0..self.world.sites.len()).for_each(|at| self.world.isolate(at));
            self.world.connect_all();
        } else {
            self.world.connect_all();
            self.world.pass(4);
            self.world.now.0 += COMPARE_EVERY_MS_MAX;
        }
        for _ in 0..HEAL_SECONDS / 4 {
            self.go_on();
            if self.inv_03_differences().is_empty() && self.unproved(since).is_empty() {
                break;
            }
        }
        since
    }

    /// A few quiet seconds. Whoever may connect and has no line is dialled again, as the network does: a site whose disk
    /// failed at its start says only now whom it lets in.
    fn go_on(&mut self) {
        self.world.connect_all();
        self.world.pass(4);
        self.strike();
    }

    /// What is to be said at the end.
    pub fn verdict(&mut self, since: Millis) -> Vec<String> {
        let mut found = self.inv_03_differences();
        for _ in 0..HEAL_SECONDS / 8 {
            self.go_on();
        }
        let unproved = self.unproved(since);
        if !unproved.is_empty() || !found.is_empty() {
            self.explain();
        }
        found.extend(unproved);
        found.extend(self.inv_27_every_void_has_a_reason());
        found.extend(self.inv_41_what_was_restored_came_back());
        found.extend(self.inv_41_what_was_acknowledged_is_shown());
        found.extend(self.inv_12_forks_are_known());
        found.extend(self.nobody_got_rights_from_the_hostile());
        found.extend(self.inv_04_a_rebuilt_index_shows_the_same());
        found
    }

    fn honest(&self) -> Vec<usize> {
        (0..self.world.sites.len()).filter(|at| self.is_honest(*at)).collect()
    }

    /// What two sites that share a group, and can reach each other through such, hold or show differently.
    fn inv_03_differences(&self) -> Vec<String> {
        let mut found = Vec::new();
        for group in &self.groups {
            let holders: BTreeSet<usize> = self.honest().into_iter().filter(|at| self.keeps(*at, group)).collect();
            let mut left = holders.clone();
            while let Some(first) = left.first().copied() {
                let together = self.world.reach(first, |at| holders.contains(&at));
                let rows = shown(self.world.sites[first].store.rows(), group);
                let members = self.members(first, group);
                for at in together.iter().filter(|at| **at != first) {
                    if shown(self.world.sites[*at].store.rows(), group) != rows {
                        found.push(format!("INV-03: {group:?}: sites {first} and {at} show different rows"));
                    }
                    if self.members(*at, group) != members {
                        found.push(format!("INV-16: {group:?}: sites {first} and {at} know different members"));
                    }
                }
                left.retain(|at| !together.contains(at));
            }
        }
        found
    }

    fn members(&self, at: usize, group: &GroupId) -> Vec<(UserId, String)> {
        let view = self.world.sites[at].engine.view();
        let members = view
            .group_state(group)
            .map(|state| state.members().keys().map(|user| (*user, format!("{:?}", state.role(user)))).collect());
        members.unwrap_or_default()
    }

    /// Pairs of honest sites that have not proved to each other that they hold the same.
    fn unproved(&self, since: Millis) -> Vec<String> {
        let mut found = Vec::new();
        for at in self.honest() {
            for site in self.world.read(at, |reader| reader.sites()) {
                let proved = |at: Option<Millis>| at.is_some_and(|at| at >= since);
                let asked = site.nodes.iter().filter(|node| {
                    let other = self.world.at(&node.id);
                    other.is_some_and(|other| {
                        self.is_honest(other) && !self.world.walls.contains(&crate::world::pair(at, other))
                    })
                });
                if !site.own && asked.into_iter().any(|node| !proved(node.up_to_date)) {
                    found.push(format!("INV-03: site {at} has not proved to equal {}", site.name));
                }
            }
        }
        found
    }

    /// Prints what each two sites tell each other to hold, and the rows that only one of two has.
    fn explain(&mut self) {
        self.explain_rows();
        for a in self.honest() {
            for b in self.honest() {
                if a == b {
                    continue;
                }
                let peer = self.world.node(b);
                let bytes = Request::Digests.encode();
                for effect in self.world.input(a, Input::PeerRequest { peer, token: u64::MAX, bytes }) {
                    if let Effect::Respond { bytes, .. } = effect
                        && let Ok(Response::Digests { digests }) = Response::decode(&bytes)
                    {
                        for digest in digests {
                            for log in self.checks.borrow().heights(a, &digest.scope) {
                                eprintln!("  {log}");
                            }
                            let (scope, data) = (digest.scope, digest.data);
                            eprintln!("{a} tells {b}: {scope:?} data {data} {:02x?}", &digest.digest[..4]);
                        }
                    }
                }
            }
        }
    }

    fn explain_rows(&self) {
        for group in &self.groups {
            let holders: Vec<usize> = self.honest().into_iter().filter(|at| self.keeps(*at, group)).collect();
            let rows = |at: usize| shown(self.world.sites[at].store.rows(), group);
            for (a, b) in holders.iter().flat_map(|a| holders.iter().map(move |b| (*a, *b))) {
                let there = rows(b);
                for (key, value) in rows(a).iter().filter(|(key, value)| there.get(*key) != Some(*value)) {
                    eprintln!("{a} and not {b} in {group:?}: {key:02x?} {value:02x?}");
                }
            }
        }
    }

    /// Every honest site that holds what the hostile one wrote twice at one position knows of it.
    fn inv_12_forks_are_known(&self) -> Vec<String> {
        let Some(hostile) = &self.hostile else { return Vec::new() };
        let mut found = Vec::new();
        for log in &hostile.borrow().forked {
            for at in self.honest().into_iter().filter(|at| self.checks.borrow().holds_both(*at, log)) {
                let view = self.world.sites[at].engine.view();
                if !view.alarms().iter().any(|(_, alarm)| alarm.kind == AlarmKind::Fork) {
                    found.push(format!("INV-12: site {at} holds a fork of {log:?} and does not say so"));
                }
            }
        }
        found
    }

    fn inv_27_every_void_has_a_reason(&self) -> Vec<String> {
        let mut found = Vec::new();
        for at in self.honest() {
            let rows = self.world.sites[at].store.rows();
            for (key, value) in rows.range(vec![table::VOID]..vec![table::VOID + 1]) {
                let code = std::str::from_utf8(value).unwrap_or_default();
                if code.is_empty() || !code.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                    found.push(format!("INV-27: site {at} voids {key:02x?} for {value:02x?}"));
                }
            }
        }
        found
    }

    /// What the hostile site wrote counts for nothing beyond what its people were given (INV-17, INV-20, INV-21).
    fn nobody_got_rights_from_the_hostile(&self) -> Vec<String> {
        let Some(hostile) = &self.hostile else { return Vec::new() };
        let hostile = hostile.borrow();
        let mut found = Vec::new();
        for at in self.honest() {
            let view = self.world.sites[at].engine.view();
            let Some(org) = view.org_state() else { continue };
            if org.knows_node(&hostile.stranger) {
                found.push(format!("INV-20: site {at} knows a node that nobody admitted"));
            }
            let admins: Vec<UserId> = org.admins().collect();
            if admins != [self.people[0].0] {
                found.push(format!("INV-20: site {at} knows the admins {admins:?}"));
            }
            for other in self.honest() {
                if !org.connectable().any(|node| node == self.world.node(other)) {
                    found.push(format!("INV-20: site {at} no longer connects to site {other}"));
                }
            }
            for (user, _) in &self.people {
                let name = self.world.read(at, |reader| reader.person(*user)).map(|person| person.name);
                if !hostile.users.contains(user) && name.is_some_and(|name| name.starts_with(MARK)) {
                    found.push(format!("INV-20: site {at} calls {user:?} what the hostile site said"));
                }
            }
            for group in &self.groups {
                for (user, _) in &self.people {
                    let texts = self.world.feed(at, *user, *group);
                    found.extend(
                        texts.into_iter().filter(|text| hostile.forbidden.contains(text)).map(|text| {
                            format!("INV-17: site {at} shows \"{text}\" in {group:?}, written without right")
                        }),
                    );
                }
            }
        }
        found
    }

    /// A lost index changes nothing of what is shown.
    fn inv_04_a_rebuilt_index_shows_the_same(&mut self) -> Vec<String> {
        let honest = self.honest();
        let at = honest[self.world.below(honest.len() as u64) as usize];
        let kept: Vec<GroupId> = self.groups.iter().filter(|group| self.keeps(at, group)).copied().collect();
        let picture = |play: &Self| -> Vec<(Rows, Vec<(UserId, String)>)> {
            kept.iter()
                .map(|group| (shown(play.world.sites[at].store.rows(), group), play.members(at, group)))
                .collect()
        };
        let before = picture(self);
        self.world.rebuild(at);
        if before == picture(self) {
            Vec::new()
        } else {
            vec![format!("INV-04: the rebuilt index of site {at} shows something else")]
        }
    }
}
