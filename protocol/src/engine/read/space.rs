//! The file space of a group, for one person.

use super::Reader;
use crate::clock::Hlc;
use crate::control::grants::GroupState;
use crate::control::table::Act;
use crate::engine::lookup::{self, Found};
use crate::engine::query::{FileVersionView, FileView, SpaceItemView, SpaceKind, SpaceListing, SpaceRights};
use crate::engine::space::row::{self, ItemRow, Made};
use crate::engine::space::tree::Tree;
use crate::group::{Attachment, kind};
use crate::ids::{EntryId, GroupId, NodeId, SiteId, UserId};
use crate::limits::{FILE_NAME_CHARS_MAX, FOLDERS_PER_GROUP_MAX};
use crate::store::Direction;
use crate::store::keys::{Key, table};
use std::collections::{BTreeMap, BTreeSet};

/// Versions of a file that are listed: beyond, nobody looks.
const VERSIONS_MAX: usize = 200;
/// Things in the trash that are listed.
const TRASH_MAX: usize = 2_000;
/// Files of a group that are gone through, for lists of words and for whole folders.
const FILES_MAX: usize = 100_000;

/// A file of a folder that is taken along whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedFile {
    /// The folders from the one that is taken on, without it, then the name.
    pub path: Vec<String>,
    /// Its newest content.
    pub content: Attachment,
}

