//! Previews of files, by the file's id and a kind. They can be made again, so nothing here is synced, and one that
//! does not read back as written is as good as absent.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{BlobError, BlobId, to_hex};
use crate::files::{Files, Mode};

/// Largest preview.
const THUMB_BYTES_MAX: usize = 2 << 20;
/// Length of a kind: it is part of a file name.
const KIND_LEN_MAX: usize = 16;

/// The store of previews.
#[derive(Debug)]
pub struct Thumbs {
    dir: PathBuf,
    files: Arc<dyn Files>,
    next_temporary: AtomicU64,
}

impl Thumbs {
    /// Uses `<data>/thumbs`.
    pub fn open(data: &Path, files: Arc<dyn Files>) -> Result<Self, BlobError> {
        let dir = data.join("thumbs");
        files.create_dir(&dir).map_err(BlobError::io("make", &dir))?;
        for name in files.list(&dir).map_err(BlobError::io("list", &dir))? {
            if name.starts_with("tmp-") {
                let path = dir.join(name);
                files.remove(&path).map_err(BlobError::io("remove", &path))?;
            }
        }
        Ok(Self { dir, files, next_temporary: AtomicU64::new(0) })
    }

    /// Stores a preview. `kind` is 1 to 16 lower-case letters and digits, the preview at most 2 MiB.
    pub fn put(&self, id: &BlobId, kind: &str, bytes: &[u8]) -> Result<(), BlobError> {
        if bytes.len() > THUMB_BYTES_MAX {
            return Err(BlobError::TooLarge { limit: THUMB_BYTES_MAX as u64 });
        }
        let path = self.path(id, kind)?;
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = self.dir.join(format!("tmp-{number}"));
        let folder = self.folder(id);
        self.files.create_dir(&folder).map_err(BlobError::io("make", &folder))?;
        let mut content = blake3::hash(bytes).as_bytes().to_vec();
        content.extend_from_slice(bytes);
        let file = self.files.open(&temporary, Mode::CreateNew).map_err(BlobError::io("create", &temporary))?;
        file.write_at(&content, 0).map_err(BlobError::io("write", &temporary))?;
        self.files.rename(&temporary, &path).map_err(BlobError::io("rename", &path))
    }

    /// A preview; `None` when there is none or it is damaged.
    pub fn get(&self, id: &BlobId, kind: &str) -> Result<Option<Vec<u8>>, BlobError> {
        let path = self.path(id, kind)?;
        let file = match self.files.open(&path, Mode::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(BlobError::io("open", &path))?,
        };
        let len = file.len().map_err(BlobError::io("read", &path))?;
        if len > (THUMB_BYTES_MAX + 32) as u64 {
            return Ok(None);
        }
        let mut bytes = vec![0; len as usize];
        file.read_exact_at(&mut bytes, 0).map_err(BlobError::io("read", &path))?;
        let content = bytes.split_first_chunk::<32>();
        let sound = content.filter(|(check, content)| blake3::hash(content).as_bytes() == *check);
        Ok(sound.map(|(_, content)| content.to_vec()))
    }

    /// Removes all previews of a file, for erasure.
    pub fn remove(&self, id: &BlobId) -> Result<(), BlobError> {
        let folder = self.folder(id);
        let stem = format!("{}.", &to_hex(id)[2..]);
        self.remove_where(&folder, |name| name.starts_with(&stem))
    }

    /// Removes all previews.
    pub fn clear(&self) -> Result<(), BlobError> {
        for name in self.files.list(&self.dir).map_err(BlobError::io("list", &self.dir))? {
            if name.len() == 2 {
                self.remove_where(&self.dir.join(name), |_| true)?;
            }
        }
        Ok(())
    }

    fn remove_where(&self, folder: &Path, chosen: impl Fn(&str) -> bool) -> Result<(), BlobError> {
        let names = match self.files.list(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(BlobError::io("list", folder))?,
        };
        for name in names.iter().filter(|name| chosen(name)) {
            let path = folder.join(name);
            self.files.remove(&path).map_err(BlobError::io("remove", &path))?;
        }
        self.files.sync_dir(folder).map_err(BlobError::io("sync", folder))
    }

    fn folder(&self, id: &BlobId) -> PathBuf {
        self.dir.join(&to_hex(id)[..2])
    }

    fn path(&self, id: &BlobId, kind: &str) -> Result<PathBuf, BlobError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if kind.is_empty() || kind.len() > KIND_LEN_MAX || !kind.bytes().all(allowed) {
            return Err(BlobError::OutOfRange);
        }
        Ok(self.folder(id).join(format!("{}.{kind}", &to_hex(id)[2..])))
    }
}
