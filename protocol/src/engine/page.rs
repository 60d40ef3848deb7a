//! Pages: who may make, name, throw away and write them, and the rows that come of it. What the changes of a document mean
//! is not looked at here: admission is a function of the entries that count, made by whoever opens a page.

use super::command::Outcome;
use super::effect::{Answer, Notice, Refusal};
use super::fold::{Placed, put_newer};
use super::lookup::{self, Found};
use super::view::version_of;
use super::{Cx, Engine};
use crate::clock::Hlc;
use crate::control::Verdict;
use crate::control::table::Act;
use crate::document::{CHANGE_BYTES_MAX, CHANGES_PER_ENTRY_MAX, ENTRY_CHANGES_BYTES_MAX};
use crate::group::page::{PageChange, PageComment, PageName, PageSettle, PageTrash};
use crate::group::{DataOp, kind};
use crate::ids::{EntryId, GroupId, UserId};
use crate::limits::{ATTACHMENTS_MAX, COMMENT_BYTES_MAX, TITLE_CHARS_MAX};
use crate::store::keys;

/// An emoji, with its joiners and colours.
const ICON_BYTES_MAX: usize = 64;
/// A place in a text as editors name it.
const PLACE_BYTES_MAX: usize = 128;
/// What a comment quotes of the passage that it is about.
const QUOTE_CHARS_MAX: usize = 300;

/// A page's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRow {
    /// Its `page.create` counts.
    pub made: bool,
    /// When something about it was last written.
    pub edited: Hlc,
    /// By whom.
    pub by: UserId,
}

impl PageRow {
    fn to_bytes(self) -> [u8; 25] {
        let mut out = [0; 25];
        out[0] = u8::from(self.made);
        out[1..9].copy_from_slice(&self.edited.0.to_be_bytes());
        out[9..].copy_from_slice(&self.by.0);
        out
    }

    /// Reads the stored form.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let edited = Hlc(u64::from_be_bytes(bytes.get(1..9)?.try_into().ok()?));
        Some(Self { made: bytes.first() == Some(&1), edited, by: UserId::from_slice(bytes.get(9..)?)? })
    }
}

fn check(name: PageName) -> Result<PageName, Refusal> {
    let title = name.title.trim().to_owned();
    let icon = name.icon.trim().to_owned();
    if title.is_empty() {
        return Err(Refusal::Empty);
    }
    if title.chars().count() > TITLE_CHARS_MAX || icon.len() > ICON_BYTES_MAX {
        return Err(Refusal::TooLong);
    }
    if title.chars().chain(icon.chars()).any(char::is_control) {
        return Err(Refusal::Invalid);
    }
    Ok(PageName { title, icon })
}

impl Engine {
    // --- commands -------------------------------------------------------------------------------------------------

    pub(super) fn create_page(&mut self, cx: &mut Cx<'_>, actor: UserId, group: GroupId, name: PageName) -> Outcome {
        let name = check(name)?;
        self.check_act(group, actor, Act::Post)?;
        Ok(self.data_in(cx, group, Some(actor), &DataOp::Page(name), Vec::new()))
    }

    pub(super) fn name_page(&mut self, cx: &mut Cx<'_>, actor: UserId, page: EntryId, name: PageName) -> Outcome {
        let name = check(name)?;
        let (group, _) = self.page(cx, &page).ok_or(Refusal::NotFound)?;
        self.check_act(group, actor, Act::Post)?;
        if lookup::page_name(&*cx.tx, &group, &page).as_ref() == Some(&name) {
            return Ok(Answer::Nothing);
        }
        Ok(self.data_in(cx, group, Some(actor), &DataOp::PageName(name), vec![page]))
    }

    pub(super) fn trash_page(&mut self, cx: &mut Cx<'_>, actor: UserId, page: EntryId, trash: PageTrash) -> Outcome {
        let (group, author) = self.page(cx, &page).ok_or(Refusal::NotFound)?;
        let act = if author == Some(actor) { Act::EditOwn } else { Act::DeleteAny };
        self.check_act(group, actor, act)?;
        if lookup::is_trashed(&*cx.tx, &group, &page, author.as_ref()) == trash.on {
            return Ok(Answer::Nothing);
        }
        Ok(self.data_in(cx, group, Some(actor), &DataOp::PageTrash(trash), vec![page]))
    }

