//! The constitution: O1–O6, ruling A1, scenarios S17–S19.

use super::*;

impl Stage {
    fn next(&self, change: impl FnOnce(&mut Constitution)) -> Constitution {
        let mut next = Constitution { revision: 1, parent: Some(self.org.0), founder: None, ..self.first.clone() };
        change(&mut next);
        next
    }

    fn publish(&mut self, by: u8, revision: &Constitution, keys: &[u8], ctl: &[EntryId]) -> EntryId {
        let signed = self.signed(revision, keys);
        self.write(Scope::Org, node(by), None, ControlOp::Constitution(signed), ctl)
    }
}

fn id_of(revision: &Constitution) -> [u8; 32] {
    super::super::constitution::revision_id(&codec::encode(revision))
}

fn admins(list: &[u8]) -> Vec<Admin> {
    list.iter().map(|n| Admin { user: user(*n, 0), key: admin_key(*n).public() }).collect()
}

#[test]
fn s19_a_majority_signs_the_next_revision_and_fewer_do_not() {
    let mut stage = Stage::with_admins(3, 80, 3);
    let next = stage.next(|next| {
        next.name = "Renamed".into();
        next.admins = admins(&[0, 1]);
        next.threshold = 1;
    });
    let base = stage.heads(Scope::Org);
    let mark = stage.entries.len();
    let proposed = stage.publish(0, &next, &[0, 7], &base);
    let org = stage.org_settled_from(mark);
    assert_eq!((org.name(), org.void_reason(&proposed), org.proposals().len()), ("Example", None, 1));
    // The second signature may come in another entry.
    stage.publish(1, &next, &[1], &base);
    let org = stage.org_settled_from(mark);
    assert_eq!((org.name(), org.is_admin(&user(2, 0))), ("Renamed", false));
}

#[test]
fn s19_recovery_keys_replace_lost_admins_and_change_nothing_else() {
    let mut stage = Stage::with_admins(3, 81, 3);
    let base = stage.heads(Scope::Org);
    let mark = stage.entries.len();
    let recover = stage.next(|next| {
        next.by_recovery = true;
        next.admins = admins(&[2]);
        next.threshold = 1;
    });
    let greedy = Constitution { name: "Taken".into(), ..recover.clone() };
    stage.publish(1, &recover, &[200], &base);
    stage.publish(1, &greedy, &[200, 201, 202], &base);
    assert_eq!(stage.org_settled_from(mark).admins().count(), 3);
    stage.publish(1, &recover, &[200, 202], &base);
    let org = stage.org_settled_from(mark);
    assert_eq!((org.name(), org.admins().collect::<Vec<_>>()), ("Example", vec![user(2, 0)]));
}

#[test]
fn revisions_whose_form_is_wrong_are_refused() {
    let stage = Stage::with_admins(2, 82, 2);
    type Change = fn(&mut Constitution);
    let wrong: [Change; 10] = [
        |next| next.admins.clear(),
        |next| next.admins.push(next.admins[0].clone()),
        |next| next.admins = (0..16).map(|n| Admin { user: user(n, 0), key: admin_key(n).public() }).collect(),
        |next| next.threshold = 0,
        |next| next.threshold = 3,
        |next| next.recovery_threshold = 4,
        |next| next.recovery = (0..6).map(|n| admin_key(n).public()).collect(),
        |next| next.revision = 2,
        |next| next.parent = Some([3; 32]),
        |next| next.founder = Some(Founder { node: node(1), sealing: [0; 32], site: site(1) }),
    ];
    for change in wrong {
        let mut stage = stage.clone();
        let mut next = stage.next(change);
        next.name = "Wrong".into();
        let base = stage.heads(Scope::Org);
        let id = stage.publish(0, &next, &[0, 1], &base);
        assert_eq!(stage.org_state().void_reason(&id), Some(Reason::RevisionRefused), "{next:?}");
        assert_eq!(stage.org_state().name(), "Example");
    }
}

#[test]
fn s17_of_two_revisions_nobody_has_built_on_the_lower_id_counts_and_who_signed_both_is_named() {
    let mut stage = Stage::with_admins(3, 83, 3);
    let [a, b] = ["A", "B"].map(|name| stage.next(|next| next.name = name.into()));
    let base = stage.heads(Scope::Org);
    let mark = stage.entries.len();
    stage.publish(0, &a, &[0, 1], &base);
    stage.publish(2, &b, &[1, 2], &base);
    let org = stage.org_settled_from(mark);
    let (kept, lost) = if id_of(&a) < id_of(&b) { (&a, &b) } else { (&b, &a) };
    assert_eq!(org.name(), kept.name);
    let [found] = org.equivocations() else { panic!("one equivocation") };
    assert_eq!((found.kept, found.lost), (id_of(kept), id_of(lost)));
    assert_eq!(found.signers, [admin_key(1).public()]);
}

/// A revision, and one with a lower id that competes with it.
fn later_and_lower(stage: &Stage) -> (Constitution, Constitution) {
    let made = stage.next(|next| next.name = "made first".into());
    let lower = (0_u32..)
        .map(|n| stage.next(|next| next.name = format!("ground {n}")))
        .find(|other| id_of(other) < id_of(&made))
        .expect("half of all are lower");
    (made, lower)
}

