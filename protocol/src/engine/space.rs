//! The file space of a group: who may make, name, move and throw away files and folders, and the rows that come of it.
//!
//! 1. A name, a file's place and the trash are registers: the newest counts. Where folders stand is a function of all that
//!    put them somewhere (`space/tree.rs`), so that two people who move at once never make a cycle.
//! 2. Files are the group's: whoever may post names, moves and renews them; only the maker and those who may delete anything
//!    throw away. A folder in the trash takes along what stands in it.

pub(crate) mod custody;
pub(crate) mod row;
pub(crate) mod tree;

use super::command::Outcome;
use super::effect::{Answer, Effect, Notice, Refusal};
use super::fold::{Placed, put_newer};
use super::input::SpaceWish;
use super::lookup::{self, Found};
use super::view::version_of;
use super::{Cx, Engine};
use crate::clock::Hlc;
use crate::control::Verdict;
use crate::control::table::Act;
use crate::entry::Entry;
use crate::group::space::{FileContent, SpaceName, SpaceTrash};
use crate::group::{Attachment, DataOp, kind};
use crate::ids::{BlobId, EntryId, GroupId, NodeId, UserId};
use crate::limits::{
    FILE_NAME_CHARS_MAX, FILES_PER_FOLDER_MAX, FOLDER_DEPTH_MAX, FOLDERS_PER_GROUP_MAX, SPACE_FILE_BYTES_MAX,
};
use crate::store::keys::{self, Key, table};
use crate::store::{Direction, Store};
use row::{ItemRow, Made};
use tree::{TOP, Tree};

/// What an entry of the file space is about: the thing itself, or what it names.
pub(crate) fn item_of(of_kind: u16, id: EntryId, refs: &[EntryId]) -> EntryId {
    let made = matches!(of_kind, kind::FOLDER | kind::FILE);
    refs.first().copied().filter(|_| !made).unwrap_or(id)
}

/// What stands for a content that is gone.
pub(crate) fn no_content() -> FileContent {
    let blob = BlobId([0; 32]);
    FileContent { file: Attachment { blob, name: String::new(), size: 0, media_type: String::new(), picture: None } }
}

/// When a file that an entry is a part of was last changed; `None` when it is no part of one.
pub(crate) fn file_edited(store: &dyn Store, group: &GroupId, entry: &Entry) -> Option<Hlc> {
    let header = &entry.header;
    if !matches!(header.kind, kind::FILE | kind::FILE_VERSION | kind::FILE_NAME) {
        return None;
    }
    let row = row::item(store, group, &item_of(header.kind, entry.id, &header.refs));
    Some(row.map_or(header.hlc, |row| row.edited.max(header.hlc)))
}

/// The wish that an entry came from, to be uttered again.
pub(crate) fn wish_of(group: GroupId, op: DataOp, refs: &[EntryId]) -> Option<SpaceWish> {
    let first = refs.first().copied();
    Some(match op {
        DataOp::Folder(name) => SpaceWish::Folder { group, within: first, name: name.name },
        DataOp::File(FileContent { file }) => SpaceWish::File { group, within: first, content: file },
        DataOp::FileVersion(FileContent { file }) => SpaceWish::Version { file: first?, content: file },
        DataOp::FolderName(name) | DataOp::FileName(name) => SpaceWish::Name { item: first?, name: name.name },
        DataOp::FolderPlace | DataOp::FilePlace => SpaceWish::Place { item: first?, within: refs.get(1).copied() },
        DataOp::SpaceTrash(trash) => SpaceWish::Trash { item: first?, trash },
        _ => return None,
    })
}

/// A name that can stand in a folder of anybody's machine: on one line, and no path.
fn check_name(name: &str) -> Result<SpaceName, Refusal> {
    let name = name.trim().to_owned();
    if name.is_empty() {
        return Err(Refusal::Empty);
    }
    if name.chars().count() > FILE_NAME_CHARS_MAX {
        return Err(Refusal::TooLong);
    }
    let path = name == "." || name == ".." || name.contains('/');
    if path || name.chars().any(char::is_control) { Err(Refusal::Invalid) } else { Ok(SpaceName { name }) }
}

