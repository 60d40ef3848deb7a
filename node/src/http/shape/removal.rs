//! Removals, with what is known of each site, and what did not count of one's own writing.

use super::super::network::{SiteState, state_of};
use super::Shaper;
use super::group::GroupRef;
use super::person::{PersonRef, SiteRef};
use super::text;
use protocol::engine::query::{DeliveryLine, RemovalView, UndeliveredView};
use protocol::group::kind;
use serde::Serialize;
use utoipa::ToSchema;

/// Where a removal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemovalState {
    /// Others must say the same.
    Proposed,
    /// It holds.
    InForce,
}

/// What is known of one site.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Confirmation {
    /// The site.
    pub site: SiteRef,
    /// Whether a node of it has stated, signed, that it holds the removal.
    pub confirmed: bool,
    /// When it first said so, as far as known here.
    pub at: Option<String>,
    /// Its connection.
    pub state: SiteState,
}

/// A removal of a person or a node. What the removed hold already, nobody can take back.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Removal {
    /// The entry.
    pub id: String,
    /// Who was removed.
    pub person: Option<PersonRef>,
    /// The site whose node was revoked.
    pub site: Option<SiteRef>,
    /// The node that was revoked.
    pub node: Option<String>,
    /// Who did it first.
    pub by: Option<PersonRef>,
    /// When.
    pub at: String,
    /// Why; may be empty.
    pub reason: String,
    /// Whether it holds.
    pub state: RemovalState,
    /// Who says so.
    pub signed: Vec<PersonRef>,
    /// How many must.
    pub needed: usize,
    /// Each site.
    pub sites: Vec<Confirmation>,
    /// Entries held here that do not count because of it.
    pub not_counted: usize,
}

/// Something of one's own that does not count.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NotDelivered {
    /// The entry.
    pub id: String,
    /// `post`, `comment`, `edit`, `delete`, `reaction`, `source`.
    pub kind: &'static str,
    /// Its group; with no more than its name where one is out of it.
    pub group: GroupRef,
    /// The post that it is, or is about.
    pub post: Option<String>,
    /// In short.
    pub title: String,
    /// Its words, as typed.
    pub text: String,
    /// When it was written.
    pub created: String,
    /// Why, as a stable code.
    pub reason: String,
    /// Whether writing it again would count.
    pub can_resend: bool,
}

fn kind_of(of_kind: u16) -> &'static str {
    match of_kind {
        kind::POST => "post",
        kind::COMMENT | kind::PAGE_COMMENT | kind::PAGE_SETTLE => "comment",
        kind::PAGE..=kind::PAGE_CHANGE => "page",
        kind::FOLDER..=kind::SPACE_TRASH => "file",
        kind::EDIT => "edit",
        kind::DELETE => "delete",
        kind::REACT => "reaction",
        _ => "source",
    }
}

impl Shaper<'_> {
    /// Removals, with the connection of each site.
    pub fn removals(&self, views: &[RemovalView]) -> Vec<Removal> {
        let sites = self.reader.sites();
        let state = |line: &DeliveryLine| {
            let known = sites.iter().find(|site| site.id == line.site);
            known.map_or(SiteState::Never, state_of)
        };
        views
            .iter()
            .map(|view| Removal {
                id: view.id.to_string(),
                person: view.person.map(|person| self.person_ref(person)),
                site: view.site.map(|site| self.site(site)),
                node: view.node.map(|node| node.to_string()),
                by: view.by.map(|by| self.person_ref(by)),
                at: text::time(view.at),
                reason: text::name(&view.reason),
                state: if view.in_force { RemovalState::InForce } else { RemovalState::Proposed },
                signed: view.signed.iter().map(|user| self.person_ref(*user)).collect(),
                needed: view.needed,
                sites: view
                    .sites
                    .iter()
                    .map(|line| Confirmation {
                        site: self.site(line.site),
                        confirmed: line.received,
                        at: line.at.map(text::time),
                        state: state(line),
                    })
                    .collect(),
                not_counted: view.not_counted,
            })
            .collect()
    }

    /// One's own entry that does not count.
    pub fn not_delivered(&self, view: UndeliveredView) -> NotDelivered {
        let group = self.group_ref(view.group).unwrap_or_else(|| GroupRef::of_left(view.group, &view.group_name));
        NotDelivered {
            id: view.id.to_string(),
            kind: kind_of(view.kind),
            group,
            post: view.post.map(|post| post.to_string()),
            title: view.title,
            text: view.text,
            created: text::time(view.created),
            reason: view.reason,
            can_resend: view.can_resend,
        }
    }
}
