//! Rows of files and folders: what was made, its name, where a file stands, what hides it.

use super::tree::{TOP, Tree};
use crate::clock::Hlc;
use crate::engine::Cx;
use crate::engine::lookup::{self, Found};
use crate::group::space::FileContent;
use crate::group::{DataOp, Version};
use crate::ids::{EntryId, GroupId, UserId};
use crate::limits::{FILE_NAME_CHARS_MAX, FILES_PER_FOLDER_MAX};
use crate::store::keys::{self, Key, table};
use crate::store::{Direction, Store};

/// Files of one folder that are looked at: two sites may each have filled it while they were apart.
const FILES_SEEN_MAX: usize = 4 * FILES_PER_FOLDER_MAX;

/// What an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// Nothing yet: what changes it came first.
    Not,
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// A file's or folder's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ItemRow {
    /// What it is.
    pub(crate) made: Made,
    /// When something about it last changed.
    pub(crate) edited: Hlc,
    /// By whom.
    pub(crate) by: UserId,
    /// Who made it; nobody yet while it is not.
    pub(crate) maker: UserId,
}

impl ItemRow {
    fn to_bytes(self) -> [u8; 41] {
        let mut out = [0; 41];
        out[0] = match self.made {
            Made::Not => 0,
            Made::File => 1,
            Made::Folder => 2,
        };
        out[1..9].copy_from_slice(&self.edited.0.to_be_bytes());
        out[9..25].copy_from_slice(&self.by.0);
        out[25..].copy_from_slice(&self.maker.0);
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let made = match bytes.first()? {
            1 => Made::File,
            2 => Made::Folder,
            _ => Made::Not,
        };
        let edited = Hlc(u64::from_be_bytes(bytes.get(1..9)?.try_into().ok()?));
        Some(Self {
            made,
            edited,
            by: UserId::from_slice(bytes.get(9..25)?)?,
            maker: UserId::from_slice(bytes.get(25..)?)?,
        })
    }
}

/// The row of a file or folder.
pub(crate) fn item(store: &dyn Store, group: &GroupId, item: &EntryId) -> Option<ItemRow> {
    ItemRow::from_bytes(&store.get(&keys::space_item(group, item))?)
}

/// Notes that something about a file or folder changed, or that it was made.
pub(super) fn touch(cx: &mut Cx<'_>, group: &GroupId, id: &EntryId, hlc: Hlc, by: UserId, made: Made) {
    let before = item(&*cx.tx, group, id);
    let mut row = before.unwrap_or(ItemRow { made: Made::Not, edited: hlc, by, maker: UserId([0; 16]) });
    if (row.edited, row.by) < (hlc, by) {
        (row.edited, row.by) = (hlc, by);
    }
    if made != Made::Not {
        (row.made, row.maker) = (made, by);
    }
    cx.tx.put(&keys::space_item(group, id), &row.to_bytes());
}

/// The name of a file or folder as it stands.
pub(crate) fn name(store: &dyn Store, group: &GroupId, item: &EntryId) -> Option<String> {
    let version = Version::from_bytes(&store.get(&keys::space_name(group, item))?)?;
    let found = Found::of(store, &version.id)?;
    let name = match DataOp::decode(found.kind, found.body.as_deref()?).ok()? {
        DataOp::Folder(name) | DataOp::FolderName(name) | DataOp::FileName(name) => name.name,
        DataOp::File(FileContent { file }) => file.name,
        _ => return None,
    };
    // Another's node may not have checked it.
    Some(name.chars().take(FILE_NAME_CHARS_MAX).collect())
}

/// Puts a file somewhere, if this is the newest word on it.
pub(super) fn place_file(cx: &mut Cx<'_>, group: &GroupId, version: Version, file: &EntryId, folder: &EntryId) {
    let key = keys::file_place(group, file);
    if let Some(before) = cx.tx.get(&key) {
        if Version::from_bytes(&before).is_some_and(|newest| newest > version) {
            return;
        }
        if let Some(left) = before.get(40..).and_then(EntryId::from_slice) {
            cx.tx.delete(&keys::file_in(group, &left, file));
        }
    }
    cx.tx.put(&key, &[&version.to_bytes()[..], &folder.0].concat());
    cx.tx.put(&keys::file_in(group, folder, file), &[]);
}

/// The folder that a file stands in: the top when it is none that counts.
pub(crate) fn file_folder(store: &dyn Store, group: &GroupId, tree: &Tree, file: &EntryId) -> Option<EntryId> {
    let row = store.get(&keys::file_place(group, file))?;
    EntryId::from_slice(row.get(40..)?).filter(|folder| tree.has(folder))
}

/// Files that stand in a folder, made or not; at the top also those of folders that are none.
pub(crate) fn files_in(store: &dyn Store, group: &GroupId, tree: &Tree, folder: Option<EntryId>) -> Vec<EntryId> {
    let mut files = files_of(store, group, &folder.unwrap_or(TOP));
    if folder.is_some() {
        return files;
    }
    let (mut from, to) = Key::of(table::FILE_IN).and(group).prefix();
    while let Some((key, _)) = store.range(&from, &to, 1, Direction::Forward).pop() {
        let Some(named) = key.get(33..65).and_then(EntryId::from_slice) else { break };
        if named != TOP && !tree.has(&named) && files.len() < FILES_SEEN_MAX {
            files.extend(files_of(store, group, &named));
        }
        from = Key::of(table::FILE_IN).and(group).and(named).prefix().1;
    }
    files
}

fn files_of(store: &dyn Store, group: &GroupId, folder: &EntryId) -> Vec<EntryId> {
    let (from, to) = Key::of(table::FILE_IN).and(group).and(folder).prefix();
    let rows = store.range(&from, &to, FILES_SEEN_MAX, Direction::Forward);
    rows.iter().filter_map(|(key, _)| EntryId::from_slice(key.get(65..)?)).collect()
}

/// Whether a folder, or one that it stands in, is in the trash.
pub(crate) fn is_folder_hidden(store: &dyn Store, group: &GroupId, tree: &Tree, folder: EntryId) -> bool {
    tree.way_up(folder).any(|folder| {
        let maker = item(store, group, &folder).map(|row| row.maker);
        lookup::is_trashed(store, group, &folder, maker.as_ref())
    })
}

/// Whether a file or folder, or a folder that it stands in, is in the trash.
pub(crate) fn is_hidden(store: &dyn Store, group: &GroupId, tree: &Tree, id: &EntryId, row: &ItemRow) -> bool {
    if lookup::is_trashed(store, group, id, Some(&row.maker)) {
        return true;
    }
    let within = if row.made == Made::Folder { tree.within(id) } else { file_folder(store, group, tree, id) };
    within.is_some_and(|folder| is_folder_hidden(store, group, tree, folder))
}

/// The versions of a file that are here, the newest first.
pub(crate) fn versions(store: &dyn Store, group: &GroupId, file: &EntryId, max: usize) -> Vec<EntryId> {
    let (from, to) = Key::of(table::FILE_VERSION).and(group).and(file).prefix();
    let rows = store.range(&from, &to, max, Direction::Forward);
    rows.iter().filter_map(|(key, _)| EntryId::from_slice(key.get(73..)?)).collect()
}

/// What an entry puts into a file, unless it is gone.
pub(crate) fn content(store: &dyn Store, version: &EntryId) -> Option<(Found, FileContent)> {
    let found = Found::of(store, version)?;
    match DataOp::decode(found.kind, found.body.as_deref()?).ok()? {
        DataOp::File(content) | DataOp::FileVersion(content) => Some((found, content)),
        _ => None,
    }
}
