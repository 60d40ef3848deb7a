//! Feeds from outside and files, as far as the fold needs to find them.

use super::effect::{Effect, Notice};
use super::{Cx, Engine};
use crate::group::{DataOp, Source};
use crate::ids::{BlobId, EntryId, GroupId};
use crate::store::Direction;
use crate::store::keys::{self, Key, table};

impl Engine {
    /// A group's live sources.
    pub(crate) fn sources(&self, cx: &Cx<'_>, group: GroupId) -> Vec<(EntryId, Source)> {
        super::lookup::sources(&*cx.tx, &group)
    }

    /// A live source with its group.
    pub(crate) fn source(&self, cx: &Cx<'_>, id: &EntryId) -> Option<(GroupId, Source)> {
        let (group, source) = self.source_any(cx, id)?;
        super::lookup::is_live_source(&*cx.tx, &group, id).then_some((group, source))
    }

    /// A source, removed or not, once it is known to be valid.
    pub(crate) fn source_any(&self, cx: &Cx<'_>, id: &EntryId) -> Option<(GroupId, Source)> {
        let found = super::lookup::Found::of(&*cx.tx, id)?;
        let group = GroupId::from(self.logs.get(&found.log)?.scope);
        cx.tx.get(&keys::source(&group, id))?;
        match DataOp::decode(found.kind, found.body.as_deref()?) {
            Ok(DataOp::Source(source)) => Some((group, source)),
            _ => None,
        }
    }

    pub(crate) fn blob_here(&mut self, cx: &mut Cx<'_>, blob: BlobId) {
        cx.tx.delete(&keys::wanted(&blob));
        let (from, to) = Key::of(table::BLOB).and(blob).prefix();
        for (key, _) in cx.tx.range(&from, &to, 100, Direction::Forward) {
            if let (Some(group), Some(post)) = (GroupId::from_slice(&key[33..65]), EntryId::from_slice(&key[65..])) {
                super::erase::notify_target(cx, group, &post);
            }
        }
        cx.notify(Notice::BlobHere { blob });
    }

    /// A file was found damaged, or gone: it is wanted again if something still refers to it.
    pub(crate) fn blob_lost(&mut self, cx: &mut Cx<'_>, blob: BlobId) {
        if !super::is_used(&*cx.tx, &blob) {
            return;
        }
        let (from, to) = Key::of(table::BLOB).and(blob).prefix();
        for (key, _) in cx.tx.range(&from, &to, 100, Direction::Forward) {
            let (Some(group), Some(post)) = (GroupId::from_slice(&key[33..65]), EntryId::from_slice(&key[65..])) else {
                continue;
            };
            let Some(size) = self.attached_bytes(cx, &post, &blob) else { continue };
            if cx.tx.get(&keys::wanted(&blob)).is_none() {
                let mut value = size.to_be_bytes().to_vec();
                value.extend_from_slice(&group.0);
                cx.tx.put(&keys::wanted(&blob), &value);
                cx.effects.push(Effect::FetchBlob { blob, size, group });
            }
            super::erase::notify_target(cx, group, &post);
        }
    }

    /// The length of a file as the post or file that has it says.
    fn attached_bytes(&self, cx: &Cx<'_>, post: &EntryId, blob: &BlobId) -> Option<u64> {
        let found = super::lookup::Found::of(&*cx.tx, post)?;
        let files = match DataOp::decode(found.kind, found.body.as_deref()?).ok()? {
            DataOp::Post(body) => body.attachments,
            DataOp::File(content) | DataOp::FileVersion(content) => vec![content.file],
            _ => return None,
        };
        files.iter().find(|file| file.blob == *blob).map(|file| file.size)
    }
}
