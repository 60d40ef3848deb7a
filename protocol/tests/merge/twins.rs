//! What was written again: which of an original and its copies counts, and what is said to any of them, is the same in any
//! order. Some copies rest on ground where their author had no right, some on ground that comes later or never.

use crate::apart::{Apart, READER};
use crate::{SEEDS, laws};
use protocol::clock::{Hlc, Millis};
use protocol::control::op::{Class, ControlOp, LogOpen};
use protocol::engine::Tuning;
use protocol::entry::batch::{self, Signatures};
use protocol::entry::{Body, Entry, Header};
use protocol::group::{Comment, DataOp, Edit, Post, React};
use protocol::ids::{EntryId, ScopeId, UserId};

/// Header key of the entry that one says again, and how the CBOR of 32 bytes begins.
const AGAIN: (u64, [u8; 2]) = (64, [0x58, 32]);

/// What an entry says, to whom, and what it says again.
struct Say {
    op: (u16, Vec<u8>),
    refs: Vec<EntryId>,
    salt: [u8; 16],
    again: Option<EntryId>,
}

fn say(apart: &mut Apart, op: &DataOp, refs: Vec<EntryId>) -> Say {
    Say { op: op.encode(), refs, salt: apart.world.random(), again: None }
}

/// A new log of a site's node that rests on a frontier, with one entry. Answers the entry's id and the log's batch.
fn log_of(apart: &mut Apart, at: usize, class: Class, ctl: &[EntryId], says: &Say) -> (EntryId, Vec<u8>) {
    let org = apart.world.sites[at].engine.org().expect("founded");
    let open = LogOpen { node: apart.world.node(at), class, nonce: apart.world.random(), previous: Vec::new() };
    let now = apart.world.now.0 + apart.world.below(3_600_000);
    let mut entries: Vec<Entry> = Vec::new();
    let (kind, bytes) = ControlOp::LogOpen(open).encode();
    let opening = Body { salt: apart.world.random(), bytes };
    let content = Body { salt: says.salt, bytes: says.op.1.clone() };
    for (seq, (kind, body)) in [(kind, opening), (says.op.0, content)].into_iter().enumerate() {
        let is_content = seq > 0;
        let again = says.again.filter(|_| is_content);
        let header = Header {
            scope: ScopeId::from(apart.group),
            log: entries.last().map(Entry::log),
            seq: seq as u64,
            prev: entries.last().map(|entry| entry.id),
            hlc: Hlc::at(Millis(now + seq as u64)),
            ctl: (!is_content).then(|| ctl.to_vec()),
            kind,
            actor: is_content.then(|| author(apart, at)),
            body_len: body.bytes.len() as u32,
            body_commit: body.commitment(),
            refs: if is_content { says.refs.clone() } else { Vec::new() },
            auth_proof: None,
            extra: again.iter().map(|id| (AGAIN.0, [&AGAIN.1[..], &id.0].concat())).collect(),
        };
        entries.push(Entry::sign(header, body, &org, &apart.world.sites[at].identity.key));
    }
    (entries[1].id, batch::encode(&entries, Signatures::All))
}

fn author(apart: &Apart, at: usize) -> UserId {
    apart.people[at]
}

/// The frontiers that the site's own data logs name: the first knows nothing of the group, the last all of it.
fn frontiers(apart: &Apart, at: usize) -> Vec<Vec<EntryId>> {
    let node = apart.world.node(at);
    let entries = apart.world.sites[at].store.records().filter_map(|(_, record)| batch::decode(record).ok()).flatten();
    let of_data = |entry: &Entry| {
        let body = &entry.body.as_ref()?.bytes;
        match ControlOp::decode(entry.header.kind, body) {
            Ok(ControlOp::LogOpen(open)) if open.node == node && open.class == Class::Data => entry.header.ctl.clone(),
            _ => None,
        }
    };
    entries.filter(|entry| entry.header.seq == 0).filter_map(|entry| of_data(&entry)).collect()
}

