//! `document` (goal P10): a page of many changes is opened, with its kept state and without.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a bench measures time")]

use crate::figure::{Figure, Report};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, Automerge, Change, LoadOptions, ROOT, ReadDoc, TextEncoding};
use protocol::clock::Hlc;
use protocol::document::{CHANGES_PER_ENTRY_MAX, Carried, Document, Saved, actor, digest};
use protocol::ids::{EntryId, NodeId, UserId};
use std::collections::BTreeSet;
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
    kept(report, &document, &entries);
    let words = format!(
        "{count} changes, {chars} characters, from all its entries; goal 150; automerge loads its own file in {load:.0} ms, reads the changes in {parse:.0} ms"
    );
    report.figure(&Figure::new("shown_without_ms", built + shown, "ms", words));
    report.figure(&Figure::new(
        "ready_without_ms",
        built + save,
        "ms",
        format!("of which saving for the browser {save:.0} ms; goal 600"),
    ));
}

/// The same page with its kept state, read from the disk as a node does it. The last entries came after it was kept.
fn kept(report: Report, document: &Document, entries: &[Carried]) {
    let counting: BTreeSet<EntryId> = entries.iter().map(|carried| carried.entry).collect();
    let path = std::env::temp_dir().join(format!("archipel-bench-{}.page", std::process::id()));
    let state = document.saved().expect("it is whole");
    std::fs::write(&path, &state).expect("there is room for it");
    let read = || Saved::read(std::fs::read(&path).expect("it was written")).expect("it bears its seal");
    let shown = fastest(|| {
        let saved = read();
        assert_eq!(saved.front().digest, digest(&counting), "it stands for what counts");
        (saved.front().html.len(), saved.file().to_vec())
    });
    let ready = fastest(|| {
        let saved = read();
        assert!(saved.is_within(&counting), "it stands for what counts");
        saved.document().expect("it was whole")
    });
    let keep = fastest(|| document.saved());
    let early = entries.len() - entries.len().min(4);
    let state_before = Document::build(PAGE, entries[..early].to_vec()).saved().expect("it is whole");
    std::fs::write(&path, &state_before).expect("there is room for it");
    let tail = fastest(|| {
        let mut document = read().document().expect("it was whole");
        document.take_all(entries[early..].to_vec());
        assert_eq!(document.entries().len(), entries.len());
        document
    });
    std::fs::remove_file(&path).expect("it is this program's own");
    let words =
        format!("with its kept state of {} KiB, as HTML and as the browser loads it; goal 150", state.len() / 1024);
    report.figure(&Figure::new("shown_ms", shown, "ms", words));
    report.figure(&Figure::new("ready_ms", ready, "ms", "the document behind it, before a change is judged; goal 600"));
    report.figure(&Figure::new("tail_ms", tail, "ms", "the same with 4 entries that came after it was kept"));
    report.figure(&Figure::new("keep_ms", keep, "ms", "what keeping it costs, in the background"));
}
