//! What a person wrote here and that does not count, for them alone (G13).

use super::Reader;
use crate::engine::fold::act_of;
use crate::engine::lookup::Found;
use crate::engine::query::UndeliveredView;
use crate::group::{DataOp, kind};
use crate::ids::{EntryId, GroupId, UserId};
use crate::store::Direction;
use crate::store::keys::{Key, table};

/// Shown at once, the newest.
pub const UNDELIVERED_MAX: usize = 200;

impl Reader<'_> {
    /// The newest first. The caller leaves out what the person has put away.
    pub fn undelivered(&self, viewer: UserId) -> Vec<UndeliveredView> {
        let (from, to) = Key::of(table::UNDELIVERED).and(viewer).prefix();
        let rows = self.store.range(&from, &to, UNDELIVERED_MAX, Direction::Forward);
        rows.iter().filter_map(|(key, value)| self.undelivered_row(viewer, key, value)).collect()
    }

    /// The ids alone, for counting.
    pub fn undelivered_ids(&self, viewer: UserId) -> Vec<EntryId> {
        let (from, to) = Key::of(table::UNDELIVERED).and(viewer).prefix();
        let rows = self.store.range(&from, &to, UNDELIVERED_MAX, Direction::Forward);
        rows.iter().filter_map(|(key, _)| EntryId::from_slice(key.get(25..)?)).collect()
    }

    fn undelivered_row(&self, viewer: UserId, key: &[u8], value: &[u8]) -> Option<UndeliveredView> {
        let id = EntryId::from_slice(key.get(25..)?)?;
        let group = GroupId::from_slice(value.get(..32)?)?;
        let reason = String::from_utf8_lossy(value.get(32..)?).into_owned();
        let found = Found::of(self.store, &id)?;
        let op = DataOp::decode(found.kind, found.body.as_deref().unwrap_or_default()).ok();
        let (title, text) = match op {
            Some(DataOp::Post(post)) => (post.title, post.text),
            Some(DataOp::Comment(comment)) => (String::new(), comment.text),
            Some(DataOp::PageComment(comment)) => (String::new(), comment.text),
            Some(DataOp::Edit(edit)) => (edit.title, edit.text),
            Some(DataOp::React(react)) => (react.emoji, String::new()),
            Some(DataOp::Page(name) | DataOp::PageName(name)) => (name.title, String::new()),
            Some(DataOp::Folder(name) | DataOp::FolderName(name) | DataOp::FileName(name)) => {
                (name.name, String::new())
            }
            Some(DataOp::File(content) | DataOp::FileVersion(content)) => (content.file.name, String::new()),
            Some(DataOp::Source(source)) => (source.title, source.url),
            _ => (String::new(), String::new()),
        };
        // The second reference of what concerns a comment is its post.
        let post = match found.kind {
            kind::POST => Some(id),
            kind::SOURCE_SET | kind::SOURCE_REMOVE => None,
            kind::PAGE..=kind::PAGE_SETTLE | kind::FOLDER..=kind::SPACE_TRASH => None,
            _ => found.refs.get(1).or(found.refs.first()).copied(),
        };
        let state = self.view.group_state(&group);
        let act = act_of(found.kind);
        let may = state.zip(act).is_some_and(|(state, act)| state.may_now(&viewer, act).is_ok());
        let group_name = state.map_or_else(String::new, |state| state.name().into());
        let created = found.hlc.millis();
        let can_resend = may && self.view.is_active_here(&viewer);
        Some(UndeliveredView {
            id,
            kind: found.kind,
            group,
            group_name,
            post,
            title,
            text,
            created,
            reason,
            can_resend,
        })
    }
}
