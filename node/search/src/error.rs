//! Why an index cannot be used.

/// The folder's trouble. Whatever it is, throwing the folder away and filling it anew helps, unless the disk refuses.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The folder cannot be read or written.
    #[error("the search index cannot be used: {0}")]
    Disk(#[from] std::io::Error),
    /// What is in it is damaged, or not what was written.
    #[error("the search index is damaged: {0}")]
    Index(#[from] tantivy::TantivyError),
}
