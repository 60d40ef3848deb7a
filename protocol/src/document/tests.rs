//! Documents: what honest writers write counts in any order, what nobody honest writes has no effect.

mod altered;
mod history;
mod honest;
mod hostile;
mod mutated;
mod saved;

use super::*;
use automerge::marks::{ExpandMark, Mark};
use automerge::{AutoCommit, LoadOptions, ReadDoc, ScalarValue};

pub(super) const PAGE: EntryId = EntryId([7; 32]);

/// A person at a browser, who works on a copy of the page.
pub(super) struct Writer {
    pub(super) node: NodeId,
    pub(super) session: u64,
    pub(super) author: UserId,
    pub(super) doc: AutoCommit,
    pub(super) text: ObjId,
    seq: u64,
}

impl Writer {
    pub(super) fn new(number: u8) -> Self {
        let (node, session) = (NodeId([number; 32]), u64::from(number));
        let options = LoadOptions::new().text_encoding(TextEncoding::Utf16CodeUnit);
        let mut doc = AutoCommit::load_with_options(&Document::new(PAGE).save(), options).unwrap();
        doc.set_actor(ActorId::from(&actor(&node, &PAGE, session)[..]));
        let (_, text) = doc.get(ROOT, "text").unwrap().unwrap();
        Self { node, session, author: UserId([number; 16]), doc, text, seq: 0 }
    }

    /// What was written since these heads, in one entry.
    pub(super) fn entry(&mut self, since: &[ChangeHash]) -> Carried {
        let changes = self.doc.get_changes(since).into_iter();
        let own = self.doc.get_actor().clone();
        let changes = changes.filter(|change| *change.actor_id() == own).map(|change| change.raw_bytes().to_vec());
        let changes = changes.collect();
        self.carry(changes)
    }

    pub(super) fn carry(&mut self, changes: Vec<Vec<u8>>) -> Carried {
        self.seq += 1;
        let mut entry = [self.session as u8; 32];
        entry[..8].copy_from_slice(&self.seq.to_be_bytes());
        let (author, node, session) = (self.author, self.node, self.session);
        let (hlc, whole) = (Hlc(self.seq << 16), false);
        Carried { entry: EntryId(entry), author, node, seq: self.seq, hlc, session, whole, changes }
    }

    /// Writes something and hands it over.
    pub(super) fn wrote(&mut self, write: impl FnOnce(&mut AutoCommit, &ObjId)) -> Carried {
        let before = self.doc.get_heads();
        let text = self.text.clone();
        write(&mut self.doc, &text);
        self.entry(&before)
    }

    pub(super) fn typed(&mut self, at: usize, words: &str) -> Carried {
        self.wrote(|doc, text| doc.splice_text(text, at, 0, words).unwrap())
    }
}

/// What everybody does with a text: letters, blocks, marks, deletions.
pub(super) fn act(doc: &mut AutoCommit, text: &ObjId, what: u8, place: usize) {
    let len = doc.length(text);
    let at = place % (len + 1);
    match what % 7 {
        0 | 1 => doc.splice_text(text, at, 0, ["né ", "🙂", "word", "x\n"][place % 4]).unwrap(),
        2 if len > 0 => {
            doc.splice_text(text, at.min(len - 1), (place % 3 + 1).min(len - at.min(len - 1)) as isize, "").unwrap()
        }
        3 if len > 1 => {
            let (start, end) = (at.min(len - 1), len.min(at + 1 + place % 5));
            let expand = [ExpandMark::After, ExpandMark::None, ExpandMark::Both, ExpandMark::Before][place % 4];
            let value = if place.is_multiple_of(3) { ScalarValue::Null } else { ScalarValue::Boolean(true) };
            doc.mark(text, Mark::new("strong".into(), value, start.min(end), end), expand).unwrap();
        }
        4 => {
            let block = doc.split_block(text, at).unwrap();
            doc.put(&block, "type", ScalarValue::Str("heading".into())).unwrap();
            let parents = doc.put_object(&block, "parents", ObjType::List).unwrap();
            doc.insert(&parents, 0, ScalarValue::Str("blockquote".into())).unwrap();
            let attrs = doc.put_object(&block, "attrs", ObjType::Map).unwrap();
            doc.put(&attrs, "level", 2_i64).unwrap();
            doc.put(&attrs, "level", 3_i64).unwrap();
            doc.delete(&attrs, "level").unwrap();
        }
        5 => {
            let spans: Vec<_> = doc.spans(text).unwrap().skip(place % 2).collect();
            doc.update_spans(text, Default::default(), spans).unwrap();
        }
        _ => doc.update_text(text, "a whole new text").unwrap(),
    }
}
