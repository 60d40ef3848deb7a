//! The bytes of every structure that is hashed, signed, stored or sent, pinned by `vectors/structures.json`: name → hex.
//!
//! They may change until the first golden data folder is made; then never. `ARCHIPEL_VECTORS=write` writes the file anew.

#![expect(clippy::disallowed_methods, reason = "a test reads its file and its environment; the rules do not")]

use protocol::bundle::{self, Item, Sealer};
use protocol::clock::Hlc;
use protocol::codec;
use protocol::control::op::*;
use protocol::engine::input::Attachment;
use protocol::engine::org_tag;
use protocol::entry::batch::{self, Signatures};
use protocol::entry::{Body, Entry, Header, id_of};
use protocol::gossip::{self, EpochKey, Message};
use protocol::group::keeping::{Erase, ErasePerson, Hold, Power, Retention};
use protocol::group::page::{Anchor, PageChange, PageComment, PageName, PageSettle, PageTrash};
use protocol::group::space::{FileContent, SpaceName, SpaceTrash};
use protocol::group::{Card, Comment, DataOp, Edit, Epoch, Outside, Post, Profile, React, Source};
use protocol::ids::*;
use protocol::keys::{PublicKey, Purpose, SealedKey, SecretKey, derive};
use protocol::log::Height;
use protocol::log::fork::ForkProof;
use protocol::sync::address::AddressRecord;
use protocol::sync::held::{Held, frontier_digest};
use protocol::sync::here::{Here, Place, Window};
use protocol::sync::links::{Links, link};
use protocol::sync::message::{BlobRequest, LEVEL, Request, Response, ScopeDigest, ScopeFrontier, StatedScope};
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;
use std::collections::{BTreeMap, BTreeSet};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/structures.json");
const ORG: OrgId = OrgId([1; 32]);
const USER: UserId = UserId([5; 16]);
const SITE: SiteId = SiteId([6; 16]);

fn key() -> SecretKey {
    SecretKey::from_seed(&[7; 32])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn chain() -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for at in 0..4u8 {
        let body = Body { salt: [at; 16], bytes: format!("body {at}").into_bytes() };
        let header = Header {
            scope: ScopeId([2; 32]),
            log: entries.last().map(Entry::log),
            seq: u64::from(at),
            prev: entries.last().map(|entry| entry.id),
            hlc: Hlc((1_700_000_000_000 + u64::from(at)) << 16),
            ctl: (at % 2 == 0).then(|| vec![EntryId([3; 32]), EntryId([4; 32])]),
            kind: if at == 0 { kind::LOG_OPEN } else { protocol::group::kind::POST },
            actor: (at > 0).then_some(USER),
            body_len: body.bytes.len() as u32,
            body_commit: body.commitment(),
            refs: if at == 3 { vec![EntryId([9; 32])] } else { vec![] },
            auth_proof: None,
            extra: vec![],
        };
        entries.push(Entry::sign(header, body, &ORG, &key()));
    }
    entries
}