fn check_content(content: &Attachment) -> Result<(), Refusal> {
    if content.size > SPACE_FILE_BYTES_MAX || content.media_type.len() > 128 { Err(Refusal::TooLong) } else { Ok(()) }
}

impl Engine {
    // --- commands -------------------------------------------------------------------------------------------------

    pub(super) fn space(&mut self, cx: &mut Cx<'_>, actor: UserId, wish: SpaceWish) -> Outcome {
        match wish {
            SpaceWish::Folder { group, within, name } => self.make_folder(cx, actor, group, within, &name),
            SpaceWish::File { group, within, content } => self.add_file(cx, actor, group, within, content),
            SpaceWish::Version { file, content } => self.renew_file(cx, actor, file, content),
            SpaceWish::Name { item, name } => self.name_item(cx, actor, item, &name),
            SpaceWish::Place { item, within } => self.place_item(cx, actor, item, within),
            SpaceWish::Trash { item, trash } => self.trash_item(cx, actor, item, trash),
        }
    }

    fn make_folder(
        &mut self,
        cx: &mut Cx<'_>,
        actor: UserId,
        group: GroupId,
        within: Option<EntryId>,
        name: &str,
    ) -> Outcome {
        let name = check_name(name)?;
        self.check_act(group, actor, Act::Post)?;
        let tree = Tree::of(&*cx.tx, &group);
        check_folder(&*cx.tx, &group, &tree, within)?;
        let deep = within.is_some_and(|within| tree.depth(within) >= FOLDER_DEPTH_MAX);
        if deep || tree.len() >= FOLDERS_PER_GROUP_MAX {
            return Err(Refusal::LimitReached);
        }
        Ok(self.data_in(cx, group, Some(actor), &DataOp::Folder(name), within.into_iter().collect()))
    }

    fn add_file(
        &mut self,
        cx: &mut Cx<'_>,
        actor: UserId,
        group: GroupId,
        within: Option<EntryId>,
        mut content: Attachment,
    ) -> Outcome {
        content.name = check_name(&content.name)?.name;
        check_content(&content)?;
        self.check_act(group, actor, Act::Post)?;
        check_folder(&*cx.tx, &group, &Tree::of(&*cx.tx, &group), within)?;
        check_room(&*cx.tx, &group, within)?;
        let op = DataOp::File(FileContent { file: content });
        Ok(self.data_in(cx, group, Some(actor), &op, within.into_iter().collect()))
    }

    fn renew_file(&mut self, cx: &mut Cx<'_>, actor: UserId, file: EntryId, content: Attachment) -> Outcome {
        check_content(&content)?;
        let (group, row) = self.space_item(cx, &file).ok_or(Refusal::NotFound)?;
        self.check_act(group, actor, Act::Post)?;
        if row.made != Made::File || row::is_hidden(&*cx.tx, &group, &Tree::of(&*cx.tx, &group), &file, &row) {
            return Err(Refusal::NotFound);
        }
        Ok(self.data_in(cx, group, Some(actor), &DataOp::FileVersion(FileContent { file: content }), vec![file]))
    }

    fn name_item(&mut self, cx: &mut Cx<'_>, actor: UserId, item: EntryId, name: &str) -> Outcome {
        let name = check_name(name)?;
        let (group, row) = self.space_item(cx, &item).ok_or(Refusal::NotFound)?;
        self.check_act(group, actor, Act::Post)?;
        if row::name(&*cx.tx, &group, &item).as_ref() == Some(&name.name) {
            return Ok(Answer::Nothing);
        }
        let op = if row.made == Made::Folder { DataOp::FolderName(name) } else { DataOp::FileName(name) };
        Ok(self.data_in(cx, group, Some(actor), &op, vec![item]))
    }

