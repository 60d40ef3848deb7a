//! Files by the BLAKE3 hash of their content. It does not know who may read them, what they are called, or whence they
//! come.
//!
//! 1. Nothing gets its final name before its whole content is verified and durable (INV-39).
//! 2. Bytes read back are checked against the id first (INV-42): beside each file larger than one group lies the lower
//!    row of its hash tree (`tree`).
//!
//! ```text
//! blobs/ab/<62 hex digits>          content       blobs/ab/<62 hex digits>.tree    its tree
//! blobs/partial/                    uploads and downloads under way
//! thumbs/ab/<62 hex digits>.<kind>  previews, which can be thrown away
//! ```

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::files::{FileHandle, Files, Mode};

mod partial;
mod read;
mod scrub;
mod thumbs;
pub mod tree;
mod writer;

pub use partial::{PARTIAL_SAVE_BYTES, Partial};
pub use read::BlobFile;
pub use scrub::BlobState;
pub use thumbs::Thumbs;
pub use writer::Writer;

use tree::Tree;

/// BLAKE3 of a file's content.
pub type BlobId = [u8; 32];

/// A broken promise of the disk, or content that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The disk refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no such file.
    #[error("no such file")]
    NotFound,
    /// The content exceeds the limit given.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The content does not have the id it should.
    #[error("the content is not what its id says")]
    Mismatch,
    /// Not all of a download is there.
    #[error("{missing} bytes are still missing")]
    Incomplete {
        /// How many.
        missing: u64,
    },
    /// A range that the file does not have, or that is not one whole group.
    #[error("no such range")]
    OutOfRange,
}

impl BlobError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}

/// The store of files. Clones are the same store; all methods take `&self`.
#[derive(Clone, Debug)]
pub struct Blobs {
    dir: Arc<Path>,
    files: Arc<dyn Files>,
    next_temporary: Arc<AtomicU64>,
}

impl Blobs {
    /// Opens `<data>/blobs`, making it if need be, and removes uploads that a stop interrupted. Downloads stay.
    pub fn open(data: &Path, files: Arc<dyn Files>) -> Result<Self, BlobError> {
        let dir = data.join("blobs");
        let partial = dir.join("partial");
        files.create_dir(&partial).map_err(BlobError::io("make", &partial))?;
        files.sync_dir(data).map_err(BlobError::io("sync", data))?;
        files.sync_dir(&dir).map_err(BlobError::io("sync", &dir))?;
        let names = files.list(&partial).map_err(BlobError::io("list", &partial))?;
        let fetching: BTreeSet<&str> = names.iter().filter_map(|name| name.strip_suffix(".part")).collect();
        for name in names.iter().filter(|name| !name.split('.').next().is_some_and(|id| fetching.contains(id))) {
            let path = partial.join(name);
            files.remove(&path).map_err(BlobError::io("remove", &path))?;
        }
        Ok(Self { dir: dir.into(), files, next_temporary: Arc::default() })
    }

    /// Begins a new file of at most `limit` bytes, whose id shows at the end.
    pub fn writer(&self, limit: u64) -> Result<Writer, BlobError> {
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        Writer::new(self.clone(), self.dir.join("partial").join(format!("tmp-{number}")), limit)
    }

    /// Stores bytes that are in memory already.
    pub fn put(&self, bytes: &[u8]) -> Result<BlobId, BlobError> {
        let mut writer = self.writer(bytes.len() as u64)?;
        writer.write(bytes)?;
        Ok(writer.finish()?.0)
    }

    /// Begins or resumes fetching a file whose id and length are known.
    pub fn partial(&self, id: &BlobId, len: u64) -> Result<Partial, BlobError> {
        Partial::open(self.clone(), *id, len)
    }

    /// Opens a file for reading. Fails with `NotFound`, or with `Mismatch` when neither its tree nor its content fits
    /// its id. A lost or damaged tree is made anew, at the cost of one read of the file.
    pub fn read(&self, id: &BlobId) -> Result<BlobFile, BlobError> {
        let path = self.path(id);
        let file = self.open_file(&path)?;
        let len = file.len().map_err(BlobError::io("read", &path))?;
        let tree = match self.stored_tree(id, len)? {
            Some(tree) => tree,
            None => {
                let tree = Tree::of_file(&*file).map_err(BlobError::io("read", &path))?;
                if tree.root() != *id {
                    return Err(BlobError::Mismatch);
                }
                self.store_tree(id, &tree)?;
                tree
            }
        };
        Ok(BlobFile::new(file, path, tree))
    }

