//! Versions of a page, what is brought back of them, and who wrote what.

use super::*;

const MINUTE: u64 = 60_000;

fn at(minute: u64, mut carried: Carried) -> Carried {
    carried.hlc = Hlc((minute * MINUTE) << 16);
    carried
}

#[test]
fn what_is_written_without_a_long_pause_is_one_version_whoever_writes() {
    let (mut ann, mut ben) = (Writer::new(1), Writer::new(2));
    let first = at(100, ann.typed(0, "Roses"));
    ben.doc.merge(&mut ann.doc).unwrap();
    let second = at(105, ben.typed(5, " and thorns"));
    ann.doc.merge(&mut ben.doc).unwrap();
    let third = at(130, ann.wrote(|doc, text| doc.splice_text(text, 0, 5, "").unwrap()));
    let document = Document::build(PAGE, vec![third.clone(), first.clone(), second.clone()]);
    let versions = document.versions();
    let shown = |version: &Version| (version.people.clone(), version.changes, version.added, version.removed);
    assert_eq!(
        versions.iter().map(shown).collect::<Vec<_>>(),
        [(vec![ann.author], 1, 0, 5), (vec![ann.author, ben.author], 2, 16, 0)]
    );
    assert_eq!((versions[1].from, versions[1].at), (first.hlc, second.hlc));
    let text = |id: &Hash| render::plain(&document.lines_at(&document.heads_at(id).unwrap()));
    assert_eq!(text(&versions[0].id), " and thorns");
    assert_eq!(text(&versions[1].id), "Roses and thorns");
    assert_eq!(document.heads_at(&versions[0].id), Some(document.heads()));
    assert_eq!(document.heads_at(&[9; 32]), None);
}

#[test]
fn a_version_never_holds_what_it_builds_on_in_a_later_one_whatever_clocks_show() {
    let (mut ann, mut ben) = (Writer::new(1), Writer::new(2));
    let first = at(1_000, ann.typed(0, "first"));
    ben.doc.merge(&mut ann.doc).unwrap();
    // Ben's clock is hours behind.
    let second = at(10, ben.typed(5, " second"));
    let document = Document::build(PAGE, vec![first.clone(), second]);
    let versions = document.versions();
    assert_eq!(versions.len(), 1);
    assert_eq!((versions[0].from, versions[0].at), (first.hlc, first.hlc));
    assert_eq!(document.heads_at(&versions[0].id), Some(document.heads()));
}

#[test]
fn everybody_finds_their_own_letters_in_a_text_of_many() {
    let (mut ann, mut ben) = (Writer::new(1), Writer::new(2));
    let first = ann.typed(0, "né 🙂!");
    ben.doc.merge(&mut ann.doc).unwrap();
    let block = ben.wrote(|doc, text| {
        doc.split_block(text, 3).unwrap();
        doc.mark(text, Mark::new("strong".into(), true, 0, 2), ExpandMark::After).unwrap();
    });
    let document = Document::build(PAGE, vec![first, block]);
    let spans: Vec<_> = document.authors().iter().map(|span| (span.start, span.end, span.author)).collect();
    assert_eq!(spans, [(0, 3, ann.author), (3, 4, ben.author), (4, 7, ann.author)]);
}

#[test]
fn a_long_page_is_written_and_brought_back_in_changes_that_fit() {
    let node = NodeId([9; 32]);
    let author = UserId([9; 16]);
    let name = actor(&node, &PAGE, 1);
    let mut document = Document::new(PAGE);
    let mut lines: Vec<Line> =
        (0..300).map(|at| Line::plain(Kind::Bullet, format!("line {at} {}", "word ".repeat(20)))).collect();
    lines.push(Line::plain(Kind::Paragraph, "é".repeat(9_500)));
    let changes = document.write(name, 1, &lines).expect("it can be written");
    assert!(changes.len() > 3);
    assert_eq!(document.admit(1, &node, author, Hlc(1), &changes).malformed, None);
    assert_eq!(document.lines().len(), 301);
    let (heads, before) = (document.heads(), document.html());
    let emptied = document.restore(name, 2, &Document::new(PAGE).heads()).expect("it can be emptied");
    assert_eq!(document.admit(1, &node, author, Hlc(2), &emptied).malformed, None);
    assert_eq!(document.plain(), "");
    let back = document.restore(name, 3, &heads);
    let Some(back) = back else { panic!("it can be brought back") };
    assert_eq!(document.admit(1, &node, author, Hlc(3), &back).malformed, None);
    assert_eq!(document.html(), before);
    assert_eq!(document.restore(name, 4, &heads), Some(Vec::new()), "nothing is left to be done");
}

#[test]
fn what_is_brought_back_is_a_version_of_its_own_so_that_what_it_replaced_stays() {
    let (mut ann, mut ben) = (Writer::new(1), Writer::new(2));
    let first = at(100, ann.typed(0, "Roses"));
    ben.doc.merge(&mut ann.doc).unwrap();
    let mut act = at(101, ben.wrote(|doc, text| doc.splice_text(text, 0, 5, "").unwrap()));
    act.whole = true;
    ann.doc.merge(&mut ben.doc).unwrap();
    let third = at(102, ann.typed(0, "Tulips"));
    let versions = Document::build(PAGE, vec![first, act, third]).versions();
    assert_eq!(versions.iter().map(|version| version.added).collect::<Vec<_>>(), [6, 0, 5]);
}
