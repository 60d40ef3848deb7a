//! Who was removed, and whose home goes on writing: at the engine's door, with a home that does not keep the rules. What it
//! writes after the removal counts nowhere, in whatever log it stands; what others held before they heard of it stays.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "these scenes need less than the simulator")]
mod world;

use protocol::clock::{Hlc, Millis};
use protocol::control::op::{Access, Class, ControlOp, GroupKind, LogOpen, Role};
use protocol::engine::input::{Command, Input, Rights};
use protocol::entry::batch::{self, Signatures};
use protocol::entry::{Body, Entry, Header};
use protocol::group::{DataOp, Post};
use protocol::ids::{EntryId, GroupId, ScopeId, UserId};
use protocol::sync::message::Request;
use world::World;

fn post(group: GroupId, text: &str) -> Command {
    Command::CreatePost { group, title: String::new(), text: text.into(), attachments: Vec::new() }
}

/// A site each for Ann, who owns the group, Ben, and Eve, whose home is hostile. Ben and Eve are members.
struct Scene {
    world: World,
    ann: UserId,
    ben: UserId,
    eve: UserId,
    group: GroupId,
    /// The entry that let Ben and Eve in.
    granted: EntryId,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let (a, b, c) = (world.add_site(), world.add_site(), world.add_site());
        let ann = world.found(a);
        let ben = world.admit(a, ann, b, "Ben");
        let eve = world.admit(a, ann, c, "Eve");
        let create = Command::CreateGroup {
            name: "Toitures".into(),
            purpose: String::new(),
            kind: GroupKind::Trade,
            access: Access::Closed,
        };
        let group = GroupId::from(world.done(a, ann, create));
        world.connect_all();
        world.deliver();
        world.pass(3);
        let granted = world.done(a, ann, Command::Grant { group, users: vec![ben, eve], role: Role::Member });
        let mut scene = Self { world, ann, ben, eve, group, granted };
        scene.world.deliver();
        scene.heal();
        scene
    }

    /// A content log of Eve's node that nobody has seen, with a post in it, resting on what she knew as a member.
    fn unknown_log(&self, nonce: u8, text: &str) -> Vec<u8> {
        let (at, org) = (2, self.world.sites[2].engine.org().expect("admitted"));
        let open = LogOpen { node: self.world.node(at), class: Class::Data, nonce: [nonce; 16], previous: vec![] };
        let post = DataOp::Post(Post { title: String::new(), text: text.into(), attachments: Vec::new() });
        let mut entries: Vec<Entry> = Vec::new();
        let ops = [(ControlOp::LogOpen(open).encode(), None), (post.encode(), Some(self.eve))];
        for (seq, ((kind, bytes), actor)) in ops.into_iter().enumerate() {
            let body = Body { salt: [nonce; 16], bytes };
            let header = Header {
                scope: ScopeId::from(self.group),
                log: entries.last().map(Entry::log),
                seq: seq as u64,
                prev: entries.last().map(|entry| entry.id),
                hlc: Hlc::at(Millis(self.world.now.0 - 60_000 + seq as u64)),
                ctl: (seq == 0).then(|| vec![self.granted]),
                kind,
                actor,
                body_len: body.bytes.len() as u32,
                body_commit: body.commitment(),
                refs: Vec::new(),
                auth_proof: None,
                extra: Vec::new(),
            };
            entries.push(Entry::sign(header, body, &org, &self.world.sites[at].identity.key));
        }
        batch::encode(&entries, Signatures::All)
    }

    /// Eve's site gives this to another, whatever its engine would say to that.
    fn give(&mut self, to: usize, batch: Vec<u8>) {
        let peer = self.world.node(2);
        let bytes = Request::Push { batches: vec![batch.into()] }.encode();
        self.world.input(to, Input::PeerRequest { peer, token: 99, bytes });
    }

    fn heal(&mut self) {
        self.world.connect_all();
        self.world.deliver();
        self.world.pass(4);
    }

    fn feeds(&self) -> [Vec<String>; 2] {
        [self.world.feed(0, self.ann, self.group), self.world.feed(1, self.ben, self.group)]
    }

    fn remove_eve(&mut self) -> EntryId {
        self.world.done(0, self.ann, Command::Revoke { group: self.group, users: vec![self.eve] })
    }
}

