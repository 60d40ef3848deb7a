//! The rules' own decoders: entries, batches, messages between nodes, pairing, bodies.

use crate::Target;
use protocol::bundle::{Frames, Item, Opened};
use protocol::clock::Millis;
use protocol::control::op::{Access, ControlOp, GroupKind};
use protocol::engine::effect::{Answer, Effect};
use protocol::engine::input::{Ask, Command, Input};
use protocol::engine::{Engine, Identity};
use protocol::entry::{Header, batch};
use protocol::gossip;
use protocol::group::DataOp;
use protocol::ids::{EntryId, GroupId, RequestId, ScopeId, SiteId, TicketId, UserId};
use protocol::keys::SecretKey;
use protocol::limits::BUNDLE_RECORD_BYTES_MAX;
use protocol::log::Log;
use protocol::log::fork::ForkProof;
use protocol::pairing::{Frame, InviterRecord, JoinerRecord, PairingLock, Ticket};
use protocol::store::keys::Key;
use protocol::store::memory::MemoryStore;
use protocol::sync::address::AddressRecord;
use protocol::sync::held::Held;
use protocol::sync::message::{Request, Response};
use std::sync::LazyLock;

/// The decoders.
pub const TARGETS: &[Target] = &[
    ("header", header),
    ("batch", entries),
    ("request", request),
    ("response", response),
    ("held", held),
    ("address_record", address_record),
    ("gossip", gossip_message),
    ("control_op", control_op),
    ("data_op", data_op),
    ("pairing_frame", pairing_frame),
    ("pairing_record", pairing_record),
    ("ticket", ticket),
    ("ticket_text", ticket_text),
    ("log_row", log_row),
    ("id_text", id_text),
    ("welcome", welcome),
    ("engine", engine),
    ("bundle", bundle_file),
    ("bundle_item", bundle_item),
    ("fork_proof", fork_proof),
];

/// What is read as a header is its only form.
fn header(bytes: &[u8]) {
    if let Ok(header) = Header::decode(bytes) {
        assert_eq!(header.encode(), bytes, "a header has one form");
        header.intent();
    }
}

/// A batch that is read is written again as one that reads alike.
fn entries(bytes: &[u8]) {
    let Ok(entries) = batch::decode(bytes) else { return };
    assert!(!entries.is_empty(), "a batch is never empty");
    let again = batch::encode(&entries, batch::Signatures::All);
    assert_eq!(batch::decode(&again).as_ref(), Ok(&entries), "a batch reads back");
    for (at, entry) in entries.iter().enumerate() {
        entry.body_fits();
        let item = batch::peek(bytes, at).expect("a good batch can be looked into");
        assert_eq!((item.hlc, item.kind, item.actor), (entry.header.hlc, entry.header.kind, entry.header.actor));
    }
    assert!(batch::peek(bytes, entries.len()).is_none(), "nothing stands behind the last entry");
}

fn request(bytes: &[u8]) {
    if let Ok(request) = Request::decode(bytes) {
        assert_eq!(Request::decode(&request.encode()).as_ref(), Ok(&request), "a request reads back");
    }
}

fn response(bytes: &[u8]) {
    if let Ok(response) = Response::decode(bytes) {
        assert_eq!(Response::decode(&response.encode()).as_ref(), Ok(&response), "a response reads back");
    }
}

fn held(bytes: &[u8]) {
    if let Ok(held) = minicbor::decode::<Held>(bytes) {
        held.is_valid(&protocol::ids::OrgId([1; 32]));
        held.height(&protocol::ids::LogId([1; 32]));
    }
}

fn address_record(bytes: &[u8]) {
    if let Ok(record) = minicbor::decode::<AddressRecord>(bytes) {
        record.is_valid(&protocol::ids::OrgId([1; 32]));
    }
}

/// Opened with a key that is known: the ciphertext's shape, and what comes out of one that fits.
fn gossip_message(bytes: &[u8]) {
    let scope = ScopeId([1; 32]);
    let key = gossip::new_epoch(&mut Dice(1));
    let _ = gossip::open(&scope, bytes, [&key].into_iter());
    let _ = minicbor::decode::<gossip::Message>(bytes);
}

