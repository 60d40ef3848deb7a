//! What a node keeps of a page on its disk, so that it need not be made from all its entries at each opening: how it is shown,
//! automerge's own file, and what admission knows.
//!
//! It is a copy that can be thrown away, and goes to nobody (§1.9). It is read only where every byte is as this very version
//! of the program wrote it, and it says for which entries it stands: whoever opens it takes the others too, and makes the page
//! anew when one of those it stands for does not count any more.

mod known;
mod numbers;

use super::{Actor, Document, Hash, render};
use crate::ids::{EntryId, UserId};
use crate::keys::{Digest, Purpose, derive};
use automerge::{Automerge, LoadOptions, ROOT, ReadDoc, TextEncoding};
use numbers::{In, Out};
use std::collections::BTreeSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How each begins. The version of the program stands in it: another one may judge otherwise.
const MAGIC: &[u8] = concat!("archipel page 1 ", env!("CARGO_PKG_VERSION"), "\n").as_bytes();
/// The check over all that follows.
const SEAL: usize = 32;
/// Writers that are named at the front.
const WRITERS_MAX: usize = 12;

/// Which entries, in one value. They come in the order of their ids.
pub fn digest<'a>(entries: impl IntoIterator<Item = &'a EntryId>) -> Digest {
    let mut parts: Vec<&[u8]> = vec![&b"entries"[..]];
    parts.extend(entries.into_iter().map(|entry| &entry.0[..]));
    derive(Purpose::PageState, &parts)
}

fn seal(rest: &[u8]) -> Digest {
    derive(Purpose::PageState, &[b"seal", rest])
}

/// How a page is shown, without its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    /// The id that its document is made from.
    pub page: EntryId,
    /// The entries that it stands for.
    pub digest: Digest,
    /// The newest changes.
    pub heads: Vec<Hash>,
    /// As HTML.
    pub html: String,
    /// How many characters.
    pub chars: usize,
    /// Who wrote in it, the newest first, 12 at most.
    pub writers: Vec<UserId>,
    /// Changes wait for others that are not here.
    pub waiting: bool,
}

impl Front {
    /// Of a document as it stands.
    pub fn of(document: &Document) -> Self {
        let lines = document.lines();
        Self {
            page: document.page,
            digest: digest(&document.entries),
            heads: document.heads(),
            html: render::html(&lines),
            chars: render::plain(&lines).chars().count(),
            writers: document.writers().into_iter().take(WRITERS_MAX).collect(),
            waiting: document.is_waiting(),
        }
    }

    fn write(&self, out: &mut Out) {
        out.raw(&self.page.0);
        out.raw(&self.digest);
        out.list(&self.heads, |out, head| out.raw(head));
        out.bytes(self.html.as_bytes());
        out.size(self.chars);
        out.list(&self.writers, |out, writer| out.raw(&writer.0));
        out.flag(self.waiting);
    }

    fn read(input: &mut In<'_>) -> Option<Self> {
        Some(Self {
            page: EntryId(input.raw()?),
            digest: input.raw()?,
            heads: input.list(|input| input.raw())?,
            html: String::from_utf8(input.bytes()?.to_vec()).ok()?,
            chars: input.size()?,
            writers: input.list(|input| input.raw().map(UserId))?,
            waiting: input.flag()?,
        })
    }
}

/// A saved state that was read.
pub struct Saved {
    bytes: Vec<u8>,
    front: Front,
    file: Range<usize>,
    rest: usize,
}

impl Saved {
    /// The page and the digest of its entries, from the first bytes of a state that may be damaged elsewhere.
    pub fn stands_for(begin: &[u8]) -> Option<(EntryId, Digest)> {
        let mut input = In(begin.strip_prefix(MAGIC)?.get(SEAL..)?);
        Some((EntryId(input.raw()?), input.raw()?))
    }

    /// How many bytes [`Saved::stands_for`] needs.
    pub const BEGIN: usize = MAGIC.len() + SEAL + 64;

    /// Reads a state; `None` where anything is not as this version wrote it.
    pub fn read(bytes: Vec<u8>) -> Option<Self> {
        let body = bytes.strip_prefix(MAGIC)?.split_at_checked(SEAL);
        let (front, file, rest) = {
            let (sealed, rest) = body?;
            if seal(rest) != sealed {
                return None;
            }
            let mut input = In(rest);
            let front = Front::read(&mut input)?;
            let file = input.bytes()?;
            let end = bytes.len() - input.0.len();
            (front, end - file.len()..end, end)
        };
        Some(Self { bytes, front, file, rest })
    }

    /// How it is shown.
    pub fn front(&self) -> &Front {
        &self.front
    }

    /// The document as a browser loads it.
    pub fn file(&self) -> &[u8] {
        &self.bytes[self.file.clone()]
    }

    /// Whether all entries that it stands for are among these.
    pub fn is_within(&self, counting: &BTreeSet<EntryId>) -> bool {
        let entries = In(&self.bytes[self.rest..]).list(|input| input.raw().map(EntryId));
        entries.is_some_and(|entries| entries.iter().all(|entry| counting.contains(entry)))
    }

    /// The document, as if it had been made from the entries that this stands for; `None` when automerge says no.
    pub fn document(&self) -> Option<Document> {
        catch_unwind(AssertUnwindSafe(|| self.made())).ok().flatten()
    }

    fn made(&self) -> Option<Document> {
        let mut document = Document::new(self.front.page);
        let options = LoadOptions::new().text_encoding(TextEncoding::Utf16CodeUnit);
        let mut doc = Automerge::load_with_options(self.file(), options).ok()?;
        doc.set_actor(document.doc.get_actor().clone());
        let (_, text) = doc.get(ROOT, "text").ok()??;
        (document.doc, document.text) = (doc, text);
        known::read(&mut document, &mut In(&self.bytes[self.rest..]))?;
        let mut heads: Vec<Hash> = document.doc.get_heads().iter().map(|head| head.0).collect();
        heads.sort_unstable();
        (heads == self.front.heads && heads == document.heads()).then_some(document)
    }
}

impl Document {
    /// All of it, to be read by [`Saved::read`]; `None` for what is not whole, which is not kept.
    pub fn saved(&self) -> Option<Vec<u8>> {
        if self.quarantined || self.overflowed {
            return None;
        }
        let mut out = Out::default();
        Front::of(self).write(&mut out);
        out.bytes(&self.save());
        known::write(self, &mut out)?;
        Some([MAGIC, &seal(&out.0)[..], &out.0[..]].concat())
    }
}
