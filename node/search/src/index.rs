//! The folder: opened or begun anew, written in, emptied of what was removed.

use crate::dictionary::Dictionaries;
use crate::error::SearchError;
use crate::schema::{Fields, LAYOUT, schema};
use crate::{TEXT_BYTES_MAX, words};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tantivy::directory::MmapDirectory;
use tantivy::index::SegmentId;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::schema::TantivyDocument;
use tantivy::{IndexReader, IndexWriter, ReloadPolicy, Term};

/// What a writer holds before it writes by itself; the least that tantivy takes is 15 MB.
const WRITER_BYTES: usize = 20_000_000;
/// Text handed back with a hit: enough to find a place in.
const KEPT_BYTES_MAX: usize = 64 << 10;
/// With a third of its documents gone a list is made anew without waiting for company.
const GONE_RATIO_MAX: f32 = 0.33;

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A post.
    Post = 0,
    /// A comment under a post.
    Comment = 1,
    /// A page.
    Page = 2,
    /// A comment on a page.
    PageComment = 3,
    /// A file of a post.
    File = 4,
}

impl Kind {
    /// All, in their order.
    pub const ALL: [Self; 5] = [Self::Post, Self::Comment, Self::Page, Self::PageComment, Self::File];
}

/// Something whose words can be found.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    /// Whose: all documents of one item are put and removed together.
    pub item: [u8; 32],
    /// Which part of the item, such as the place of a file among its files.
    pub part: u64,
    /// What.
    pub kind: Kind,
    /// Where it stands.
    pub group: [u8; 32],
    /// Who wrote it.
    pub author: Option<[u8; 16]>,
    /// By what it came from outside.
    pub source: Option<[u8; 32]>,
    /// When, in milliseconds.
    pub time: u64,
    /// Its title or name, may be empty.
    pub title: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Text to be handed back with a hit, where the caller cannot get at it quickly; most documents have none.
    pub kept: Option<&'a str>,
}

/// An open index. Any number of threads may ask; one at a time writes.
pub struct Index {
    dir: PathBuf,
    pub(crate) index: tantivy::Index,
    pub(crate) fields: Fields,
    pub(crate) reader: IndexReader,
    pub(crate) dictionaries: Dictionaries,
    writer: Mutex<Option<IndexWriter>>,
    mark: Option<String>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("mark", &self.mark).finish_non_exhaustive()
    }
}

impl Index {
    /// Opens the folder. What is damaged, half made or of another version is thrown away: then there is no mark.
    ///
    /// # Errors
    /// When no index can be made there at all.
    pub fn open(dir: &Path) -> Result<Self, SearchError> {
        // Sums are looked at before anything else is, but what reads them trusts the ends of files.
        match std::panic::catch_unwind(|| Self::open_kept(dir)) {
            Ok(Ok(Some(index))) => Ok(index),
            Ok(Ok(None) | Err(SearchError::Index(_))) | Err(_) => Self::begin(dir),
            Ok(Err(error)) => Err(error),
        }
    }

