//! The scenarios of §2.6 that concern sites, nodes and people.

use super::*;

fn disable(n: u8) -> ControlOp {
    ControlOp::UserDisable(UserOnly { user: user(n, 0) })
}

fn enable(n: u8) -> ControlOp {
    ControlOp::UserEnable(UserOnly { user: user(n, 0) })
}

fn revoke_node(n: u8, cuts: Vec<Cut>) -> ControlOp {
    ControlOp::NodeRevoke(NodeRevoke { node: node(n), cuts, reason: None })
}

fn register_op(n: u8, m: u8) -> ControlOp {
    ControlOp::UserRegister(UserAt { user: user(n, m), site: site(n) })
}

fn rehome(n: u8, to: u8) -> ControlOp {
    ControlOp::UserRehome(UserMove { user: user(n, 0), site: site(to), cuts: Vec::new() })
}

const ADMIN: fn(u8) -> Option<UserId> = |n| Some(user(n, 0));

impl Stage {
    /// The cut at the newest entry of a node's log of the organisation.
    fn cut_now(&self, n: u8) -> Cut {
        let tail = &self.tails[&(Scope::Org, node(n))];
        Cut { log: tail.log, seq: tail.seq, id: tail.id }
    }

    /// From now on the node writes into another log: a new incarnation, or a branch dated back.
    fn new_log(&mut self, scope: Scope, n: u8) {
        self.tails.remove(&(scope, node(n)));
    }
}

#[test]
fn the_founding_names_the_first_site_node_and_admin() {
    let stage = Stage::new(2, 60);
    let org = stage.org_settled_from(0);
    assert_eq!((org.name(), org.admins().collect::<Vec<_>>()), ("Example", vec![user(0, 0)]));
    assert_eq!(org.recovery_keys().len(), 3);
    assert_eq!(org.sites()[&site(0)].name, "site 0");
    assert_eq!((org.site_of_node(&node(1)), org.nodes()[&node(0)].sealing), (Some(site(1)), [1; 32]));
    assert_eq!(org.connectable().collect::<Vec<_>>(), [node(0), node(1)]);
    assert_eq!(org.user(&user(1, 0)).map(|user| (user.site, user.active)), Some((site(1), true)));
    assert!(org.voids().is_empty());
}

#[test]
fn only_an_admin_at_home_admits() {
    let mut stage = Stage::new(2, 61);
    let base = stage.heads(Scope::Org);
    let mark = stage.entries.len();
    let tries = [
        (node(1), ADMIN(1), Reason::NotAdmin),
        (node(1), ADMIN(0), Reason::NotHome),
        (node(1), None, Reason::NotAdmin),
        (node(9), ADMIN(0), Reason::UnknownNode),
    ];
    for (by, actor, reason) in tries {
        let id = stage.write(Scope::Org, by, actor, admission(5), &base);
        assert_eq!(stage.org_state().void_reason(&id), Some(reason));
        assert_eq!(stage.org_state().check(&admission(5), actor, &by), Err(reason));
    }
    assert!(!stage.org_settled_from(mark).knows_node(&node(5)));
    assert_eq!(stage.org_state().check(&admission(5), ADMIN(0), &node(0)), Ok(()));
    assert_eq!(stage.org_state().check(&admission(1), ADMIN(0), &node(0)), Err(Reason::AlreadyThere));
}

#[test]
fn any_node_of_a_site_registers_its_people_and_none_of_anothers() {
    let mut stage = Stage::new(3, 62);
    let second = NodeAdmit { node: node(7), sealing: [7; 32], site: site(1), ticket: TicketId([7; 16]), caps: None };
    stage.org_op(0, ADMIN(0), ControlOp::NodeAdmit(second));
    let base = stage.heads(Scope::Org);
    let mark = stage.entries.len();
    stage.write(Scope::Org, node(7), ADMIN(1), register_op(1, 5), &base);
    let foreign = stage.write(Scope::Org, node(2), None, register_op(1, 6), &base);
    let org = stage.org_settled_from(mark);
    assert!(org.user(&user(1, 5)).is_some() && org.user(&user(1, 6)).is_none());
    assert_eq!(org.void_reason(&foreign), Some(Reason::NotHome));
}

