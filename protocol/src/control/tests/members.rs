//! Joining, leaving, changing the card, and groups whose members follow the registry.

use super::*;

#[test]
fn who_joins_an_open_group_is_a_member_and_a_closed_group_refuses() {
    for (access, expected) in [(Access::Open, Some(Role::Member)), (Access::Closed, None), (Access::Secret, None)] {
        let mut stage = Stage::new(2, 41);
        let base = stage.create(access);
        let mark = stage.entries.len();
        let joined = stage.by(1, ControlOp::Join, &[base]);
        let state = stage.settled_from(mark);
        assert_eq!(state.role(&user(1, 0)), expected);
        assert_eq!(state.void_reason(&joined), expected.map_or(Some(Reason::NotOpen), |_| None));
    }
}

#[test]
fn a_group_that_closes_keeps_who_joined_before_knowing() {
    let mut stage = Stage::new(3, 42);
    let base = stage.create(Access::Open);
    let mark = stage.entries.len();
    let closed = stage.by(0, edit_access(Access::Closed), &[base]);
    stage.by(1, ControlOp::Join, &[base]);
    stage.by(2, ControlOp::Join, &[closed]);
    let state = stage.settled_from(mark);
    assert_eq!((state.role(&user(1, 0)), state.role(&user(2, 0))), (Some(Role::Member), None));
    assert_eq!(state.check(&ControlOp::Join, user(2, 0)), Err(Reason::NotOpen));
}

#[test]
fn who_was_removed_joins_only_after_being_let_in_again() {
    let mut stage = Stage::new(3, 43);
    let base = stage.create(Access::Open);
    let facilitator = stage.by(0, grant(2, Role::Facilitator), &[base]);
    let joined = stage.by(1, ControlOp::Join, &[facilitator]);
    let mark = stage.entries.len();
    let removed = stage.by(2, revoke(1), &[joined]);
    let tried = stage.by(1, ControlOp::Join, &[removed]);
    let state = stage.settled_from(mark);
    assert_eq!((state.role(&user(1, 0)), state.void_reason(&tried)), (None, Some(Reason::Banned)));
    assert_eq!(state.may_now(&user(1, 0), Act::Join), Err(Reason::Banned));
    let again = stage.by(0, grant(1, Role::Guest), &[removed]);
    let left = stage.by(1, ControlOp::Leave, &[again, tried]);
    assert_eq!(stage.group_state().may_now(&user(1, 0), Act::Join), Ok(()));
    stage.by(1, ControlOp::Join, &[left]);
    assert_eq!(stage.settled_from(mark).role(&user(1, 0)), Some(Role::Member));
}

#[test]
fn a_join_concurrent_with_the_removal_is_void() {
    let mut stage = Stage::new(2, 44);
    let base = stage.create(Access::Open);
    let mark = stage.entries.len();
    stage.by(0, revoke(1), &[base]);
    stage.by(1, ControlOp::Join, &[base]);
    assert_eq!(stage.settled_from(mark).role(&user(1, 0)), None);
}

#[test]
fn a_facilitators_vain_removal_of_an_owner_bars_nobody() {
    let mut stage = Stage::new(3, 45);
    let base = stage.create(Access::Open);
    let owner = stage.by(0, grant(1, Role::Owner), &[base]);
    let facilitator = stage.by(0, grant(2, Role::Facilitator), &[owner]);
    let vain = stage.by(2, revoke(1), &[facilitator]);
    let left = stage.by(1, ControlOp::Leave, &[vain]);
    let mark = stage.entries.len();
    stage.by(1, ControlOp::Join, &[left]);
    let state = stage.settled_from(mark);
    assert_eq!((state.void_reason(&vain), state.role(&user(1, 0))), (Some(Reason::RoleTooLow), Some(Role::Member)));
}

#[test]
fn leaving_ends_what_was_seen_and_keeps_what_was_written() {
    let mut stage = Stage::new(3, 46);
    let base = stage.create(Access::Closed);
    let granted = stage.by(0, grant(1, Role::Facilitator), &[base]);
    let invited = stage.by(1, grant(2, Role::Member), &[granted]);
    let mark = stage.entries.len();
    let left = stage.by(1, ControlOp::Leave, &[granted]);
    let late = stage.by(0, grant(1, Role::Reader), &[invited]);
    let state = stage.settled_from(mark);
    assert_eq!(state.role(&user(1, 0)), Some(Role::Reader), "a grant that the leaver had not seen stays");
    assert_eq!(state.role(&user(2, 0)), Some(Role::Member));
    let history = stage.history(Scope::Group);
    let post = |ctl: &[EntryId]| state.standing(&history, &user(1, 0), ctl, Act::Post).verdict(&data_log(1), 5);
    assert_eq!(post(&[granted]), Verdict::Valid);
    assert_eq!(post(&[left, late]), Verdict::Void(Reason::Removed));
}

