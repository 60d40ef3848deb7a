//! The scenarios of §2.6 that concern roles, each in every order of delivery.

use super::*;

pub(super) fn verdict(stage: &Stage, n: u8, ctl: &[EntryId], act: Act, seq: u64) -> Verdict {
    stage.group_state().standing(&stage.history(Scope::Group), &user(n, 0), ctl, act).verdict(&data_log(n), seq)
}

/// A closed group of person 0 of site 0, with these roles given in one entry each; answers the last frontier.
pub(super) fn group_with(stage: &mut Stage, roles: &[(u8, Role)]) -> EntryId {
    let mut last = stage.create(Access::Closed);
    for (n, role) in roles {
        last = stage.by(0, grant(*n, *role), &[last]);
    }
    last
}

#[test]
fn s01_of_two_owners_who_remove_each_other_the_senior_stays() {
    let mut stage = Stage::new(2, 11);
    let base = group_with(&mut stage, &[(1, Role::Owner)]);
    let mark = stage.entries.len();
    stage.by(0, revoke(1), &[base]);
    let junior = stage.by(1, revoke(0), &[base]);
    let state = stage.settled_from(mark);
    assert_eq!((state.role(&user(0, 0)), state.role(&user(1, 0))), (Some(Role::Owner), None));
    assert_eq!(state.void_reason(&junior), Some(Reason::Removed));
}

#[test]
fn s02_in_a_circle_of_removals_the_senior_and_whom_only_the_removed_removed_stay() {
    let mut stage = Stage::new(3, 12);
    let base = group_with(&mut stage, &[(1, Role::Owner), (2, Role::Owner)]);
    let mark = stage.entries.len();
    stage.by(0, revoke(1), &[base]);
    stage.by(1, revoke(2), &[base]);
    stage.by(2, revoke(0), &[base]);
    let state = stage.settled_from(mark);
    let roles = [0, 1, 2].map(|n| state.role(&user(n, 0)));
    assert_eq!(roles, [Some(Role::Owner), None, Some(Role::Owner)]);
}

#[test]
fn s03_a_removal_wins_over_a_concurrent_grant_until_a_new_one_knows_it() {
    let mut stage = Stage::new(3, 13);
    let base = group_with(&mut stage, &[(1, Role::Facilitator), (2, Role::Member)]);
    let mark = stage.entries.len();
    let removed = stage.by(1, revoke(2), &[base]);
    let regranted = stage.by(0, grant(2, Role::Member), &[base]);
    assert_eq!(stage.settled_from(mark).role(&user(2, 0)), None);
    stage.by(0, grant(2, Role::Member), &[removed, regranted]);
    assert_eq!(stage.settled_from(mark).role(&user(2, 0)), Some(Role::Member));
}

#[test]
fn s04_a_grant_that_has_seen_the_removal_readmits() {
    let mut stage = Stage::new(3, 14);
    let base = group_with(&mut stage, &[(1, Role::Facilitator), (2, Role::Member)]);
    let mark = stage.entries.len();
    let removed = stage.by(1, revoke(2), &[base]);
    stage.by(0, grant(2, Role::Member), &[removed]);
    assert_eq!(stage.settled_from(mark).role(&user(2, 0)), Some(Role::Member));
}

#[test]
fn s05_a_removed_facilitators_grant_with_an_old_frontier_is_void() {
    let mut stage = Stage::new(3, 15);
    let base = group_with(&mut stage, &[(1, Role::Facilitator)]);
    let mark = stage.entries.len();
    stage.by(0, revoke(1), &[base]);
    let late = stage.by(1, grant(2, Role::Member), &[base]);
    let state = stage.settled_from(mark);
    assert_eq!((state.role(&user(2, 0)), state.void_reason(&late)), (None, Some(Reason::Removed)));
}

#[test]
fn s06_what_the_remover_had_seen_stays() {
    let mut stage = Stage::new(3, 16);
    let base = group_with(&mut stage, &[(1, Role::Facilitator)]);
    let mark = stage.entries.len();
    let granted = stage.by(1, grant(2, Role::Member), &[base]);
    stage.by(0, revoke(1), &[granted]);
    let state = stage.settled_from(mark);
    assert_eq!((state.role(&user(1, 0)), state.role(&user(2, 0))), (None, Some(Role::Member)));
}

