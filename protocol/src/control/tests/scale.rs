//! Large registries and groups stay quick, and hostile ones too.

use super::*;

#[test]
fn five_thousand_registrations_are_judged_quickly() {
    let mut stage = Stage::new(20, 910);
    let mut history = stage.history(Scope::Org);
    let heads = history.heads();
    for n in 0..20_u8 {
        for m in 1..=250_u8 {
            let at = UserAt { user: user(n, m), site: site(n) };
            stage.write(Scope::Org, node(n), None, ControlOp::UserRegister(at), &heads);
            history.insert(stage.entries.last().expect("written").1.clone(), &|_| false);
        }
    }
    let started = std::time::Instant::now();
    let org = OrgState::evaluate(stage.org, &history);
    let took = started.elapsed();
    assert_eq!(org.users().len(), 5_000 + 20);
    println!("5,000 registrations judged in {took:?}");
    // Generous: this is a build without optimisation on a shared machine.
    assert!(took.as_secs() < 5, "{took:?}");
}
