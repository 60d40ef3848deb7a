//! What people write in a group: one kind of operation each, with its body.
//!
//! 1. Creations are immutable; everything else is a register per target and person, so that any order of arrival gives
//!    the same rows (INV-01, INV-05).
//! 2. Who may do it is decided by `control`; this file only knows the form.

pub mod keeping;
pub mod page;
pub mod space;

use crate::clock::Hlc;
use crate::codec::{self, CodecError};
use crate::control::op::{Access, GroupKind};
use crate::ids::{BlobId, EntryId, GroupId, SiteId, UserId};
use crate::keys::SealedKey;
use crate::limits::BODY_BYTES_MAX;
use keeping::{Erase, ErasePerson, Hold, Retention};
use minicbor::{Decode, Encode};
use page::{PageChange, PageComment, PageName, PageSettle, PageTrash};
use space::{FileContent, SpaceName, SpaceTrash};

/// Kind numbers of data entries.
pub mod kind {
    /// A person's name and job, in the organisation's scope (ruling D9).
    pub const PROFILE_SET: u16 = 0x0200;
    /// What may be known of a listed group from outside, in the organisation's scope (ruling D2).
    pub const GROUP_CARD: u16 = 0x0201;
    /// Makes a person a former user, in the organisation's scope.
    pub const ERASE_PERSON: u16 = 0x0202;
    /// Legal hold of a group, in the organisation's scope.
    pub const HOLD: u16 = 0x0203;
    /// A post.
    pub const POST: u16 = 0x0300;
    /// A comment; refers to the post.
    pub const COMMENT: u16 = 0x0301;
    /// New text; refers to the post or comment.
    pub const EDIT: u16 = 0x0302;
    /// Deletes; refers to the post or comment, and to a comment's post.
    pub const DELETE: u16 = 0x0303;
    /// A reaction; refers to the post or comment, and to a comment's post.
    pub const REACT: u16 = 0x0304;
    /// Erases; refers to posts and comments.
    pub const ERASE: u16 = 0x0305;
    /// Objects to an erasure; refers to it.
    pub const OBJECT: u16 = 0x0306;
    /// A feed from outside; refers to the former entry when it changes one.
    pub const SOURCE_SET: u16 = 0x0310;
    /// Ends a feed; refers to it.
    pub const SOURCE_REMOVE: u16 = 0x0311;
    /// An item of a feed; refers to the feed, and to the item's origin key: what makes twins one outlives the text.
    pub const OUTSIDE: u16 = 0x0312;
    /// A feed's item as it reads now; refers to the feed, and to the item's origin key.
    pub const OUTSIDE_EDIT: u16 = 0x0313;
    /// A key for live messages, sealed to the member nodes. Stands in the data log, which only they hold.
    pub const EPOCH: u16 = 0x0320;
    /// How long the group keeps words and files.
    pub const RETENTION: u16 = 0x0321;
    /// A page.
    pub const PAGE: u16 = 0x0330;
    /// A page's other title; refers to it.
    pub const PAGE_NAME: u16 = 0x0331;
    /// Throws a page away or takes it back; refers to it.
    pub const PAGE_TRASH: u16 = 0x0332;
    /// Changes of a page's document; refers to the page.
    pub const PAGE_CHANGE: u16 = 0x0333;
    /// A comment on a passage of a page; refers to the page, and an answer to the comment too.
    pub const PAGE_COMMENT: u16 = 0x0334;
    /// Settles a comment on a page or opens it again; refers to the comment and the page.
    pub const PAGE_SETTLE: u16 = 0x0335;
    /// A folder of the file space; refers to the folder that it stands in.
    pub const FOLDER: u16 = 0x0340;
    /// A folder's other name; refers to it.
    pub const FOLDER_NAME: u16 = 0x0341;
    /// Puts a folder elsewhere; refers to it and to where.
    pub const FOLDER_PLACE: u16 = 0x0342;
    /// A file of the file space; refers to the folder that it stands in.
    pub const FILE: u16 = 0x0343;
    /// A file's newer content; refers to the file.
    pub const FILE_VERSION: u16 = 0x0344;
    /// A file's other name; refers to it.
    pub const FILE_NAME: u16 = 0x0345;
    /// Puts a file elsewhere; refers to it and to where.
    pub const FILE_PLACE: u16 = 0x0346;
    /// Throws a file or folder away or takes it back; refers to it.
    pub const SPACE_TRASH: u16 = 0x0347;
}

