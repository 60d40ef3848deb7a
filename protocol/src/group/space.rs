//! The form of what people do in a group's file space: folders, files, versions, names, places, the trash.
//!
//! 1. What is named stands in the header: the thing first, the folder that it is put into second; without one it stands at
//!    the top. A new thing names its folder alone.
//! 2. Folders have no content that ages or is erased; files do (`keeping.rs`).

use super::Attachment;
use minicbor::{Decode, Encode};

/// Body of [`super::kind::FOLDER`], [`super::kind::FOLDER_NAME`] and [`super::kind::FILE_NAME`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SpaceName {
    /// On one line, never a path.
    #[n(0)]
    pub name: String,
}

/// Body of [`super::kind::FILE`] and [`super::kind::FILE_VERSION`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FileContent {
    /// The content, under the name that it came with.
    #[n(0)]
    pub file: Attachment,
}

/// Body of [`super::kind::SPACE_TRASH`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SpaceTrash {
    /// Thrown away, or taken back.
    #[n(0)]
    pub on: bool,
}