#[test]
fn s07_a_junior_owner_removes_whom_the_senior_promotes_at_the_same_time() {
    let mut stage = Stage::new(3, 17);
    let base = group_with(&mut stage, &[(1, Role::Owner), (2, Role::Member)]);
    let mark = stage.entries.len();
    stage.by(0, grant(2, Role::Owner), &[base]);
    stage.by(1, revoke(2), &[base]);
    assert_eq!(stage.settled_from(mark).role(&user(2, 0)), None);
}

#[test]
fn s08_a_removed_member_posts_in_vain_beyond_the_cut() {
    let mut stage = Stage::new(2, 18);
    let base = group_with(&mut stage, &[(1, Role::Member)]);
    let mark = stage.entries.len();
    let removed = stage.by(0, revoke_with(1, vec![cut(1, 4)]), &[base]);
    stage.settled_from(mark);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 4), Verdict::Valid);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 5), Verdict::Void(Reason::Removed));
    assert_eq!(verdict(&stage, 1, &[removed], Act::Post, 4), Verdict::Void(Reason::Removed));
}

#[test]
fn what_a_removal_leaves_of_a_log_by_who_named_it() {
    let removed = Verdict::Void(Reason::Removed);
    // The removal's cuts, what site 2 stated, an amendment; how far Ben's log counts then.
    type Row = (&'static str, Vec<Cut>, Option<Vec<Cut>>, Option<Vec<Cut>>, u64);
    let rows: [Row; 7] = [
        ("nobody", vec![], None, None, 0),
        ("the removal names another", vec![cut(3, 9)], None, None, 0),
        ("the removal", vec![cut(1, 4)], None, None, 4),
        ("a statement alone", vec![], Some(vec![cut(1, 3)]), None, 3),
        ("a statement beyond the removal", vec![cut(1, 4)], Some(vec![cut(1, 6)]), None, 6),
        ("an amendment alone", vec![], Some(vec![cut(1, 3)]), Some(vec![cut(1, 5)]), 5),
        ("an amendment names another", vec![cut(1, 4)], Some(vec![cut(1, 6)]), Some(vec![cut(3, 9)]), 0),
    ];
    for (name, cuts, stated, amended, counts) in rows {
        let mut stage = Stage::new(3, 118);
        let base = group_with(&mut stage, &[(1, Role::Member), (2, Role::Member)]);
        let mark = stage.entries.len();
        let removal = stage.by(0, revoke_with(1, cuts), &[base]);
        if let Some(cuts) = stated {
            stage.write(Scope::Group, node(2), None, seen(removal, cuts), &[removal]);
        }
        if let Some(cuts) = amended {
            stage.by(0, ControlOp::AmendCut(AmendCut { revocation: removal, cuts }), &[removal]);
        }
        stage.settled_from(mark);
        for seq in 1..9 {
            let expected = if seq <= counts { Verdict::Valid } else { removed };
            assert_eq!(verdict(&stage, 1, &[base], Act::Post, seq), expected, "{name}, {seq}");
        }
        assert_eq!(verdict(&stage, 1, &[removal], Act::Post, 1), removed, "{name}: who knew of it");
    }
}

#[test]
fn a_lowering_leaves_nothing_of_logs_that_nobody_names_and_a_grant_that_was_not_meant_to_lower_leaves_all() {
    for (cuts, counts) in [(vec![cut(3, 9)], false), (Vec::new(), true)] {
        let mut stage = Stage::new(2, 119);
        let base = group_with(&mut stage, &[(1, Role::Member)]);
        let mark = stage.entries.len();
        let lowered = Grant { roles: vec![RoleFor { user: user(1, 0), role: Role::Reader }], cuts };
        stage.by(0, ControlOp::Grant(lowered), &[base]);
        stage.settled_from(mark);
        let expected = if counts { Verdict::Valid } else { Verdict::Void(Reason::Removed) };
        assert_eq!(verdict(&stage, 1, &[base], Act::Post, 5), expected);
    }
}

#[test]
fn who_stepped_down_and_is_removed_by_a_facilitator_writes_no_more_by_the_higher_role() {
    for removed in [true, false] {
        let mut stage = Stage::new(3, 121);
        let base = group_with(&mut stage, &[(1, Role::Owner), (2, Role::Facilitator)]);
        let mark = stage.entries.len();
        let down = stage.by(1, grant(1, Role::Member), &[base]);
        if removed {
            stage.by(2, revoke_with(1, vec![cut(1, 4)]), &[down]);
        } else {
            stage.by(2, revoke_with(0, vec![cut(1, 4)]), &[down]);
        }
        stage.settled_from(mark);
        let beyond = if removed { Verdict::Void(Reason::Removed) } else { Verdict::Valid };
        assert_eq!(verdict(&stage, 1, &[base], Act::Post, 4), Verdict::Valid);
        assert_eq!(verdict(&stage, 1, &[base], Act::Post, 5), beyond, "dated back to before stepping down");
    }
}

#[test]
fn what_one_gives_up_oneself_leaves_all_that_was_written() {
    for op in [ControlOp::Leave, grant(1, Role::Reader)] {
        let mut stage = Stage::new(2, 120);
        let base = group_with(&mut stage, &[(1, Role::Facilitator)]);
        stage.by(1, op, &[base]);
        assert_eq!(verdict(&stage, 1, &[base], Act::Post, 5), Verdict::Valid);
    }
}

#[test]
fn s09_an_amended_cut_brings_posts_back() {
    let mut stage = Stage::new(4, 19);
    let base = group_with(&mut stage, &[(1, Role::Member), (2, Role::Facilitator), (3, Role::Facilitator)]);
    let mark = stage.entries.len();
    let removed = stage.by(2, revoke_with(1, vec![cut(1, 4)]), &[base]);
    let amend = |last| ControlOp::AmendCut(AmendCut { revocation: removed, cuts: vec![cut(1, last)] });
    let junior = stage.by(3, amend(99), &[removed]);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 5), Verdict::Void(Reason::Removed));
    assert_eq!(stage.group_state().void_reason(&junior), Some(Reason::Junior));
    stage.by(2, amend(6), &[removed]);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 6), Verdict::Valid);
    let owner = stage.by(0, amend(7), &[removed]);
    stage.settled_from(mark);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 7), Verdict::Valid);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 8), Verdict::Void(Reason::Removed));
    stage.by(0, amend(5), &[owner]);
    assert_eq!(
        verdict(&stage, 1, &[base], Act::Post, 6),
        Verdict::Void(Reason::Removed),
        "the latest of the most senior"
    );
}

