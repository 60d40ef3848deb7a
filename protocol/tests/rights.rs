//! Rights at the engine's door, with several engines: removals and who has confirmed them, policies, suspension and the
//! lifeline, revocation, moves, appointments, other admins, what was not delivered.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "here the organisation is founded with a key that is known")]
mod world;

use protocol::clock::{Hlc, Millis};
use protocol::codec;
use protocol::control::constitution::revision_id;
use protocol::control::op::{
    Access, Class, Constitution, ConstitutionSignature, ConstitutionSigned, ControlOp, GroupKind, Guests, LogOpen,
    Policy, Posting, Role,
};
use protocol::control::registry::NodeStatus;
use protocol::engine::effect::{Answer, Notice, Refusal};
use protocol::engine::input::{Command, Input, Rights};
use protocol::engine::query::{RemovalView, UndeliveredView};
use protocol::entry::batch::{self, Signatures};
use protocol::entry::{Body, Entry, Header};
use protocol::ids::{EntryId, GroupId, ScopeId, UserId};
use protocol::keys::{Context, SecretKey};
use protocol::sync::message::Request;
use world::World;

fn post(group: GroupId, text: &str) -> Command {
    Command::CreatePost { group, title: String::new(), text: text.into(), attachments: Vec::new() }
}

fn policy(group: GroupId, post: Posting, guests: Guests) -> Command {
    let policy = Some(Policy { post, guests });
    Command::EditGroup { group, name: None, purpose: None, access: None, policy }
}

fn refused(answer: Answer, refusal: Refusal) {
    assert_eq!(answer, Answer::Refused(refusal));
}

/// Ann's signing key.
const FOUNDER: [u8; 32] = [40; 32];

/// The recovery keys, of which two are needed.
const RECOVERY: [[u8; 32]; 3] = [[51; 32], [52; 32], [53; 32]];

fn found(world: &mut World, at: usize) -> UserId {
    let admin = UserId(world.random());
    let command = Command::CreateOrganisation {
        name: "Habitat Ouest".into(),
        site: world.sites[at].site,
        site_name: "Angers".into(),
        company: String::new(),
        admin,
        admin_name: "Ann".into(),
        admin_key: SecretKey::from_seed(&FOUNDER).public().0,
        admin_secret: FOUNDER,
        recovery: RECOVERY.map(|seed| SecretKey::from_seed(&seed).public().0).to_vec(),
    };
    assert!(matches!(world.ask(at, None, command), Answer::Done { .. }), "the organisation is founded");
    admin
}

/// A site each for Ann, who founds, Ben and Eve; a closed group of all three with Ann as owner.
struct Three {
    world: World,
    ann: UserId,
    ben: UserId,
    eve: UserId,
    group: GroupId,
}

impl Three {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let (a, b, c) = (world.add_site(), world.add_site(), world.add_site());
        let ann = found(&mut world, a);
        let ben = world.admit(a, ann, b, "Ben");
        let eve = world.admit(a, ann, c, "Eve");
        let create = Command::CreateGroup {
            name: "Toitures".into(),
            purpose: "Share what works".into(),
            kind: GroupKind::Trade,
            access: Access::Closed,
        };
        let group = GroupId::from(world.done(a, ann, create));
        world.connect_all();
        world.deliver();
        world.pass(3);
        world.done(a, ann, Command::Grant { group, users: vec![ben, eve], role: Role::Member });
        world.deliver();
        world.pass(3);
        Self { world, ann, ben, eve, group }
    }

    fn rights(&mut self, at: usize, actor: UserId, wish: Rights) -> Answer {
        self.world.ask(at, Some(actor), Command::Rights(wish))
    }

    fn undelivered(&self, at: usize, user: UserId) -> Vec<UndeliveredView> {
        self.world.read(at, |reader| reader.undelivered(user))
    }

    fn removals(&self) -> Vec<RemovalView> {
        self.world.read(0, |reader| reader.group_removals(self.ann, self.group)).expect("Ann may ask")
    }

    fn heal(&mut self) {
        self.world.connect_all();
        self.world.deliver();
        self.world.pass(4);
    }
}

