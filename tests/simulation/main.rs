//! Whole sites from one seed: people act at random while lines are cut, messages are lost and reordered, processes
//! restart and indexes are lost. In the end the lines are healed, and all sites must hold and show the same
//! (INV-01 to INV-04, INV-22). A failure prints its seed: `ARCHIPEL_SEED=17 cargo test -p archipel-protocol --test simulation`.

#![expect(clippy::disallowed_methods, reason = "a test run is steered by its environment; the rules are not")]

#[path = "../src/world.rs"]
#[expect(dead_code, reason = "the tests at the engine's door use the rest")]
mod world;

use protocol::clock::Millis;
use protocol::control::op::{Access, GroupKind, Role};
use protocol::engine::effect::{Answer, Effect};
use protocol::engine::input::{Activity, Command, Input, OutsideItem, Reaction};
use protocol::ids::{EntryId, GroupId, UserId};
use protocol::store::keys::table;
use protocol::sync::message::{Request, Response};
use std::collections::{BTreeMap, BTreeSet};
use world::{Weather, World};

/// Seeds of one run; `ARCHIPEL_SEEDS` says otherwise.
const SEEDS: u64 = 200;
/// Steps of one history.
const STEPS: u64 = 120;
/// Virtual seconds in which healed sites must become equal.
const HEAL_SECONDS: u64 = 240;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

struct Play {
    world: World,
    /// Person and home.
    people: Vec<(UserId, usize)>,
    groups: Vec<GroupId>,
    items: Vec<EntryId>,
    sources: Vec<EntryId>,
}

