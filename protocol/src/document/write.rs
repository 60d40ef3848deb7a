//! Changes that the node itself makes for a person: a page from a template or from Markdown, an older version brought back.

use super::line::{self, Inline, Kind, Line, Marks};
use super::schema::{CHANGE_BYTES_MAX, OPS_PER_CHANGE_MAX};
use super::{Actor, Document, Hash};
use automerge::iter::Span;
use automerge::marks::{ExpandMark, Mark, UpdateSpansConfig};
use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ActorId, Automerge, AutomergeError, ChangeHash, ObjId, ObjType, ReadDoc, ScalarValue};
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Operations of one own change: editors split there too (ruling B7).
const OPS_MAX: usize = 8_000;
/// Letters that are put in at once.
const LETTERS_MAX: usize = 4_000;
/// Marks of one own change: two operations each.
const MARKS_MAX: usize = 2_000;

/// What of a text is changed in one go when an older state is brought back, in operations.
const STEP_WEIGHT: usize = 3_000;

/// A mark to be set, and how it grows.
type Wanted = (Mark, ExpandMark);

impl Document {
    /// Changes that write these lines behind what is there, at `seconds` since 1970. They are not applied: the caller
    /// admits and logs them as those of a browser.
    pub fn write(&self, actor: Actor, seconds: i64, lines: &[Line]) -> Option<Vec<Vec<u8>>> {
        self.make(actor, |doc, text| {
            // Marks come when all letters stand: else they would grow over what is put in behind them.
            let mut marks: Vec<Wanted> = Vec::new();
            let mut rest = lines.iter().flat_map(pieces).peekable();
            while rest.peek().is_some() {
                let mut transaction = doc.transaction();
                while transaction.pending_ops() < OPS_MAX - LETTERS_MAX
                    && let Some(piece) = rest.next()
                {
                    match piece {
                        Piece::Line(line) => begin(&mut transaction, text, line)?,
                        Piece::Inline(inline) => put_inline(&mut transaction, text, &inline, &mut marks)?,
                    }
                }
                transaction.commit_with(CommitOptions::default().with_time(seconds));
            }
            for some in marks.chunks(MARKS_MAX) {
                let mut transaction = doc.transaction();
                for (mark, expand) in some {
                    transaction.mark(text, mark.clone(), *expand)?;
                }
                transaction.commit_with(CommitOptions::default().with_time(seconds));
            }
            Ok(())
        })
    }

    /// Changes that bring back what stood at these heads: as many as it takes, each within the limits.
    pub fn restore(&self, actor: Actor, seconds: i64, heads: &[Hash]) -> Option<Vec<Vec<u8>>> {
        let heads: Vec<ChangeHash> = heads.iter().copied().map(ChangeHash).collect();
        self.make(actor, |doc, text| {
            let wanted: Vec<Span> = doc.spans_at(text, &heads)?.collect();
            let now: Vec<Span> = doc.spans(text)?.collect();
            for spans in steps(now, wanted) {
                let mut transaction = doc.transaction();
                transaction.update_spans(text, growing(), spans)?;
                transaction.commit_with(CommitOptions::default().with_time(seconds));
            }
            Ok(())
        })
    }

    fn make(
        &self,
        actor: Actor,
        write: impl FnOnce(&mut Automerge, &ObjId) -> Result<(), AutomergeError>,
    ) -> Option<Vec<Vec<u8>>> {
        if self.quarantined {
            return None;
        }
        let mut doc = self.doc.clone();
        doc.set_actor(ActorId::from(&actor[..]));
        let before = doc.get_heads();
        let text = self.text.clone();
        let made = catch_unwind(AssertUnwindSafe(|| {
            write(&mut doc, &text).ok()?;
            Some(doc.get_changes(&before))
        }));
        let changes = made.ok().flatten()?;
        let fits = |change: &automerge::Change| {
            change.raw_bytes().len() <= CHANGE_BYTES_MAX && change.len() as u64 <= OPS_PER_CHANGE_MAX
        };
        if !changes.iter().all(fits) {
            return None;
        }
        Some(changes.iter().filter(|change| !change.is_empty()).map(|change| change.raw_bytes().to_vec()).collect())
    }
}

/// A line's beginning, or something in it.
enum Piece<'a> {
    Line(&'a Line),
    Inline(Cow<'a, Inline>),
}

/// What a line consists of, in pieces that fit into a change.
fn pieces(line: &Line) -> Vec<Piece<'_>> {
    let mut pieces = vec![Piece::Line(line)];
    for inline in &line.inlines {
        match inline {
            Inline::Text { text, marks } if text.len() > LETTERS_MAX => {
                let letters: Vec<char> = text.chars().collect();
                let parts = letters.chunks(LETTERS_MAX).map(|part| part.iter().collect());
                let inlines = parts.map(|text| Inline::Text { text, marks: marks.clone() });
                pieces.extend(inlines.map(|inline| Piece::Inline(Cow::Owned(inline))));
            }
            inline => pieces.push(Piece::Inline(Cow::Borrowed(inline))),
        }
    }
    pieces
}

/// How marks grow when somebody writes at their end: as the editor has it.
fn growing() -> UpdateSpansConfig {
    let config = UpdateSpansConfig::default().with_default_expand(ExpandMark::After);
    config.with_mark_expand("link", ExpandMark::None).with_mark_expand("mention", ExpandMark::None)
}

