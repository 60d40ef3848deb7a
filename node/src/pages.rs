//! Pages that are open: their documents, in a bounded shelf, kept equal to what the engine has committed.
//!
//! The engine keeps changes as entries and knows who may write; what they come to is worked out here, on threads that may
//! compute (ruling D16: an apply takes milliseconds, and its outcome is a function of the entries, so that nothing of it has
//! to come back to the engine). A page that nobody looks at is let go, and made again from its entries.

mod presence;
mod sheet;

use crate::runtime::handle::Handle;
use protocol::engine::effect::{FarHere, Notice};
use protocol::ids::{EntryId, GroupId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

pub use presence::{Here, Seat};
pub use sheet::{Composed, Said, Sheet, WriteError, Wrote};

/// Documents held at once (§1.7 item 7).
const SHEETS_MAX: usize = 256;
/// What they may weigh in all.
const WEIGHT_MAX: usize = 256 * 1024 * 1024;

/// How often is looked at who is still at open pages.
const BEAT_EVERY: Duration = Duration::from_secs(2);

/// The shelf. Cheap to clone.
#[derive(Clone)]
pub struct Pages(Arc<Inner>);

struct Inner {
    handle: Handle,
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    sheets: BTreeMap<EntryId, (Arc<Sheet>, u64)>,
    used: u64,
}

impl Pages {
    /// An empty shelf that follows what the engine tells, on a task of its own.
    pub fn start(handle: Handle) -> Self {
        let pages = Self(Arc::new(Inner { handle, shelf: Mutex::default() }));
        let mut notices = pages.0.handle.notices();
        let mut heres = pages.0.handle.heres();
        let following = pages.clone();
        tokio::spawn(async move {
            let mut beat = tokio::time::interval(BEAT_EVERY);
            loop {
                tokio::select! {
                    notice = notices.recv() => match notice {
                        Ok(notice) => following.heard(notice),
                        Err(RecvError::Lagged(_)) => following.look_again(None),
                        Err(RecvError::Closed) => return,
                    },
                    here = heres.recv() => match here {
                        Ok(here) => following.heard_far(here),
                        // The next word of each site says it all.
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return,
                    },
                    _ = beat.tick() => following.sheets().iter().for_each(Sheet::beat),
                }
            }
        });
        pages
    }

    /// A page's sheet; its document is made when it is first asked for. `None` when too many are open.
    pub fn open(&self, group: GroupId, page: EntryId) -> Option<Arc<Sheet>> {
        let mut shelf = self.shelf();
        shelf.used += 1;
        let used = shelf.used;
        if let Some((sheet, at)) = shelf.sheets.get_mut(&page) {
            *at = used;
            return Some(Arc::clone(sheet));
        }
        shelf.make_room();
        if shelf.sheets.len() >= SHEETS_MAX {
            return None;
        }
        let sheet = Arc::new(Sheet::new(self.0.handle.clone(), group, page));
        shelf.sheets.insert(page, (Arc::clone(&sheet), used));
        Some(sheet)
    }

    /// A page's words as they count now; `None` when too many pages are open.
    pub async fn text(&self, group: GroupId, page: EntryId) -> Option<String> {
        let sheet = self.open(group, page)?;
        // What came a moment ago may not have been taken yet.
        sheet.compare().await;
        sheet.with(|document| document.plain()).await
    }

    fn heard(&self, notice: Notice) {
        match notice {
            Notice::PageChange { page, entry, .. } => {
                if let Some(sheet) = self.sheet(&page) {
                    sheet.arrived(entry);
                }
            }
            Notice::GroupChanged { group } => self.look_again(Some(group)),
            // An erasure, or a rule about keeping, may have taken what stood in it.
            Notice::Erasures => self.look_again(None),
            Notice::Page { page, .. } => {
                if let Some(sheet) = self.sheet(&page) {
                    sheet.look_at_rights();
                }
            }
            _ => {}
        }
    }

    fn heard_far(&self, here: FarHere) {
        // A page that nobody has open here has nobody to be shown to.
        if let Some(sheet) = self.sheet(&here.page) {
            sheet.heard(here);
        }
    }

    fn sheets(&self) -> Vec<Arc<Sheet>> {
        self.shelf().sheets.values().map(|(sheet, _)| Arc::clone(sheet)).collect()
    }

    /// Sheets of a group, or all, are compared with what counts.
    fn look_again(&self, group: Option<GroupId>) {
        for sheet in self.sheets().into_iter().filter(|sheet| group.is_none_or(|group| sheet.group() == group)) {
            sheet.tell(Said::Rights);
            tokio::spawn(async move { sheet.compare().await });
        }
    }

    fn sheet(&self, page: &EntryId) -> Option<Arc<Sheet>> {
        self.shelf().sheets.get(page).map(|(sheet, _)| Arc::clone(sheet))
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// Lets go of sheets that nobody uses, the longest unused first, until one more fits.
    fn make_room(&mut self) {
        loop {
            let weight: usize = self.sheets.values().map(|(sheet, _)| sheet.weight()).sum();
            if self.sheets.len() < SHEETS_MAX && weight <= WEIGHT_MAX {
                return;
            }
            let idle = self.sheets.iter().filter(|(_, (sheet, _))| Arc::strong_count(sheet) == 1 && sheet.is_idle());
            let Some(page) = idle.min_by_key(|(_, (_, used))| *used).map(|(page, _)| *page) else { return };
            self.sheets.remove(&page);
        }
    }
}
