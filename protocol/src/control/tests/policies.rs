//! Policies with their cuts (G11), and what remaining nodes held when they learned of a removal (ruling A2).

use super::authority::{group_with, verdict};
use super::*;

const FORBIDDEN: Verdict = Verdict::Void(Reason::PolicyForbids);

#[test]
fn s20_a_post_that_knows_of_a_policy_that_forbids_it_is_void_and_one_that_does_not_counts_up_to_the_cut() {
    let mut stage = Stage::new(3, 130);
    let base = group_with(&mut stage, &[(1, Role::Member), (2, Role::Facilitator)]);
    let mark = stage.entries.len();
    let strict = stage.by(0, edit_policy(Posting::Facilitators, vec![cut(1, 4)]), &[base]);
    assert_eq!(stage.settled_from(mark).policy().post, Posting::Facilitators);
    assert_eq!(verdict(&stage, 1, &[strict], Act::Post, 4), FORBIDDEN);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 4), Verdict::Valid);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 5), FORBIDDEN, "offline, and beyond what the owner held");
    assert_eq!(verdict(&stage, 1, &[strict], Act::Comment, 9), Verdict::Valid);
    assert_eq!(verdict(&stage, 2, &[strict], Act::Post, 9), Verdict::Valid);
    let state = stage.group_state();
    assert_eq!(state.may_now(&user(1, 0), Act::Post), Err(Reason::PolicyForbids), "sending it again is refused");
    assert_eq!(state.may_now(&user(2, 0), Act::Post), Ok(()));
    let wide = stage.by(0, edit_policy(Posting::Members, Vec::new()), &[strict]);
    assert_eq!(stage.settled_from(mark).policy().post, Posting::Members);
    assert_eq!(verdict(&stage, 1, &[wide], Act::Post, 9), Verdict::Valid);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 5), FORBIDDEN, "widening brings nothing back by itself");
}

#[test]
fn s27_a_guest_comments_until_a_policy_forbids_it() {
    let mut stage = Stage::new(2, 131);
    let base = group_with(&mut stage, &[(1, Role::Guest)]);
    let mark = stage.entries.len();
    let strict = stage.by(0, edit_guests(Guests::Read, vec![cut(1, 2)]), &[base]);
    assert_eq!(stage.settled_from(mark).policy().guests, Guests::Read);
    assert_eq!(verdict(&stage, 1, &[base], Act::Comment, 2), Verdict::Valid);
    assert_eq!(verdict(&stage, 1, &[base], Act::Comment, 3), FORBIDDEN);
    assert_eq!(verdict(&stage, 1, &[strict], Act::Comment, 1), FORBIDDEN);
    assert_eq!(verdict(&stage, 1, &[strict], Act::React, 9), Verdict::Valid);
}

#[test]
fn of_concurrent_policies_the_senior_owners_counts_and_the_beaten_ones_cuts_nothing() {
    let mut stage = Stage::new(3, 132);
    let base = group_with(&mut stage, &[(1, Role::Owner), (2, Role::Member)]);
    let mark = stage.entries.len();
    stage.by(0, edit_policy(Posting::Members, Vec::new()), &[base]);
    stage.by(1, edit_policy(Posting::Facilitators, vec![cut(2, 0)]), &[base]);
    assert_eq!(stage.settled_from(mark).policy().post, Posting::Members);
    assert_eq!(verdict(&stage, 2, &[base], Act::Post, 5), Verdict::Valid);
}

#[test]
fn s26_a_facilitator_changes_no_policy() {
    let mut stage = Stage::new(2, 133);
    let base = group_with(&mut stage, &[(1, Role::Facilitator)]);
    let mark = stage.entries.len();
    let tried = stage.by(1, edit_policy(Posting::Facilitators, vec![cut(0, 0)]), &[base]);
    let state = stage.settled_from(mark);
    assert_eq!((state.policy(), state.void_reason(&tried)), (Policy::default(), Some(Reason::RoleTooLow)));
}

#[test]
fn what_a_remaining_node_held_when_it_learned_of_a_removal_is_not_cut() {
    let mut stage = Stage::new(3, 134);
    let base = group_with(&mut stage, &[(1, Role::Member), (2, Role::Member)]);
    let mark = stage.entries.len();
    let removed = stage.by(0, revoke_with(1, vec![cut(1, 4)]), &[base]);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 6), Verdict::Void(Reason::Removed));
    stage.write(Scope::Group, node(2), None, seen(removed, vec![cut(1, 6)]), &[removed]);
    // Only what was held at once counts; the removed person's own home, and strangers, state nothing.
    stage.write(Scope::Group, node(2), None, seen(removed, vec![cut(1, 9)]), &[removed]);
    stage.write(Scope::Group, node(1), None, seen(removed, vec![cut(1, 9)]), &[removed]);
    stage.settled_from(mark);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 6), Verdict::Valid);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 7), Verdict::Void(Reason::Removed));
    let amend = AmendCut { revocation: removed, cuts: vec![cut(1, 5)] };
    stage.by(0, ControlOp::AmendCut(amend), &[removed]);
    assert_eq!(
        verdict(&stage, 1, &[base], Act::Post, 6),
        Verdict::Void(Reason::Removed),
        "an amendment is the last word"
    );
}