impl Play {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        // Half of the worlds spread what is new by live messages, as sites of many do.
        if seed % 2 == 1 {
            world.tuning.push_peers_max = 0;
        }
        let count = 2 + world.below(4) as usize;
        for _ in 0..count {
            world.add_site();
        }
        let ann = world.found(0);
        let mut people = vec![(ann, 0)];
        for at in 1..count {
            let user = world.admit(0, ann, at, &format!("Person of {at}"));
            people.push((user, at));
        }
        world.connect_all();
        world.pass(4);
        let mut play = Self { world, people, groups: Vec::new(), items: Vec::new(), sources: Vec::new() };
        play.make_group();
        play
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        if of.is_empty() {
            return None;
        }
        let at = self.world.below(of.len() as u64) as usize;
        Some(of[at])
    }

    fn person(&mut self) -> (UserId, usize) {
        let people = self.people.clone();
        self.pick(&people).expect("there is always the first admin")
    }

    fn make_group(&mut self) {
        let (by, at) = self.person();
        let kinds = [GroupKind::General, GroupKind::Trade, GroupKind::Project, GroupKind::Theme];
        let kind = self.pick(&kinds).expect("four kinds");
        let access = self.pick(&[Access::Open, Access::Closed, Access::Secret]).expect("three");
        let command = Command::CreateGroup { name: "Groupe".into(), purpose: String::new(), kind, access };
        if let Answer::Done { id } = self.world.ask(at, Some(by), command) {
            self.groups.push(GroupId::from(id));
        }
    }

    fn act(&mut self) {
        let (by, at) = self.person();
        let (other, _) = self.person();
        let (groups, items, sources) = (self.groups.clone(), self.items.clone(), self.sources.clone());
        let group = self.pick(&groups);
        let target = self.pick(&items);
        let text = format!("text {}", self.world.below(1_000));
        let command = match (self.world.below(16), group, target) {
            (0..=4, Some(group), _) => {
                Command::CreatePost { group, title: String::new(), text, attachments: Vec::new() }
            }
            (5..=6, _, Some(post)) => Command::CreateComment { post, text },
            (7, _, Some(target)) => Command::Edit { target, title: String::new(), text },
            (8, _, Some(target)) if self.world.below(3) == 0 => Command::Delete { target },
            (8..=9, _, Some(target)) => {
                let on = self.pick(&[Reaction::On, Reaction::Off]).expect("two");
                Command::React { target, emoji: "👍".into(), on }
            }
            (10..=11, Some(group), _) => {
                let role = self.pick(&[Role::Owner, Role::Facilitator, Role::Member, Role::Reader]).expect("four");
                Command::Grant { group, users: vec![other], role }
            }
            (12, Some(group), _) => match self.world.below(3) {
                0 => Command::Revoke { group, users: vec![other] },
                1 => Command::JoinGroup(group),
                _ => Command::LeaveGroup(group),
            },
            (13, Some(group), _) => {
                let url = format!("https://example.org/{}", self.world.below(3));
                Command::SetSource { group, url, title: "Flux".into(), site_url: None }
            }
            (14, _, _) => {
                let Some(source) = self.pick(&sources) else { return };
                let origin_key = [self.world.below(6) as u8; 32];
                let (title, author) = ("Titre".into(), None);
                let item = OutsideItem { origin_key, title, text, url: None, published: None, author };
                let command = match self.world.below(3) {
                    0 => Command::EditOutside { source, item },
                    _ => Command::PostOutside { source, item },
                };
                let _ = self.world.ask(at, None, command);
                return;
            }
            (15, _, _) if self.world.below(4) == 0 && other != by => {
                let active = self.pick(&[Activity::Active, Activity::Disabled]).expect("two");
                Command::SetUserActive { user: other, active }
            }
            (15, _, _) if self.people.len() < 12 => {
                let user = UserId(self.world.random());
                let command = Command::RegisterUser { user, name: "New".into(), title: String::new() };
                if let Answer::Done { .. } = self.world.ask(at, Some(by), command) {
                    self.people.push((user, at));
                }
                return;
            }
            _ => return,
        };
        let made = matches!(command, Command::CreatePost { .. } | Command::CreateComment { .. });
        let is_source = matches!(command, Command::SetSource { .. });
        if let Answer::Done { id } = self.world.ask(at, Some(by), command) {
            if made {
                self.items.push(id);
            }
            if is_source {
                self.sources.push(id);
            }
        }
    }

    fn disturb(&mut self) {
        let count = self.world.sites.len() as u64;
        let (a, b) = (self.world.below(count) as usize, self.world.below(count) as usize);
        match self.world.below(12) {
            0..=1 if a != b => self.world.cut(a, b),
            2..=4 if a != b => self.world.connect(a, b),
            5 => self.world.restart(a),
            6 if self.world.below(4) == 0 => self.world.rebuild(a),
            7 => {
                let loss_percent = self.world.below(60);
                self.world.weather = Weather { loss_percent, reorder: self.world.below(2) == 0 };
            }
            8 => self.world.now.0 += self.world.below(3_600_000),
            9 if self.world.below(4) == 0 => self.make_group(),
            _ => {
                let seconds = self.world.below(3);
                self.world.pass(seconds);
            }
        }
    }

    fn heal(&mut self) {
        self.world.weather = Weather::default();
        // Every line is new, so that every pair proves anew that it is equal.
        (0..self.world.sites.len()).for_each(|at| self.world.isolate(at));
        self.world.connect_all();
        for _ in 0..HEAL_SECONDS / 4 {
            self.world.pass(4);
            if self.differences().is_empty() {
                return;
            }
        }
    }

    /// Pairs of sites that have not proved to each other that they hold the same.
    fn unproved(&self, since: Millis) -> Vec<String> {
        let mut found = Vec::new();
        for at in 0..self.world.sites.len() {
            for site in self.world.read(at, |reader| reader.sites()) {
                let proved = |at: Option<Millis>| at.is_some_and(|at| at >= since);
                if !site.own && site.nodes.iter().any(|node| !proved(node.up_to_date)) {
                    found.push(format!("site {at} has not proved to equal {}", site.name));
                }
            }
        }
        found
    }

    /// Prints what each two sites tell each other to hold.
    fn explain(&mut self) {
        for a in 0..self.world.sites.len() {
            for b in 0..self.world.sites.len() {
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
                            let (scope, data) = (digest.scope, digest.data);
                            eprintln!("{a} tells {b}: {scope:?} data {data} {:02x?}", &digest.digest[..4]);
                        }
                    }
                }
            }
        }
    }

    /// What two sites that share a group hold or show differently.
    fn differences(&self) -> Vec<String> {
        let mut found = Vec::new();
        for group in &self.groups {
            let mut first: Option<(usize, Rows)> = None;
            for at in 0..self.world.sites.len() {
                let node = self.world.node(at);
                let holds = self.world.read(at, |reader| reader.keeps(&node, group));
                if !holds {
                    continue;
                }
                let rows = shown(self.world.sites[at].store.rows(), group);
                match &first {
                    None => first = Some((at, rows)),
                    Some((other, theirs)) if *theirs != rows => {
                        found.push(format!("{group:?}: sites {other} and {at} show different rows"));
                    }
                    Some(_) => {}
                }
            }
        }
        found
    }
}

