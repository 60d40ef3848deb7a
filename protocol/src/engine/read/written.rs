//! Everything that one person wrote, for that person (the right of access): it reads all data logs that are held here,
//! so it is for a file made on request, not for a screen.

use super::Reader;
use crate::clock::Millis;
use crate::control::op::Class;
use crate::engine::lookup::{self, Found};
use crate::engine::query::{OwnWords, Written};
use crate::entry::batch;
use crate::group::{DataOp, kind};
use crate::ids::{EntryId, GroupId, LogId, ScopeId, UserId};
use crate::log::Log;
use crate::store::keys::{Key, table};
use crate::store::{Direction, Location};

impl Reader<'_> {
    /// What a person wrote, without the words, the oldest first. Counting or not, hidden or not: it is theirs.
    pub fn written_by(&self, user: UserId) -> Vec<Written> {
        let org = self.view.org.map(ScopeId::from);
        let (from, to) = Key::of(table::LOG).prefix();
        let mut written = Vec::new();
        for (key, row) in self.store.range(&from, &to, usize::MAX, Direction::Forward) {
            let (Some(id), Ok(log)) = (LogId::from_slice(&key[1..]), Log::from_bytes(&row)) else { continue };
            if log.class != Class::Data {
                continue;
            }
            let group = (Some(log.scope) != org).then_some(GroupId::from(log.scope));
            // Run by run and not from the beginning on: a log that is being filled may have a gap.
            let (from, to) = Key::of(table::RUN).and(id).prefix();
            for (_, run) in self.store.range(&from, &to, usize::MAX, Direction::Forward) {
                let record = run.get(8..).and_then(Location::from_bytes).and_then(|place| self.store.record(place));
                let entries = record.and_then(|record| batch::decode(&record).ok()).unwrap_or_default();
                let theirs = entries.into_iter().filter(|entry| entry.header.actor == Some(user));
                written.extend(theirs.map(|entry| Written { id: entry.id, group, hlc: entry.header.hlc }));
            }
        }
        written.sort_unstable_by_key(|written: &Written| (written.hlc, written.id));
        written
    }

    /// The words of one of them, as they stand now; `None` when the entry is no longer here.
    pub fn own_words(&self, user: UserId, written: &Written) -> Option<OwnWords> {
        let found = Found::of(self.store, &written.id).filter(|found| found.actor == Some(user))?;
        let hidden = |target: &EntryId| lookup::is_deleted(self.store, target, found.actor.as_ref());
        let gone =
            found.body.is_none() || written.group.is_some_and(|group| self.is_erased(&group, &written.id, &found));
        let target = found.refs.first().copied();
        Some(match DataOp::decode(found.kind, found.body.as_deref().unwrap_or_default()) {
            _ if gone && matches!(found.kind, kind::POST | kind::COMMENT | kind::EDIT | kind::PAGE_COMMENT) => {
                OwnWords::Erased
            }
            _ if gone && matches!(found.kind, kind::FILE | kind::FILE_VERSION | kind::FILE_NAME) => OwnWords::Erased,
            Ok(DataOp::Post(post)) => OwnWords::Post {
                title: post.title,
                text: post.text,
                attachments: post.attachments,
                deleted: hidden(&written.id),
            },
            Ok(DataOp::Comment(comment)) => {
                OwnWords::Comment { post: target?, text: comment.text, deleted: hidden(&written.id) }
            }
            Ok(DataOp::Edit(edit)) => OwnWords::Edit { target: target?, title: edit.title, text: edit.text },
            Ok(DataOp::React(react)) => OwnWords::Reaction { target: target?, emoji: react.emoji, on: react.on },
            Ok(DataOp::Profile(profile)) => OwnWords::Profile { name: profile.name, title: profile.title },
            Ok(DataOp::PageChange(change)) => {
                let changes: Vec<Vec<u8>> = change.changes.into_iter().map(Into::into).collect();
                OwnWords::PageWords { page: target?, text: crate::document::words(&changes) }
            }
            Ok(DataOp::PageComment(comment)) => OwnWords::PageComment {
                page: target?,
                about: comment.anchor.map(|anchor| anchor.quote),
                text: comment.text,
                deleted: hidden(&written.id),
            },
            Ok(DataOp::Page(name) | DataOp::PageName(name)) => {
                OwnWords::Page { page: target.unwrap_or(written.id), title: name.title }
            }
            Ok(DataOp::File(content) | DataOp::FileVersion(content)) => {
                let file = crate::engine::space::item_of(found.kind, written.id, &found.refs);
                OwnWords::File { file, content: content.file }
            }
            Ok(DataOp::Folder(name) | DataOp::FolderName(name) | DataOp::FileName(name)) => {
                let item = crate::engine::space::item_of(found.kind, written.id, &found.refs);
                OwnWords::SpaceName { item, name: name.name }
            }
            Ok(DataOp::Source(source)) => OwnWords::Source { title: source.title, url: source.url },
            _ => OwnWords::Act,
        })
    }

    /// The groups that a person is in, with the role and since when.
    pub fn memberships(&self, user: UserId) -> Vec<(GroupId, crate::control::op::Role, Millis)> {
        let since = |id: &EntryId| Found::of(self.store, id).map_or(Millis(0), |found| found.hlc.millis());
        let groups = self.view.groups.iter().filter_map(|(id, state)| {
            let member = state.members().get(&user)?;
            let begun = if state.is_derived() { since(&EntryId(id.0)) } else { since(&member.since) };
            Some((*id, member.role, begun))
        });
        groups.collect()
    }
}