/// A log for each entry of a family: an original, which may be left out, and copies of it.
struct Family {
    ids: Vec<EntryId>,
    logs: Vec<Vec<u8>>,
}

fn family(apart: &mut Apart, grounds: &[Vec<EntryId>], op: &DataOp, refs: &[Vec<EntryId>]) -> Family {
    let mut says = say(apart, op, refs[0].clone());
    let ground = pick(apart, grounds).clone();
    let (original, log) = log_of(apart, 2, Class::Data, &ground, &says);
    let (mut ids, mut logs) = (vec![original], Vec::new());
    if apart.world.below(3) > 0 {
        logs.push(log);
    }
    says.again = Some(original);
    for _ in 0..1 + apart.world.below(3) {
        says.refs = pick(apart, refs).clone();
        let ground = pick(apart, grounds).clone();
        let (copy, log) = log_of(apart, 2, Class::Data, &ground, &says);
        ids.push(copy);
        logs.push(log);
    }
    Family { ids, logs }
}

fn pick<'a, T>(apart: &mut Apart, of: &'a [T]) -> &'a T {
    &of[apart.world.below(of.len() as u64) as usize]
}

/// The family, and what people of all sites say to any of it.
fn said_to(apart: &mut Apart, of: &Family, good: &[Vec<EntryId>]) -> Vec<Vec<u8>> {
    let mut logs = Vec::new();
    for _ in 0..6 {
        let target = *pick(apart, &of.ids);
        let at = apart.world.below(READER as u64) as usize;
        let text = format!("to it {}", apart.world.below(1 << 40));
        let op = match apart.world.below(4) {
            0 => DataOp::Comment(Comment { text }),
            1 => DataOp::Edit(Edit { title: String::new(), text }),
            2 => DataOp::Delete,
            _ => DataOp::React(React { emoji: "👍".into(), on: apart.world.below(4) > 0 }),
        };
        let says = say(apart, &op, vec![target]);
        logs.push(log_of(apart, at, Class::Data, &good[at], &says).1);
    }
    logs
}

#[test]
fn of_what_was_written_again_one_counts_in_any_order() {
    for seed in 0..SEEDS {
        let mut apart = Apart::new(990 + seed, Tuning::default());
        let good: Vec<Vec<EntryId>> =
            (0..READER).map(|at| frontiers(&apart, at).pop().expect("all wrote in the group")).collect();
        let no_right = frontiers(&apart, 2).swap_remove(0);
        assert!(no_right != good[2], "the group was not known yet");
        // What this one says does not matter: it comes at some time, and is waited for.
        let unknown = Say { op: ControlOp::Unknown(0x8123).encode(), refs: Vec::new(), salt: [1; 16], again: None };
        let (later, control) = log_of(&mut apart, 1, Class::Control, &good[1], &unknown);
        let waiting = [&good[2][..], &[later]].concat();
        let never = [&good[2][..], &[EntryId([9; 32])]].concat();
        let grounds = [good[2].clone(), good[2].clone(), no_right, waiting, never];
        let post = DataOp::Post(Post { title: String::new(), text: "a post".into(), attachments: Vec::new() });
        let posts = family(&mut apart, &grounds, &post, &[Vec::new()]);
        let to_posts: Vec<Vec<EntryId>> = posts.ids.iter().map(|id| vec![*id]).collect();
        let comments = family(&mut apart, &grounds, &DataOp::Comment(Comment { text: "so it is".into() }), &to_posts);
        let mut logs = vec![control];
        logs.extend(said_to(&mut apart, &posts, &good));
        logs.extend(said_to(&mut apart, &comments, &good));
        logs.extend(posts.logs.into_iter().chain(comments.logs));
        apart.world.now.0 += 2 * 3_600_000;
        let logs: Vec<Vec<Vec<u8>>> = logs.into_iter().map(|log| vec![log]).collect();
        laws(&apart, &logs, &format!("twins, seed {seed}"));
    }
}