#[test]
fn s20_a_post_written_offline_under_a_policy_not_known_is_shown_as_not_delivered_and_sending_it_again_is_refused() {
    let mut three = Three::new(20);
    let (ann, ben, group) = (three.ann, three.ben, three.group);
    three.world.done(1, ben, post(group, "seen"));
    three.world.deliver();
    three.world.isolate(1);
    three.world.done(0, ann, policy(group, Posting::Facilitators, Guests::Comment));
    let lost = three.world.done(1, ben, post(group, "offline"));
    three.heal();
    for (at, who) in [(0, ann), (1, ben), (2, three.eve)] {
        assert_eq!(three.world.feed(at, who, group), ["seen"]);
    }
    let list = three.undelivered(1, ben);
    assert_eq!(list.iter().map(|view| view.id).collect::<Vec<_>>(), [lost]);
    assert_eq!((&*list[0].reason, &*list[0].text, list[0].can_resend), ("policy_forbids", "offline", false));
    assert!(three.world.sites[1].notices.contains(&Notice::NotDelivered { user: ben }));
    let answer = three.rights(1, ben, Rights::Resend(lost));
    refused(answer, Refusal::PolicyForbids);
    refused(three.world.ask(1, Some(ben), post(group, "again")), Refusal::PolicyForbids);
    assert!(three.undelivered(0, ann).is_empty());
    // The owner widens: what is written again counts.
    three.world.done(0, ann, policy(group, Posting::Members, Guests::Comment));
    three.heal();
    assert!(three.undelivered(1, ben)[0].can_resend);
    let Answer::Done { .. } = three.rights(1, ben, Rights::Resend(lost)) else { panic!("it may be sent again") };
    three.heal();
    assert_eq!(three.world.feed(0, ann, group), ["offline", "seen"]);
    let foreign = three.rights(1, three.eve, Rights::Resend(lost));
    refused(foreign, Refusal::Forbidden);
}

#[test]
fn only_owners_change_the_policy_and_guests_read_when_it_says_so() {
    let mut three = Three::new(21);
    let (ann, ben, eve, group) = (three.ann, three.ben, three.eve, three.group);
    refused(three.world.ask(1, Some(ben), policy(group, Posting::Facilitators, Guests::Read)), Refusal::Forbidden);
    three.world.done(0, ann, Command::Grant { group, users: vec![ben], role: Role::Facilitator });
    three.world.done(0, ann, Command::Grant { group, users: vec![eve], role: Role::Guest });
    let id = three.world.done(0, ann, post(group, "one"));
    three.heal();
    refused(three.world.ask(1, Some(ben), policy(group, Posting::Facilitators, Guests::Read)), Refusal::Forbidden);
    three.world.done(2, eve, Command::CreateComment { post: id, text: "as guest".into() });
    three.world.done(0, ann, policy(group, Posting::Members, Guests::Read));
    three.heal();
    let comment = Command::CreateComment { post: id, text: "no more".into() };
    refused(three.world.ask(2, Some(eve), comment), Refusal::PolicyForbids);
    let may = three.world.read(0, |reader| reader.group(ann, group)).expect("hers").may;
    assert!(may.change_policy && !may.appoint);
    let may = three.world.read(1, |reader| reader.group(ben, group)).expect("his").may;
    assert!(!may.change_policy && may.post);
}

#[test]
fn a_removal_is_confirmed_by_each_site_that_states_to_hold_it_and_what_others_held_is_not_cut() {
    let mut three = Three::new(22);
    let (ann, ben, eve, group) = (three.ann, three.ben, three.eve, three.group);
    three.world.done(1, ben, post(group, "before"));
    three.heal();
    // Ben's next post reaches Eve's site, not Ann's, before Ann removes him.
    three.world.cut(0, 1);
    three.world.cut(0, 2);
    three.world.done(1, ben, post(group, "held by Eve"));
    three.world.deliver();
    three.world.isolate(1);
    three.world.done(1, ben, post(group, "held by nobody"));
    three.world.done(0, ann, Command::Revoke { group, users: vec![ben] });
    let [removal] = &three.removals()[..] else { panic!("one removal") };
    assert_eq!((removal.person, removal.by, removal.in_force), (Some(ben), Some(ann), true));
    let confirmed = |three: &Three| -> Vec<bool> {
        let sites = [0, 1, 2].map(|at| three.world.sites[at].site);
        let lines = three.removals()[0].sites.clone();
        sites.iter().map(|site| lines.iter().any(|line| line.site == *site && line.received)).collect()
    };
    assert_eq!(confirmed(&three), [true, false, false]);
    three.world.connect(0, 2);
    three.world.deliver();
    three.world.pass(4);
    assert_eq!(confirmed(&three), [true, false, true], "Eve's site has stated it, Ben's not");
    three.heal();
    for (at, who) in [(0, ann), (2, eve)] {
        assert_eq!(three.world.feed(at, who, group), ["held by Eve", "before"], "site {at}");
    }
    let list = three.undelivered(1, ben);
    assert_eq!(list.iter().map(|view| &*view.text).collect::<Vec<_>>(), ["held by nobody"]);
    assert_eq!((&*list[0].reason, list[0].can_resend), ("removed", false));
    assert!(three.world.read(1, |reader| reader.group(ben, group)).is_some_and(|view| view.role.is_none()));
}