    /// Throws away what is in the folder and begins anew.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn begin(dir: &Path) -> Result<Self, SearchError> {
        match std::fs::remove_dir_all(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => std::fs::create_dir_all(dir)?,
        }
        let (schema, _) = schema();
        let directory = MmapDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
        Self::on(dir, tantivy::Index::create(directory, schema, tantivy::IndexSettings::default())?)
    }

    fn open_kept(dir: &Path) -> Result<Option<Self>, SearchError> {
        if !dir.join("meta.json").exists() {
            return Ok(None);
        }
        let directory = MmapDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
        let kept = tantivy::Index::open(directory)?;
        if kept.schema() != schema().0 || !kept.validate_checksum()?.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self::on(dir, kept)?).filter(|opened| opened.mark.is_some()))
    }

    fn on(dir: &Path, mut index: tantivy::Index) -> Result<Self, SearchError> {
        index.set_tokenizers(words::forms());
        let layout = format!("{LAYOUT} ");
        let payload = index.load_metas()?.payload;
        let mark = payload.and_then(|payload| payload.strip_prefix(&layout).map(str::to_owned));
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let (_, fields) = schema();
        let (writer, dictionaries) = (Mutex::new(None), Dictionaries::default());
        Ok(Self { dir: dir.into(), index, fields, reader, dictionaries, writer, mark })
    }

    /// What was given with the last commit before it was opened.
    pub fn mark(&self) -> Option<&str> {
        self.mark.as_deref()
    }

    /// Documents that can be found.
    pub fn len(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// Nothing can be found.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a committed document of an item stands here.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn holds(&self, item: &[u8; 32]) -> Result<bool, SearchError> {
        let term = Term::from_field_bytes(self.fields.item, item);
        for segment in self.reader.searcher().segment_readers() {
            if segment.inverted_index(self.fields.item)?.get_term_info(&term)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The groups that documents stand in, or stood in.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn groups(&self) -> Result<BTreeSet<[u8; 32]>, SearchError> {
        let mut found = BTreeSet::new();
        for segment in self.reader.searcher().segment_readers() {
            let list = segment.inverted_index(self.fields.group)?;
            let mut groups = list.terms().stream()?;
            while let Some((group, _)) = groups.next() {
                found.extend(<[u8; 32]>::try_from(group));
            }
        }
        Ok(found)
    }

    /// Adds a document. An item that is there already is removed first, by the caller: it may have other parts now.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn put(&self, document: &Document<'_>) -> Result<(), SearchError> {
        let fields = self.fields;
        let mut out = TantivyDocument::new();
        out.add_bytes(fields.item, &document.item);
        out.add_u64(fields.part, document.part);
        out.add_u64(fields.kind, document.kind as u64);
        out.add_bytes(fields.group, &document.group);
        if let Some(author) = &document.author {
            out.add_bytes(fields.author, author);
        }
        if let Some(source) = &document.source {
            out.add_bytes(fields.source, source);
        }
        out.add_u64(fields.time, document.time);
        let text = cut(document.text, TEXT_BYTES_MAX);
        if !document.title.is_empty() {
            out.add_text(fields.title, document.title);
        }
        for part in [document.title, text].into_iter().filter(|part| !part.is_empty()) {
            out.add_text(fields.words, part);
            out.add_text(fields.french, part);
            out.add_text(fields.english, part);
        }
        if let Some(kept) = document.kept {
            out.add_text(fields.kept, cut(kept, KEPT_BYTES_MAX));
        }
        self.write(|writer| writer.add_document(out).map(|_| ()))
    }

    /// Removes an item's documents.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove(&self, item: &[u8; 32]) -> Result<(), SearchError> {
        let term = Term::from_field_bytes(self.fields.item, item);
        self.write(|writer| {
            writer.delete_term(term);
            Ok(())
        })
    }

    /// Removes all documents of a group.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove_group(&self, group: &[u8; 32]) -> Result<(), SearchError> {
        let term = Term::from_field_bytes(self.fields.group, group);
        self.write(|writer| {
            writer.delete_term(term);
            Ok(())
        })
    }

    /// Makes what was put and removed durable and visible, all at once, with a word for whoever opens the folder next.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn commit(&self, mark: &str) -> Result<(), SearchError> {
        self.write(|writer| {
            let mut prepared = writer.prepare_commit()?;
            prepared.set_payload(&format!("{LAYOUT} {mark}"));
            prepared.commit().map(|_| ())
        })?;
        Ok(self.reader.reload()?)
    }

    /// Makes the lists anew that hold words of removed documents, and deletes the old ones. Costs a reading of those lists.
    ///
    /// # Errors
    /// When the disk refuses, or a question under way still reads an old list: then they still stand there; to be tried again.
    pub fn purge(&self) -> Result<(), SearchError> {
        let stale = self.stale()?;
        for segment in &stale {
            let merged = self.write(|writer| Ok(writer.merge(&[*segment])))?;
            // One that was merged by itself meanwhile is there no more.
            if let Err(error) = merged.wait()
                && self.stale()?.contains(segment)
            {
                return Err(error.into());
            }
        }
        // Readers of the old lists let go of them, so that the files can go.
        self.dictionaries.forget();
        self.reader.reload()?;
        self.write(|writer| Ok(writer.garbage_collect_files()))?.wait()?;
        let gone: Vec<String> = stale.iter().map(SegmentId::uuid_string).collect();
        for entry in std::fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            if gone.iter().any(|segment| name.to_string_lossy().starts_with(segment.as_str())) {
                return Err(std::io::Error::other("an old list is still being read").into());
            }
        }
        Ok(())
    }

    /// Lists with words of removed documents. Whoever holds on to more than their ids keeps their files from going.
    fn stale(&self) -> Result<Vec<SegmentId>, SearchError> {
        let metas = self.index.searchable_segment_metas()?;
        Ok(metas.iter().filter(|meta| meta.has_deletes()).map(|meta| meta.id()).collect())
    }

    /// Whether lists hold words of removed documents.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn is_stale(&self) -> Result<bool, SearchError> {
        Ok(!self.stale()?.is_empty())
    }

    /// Lets go of the writer and its memory; the next word takes a new one. What was not committed is dropped.
    pub fn rest(&self) {
        *self.writer() = None;
    }

    fn write<T>(&self, act: impl FnOnce(&mut IndexWriter) -> tantivy::Result<T>) -> Result<T, SearchError> {
        let mut writer = self.writer();
        let writer = match &mut *writer {
            Some(writer) => writer,
            none => {
                let options = IndexWriterOptions::builder()
                    .num_worker_threads(1)
                    .num_merge_threads(1)
                    .memory_budget_per_thread(WRITER_BYTES)
                    .build();
                let opened = self.index.writer_with_options(options)?;
                let mut merging = LogMergePolicy::default();
                merging.set_del_docs_ratio_before_merge(GONE_RATIO_MAX);
                opened.set_merge_policy(Box::new(merging));
                none.insert(opened)
            }
        };
        Ok(act(writer)?)
    }

    fn writer(&self) -> MutexGuard<'_, Option<IndexWriter>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The front of a text, whole letters only.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
