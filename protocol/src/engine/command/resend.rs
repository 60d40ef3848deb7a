//! Writing again what did not count (G13): the same words as a new entry, if the author may now.

use super::{Engine, Outcome};
use crate::engine::Cx;
use crate::engine::effect::Refusal;
use crate::engine::input::Reaction;
use crate::engine::lookup::Found;
use crate::group::DataOp;
use crate::ids::{EntryId, GroupId, UserId};
use crate::store::keys;

impl Engine {
    pub(super) fn resend(&mut self, cx: &mut Cx<'_>, actor: UserId, entry: EntryId) -> Outcome {
        let found = Found::of(&*cx.tx, &entry).filter(|found| found.actor == Some(actor)).ok_or(Refusal::NotFound)?;
        let log = self.logs.get(&found.log).filter(|log| log.node == self.node()).ok_or(Refusal::NotFound)?;
        let group = GroupId::from(log.scope);
        if cx.tx.get(&keys::void(&group, &entry)).is_none() {
            return Err(Refusal::NotFound);
        }
        let target = found.refs.first().copied().ok_or(Refusal::NotFound);
        match DataOp::decode(found.kind, found.body.as_deref().unwrap_or_default()) {
            Ok(DataOp::Post(post)) => self.create_post(cx, actor, group, post),
            Ok(DataOp::Comment(comment)) => self.create_comment(cx, actor, target?, comment.text),
            Ok(DataOp::Edit(edit)) => self.edit(cx, actor, target?, edit),
            Ok(DataOp::Delete) => self.delete(cx, actor, target?),
            Ok(DataOp::React(react)) => {
                self.react(cx, actor, target?, react.emoji, if react.on { Reaction::On } else { Reaction::Off })
            }
            Ok(DataOp::Source(source)) => self.set_source(cx, actor, group, source),
            Ok(DataOp::Page(name)) => self.create_page(cx, actor, group, name),
            Ok(DataOp::PageName(name)) => self.name_page(cx, actor, target?, name),
            Ok(DataOp::PageTrash(trash)) => self.trash_page(cx, actor, target?, trash),
            Ok(DataOp::PageChange(change)) => self.change_page(cx, actor, target?, change),
            Ok(DataOp::PageComment(comment)) => {
                self.comment_page(cx, actor, target?, found.refs.get(1).copied(), comment)
            }
            Ok(DataOp::PageSettle(settle)) => self.settle_comment(cx, actor, target?, settle),
            Ok(DataOp::SourceRemove) => self.remove_source(cx, actor, target?),
            Ok(op) => {
                let wish = crate::engine::space::wish_of(group, op, &found.refs).ok_or(Refusal::Invalid)?;
                self.space(cx, actor, wish)
            }
            Err(_) => Err(Refusal::Invalid),
        }
    }
}