    fn place_item(&mut self, cx: &mut Cx<'_>, actor: UserId, item: EntryId, within: Option<EntryId>) -> Outcome {
        let (group, row) = self.space_item(cx, &item).ok_or(Refusal::NotFound)?;
        self.check_act(group, actor, Act::Post)?;
        let tree = Tree::of(&*cx.tx, &group);
        check_folder(&*cx.tx, &group, &tree, within)?;
        let refs = std::iter::once(item).chain(within).collect();
        if row.made == Made::File {
            if row::file_folder(&*cx.tx, &group, &tree, &item) == within {
                return Ok(Answer::Nothing);
            }
            check_room(&*cx.tx, &group, within)?;
            return Ok(self.data_in(cx, group, Some(actor), &DataOp::FilePlace, refs));
        }
        if tree.within(&item) == within {
            return Ok(Answer::Nothing);
        }
        let Some(within) = within else {
            return Ok(self.data_in(cx, group, Some(actor), &DataOp::FolderPlace, refs));
        };
        // Into itself, or into what stands in it.
        if tree.is_in(&within, &item) {
            return Err(Refusal::Invalid);
        }
        let height = tree.below(item).into_iter().map(|below| tree.depth(below)).max().unwrap_or(1) + 1;
        if tree.depth(within) + height - tree.depth(item) > FOLDER_DEPTH_MAX {
            return Err(Refusal::LimitReached);
        }
        Ok(self.data_in(cx, group, Some(actor), &DataOp::FolderPlace, refs))
    }

    fn trash_item(&mut self, cx: &mut Cx<'_>, actor: UserId, item: EntryId, trash: SpaceTrash) -> Outcome {
        let (group, row) = self.space_item(cx, &item).ok_or(Refusal::NotFound)?;
        let act = if row.maker == actor { Act::EditOwn } else { Act::DeleteAny };
        self.check_act(group, actor, act)?;
        if lookup::is_trashed(&*cx.tx, &group, &item, Some(&row.maker)) == trash.on {
            return Ok(Answer::Nothing);
        }
        Ok(self.data_in(cx, group, Some(actor), &DataOp::SpaceTrash(trash), vec![item]))
    }

    /// A file or folder that counts and is not erased, thrown away or not.
    fn space_item(&self, cx: &Cx<'_>, id: &EntryId) -> Option<(GroupId, ItemRow)> {
        let found = Found::of(&*cx.tx, id).filter(|found| found.body.is_some())?;
        let group = GroupId::from(self.logs.get(&found.log)?.scope);
        let row = row::item(&*cx.tx, &group, id).filter(|row| row.made != Made::Not)?;
        let erased = self.view.is_erased(&*cx.tx, &group.into(), id, None, row.edited);
        (!erased).then_some((group, row))
    }

    // --- rows -----------------------------------------------------------------------------------------------------