/// Body of [`kind::PROFILE_SET`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Profile {
    /// Whose.
    #[n(0)]
    pub user: UserId,
    /// The name.
    #[n(1)]
    pub name: String,
    /// The job.
    #[n(2)]
    pub title: String,
}

/// Body of [`kind::GROUP_CARD`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Card {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// Its type.
    #[n(1)]
    pub kind: GroupKind,
    /// Who joins; a group that became secret is no longer listed.
    #[n(2)]
    pub access: Access,
    /// Its name.
    #[n(3)]
    pub name: String,
    /// What it is for.
    #[n(4)]
    pub purpose: String,
    /// When it was created.
    #[n(5)]
    pub created: u64,
}

/// A file or picture of a post, as its author's node measured it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Attachment {
    /// The file.
    #[n(0)]
    pub blob: BlobId,
    /// Its name as a person gave it; never a path.
    #[n(1)]
    pub name: String,
    /// Its length in bytes.
    #[n(2)]
    pub size: u64,
    /// As sniffed, not as claimed.
    #[n(3)]
    pub media_type: String,
    /// Width and height in pixels when it is a picture.
    #[n(4)]
    pub picture: Option<(u32, u32)>,
}

/// Body of [`kind::POST`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Post {
    /// May be empty.
    #[n(0)]
    pub title: String,
    /// Markdown.
    #[n(1)]
    pub text: String,
    /// Files and pictures.
    #[n(2)]
    pub attachments: Vec<Attachment>,
}

/// Body of [`kind::COMMENT`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Comment {
    /// Markdown.
    #[n(0)]
    pub text: String,
}

/// Body of [`kind::EDIT`]: replaces title and text; attachments stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Edit {
    /// May be empty; always so for comments.
    #[n(0)]
    pub title: String,
    /// Markdown.
    #[n(1)]
    pub text: String,
}

/// Body of [`kind::REACT`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct React {
    /// One emoji.
    #[n(0)]
    pub emoji: String,
    /// Set or taken back.
    #[n(1)]
    pub on: bool,
}

/// Body of [`kind::SOURCE_SET`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Source {
    /// The canonical address.
    #[n(0)]
    pub url: String,
    /// The feed's title.
    #[n(1)]
    pub title: String,
    /// The site that it tells of.
    #[n(2)]
    pub site_url: Option<String>,
    /// Which sites may poll, in this order (ruling D7).
    #[n(3)]
    pub sites: Vec<SiteId>,
}

/// Body of [`kind::OUTSIDE`] and [`kind::OUTSIDE_EDIT`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Outside {
    /// The same at every site that polls (ruling D7); stands in `refs` too.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub origin_key: [u8; 32],
    /// Plain text.
    #[n(1)]
    pub title: String,
    /// Markdown.
    #[n(2)]
    pub text: String,
    /// Where it stands.
    #[n(3)]
    pub url: Option<String>,
    /// When it says it was published, in milliseconds.
    #[n(4)]
    pub published: Option<u64>,
    /// Who it says wrote it, plain text.
    #[n(5)]
    pub author: Option<String>,
}

/// Body of [`kind::EPOCH`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Epoch {
    /// Names the key.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 8],
    /// The key, sealed to each node.
    #[n(1)]
    pub keys: Vec<SealedKey>,
}