#[test]
fn s09_keeping_all_brings_back_what_had_arrived_beyond_the_cut() {
    let mut three = Three::new(23);
    let (ann, ben, group) = (three.ann, three.ben, three.group);
    three.world.done(1, ben, post(group, "before"));
    three.world.deliver();
    three.world.pass(2);
    // Eve's site has nobody who says what it held: only Ann's and Ben's sites remain connected.
    three.world.isolate(1);
    three.world.isolate(2);
    three.world.done(1, ben, post(group, "unseen"));
    let removal = three.world.done(0, ann, Command::Revoke { group, users: vec![ben] });
    three.heal();
    assert_eq!(three.world.feed(0, ann, group), ["before"]);
    let refusal = three.rights(2, three.eve, Rights::KeepAll { group, removal });
    refused(refusal, Refusal::Forbidden);
    let unknown = three.rights(0, ann, Rights::KeepAll { group, removal: EntryId([7; 32]) });
    refused(unknown, Refusal::NotFound);
    let Answer::Done { .. } = three.rights(0, ann, Rights::KeepAll { group, removal }) else { panic!("an owner may") };
    assert_eq!(three.removals()[0].not_counted, 0);
}

#[test]
fn a_suspended_node_gets_the_registry_and_nothing_else_until_it_is_resumed() {
    let mut three = Three::new(24);
    let (ann, ben, eve, group) = (three.ann, three.ben, three.eve, three.group);
    let node = three.world.node(1);
    let own = three.world.node(0);
    let by_ben = three.rights(1, ben, Rights::SuspendNode(three.world.node(2)));
    refused(by_ben, Refusal::Forbidden);
    let oneself = three.rights(0, ann, Rights::SuspendNode(own));
    refused(oneself, Refusal::Invalid);
    let idle = three.rights(0, ann, Rights::ResumeNode(node));
    refused(idle, Refusal::AlreadyThere);
    let Answer::Done { .. } = three.rights(0, ann, Rights::SuspendNode(node)) else { panic!("an admin may") };
    let again = three.rights(0, ann, Rights::SuspendNode(node));
    refused(again, Refusal::AlreadyThere);
    assert!(three.world.sites[0].confined.contains(&node));
    three.world.done(0, ann, post(group, "not for Ben's site"));
    three.world.done(1, ben, post(group, "held back"));
    let fay = UserId([9; 16]);
    let register = Command::RegisterUser { user: fay, name: "Fay".into(), title: String::new() };
    three.world.done(0, ann, register);
    three.world.deliver();
    three.world.pass(5);
    assert!(three.world.feed(1, ben, group).iter().all(|text| text != "not for Ben's site"));
    assert_eq!(three.world.feed(0, ann, group), ["not for Ben's site"]);
    assert_eq!(three.world.feed(2, eve, group), ["not for Ben's site"]);
    let at_ben = three.world.sites[1].engine.view();
    let org = at_ben.org_state().expect("joined");
    assert_eq!(org.nodes()[&node].status, NodeStatus::Suspended, "it learns of its suspension over the lifeline");
    assert!(org.user(&fay).is_some(), "and of everything else in the registry");
    let site = three.world.sites[1].site;
    let shown = three.world.read(0, |reader| reader.sites()).into_iter().find(|shown| shown.id == site);
    assert!(shown.is_some_and(|shown| shown.suspended && !shown.removed));
    let Answer::Done { .. } = three.rights(0, ann, Rights::ResumeNode(node)) else { panic!("an admin may") };
    three.heal();
    three.world.pass(70);
    for (at, who) in [(0, ann), (1, ben), (2, eve)] {
        let mut feed = three.world.feed(at, who, group);
        feed.sort();
        assert_eq!(feed, ["held back", "not for Ben's site"], "nothing was lost by it: site {at}");
    }
}

