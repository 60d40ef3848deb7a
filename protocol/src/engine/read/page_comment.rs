//! What was said on a page: threads, each about a passage, with their answers.

use super::Reader;
use crate::control::grants::GroupState;
use crate::control::table::Act;
use crate::engine::lookup::{self, Found};
use crate::engine::query::{ItemRights, PageCommentView, PageThreadView};
use crate::group::page::Anchor;
use crate::group::{DataOp, kind};
use crate::ids::{EntryId, GroupId, UserId};
use crate::store::Direction;
use crate::store::keys::{Key, table};
use std::collections::BTreeMap;

/// Comments of one page that are looked at: the newest. Beyond it older ones are not shown.
const COMMENTS_MAX: usize = 2_000;
/// Signs of a passage that are shown; an honest site quotes no more.
const QUOTE_CHARS_MAX: usize = 300;

impl Reader<'_> {
    /// The comments on a page, the oldest first, each with its answers.
    pub fn page_comments(&self, viewer: UserId, page: EntryId) -> Option<Vec<PageThreadView>> {
        let view = self.page(viewer, page)?;
        let state = self.readable(&viewer, &view.group)?;
        let (from, to) = Key::of(table::THREAD).and(page).prefix();
        let rows = self.store.range(&from, &to, COMMENTS_MAX, Direction::Backward);
        let mut threads: Vec<PageThreadView> = Vec::new();
        let mut answers: BTreeMap<EntryId, Vec<PageCommentView>> = BTreeMap::new();
        for id in rows.iter().rev().filter_map(|(key, _)| EntryId::from_slice(key.get(41..)?)) {
            let Some((said, about)) = self.said_on(&viewer, state, view.group, id) else { continue };
            match about {
                About::Passage(anchor) => {
                    let settled = lookup::page_settled(self.store, &view.group, &id).filter(|settled| settled.on);
                    let settled = settled.map(|settled| (settled.by, settled.at.millis()));
                    let may_settle = view.may.comment;
                    threads.push(PageThreadView { said, anchor, settled, may_settle, answers: Vec::new() });
                }
                About::Answer(first) => answers.entry(first).or_default().push(said),
            }
        }
        for thread in &mut threads {
            thread.answers = answers.remove(&thread.said.id).unwrap_or_default();
        }
        Some(threads)
    }

    /// The page that a comment or an answer is on, and the comment that begins its thread.
    pub fn page_of_comment(&self, viewer: UserId, comment: EntryId) -> Option<(EntryId, EntryId)> {
        let found = Found::of(self.store, &comment).filter(|found| found.kind == kind::PAGE_COMMENT)?;
        let page = *found.refs.first()?;
        let view = self.page(viewer, page)?;
        let state = self.readable(&viewer, &view.group)?;
        self.said_on(&viewer, state, view.group, comment)?;
        Some((page, found.refs.get(1).copied().unwrap_or(comment)))
    }

    /// A comment that counts and is not hidden.
    fn said_on(
        &self,
        viewer: &UserId,
        state: &GroupState,
        group: GroupId,
        id: EntryId,
    ) -> Option<(PageCommentView, About)> {
        let found = Found::of(self.store, &id).filter(|found| found.kind == kind::PAGE_COMMENT)?;
        let hidden = self.group_of(&id) != Some(group)
            || self.is_erased(&group, &id, &found)
            || lookup::is_deleted(self.store, &id, found.actor.as_ref());
        if hidden || self.store.get(&crate::store::keys::void(&group, &id)).is_some() {
            return None;
        }
        let DataOp::PageComment(comment) = DataOp::decode(found.kind, found.body.as_deref()?).ok()? else {
            return None;
        };
        let about = match (comment.anchor, found.refs.get(1)) {
            (Some(anchor), None) => {
                let quote = anchor.quote.chars().take(QUOTE_CHARS_MAX).collect();
                About::Passage(Anchor { quote, ..anchor })
            }
            (None, Some(first)) => About::Answer(*first),
            _ => return None,
        };
        let author = found.actor?;
        let edit = self.edit_of(&id, &author);
        let may = |act| state.may_now(viewer, act).is_ok();
        let mine = author == *viewer;
        let said = PageCommentView {
            id,
            author,
            text: edit.as_ref().map_or(comment.text, |(_, edit)| edit.text.clone()),
            created: found.hlc.millis(),
            edited: edit.map(|(version, _)| version.hlc.millis()),
            may: ItemRights {
                edit: mine && may(Act::EditOwn),
                delete: (mine && may(Act::EditOwn)) || may(Act::DeleteAny),
                comment: may(Act::Comment),
                react: false,
                erase: self.may_erase(viewer, state, mine),
            },
        };
        Some((said, about))
    }
}

/// What a comment is about.
enum About {
    Passage(Anchor),
    Answer(EntryId),
}
