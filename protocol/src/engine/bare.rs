//! What an entry means whose body was erased, or dropped for its age: its place in feed and thread, from the header alone.

use super::fold::{Placed, act_of};
use super::{Cx, Engine};
use crate::group::page::{PageComment, PageName};
use crate::group::{DataOp, Outside, Post, kind};
use crate::ids::{EntryId, GroupId, ScopeId};

impl Engine {
    /// Gives an entry without a body the meaning that its header has.
    pub(super) fn fold_bare(&mut self, cx: &mut Cx<'_>, scope: ScopeId, placed: &Placed<'_>) {
        let entry = placed.entry;
        if self.org().map(ScopeId::from) == Some(scope) {
            return;
        }
        let group = GroupId::from(scope);
        self.release_blobs(cx, group, &entry.id);
        let op = match entry.header.kind {
            kind::POST => DataOp::Post(Post::default()),
            kind::COMMENT => DataOp::Comment(Default::default()),
            kind::EDIT => DataOp::Edit(Default::default()),
            kind::PAGE => DataOp::Page(PageName::default()),
            kind::PAGE_NAME => DataOp::PageName(PageName::default()),
            kind::PAGE_COMMENT => DataOp::PageComment(PageComment::default()),
            kind::PAGE_CHANGE => return self.forget_page_change(cx, group, entry),
            kind::FILE => DataOp::File(super::space::no_content()),
            kind::FILE_VERSION => DataOp::FileVersion(super::space::no_content()),
            kind::FILE_NAME => DataOp::FileName(Default::default()),
            kind::OUTSIDE | kind::OUTSIDE_EDIT => {
                let Some(origin_key) = entry.header.refs.get(1).map(|key| key.0) else { return };
                let outside = Outside { origin_key, ..Outside::default() };
                if entry.header.kind == kind::OUTSIDE { DataOp::Outside(outside) } else { DataOp::OutsideEdit(outside) }
            }
            _ => return,
        };
        let verdict = match act_of(entry.header.kind) {
            Some(act) => self.verdict(group, placed, act),
            None => self.outside_verdict(cx, placed),
        };
        self.take_verdict(cx, group, placed, op, verdict);
    }
}

/// What an item from outside says of itself and what its header says must agree: the header outlives the body.
pub(super) fn names_its_item(op: &DataOp, refs: &[EntryId]) -> bool {
    match op {
        DataOp::Outside(outside) | DataOp::OutsideEdit(outside) => refs.get(1) == Some(&EntryId(outside.origin_key)),
        _ => true,
    }
}
