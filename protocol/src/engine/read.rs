//! Reading for one person: every method answers `None` for what the viewer may not see, exactly as for what does not
//! exist (INV-55). A page costs what it shows, whatever the history (INV-32).

mod bundle;
mod comment;
mod constitution;
mod delivery;
mod erasure;
mod feed;
mod file;
mod page;
mod page_comment;
mod removal;
mod site;
pub mod space;
mod storage;
mod undelivered;
mod words;
mod written;

use crate::clock::{Hlc, Millis};
use crate::control::grants::GroupState;
use crate::control::op::{Access, Policy, Role};
use crate::control::table::Act;
use crate::engine::lookup::Found;
use crate::engine::query::{GroupRights, GroupView, MemberView, OrganisationView, PersonView};
use crate::engine::view::View;
use crate::ids::{EntryId, GroupId, ScopeId, SiteId, UserId};
use crate::store::Store;

/// A moment's view of the engine with its store.
pub struct Reader<'a> {
    /// Who may do what, names, connections.
    pub view: &'a View,
    /// Rows and bodies.
    pub store: &'a dyn Store,
    /// Now.
    pub now: Millis,
}

impl Reader<'_> {
    /// The organisation; `None` before set-up.
    pub fn organisation(&self) -> Option<OrganisationView> {
        let state = self.view.org_state()?;
        Some(OrganisationView { id: self.view.org?, name: state.name().into(), site: self.view.own_site()? })
    }

    /// A person by id.
    pub fn person(&self, id: UserId) -> Option<PersonView> {
        let state = self.view.org_state()?;
        let user = state.user(&id)?;
        let profile = self.view.profiles.get(&id).map(|(_, profile)| profile);
        Some(PersonView {
            id,
            name: profile.map(|profile| profile.name.clone()).unwrap_or_default(),
            title: profile.map(|profile| profile.title.clone()).unwrap_or_default(),
            site: user.site,
            active: user.active,
            admin: state.is_admin(&id),
            former: self.view.is_former(&id),
        })
    }

    /// Everybody, by id. The caller filters, sorts and pages.
    pub fn people(&self) -> Vec<PersonView> {
        let Some(state) = self.view.org_state() else { return Vec::new() };
        state.users().keys().filter_map(|id| self.person(*id)).collect()
    }

    // --- groups ---------------------------------------------------------------------------------------------------

    /// The viewer's groups, and those that may be seen from outside.
    pub fn groups(&self, viewer: UserId) -> (Vec<GroupView>, Vec<GroupView>) {
        let held = self.view.groups.keys().filter_map(|id| self.group(viewer, *id));
        let (mine, mut others): (Vec<_>, Vec<_>) = held.partition(|group| group.role.is_some());
        let listed = self.view.cards.keys().filter(|id| !self.view.groups.contains_key(id));
        others.extend(listed.filter_map(|id| self.group(viewer, *id)));
        (mine, others)
    }

    /// One group.
    pub fn group(&self, viewer: UserId, group: GroupId) -> Option<GroupView> {
        if !self.view.is_active(&viewer) {
            return None;
        }
        match self.view.group_state(&group) {
            Some(state) => {
                let role = state.role(&viewer);
                (role.is_some() || state.access() != Access::Secret).then(|| self.held_group(viewer, group, state))
            }
            None => self.listed_group(viewer, group),
        }
    }

    fn held_group(&self, viewer: UserId, id: GroupId, state: &GroupState) -> GroupView {
        let may = |act| state.may_now(&viewer, act).is_ok();
        let role = state.role(&viewer);
        let created = Found::of(self.store, &EntryId(id.0)).map_or(Millis(0), |found| found.hlc.millis());
        GroupView {
            id,
            name: state.name().into(),
            purpose: state.purpose().into(),
            kind: state.kind(),
            access: state.access(),
            policy: state.policy(),
            role,
            may: GroupRights {
                post: may(Act::Post),
                comment: may(Act::Comment),
                manage: may(Act::Invite) && may(Act::ManageSources),
                join: role.is_none() && state.access() == Access::Open && may(Act::Join),
                leave: role.is_some() && !state.is_derived(),
                change_policy: may(Act::ChangePolicy),
                appoint: self.view.is_admin(&viewer) && role != Some(Role::Owner),
                keep: may(Act::Keep),
            },
            members: Some(state.members().len()),
            sites: self.by_name(state.sites().iter().copied().collect()),
            created,
            last_activity: role.and(self.newest(id)).map(Hlc::millis),
            retention_days: self.view.retention_days(&id),
            hold: self.view.is_held_for_law(&id),
            filling: self.view.filling().get(&ScopeId::from(id)).copied(),
        }
    }

    /// Sites in the order of their names, as people look for them.
    fn by_name(&self, mut sites: Vec<SiteId>) -> Vec<SiteId> {
        if let Some(org) = self.view.org_state() {
            sites.sort_by_cached_key(|site| org.sites().get(site).map(|record| record.name.to_lowercase()));
        }
        sites
    }

    /// A group of which only the card is known here.
    fn listed_group(&self, viewer: UserId, id: GroupId) -> Option<GroupView> {
        let (_, card) = self.view.cards.get(&id)?;
        (card.access != Access::Secret).then(|| GroupView {
            id,
            name: card.name.clone(),
            purpose: card.purpose.clone(),
            kind: card.kind,
            access: card.access,
            policy: Policy::default(),
            role: None,
            may: GroupRights { appoint: self.view.is_admin(&viewer), ..GroupRights::default() },
            members: None,
            sites: Vec::new(),
            created: Millis(card.created),
            last_activity: None,
            retention_days: None,
            hold: false,
            filling: None,
        })
    }

    /// The group's state if the viewer may read it.
    fn readable(&self, viewer: &UserId, group: &GroupId) -> Option<&GroupState> {
        let state = self.view.group_state(group)?;
        (self.view.is_active(viewer) && state.may_now(viewer, Act::Read).is_ok()).then_some(state)
    }

    /// A group's members, for members.
    pub fn members(&self, viewer: UserId, group: GroupId) -> Option<Vec<MemberView>> {
        let state = self.readable(&viewer, &group)?;
        let since = |id: &EntryId| Found::of(self.store, id).map_or(Millis(0), |found| found.hlc.millis());
        // Members of a derived group came with their registration; one date serves them all.
        let derived = state.is_derived().then(|| since(&EntryId(group.0)));
        let view = |(user, member): (&UserId, &crate::control::grants::MemberRecord)| MemberView {
            user: *user,
            role: member.role,
            since: derived.unwrap_or_else(|| since(&member.since)),
        };
        Some(state.members().iter().map(view).collect())
    }
}