#[test]
fn s15_a_revoked_node_is_cut_off_and_exactly_what_others_held_of_it_stays() {
    let mut three = Three::new(25);
    let (ann, ben, eve, group) = (three.ann, three.ben, three.eve, three.group);
    let node = three.world.node(1);
    three.world.done(1, ben, post(group, "before"));
    three.heal();
    three.world.cut(0, 1);
    three.world.cut(0, 2);
    three.world.done(1, ben, post(group, "held by Eve"));
    three.world.deliver();
    three.world.isolate(1);
    three.world.done(1, ben, post(group, "held by nobody"));
    let wish = || Rights::RevokeNode { node, reason: " Stolen ".into() };
    let by_ben = three.rights(2, eve, wish());
    refused(by_ben, Refusal::Forbidden);
    let Answer::Done { .. } = three.rights(0, ann, wish()) else { panic!("the only admin may") };
    assert!(!three.world.sites[0].allowed.contains(&node), "its connections end at once");
    let again = three.rights(0, ann, wish());
    refused(again, Refusal::AlreadyThere);
    three.heal();
    for (at, who) in [(0, ann), (2, eve)] {
        assert_eq!(three.world.feed(at, who, group), ["held by Eve", "before"], "site {at}");
        assert!(!three.world.sites[at].allowed.contains(&node));
    }
    let removals = three.world.read(0, |reader| reader.node_removals());
    let [removal] = &removals[..] else { panic!("one removal") };
    assert_eq!((removal.node, &*removal.reason, removal.in_force, removal.needed), (Some(node), "Stolen", true, 1));
    let eves = three.world.sites[2].site;
    assert!(removal.sites.iter().any(|line| line.site == eves && line.received));
    let site = three.world.sites[1].site;
    let shown = three.world.read(0, |reader| reader.sites()).into_iter().find(|shown| shown.id == site);
    assert!(shown.is_some_and(|shown| shown.removed && !shown.suspended));
}

#[test]
fn s14_a_person_who_moves_writes_at_the_new_home_and_no_more_at_the_old() {
    let mut three = Three::new(26);
    let (ann, ben, eve, group) = (three.ann, three.ben, three.eve, three.group);
    let (home, new) = (three.world.sites[1].site, three.world.sites[2].site);
    three.world.done(1, ben, post(group, "at home"));
    three.world.deliver();
    let not_admin = three.rights(2, eve, Rights::Rehome { user: ben, site: new });
    refused(not_admin, Refusal::Forbidden);
    let same = three.rights(0, ann, Rights::Rehome { user: ben, site: home });
    refused(same, Refusal::AlreadyThere);
    // The old home does not hear of it and goes on writing.
    three.world.isolate(1);
    let Answer::Done { .. } = three.rights(0, ann, Rights::Rehome { user: ben, site: new }) else { panic!("she may") };
    three.world.deliver();
    three.world.pass(3);
    three.world.done(1, ben, post(group, "dated back"));
    three.world.done(2, ben, post(group, "at the new home"));
    three.heal();
    for (at, who) in [(0, ann), (2, ben)] {
        assert_eq!(three.world.feed(at, who, group), ["at the new home", "at home"], "site {at}");
    }
    refused(three.world.ask(1, Some(ben), post(group, "again")), Refusal::Forbidden);
    assert_eq!(three.world.read(0, |reader| reader.person(ben)).map(|person| person.site), Some(new));
}

#[test]
fn s25_an_admin_appoints_an_owner_even_of_a_group_whose_last_owner_left() {
    let mut three = Three::new(27);
    let (ann, ben, eve, group) = (three.ann, three.ben, three.eve, three.group);
    three.world.done(0, ann, Command::LeaveGroup(group));
    three.heal();
    let by_eve = three.rights(2, eve, Rights::Appoint { group, user: eve });
    refused(by_eve, Refusal::Forbidden);
    let nowhere = three.rights(0, ann, Rights::Appoint { group: GroupId([3; 32]), user: ben });
    refused(nowhere, Refusal::NotFound);
    let Answer::Done { .. } = three.rights(0, ann, Rights::Appoint { group, user: ben }) else { panic!("she may") };
    three.heal();
    for at in [1, 2] {
        let members = three.world.read(at, |reader| reader.members(eve, group)).expect("Eve is in");
        assert!(members.iter().any(|member| member.user == ben && member.role == Role::Owner), "all members see it");
    }
    three.world.done(1, ben, policy(group, Posting::Facilitators, Guests::Read));
    let again = three.rights(0, ann, Rights::Appoint { group, user: ben });
    refused(again, Refusal::AlreadyThere);
}