fn control_ops() -> Vec<(&'static str, ControlOp)> {
    let cut = Cut { log: LogId([8; 32]), seq: 12, id: EntryId([9; 32]) };
    let node = NodeId([10; 32]);
    let group = GroupId([11; 32]);
    vec![
        (
            "log.open",
            ControlOp::LogOpen(LogOpen { node, class: Class::Data, nonce: [1; 16], previous: vec![LogId([2; 32])] }),
        ),
        ("see", ControlOp::See(See { heads: vec![EntryId([1; 32])] })),
        ("site.set", ControlOp::SiteSet(SiteSet { site: SITE, name: "Lyon".into(), company: "Habitat".into() })),
        (
            "node.admit",
            ControlOp::NodeAdmit(NodeAdmit {
                node,
                sealing: [3; 32],
                site: SITE,
                ticket: TicketId([4; 16]),
                caps: Some(Caps::default()),
            }),
        ),
        (
            "node.revoke",
            ControlOp::NodeRevoke(NodeRevoke { node, cuts: vec![cut.clone()], reason: Some("Volée".into()) }),
        ),
        ("node.suspend", ControlOp::NodeSuspend(NodeOnly { node })),
        ("node.resume", ControlOp::NodeResume(NodeOnly { node })),
        ("user.register", ControlOp::UserRegister(UserAt { user: USER, site: SITE })),
        ("user.disable", ControlOp::UserDisable(UserOnly { user: USER })),
        ("user.enable", ControlOp::UserEnable(UserOnly { user: USER })),
        ("user.rehome", ControlOp::UserRehome(UserMove { user: USER, site: SITE, cuts: vec![cut.clone()] })),
        ("user.key", ControlOp::UserKey(UserKey { user: USER, key: key().public() })),
        ("seen", ControlOp::Seen(Seen { revocation: EntryId([6; 32]), cuts: vec![cut.clone()] })),
        ("group.appoint_owner", ControlOp::AppointOwner(AppointOwner { group, user: USER })),
        (
            "group.create",
            ControlOp::GroupCreate(GroupCreate {
                node,
                nonce: [5; 16],
                kind: GroupKind::Place,
                access: Access::Closed,
                name: "Site".into(),
                purpose: "La vie du site".into(),
                rules: 1,
                site: Some(SITE),
            }),
        ),
        (
            "group.edit",
            ControlOp::GroupEdit(GroupEdit {
                name: Some("N".into()),
                access: Some(Access::Open),
                post: Some(Posting::Facilitators),
                guests: Some(Guests::Read),
                cuts: vec![cut.clone()],
                ..GroupEdit::default()
            }),
        ),
        (
            "grant",
            ControlOp::Grant(Grant { roles: vec![RoleFor { user: USER, role: Role::Facilitator }], cuts: vec![] }),
        ),
        ("revoke", ControlOp::Revoke(Revoke { users: vec![USER], cuts: vec![cut.clone()] })),
        ("amend_cut", ControlOp::AmendCut(AmendCut { revocation: EntryId([6; 32]), cuts: vec![cut] })),
        (
            "log.seal",
            ControlOp::LogSeal(LogSeal {
                log: LogId([8; 32]),
                node,
                seq: 12,
                id: EntryId([9; 32]),
                proof: vec![1, 2].into(),
            }),
        ),
        ("leave", ControlOp::Leave),
        ("join", ControlOp::Join),
    ]
}

fn data_ops() -> Vec<(&'static str, DataOp)> {
    let picture = Attachment {
        blob: BlobId([1; 32]),
        name: "plan.png".into(),
        size: 12_345,
        media_type: "image/png".into(),
        picture: Some((800, 600)),
    };
    let card = Card {
        group: GroupId([2; 32]),
        kind: GroupKind::Trade,
        access: Access::Open,
        name: "Métier".into(),
        purpose: "S'entraider".into(),
        created: 1_700_000_000_000,
    };
    let source =
        Source {
            url: "https://example.org/feed".into(), title: "Ministère".into(), site_url: None, sites: vec![SITE]
        };
    let outside = Outside {
        origin_key: [3; 32],
        title: "Décret".into(),
        text: "Texte".into(),
        url: Some("https://example.org/1".into()),
        published: Some(1_700_000_000_000),
        author: None,
    };
    let edited = Outside { author: Some("Service des actes".into()), ..outside.clone() };
    let plan =
        Attachment { name: "toit.pdf".into(), media_type: "application/pdf".into(), picture: None, ..picture.clone() };
    let name = || PageName { title: "Compte rendu".into(), icon: "📄".into() };
    let change =
        PageChange { session: 3, changes: vec![vec![1, 2, 3].into()], attachments: vec![picture.clone()], whole: true };
    let anchor = Anchor { start: "3@ab12".into(), end: "9@ab12".into(), quote: "la date".into() };
    vec![
        ("page.create", DataOp::Page(name())),
        ("page.name", DataOp::PageName(name())),
        ("page.trash", DataOp::PageTrash(PageTrash { on: true })),
        ("page.change", DataOp::PageChange(change)),
        ("page.comment", DataOp::PageComment(PageComment { text: "Le 3 ?".into(), anchor: Some(anchor) })),
        ("page.settle", DataOp::PageSettle(PageSettle { on: true })),
        ("folder.create", DataOp::Folder(SpaceName { name: "Plans".into() })),
        ("folder.name", DataOp::FolderName(SpaceName { name: "Plans 2026".into() })),
        ("folder.place", DataOp::FolderPlace),
        ("file.add", DataOp::File(FileContent { file: plan.clone() })),
        ("file.version", DataOp::FileVersion(FileContent { file: plan })),
        ("file.name", DataOp::FileName(SpaceName { name: "toit.pdf".into() })),
        ("file.place", DataOp::FilePlace),
        ("space.trash", DataOp::SpaceTrash(SpaceTrash { on: true })),
        ("profile.set", DataOp::Profile(Profile { user: USER, name: "Ann".into(), title: "Gardienne".into() })),
        ("group.card", DataOp::Card(card)),
        ("post.create", DataOp::Post(Post { title: "T".into(), text: "Bonjour".into(), attachments: vec![picture] })),
        ("comment.create", DataOp::Comment(Comment { text: "Merci".into() })),
        ("edit", DataOp::Edit(Edit { title: String::new(), text: "mieux".into() })),
        ("react.set", DataOp::React(React { emoji: "👍".into(), on: true })),
        ("source.set", DataOp::Source(source)),
        ("outside.create", DataOp::Outside(outside)),
        ("outside.edit", DataOp::OutsideEdit(edited)),
        ("delete", DataOp::Delete),
        ("source.remove", DataOp::SourceRemove),
        ("epoch", DataOp::Epoch(Epoch { id: [4; 8], keys: vec![sealed_key()] })),
        ("object", DataOp::Object),
        ("erase", DataOp::Erase(Erase { power: Power::Facilitator, reason: "insultes".into() })),
        ("person.erase", DataOp::ErasePerson(ErasePerson { user: USER, content: true, reason: "départ".into() })),
        ("hold.set", DataOp::Hold(Hold { group: GroupId([2; 32]), on: true, reason: "litige".into() })),
        ("retention.set", DataOp::Retention(Retention { days: Some(365) })),
    ]
}

