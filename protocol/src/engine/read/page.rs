//! Pages of a group, and the entries that make up a page's document.

use super::Reader;
use crate::clock::Hlc;
use crate::control::grants::GroupState;
use crate::control::table::Act;
use crate::document::Carried;
use crate::engine::lookup::{self, Found};
use crate::engine::query::{Before, Page, PageRights, PageView, PagesOf};
use crate::group::{DataOp, kind};
use crate::ids::{EntryId, GroupId, UserId};
use crate::limits::PAGE_ITEMS_MAX;
use crate::store::Direction;
use crate::store::keys::{Key, table};

impl Reader<'_> {
    /// A group's pages, those last written in first.
    pub fn pages(
        &self,
        viewer: UserId,
        group: GroupId,
        of: PagesOf,
        before: Option<Before>,
        limit: usize,
    ) -> Option<Page<PageView>> {
        let state = self.readable(&viewer, &group)?;
        let limit = limit.clamp(1, PAGE_ITEMS_MAX);
        let (mut from, to) = Key::of(table::PAGE_AT).and(group).prefix();
        if let Some(before) = before {
            from = [Key::of(table::PAGE_AT).and(group).number(!before.hlc.0).and(before.id).done(), vec![0]].concat();
        }
        let mut items: Vec<(Hlc, PageView)> = Vec::new();
        while items.len() <= limit {
            let rows = self.store.range(&from, &to, PAGE_ITEMS_MAX, Direction::Forward);
            let Some((last, _)) = rows.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            for (key, _) in &rows {
                let Some((hlc, id)) = super::feed::feed_key(key) else { continue };
                let shown = self.page_in(&viewer, state, group, id);
                items.extend(shown.filter(|page| page.trashed == (of == PagesOf::Trash)).map(|page| (hlc, page)));
            }
        }
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|(hlc, page)| Before { hlc: *hlc, id: page.id });
        Some(Page { items: items.into_iter().map(|(_, page)| page).collect(), next })
    }

    /// One page, in the trash or not.
    pub fn page(&self, viewer: UserId, page: EntryId) -> Option<PageView> {
        let group = self.group_of(&page)?;
        let state = self.readable(&viewer, &group)?;
        self.page_in(&viewer, state, group, page)
    }

    fn page_in(&self, viewer: &UserId, state: &GroupState, group: GroupId, id: EntryId) -> Option<PageView> {
        let row = lookup::page_row(self.store, &group, &id).filter(|row| row.made)?;
        let found = Found::of(self.store, &id).filter(|found| found.kind == kind::PAGE)?;
        let scope = group.into();
        if found.body.is_none() || self.view.is_erased(self.store, &scope, &id, None, found.hlc) {
            return None;
        }
        let name = lookup::page_name(self.store, &group, &id).unwrap_or_default();
        let trashed = lookup::is_trashed(self.store, &group, &id, found.actor.as_ref());
        let may = |act| state.may_now(viewer, act).is_ok();
        let mine = found.actor.as_ref() == Some(viewer);
        Some(PageView {
            id,
            group,
            title: name.title,
            icon: name.icon,
            created: found.hlc.millis(),
            by: found.actor,
            edited: row.edited.millis(),
            edited_by: row.by,
            trashed,
            delivery: self.delivery_of(state, group, &found),
            may: PageRights {
                edit: !trashed && may(Act::Post),
                trash: (mine && may(Act::EditOwn)) || may(Act::DeleteAny),
                comment: !trashed && may(Act::Comment),
                erase: may(Act::EraseAny) || self.view.is_admin(viewer),
            },
        })
    }

    /// The id that a page's document is made from: a page that was written again in another log keeps its document.
    pub fn document_of(&self, page: EntryId) -> EntryId {
        lookup::entry_of(self.store, &page).and_then(|entry| crate::engine::again_of(&entry)).unwrap_or(page)
    }

    /// The entries with changes of a page that count. Not for one person: who may see the page is asked before.
    pub fn page_entries(&self, page: EntryId) -> Vec<EntryId> {
        let Some(group) = self.group_of(&page) else { return Vec::new() };
        let (from, to) = Key::of(table::PAGE_CHANGE).and(group).and(page).prefix();
        let rows = self.store.range(&from, &to, usize::MAX, Direction::Forward);
        rows.iter().filter_map(|(key, _)| EntryId::from_slice(key.get(65..)?)).collect()
    }

    /// What one of them carries.
    pub fn page_change(&self, entry: EntryId) -> Option<Carried> {
        let found = Found::of(self.store, &entry)?;
        let (_, node) = self.view.log_scopes.get(&found.log)?;
        let DataOp::PageChange(change) = DataOp::decode(found.kind, found.body.as_deref()?).ok()? else { return None };
        Some(Carried {
            entry,
            author: found.actor?,
            node: *node,
            seq: found.seq,
            hlc: found.hlc,
            session: change.session,
            whole: change.whole,
            changes: change.changes.into_iter().map(Into::into).collect(),
        })
    }
}