/// What a bundle begins with.
const MAGIC: &[u8] = b"archipel bundle 1\n";

/// A file that says it is a bundle, read in pieces and read whole: the same frames, and none larger than allowed.
fn bundle_file(bytes: &[u8]) {
    let framed = [&MAGIC[..], bytes].concat();
    for file in [bytes, &framed] {
        assert_eq!(frames(file, file.len().max(1)), frames(file, 7), "it does not matter how the bytes arrive");
    }
}

fn frames(file: &[u8], piece: usize) -> (Option<Opened>, Vec<Vec<u8>>) {
    let (mut frames, mut opened, mut records) = (Frames::default(), None, Vec::new());
    for bytes in file.chunks(piece) {
        frames.push(bytes);
        if opened.is_none() {
            match frames.opening() {
                Ok(found) => opened = found,
                Err(_) => return (None, Vec::new()),
            }
        }
        while opened.is_some()
            && let Ok(Some(record)) = frames.record()
        {
            assert!(record.len() <= BUNDLE_RECORD_BYTES_MAX, "no record is larger than allowed");
            records.push(record);
        }
    }
    let _ = frames.ended();
    (opened, records)
}

fn bundle_item(bytes: &[u8]) {
    if let Ok(item) = minicbor::decode::<Item>(bytes) {
        let again = minicbor::to_vec(&item).expect("it is written");
        assert_eq!(minicbor::decode::<Item>(&again).ok(), Some(item), "an item reads back");
    }
}

fn fork_proof(bytes: &[u8]) {
    if let Ok(proof) = ForkProof::decode(bytes) {
        assert_eq!(ForkProof::decode(&proof.encode()).as_ref(), Ok(&proof), "a proof reads back");
        let _ = proof.check(&protocol::ids::OrgId([1; 32]));
    }
}

fn kind_and_body(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (kind, body) = bytes.split_at_checked(2)?;
    Some((u16::from_be_bytes(kind.try_into().ok()?), body))
}

fn control_op(bytes: &[u8]) {
    let Some((kind, body)) = kind_and_body(bytes) else { return };
    if let Ok(op) = ControlOp::decode(kind, body) {
        let (kind, body) = op.encode();
        assert_eq!(ControlOp::decode(kind, &body).as_ref(), Ok(&op), "an operation reads back");
    }
}

fn data_op(bytes: &[u8]) {
    let Some((kind, body)) = kind_and_body(bytes) else { return };
    if let Ok(op) = DataOp::decode(kind, body)
        && op != DataOp::Unknown
    {
        let (kind, body) = op.encode();
        assert_eq!(DataOp::decode(kind, &body).as_ref(), Ok(&op), "an operation reads back");
    }
}

fn pairing_frame(bytes: &[u8]) {
    if let Ok(frame) = Frame::from_bytes(bytes) {
        assert_eq!(frame.to_bytes(), bytes, "a frame has one form");
    }
}

fn pairing_record(bytes: &[u8]) {
    let _ = InviterRecord::from_bytes(bytes);
    let _ = JoinerRecord::from_bytes(bytes);
    let _ = PairingLock::from_bytes(bytes);
}

fn ticket(bytes: &[u8]) {
    if let Ok(ticket) = Ticket::from_bytes(bytes) {
        assert!(Ticket::parse(&ticket.to_string()).is_ok(), "a ticket can be typed in");
    }
}

fn ticket_text(bytes: &[u8]) {
    let _ = Ticket::parse(&String::from_utf8_lossy(bytes));
}

fn log_row(bytes: &[u8]) {
    if let Ok(log) = Log::from_bytes(bytes) {
        assert_eq!(Log::from_bytes(&log.to_bytes()).as_ref(), Ok(&log), "a row reads back");
    }
    let _ = Key::of(b'x').and(bytes).prefix();
}

fn id_text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(id) = text.parse::<UserId>() {
        assert_eq!(id.to_string(), text, "an id has one text");
    }
    if let Ok(id) = text.parse::<EntryId>() {
        assert_eq!(id.to_string(), text, "an id has one text");
    }
}

