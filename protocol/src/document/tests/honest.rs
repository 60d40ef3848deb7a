//! What honest writers write.

use super::*;
use proptest::prelude::*;

/// Heads, what is read, and everything that stands in the document. Saved bytes name changes in the order of arrival.
fn shown(document: &Document) -> (Vec<Hash>, String, Vec<automerge::iter::Span>) {
    (document.heads(), document.html(), document.doc.spans(&document.text).unwrap().collect())
}

#[test]
fn what_two_people_write_at_the_same_time_is_the_same_everywhere() {
    let (mut ann, mut ben) = (Writer::new(1), Writer::new(2));
    let entries = [ann.typed(0, "Good morning"), ben.typed(0, "Hello ")];
    let mut here = Document::new(PAGE);
    let mut there = Document::new(PAGE);
    for (one, other) in entries.iter().zip(entries.iter().rev()) {
        assert_eq!(here.take(one).malformed, None);
        assert_eq!(there.take(other).malformed, None);
    }
    assert_eq!(shown(&here), shown(&there));
    assert_eq!(here.heads().len(), 2);
    assert!(here.plain().contains("Good morning") && here.plain().contains("Hello "));
    assert_eq!(here.writers().len(), 2);
}

#[test]
fn what_came_before_what_it_builds_on_waits_and_counts_when_that_comes() {
    let mut ann = Writer::new(1);
    let (first, second) = (ann.typed(0, "one"), ann.typed(3, " two"));
    let mut document = Document::new(PAGE);
    let taken = document.take(&second);
    assert!(taken.applied.is_empty() && taken.malformed.is_none() && document.is_waiting());
    assert_eq!(document.take(&first).applied.len(), 2, "both count now");
    assert_eq!((document.plain().as_str(), document.is_waiting()), ("one two", false));
    assert!(document.take(&first).applied.is_empty(), "what came twice changes nothing (INV-02)");
}

#[test]
fn what_a_browser_sends_is_admitted_before_it_is_logged() {
    let mut ann = Writer::new(1);
    let entry = ann.typed(0, "one");
    let mut document = Document::new(PAGE);
    let admitted = document.admit(1, &ann.node, ann.author, Hlc(9), &entry.changes);
    assert_eq!((admitted.fresh.len(), admitted.kept.len(), admitted.malformed), (1, 1, None));
    document.logged(&entry);
    assert!(document.take(&entry).applied.is_empty());
    let again = document.admit(1, &ann.node, ann.author, Hlc(9), &entry.changes);
    assert_eq!((again.fresh.len(), again.kept.len()), (0, 1), "what is sent again is kept once");
    let more = ann.typed(0, "x").changes;
    let foreign = document.admit(2, &ann.node, ann.author, Hlc(9), &more);
    assert_eq!((foreign.refused.len(), foreign.malformed), (1, Some(Malformed::Actor)));
    assert_eq!(document.count_of(&actor(&ann.node, &PAGE, 1)), 1);
}

#[test]
fn a_page_is_written_from_lines_and_an_older_state_is_brought_back() {
    let mut document = Document::new(PAGE);
    let node = NodeId([9; 32]);
    let name = actor(&node, &PAGE, 0);
    let strong = Marks { strong: true, link: Some("https://a.example/\"q".into()), ..Marks::default() };
    let mut line = Line::plain(Kind::Paragraph, "Plain ");
    line.inlines.push(Inline::Text { text: "strong".into(), marks: strong });
    line.inlines.push(Inline::Image { blob: "b".into(), name: "n".into(), alt: "A".into() });
    let lines = vec![
        Line::plain(Kind::Heading(2), "Title"),
        line,
        Line { depth: 1, ..Line::plain(Kind::Todo(true), "done") },
        Line::new(Kind::Divider),
        Line::plain(Kind::Code, "x = 1;\n"),
    ];
    let changes = document.write(name, 1, &lines).expect("it can be written");
    let admitted = document.admit(0, &node, UserId([9; 16]), Hlc(1), &changes);
    assert_eq!((admitted.fresh.len(), admitted.malformed), (changes.len(), None));
    assert_eq!(document.lines(), lines);
    let (heads, before) = (document.heads(), document.html());
    let mut ben = Writer::new(2);
    ben.doc.load_incremental(&document.save()).unwrap();
    let entry = ben.wrote(|doc, text| doc.update_text(text, "all gone").unwrap());
    assert_eq!(document.take(&entry).malformed, None);
    assert_ne!(document.html(), before);
    let changes = document.restore(name, 2, &heads).expect("it can be restored");
    assert_eq!(document.admit(0, &node, UserId([9; 16]), Hlc(3), &changes).malformed, None);
    assert_eq!(document.html(), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// INV-06 and ruling A8: equal entries, equal verdicts, heads and bytes, whatever the order.
    #[test]
    fn everything_that_honest_people_write_counts_in_every_order(
        acts in proptest::collection::vec((0..3_usize, any::<u8>(), 0..1_000_usize, any::<bool>()), 1..40),
        order in any::<proptest::sample::Index>(),
        seed in any::<u64>(),
    ) {
        let mut writers = [Writer::new(1), Writer::new(2), Writer::new(3)];
        let mut entries: Vec<Carried> = Vec::new();
        for (who, what, place, meet) in acts {
            if meet {
                let mut other = writers[(who + 1) % 3].doc.clone();
                writers[who].doc.merge(&mut other).unwrap();
            }
            entries.push(writers[who].wrote(|doc, text| act(doc, text, what, place)));
        }
        let built = Document::build(PAGE, entries.clone());
        prop_assert!(!built.is_quarantined() && !built.is_waiting());
        let mut shuffled = entries.clone();
        let mut state = seed;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(at, (state >> 33) as usize % (at + 1));
        }
        let mut one_by_one = Document::new(PAGE);
        for entry in &shuffled {
            let taken = one_by_one.take(entry);
            prop_assert_eq!(taken.malformed, None);
            prop_assert!(!taken.rebuild);
        }
        prop_assert!(!one_by_one.is_quarantined());
        prop_assert_eq!(shown(&one_by_one), shown(&built));
        // And as the writers see it when they have met.
        let (first, rest) = writers.split_first_mut().unwrap();
        for other in rest {
            first.doc.merge(&mut other.doc).unwrap();
        }
        let mut heads: Vec<Hash> = first.doc.get_heads().iter().map(|hash| hash.0).collect();
        heads.sort_unstable();
        prop_assert_eq!(heads, built.heads());
        // Half of them are a document too.
        let half = order.index(entries.len() + 1);
        let part = Document::build(PAGE, shuffled[..half].to_vec());
        prop_assert!(!part.is_quarantined());
    }
}

/// Changes that `@automerge/automerge` 3.5 made in JavaScript on a new page: letters, a block, marks, a mark taken back,
/// letters replaced, two whole rewritings with blocks, a picture and marks, a long text.
#[test]
fn what_a_browser_writes_is_admitted() {
    let hex: Vec<String> = serde_json::from_str(include_str!("browser.json")).unwrap();
    let byte = |at: usize, hex: &str| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let changes = hex.iter().map(|hex| (0..hex.len()).step_by(2).map(|at| byte(at, hex)).collect()).collect();
    let mut ann = Writer::new(1);
    let entry = ann.carry(changes);
    let mut document = Document::new(PAGE);
    let taken = document.take(&entry);
    assert_eq!((taken.malformed, taken.applied.len()), (None, hex.len()));
    assert!(document.plain().starts_with("Doa long one a long one"), "{}", document.plain());
    assert!(!document.is_quarantined());
}