#[test]
fn a_site_is_named_by_admins_and_by_its_own_nodes_only_and_a_new_one_before_it_has_a_node() {
    let mut stage = Stage::new(3, 63);
    let named =
        |n: u8, name: &str| ControlOp::SiteSet(SiteSet { site: site(n), name: name.into(), company: String::new() });
    let mark = stage.entries.len();
    stage.org_op(0, ADMIN(0), named(4, "to come"));
    stage.org_op(1, ADMIN(1), named(1, "own"));
    let foreign = stage.org_op(1, ADMIN(1), named(2, "foreign"));
    let org = stage.org_settled_from(mark);
    assert_eq!((&*org.sites()[&site(4)].name, &*org.sites()[&site(1)].name), ("to come", "own"));
    assert_eq!((&*org.sites()[&site(2)].name, org.void_reason(&foreign)), ("", Some(Reason::NotAdmin)));
    stage.org_op(0, ADMIN(0), named(1, "by the admin"));
    assert_eq!(stage.org_settled_from(mark).sites()[&site(1)].name, "by the admin");
}

#[test]
fn disabling_wins_over_concurrent_enabling() {
    let mut stage = Stage::new(3, 64);
    let mark = stage.entries.len();
    let first = stage.org_op(1, ADMIN(1), disable(1));
    assert!(!stage.org_settled_from(mark).user(&user(1, 0)).expect("known").active);
    stage.write(Scope::Org, node(1), None, enable(1), &[first]);
    let again = stage.write(Scope::Org, node(0), ADMIN(0), disable(1), &[first]);
    let org = stage.org_settled_from(mark);
    assert!(!org.user(&user(1, 0)).expect("known").active);
    assert_eq!(org.check(&disable(1), None, &node(1)), Err(Reason::AlreadyThere));
    assert_eq!(org.check(&enable(1), ADMIN(2), &node(2)), Err(Reason::NotAdmin));
    stage.org_op(1, None, enable(1));
    assert!(stage.org_settled_from(mark).user(&user(1, 0)).expect("known").active);
    assert!(stage.org_state().voids().keys().all(|id| *id != again));
}

#[test]
fn of_concurrent_moves_the_lower_counts_and_a_later_one_replaces_it() {
    let mut stage = Stage::with_admins(4, 65, 2);
    let base = stage.heads(Scope::Org);
    let mark = stage.entries.len();
    let a = stage.write(Scope::Org, node(0), ADMIN(0), rehome(2, 3), &base);
    let b = stage.write(Scope::Org, node(1), ADMIN(1), rehome(2, 1), &base);
    let height = |id| stage.history(Scope::Org).graph().get(&id).expect("here").height;
    let expected = if (height(a), a) < (height(b), b) { site(3) } else { site(1) };
    assert_eq!(stage.org_settled_from(mark).user(&user(2, 0)).expect("known").site, expected);
    stage.org_op(1, ADMIN(1), rehome(2, 0));
    assert_eq!(stage.org_settled_from(mark).user(&user(2, 0)).expect("known").site, site(0));
}

#[test]
fn s14_the_former_home_no_longer_speaks_for_a_person_once_the_move_is_known() {
    let mut stage = Stage::new(3, 66);
    let created = stage.create(Access::Closed);
    let granted = stage.by(0, grant(1, Role::Owner), &[created]);
    let moved = stage.org_op(0, ADMIN(0), rehome(1, 2));
    let mark = stage.entries.len();
    let old = stage.by(1, rename("by the old home"), &[granted, moved]);
    stage.write(Scope::Group, node(2), ADMIN(1), rename("by the new home"), &[granted, moved]);
    let state = stage.settled_from(mark);
    assert_eq!((state.name(), state.void_reason(&old)), ("by the new home", Some(Reason::NotHome)));
    assert_eq!(state.role(&user(1, 0)), Some(Role::Owner));
    let org = stage.org_state();
    let vouched = |n: u8, ctl: &[EntryId]| org.vouched(&node(n), &user(1, 0), ctl, (&data_log(n), 1));
    assert_eq!(vouched(1, &[moved]), Verdict::Void(Reason::NotHome));
    assert_eq!(vouched(2, &[moved]), Verdict::Valid);
    let before = stage.history(Scope::Org).get(&moved).expect("here").ctl.clone();
    assert_eq!(vouched(1, &before), Verdict::Valid, "what was written before stays");
}