    /// The caller has admitted the changes; here only their number and size are looked at.
    pub(super) fn change_page(&mut self, cx: &mut Cx<'_>, actor: UserId, page: EntryId, change: PageChange) -> Outcome {
        let (group, author) = self.page(cx, &page).ok_or(Refusal::NotFound)?;
        self.check_act(group, actor, Act::Post)?;
        if lookup::is_trashed(&*cx.tx, &group, &page, author.as_ref()) {
            return Err(Refusal::NotFound);
        }
        let PageChange { changes, attachments, .. } = &change;
        let sum: usize = changes.iter().map(|change| change.len()).sum();
        let long = changes.iter().any(|change| change.len() > CHANGE_BYTES_MAX);
        if changes.len() > CHANGES_PER_ENTRY_MAX || sum > ENTRY_CHANGES_BYTES_MAX || long {
            return Err(Refusal::TooLong);
        }
        if changes.is_empty() || attachments.len() > ATTACHMENTS_MAX {
            return Err(Refusal::Invalid);
        }
        Ok(self.data_in(cx, group, Some(actor), &DataOp::PageChange(change), vec![page]))
    }

    pub(super) fn comment_page(
        &mut self,
        cx: &mut Cx<'_>,
        actor: UserId,
        page: EntryId,
        answers: Option<EntryId>,
        comment: PageComment,
    ) -> Outcome {
        let (group, author) = self.page(cx, &page).ok_or(Refusal::NotFound)?;
        self.check_act(group, actor, Act::Comment)?;
        if lookup::is_trashed(&*cx.tx, &group, &page, author.as_ref()) {
            return Err(Refusal::NotFound);
        }
        if comment.text.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        if comment.text.len() > COMMENT_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        match (&comment.anchor, answers) {
            (Some(anchor), None) => {
                if anchor.start.len().max(anchor.end.len()) > PLACE_BYTES_MAX
                    || anchor.quote.chars().count() > QUOTE_CHARS_MAX
                {
                    return Err(Refusal::TooLong);
                }
            }
            // An answer to an answer would be lost: what is answered begins with a passage.
            (None, Some(answers)) => {
                let first = self.item(cx, &answers).filter(|item| !item.deleted && item.post == Some(page));
                first.filter(|item| item.kind == kind::PAGE_COMMENT).ok_or(Refusal::NotFound)?;
                let found = Found::of(&*cx.tx, &answers).filter(|found| found.refs.len() == 1);
                found.ok_or(Refusal::Invalid)?;
            }
            _ => return Err(Refusal::Invalid),
        }
        let refs = std::iter::once(page).chain(answers).collect();
        Ok(self.data_in(cx, group, Some(actor), &DataOp::PageComment(comment), refs))
    }

    pub(super) fn settle_comment(
        &mut self,
        cx: &mut Cx<'_>,
        actor: UserId,
        comment: EntryId,
        settle: PageSettle,
    ) -> Outcome {
        let item = self.item(cx, &comment).filter(|item| item.kind == kind::PAGE_COMMENT && !item.deleted);
        let item = item.ok_or(Refusal::NotFound)?;
        let page = item.post.filter(|page| self.page(cx, page).is_some()).ok_or(Refusal::NotFound)?;
        self.check_act(item.group, actor, Act::Comment)?;
        let before = lookup::page_settled(&*cx.tx, &item.group, &comment);
        if before.is_some_and(|settled| settled.on) == settle.on {
            return Ok(Answer::Nothing);
        }
        Ok(self.data_in(cx, item.group, Some(actor), &DataOp::PageSettle(settle), vec![comment, page]))
    }

    /// A page that counts and is not erased: its group and author.
    pub(super) fn page(&self, cx: &Cx<'_>, id: &EntryId) -> Option<(GroupId, Option<UserId>)> {
        let found = Found::of(&*cx.tx, id).filter(|found| found.kind == kind::PAGE && found.body.is_some())?;
        let group = GroupId::from(self.logs.get(&found.log)?.scope);
        let row = lookup::page_row(&*cx.tx, &group, id).filter(|row| row.made)?;
        let scope = group.into();
        let erased = self.view.is_erased(&*cx.tx, &scope, id, None, row.edited);
        (!erased).then_some((group, found.actor))
    }

    // --- rows -----------------------------------------------------------------------------------------------------