/// A key for live messages, sealed to a node.
fn sealed_key() -> SealedKey {
    let (epoch, mut rng) = (EpochKey { id: [4; 8], key: [7; 32] }, ChaCha12Rng::seed_from_u64(3));
    let sealing = protocol::keys::sealing_public(&[8; 32]);
    gossip::seal_key(&ScopeId([3; 32]), &epoch, NodeId([9; 32]), &sealing, &mut rng).expect("a good key")
}

/// Two entries that one node signed for one position.
fn fork_proof() -> ForkProof {
    let first = chain();
    let other = Body { salt: [9; 16], bytes: b"another body".to_vec() };
    let header =
        Header { body_len: other.bytes.len() as u32, body_commit: other.commitment(), ..first[1].header.clone() };
    let second = Entry::sign(header, other, &ORG, &key());
    ForkProof::make(key().node(), &first[1..2], &[second]).expect("both are signed")
}

fn messages() -> Vec<(&'static str, Vec<u8>)> {
    let height = Height { log: LogId([1; 32]), next: 5, head: EntryId([2; 32]) };
    let scope = ScopeId([3; 32]);
    let held = Held::sign(scope, Hlc(77 << 16), vec![height], vec![EntryId([8; 32])], &ORG, &key());
    let record = AddressRecord::sign(99, vec!["/ip4/127.0.0.1/tcp/7301".into()], &ORG, &key());
    let batches = vec![vec![1, 2, 3].into()];
    let frontier = ScopeFrontier { scope, control: vec![height], data: vec![height], helds: vec![held.clone()] };
    let now = 1_700_000_000_000;
    let place = Some(Place { anchor: "3@ab12".into(), head: "9@ab12".into() });
    let stated = StatedScope { scope, stated: vec![(link(&NodeId([7; 32])), 77)] };
    let here = Here { page: EntryId([8; 32]), windows: vec![Window { session: 77, user: USER, place }] };
    vec![
        ("hello", Request::Hello { level: LEVEL, tag: org_tag(&ORG), now }.encode()),
        ("compare", Request::Compare { root: [4; 32] }.encode()),
        ("digests", Request::Digests.encode()),
        ("frontier", Request::Frontier { scopes: vec![scope] }.encode()),
        ("range", Request::Range { log: LogId([1; 32]), from: 3, to: 9 }.encode()),
        ("range back", Request::RangeBack { log: LogId([1; 32]), from: 3, to: 9 }.encode()),
        ("push", Request::Push { batches: batches.clone() }.encode()),
        ("announce", Request::Announce { scopes: vec![scope] }.encode()),
        ("helds", Request::Helds { helds: vec![held.clone()] }.encode()),
        ("addresses", Request::Addresses { records: vec![record] }.encode()),
        ("here", Request::Here { here }.encode()),
        (
            "branch",
            Request::Branch { log: LogId([1; 32]), head: Some(EntryId([2; 32])), locator: vec![EntryId([3; 32])] }
                .encode(),
        ),
        ("forks", Request::Forks { proofs: vec![codec::encode(&fork_proof()).into()] }.encode()),
        ("links", Request::Links { links: [NodeId([7; 32]), NodeId([3; 32])].iter().collect::<Links>() }.encode()),
        ("stated", Request::Stated { scopes: vec![stated.clone()] }.encode()),
        ("longer", Request::Longer { scopes: vec![stated] }.encode()),
        ("answer hello", Response::Hello { level: LEVEL, tag: org_tag(&ORG), now }.encode()),
        ("answer compared", Response::Compared { same: true }.encode()),
        (
            "answer digests",
            Response::Digests { digests: vec![ScopeDigest { scope, digest: [5; 32], data: true }] }.encode(),
        ),
        ("answer frontier", Response::Frontier { scopes: vec![frontier], left: vec![] }.encode()),
        ("answer range", Response::Range { batches }.encode()),
        ("answer noted", Response::Noted { helds: vec![held] }.encode()),
        ("answer refused", Response::Refused.encode()),
        ("blob", codec::encode(&BlobRequest { group: GroupId([1; 32]), blob: BlobId([2; 32]), offset: 7, len: 512 })),
        ("frontier digest", frontier_digest(&[height]).to_vec()),
    ]
}