#[test]
fn an_owner_may_step_down() {
    let mut stage = Stage::new(2, 47);
    let base = stage.create(Access::Closed);
    let mark = stage.entries.len();
    let second = stage.by(0, grant(1, Role::Owner), &[base]);
    assert_eq!(stage.group_state().check(&grant(0, Role::Member), user(0, 0)), Ok(()));
    let down = stage.by(0, grant(0, Role::Member), &[second]);
    let late = stage.by(0, rename("late"), &[down]);
    let state = stage.settled_from(mark);
    assert_eq!((state.role(&user(0, 0)), state.void_reason(&down)), (Some(Role::Member), None));
    assert_eq!((state.name(), state.void_reason(&late)), ("group", Some(Reason::RoleTooLow)));
}

#[test]
fn two_who_invite_one_person_at_once_do_not_fight_but_lowering_wins_over_raising() {
    let mut stage = Stage::new(3, 48);
    let base = stage.create(Access::Closed);
    let base = stage.by(0, grant(1, Role::Owner), &[base]);
    let mark = stage.entries.len();
    let member = stage.by(0, grant(2, Role::Member), &[base]);
    let facilitator = stage.by(1, grant(2, Role::Facilitator), &[base]);
    assert_eq!(stage.settled_from(mark).role(&user(2, 0)), Some(Role::Facilitator));
    stage.by(0, grant(2, Role::Member), &[member, facilitator]);
    stage.by(1, grant(2, Role::Facilitator), &[member, facilitator]);
    assert_eq!(stage.settled_from(mark).role(&user(2, 0)), Some(Role::Member));
}

#[test]
fn of_concurrent_edits_the_senior_authors_counts_and_a_later_one_replaces_it() {
    let mut stage = Stage::new(2, 49);
    let base = stage.create(Access::Closed);
    let base = stage.by(0, grant(1, Role::Facilitator), &[base]);
    let mark = stage.entries.len();
    let junior = stage.by(1, rename("junior"), &[base]);
    let senior = stage.by(0, rename("senior"), &[base]);
    assert_eq!(stage.settled_from(mark).name(), "senior");
    stage.by(1, rename("later"), &[junior, senior]);
    assert_eq!(stage.settled_from(mark).name(), "later");
}

#[test]
fn everybody_is_in_the_general_group_and_nobody_joins_or_leaves_it() {
    let mut stage = Stage::new(3, 50);
    let base = stage.create_as(0, GroupKind::General, Access::Open, None);
    let granted = stage.by(0, grant(1, Role::Facilitator), &[base]);
    stage.register(2, 1);
    stage.org_op(2, None, ControlOp::UserDisable(UserOnly { user: user(2, 1) }));
    stage.register(2, 2);
    let mark = stage.entries.len();
    let left = stage.by(1, ControlOp::Leave, &[granted]);
    stage.by(1, ControlOp::Join, &[left]);
    stage.by(0, revoke(2), &[granted]);
    let state = stage.settled_from(mark);
    assert!(state.is_derived());
    let roles = [user(0, 0), user(1, 0), user(2, 0), user(2, 1), user(2, 2)].map(|user| state.role(&user));
    let member = Some(Role::Member);
    assert_eq!(roles, [Some(Role::Owner), member, member, None, member]);
    assert_eq!(state.sites().len(), 3);
    let ask = |user| state.standing(&stage.history(Scope::Group), &user, &stage.everything(), Act::Post);
    assert_eq!(ask(user(2, 2)).verdict(&data_log(2), 5), Verdict::Valid);
    assert_eq!(ask(user(2, 1)), Standing::Void(Reason::Disabled));
    assert_eq!(state.check(&ControlOp::Leave, user(2, 0)), Err(Reason::MembershipDerived));
    assert_eq!(state.check(&ControlOp::Join, user(2, 0)), Err(Reason::MembershipDerived));
    assert_eq!(state.check(&revoke(2), user(0, 0)), Err(Reason::MembershipDerived));
}

#[test]
fn a_place_group_is_of_its_sites_people_and_only_they_or_admins_create_it() {
    let mut stage = Stage::new(3, 51);
    stage.register(1, 1);
    let members = |stage: &Stage| stage.group_state().members().keys().copied().collect::<Vec<_>>();
    let mut own = stage.clone();
    own.create_as(1, GroupKind::Place, Access::Open, Some(site(1)));
    assert_eq!(members(&own), [user(1, 0), user(1, 1)]);
    let mut foreign = stage.clone();
    foreign.create_as(2, GroupKind::Place, Access::Open, Some(site(1)));
    assert!(!foreign.group_state().is_derived());
    assert_eq!(members(&foreign), [user(2, 0)]);
    let mut general = stage.clone();
    general.create_as(2, GroupKind::General, Access::Open, None);
    assert_eq!(members(&general), [user(2, 0)], "only admins enrol everybody");
    stage.create_as(0, GroupKind::Place, Access::Open, Some(site(1)));
    assert_eq!(members(&stage), [user(0, 0), user(1, 0), user(1, 1)]);
}