    /// Writes the rows of a valid operation on a page.
    pub(super) fn apply_page(
        &mut self,
        cx: &mut Cx<'_>,
        group: GroupId,
        placed: &Placed<'_>,
        op: DataOp,
        page: Option<EntryId>,
    ) {
        let entry = placed.entry;
        let Some(actor) = entry.header.actor else { return };
        let version = version_of(entry);
        match (op, page) {
            (DataOp::Page(_), _) => {
                put_newer(cx, &keys::page_name(&group, &entry.id), version, &[]);
                touch(cx, &group, &entry.id, entry.header.hlc, actor, Touch::Makes);
                cx.notify(Notice::Page { group, page: entry.id });
            }
            (DataOp::PageName(_), Some(page)) => {
                put_newer(cx, &keys::page_name(&group, &page), version, &[]);
                touch(cx, &group, &page, entry.header.hlc, actor, Touch::Changes);
                cx.notify(Notice::Page { group, page });
            }
            (DataOp::PageTrash(trash), Some(page)) => {
                let moderator = u8::from(self.verdict(group, placed, Act::DeleteAny) == Verdict::Valid);
                let rest = [moderator, u8::from(trash.on)];
                put_newer(cx, &keys::page_trash(&group, &page, &actor), version, &rest);
                cx.notify(Notice::Page { group, page });
            }
            (DataOp::PageChange(change), Some(page)) => {
                cx.tx.put(&keys::page_change(&group, &page, &entry.id), &[]);
                touch(cx, &group, &page, entry.header.hlc, actor, Touch::Changes);
                self.apply_blobs(cx, group, entry.id, placed.node, &change.attachments);
                cx.notify(Notice::Page { group, page });
                cx.notify(Notice::PageChange { group, page, entry: entry.id });
            }
            (DataOp::PageComment(_), Some(page)) => {
                cx.tx.put(&keys::thread(&page, entry.header.hlc, &entry.id), &actor.0);
                cx.notify(Notice::PageComment { group, page });
            }
            (DataOp::PageSettle(settle), Some(comment)) => {
                let rest = [&[u8::from(settle.on)], &actor.0[..]].concat();
                put_newer(cx, &keys::page_settled(&group, &comment), version, &rest);
                if let Some(page) = entry.header.refs.get(1) {
                    cx.notify(Notice::PageComment { group, page: *page });
                }
            }
            _ => {}
        }
    }

    /// Changes whose body is gone are none.
    pub(super) fn forget_page_change(&mut self, cx: &mut Cx<'_>, group: GroupId, entry: &crate::entry::Entry) {
        for page in self.meant(cx, group, &entry.header.refs) {
            cx.tx.delete(&keys::page_change(&group, &page, &entry.id));
            cx.notify(Notice::Page { group, page });
        }
    }

    /// When the page that an entry is a part of was last written in; `None` when it is no part of one.
    pub(super) fn page_edited(
        &self,
        store: &dyn crate::store::Store,
        group: &GroupId,
        entry: &crate::entry::Entry,
    ) -> Option<Hlc> {
        let page = match entry.header.kind {
            kind::PAGE => entry.id,
            kind::PAGE_NAME | kind::PAGE_CHANGE => *entry.header.refs.first()?,
            _ => return None,
        };
        Some(lookup::page_row(store, group, &page).map_or(entry.header.hlc, |row| row.edited.max(entry.header.hlc)))
    }
}

/// What was done with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Touch {
    /// It was made.
    Makes,
    /// It is changed, made or not: what changes it may arrive first.
    Changes,
}

/// Notes that something about a page was written: its row moves to where the newest stand.
fn touch(cx: &mut Cx<'_>, group: &GroupId, page: &EntryId, hlc: Hlc, by: UserId, what: Touch) {
    let before = lookup::page_row(&*cx.tx, group, page);
    let made = what == Touch::Makes || before.is_some_and(|row| row.made);
    let newest = before.filter(|row| (row.edited, row.by) >= (hlc, by));
    let row = PageRow { made, ..newest.unwrap_or(PageRow { made, edited: hlc, by }) };
    if before == Some(row) {
        return;
    }
    if let Some(before) = before {
        cx.tx.delete(&keys::page_at(group, before.edited, page));
    }
    cx.tx.put(&keys::page(group, page), &row.to_bytes());
    cx.tx.put(&keys::page_at(group, row.edited, page), &[]);
}