#[test]
fn s10_a_comment_does_not_depend_on_the_standing_of_the_post() {
    let mut stage = Stage::new(3, 20);
    let base = group_with(&mut stage, &[(1, Role::Member), (2, Role::Member)]);
    stage.by(0, revoke_with(1, vec![cut(1, 4)]), &[base]);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 5), Verdict::Void(Reason::Removed));
    assert_eq!(verdict(&stage, 2, &[base], Act::Comment, 5), Verdict::Valid);
}

#[test]
fn s13_before_between_and_after_a_removal() {
    let mut stage = Stage::new(2, 23);
    let base = group_with(&mut stage, &[(1, Role::Member)]);
    let mark = stage.entries.len();
    let removed = stage.by(0, revoke_with(1, vec![cut(1, 4)]), &[base]);
    let again = stage.by(0, grant(1, Role::Member), &[removed]);
    stage.settled_from(mark);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 4), Verdict::Valid);
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 5), Verdict::Void(Reason::Removed));
    assert_eq!(verdict(&stage, 1, &[removed], Act::Post, 6), Verdict::Void(Reason::Removed));
    assert_eq!(verdict(&stage, 1, &[again], Act::Post, 7), Verdict::Valid);
}

#[test]
fn s27_readers_and_guests_write_in_vain_what_their_role_forbids() {
    let mut stage = Stage::new(4, 30);
    let base = group_with(&mut stage, &[(1, Role::Member), (2, Role::Reader), (3, Role::Guest)]);
    let low = Verdict::Void(Reason::RoleTooLow);
    assert_eq!(verdict(&stage, 3, &[base], Act::Post, 1), low);
    assert_eq!(verdict(&stage, 3, &[base], Act::Comment, 1), Verdict::Valid);
    assert_eq!(verdict(&stage, 2, &[base], Act::Comment, 1), low);
    let mark = stage.entries.len();
    let lowered = Grant { roles: vec![RoleFor { user: user(1, 0), role: Role::Reader }], cuts: vec![cut(1, 4)] };
    let lowered = stage.by(0, ControlOp::Grant(lowered), &[base]);
    assert_eq!(stage.settled_from(mark).role(&user(1, 0)), Some(Role::Reader));
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 4), Verdict::Valid, "what was written before stays (A3)");
    assert_eq!(verdict(&stage, 1, &[base], Act::Post, 5), Verdict::Void(Reason::Removed));
    assert_eq!(verdict(&stage, 1, &[lowered], Act::React, 5), Verdict::Valid);
    assert_eq!(verdict(&stage, 1, &[lowered], Act::Post, 5), Verdict::Void(Reason::Removed));
}

