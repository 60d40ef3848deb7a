//! The laws of merging where authority is concerned: members, roles, rules, cuts, appointments, the registry and the
//! constitution, for random hostile histories (`random.rs`). The union of what two nodes hold is the same whoever gives to
//! whom, in whatever grouping, however often.

use super::random::random_stage;
use super::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Histories in a run.
const HISTORIES: u64 = 150;

type Entries = Vec<(Scope, ControlEntry)>;

/// Everything that was written, and three parts of it that overlap and together hold all of it.
fn parts(stage: &Stage, rng: &mut ChaCha20Rng) -> [Entries; 3] {
    let mut parts: [Entries; 3] = Default::default();
    for entry in &stage.entries {
        let owner = (rng.next_u64() % 3) as usize;
        for (at, part) in parts.iter_mut().enumerate() {
            if at == owner || rng.next_u64().is_multiple_of(4) {
                part.push(entry.clone());
            }
        }
    }
    for part in &mut parts {
        let order = delivery::shuffled(part.len(), rng);
        *part = order.iter().map(|at| part[*at].clone()).collect();
    }
    parts
}

/// What a node passes on of what it holds: the histories' own order, those of the organisation anywhere between.
fn passed_on(stage: &Stage, taken: &[&Entries], rng: &mut ChaCha20Rng) -> Entries {
    let (org, group) = stage.deliver(&mut taken.iter().flat_map(|part| part.iter()));
    let mut rest: Entries = taken.iter().flat_map(|part| part.iter().cloned()).collect();
    rest.retain(|(scope, entry)| match scope {
        Scope::Org => !org.contains(&entry.id),
        Scope::Group => !group.contains(&entry.id),
    });
    let mut all: Entries = Vec::new();
    let mut org = org.entries().iter().map(|entry| (Scope::Org, (**entry).clone()));
    for entry in group.entries() {
        if rng.next_u64().is_multiple_of(2) {
            all.extend(org.next());
        }
        all.push((Scope::Group, (**entry).clone()));
    }
    all.extend(org);
    // What waits there for something that it names is held too.
    all.extend(rest);
    all
}

fn judged(stage: &Stage, taken: &[&Entries]) -> (OrgState, GroupState) {
    let (org, group) = stage.deliver(&mut taken.iter().flat_map(|part| part.iter()));
    assert_eq!((org.waiting(), group.waiting()), (0, 0), "everything is there");
    let state = OrgState::evaluate(stage.org, &org);
    let group = GroupState::evaluate(stage.group.expect("a group"), &group, &state).expect("created");
    (state, group)
}

fn assert_same((org, group): &(OrgState, GroupState), expected: &(OrgState, GroupState), seed: u64, what: &str) {
    delivery::assert_same_org(org, &expected.0);
    let picture = |group: &GroupState| {
        let (members, voids) = (group.members().clone(), group.voids().clone());
        format!(
            "{members:?} {voids:?} {:?} {:?} {:?} {:?}",
            group.name(),
            group.access(),
            group.policy(),
            group.removals()
        )
    };
    assert_eq!(picture(group), picture(&expected.1), "seed {seed}: {what}");
}

#[test]
fn authority_is_commutative_associative_and_idempotent() {
    let base = Stage::new(6, 910);
    for seed in 0..HISTORIES {
        let stage = random_stage(&base, seed);
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let [a, b, c] = parts(&stage, &mut rng);
        let expected = judged(&stage, &[&a, &b, &c]);
        assert_same(&judged(&stage, &[&c, &b, &a]), &expected, seed, "the other way round");
        assert_same(&judged(&stage, &[&b, &a, &c]), &expected, seed, "another way round");
        let (ab, bc) = (passed_on(&stage, &[&a, &b], &mut rng), passed_on(&stage, &[&c, &b], &mut rng));
        assert_same(&judged(&stage, &[&ab, &c]), &expected, seed, "(A with B) with C");
        assert_same(&judged(&stage, &[&a, &bc]), &expected, seed, "A with (B with C)");
        assert_same(&judged(&stage, &[&bc, &ab, &bc, &a, &a]), &expected, seed, "again and again");
    }
}