#[test]
fn a_statement_that_had_not_seen_the_removal_or_by_a_site_without_people_raises_nothing() {
    let mut stage = Stage::new(4, 135);
    let base = group_with(&mut stage, &[(1, Role::Member), (2, Role::Member)]);
    let mark = stage.entries.len();
    let removed = stage.by(0, revoke_with(1, vec![cut(1, 4)]), &[base]);
    stage.write(Scope::Group, node(2), None, seen(removed, vec![cut(1, 9)]), &[base]);
    stage.write(Scope::Group, node(3), None, seen(removed, vec![cut(1, 9)]), &[removed]);
    stage.settled_from(mark);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 5), Verdict::Void(Reason::Removed));
}

#[test]
fn a_retired_machines_entries_that_others_held_stay() {
    let mut stage = Stage::new(3, 136);
    let known = stage.heads(Scope::Org);
    let tail = stage.tails[&(Scope::Org, node(1))].clone();
    let mark = stage.entries.len();
    let first = stage.register(1, 2);
    let second = stage.register(1, 3);
    let cuts = vec![Cut { log: tail.log, seq: tail.seq, id: tail.id }];
    let revoke = ControlOp::NodeRevoke(NodeRevoke { node: node(1), cuts, reason: None });
    let revoked = stage.write(Scope::Org, node(0), Some(user(0, 0)), revoke, &known);
    assert_eq!(stage.org_state().void_reason(&first), Some(Reason::NodeRevoked));
    let held = vec![Cut { log: tail.log, seq: tail.seq + 1, id: first }];
    stage.write(Scope::Org, node(2), None, seen(revoked, held.clone()), &[revoked]);
    stage.write(
        Scope::Org,
        node(1),
        None,
        seen(revoked, vec![Cut { seq: tail.seq + 2, ..held[0].clone() }]),
        &[revoked],
    );
    let org = stage.org_settled_from(mark);
    assert_eq!((org.void_reason(&first), org.void_reason(&second)), (None, Some(Reason::NodeRevoked)));
    assert_eq!(org.node_removals()[0].cuts[&tail.log], tail.seq + 1);
}

#[test]
fn the_cuts_of_a_move_end_what_the_former_home_dates_back() {
    let mut stage = Stage::new(3, 137);
    let base = stage.heads(Scope::Org);
    let mark = stage.entries.len();
    let moved = UserMove { user: user(1, 0), site: site(2), cuts: vec![cut(1, 4)] };
    let moved = stage.org_op(0, Some(user(0, 0)), ControlOp::UserRehome(moved));
    let org = stage.org_settled_from(mark);
    let vouched = |n: u8, ctl: &[EntryId], seq| org.vouched(&node(n), &user(1, 0), ctl, (&data_log(n), seq));
    assert_eq!(vouched(1, &base, 4), Verdict::Valid);
    assert_eq!(vouched(1, &base, 5), Verdict::Void(Reason::NotHome));
    assert_eq!(vouched(2, &[moved], 1), Verdict::Valid);
}

#[test]
fn only_the_home_tells_a_persons_key_and_a_constitution_that_names_one_has_the_last_word() {
    let mut stage = Stage::new(3, 138);
    let mark = stage.entries.len();
    let told = |n: u8| ControlOp::UserKey(UserKey { user: user(1, 0), key: admin_key(n).public() });
    stage.org_op(1, None, told(7));
    let foreign = stage.org_op(2, None, told(8));
    stage.org_op(0, None, ControlOp::UserKey(UserKey { user: user(0, 0), key: admin_key(9).public() }));
    let org = stage.org_settled_from(mark);
    assert_eq!(org.user(&user(1, 0)).and_then(|user| user.key), Some(admin_key(7).public()));
    assert_eq!(org.user(&user(0, 0)).and_then(|user| user.key), Some(admin_key(0).public()));
    assert_eq!(org.void_reason(&foreign), Some(Reason::NotHome));
}

#[test]
fn a_revision_waits_for_signatures_that_come_from_other_nodes() {
    let mut stage = Stage::with_admins(3, 139, 3);
    let revision = Constitution {
        revision: 1,
        parent: Some(stage.org.0),
        founder: None,
        admins: stage.first.admins[..2].to_vec(),
        threshold: 2,
        ..stage.first.clone()
    };
    let mark = stage.entries.len();
    let first = stage.signed(&revision, &[0]);
    stage.org_op(0, Some(user(0, 0)), ControlOp::Constitution(first));
    let org = stage.org_settled_from(mark);
    assert_eq!((org.proposals().len(), org.admins().count()), (1, 3));
    assert_eq!((&org.proposals()[0].signed, org.proposals()[0].needed), (&vec![user(0, 0)], 2));
    let second = stage.signed(&revision, &[1]);
    stage.org_op(1, Some(user(1, 0)), ControlOp::Constitution(second));
    let org = stage.org_settled_from(mark);
    assert_eq!((org.proposals().len(), org.admins().count()), (0, 2));
}