#[test]
fn s31_two_of_three_admins_remove_the_one_who_suspended_all_over_the_lifeline() {
    let mut three = Three::new(31);
    let (ann, ben, eve, group) = (three.ann, three.ben, three.eve, three.group);
    let secrets: [[u8; 32]; 2] = [[41; 32], [42; 32]];
    for (at, user) in [(1, ben), (2, eve)] {
        let key = SecretKey::from_seed(&secrets[at - 1]).public().0;
        let Answer::Done { .. } = three.rights(at, user, Rights::TellKey(key)) else { panic!("a home may") };
        assert_eq!(three.rights(at, user, Rights::TellKey(key)), Answer::Nothing);
    }
    three.heal();
    let founder = FOUNDER;
    let propose = |admins: Vec<UserId>, threshold, secret| Rights::Propose { admins, threshold, secret };
    let by_ben = three.rights(1, ben, propose(vec![ben], 1, secrets[0]));
    refused(by_ben, Refusal::Forbidden);
    let wrong_key = three.rights(0, ann, propose(vec![ann, ben, eve], 2, secrets[0]));
    refused(wrong_key, Refusal::KeyMissing);
    let low = three.rights(0, ann, propose(vec![ann, ben, eve], 1, founder));
    refused(low, Refusal::Invalid);
    let Answer::Done { .. } = three.rights(0, ann, propose(vec![ann, ben, eve], 2, founder)) else { panic!("alone") };
    three.heal();
    assert!(three.world.read(2, |reader| reader.person(eve)).is_some_and(|person| person.admin));
    // Ann goes rogue.
    for at in [1, 2] {
        let node = three.world.node(at);
        let Answer::Done { .. } = three.rights(0, ann, Rights::SuspendNode(node)) else { panic!("one admin may") };
    }
    three.world.deliver();
    three.world.pass(3);
    let Answer::Done { .. } = three.rights(1, ben, propose(vec![ben, eve], 1, secrets[0])) else { panic!("he may") };
    three.world.deliver();
    three.world.pass(3);
    let proposal = three.world.read(2, |reader| reader.constitution()).expect("there is one").proposals.remove(0);
    assert_eq!((&proposal.signed, proposal.needed, proposal.by), (&vec![ben], 2, Some(ben)));
    let Answer::Done { .. } = three.rights(2, eve, Rights::Sign { proposal: proposal.id, secret: secrets[1] }) else {
        panic!("she may")
    };
    let twice = three.rights(2, eve, Rights::Sign { proposal: proposal.id, secret: secrets[1] });
    refused(twice, Refusal::NotFound);
    three.world.deliver();
    three.world.pass(3);
    for (at, user, other) in [(1, ben, 2), (2, eve, 1)] {
        let node = three.world.node(other);
        assert!(!three.world.read(at, |reader| reader.person(ann)).is_some_and(|person| person.admin));
        let Answer::Done { .. } = three.rights(at, user, Rights::ResumeNode(node)) else { panic!("an admin may") };
    }
    three.world.done(1, ben, post(group, "back"));
    three.heal();
    three.world.pass(70);
    for (at, who) in [(0, ann), (1, ben), (2, eve)] {
        assert_eq!(three.world.feed(at, who, group), ["back"], "site {at}");
        assert!(three.world.sites[at].confined.is_empty(), "all nodes are served again, as site {at} sees it");
    }
    let late = three.rights(0, ann, Rights::SuspendNode(three.world.node(1)));
    refused(late, Refusal::Forbidden);
}