impl Reader<'_> {
    /// What stands in a folder, or at the top.
    pub fn space(&self, viewer: UserId, group: GroupId, folder: Option<EntryId>) -> Option<SpaceListing> {
        let state = self.readable(&viewer, &group)?;
        let tree = Tree::of(self.store, &group);
        if folder.is_some_and(|folder| !tree.has(&folder)) {
            return None;
        }
        let items = self.space_children(&viewer, state, group, &tree, folder);
        let hidden = folder.is_some_and(|folder| row::is_folder_hidden(self.store, &group, &tree, folder));
        Some(SpaceListing {
            path: self.space_path(&group, &tree, folder),
            items: items.into_iter().filter(|item| !item.trashed).collect(),
            may_add: !hidden && state.may_now(&viewer, Act::Post).is_ok(),
        })
    }

    /// What was thrown away, the folders first.
    pub fn space_trash(&self, viewer: UserId, group: GroupId) -> Option<SpaceListing> {
        let state = self.readable(&viewer, &group)?;
        let tree = Tree::of(self.store, &group);
        let (from, to) = Key::of(table::PAGE_TRASH).and(group).prefix();
        let rows = self.store.range(&from, &to, FILES_MAX, Direction::Forward);
        let named: BTreeSet<EntryId> =
            rows.iter().filter_map(|(key, _)| EntryId::from_slice(key.get(33..65)?)).collect();
        let items = named.into_iter().filter_map(|id| self.space_item_in(&viewer, state, group, &tree, id));
        let mut items: Vec<SpaceItemView> = items.filter(|item| item.trashed).take(TRASH_MAX).collect();
        in_order(&mut items);
        Some(SpaceListing { path: Vec::new(), items, may_add: false })
    }

    /// One file or folder, in the trash or not.
    pub fn space_item(&self, viewer: UserId, id: EntryId) -> Option<SpaceItemView> {
        let group = self.group_of(&id)?;
        let state = self.readable(&viewer, &group)?;
        let tree = Tree::of(self.store, &group);
        let item = self.space_item_in(&viewer, state, group, &tree, id)?;
        if item.hidden {
            return Some(item);
        }
        let beside = self.space_children(&viewer, state, group, &tree, item.within);
        beside.into_iter().find(|beside| beside.id == id)
    }

    /// The versions of a file, the newest first.
    pub fn file_versions(&self, viewer: UserId, file: EntryId) -> Option<Vec<FileVersionView>> {
        let view = self.space_item(viewer, file).filter(|view| view.kind() == SpaceKind::File)?;
        let versions = row::versions(self.store, &view.group, &file, VERSIONS_MAX);
        let version = |id: EntryId| {
            let (found, content) = row::content(self.store, &id)?;
            Some(FileVersionView { id, content: content.file, at: found.hlc.millis(), by: found.actor })
        };
        Some(versions.into_iter().filter_map(version).collect())
    }

    /// All files of a folder, at whatever depth, to be taken along.
    pub fn packed(&self, viewer: UserId, folder: EntryId) -> Option<Vec<PackedFile>> {
        let group = self.group_of(&folder)?;
        let state = self.readable(&viewer, &group)?;
        let tree = Tree::of(self.store, &group);
        let mut left = vec![(folder, Vec::new())];
        let mut packed = Vec::new();
        if !tree.has(&folder) {
            return None;
        }
        while let Some((folder, path)) = left.pop() {
            for item in self.space_children(&viewer, state, group, &tree, Some(folder)) {
                let mut path: Vec<String> = path.clone();
                path.push(numbered(&item.name, item.number));
                match item.file {
                    _ if item.trashed => {}
                    Some(file) => packed.push(PackedFile { path, content: file.content }),
                    None if left.len() < FOLDERS_PER_GROUP_MAX => left.push((item.id, path)),
                    None => {}
                }
            }
        }
        Some(packed)
    }

    fn space_path(&self, group: &GroupId, tree: &Tree, folder: Option<EntryId>) -> Vec<(EntryId, String)> {
        let way = folder.map(|folder| tree.way_up(folder).collect::<Vec<_>>()).unwrap_or_default();
        let named = |id: &EntryId| (*id, row::name(self.store, group, id).unwrap_or_default());
        way.iter().rev().map(named).collect()
    }

    /// Everything of a folder that counts, also what is in the trash by itself, in its order and with its numbers.
    fn space_children(
        &self,
        viewer: &UserId,
        state: &GroupState,
        group: GroupId,
        tree: &Tree,
        folder: Option<EntryId>,
    ) -> Vec<SpaceItemView> {
        let ids = tree.inside(folder).chain(row::files_in(self.store, &group, tree, folder));
        let mut items: Vec<SpaceItemView> =
            ids.filter_map(|id| self.space_item_in(viewer, state, group, tree, id)).collect();
        in_order(&mut items);
        items
    }

    fn space_item_in(
        &self,
        viewer: &UserId,
        state: &GroupState,
        group: GroupId,
        tree: &Tree,
        id: EntryId,
    ) -> Option<SpaceItemView> {
        let row = row::item(self.store, &group, &id).filter(|row| row.made != Made::Not)?;
        let found = self.space_found(&group, &id, &row)?;
        let file = if row.made == Made::File { Some(self.file_view(&group, &id)?) } else { None };
        let trashed = lookup::is_trashed(self.store, &group, &id, Some(&row.maker));
        let hidden = trashed || row::is_hidden(self.store, &group, tree, &id, &row);
        let may = |act| state.may_now(viewer, act).is_ok();
        let within = match row.made {
            Made::Folder => tree.within(&id),
            _ => row::file_folder(self.store, &group, tree, &id),
        };
        Some(SpaceItemView {
            id,
            group,
            name: row::name(self.store, &group, &id).unwrap_or_default(),
            number: 1,
            within,
            made: found.hlc,
            created: found.hlc.millis(),
            by: found.actor,
            edited: row.edited.millis(),
            edited_by: row.by,
            trashed,
            hidden,
            delivery: self.delivery_of(state, group, &found),
            may: SpaceRights {
                edit: !hidden && may(Act::Post),
                trash: (row.maker == *viewer && may(Act::EditOwn)) || may(Act::DeleteAny),
                erase: file.is_some() && (may(Act::EraseAny) || self.view.is_admin(viewer)),
            },
            file,
        })
    }

    /// The entry that made something, unless it is erased.
    fn space_found(&self, group: &GroupId, id: &EntryId, row: &ItemRow) -> Option<Found> {
        let found = Found::of(self.store, id).filter(|found| found.body.is_some())?;
        let erased = self.view.is_erased(self.store, &(*group).into(), id, None, row.edited);
        (!erased).then_some(found)
    }

    fn file_view(&self, group: &GroupId, file: &EntryId) -> Option<FileView> {
        let versions = row::versions(self.store, group, file, VERSIONS_MAX);
        let (found, content) = versions.iter().find_map(|version| row::content(self.store, version))?;
        let mut content = content.file;
        if let Some(name) = row::name(self.store, group, file) {
            content.name = name;
        }
        content.name = content.name.chars().take(FILE_NAME_CHARS_MAX).collect();
        let node = self.view.log_scopes.get(&found.log).map(|(_, node)| *node);
        Some(FileView {
            versions: versions.len(),
            from: self.author_site(&found.log),
            reachable_at: node.and_then(|node| self.reachable_at(group, &content, &node)),
            content,
        })
    }

    /// A site that keeps a content and is connected now: where it was put in, if that is.
    fn reachable_at(&self, group: &GroupId, content: &Attachment, node: &NodeId) -> Option<SiteId> {
        let org = self.view.org_state()?;
        let keepers = self.view.custodians(group, &content.blob, content.size, node);
        let connected = |node: &NodeId| self.view.peers.get(node).is_some_and(|peer| peer.connected);
        let first = Some(*node).into_iter().chain(keepers).find(connected)?;
        org.site_of_node(&first)
    }

    // --- words ----------------------------------------------------------------------------------------------------

    /// A file of the file space that is shown, with its newest content; for nobody in particular.
    pub(super) fn file_words(&self, group: &GroupId, id: &EntryId) -> Option<Attachment> {
        let row = row::item(self.store, group, id).filter(|row| row.made == Made::File)?;
        self.space_found(group, id, &row)?;
        let tree = Tree::of(self.store, group);
        if row::is_hidden(self.store, group, &tree, id, &row) {
            return None;
        }
        Some(self.file_view(group, id)?.content)
    }

    /// The files of a group's file space.
    pub fn files_of(&self, group: GroupId) -> Vec<EntryId> {
        let (from, to) = Key::of(table::SPACE_ITEM).and(group).prefix();
        let rows = self.store.range(&from, &to, FILES_MAX, Direction::Forward);
        rows.iter().filter_map(|(key, _)| EntryId::from_slice(key.get(33..)?)).collect()
    }

    /// The files that are shown or not with something: itself, or those that stand in a folder, at most so many.
    pub fn files_with(&self, item: EntryId, max: usize) -> Vec<EntryId> {
        let Some(group) = self.group_of(&item) else { return Vec::new() };
        let tree = Tree::of(self.store, &group);
        if !tree.has(&item) {
            return vec![item];
        }
        let folders = tree.below(item);
        let files = folders.into_iter().flat_map(|folder| row::files_in(self.store, &group, &tree, Some(folder)));
        files.take(max).collect()
    }

    /// What an entry of the file space is about, if it is one.
    pub(super) fn space_target(found: &Found, id: EntryId) -> Option<EntryId> {
        let of_space = matches!(found.kind, kind::FOLDER..=kind::SPACE_TRASH);
        of_space.then(|| crate::engine::space::item_of(found.kind, id, &found.refs))
    }
}

/// A name with its number where others of its folder have the same.
pub fn numbered(name: &str, number: usize) -> String {
    if number < 2 {
        return name.to_owned();
    }
    match name.rsplit_once('.').filter(|(stem, ending)| !stem.is_empty() && ending.len() < 8) {
        Some((stem, ending)) => format!("{stem} ({number}).{ending}"),
        None => format!("{name} ({number})"),
    }
}

/// Folders first, each by name; of the same name the older first, the later with a number.
fn in_order(items: &mut [SpaceItemView]) {
    let age = |item: &SpaceItemView| (item.made, item.id);
    items.sort_by_cached_key(|item| (item.kind(), item.name.to_lowercase(), age(item)));
    let mut same: BTreeMap<String, Vec<(Hlc, EntryId)>> = BTreeMap::new();
    for item in items.iter().filter(|item| !item.trashed) {
        same.entry(item.name.to_lowercase()).or_default().push(age(item));
    }
    same.values_mut().for_each(|ages| ages.sort_unstable());
    for item in items.iter_mut().filter(|item| !item.trashed) {
        let before = same.get(&item.name.to_lowercase()).map_or(0, |ages| ages.partition_point(|one| *one < age(item)));
        item.number = before + 1;
    }
}
