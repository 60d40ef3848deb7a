//! What merges beside the entries: statements, addresses, and the branches of a forked log.

use crate::apart::{Apart, READER};
use crate::laws;
use crate::world::World;
use protocol::clock::Hlc;
use protocol::engine::Tuning;
use protocol::engine::input::Input;
use protocol::entry::batch;
use protocol::ids::{EntryId, LogId, ScopeId};
use protocol::log::Height;
use protocol::store::Store;
use protocol::store::keys;
use protocol::sync::address::AddressRecord;
use protocol::sync::held::Held;
use protocol::sync::message::Request;
use std::collections::BTreeMap;

fn tell(world: &mut World, request: &Request) {
    let from = world.below(READER as u64) as usize;
    let peer = world.node(from);
    world.input(READER, Input::PeerRequest { peer, token: 1, bytes: request.encode() });
}

fn shuffled<T: Clone>(world: &mut World, of: &[T]) -> Vec<T> {
    let mut all = of.to_vec();
    for at in (1..all.len()).rev() {
        let other = world.below(at as u64 + 1) as usize;
        all.swap(at, other);
    }
    all
}

#[test]
fn of_what_a_node_states_to_hold_the_newest_counts_in_any_order() {
    for seed in 0..8 {
        let mut apart = Apart::new(900 + seed, Tuning::default());
        let org = apart.world.sites[0].engine.org().expect("there is one");
        let scopes = [ScopeId::from(apart.group), ScopeId::from(org)];
        let mut statements = Vec::new();
        for _ in 0..24 {
            let by = apart.world.below(READER as u64) as usize;
            let scope = scopes[apart.world.below(2) as usize];
            // Few moments, so that two often are of the same.
            let at = Hlc((apart.world.now.0 + 1 + apart.world.below(6)) << 16);
            let log = LogId(apart.world.random());
            let height = Height { log, next: 1 + apart.world.below(9), head: EntryId(apart.world.random()) };
            let key = &apart.world.sites[by].identity.key;
            statements.push((by, scope, Held::sign(scope, at, vec![height], Vec::new(), &org, key)));
        }
        apart.world.now.0 += 10_000;
        let shown = |reader: &World| -> Vec<Option<Vec<u8>>> {
            let of = |(by, scope, _): &(usize, ScopeId, Held)| {
                reader.sites[READER].store.get(&keys::held(scope, &reader.node(*by)))
            };
            statements.iter().map(of).collect()
        };
        let told = |order: &[(usize, ScopeId, Held)]| {
            let mut reader = apart.reader();
            for (.., held) in order {
                tell(&mut reader, &Request::Helds { helds: vec![held.clone()] });
            }
            reader
        };
        let expected = shown(&told(&statements));
        assert!(expected.iter().all(Option::is_some));
        let mut dice = World::new(seed);
        for _ in 0..6 {
            let mut order = shuffled(&mut dice, &statements);
            order.extend(shuffled(&mut dice, &statements));
            let mut reader = told(&order);
            assert_eq!(shown(&reader), expected, "seed {seed}: another order, twice");
            reader.restart(READER);
            assert_eq!(shown(&reader), expected, "seed {seed}: after a restart");
        }
    }
}

/// Records closer together than a node may make them count as one: of those the first is kept.
#[test]
fn of_a_nodes_addresses_the_newest_record_counts_in_any_order() {
    const APART_MS: u64 = 600_000;
    for seed in 0..8 {
        let mut apart = Apart::new(930 + seed, Tuning::default());
        let org = apart.world.sites[0].engine.org().expect("there is one");
        let first = apart.world.now.0 + APART_MS;
        apart.world.now.0 += 20 * APART_MS;
        let mut records = Vec::new();
        for by in 0..READER {
            for at in 0..6 {
                let text = format!("/ip4/192.0.2.{at}/tcp/{}", 1 + apart.world.below(9_999));
                let key = &apart.world.sites[by].identity.key;
                records.push(AddressRecord::sign(first + at * APART_MS, vec![text], &org, key));
            }
        }
        let mut dice = World::new(seed);
        for _ in 0..6 {
            let mut reader = apart.reader();
            for record in shuffled(&mut dice, &records).into_iter().chain(shuffled(&mut dice, &records)) {
                tell(&mut reader, &Request::Addresses { records: vec![record] });
            }
            for by in 0..READER {
                let newest = minicbor::to_vec(&records[by * 6 + 5]).expect("it is written");
                let kept = reader.sites[READER].store.get(&keys::address(&reader.node(by)));
                assert_eq!(kept, Some(newest), "seed {seed}: addresses of {by}");
            }
        }
    }
}

/// Two machines with one key, each with one of the other sites: two branches of each of their logs.
#[test]
fn branches_of_a_forked_log_are_a_set() {
    for seed in 0..6 {
        let mut apart = Apart::new(960 + seed, Tuning::default());
        let copy = apart.world.sites[2].store.clone();
        let mut logs = Vec::new();
        for with in 0..2 {
            if with == 1 {
                apart.world.sites[2].store = copy.clone();
                apart.world.restart(2);
            }
            apart.world.connect(2, with);
            apart.world.pass(4);
            for _ in 0..2 + apart.world.below(4) {
                let post = apart.post(2);
                apart.items.extend(post);
                apart.world.pass(1);
            }
            apart.world.pass(8);
            apart.world.isolate(2);
            logs.extend(from_disk(&apart, with));
        }
        apart.world.now.0 += 3_600_000;
        laws(&apart, &logs, &format!("forks, seed {seed}"));
    }
}

/// What a site's disk holds since they parted, by log.
fn from_disk(apart: &Apart, at: usize) -> Vec<Vec<Vec<u8>>> {
    let mut logs: BTreeMap<LogId, Vec<Vec<u8>>> = BTreeMap::new();
    for (_, record) in apart.world.sites[at].store.records() {
        let Ok(entries) = batch::decode(record) else { continue };
        if entries.iter().any(|entry| apart.before.get(&keys::entry(&entry.id)).is_none()) {
            logs.entry(entries[0].log()).or_default().push(record.to_vec());
        }
    }
    logs.into_values().collect()
}