    /// Writes the rows of a valid operation on the file space.
    pub(super) fn apply_space(
        &mut self,
        cx: &mut Cx<'_>,
        group: GroupId,
        placed: &Placed<'_>,
        op: DataOp,
        refs: &[EntryId],
    ) {
        let entry = placed.entry;
        let Some(actor) = entry.header.actor else { return };
        let (version, hlc) = (version_of(entry), entry.header.hlc);
        let item = item_of(entry.header.kind, entry.id, refs);
        let mut made = Made::Not;
        match op {
            DataOp::Folder(_) => {
                made = Made::Folder;
                put_newer(cx, &keys::space_name(&group, &item), version, &[]);
                put_folder(cx, &group, version, &item, refs.first());
            }
            DataOp::FolderPlace => put_folder(cx, &group, version, &item, refs.get(1)),
            DataOp::FolderName(_) | DataOp::FileName(_) => {
                put_newer(cx, &keys::space_name(&group, &item), version, &[]);
            }
            DataOp::File(content) => {
                made = Made::File;
                put_newer(cx, &keys::space_name(&group, &item), version, &[]);
                row::place_file(cx, &group, version, &item, refs.first().unwrap_or(&TOP));
                self.apply_content(cx, group, placed, &item, &content);
            }
            DataOp::FileVersion(content) => self.apply_content(cx, group, placed, &item, &content),
            DataOp::FilePlace => row::place_file(cx, &group, version, &item, refs.get(1).unwrap_or(&TOP)),
            DataOp::SpaceTrash(trash) => {
                let moderator = u8::from(self.verdict(group, placed, Act::DeleteAny) == Verdict::Valid);
                put_newer(cx, &keys::page_trash(&group, &item, &actor), version, &[moderator, u8::from(trash.on)]);
                return cx.notify(Notice::Space { group, item });
            }
            _ => return,
        }
        row::touch(cx, &group, &item, hlc, actor, made);
        cx.notify(Notice::Space { group, item });
    }

    fn apply_content(
        &mut self,
        cx: &mut Cx<'_>,
        group: GroupId,
        placed: &Placed<'_>,
        file: &EntryId,
        content: &FileContent,
    ) {
        let entry = placed.entry;
        cx.tx.put(&keys::file_version(&group, file, entry.header.hlc, &entry.id), &[]);
        // What was erased names no content.
        if entry.body.is_some() {
            self.keep_content(cx, group, entry.id, placed.node, &content.file);
        }
    }

    /// A content is referred to; where it came from another node it is wanted at once, or when somebody wants it.
    fn keep_content(&mut self, cx: &mut Cx<'_>, group: GroupId, entry: EntryId, node: NodeId, file: &Attachment) {
        let here = super::is_used(&*cx.tx, &file.blob);
        cx.tx.put(&keys::blob(&file.blob, &group, &entry), &0_u32.to_be_bytes());
        cx.tx.put(&keys::post_blob(&entry, &file.blob), &[]);
        cx.tx.delete(&keys::unused(&file.blob));
        if node == self.node() || here || file.size > SPACE_FILE_BYTES_MAX {
            return;
        }
        let keeps = self.view.custodians(&group, &file.blob, file.size, &node).contains(&self.node());
        let mut value = file.size.to_be_bytes().to_vec();
        value.extend_from_slice(&group.0);
        if keeps {
            cx.effects.push(Effect::FetchBlob { blob: file.blob, size: file.size, group });
        } else {
            value.push(1);
        }
        cx.tx.put(&keys::wanted(&file.blob), &value);
    }
}

/// A folder that something may be put into: made, and not in the trash.
fn check_folder(store: &dyn Store, group: &GroupId, tree: &Tree, folder: Option<EntryId>) -> Result<(), Refusal> {
    let Some(folder) = folder else { return Ok(()) };
    if tree.has(&folder) && !row::is_folder_hidden(store, group, tree, folder) {
        Ok(())
    } else {
        Err(Refusal::NotFound)
    }
}

fn check_room(store: &dyn Store, group: &GroupId, folder: Option<EntryId>) -> Result<(), Refusal> {
    let (from, to) = Key::of(table::FILE_IN).and(group).and(folder.unwrap_or(TOP)).prefix();
    let full = store.range(&from, &to, FILES_PER_FOLDER_MAX, Direction::Forward).len() >= FILES_PER_FOLDER_MAX;
    if full { Err(Refusal::LimitReached) } else { Ok(()) }
}

fn put_folder(
    cx: &mut Cx<'_>,
    group: &GroupId,
    version: crate::group::Version,
    folder: &EntryId,
    within: Option<&EntryId>,
) {
    let row = [&folder.0[..], &within.unwrap_or(&TOP).0].concat();
    cx.tx.put(&keys::folder_place(group, version.hlc, &version.id), &row);
}