#[test]
fn a_revoked_key_is_never_admitted_again_and_a_concurrent_admission_is_in_vain() {
    let mut stage = Stage::with_admins(2, 67, 2);
    let base = stage.heads(Scope::Org);
    let mark = stage.entries.len();
    stage.write(Scope::Org, node(0), ADMIN(0), admission(5), &base);
    stage.write(Scope::Org, node(1), ADMIN(1), revoke_node(5, Vec::new()), &base);
    let org = stage.org_settled_from(mark);
    assert_eq!(org.nodes()[&node(5)].status, super::super::registry::NodeStatus::Revoked);
    assert!(org.connectable().all(|one| one != node(5)));
    let again = stage.org_op(0, ADMIN(0), admission(5));
    assert_eq!(stage.org_settled_from(mark).void_reason(&again), Some(Reason::KeySpent));
}

#[test]
fn s15_s16_of_a_revoked_node_exactly_what_lies_within_the_cut_counts() {
    let mut stage = Stage::new(3, 68);
    let within = stage.register(1, 1);
    let seen = stage.heads(Scope::Org);
    let cut = stage.cut_now(1);
    let mark = stage.entries.len();
    let beyond = stage.register(1, 2);
    stage.write(Scope::Org, node(0), ADMIN(0), revoke_node(1, vec![cut]), &seen);
    let knowing = stage.register(1, 3);
    let org = stage.org_settled_from(mark);
    assert_eq!(org.void_reason(&within), None);
    for id in [beyond, knowing] {
        assert_eq!(org.void_reason(&id), Some(Reason::NodeRevoked));
    }
    assert!(org.user(&user(1, 1)).is_some() && org.user(&user(1, 2)).is_none());
    assert_eq!(org.check(&register_op(1, 4), None, &node(1)), Err(Reason::NodeRevoked));
}

#[test]
fn a_machine_that_is_retired_without_cuts_keeps_what_it_registered() {
    let mut stage = Stage::new(2, 69);
    let seen = stage.heads(Scope::Org);
    let mark = stage.entries.len();
    let unseen = stage.register(1, 2);
    stage.write(Scope::Org, node(0), ADMIN(0), revoke_node(1, Vec::new()), &seen);
    assert_eq!(stage.org_settled_from(mark).void_reason(&unseen), None);
}

#[test]
fn what_an_admin_did_on_a_revoked_node_unseen_is_void_even_in_a_new_log_dated_back() {
    let mut stage = Stage::with_admins(3, 70, 2);
    let seen = stage.heads(Scope::Org);
    let mark = stage.entries.len();
    stage.write(Scope::Org, node(0), ADMIN(0), revoke_node(1, Vec::new()), &seen);
    stage.new_log(Scope::Org, 1);
    let admitted = stage.write(Scope::Org, node(1), ADMIN(1), admission(6), &seen);
    let through = stage.write(Scope::Org, node(6), None, register_op(6, 0), &[admitted]);
    let org = stage.org_settled_from(mark);
    assert_eq!(org.void_reason(&admitted), Some(Reason::NodeRevoked));
    assert_eq!(org.void_reason(&through), Some(Reason::UnknownNode), "nor does what rests on it count");
    assert!(!org.knows_node(&node(6)));
}

