//! Seals and what was written again, at the engine's door: of an entry beyond a seal and its copy elsewhere one counts.

#[path = "../../tests/src/world.rs"]
#[expect(dead_code, reason = "these scenes need less than the simulator")]
mod world;

use protocol::clock::Hlc;
use protocol::control::op::{Access, Class, ControlOp, GroupKind, LogOpen, Role};
use protocol::engine::alarms::AlarmKind;
use protocol::engine::effect::Answer;
use protocol::engine::input::{Command, Input};
use protocol::entry::batch::{self, Signatures};
use protocol::entry::{Body, Entry, Header};
use protocol::ids::{EntryId, GroupId, ScopeId, UserId};
use protocol::sync::message::Request;
use world::World;

/// The header key by which an entry says another again.
const AGAIN: u64 = 64;

fn post(group: GroupId, text: &str) -> Command {
    Command::CreatePost { group, title: String::new(), text: text.into(), attachments: Vec::new() }
}

/// Ann, the admin, Ben and Eve at a site each; a group of all. Two machines ran under the key of Eve's node, so her log is
/// forked: one branch has "kept" and is the longer, the other "lost".
struct Scene {
    world: World,
    people: [UserId; 3],
    group: GroupId,
    /// The entry that let Ben and Eve in.
    granted: EntryId,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        for _ in 0..3 {
            world.add_site();
        }
        let ann = world.found(0);
        let ben = world.admit(0, ann, 1, "Ben");
        let eve = world.admit(0, ann, 2, "Eve");
        let create = Command::CreateGroup {
            name: "Conduite de travaux".into(),
            purpose: String::new(),
            kind: GroupKind::Trade,
            access: Access::Closed,
        };
        let group = GroupId::from(world.done(0, ann, create));
        let mut scene = Self { world, people: [ann, ben, eve], group, granted: EntryId(group.0) };
        scene.settle();
        scene.granted = scene.world.done(0, ann, Command::Grant { group, users: vec![ben, eve], role: Role::Member });
        scene.settle();
        scene.world.done(2, eve, post(group, "one"));
        scene.settle();
        let copied = scene.world.sites[2].store.clone();
        // One machine talks to site 0 only, the other to site 1 only.
        scene.world.cut(0, 1);
        scene.world.cut(1, 2);
        scene.world.done(2, eve, post(group, "kept"));
        scene.world.done(2, eve, post(group, "kept too"));
        scene.world.pass(3);
        scene.world.put_back(2, &copied);
        scene.world.connect(1, 2);
        scene.world.pass(3);
        scene.world.done(2, eve, post(group, "lost"));
        scene.world.pass(3);
        // Her machine is off from here on: what else comes of it is made by hand.
        scene.world.isolate(2);
        scene.meet();
        assert_eq!(scene.agreed(), ["kept", "kept too", "lost", "one"]);
        scene
    }

    fn settle(&mut self) {
        self.world.connect_all();
        self.world.deliver();
        self.world.pass(70);
    }

    /// Ann's site and Ben's become equal.
    fn meet(&mut self) {
        self.world.connect(0, 1);
        self.world.deliver();
        self.world.pass(70);
    }

    /// Entries of Eve's node, by text, as a site holds them.
    fn entry(&self, at: usize, text: &str) -> Option<Entry> {
        let records = self.world.sites[at].store.records();
        let mut entries = records.flat_map(|(_, bytes)| batch::decode(bytes).unwrap_or_default());
        entries.find(|entry| {
            let bytes = entry.body.as_ref().map_or(&[][..], |body| &body.bytes);
            entry.header.scope == ScopeId::from(self.group)
                && bytes.windows(text.len()).any(|part| part == text.as_bytes())
        })
    }

    fn sign(&self, header: Header, body: Body) -> Entry {
        let org = self.world.sites[2].engine.org().expect("admitted");
        Entry::sign(header, body, &org, &self.world.sites[2].identity.key)
    }

    /// What Ann and Ben see, which must be one thing.
    fn agreed(&self) -> Vec<String> {
        let [mut ann, mut ben] = [0, 1].map(|at| self.world.feed(at, self.people[at], self.group));
        ann.sort();
        ben.sort();
        assert_eq!(ann, ben);
        ann
    }

    fn seal(&mut self) {
        let alarms = self.world.sites[0].engine.view().alarms();
        let fork = alarms.into_iter().find(|(_, alarm)| alarm.kind == AlarmKind::Fork).expect("a fork is known");
        let answer = self.world.ask(0, Some(self.people[0]), Command::SealLog { alarm: fork.0 });
        assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
        self.meet();
    }

    /// Eve's node says "lost" again in another log.
    fn say_again(&mut self) -> EntryId {
        let original = self.entry(0, "lost").expect("arrived");
        let open = LogOpen { node: self.world.node(2), class: Class::Data, nonce: [5; 16], previous: vec![] };
        let (kind, bytes) = ControlOp::LogOpen(open).encode();
        let body = Body { salt: [6; 16], bytes };
        let opening = Header {
            log: None,
            seq: 0,
            prev: None,
            ctl: Some(vec![self.granted]),
            hlc: Hlc(original.header.hlc.0 + 1),
            kind,
            actor: None,
            body_len: body.bytes.len() as u32,
            body_commit: body.commitment(),
            ..original.header.clone()
        };
        let opening = self.sign(opening, body);
        let copy = Header {
            log: Some(opening.log()),
            seq: 1,
            prev: Some(opening.id),
            ctl: None,
            hlc: Hlc(opening.header.hlc.0 + 1),
            extra: vec![(AGAIN, [&[0x58, 32][..], &original.id.0].concat())],
            ..original.header.clone()
        };
        let copy = self.sign(copy, original.body.clone().expect("not erased"));
        let id = copy.id;
        let batch = batch::encode(&[opening, copy], Signatures::All);
        let peer = self.world.node(2);
        let bytes = Request::Push { batches: vec![batch.into()] }.encode();
        self.world.input(0, Input::PeerRequest { peer, token: 99, bytes });
        self.meet();
        id
    }

    /// The post with this text as a site shows it, and how many comments it has there.
    fn shown(&self, at: usize, text: &str) -> (EntryId, usize) {
        self.world.read(at, |reader| {
            let page = reader.feed(self.people[at], Some(self.group), Default::default(), None, 50).expect("reads");
            let post = page.items.iter().find(|post| post.text == text).expect("shown");
            (post.id, post.comments)
        })
    }

    fn rebuilt(&mut self) -> Vec<String> {
        (0..2).for_each(|at| self.world.rebuild(at));
        self.agreed()
    }
}

