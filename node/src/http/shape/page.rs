//! Shapes of pages.

use super::Shaper;
use super::group::GroupRef;
use super::item::Delivery;
use super::person::PersonRef;
use super::text;
use protocol::engine::query::PageView;
use serde::Serialize;
use utoipa::ToSchema;

/// A page without its words.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PageRef {
    /// 52 characters.
    pub id: String,
    /// Its group.
    pub group: GroupRef,
    /// Its title.
    pub title: String,
    /// One emoji, or nothing.
    pub icon: String,
    /// When it was made.
    pub created: String,
    /// By whom.
    pub by: Option<PersonRef>,
    /// When something about it was last written.
    pub edited: Option<String>,
    /// By whom.
    pub edited_by: Option<PersonRef>,
    /// In the trash.
    pub deleted: bool,
}

/// What a person may do with a page.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct PageMay {
    /// Write in it.
    pub edit: bool,
    /// Give it another title.
    pub rename: bool,
    /// Throw it away.
    pub delete: bool,
    /// Take it back.
    pub restore: bool,
    /// Comment on it.
    pub comment: bool,
    /// Erase it for good.
    pub erase: bool,
}

impl From<&PageView> for PageMay {
    fn from(view: &PageView) -> Self {
        Self {
            edit: view.may.edit,
            rename: view.may.edit,
            delete: view.may.trash && !view.trashed,
            restore: view.may.trash && view.trashed,
            comment: view.may.comment,
            erase: view.may.erase,
        }
    }
}

/// Whether all of a page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PageState {
    /// Yes.
    Ok,
    /// This site cannot show it: something in it upsets the program. The administrator's log says more.
    Quarantined,
    /// Changes wait for others that have not arrived.
    Waiting,
}

/// A page.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page {
    /// What lists show too.
    #[serde(flatten)]
    pub page: PageRef,
    /// What stands in it, safe to be shown.
    pub html: String,
    /// How many characters.
    pub text_chars: usize,
    /// The newest changes.
    pub heads: Vec<String>,
    /// What the viewer may do.
    pub may: PageMay,
    /// How far its making has got.
    pub delivery: Delivery,
    /// Who wrote in it, the newest first, 12 at most.
    pub writers: Vec<PersonRef>,
    /// Whether all of it is shown.
    pub state: PageState,
}

impl Shaper<'_> {
    /// A page; `None` when its group is not to be seen.
    pub fn page_ref(&self, view: &PageView) -> Option<PageRef> {
        let edited = view.edited > view.created;
        Some(PageRef {
            id: view.id.to_string(),
            group: self.group_ref(view.group)?,
            title: text::name(&view.title),
            icon: text::name(&view.icon),
            created: text::time(view.created),
            by: view.by.map(|by| self.person_ref(by)),
            edited: edited.then(|| text::time(view.edited)),
            edited_by: edited.then(|| self.person_ref(view.edited_by)),
            deleted: view.trashed,
        })
    }
}