#[test]
fn two_recovery_keys_give_an_organisation_whose_only_admin_is_lost_another_one() {
    let mut three = Three::new(32);
    let (ann, ben, eve, group) = (three.ann, three.ben, three.eve, three.group);
    // Ben's and Eve's sites have met by now.
    three.heal();
    three.world.isolate(0);
    let recover = |keys: &[[u8; 32]]| Rights::Recover { keys: keys.to_vec() };
    refused(three.rights(1, ben, recover(&RECOVERY[..2])), Refusal::KeyMissing);
    let key = SecretKey::from_seed(&[41; 32]).public().0;
    let Answer::Done { .. } = three.rights(1, ben, Rights::TellKey(key)) else { panic!("a home may") };
    for too_few in [&RECOVERY[..1], &[RECOVERY[1], RECOVERY[1]], &[RECOVERY[0], [54; 32]], &[]] {
        refused(three.rights(1, ben, recover(too_few)), Refusal::Forbidden);
    }
    let Answer::Done { .. } = three.rights(1, ben, recover(&RECOVERY[1..])) else { panic!("two are enough") };
    three.world.deliver();
    three.world.pass(3);
    let node = three.world.node(0);
    refused(three.rights(2, eve, Rights::SuspendNode(node)), Refusal::Forbidden);
    let admins = |three: &Three, at| three.world.read(at, |reader| reader.constitution()).expect("founded").admins;
    assert_eq!((admins(&three, 1), admins(&three, 2)), (vec![ben], vec![ben]));
    let Answer::Done { .. } = three.rights(1, ben, Rights::Appoint { group, user: ben }) else {
        panic!("an admin may")
    };
    // The lost site comes back after all.
    three.world.done(0, ann, post(group, "from the cellar"));
    three.heal();
    three.world.pass(70);
    assert_eq!(admins(&three, 0), [ben]);
    refused(three.rights(0, ann, Rights::SuspendNode(three.world.node(1))), Refusal::Forbidden);
    for (at, who) in [(0, ann), (1, ben), (2, eve)] {
        assert_eq!(three.world.feed(at, who, group), ["from the cellar"], "site {at}");
    }
}

/// A revision that only a newer version understands, as that version would log it on Ann's node.
fn newer_revision(three: &Three) -> Vec<u8> {
    let view = three.world.sites[0].engine.view();
    let state = view.org_state().expect("founded");
    let org = three.world.sites[0].engine.org().expect("founded");
    let current = state.constitution().expect("founded");
    let revision = Constitution {
        revision: 1,
        parent: state.revision(),
        founder: None,
        features: current.features + 1,
        ..current.clone()
    };
    let revision = codec::encode(&revision);
    let signer = SecretKey::from_seed(&FOUNDER);
    let signature = signer.sign(Context::Constitution, &org, &revision_id(&revision));
    let signatures = vec![ConstitutionSignature { key: signer.public(), signature }];
    let ops = [ControlOp::Constitution(ConstitutionSigned { revision, signatures }), ControlOp::Unknown(0x01F0)];
    new_log(three, 0, ScopeId::from(org), &ops)
}

/// A control log that this site's node opens in a scope, whatever its engine would say to that.
fn new_log(three: &Three, at: usize, scope: ScopeId, ops: &[ControlOp]) -> Vec<u8> {
    let org = three.world.sites[at].engine.org().expect("founded");
    let open = LogOpen { node: three.world.node(at), class: Class::Control, nonce: [9; 16], previous: vec![] };
    let mut entries: Vec<Entry> = Vec::new();
    for (seq, op) in std::iter::once(&ControlOp::LogOpen(open)).chain(ops).enumerate() {
        let (kind, bytes) = op.encode();
        let body = Body { salt: [3; 16], bytes };
        let header = Header {
            scope,
            log: entries.last().map(Entry::log),
            seq: seq as u64,
            prev: entries.last().map(|entry| entry.id),
            hlc: Hlc::at(Millis(three.world.now.0 + seq as u64)),
            ctl: (seq == 0).then(Vec::new),
            kind,
            actor: None,
            body_len: body.bytes.len() as u32,
            body_commit: body.commitment(),
            refs: Vec::new(),
            auth_proof: None,
            extra: Vec::new(),
        };
        entries.push(Entry::sign(header, body, &org, &three.world.sites[at].identity.key));
    }
    batch::encode(&entries, Signatures::All)
}

#[test]
fn s30_what_a_newer_version_raised_freezes_writing_and_is_passed_on() {
    let mut three = Three::new(30);
    let (ben, eve, group) = (three.ben, three.eve, three.group);
    three.world.done(1, ben, post(group, "before"));
    three.heal();
    let batches = vec![newer_revision(&three).into()];
    let peer = three.world.node(0);
    three.world.isolate(0);
    let input = Input::PeerRequest { peer, token: 99, bytes: Request::Push { batches }.encode() };
    three.world.input(1, input);
    three.world.deliver();
    three.world.pass(3);
    for (at, who) in [(1, ben), (2, eve)] {
        refused(three.world.ask(at, Some(who), post(group, "after")), Refusal::Frozen);
        assert_eq!(three.world.feed(at, who, group), ["before"], "it can be read: site {at}");
    }
}