    /// Whether a file is there, whole when it was stored.
    pub fn exists(&self, id: &BlobId) -> Result<bool, BlobError> {
        match self.len(id) {
            Ok(_) => Ok(true),
            Err(BlobError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The length of a file in bytes.
    pub fn len(&self, id: &BlobId) -> Result<u64, BlobError> {
        let path = self.path(id);
        self.open_file(&path)?.len().map_err(BlobError::io("read", &path))
    }

    /// Removes a file and its tree, durably; an absent one is no error. Previews are removed through [`Thumbs`].
    pub fn remove(&self, id: &BlobId) -> Result<(), BlobError> {
        let path = self.path(id);
        self.remove_if_there(&path)?;
        self.remove_if_there(&tree_path(&path))?;
        let folder = self.folder(id);
        match self.files.sync_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(BlobError::io("sync", &folder)),
        }
    }

    /// Throws away what was fetched of a file; none is no error.
    pub fn discard(&self, id: &BlobId) -> Result<(), BlobError> {
        let path = self.dir.join("partial").join(format!("{}.part", to_hex(id)));
        for path in [path.with_extension("map"), path.with_extension("tree"), path] {
            self.remove_if_there(&path)?;
        }
        Ok(())
    }

    /// The ids of all files, in order.
    pub fn list(&self) -> Result<Vec<BlobId>, BlobError> {
        let mut out = Vec::new();
        for folder in self.files.list(&self.dir).map_err(BlobError::io("list", &self.dir))? {
            if folder.len() != 2 {
                continue;
            }
            let path = self.dir.join(&folder);
            let names = self.files.list(&path).map_err(BlobError::io("list", &path))?;
            out.extend(names.iter().filter_map(|name| from_hex(&format!("{folder}{name}"))));
        }
        Ok(out)
    }

    /// Where a file is, for backups.
    pub fn path(&self, id: &BlobId) -> PathBuf {
        self.folder(id).join(&to_hex(id)[2..])
    }

    fn folder(&self, id: &BlobId) -> PathBuf {
        self.dir.join(&to_hex(id)[..2])
    }

    fn open_file(&self, path: &Path) -> Result<Arc<dyn FileHandle>, BlobError> {
        match self.files.open(path, Mode::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BlobError::NotFound),
            other => other.map_err(BlobError::io("open", path)),
        }
    }

    fn remove_if_there(&self, path: &Path) -> Result<(), BlobError> {
        match self.files.remove(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(BlobError::io("remove", path)),
        }
    }

    /// Gives a synced temporary file its final name, with its tree before it.
    fn settle(&self, temporary: &Path, id: &BlobId, tree: &Tree) -> Result<(), BlobError> {
        let folder = self.folder(id);
        self.files.create_dir(&folder).map_err(BlobError::io("make", &folder))?;
        self.files.sync_dir(&self.dir).map_err(BlobError::io("sync", &self.dir))?;
        self.store_tree(id, tree)?;
        let path = self.path(id);
        self.files.rename(temporary, &path).map_err(BlobError::io("rename", &path))?;
        self.files.sync_dir(&folder).map_err(BlobError::io("sync", &folder))
    }

    /// The tree beside a file, if it is there and fits the id.
    fn stored_tree(&self, id: &BlobId, len: u64) -> Result<Option<Tree>, BlobError> {
        if len <= tree::GROUP_BYTES {
            return Ok(Some(Tree::single(*id, len)));
        }
        let path = tree_path(&self.path(id));
        let file = match self.open_file(&path) {
            Err(BlobError::NotFound) => return Ok(None),
            other => other?,
        };
        let mut bytes = vec![0; tree::groups(len) as usize * 32];
        if file.len().map_err(BlobError::io("read", &path))? != bytes.len() as u64 {
            return Ok(None);
        }
        file.read_exact_at(&mut bytes, 0).map_err(BlobError::io("read", &path))?;
        Ok(Tree::parse(len, &bytes).filter(|tree| tree.root() == *id))
    }

    fn store_tree(&self, id: &BlobId, tree: &Tree) -> Result<(), BlobError> {
        if tree.len() <= tree::GROUP_BYTES {
            return Ok(());
        }
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.dir.join("partial").join(format!("tmp-{number}"));
        let file = self.files.open(&temporary, Mode::CreateNew).map_err(BlobError::io("create", &temporary))?;
        file.write_at(&tree.to_bytes(), 0).map_err(BlobError::io("write", &temporary))?;
        file.sync_all().map_err(BlobError::io("sync", &temporary))?;
        let path = tree_path(&self.path(id));
        self.files.rename(&temporary, &path).map_err(BlobError::io("rename", &path))
    }
}

fn tree_path(path: &Path) -> PathBuf {
    path.with_extension("tree")
}

fn to_hex(id: &BlobId) -> String {
    blake3::Hash::from_bytes(*id).to_hex().to_string()
}

fn from_hex(text: &str) -> Option<BlobId> {
    blake3::Hash::from_hex(text).ok().map(|hash| *hash.as_bytes())
}
