//! From what counts to documents of the index.

use super::Rooms;
use archipel_search::{Document, Index, Kind, SearchError};
use protocol::engine::input::Attachment;
use protocol::engine::query::{Words, WordsOf};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Text files that are read: what is longer is data.
const TEXT_FILE_BYTES_MAX: u64 = 512 << 10;

/// Something with all its words.
#[derive(Debug)]
pub struct Whole {
    words: Words,
    /// A page's text.
    page: Option<String>,
    /// What stands in its files, by their places.
    files: Vec<(usize, String)>,
}

impl Whole {
    /// With its files read, as far as they lie here. Waits for the disk.
    pub fn read(rooms: &Rooms, words: Words, page: Option<String>) -> Self {
        let with_text = words.attachments.iter().enumerate().filter(|(_, file)| is_text(file));
        let files = with_text.filter_map(|(at, file)| Some((at, text_of(rooms, file)?))).collect();
        Self { words, page, files }
    }

    /// The same number means the same documents, as far as a process needs to know.
    pub fn stamp(&self) -> u64 {
        let Self { words, page, files } = self;
        let mut hasher = DefaultHasher::new();
        (words.group.0, words.under.map(|under| under.0), &words.title, &words.text).hash(&mut hasher);
        let blobs: Vec<[u8; 32]> = words.attachments.iter().map(|file| file.blob.0).collect();
        (words.author.map(|author| author.0), page, files, blobs).hash(&mut hasher);
        hasher.finish()
    }

    /// Puts its documents into the index.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn put(&self, index: &Index) -> Result<(), SearchError> {
        let words = &self.words;
        let document = Document {
            item: words.id.0,
            part: 0,
            kind: match words.of {
                WordsOf::Post => Kind::Post,
                WordsOf::Comment => Kind::Comment,
                WordsOf::Page => Kind::Page,
                WordsOf::PageComment => Kind::PageComment,
                WordsOf::File => Kind::File,
            },
            group: words.group.0,
            author: words.author.map(|author| author.0),
            source: words.source.map(|source| source.0),
            time: words.created.0,
            title: &words.title,
            text: self.page.as_deref().unwrap_or(&words.text),
            kept: self.page.as_deref(),
        };
        // A file is its own only document.
        if words.of != WordsOf::File {
            index.put(&document)?;
        }
        for (at, file) in words.attachments.iter().enumerate() {
            let text = self.files.iter().find(|(place, _)| *place == at).map(|(_, text)| text.as_str());
            let part = at as u64;
            let text_or_none = text.unwrap_or_default();
            let document =
                Document { part, kind: Kind::File, title: &file.name, text: text_or_none, kept: text, ..document };
            index.put(&document)?;
        }
        Ok(())
    }
}

fn is_text(file: &Attachment) -> bool {
    file.media_type.starts_with("text/") && file.size <= TEXT_FILE_BYTES_MAX
}

fn text_of(rooms: &Rooms, file: &Attachment) -> Option<String> {
    if !rooms.files.is_here(file.blob) {
        return None;
    }
    let mut bytes = Vec::new();
    let mut open = rooms.files.open_now(file.blob).ok()?;
    std::io::Read::read_to_end(&mut open, &mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