fn constitution() -> Vec<u8> {
    codec::encode(&Constitution {
        revision: 0,
        parent: None,
        name: "Habitat Ouest".into(),
        admins: vec![Admin { user: USER, key: PublicKey([2; 32]) }],
        threshold: 1,
        recovery: vec![PublicKey([3; 32])],
        recovery_threshold: 1,
        rules: 1,
        features: 1,
        founder: Some(Founder { node: key().node(), sealing: [4; 32], site: SITE }),
        nonce: [5; 16],
        by_recovery: false,
        cuts: vec![],
    })
}

fn structures() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut add = |name: String, bytes: &[u8]| assert!(all.insert(name.clone(), hex(bytes)).is_none(), "{name} twice");
    let entries = chain();
    for (at, entry) in entries.iter().enumerate() {
        add(format!("entry {at} header"), &entry.header.encode());
        add(format!("entry {at} id"), &entry.id.0);
        add(format!("entry {at} signature"), &entry.signature.expect("own entries are signed"));
        add(format!("entry {at} intent"), &entry.header.intent());
        assert_eq!(id_of(&entry.header.encode()), entry.id);
    }
    add("batch, last signature".into(), &batch::encode(&entries, Signatures::Last));
    add("batch, all signatures".into(), &batch::encode(&entries, Signatures::All));
    for (name, op) in control_ops() {
        let (kind, body) = op.encode();
        assert_eq!(ControlOp::decode(kind, &body).as_ref(), Ok(&op), "{name}");
        add(format!("control {name} {kind:#06x}"), &body);
    }
    for (name, op) in data_ops() {
        let (kind, body) = op.encode();
        assert_eq!(DataOp::decode(kind, &body).as_ref(), Ok(&op), "{name}");
        add(format!("data {name} {kind:#06x}"), &body);
    }
    let proof = fork_proof();
    assert_eq!(proof.check(&ORG).map(|split| split.seq), Some(1), "it proves what it says");
    add("fork proof".into(), &codec::encode(&proof));
    let revision = constitution();
    add("constitution".into(), &revision);
    add("constitution id".into(), &derive(Purpose::Scope, &[&revision]));
    for (name, bytes) in messages() {
        add(format!("message {name}"), &bytes);
    }
    let (scope, epoch) = (ScopeId([3; 32]), EpochKey { id: [6; 8], key: [7; 32] });
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let message = gossip::seal(&scope, &Message::Announce, &epoch, &mut rng).expect("small");
    add("gossip announce".into(), &message);
    let sealing = protocol::keys::sealing_public(&[8; 32]);
    let sealed = gossip::seal_key(&scope, &epoch, NodeId([9; 32]), &sealing, &mut rng).expect("a good key");
    add("gossip sealed key".into(), &sealed.sealed);
    add("gossip topic".into(), gossip::topic(&scope, &epoch.id).as_bytes());
    for (name, bytes) in bundle() {
        add(format!("bundle {name}"), &bytes);
    }
    all
}