#[test]
fn of_an_entry_beyond_a_seal_and_its_copy_the_copy_counts_whatever_came_first() {
    for copy_first in [true, false] {
        let mut scene = Scene::new(1);
        if copy_first {
            scene.say_again();
            assert_eq!(scene.agreed(), ["kept", "kept too", "lost", "one"], "one of the two");
        }
        scene.seal();
        if !copy_first {
            assert_eq!(scene.agreed(), ["kept", "kept too", "one"], "beyond the seal");
            scene.say_again();
        }
        assert_eq!(scene.agreed(), ["kept", "kept too", "lost", "one"], "copy first: {copy_first}");
        assert_eq!(scene.rebuilt(), ["kept", "kept too", "lost", "one"]);
    }
}

#[test]
fn what_is_said_to_an_entry_beyond_a_seal_is_shown_under_its_copy_whatever_came_first() {
    // A comment on the original, the copy, the seal: in any order that can be.
    for order in ["comment copy seal", "copy comment seal", "comment seal copy", "copy seal comment"] {
        let mut scene = Scene::new(2);
        for step in order.split(' ') {
            match step {
                "comment" => {
                    let comment = Command::CreateComment { post: scene.shown(1, "lost").0, text: "an answer".into() };
                    scene.world.done(1, scene.people[1], comment);
                    scene.meet();
                }
                "copy" => {
                    scene.say_again();
                }
                _ => scene.seal(),
            }
        }
        for again in [false, true] {
            if again {
                scene.rebuilt();
            }
            assert_eq!(scene.agreed(), ["kept", "kept too", "lost", "one"], "{order}");
            assert_eq!([0, 1].map(|at| scene.shown(at, "lost").1), [1; 2], "{order}");
        }
    }
}