/// A decoded data operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataOp {
    /// A profile.
    Profile(Profile),
    /// A group's card.
    Card(Card),
    /// A post.
    Post(Post),
    /// A comment.
    Comment(Comment),
    /// An edit.
    Edit(Edit),
    /// A deletion.
    Delete,
    /// A reaction.
    React(React),
    /// A feed.
    Source(Source),
    /// A feed's end.
    SourceRemove,
    /// An item.
    Outside(Outside),
    /// An item that changed at its source.
    OutsideEdit(Outside),
    /// A key for live messages.
    Epoch(Epoch),
    /// An erasure.
    Erase(Erase),
    /// An objection to one.
    Object,
    /// An erasure of a person.
    ErasePerson(ErasePerson),
    /// A legal hold.
    Hold(Hold),
    /// How long a group keeps.
    Retention(Retention),
    /// A page.
    Page(PageName),
    /// A page's other title.
    PageName(PageName),
    /// A page thrown away or taken back.
    PageTrash(PageTrash),
    /// Changes of a page's document.
    PageChange(PageChange),
    /// A comment on a page.
    PageComment(PageComment),
    /// A comment on a page settled or opened again.
    PageSettle(PageSettle),
    /// A folder.
    Folder(SpaceName),
    /// A folder's other name.
    FolderName(SpaceName),
    /// A folder put elsewhere.
    FolderPlace,
    /// A file.
    File(FileContent),
    /// A file's newer content.
    FileVersion(FileContent),
    /// A file's other name.
    FileName(SpaceName),
    /// A file put elsewhere.
    FilePlace,
    /// A file or folder thrown away or taken back.
    SpaceTrash(SpaceTrash),
    /// A newer version's kind: stored and forwarded, not shown.
    Unknown,
}

impl DataOp {
    /// Reads the body of a data entry of this kind.
    ///
    /// # Errors
    /// A body that is not what its kind says: the entry is malformed for ever.
    pub fn decode(kind: u16, body: &[u8]) -> Result<Self, CodecError> {
        fn read<'b, T: Decode<'b, ()>>(what: &'static str, body: &'b [u8]) -> Result<T, CodecError> {
            codec::decode(what, body, BODY_BYTES_MAX)
        }
        Ok(match kind {
            kind::PROFILE_SET => Self::Profile(read("profile.set", body)?),
            kind::GROUP_CARD => Self::Card(read("group.card", body)?),
            kind::POST => Self::Post(read("post.create", body)?),
            kind::COMMENT => Self::Comment(read("comment.create", body)?),
            kind::EDIT => Self::Edit(read("edit", body)?),
            kind::DELETE => Self::Delete,
            kind::REACT => Self::React(read("react.set", body)?),
            kind::SOURCE_SET => Self::Source(read("source.set", body)?),
            kind::SOURCE_REMOVE => Self::SourceRemove,
            kind::OUTSIDE => Self::Outside(read("outside.create", body)?),
            kind::OUTSIDE_EDIT => Self::OutsideEdit(read("outside.edit", body)?),
            kind::EPOCH => Self::Epoch(read("epoch", body)?),
            kind::ERASE => Self::Erase(read("erase", body)?),
            kind::OBJECT => Self::Object,
            kind::ERASE_PERSON => Self::ErasePerson(read("person.erase", body)?),
            kind::HOLD => Self::Hold(read("hold.set", body)?),
            kind::RETENTION => Self::Retention(read("retention.set", body)?),
            kind::PAGE => Self::Page(read("page.create", body)?),
            kind::PAGE_NAME => Self::PageName(read("page.name", body)?),
            kind::PAGE_TRASH => Self::PageTrash(read("page.trash", body)?),
            kind::PAGE_CHANGE => Self::PageChange(read("page.change", body)?),
            kind::PAGE_COMMENT => Self::PageComment(read("page.comment", body)?),
            kind::PAGE_SETTLE => Self::PageSettle(read("page.settle", body)?),
            kind::FOLDER => Self::Folder(read("folder.create", body)?),
            kind::FOLDER_NAME => Self::FolderName(read("folder.name", body)?),
            kind::FOLDER_PLACE => Self::FolderPlace,
            kind::FILE => Self::File(read("file.add", body)?),
            kind::FILE_VERSION => Self::FileVersion(read("file.version", body)?),
            kind::FILE_NAME => Self::FileName(read("file.name", body)?),
            kind::FILE_PLACE => Self::FilePlace,
            kind::SPACE_TRASH => Self::SpaceTrash(read("space.trash", body)?),
            _ => Self::Unknown,
        })
    }