/// A bundle with one of each kind of record.
fn bundle() -> Vec<(&'static str, Vec<u8>)> {
    let mut rng = ChaCha12Rng::seed_from_u64(2);
    let readers = [(NodeId([9; 32]), protocol::keys::sealing_public(&[8; 32]))];
    let begun = bundle::begin(&ORG, org_tag(&ORG), &key(), (SITE, 1_700_000_000_000), &readers, &mut rng);
    let (opening, content) = begun.expect("a good key");
    let mut sealer = Sealer::new(content);
    let held = Held::sign(ScopeId([2; 32]), Hlc(7 << 16), Vec::new(), Vec::new(), &ORG, &key());
    let items = [
        ("entries", Item::Entries { batches: vec![batch::encode(&chain(), Signatures::Last).into()] }),
        ("statements", Item::Helds { helds: vec![held] }),
        ("file", Item::File { blob: BlobId([4; 32]), size: 3 }),
        ("piece", Item::Piece { bytes: vec![1, 2, 3].into() }),
        ("packed", Item::Packed { length: 7, bytes: vec![1, 2, 3].into() }),
        ("end", Item::End),
    ];
    let mut records = vec![("opening", opening)];
    records.extend(items.iter().map(|(name, item)| (*name, sealer.seal(item))));
    records
}

#[test]
fn every_structure_has_the_bytes_that_are_pinned_and_none_is_left_over() {
    let now = structures();
    if std::env::var("ARCHIPEL_VECTORS").as_deref() == Ok("write") {
        let text = serde_json::to_string_pretty(&now).expect("strings encode");
        return std::fs::write(PATH, text + "\n").expect("the vectors can be written");
    }
    let pinned: BTreeMap<String, String> =
        serde_json::from_str(&std::fs::read_to_string(PATH).expect("the vectors are there")).expect("a map of strings");
    for (name, bytes) in &now {
        assert_eq!(pinned.get(name), Some(bytes), "the bytes of '{name}' changed, or it is not pinned");
    }
    assert_eq!(pinned.len(), now.len(), "a pinned structure is not made any more");
}

#[test]
fn every_kind_of_entry_that_is_known_is_pinned() {
    let control: BTreeSet<u16> = control_ops().iter().map(|(_, op)| op.encode().0).collect();
    let data: BTreeSet<u16> = data_ops().iter().map(|(_, op)| op.encode().0).collect();
    for kind in 0..=u16::MAX {
        // No body is read as every kind; what is not known says so whatever the body.
        let known = !matches!(DataOp::decode(kind, &[]), Ok(DataOp::Unknown));
        assert!(!known || data.contains(&kind), "data kind {kind:#06x} has no vector");
        let known = !matches!(ControlOp::decode(kind, &[]), Ok(ControlOp::Unknown(_)));
        // A revision is pinned by itself.
        assert!(
            !known || kind == kind::CONSTITUTION || control.contains(&kind),
            "control kind {kind:#06x} has no vector"
        );
    }
}

#[test]
fn every_kind_of_message_that_is_known_is_pinned() {
    let tags = |answers: bool| -> BTreeSet<u8> {
        let messages = messages().into_iter().filter(|(name, _)| name.starts_with("answer ") == answers);
        messages.filter(|(name, _)| !matches!(*name, "blob" | "frontier digest")).map(|(_, bytes)| bytes[1]).collect()
    };
    // Alone, the number of a kind is read or is incomplete, but not strange.
    let known = |reason: Option<String>| !reason.is_some_and(|reason| reason.contains("unknown enum variant"));
    let strange = |number: u8| [0x81, number];
    for number in 0..24 {
        let asks = known(Request::decode(&strange(number)).err().map(|error| error.to_string()));
        let answers = known(Response::decode(&strange(number)).err().map(|error| error.to_string()));
        assert_eq!(asks, tags(false).contains(&number), "request {number} and its vector");
        assert_eq!(answers, tags(true).contains(&number), "answer {number} and its vector");
    }
}

#[test]
fn every_vector_file_is_read_by_a_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|file| file.expect("it can be read").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    // `pairing.json` is read by the tests in `pairing/`, `control.json` by those in `control/`.
    assert_eq!(names, ["control.json", "pairing.json", "structures.json"]);
}
