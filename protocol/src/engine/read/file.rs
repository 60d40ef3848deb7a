//! Files and feeds from outside, as far as posts refer to them.

use super::Reader;
use crate::engine::lookup::{self, Found};
use crate::engine::query::{BlobView, SourceView};
use crate::group::page::PageChange;
use crate::group::{DataOp, Post};
use crate::ids::{BlobId, EntryId, GroupId, NodeId, UserId};
use crate::store::Direction;
use crate::store::keys::{Key, table};

impl Reader<'_> {
    /// A file that something in one of the viewer's groups refers to.
    pub fn blob(&self, viewer: UserId, blob: BlobId) -> Option<BlobView> {
        let (from, to) = Key::of(table::BLOB).and(blob).prefix();
        self.store.range(&from, &to, 1_000, Direction::Forward).into_iter().find_map(|(key, value)| {
            let group = GroupId::from_slice(key.get(33..65)?)?;
            self.readable(&viewer, &group)?;
            let post = EntryId::from_slice(key.get(65..)?)?;
            let found = Found::of(self.store, &post)?;
            if self.is_erased(&group, &post, &found) || lookup::is_deleted(self.store, &post, found.actor.as_ref()) {
                return None;
            }
            let at = u32::from_be_bytes(value.try_into().ok()?) as usize;
            match DataOp::decode(found.kind, found.body.as_deref()?) {
                Ok(DataOp::Post(Post { attachments, .. }) | DataOp::PageChange(PageChange { attachments, .. })) => {
                    Some(BlobView { blob, group, attachment: attachments.into_iter().nth(at)? })
                }
                Ok(DataOp::File(content) | DataOp::FileVersion(content)) => {
                    Some(BlobView { blob, group, attachment: content.file })
                }
                _ => None,
            }
        })
    }

    /// Whether a file may be given to a node: it serves a site of a group that refers to it (§1.13).
    pub fn may_serve_blob(&self, node: &NodeId, group: &GroupId, blob: &BlobId) -> bool {
        let Some(site) = self.view.org_state().and_then(|state| state.site_of_node(node)) else { return false };
        let (from, to) = Key::of(table::BLOB).and(blob).and(group).prefix();
        self.view.group_state(group).is_some_and(|state| state.sites().contains(&site))
            && !self.store.range(&from, &to, 1, Direction::Forward).is_empty()
    }

    /// Whether a node keeps a group's content: its site has a live member.
    pub fn keeps(&self, node: &NodeId, group: &GroupId) -> bool {
        let site = self.view.org_state().and_then(|state| state.site_of_node(node));
        site.is_some_and(|site| self.view.group_state(group).is_some_and(|state| state.sites().contains(&site)))
    }

    /// Nodes that may hold a group's files: those of its sites, connected ones only.
    pub fn holders(&self, group: &GroupId) -> Vec<NodeId> {
        let (Some(org), Some(state)) = (self.view.org_state(), self.view.group_state(group)) else { return Vec::new() };
        let serves = |node: &NodeId| org.site_of_node(node).is_some_and(|site| state.sites().contains(&site));
        let connected = self.view.peers.iter().filter(|(_, status)| status.connected);
        connected.map(|(node, _)| *node).filter(serves).collect()
    }

    /// Files that are not here yet and should be: length and a group that refers to each.
    pub fn wanted(&self, max: usize) -> Vec<(BlobId, u64, GroupId)> {
        let (from, to) = Key::of(table::WANTED).prefix();
        let rows = self.store.range(&from, &to, usize::MAX, Direction::Forward);
        let read = |(key, value): (Vec<u8>, Vec<u8>)| {
            let size = u64::from_be_bytes(value.get(..8)?.try_into().ok()?);
            let on_demand = value.get(40) == Some(&1);
            let group = GroupId::from_slice(value.get(8..40)?).filter(|_| !on_demand)?;
            Some((BlobId::from_slice(&key[1..])?, size, group))
        };
        rows.into_iter().filter_map(read).take(max).collect()
    }

    /// Files that posts refer to and that are held to be here, in order of their ids after one of them.
    pub fn blobs_here(&self, after: Option<BlobId>, max: usize) -> Vec<BlobId> {
        let (mut from, to) = Key::of(table::BLOB).prefix();
        let mut found: Vec<BlobId> = Vec::new();
        if let Some(after) = after {
            from = Key::of(table::BLOB).and(after).prefix().1;
        }
        while found.len() < max {
            let Some((key, _)) = self.store.range(&from, &to, 1, Direction::Forward).pop() else { break };
            let Some(blob) = key.get(1..33).and_then(BlobId::from_slice) else { break };
            if self.store.get(&crate::store::keys::wanted(&blob)).is_none() {
                found.push(blob);
            }
            from = Key::of(table::BLOB).and(blob).prefix().1;
        }
        found
    }

    /// A group's feeds from outside, for members.
    pub fn sources(&self, viewer: UserId, group: GroupId) -> Option<Vec<SourceView>> {
        self.readable(&viewer, &group)?;
        Some(self.sources_of(group))
    }

    pub(super) fn sources_of(&self, group: GroupId) -> Vec<SourceView> {
        let count = |id: &EntryId| {
            let (from, to) = Key::of(table::SOURCE_ITEM).and(id).prefix();
            self.store.range(&from, &to, 100_000, Direction::Forward).len()
        };
        lookup::sources(self.store, &group)
            .into_iter()
            .map(|(id, source)| SourceView {
                items: count(&id),
                id,
                group,
                url: source.url,
                title: source.title,
                site_url: source.site_url,
                sites: source.sites,
            })
            .collect()
    }

    /// One feed, if the viewer is a member of its group.
    pub fn source(&self, viewer: UserId, source: EntryId) -> Option<SourceView> {
        let group = self.group_of(&source)?;
        self.sources(viewer, group)?.into_iter().find(|view| view.id == source)
    }

    /// All feeds that this site may poll.
    pub fn sources_here(&self) -> Vec<SourceView> {
        let Some(own) = self.view.own_site() else { return Vec::new() };
        let sources = self.view.groups.keys().flat_map(|group| self.sources_of(*group));
        sources.filter(|source| source.sites.contains(&own)).collect()
    }
}