    /// The kind number and body bytes.
    pub fn encode(&self) -> (u16, Vec<u8>) {
        match self {
            Self::Profile(op) => (kind::PROFILE_SET, codec::encode(op)),
            Self::Card(op) => (kind::GROUP_CARD, codec::encode(op)),
            Self::Post(op) => (kind::POST, codec::encode(op)),
            Self::Comment(op) => (kind::COMMENT, codec::encode(op)),
            Self::Edit(op) => (kind::EDIT, codec::encode(op)),
            Self::Delete => (kind::DELETE, Vec::new()),
            Self::React(op) => (kind::REACT, codec::encode(op)),
            Self::Source(op) => (kind::SOURCE_SET, codec::encode(op)),
            Self::SourceRemove => (kind::SOURCE_REMOVE, Vec::new()),
            Self::Outside(op) => (kind::OUTSIDE, codec::encode(op)),
            Self::OutsideEdit(op) => (kind::OUTSIDE_EDIT, codec::encode(op)),
            Self::Epoch(op) => (kind::EPOCH, codec::encode(op)),
            Self::Erase(op) => (kind::ERASE, codec::encode(op)),
            Self::Object => (kind::OBJECT, Vec::new()),
            Self::ErasePerson(op) => (kind::ERASE_PERSON, codec::encode(op)),
            Self::Hold(op) => (kind::HOLD, codec::encode(op)),
            Self::Retention(op) => (kind::RETENTION, codec::encode(op)),
            Self::Page(op) => (kind::PAGE, codec::encode(op)),
            Self::PageName(op) => (kind::PAGE_NAME, codec::encode(op)),
            Self::PageTrash(op) => (kind::PAGE_TRASH, codec::encode(op)),
            Self::PageChange(op) => (kind::PAGE_CHANGE, codec::encode(op)),
            Self::PageComment(op) => (kind::PAGE_COMMENT, codec::encode(op)),
            Self::PageSettle(op) => (kind::PAGE_SETTLE, codec::encode(op)),
            Self::Folder(op) => (kind::FOLDER, codec::encode(op)),
            Self::FolderName(op) => (kind::FOLDER_NAME, codec::encode(op)),
            Self::FolderPlace => (kind::FOLDER_PLACE, Vec::new()),
            Self::File(op) => (kind::FILE, codec::encode(op)),
            Self::FileVersion(op) => (kind::FILE_VERSION, codec::encode(op)),
            Self::FileName(op) => (kind::FILE_NAME, codec::encode(op)),
            Self::FilePlace => (kind::FILE_PLACE, Vec::new()),
            Self::SpaceTrash(op) => (kind::SPACE_TRASH, codec::encode(op)),
            Self::Unknown => (u16::MAX, Vec::new()),
        }
    }
}

/// A register's version: the highest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// When.
    pub hlc: Hlc,
    /// Which entry; breaks ties.
    pub id: EntryId,
}

impl Version {
    /// The row form, 40 bytes.
    pub fn to_bytes(self) -> [u8; 40] {
        let mut out = [0; 40];
        out[..8].copy_from_slice(&self.hlc.0.to_be_bytes());
        out[8..].copy_from_slice(&self.id.0);
        out
    }

    /// Reads the row form from the front of a value.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            hlc: Hlc(u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?)),
            id: EntryId::from_slice(bytes.get(8..40)?)?,
        })
    }
}