#[test]
fn s25_when_the_last_owner_leaves_the_group_works_and_an_admin_appoints() {
    let mut stage = Stage::new(3, 35);
    let base = group_with(&mut stage, &[(1, Role::Facilitator)]);
    let mark = stage.entries.len();
    let left = stage.by(0, ControlOp::Leave, &[base]);
    stage.by(1, grant(2, Role::Member), &[left]);
    let state = stage.settled_from(mark);
    assert_eq!((state.role(&user(0, 0)), state.role(&user(2, 0))), (None, Some(Role::Member)));
    let appoint = AppointOwner { group: stage.group.expect("a group"), user: user(2, 0) };
    let appointed = stage.org_op(0, Some(user(0, 0)), ControlOp::AppointOwner(appoint));
    stage.by(2, rename("rescued"), &[left, appointed]);
    let state = stage.settled_from(mark);
    assert_eq!((state.role(&user(2, 0)), state.name()), (Some(Role::Owner), "rescued"));
}

#[test]
fn s26_a_facilitator_neither_makes_facilitators_nor_changes_access_nor_removes_owners() {
    let mut stage = Stage::new(3, 36);
    let base = group_with(&mut stage, &[(1, Role::Facilitator), (2, Role::Member)]);
    let mark = stage.entries.len();
    let tries = [grant(2, Role::Facilitator), grant(2, Role::Owner), edit_access(Access::Open), revoke(0)]
        .map(|op| stage.by(1, op, &[base]));
    let state = stage.settled_from(mark);
    for id in tries {
        assert_eq!(state.void_reason(&id), Some(Reason::RoleTooLow));
    }
    assert_eq!(state.role(&user(2, 0)), Some(Role::Member));
    assert_eq!((state.role(&user(0, 0)), state.access()), (Some(Role::Owner), Access::Closed));
}

#[test]
fn s28_an_entry_by_another_sites_node_is_void() {
    let mut stage = Stage::new(3, 38);
    let base = group_with(&mut stage, &[(1, Role::Owner)]);
    let mark = stage.entries.len();
    let forged = stage.write(Scope::Group, node(2), Some(user(1, 0)), grant(2, Role::Owner), &[base]);
    let state = stage.settled_from(mark);
    assert_eq!((state.void_reason(&forged), state.role(&user(2, 0))), (Some(Reason::NotHome), None));
}

#[test]
fn a_later_appointment_is_senior_to_all_before_so_admins_can_always_rescue() {
    let mut stage = Stage::new(3, 39);
    let base = group_with(&mut stage, &[]);
    let group = stage.group.expect("a group");
    let first = stage.org_op(0, Some(user(0, 0)), ControlOp::AppointOwner(AppointOwner { group, user: user(1, 0) }));
    // A hostile appointed owner removes everybody, also those who are not members.
    stage.by(1, revoke(0), &[base, first]);
    stage.by(1, revoke(2), &[base, first]);
    let second = stage.org_op(0, Some(user(0, 0)), ControlOp::AppointOwner(AppointOwner { group, user: user(2, 0) }));
    assert_eq!(stage.group_state().role(&user(2, 0)), Some(Role::Owner));
    let ctl = [stage.heads(Scope::Group), vec![second]].concat();
    stage.by(2, revoke(1), &ctl);
    let state = stage.group_state();
    assert_eq!((state.role(&user(0, 0)), state.role(&user(1, 0))), (None, None));
    assert_eq!(state.role(&user(2, 0)), Some(Role::Owner));
}