#[test]
fn a_revision_that_a_majority_of_nodes_named_is_final_and_no_late_lower_one_beats_it() {
    let mut stage = Stage::with_admins(4, 84, 2);
    let (made, lower) = later_and_lower(&stage);
    let base = stage.heads(Scope::Org);
    let mark = stage.entries.len();
    let first = stage.publish(0, &made, &[0, 1], &base);
    stage.write(Scope::Org, node(2), None, ControlOp::See(See { heads: vec![first] }), &base);
    let late = stage.publish(3, &lower, &[0, 1], &base);
    assert_eq!(stage.org_settled_from(mark).name(), lower.name, "two of four nodes are no majority");
    stage.write(Scope::Org, node(1), None, ControlOp::See(See { heads: vec![first] }), &base);
    let org = stage.org_settled_from(mark);
    assert_eq!((org.name(), org.void_reason(&late)), ("made first", Some(Reason::RevisionVoid)));
    // Nodes that learn of both later change nothing.
    for n in 0..3 {
        stage.org_op(n, None, ControlOp::UserRegister(UserAt { user: user(n, 9), site: site(n) }));
    }
    assert_eq!(stage.org_settled_from(mark).name(), "made first");
}

#[test]
fn a_removed_admin_cannot_outvote_the_revision_with_nodes_admitted_in_hindsight() {
    let mut stage = Stage::with_admins(4, 85, 2);
    stage.first.threshold = 2;
    let base = stage.heads(Scope::Org);
    let cuts = stage.heads(Scope::Org).iter().map(|id| Cut { log: LogId([0; 32]), seq: 0, id: *id }).collect();
    let mut made = stage.next(|next| next.admins = admins(&[0]));
    (made.threshold, made.cuts) = (1, cuts);
    let lower = (0_u32..)
        .map(|n| stage.next(|next| next.name = format!("ground {n}")))
        .find(|other| id_of(other) < id_of(&made))
        .expect("half of all are lower");
    let first = stage.publish(0, &made, &[0, 1], &base);
    for n in [2, 3] {
        stage.write(Scope::Org, node(n), None, ControlOp::See(See { heads: vec![first] }), &base);
    }
    let new: Vec<EntryId> =
        (10..20).map(|n| stage.write(Scope::Org, node(1), Some(user(1, 0)), admission(n), &base)).collect();
    let late = stage.publish(1, &lower, &[0, 1], &base);
    for (n, admitted) in (10..20).zip(&new) {
        stage.write(Scope::Org, node(n), None, ControlOp::See(See { heads: vec![*admitted, late] }), &base);
    }
    // Each of the two is final by its own cuts; the founder's node stands for the first.
    let org = stage.org_state();
    assert_eq!((org.name(), org.admins().count(), org.nodes().len()), ("Example", 1, 4));
}

#[test]
fn what_rests_on_a_revision_that_lost_is_void() {
    let mut stage = Stage::with_admins(2, 86, 2);
    let [a, b] = ["A", "B"].map(|name| stage.next(|next| next.name = name.into()));
    let base = stage.heads(Scope::Org);
    let mark = stage.entries.len();
    let on_a = stage.publish(0, &a, &[0, 1], &base);
    let on_b = stage.publish(1, &b, &[0, 1], &base);
    let x = stage.write(
        Scope::Org,
        node(0),
        None,
        ControlOp::UserRegister(UserAt { user: user(0, 1), site: site(0) }),
        &[on_a],
    );
    let y = stage.write(
        Scope::Org,
        node(1),
        None,
        ControlOp::UserRegister(UserAt { user: user(1, 1), site: site(1) }),
        &[on_b],
    );
    let org = stage.org_settled_from(mark);
    let (kept, void) = if org.name() == "A" { (x, y) } else { (y, x) };
    assert_eq!((org.void_reason(&kept), org.void_reason(&void)), (None, Some(Reason::RevisionVoid)));
    let both = stage.register(0, 2);
    assert_eq!(stage.org_state().void_reason(&both), None, "who knows both rests on the one that counts");
}

#[test]
fn s18_what_a_removed_admin_did_unseen_is_void_and_what_lies_within_the_cut_stays() {
    let mut stage = Stage::with_admins(3, 87, 3);
    let seen = stage.org_op(1, Some(user(1, 0)), admission(5));
    let base = stage.heads(Scope::Org);
    let next = stage.next(|next| {
        next.admins = admins(&[0, 2]);
        next.threshold = 1;
        next.cuts = vec![Cut { log: LogId([0; 32]), seq: 0, id: seen }];
    });
    let mark = stage.entries.len();
    stage.publish(0, &next, &[0, 2], &base);
    let unseen = stage.write(Scope::Org, node(1), Some(user(1, 0)), admission(6), &base);
    let registered = stage.register(1, 7);
    let org = stage.org_settled_from(mark);
    assert_eq!((org.void_reason(&seen), org.void_reason(&unseen)), (None, Some(Reason::AdminRemoved)));
    assert_eq!(org.void_reason(&registered), None, "the cut reaches what the admin did as admin, not the site");
    let knowing = stage.org_op(1, Some(user(1, 0)), admission(7));
    assert_eq!(stage.org_settled_from(mark).void_reason(&knowing), Some(Reason::NotAdmin));
}

#[test]
fn the_organisations_id_is_that_of_revision_zero_and_no_other_founds_it() {
    let stage = Stage::new(1, 88);
    let other = Stage::new(1, 89);
    let org = OrgState::evaluate(stage.org, &other.history(Scope::Org));
    assert!(org.constitution().is_none() && org.nodes().is_empty() && org.users().is_empty());
    assert_eq!((org.name(), org.admins().count()), ("", 0));
}