/// The rows of a group that must be the same everywhere: feed, threads, edits, deletions, reactions, sources, voids.
fn shown(rows: &Rows, group: &GroupId) -> Rows {
    let of_group = |prefix: u8| {
        rows.iter()
            .filter(move |(key, _)| key[0] == prefix && key[1..33] == group.0)
            .map(|(k, v)| (k.clone(), v.clone()))
    };
    let mut shown: Rows = [table::FEED, table::VOID, table::SOURCE, table::ORIGIN, table::ORIGIN_EDIT, table::PENDING]
        .into_iter()
        .flat_map(of_group)
        .collect();
    let posts: BTreeSet<Vec<u8>> =
        shown.keys().filter(|key| key[0] == table::FEED).map(|key| key[41..73].to_vec()).collect();
    let threads: Vec<(Vec<u8>, Vec<u8>)> = rows
        .iter()
        .filter(|(key, _)| key[0] == table::THREAD && posts.contains(&key[1..33]))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let targets: BTreeSet<Vec<u8>> =
        posts.iter().cloned().chain(threads.iter().map(|(key, _)| key[41..73].to_vec())).collect();
    let of_targets = [table::EDIT, table::DELETE, table::THREAD_DELETE, table::REACT, table::SOURCE_ITEM];
    shown.extend(threads);
    shown.extend(
        rows.iter()
            .filter(|(key, _)| of_targets.contains(&key[0]) && targets.contains(&key[1..33]))
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    shown
}

fn run(seed: u64) {
    let mut play = Play::new(seed);
    for _ in 0..STEPS {
        if play.world.below(3) == 0 {
            play.disturb();
        } else {
            play.act();
        }
    }
    let healing = play.world.now;
    play.heal();
    let mut differences = play.differences();
    play.world.pass(HEAL_SECONDS / 2);
    let unproved = play.unproved(healing);
    if !unproved.is_empty() {
        play.explain();
    }
    differences.extend(unproved);
    assert!(differences.is_empty(), "seed {seed}: {differences:#?}");
    // A lost index changes nothing of what is shown (INV-04).
    let at = (seed % play.world.sites.len() as u64) as usize;
    let node = play.world.node(at);
    let kept: Vec<GroupId> =
        play.groups.iter().filter(|group| play.world.read(at, |reader| reader.keeps(&node, group))).copied().collect();
    let before: Vec<Rows> = kept.iter().map(|group| shown(play.world.sites[at].store.rows(), group)).collect();
    play.world.rebuild(at);
    let after: Vec<Rows> = kept.iter().map(|group| shown(play.world.sites[at].store.rows(), group)).collect();
    assert!(before == after, "seed {seed}: the rebuilt index of site {at} shows something else");
}

#[test]
fn healed_sites_hold_and_show_the_same() {
    if let Some(seed) = std::env::var("ARCHIPEL_SEED").ok().and_then(|text| text.parse().ok()) {
        return run(seed);
    }
    let seeds = std::env::var("ARCHIPEL_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS);
    let mut failed = Vec::new();
    for seed in 0..seeds {
        if std::panic::catch_unwind(|| run(seed)).is_err() {
            failed.push(seed);
            eprintln!("seed {seed} failed");
            if failed.len() >= 5 {
                break;
            }
        }
    }
    assert!(failed.is_empty(), "failing seeds: {failed:?}; run one with ARCHIPEL_SEED=<seed>");
    println!("{seeds} seeds passed");
}