/// What a pairing hands to a node that belongs nowhere yet.
fn welcome(bytes: &[u8]) {
    let (mut engine, mut store) = lone();
    let command = Command::JoinOrganisation { welcome: bytes.to_vec() };
    let ask = Ask { token: 1, actor: None, request: RequestId([1; 16]), command };
    engine.handle(&mut store, NOW, &mut Dice(3), Input::Ask(ask));
}

/// Requests, answers, batches and live messages from a member node: each input in all these places.
fn engine(bytes: &[u8]) {
    let mut store = ORGANISATION.clone();
    let mut engine = Engine::open(identity(), &store);
    let peer = member();
    let mut take = |input| engine.handle(&mut store, NOW, &mut Dice(4), input);
    take(Input::PeerConnected(peer));
    take(Input::PeerRequest { peer, token: 1, bytes: bytes.to_vec() });
    let push = Request::Push { batches: vec![bytes.to_vec().into()] };
    take(Input::PeerRequest { peer, token: 2, bytes: push.encode() });
    let range = Response::Range { batches: vec![bytes.to_vec().into()] };
    for call in 0..4 {
        take(Input::PeerResponse { peer, call, bytes: Some(bytes.to_vec()) });
        take(Input::PeerResponse { peer, call, bytes: Some(range.encode()) });
    }
    take(Input::Live { topic: "t".into(), token: 3, bytes: bytes.to_vec() });
    take(Input::Tick);
    take(Input::PeerGone(peer));
    // What it wrote down can be read when it starts again.
    drop(Engine::open(identity(), &store));
}

const NOW: Millis = Millis(1_800_000_000_000);

fn identity() -> Identity {
    Identity { key: SecretKey::from_seed(&[5; 32]), sealing: [6; 32] }
}

fn lone() -> (Engine, MemoryStore) {
    let store = MemoryStore::default();
    (Engine::open(identity(), &store), store)
}

fn member() -> protocol::ids::NodeId {
    SecretKey::from_seed(&[9; 32]).node()
}

/// The disk of a site that founded an organisation, made a group, wrote in it, and admitted another site.
static ORGANISATION: LazyLock<MemoryStore> = LazyLock::new(|| {
    let (mut engine, mut store) = lone();
    let (admin, secret) = (UserId([1; 16]), [3; 32]);
    let mut made = ScopeId([0; 32]);
    let mut ask = |number: u8, actor, command| {
        let ask = Ask { token: 1, actor, request: RequestId([number; 16]), command };
        for effect in engine.handle(&mut store, NOW, &mut Dice(9), Input::Ask(ask)) {
            match effect {
                Effect::Answer { answer: Answer::Done { id }, .. } => made = ScopeId(id.0),
                Effect::Answer { answer, .. } => panic!("{answer:?}"),
                _ => {}
            }
        }
        made
    };
    ask(
        1,
        None,
        Command::CreateOrganisation {
            name: "Habitat".into(),
            site: SiteId([1; 16]),
            site_name: "Paris".into(),
            company: String::new(),
            admin,
            admin_name: "Ann".into(),
            admin_key: SecretKey::from_seed(&secret).public().0,
            admin_secret: secret,
            recovery: Vec::new(),
        },
    );
    ask(
        2,
        Some(admin),
        Command::AdmitNode {
            node: member(),
            sealing: [8; 32],
            site: SiteId([2; 16]),
            site_name: Some("Lyon".into()),
            company: String::new(),
            ticket: TicketId([4; 16]),
        },
    );
    let (kind, access) = (GroupKind::Trade, Access::Open);
    let group = ask(3, Some(admin), Command::CreateGroup { name: "G".into(), purpose: String::new(), kind, access });
    let group = GroupId(group.0);
    ask(4, Some(admin), Command::CreatePost { group, title: String::new(), text: "x".into(), attachments: Vec::new() });
    store
});

/// A source of numbers that are always the same.
pub struct Dice(pub u64);

impl rand_core::TryRng for Dice {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Ok(self.0 ^ (self.0 >> 31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for byte in bytes {
            *byte = self.try_next_u64()? as u8;
        }
        Ok(())
    }
}
