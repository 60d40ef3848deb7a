//! People and sites.

use super::Shaper;
use super::group::GroupRef;
use super::text;
use crate::local::account::{Account, Language, Theme};
use crate::local::login::Login;
use protocol::engine::query::PersonView;
use protocol::ids::UserId;
use serde::Serialize;
use utoipa::ToSchema;

/// A site by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SiteRef {
    /// 26 characters.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What a person is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PersonState {
    /// Takes part.
    Active,
    /// Has not chosen a password yet; known of people of this site only.
    Invited,
    /// May not act.
    Suspended,
    /// Gone.
    Former,
}

/// A person by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PersonRef {
    /// 26 characters.
    pub id: String,
    /// Empty when it has not arrived or was erased.
    pub name: String,
    /// The home site.
    pub site: SiteRef,
    /// What they are at the moment.
    pub state: PersonState,
}

/// A person.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Person {
    /// Id, name, site, state.
    #[serde(flatten)]
    pub person: PersonRef,
    /// The job.
    pub title: String,
    /// Administers the organisation.
    pub is_admin: bool,
    /// Administers this site; known of people of this site only.
    pub is_site_admin: bool,
    /// The asker.
    pub is_me: bool,
    /// For administrators of the person's site and the person only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Groups that the asker sees and the person is in; with one person only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<GroupRef>>,
}

/// An organisation by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrganisationRef {
    /// 52 characters.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What a person may do outside of groups.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Can {
    /// Create groups.
    pub create_groups: bool,
    /// People, storage and connections of this site.
    pub administer_site: bool,
    /// Sites of the organisation.
    pub administer_organisation: bool,
}

/// Something to be done that waits for the person.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reminder {
    /// The recovery keys are still only here.
    RecoveryKeys,
}

/// Oneself, with the session.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Me {
    /// Oneself as others see one.
    pub person: Person,
    /// Of the screens.
    pub language: Language,
    /// Of the screens.
    pub theme: Theme,
    /// Goes with every change as `X-Archipel-Token`.
    pub csrf: String,
    /// The organisation.
    pub organisation: OrganisationRef,
    /// This site.
    pub site: SiteRef,
    /// What one may do.
    pub can: Can,
    /// Until when the password counts as just given.
    pub sudo_until: Option<String>,
    /// What waits.
    pub reminders: Vec<Reminder>,
    /// How much of what one wrote does not count and is not put away; 200 at most.
    pub not_delivered: usize,
    /// Alarms that stand; 0 for who is no administrator.
    pub alarms: usize,
}

/// Who may see an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emails {
    /// Only one's own.
    Own,
    /// Those of this site.
    OfSite,
}

impl Shaper<'_> {
    pub(super) fn to_person_ref(&self, view: &PersonView) -> PersonRef {
        let invited = || self.app.local.with_account(view.id, |account| account.password.is_none()).unwrap_or(false);
        let state = match view {
            view if view.former || view.name.is_empty() => PersonState::Former,
            view if !view.active => PersonState::Suspended,
            _ if invited() => PersonState::Invited,
            _ => PersonState::Active,
        };
        PersonRef { id: view.id.to_string(), name: text::name(&view.name), site: self.site(view.site), state }
    }

    /// A person.
    pub fn person(&self, view: &PersonView, emails: Emails) -> Person {
        let is_me = view.id == self.viewer;
        let local = self.app.local.with_account(view.id, |account| (account.site_admin, account.email.clone()));
        let (is_site_admin, email) = local.map_or((false, None), |(admin, email)| (admin, Some(email)));
        Person {
            person: self.to_person_ref(view),
            title: text::name(&view.title),
            is_admin: view.admin,
            is_site_admin,
            is_me,
            email: email.filter(|_| is_me || emails == Emails::OfSite),
            groups: None,
        }
    }

    /// The groups that the viewer sees and the person is in.
    pub fn groups_of(&self, person: UserId) -> Vec<GroupRef> {
        let (mine, others) = self.reader.groups(self.viewer);
        let is_in = |group: protocol::ids::GroupId| {
            let members = self.reader.members(self.viewer, group).unwrap_or_default();
            members.iter().any(|member| member.user == person)
        };
        mine.iter().chain(&others).filter(|group| is_in(group.id)).map(GroupRef::of).collect()
    }

    fn not_delivered_count(&self) -> usize {
        let ids = self.reader.undelivered_ids(self.viewer);
        ids.into_iter().filter(|id| !self.app.local.is_put_away(self.viewer, *id)).count()
    }

    /// Oneself; `None` while the engine does not know the person or the organisation.
    pub fn me(&self, account: &Account, login: &Login) -> Option<Me> {
        let view = self.reader.person(self.viewer)?;
        let organisation = self.reader.organisation()?;
        let pending = account.vault.as_ref().is_some_and(|vault| vault.recovery_pending);
        Some(Me {
            person: self.person(&view, Emails::Own),
            language: account.language,
            theme: account.theme,
            csrf: login.csrf.clone(),
            organisation: OrganisationRef { id: organisation.id.to_string(), name: text::name(&organisation.name) },
            site: self.site(organisation.site),
            can: Can {
                create_groups: view.active,
                administer_site: account.site_admin || view.admin,
                administer_organisation: view.admin,
            },
            sudo_until: login.is_sudo(self.app.now()).then(|| text::time_ms(login.sudo_until)),
            alarms: if account.site_admin || view.admin { self.reader.view.alarms().len() } else { 0 },
            reminders: if pending { vec![Reminder::RecoveryKeys] } else { Vec::new() },
            not_delivered: self.not_delivered_count(),
        })
    }
}
