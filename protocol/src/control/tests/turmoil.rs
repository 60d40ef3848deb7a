//! Random turmoil in the organisation: sites that revoke each other, claim each other's people, competing revisions, logs
//! that branch and date back. There is no naive evaluator for it; any order must give the same, and what is above or
//! before must hold.

use super::delivery::{assert_same_org, shuffled};
use super::*;
use crate::control::registry::NodeStatus;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

const HISTORIES: u64 = 300;
const SITES: u8 = 5;

fn some_cuts(stage: &Stage, below: &mut dyn FnMut(u64) -> u64) -> Vec<Cut> {
    let tails: Vec<&ControlEntry> = stage.tails.values().collect();
    let mut one = || {
        let tail = tails[below(tails.len() as u64) as usize];
        Cut { log: tail.log, seq: tail.seq + below(3), id: tail.id }
    };
    let mut cuts = vec![one(), one()];
    cuts.truncate(below(3) as usize);
    cuts
}

fn last_revocation(stage: &Stage) -> EntryId {
    let revokes = |entry: &&ControlEntry| matches!(entry.op, ControlOp::NodeRevoke(_));
    let last = stage.entries.iter().rev().map(|(_, entry)| entry).find(revokes);
    last.map_or(stage.entries[0].1.id, |entry| entry.id)
}

fn random_op(stage: &Stage, below: &mut dyn FnMut(u64) -> u64) -> (u8, Option<UserId>, ControlOp) {
    let n = below(u64::from(SITES)) as u8;
    let other = below(u64::from(SITES) + 3) as u8;
    let person = user(other % SITES, below(3) as u8);
    let actor = if below(3) == 0 { None } else { Some(user(if below(8) == 0 { other } else { n }, 0)) };
    let op = match below(16) {
        0 | 1 => admission(other),
        2 | 3 => {
            let cuts = match stage.tails.get(&(Scope::Org, node(other))).filter(|_| below(2) == 0) {
                Some(tail) => vec![Cut { log: tail.log, seq: tail.seq, id: tail.id }],
                None => Vec::new(),
            };
            ControlOp::NodeRevoke(NodeRevoke { node: node(other), cuts, reason: None })
        }
        4 => ControlOp::NodeSuspend(NodeOnly { node: node(other) }),
        5 => ControlOp::NodeResume(NodeOnly { node: node(other) }),
        6..=8 => ControlOp::UserRegister(UserAt { user: person, site: site(if below(4) == 0 { other } else { n }) }),
        9 => ControlOp::UserDisable(UserOnly { user: person }),
        10 => ControlOp::UserEnable(UserOnly { user: person }),
        11 => ControlOp::UserRehome(UserMove { user: person, site: site(other), cuts: some_cuts(stage, below) }),
        12 => ControlOp::UserKey(UserKey { user: person, key: admin_key(below(9) as u8).public() }),
        13 => match stage.entries[below(stage.entries.len() as u64) as usize].1.clone() {
            entry if matches!(entry.op, ControlOp::NodeRevoke(_)) => seen(entry.id, some_cuts(stage, below)),
            _ => ControlOp::Seen(Seen { revocation: last_revocation(stage), cuts: some_cuts(stage, below) }),
        },
        14 => ControlOp::SiteSet(SiteSet { site: site(other), name: format!("{n}"), company: String::new() }),
        _ => {
            let kept: Vec<Admin> = stage.first.admins.iter().take(1 + below(3) as usize).cloned().collect();
            let revision = Constitution {
                revision: 1,
                parent: Some(stage.org.0),
                founder: None,
                name: format!("{}", below(4)),
                threshold: kept.len() as u32,
                admins: kept,
                cuts: stage
                    .tails
                    .values()
                    .take(below(3) as usize)
                    .map(|tail| Cut { log: tail.log, seq: tail.seq, id: tail.id })
                    .collect(),
                ..stage.first.clone()
            };
            ControlOp::Constitution(stage.signed(&revision, &[0, 1, 2][below(3) as usize..]))
        }
    };
    (n, actor, op)
}

fn turmoil(seed: u64) -> Stage {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut below = |bound: u64| rng.next_u64() % bound;
    let mut stage = Stage::with_admins(SITES, 1_000 + seed, 3 - (seed % 3) as u8);
    let mut ids: Vec<EntryId> = stage.entries.iter().map(|(_, entry)| entry.id).collect();
    for _ in 0..8 + below(30) {
        let (n, actor, op) = random_op(&stage, &mut below);
        let own: Vec<ControlEntry> =
            stage.entries.iter().map(|(_, entry)| entry).filter(|entry| entry.node == node(n)).cloned().collect();
        let from = if below(3) == 0 { 0 } else { ids.len() - 5 };
        let mut ctl: Vec<EntryId> =
            (0..=below(2)).map(|_| ids[from + below((ids.len() - from) as u64) as usize]).collect();
        let tail = match below(5) {
            0 => None,
            1 if !own.is_empty() => Some(own[below(own.len() as u64) as usize].clone()),
            _ => own.last().cloned(),
        };
        if let Some(tail) = &tail {
            ctl.extend(&tail.ctl);
        }
        ctl.sort_unstable();
        ctl.dedup();
        if ctl.len() > 8 {
            continue;
        }
        let tail = tail.unwrap_or_else(|| {
            stage.open(Scope::Org, node(n), &ctl);
            stage.tails[&(Scope::Org, node(n))].clone()
        });
        ids.push(stage.push(Scope::Org, node(n), actor, op, &ctl, Some(tail)));
    }
    stage
}

#[test]
fn turmoil_in_the_organisation_has_one_outcome_in_any_order() {
    let (mut revoked, mut lost) = (0, 0);
    for seed in 0..HISTORIES {
        let stage = turmoil(seed);
        let expected = stage.org_state();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        for _ in 0..3 {
            let order = shuffled(stage.entries.len(), &mut rng);
            let (org, _) = stage.deliver(&mut order.iter().map(|at| &stage.entries[*at]));
            assert_eq!(org.waiting(), 0, "seed {seed}");
            assert_same_org(&OrgState::evaluate(stage.org, &org), &expected);
        }
        assert!(expected.knows_node(&node(0)) && expected.constitution().is_some(), "seed {seed}");
        revoked += expected.nodes().values().filter(|record| record.status == NodeStatus::Revoked).count();
        lost += expected.equivocations().len();
    }
    assert!(revoked > 50 && lost > 20, "the turmoil is real: {revoked} revoked, {lost} lost revisions");
}

/// INV-21: once revoked, always revoked, whatever is written afterwards with the whole history in sight.
#[test]
fn a_revoked_node_stays_revoked_whatever_follows() {
    for seed in 0..HISTORIES {
        let mut stage = turmoil(seed);
        let before = stage.org_state();
        for n in 0..SITES {
            stage.org_op(n, Some(user(n, 0)), admission((n + 1) % SITES));
        }
        let after = stage.org_state();
        for (node, record) in before.nodes().iter().filter(|(_, record)| record.status == NodeStatus::Revoked) {
            assert_eq!(after.nodes()[node].status, NodeStatus::Revoked, "seed {seed}, {record:?}");
        }
    }
}