#[test]
fn of_two_nodes_that_revoke_each_other_the_senior_stays() {
    let mut stage = Stage::with_admins(3, 71, 2);
    let seen = stage.heads(Scope::Org);
    let mark = stage.entries.len();
    stage.write(Scope::Org, node(0), ADMIN(0), revoke_node(1, Vec::new()), &seen);
    stage.new_log(Scope::Org, 1);
    let back = stage.write(Scope::Org, node(1), ADMIN(1), revoke_node(0, Vec::new()), &seen);
    let third = stage.write(Scope::Org, node(1), ADMIN(1), revoke_node(2, Vec::new()), &seen);
    let org = stage.org_settled_from(mark);
    assert_eq!(org.connectable().collect::<Vec<_>>(), [node(0), node(2)]);
    assert_eq!(
        (org.void_reason(&back), org.void_reason(&third)),
        (Some(Reason::NodeRevoked), Some(Reason::NodeRevoked))
    );
}

#[test]
fn with_three_admins_two_must_revoke_a_node() {
    let mut stage = Stage::with_admins(4, 72, 3);
    let mark = stage.entries.len();
    stage.org_op(0, ADMIN(0), revoke_node(3, Vec::new()));
    assert_eq!(stage.org_settled_from(mark).connectable().count(), 4);
    stage.org_op(1, ADMIN(1), revoke_node(3, Vec::new()));
    assert_eq!(stage.org_settled_from(mark).connectable().count(), 3);
}

#[test]
fn suspending_is_undone_by_resuming_that_knows_it_and_voids_nothing() {
    use super::super::registry::NodeStatus;
    let mut stage = Stage::new(2, 73);
    let mark = stage.entries.len();
    let only = NodeOnly { node: node(1) };
    stage.org_op(0, ADMIN(0), ControlOp::NodeSuspend(only.clone()));
    stage.register(1, 4);
    let org = stage.org_settled_from(mark);
    assert_eq!(org.nodes()[&node(1)].status, NodeStatus::Suspended);
    assert!(org.user(&user(1, 4)).is_some() && org.connectable().any(|one| one == node(1)));
    stage.org_op(0, ADMIN(0), ControlOp::NodeResume(only));
    assert_eq!(stage.org_settled_from(mark).nodes()[&node(1)].status, NodeStatus::Admitted);
}

#[test]
fn a_site_cannot_take_over_a_person_of_a_junior_site_whom_others_have_seen() {
    let mut stage = Stage::new(4, 74);
    let early = stage.entries[3].1.id;
    // Site 2 registers a person; site 3 writes something, having seen it; then the senior site 1 claims the person.
    stage.register(2, 5);
    stage.register(3, 5);
    let mark = stage.entries.len();
    stage.new_log(Scope::Org, 1);
    let admitted = stage
        .entries
        .iter()
        .find(|(_, entry)| matches!(&entry.op, ControlOp::NodeAdmit(admit) if admit.node == node(1)));
    let admitted = admitted.expect("admitted").1.id;
    assert_ne!(early, admitted);
    let claim = ControlOp::UserRegister(UserAt { user: user(2, 5), site: site(1) });
    stage.write(Scope::Org, node(1), None, claim, &[admitted]);
    assert_eq!(stage.org_settled_from(mark).user(&user(2, 5)).expect("known").site, site(2));
}

#[test]
fn group_operations_have_no_place_in_the_organisation_and_change_nothing_there() {
    let mut stage = Stage::new(2, 75);
    let mark = stage.entries.len();
    let ids = [grant(1, Role::Owner), revoke(1), ControlOp::Leave, rename("x"), ControlOp::Unknown(0x0150)]
        .map(|op| stage.org_op(0, ADMIN(0), op));
    let org = stage.org_settled_from(mark);
    for id in &ids[..4] {
        assert_eq!(org.void_reason(id), Some(Reason::Misplaced));
    }
    assert_eq!(org.void_reason(&ids[4]), Some(Reason::Unsupported));
}

#[test]
fn organisation_operations_have_no_place_in_a_group() {
    let mut stage = Stage::new(2, 76);
    let base = stage.create(Access::Closed);
    let before = stage.org_state();
    let mark = stage.entries.len();
    let ids = [admission(7), disable(1), revoke_node(1, Vec::new()), rehome(1, 0)].map(|op| stage.by(0, op, &[base]));
    let state = stage.settled_from(mark);
    for id in ids {
        assert_eq!(state.void_reason(&id), Some(Reason::Misplaced));
    }
    delivery::assert_same_org(&stage.org_state(), &before);
}