/// The texts on the way from one to another, so that each differs from the one before by no more than fits into a change.
fn steps(now: Vec<Span>, wanted: Vec<Span>) -> Vec<Vec<Span>> {
    let (now, wanted) = (by_line(now), by_line(wanted));
    let head = now.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
    let tail = now[head..].iter().rev().zip(wanted[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, new) = (&now[head..now.len() - tail], &wanted[head..wanted.len() - tail]);
    let (mut gone, mut come) = (0, 0);
    let mut steps = Vec::new();
    while gone < old.len() || come < new.len() {
        let mut room = STEP_WEIGHT;
        for (at, lines) in [(&mut gone, old), (&mut come, new)] {
            // A line goes whole: one that is longer than a step is a step of its own.
            let first = *at;
            while let Some(weight) = lines.get(*at).map(|line| line.iter().map(weight_of).sum::<usize>())
                && (weight <= room || (*at == first && room == STEP_WEIGHT))
            {
                room = room.saturating_sub(weight);
                *at += 1;
            }
        }
        let parts = [&wanted[..head + come], &now[head + gone..]];
        steps.push(parts.into_iter().flatten().flatten().cloned().collect());
    }
    steps
}

/// Roughly how many operations a span takes.
fn weight_of(span: &Span) -> usize {
    match span {
        Span::Text { text, marks } => text.chars().count() + 2 * marks.as_ref().map_or(0, |marks| marks.iter().count()),
        Span::Block(_) => 12,
    }
}

/// Spans, each line's by themselves.
fn by_line(spans: Vec<Span>) -> Vec<Vec<Span>> {
    let mut lines: Vec<Vec<Span>> = Vec::new();
    for span in spans {
        let begins = matches!(&span, Span::Block(block) if !line::is_embed(block));
        match lines.last_mut() {
            Some(line) if !begins => line.push(span),
            _ => lines.push(vec![span]),
        }
    }
    lines
}

/// Begins a line behind all others.
fn begin(transaction: &mut Transaction<'_>, text: &ObjId, line: &Line) -> Result<(), AutomergeError> {
    let (kind, attrs) = match line.kind {
        Kind::Paragraph => ("paragraph", None),
        Kind::Heading(level) => ("heading", Some(("level", ScalarValue::Int(i64::from(level))))),
        Kind::Bullet => ("unordered-list-item", None),
        Kind::Ordered => ("ordered-list-item", None),
        Kind::Todo(ticked) => ("todo-item", Some(("checked", ScalarValue::Boolean(ticked)))),
        Kind::Quote => ("blockquote", None),
        Kind::Code => ("code-block", None),
        Kind::Divider => ("divider", None),
    };
    let at = transaction.length(text);
    let block = block(transaction, text, at, kind, line.depth, false)?;
    let map = transaction.put_object(&block, "attrs", ObjType::Map)?;
    if let Some((key, value)) = attrs {
        transaction.put(&map, key, value)?;
    }
    Ok(())
}

fn block(
    transaction: &mut Transaction<'_>,
    text: &ObjId,
    at: usize,
    kind: &str,
    depth: usize,
    embed: bool,
) -> Result<ObjId, AutomergeError> {
    let block = transaction.split_block(text, at)?;
    transaction.put(&block, "type", ScalarValue::Str(kind.into()))?;
    transaction.put(&block, "isEmbed", ScalarValue::Boolean(embed))?;
    let parents = transaction.put_object(&block, "parents", ObjType::List)?;
    for level in 0..depth {
        transaction.insert(&parents, level, ScalarValue::Str("unordered-list-item".into()))?;
    }
    Ok(block)
}

fn put_inline(
    transaction: &mut Transaction<'_>,
    text: &ObjId,
    inline: &Inline,
    wanted: &mut Vec<Wanted>,
) -> Result<(), AutomergeError> {
    let start = transaction.length(text);
    match inline {
        Inline::Text { text: words, marks } => {
            if words.is_empty() {
                return Ok(());
            }
            transaction.splice_text(text, start, 0, words)?;
            let end = transaction.length(text);
            let named = named(marks).into_iter();
            wanted.extend(named.map(|(name, value, expand)| (Mark::new(name.into(), value, start, end), expand)));
        }
        Inline::Image { blob, name, alt } => {
            let block = block(transaction, text, start, "image", 0, true)?;
            let attrs = transaction.put_object(&block, "attrs", ObjType::Map)?;
            for (key, value) in [("blob", blob), ("name", name), ("alt", alt)] {
                transaction.put(&attrs, key, ScalarValue::Str(value.as_str().into()))?;
            }
        }
    }
    Ok(())
}

/// Marks as they stand in a document.
fn named(marks: &Marks) -> Vec<(&'static str, ScalarValue, ExpandMark)> {
    let mut named = Vec::new();
    for (on, name) in [(marks.strong, "strong"), (marks.em, "em"), (marks.strike, "strike"), (marks.code, "code")] {
        if on {
            named.push((name, ScalarValue::Boolean(true), ExpandMark::After));
        }
    }
    if let Some(href) = &marks.link {
        let mut json = String::from("{\"href\":\"");
        for letter in href.chars().filter(|letter| !letter.is_control()) {
            if matches!(letter, '"' | '\\') {
                json.push('\\');
            }
            json.push(letter);
        }
        json.push_str("\",\"title\":\"\"}");
        named.push(("link", ScalarValue::Str(json.into()), ExpandMark::None));
    }
    if let Some(user) = &marks.mention {
        named.push(("mention", ScalarValue::Str(user.as_str().into()), ExpandMark::None));
    }
    named
}
