//! Reading whole files again at leisure, to find damage while others still hold them.

use std::io;

use super::tree::Tree;
use super::{BlobError, BlobId, Blobs};

/// What a scrub of one file found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobState {
    /// The content has its id. A damaged tree beside it has been mended.
    Sound,
    /// The content is another, or cannot be read: fetch it again (which replaces it), or remove it.
    Damaged,
    /// There is no such file.
    Absent,
}

impl Blobs {
    /// Hashes one file again. Go through [`Blobs::list`] with pauses of your own for the whole store.
    pub fn scrub(&self, id: &BlobId) -> Result<BlobState, BlobError> {
        let path = self.path(id);
        let file = match self.open_file(&path) {
            Err(BlobError::NotFound) => return Ok(BlobState::Absent),
            other => other?,
        };
        let tree = match Tree::of_file(&*file) {
            // A sector that cannot be read any more.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Ok(BlobState::Damaged),
            other => other.map_err(BlobError::io("read", &path))?,
        };
        if tree.root() != *id {
            return Ok(BlobState::Damaged);
        }
        if self.stored_tree(id, tree.len())?.is_none() {
            self.store_tree(id, &tree)?;
        }
        Ok(BlobState::Sound)
    }
}
