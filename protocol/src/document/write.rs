//! Changes that the node itself makes for a person: a page from a template or from Markdown, an older version brought back.

use super::line::{Inline, Kind, Line, Marks};
use super::schema::{CHANGE_BYTES_MAX, OPS_PER_CHANGE_MAX};
use super::{Actor, Document, Hash};
use automerge::marks::{ExpandMark, Mark};
use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ActorId, Automerge, AutomergeError, ChangeHash, ObjId, ObjType, ReadDoc, ScalarValue};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Operations of one own change: editors split there too (ruling B7).
const OPS_MAX: usize = 8_000;
/// Letters that are put in at once.
const LETTERS_MAX: usize = 4_000;
/// Marks of one own change: two operations each.
const MARKS_MAX: usize = 2_000;

/// A mark to be set, and how it grows.
type Wanted = (Mark, ExpandMark);

impl Document {
    /// Changes that write these lines behind what is there, at `seconds` since 1970. They are not applied: the caller
    /// admits and logs them as those of a browser.
    pub fn write(&self, actor: Actor, seconds: i64, lines: &[Line]) -> Option<Vec<Vec<u8>>> {
        self.make(actor, |doc, text| {
            // Marks come when all letters stand: else they would grow over what is put in behind them.
            let mut marks: Vec<Wanted> = Vec::new();
            let mut rest = lines;
            while !rest.is_empty() {
                let mut transaction = doc.transaction();
                while let Some((line, after)) = rest.split_first()
                    && transaction.pending_ops() < OPS_MAX - LETTERS_MAX
                {
                    append(&mut transaction, text, line, &mut marks)?;
                    rest = after;
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

    /// Changes that bring back what stood at these heads.
    pub fn restore(&self, actor: Actor, seconds: i64, heads: &[Hash]) -> Option<Vec<Vec<u8>>> {
        let heads: Vec<ChangeHash> = heads.iter().copied().map(ChangeHash).collect();
        self.make(actor, |doc, text| {
            let spans: Vec<_> = doc.spans_at(text, &heads)?.collect();
            let mut transaction = doc.transaction();
            transaction.update_spans(text, Default::default(), spans)?;
            transaction.commit_with(CommitOptions::default().with_time(seconds));
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

/// Puts a line behind all others.
fn append(
    transaction: &mut Transaction<'_>,
    text: &ObjId,
    line: &Line,
    wanted: &mut Vec<Wanted>,
) -> Result<(), AutomergeError> {
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
    for inline in &line.inlines {
        put_inline(transaction, text, inline, wanted)?;
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
            let words: String = words.chars().take(LETTERS_MAX).collect();
            if words.is_empty() {
                return Ok(());
            }
            transaction.splice_text(text, start, 0, &words)?;
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
