//! Large registries and groups stay quick, and hostile ones too. The bound is generous: builds without optimisation on
//! a shared machine must keep it; what was measured stands in `docs/decisions/0003-control-evaluation.md`.

use super::*;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(20);

/// Evaluates and says how long it took.
#[expect(clippy::disallowed_methods, reason = "tests may look at the clock; the evaluator is not told")]
#[expect(clippy::disallowed_types, reason = "the same")]
fn timed<T>(what: &str, evaluate: impl FnOnce() -> T) -> T {
    let started = std::time::Instant::now();
    let result = evaluate();
    let took = started.elapsed();
    println!("{what}: {took:?}");
    assert!(took < BOUND, "{what}: {took:?}");
    result
}

#[test]
fn five_thousand_registrations_are_judged_quickly() {
    let mut stage = Stage::new(20, 910);
    let mut history = stage.history(Scope::Org);
    for m in 1..=250_u8 {
        // Every site names the heads of all: twenty entries at a time that see the twenty before.
        let heads = history.heads();
        let ctl = stage.tails[&(Scope::Org, node(0))].ctl.clone();
        let folded = stage.write(Scope::Org, node(0), None, ControlOp::See(See { heads }), &ctl);
        history.insert(stage.entries.last().expect("written").1.clone(), &|_| false);
        for n in 0..20_u8 {
            let at = UserAt { user: user(n, m), site: site(n) };
            stage.write(Scope::Org, node(n), None, ControlOp::UserRegister(at), &[folded]);
            history.insert(stage.entries.last().expect("written").1.clone(), &|_| false);
        }
    }
    let org = timed("5,000 registrations", || OrgState::evaluate(stage.org, &history));
    assert_eq!(org.users().len(), 5_000 + 20);
}

#[test]
fn one_who_grants_and_removes_without_end_is_judged_quickly() {
    let mut stage = Stage::new(3, 911);
    let base = stage.create(Access::Closed);
    let granted = stage.by(0, grant(1, Role::Facilitator), &[base]);
    for _ in 0..950 {
        stage.by(1, grant(2, Role::Member), &[granted]);
        stage.by(1, revoke(2), &[granted]);
    }
    let state = timed("1,900 grants and removals of one person", || stage.group_state());
    assert_eq!((state.role(&user(2, 0)), state.voids().len()), (None, 0));
}

#[test]
fn one_who_branches_without_end_is_judged_quickly() {
    let mut stage = Stage::new(3, 912);
    let base = stage.create(Access::Closed);
    let granted = stage.by(0, grant(1, Role::Facilitator), &[base]);
    for _ in 0..300 {
        stage.open(Scope::Group, node(1), &[granted]);
        stage.by(1, grant(2, Role::Member), &[granted]);
        stage.by(1, revoke(2), &[granted]);
    }
    let state = timed("300 branches", || stage.group_state());
    assert_eq!((state.role(&user(2, 0)), state.voids().len()), (None, 0));
}

#[test]
fn one_who_claims_the_people_of_others_is_judged_quickly() {
    let mut stage = Stage::new(10, 913);
    let mut history = stage.history(Scope::Org);
    let early = history.heads();
    stage.tails.remove(&(Scope::Org, node(1)));
    for m in 1..=200_u8 {
        for n in 2..7_u8 {
            for (by, at) in [(n, site(n)), (1, site(1))] {
                let op = ControlOp::UserRegister(UserAt { user: user(n, m), site: at });
                let before = stage.entries.len();
                stage.write(Scope::Org, node(by), None, op, &early);
                for (_, entry) in &stage.entries[before..] {
                    history.insert(entry.clone(), &|_| false);
                }
            }
        }
    }
    let org = timed("1,000 people claimed twice", || OrgState::evaluate(stage.org, &history));
    assert_eq!(org.users().len(), 1_000 + 10);
}

#[test]
fn revisions_with_forged_signatures_cost_little() {
    let mut stage = Stage::with_admins(2, 914, 2);
    let heads = stage.heads(Scope::Org);
    let mut history = stage.history(Scope::Org);
    for n in 0..1_000_u32 {
        let next = Constitution {
            revision: 1,
            parent: Some(stage.org.0),
            name: format!("forged {n}"),
            founder: None,
            ..stage.first.clone()
        };
        let mut signed = stage.signed(&next, &[0, 1]);
        signed.signatures.iter_mut().for_each(|one| one.signature[3] ^= 1);
        stage.write(Scope::Org, node(1), None, ControlOp::Constitution(signed), &heads);
        history.insert(stage.entries.last().expect("written").1.clone(), &|_| false);
    }
    let org = timed("1,000 forged revisions", || OrgState::evaluate(stage.org, &history));
    assert_eq!(org.name(), "Example");
}
