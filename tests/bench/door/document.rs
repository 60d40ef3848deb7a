//! `document` (goal P10): a page of many changes is opened.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench measures time")]

use crate::figure::{Figure, Report};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, Automerge, Change, LoadOptions, ROOT, ReadDoc, TextEncoding};
use protocol::clock::Hlc;
use protocol::document::{CHANGES_PER_ENTRY_MAX, Carried, Document, actor};
use protocol::ids::{EntryId, NodeId, UserId};
use std::time::Instant;

const PAGE: EntryId = EntryId([7; 32]);
const NODE: NodeId = NodeId([1; 32]);
/// Letters of one change: goal P10 has 100,000 characters in 20,000 changes.
const LETTERS: &str = "abcd ";
/// People who type in turn.
const WRITERS: u64 = 4;
/// Each thing is done so often; the fastest is what the machine can do.
const ROUNDS: usize = 3;

/// A page as people type it: each goes on for some changes, somewhere.
fn typed(count: usize) -> Vec<Carried> {
    let options = LoadOptions::new().text_encoding(TextEncoding::Utf16CodeUnit);
    let mut doc = AutoCommit::load_with_options(&Document::new(PAGE).save(), options).expect("a new page loads");
    let (_, text) = doc.get(ROOT, "text").expect("it reads").expect("a page has a text");
    let (mut entries, mut changes, mut at) = (Vec::new(), Vec::new(), 0);
    for number in 0..count {
        let turn = (number / CHANGES_PER_ENTRY_MAX) as u64;
        if changes.is_empty() {
            doc.set_actor(ActorId::from(&actor(&NODE, &PAGE, 1 + turn % WRITERS)[..]));
            at = doc.length(&text) * ((turn * 7) % 11) as usize / 11;
        }
        doc.splice_text(&text, at, 0, LETTERS).expect("a text takes letters");
        at += LETTERS.len();
        doc.commit_with(CommitOptions::default().with_time(0));
        changes.push(doc.get_last_local_change().expect("it was just made").raw_bytes().to_vec());
        if changes.len() == CHANGES_PER_ENTRY_MAX || number + 1 == count {
            let mut entry = [0; 32];
            entry[..8].copy_from_slice(&turn.to_be_bytes());
            let changes = std::mem::take(&mut changes);
            let (author, hlc, session) = (UserId([1; 16]), Hlc(turn << 16), 1 + turn % WRITERS);
            let carried =
                Carried { entry: EntryId(entry), author, node: NODE, seq: turn, hlc, session, whole: false, changes };
            entries.push(carried);
        }
    }
    entries
}

/// The shortest of some rounds, in milliseconds.
fn fastest<T>(mut work: impl FnMut() -> T) -> f64 {
    let round = |_| {
        let begun = Instant::now();
        let done = std::hint::black_box(work());
        let spent = begun.elapsed();
        drop(done);
        spent.as_secs_f64() * 1_000.0
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

pub fn run(report: Report, count: usize) {
    let entries = typed(count);
    let document = Document::build(PAGE, entries.clone());
    let (saved, chars) = (document.save(), document.plain().chars().count());
    let raw: Vec<&[u8]> = entries.iter().flat_map(|entry| &entry.changes).map(Vec::as_slice).collect();
    let load = fastest(|| Automerge::load(&saved).expect("it was saved"));
    let parse =
        fastest(|| raw.iter().map(|bytes| Change::from_bytes(bytes.to_vec()).expect("a change").len()).sum::<usize>());
    let built = fastest(|| Document::build(PAGE, entries.clone()));
    let shown = fastest(|| document.html());
    let save = fastest(|| document.save());
    let words = format!(
        "{count} changes, {chars} characters, from all its entries; goal 150; automerge loads its own file in {load:.0} ms, reads the changes in {parse:.0} ms"
    );
    report.figure(&Figure::new("shown_ms", built + shown, "ms", words));
    report.figure(&Figure::new(
        "ready_ms",
        built + save,
        "ms",
        format!("of which saving for the browser {save:.0} ms; goal 600"),
    ));
}
