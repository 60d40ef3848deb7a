//! The JSON shapes of the contract and how they are made from the engine's views, for one viewer at one moment.

pub mod group;
pub mod item;
pub mod page;
pub mod person;
pub mod removal;
pub mod text;

use super::App;
use group::GroupRef;
use person::{PersonRef, PersonState, SiteRef};
use protocol::engine::read::Reader;
use protocol::ids::{GroupId, SiteId, UserId};
use serde::Serialize;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use utoipa::ToSchema;

/// Some items and where the next page begins.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Opaque: give it as `before`.
    pub next: Option<String>,
}

/// Makes shapes for one viewer, looking up each name once.
pub struct Shaper<'a> {
    /// The state.
    pub app: &'a App,
    /// The moment.
    pub reader: &'a Reader<'a>,
    /// For whom.
    pub viewer: UserId,
    sites: OnceCell<HashMap<SiteId, String>>,
    people: RefCell<HashMap<UserId, PersonRef>>,
    groups: RefCell<HashMap<GroupId, GroupRef>>,
}

impl<'a> Shaper<'a> {
    /// A shaper that has looked up nothing yet.
    pub fn new(app: &'a App, reader: &'a Reader<'a>, viewer: UserId) -> Self {
        Self { app, reader, viewer, sites: OnceCell::new(), people: RefCell::default(), groups: RefCell::default() }
    }

    /// A site by its id; without a name when it is unknown.
    pub fn site(&self, id: SiteId) -> SiteRef {
        let names = self
            .sites
            .get_or_init(|| self.reader.site_names().into_iter().map(|(id, name)| (id, text::name(&name))).collect());
        SiteRef { id: id.to_string(), name: names.get(&id).cloned().unwrap_or_default() }
    }

    /// A person by id; somebody who is gone has neither name nor site.
    pub fn person_ref(&self, id: UserId) -> PersonRef {
        if let Some(known) = self.people.borrow().get(&id) {
            return known.clone();
        }
        let made = match self.reader.person(id) {
            Some(view) => self.to_person_ref(&view),
            None => PersonRef {
                id: id.to_string(),
                name: String::new(),
                site: SiteRef { id: String::new(), name: String::new() },
                state: PersonState::Former,
            },
        };
        self.people.borrow_mut().insert(id, made.clone());
        made
    }

    /// A group that the viewer sees.
    pub fn group_ref(&self, id: GroupId) -> Option<GroupRef> {
        if let Some(known) = self.groups.borrow().get(&id) {
            return Some(known.clone());
        }
        let made = GroupRef::of(&self.reader.group(self.viewer, id)?);
        self.groups.borrow_mut().insert(id, made.clone());
        Some(made)
    }
}

impl App {
    /// Reads and shapes at one moment.
    pub(crate) fn shape<T>(&self, viewer: UserId, make: impl FnOnce(&Shaper<'_>) -> T) -> T {
        self.handle.read(|reader| make(&Shaper::new(self, reader, viewer)))
    }
}