#[test]
fn a_disabled_member_has_no_role_until_enabled_and_what_they_wrote_stays() {
    let mut stage = Stage::new(2, 52);
    let base = stage.create(Access::Closed);
    let granted = stage.by(0, grant(1, Role::Facilitator), &[base]);
    let disabled = stage.org_op(0, Some(user(0, 0)), ControlOp::UserDisable(UserOnly { user: user(1, 0) }));
    let state = stage.group_state();
    assert_eq!((state.role(&user(1, 0)), state.sites().len()), (None, 1));
    assert_eq!(state.may_now(&user(1, 0), Act::Read), Err(Reason::Disabled));
    let post = |ctl: &[EntryId]| {
        let standing = state.standing(&stage.history(Scope::Group), &user(1, 0), ctl, Act::Post);
        standing.verdict(&data_log(1), 5)
    };
    assert_eq!(post(&[granted]), Verdict::Valid);
    assert_eq!(post(&[granted, disabled]), Verdict::Void(Reason::Disabled));
    let vain = stage.by(1, rename("vain"), &[granted, disabled]);
    assert_eq!(stage.group_state().void_reason(&vain), Some(Reason::Disabled));
    stage.org_op(0, Some(user(0, 0)), ControlOp::UserEnable(UserOnly { user: user(1, 0) }));
    assert_eq!(stage.group_state().role(&user(1, 0)), Some(Role::Facilitator));
}

#[test]
fn what_check_allows_has_effect_and_what_it_refuses_has_none() {
    let mut stage = Stage::new(5, 53);
    let mut last = stage.create(Access::Open);
    for (n, role) in [(1, Role::Owner), (2, Role::Facilitator), (3, Role::Member)] {
        last = stage.by(0, grant(n, role), &[last]);
    }
    let roles = [Role::Owner, Role::Facilitator, Role::Member, Role::Reader, Role::Guest];
    let mut ops: Vec<ControlOp> = vec![ControlOp::Leave, ControlOp::Join, rename("x"), edit_access(Access::Secret)];
    ops.extend((0..5).map(revoke));
    ops.extend((0..5).flat_map(|n| roles.map(|role| grant(n, role))));
    let before = stage.group_state();
    for actor in 0..5 {
        for op in &ops {
            let mut after = stage.clone();
            let id = after.by(actor, op.clone(), &[last]);
            let after = after.group_state();
            let effect =
                (after.members(), after.name(), after.access()) != (before.members(), before.name(), before.access());
            assert_eq!(before.check(op, user(actor, 0)).is_ok(), effect, "{actor} {op:?} {:?}", after.void_reason(&id));
        }
    }
}

#[test]
fn what_is_said_again_is_judged_as_having_seen_what_it_says_again() {
    let mut stage = Stage::new(2, 48);
    let base = stage.create(Access::Closed);
    let mark = stage.entries.len();
    // Ann lets Ben in and steps down. Not knowing that this was heard she says both again in another log, with a frontier
    // that cannot name what may be lost.
    let first = stage.by(0, grant(1, Role::Member), &[base]);
    let second = stage.by(0, grant(0, Role::Member), &[first]);
    stage.tails.remove(&(Scope::Group, node(0)));
    let first_again = stage.by(0, grant(1, Role::Member), &[base]);
    let second_again = stage.by(0, grant(0, Role::Member), &[first_again]);
    for (copy, original) in [(first_again, first), (second_again, second)] {
        let entry = stage.entries.iter_mut().find(|(_, entry)| entry.id == copy).expect("written");
        entry.1.again = Some(original);
    }
    let state = stage.settled_from(mark);
    assert_eq!((state.role(&user(0, 0)), state.role(&user(1, 0))), (Some(Role::Member), Some(Role::Member)));
    // Where only the copies arrive it is the same.
    stage.entries.retain(|(_, entry)| ![first, second].contains(&entry.id));
    let state = stage.group_state();
    assert_eq!((state.role(&user(0, 0)), state.role(&user(1, 0))), (Some(Role::Member), Some(Role::Member)));
}

#[test]
fn of_what_was_said_again_twice_one_is_judged_as_having_seen_the_other() {
    let mut stage = Stage::new(2, 49);
    let base = stage.create(Access::Closed);
    let mark = stage.entries.len();
    // As above, but Ann says it again twice, and nobody holds what she said first.
    let first = stage.by(0, grant(1, Role::Member), &[base]);
    let second = stage.by(0, grant(0, Role::Member), &[first]);
    for _ in 0..2 {
        stage.tails.remove(&(Scope::Group, node(0)));
        let first_again = stage.by(0, grant(1, Role::Member), &[base]);
        let second_again = stage.by(0, grant(0, Role::Member), &[first_again]);
        for (copy, original) in [(first_again, first), (second_again, second)] {
            let entry = stage.entries.iter_mut().find(|(_, entry)| entry.id == copy).expect("written");
            entry.1.again = Some(original);
        }
    }
    stage.entries.retain(|(_, entry)| ![first, second].contains(&entry.id));
    let state = stage.settled_from(mark);
    assert_eq!((state.role(&user(0, 0)), state.role(&user(1, 0))), (Some(Role::Member), Some(Role::Member)));
}