#[test]
fn a_log_that_the_home_of_the_removed_shows_only_after_the_removal_counts_nowhere() {
    for had_written in [false, true] {
        let mut scene = Scene::new(1);
        let (ann, eve, group) = (scene.ann, scene.eve, scene.group);
        if had_written {
            scene.world.done(2, eve, post(group, "of Eve"));
        }
        scene.world.pass(1);
        scene.world.done(0, ann, post(group, "of Ann"));
        scene.heal();
        scene.remove_eve();
        scene.heal();
        for (to, nonce) in [(0, 1), (1, 2)] {
            let late = scene.unknown_log(nonce, "late");
            scene.give(to, late);
        }
        scene.heal();
        scene.world.pass(70);
        let expected: Vec<&str> = if had_written { vec!["of Ann", "of Eve"] } else { vec!["of Ann"] };
        assert_eq!(scene.feeds(), [expected.clone(), expected.clone()], "had written: {had_written}");
        for at in [0, 1] {
            scene.world.rebuild(at);
        }
        assert_eq!(scene.feeds(), [expected.clone(), expected], "after the index was lost");
    }
}

#[test]
fn a_log_that_another_site_held_when_it_heard_of_the_removal_counts_as_far_as_it_was_held() {
    let mut scene = Scene::new(2);
    let (eve, group) = (scene.eve, scene.group);
    // What Eve writes reaches Ben's site alone, before Ann removes her; Ann's site never saw her log.
    scene.world.cut(0, 1);
    scene.world.cut(0, 2);
    scene.world.done(2, eve, post(group, "held by Ben"));
    scene.world.deliver();
    assert_eq!(scene.feeds()[1], ["held by Ben"]);
    scene.world.isolate(2);
    scene.world.done(2, eve, post(group, "held by nobody"));
    scene.remove_eve();
    scene.world.connect(0, 1);
    scene.world.deliver();
    scene.heal();
    scene.world.pass(70);
    assert_eq!(scene.feeds(), [["held by Ben"], ["held by Ben"]]);
    let list = scene.world.read(2, |reader| reader.undelivered(eve));
    assert_eq!(
        list.iter().map(|view| (&*view.text, &*view.reason)).collect::<Vec<_>>(),
        [("held by nobody", "removed")]
    );
}

#[test]
fn what_an_honest_home_wrote_in_a_log_that_nobody_held_is_not_delivered_until_an_owner_keeps_it() {
    let mut scene = Scene::new(3);
    let (ann, eve, group) = (scene.ann, scene.eve, scene.group);
    scene.world.isolate(2);
    scene.world.done(2, eve, post(group, "offline"));
    let removal = scene.remove_eve();
    scene.heal();
    scene.world.pass(70);
    assert_eq!(scene.feeds(), [[""; 0], [""; 0]]);
    assert_eq!(scene.world.read(2, |reader| reader.undelivered(eve)).len(), 1);
    scene.world.done(0, ann, Command::Rights(Rights::KeepAll { group, removal }));
    scene.heal();
    assert_eq!(scene.feeds(), [["offline"], ["offline"]]);
    // That was the last word: what comes later still does not count.
    let late = scene.unknown_log(1, "late");
    scene.give(0, late);
    scene.heal();
    scene.world.pass(70);
    assert_eq!(scene.feeds(), [["offline"], ["offline"]]);
}

#[test]
fn who_is_made_a_reader_writes_no_more_in_a_log_that_nobody_knew() {
    let mut scene = Scene::new(4);
    let (ann, eve, group) = (scene.ann, scene.eve, scene.group);
    scene.world.done(2, eve, post(group, "as a member"));
    scene.heal();
    scene.world.done(0, ann, Command::Grant { group, users: vec![eve], role: Role::Reader });
    scene.heal();
    let late = scene.unknown_log(1, "late");
    scene.give(1, late);
    scene.heal();
    scene.world.pass(70);
    assert_eq!(scene.feeds(), [["as a member"], ["as a member"]]);
}