#[test]
fn a_constitution_in_another_scope_does_not_move_a_node_to_another_organisation() {
    let mut three = Three::new(29);
    let (ben, group) = (three.ben, three.group);
    let state = three.world.sites[0].engine.view();
    let constitution = state.org_state().and_then(|state| state.constitution()).expect("founded").clone();
    let revision = codec::encode(&Constitution { nonce: [7; 16], ..constitution });
    let foreign = ScopeId(revision_id(&revision));
    let op = ControlOp::Constitution(ConstitutionSigned { revision, signatures: Vec::new() });
    let peer = three.world.node(2);
    for scope in [ScopeId::from(group), foreign] {
        let batches = vec![new_log(&three, 2, scope, std::slice::from_ref(&op)).into()];
        three.world.input(1, Input::PeerRequest { peer, token: 99, bytes: Request::Push { batches }.encode() });
    }
    let org = three.world.sites[1].engine.org();
    three.world.restart(1);
    assert_eq!(three.world.sites[1].engine.org(), org, "after a start");
    three.world.rebuild(1);
    assert_eq!(three.world.sites[1].engine.org(), org, "after the index was lost");
    three.heal();
    three.world.done(1, ben, post(group, "still here"));
    three.heal();
    assert_eq!(three.world.feed(0, three.ann, group), ["still here"]);
}

#[test]
fn who_falls_with_the_one_that_let_them_in_learns_of_it() {
    for lowered in [true, false] {
        let mut three = Three::new(31);
        let (ann, ben, eve) = (three.ann, three.ben, three.eve);
        let create = Command::CreateGroup {
            name: "Charpente".into(),
            purpose: String::new(),
            kind: GroupKind::Trade,
            access: Access::Closed,
        };
        let group = GroupId::from(three.world.done(0, ann, create));
        three.world.done(0, ann, Command::Grant { group, users: vec![ben], role: Role::Owner });
        three.heal();
        // Ben lets Eve in while Ann, who has not heard of it, takes from Ben the right to do so.
        three.world.isolate(0);
        three.world.done(1, ben, Command::Grant { group, users: vec![eve], role: Role::Member });
        three.world.pass(4);
        assert!(three.world.feed(2, eve, group).is_empty());
        three.world.done(2, eve, post(group, "for a while"));
        let taken = if lowered {
            Command::Grant { group, users: vec![ben], role: Role::Reader }
        } else {
            Command::Revoke { group, users: vec![ben] }
        };
        three.world.done(0, ann, taken);
        three.heal();
        three.world.pass(70);
        for at in 0..3 {
            let view = three.world.sites[at].engine.view();
            let role = view.group_state(&group).and_then(|state| state.role(&eve));
            assert_eq!(role, None, "site {at} knows that Eve is out");
        }
        let node = three.world.node(2);
        assert!(!three.world.read(2, |reader| reader.keeps(&node, &group)));
        assert_eq!(three.undelivered(2, eve).len(), 1, "her site can tell her");
    }
}

#[test]
fn restarts_and_a_lost_index_change_nothing_of_all_this() {
    let mut three = Three::new(28);
    let (ann, ben, group) = (three.ann, three.ben, three.group);
    three.world.done(1, ben, post(group, "before"));
    three.heal();
    three.world.isolate(1);
    three.world.done(0, ann, Command::Revoke { group, users: vec![ben] });
    three.world.done(1, ben, post(group, "too late"));
    three.heal();
    let before = (three.undelivered(1, ben), three.removals());
    assert_eq!(before.0.len(), 1);
    for at in [0, 1] {
        three.world.restart(at);
    }
    assert_eq!((three.undelivered(1, ben), three.removals().len()), (before.0.clone(), before.1.len()));
    for at in [0, 1] {
        let heights = three.world.sites[at].store.records().count();
        three.world.rebuild(at);
        assert_eq!(three.world.sites[at].store.records().count(), heights, "taking records in again writes nothing");
    }
    assert_eq!((three.undelivered(1, ben), three.removals().len()), (before.0, before.1.len()));
}
