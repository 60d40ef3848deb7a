//! The directory, and who administers the people of this site.

use super::auth::Viewer;
use super::error::{ALREADY_THERE, Answered, ApiError, EMAIL_INVALID, FORBIDDEN, NAME_MISSING, NOT_FOUND};
use super::extract::{At, InQuery, Json, Key};
use super::markdown::name;
use super::session::end_logins;
use super::shape::person::{Emails, Person};
use super::shape::text::fold;
use super::shape::{Page, Shaper};
use super::throttle::Act;
use super::{App, fresh_request};
use crate::local::account::{Account, Language, SiteAdmin, normalise_email};
use crate::local::audit::Event;
use crate::local::login::Which;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::engine::input::{Activity, Command};
use protocol::engine::query::PersonView;
use protocol::ids::{RequestId, SiteId, UserId, from_text, to_text};
use protocol::limits::PAGE_ITEMS_MAX;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which people.
#[derive(Deserialize)]
pub struct PeopleQuery {
    /// Part of a name, without regard to accents.
    query: Option<String>,
    /// Of one site.
    site: Option<String>,
    /// Where the page begins.
    before: Option<String>,
    /// How many, 50 at most.
    limit: Option<usize>,
}

/// A new person.
#[derive(Deserialize, ToSchema)]
pub struct NewPerson {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    name: String,
    email: String,
    #[serde(default)]
    title: String,
    language: Option<Language>,
}

/// The new person with the link to hand over.
#[derive(Serialize, ToSchema)]
pub struct Added {
    person: Person,
    /// Path of a page at this site; good for seven days.
    invitation_link: String,
}

/// A link to hand over.
#[derive(Serialize, ToSchema)]
pub struct Link {
    /// Path of a page at this site; good for seven days.
    invitation_link: String,
}

/// On or off.
#[derive(Deserialize, ToSchema)]
pub struct OnOff {
    on: bool,
}

#[utoipa::path(get, path = "/people", tag = "people", operation_id = "people_list", params(
        ("query" = Option<String>, Query, description = "Part of a name, without regard to accents"),
        ("site" = Option<String>, Query, description = "Of one site"),
        ("before" = Option<String>, Query, description = "Where the page begins"),
        ("limit" = Option<usize>, Query, description = "How many, 50 at most")),
    responses((status = 200, body = Page<Person>)))]
pub(super) async fn list(
    State(app): State<App>,
    viewer: Viewer,
    InQuery(wanted): InQuery<PeopleQuery>,
) -> Answered<axum::Json<Page<Person>>> {
    let emails = emails_for(&app, &viewer);
    let site = match wanted.site.as_deref() {
        Some(site) => Some(site.parse::<SiteId>().map_err(|_| NOT_FOUND)?),
        None => None,
    };
    let words = fold(&wanted.query.unwrap_or_default());
    let after = wanted.before.as_deref().and_then(parse_place);
    let limit = wanted.limit.unwrap_or(PAGE_ITEMS_MAX).clamp(1, PAGE_ITEMS_MAX);
    Ok(axum::Json(app.shape(viewer.user, |shaper| {
        let mut people: Vec<(String, PersonView)> = shaper
            .reader
            .people()
            .into_iter()
            .filter(|person| site.is_none_or(|site| person.site == site) && !person.name.is_empty())
            .map(|person| (fold(&person.name), person))
            .filter(|(folded, _)| words.split_whitespace().all(|word| folded.contains(word)))
            .filter(|(folded, person)| {
                let place = (folded.as_str(), person.id);
                after.as_ref().is_none_or(|(name, id)| place > (name.as_str(), *id))
            })
            .collect();
        people.sort_by(|a, b| (&a.0, a.1.id).cmp(&(&b.0, b.1.id)));
        let more = people.len() > limit;
        people.truncate(limit);
        let next = people.last().filter(|_| more).map(|(folded, person)| place(folded, person.id));
        Page { items: people.iter().map(|(_, person)| shaper.person(person, emails)).collect(), next }
    })))
}

/// A place in the list: the id, then the folded name.
fn place(folded: &str, id: UserId) -> String {
    to_text(&[&id.0[..], folded.as_bytes()].concat())
}

fn parse_place(text: &str) -> Option<(String, UserId)> {
    let bytes = from_text(text)?;
    let (id, folded) = bytes.split_first_chunk::<16>()?;
    Some((String::from_utf8(folded.to_vec()).ok()?, UserId(*id)))
}

fn emails_for(app: &App, viewer: &Viewer) -> Emails {
    if viewer.require_site_admin(app).is_ok() { Emails::OfSite } else { Emails::Own }
}

pub(super) fn shown(app: &App, viewer: &Viewer, id: UserId) -> Answered<Person> {
    let emails = emails_for(app, viewer);
    let person = app.shape(viewer.user, |shaper: &Shaper<'_>| {
        let view = shaper.reader.person(id)?;
        let mut person = shaper.person(&view, emails);
        person.groups = Some(shaper.groups_of(id));
        Some(person)
    });
    person.ok_or(NOT_FOUND.into())
}

#[utoipa::path(get, path = "/people/{id}", tag = "people", operation_id = "person_read", params(("id" = String, Path)),
    responses((status = 200, body = Person)))]
pub(super) async fn read(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<UserId>>,
) -> Answered<axum::Json<Person>> {
    shown(&app, &viewer, id).map(axum::Json)
}

#[utoipa::path(post, path = "/people", tag = "people", operation_id = "people_add", request_body = NewPerson,
    responses((status = 201, body = Added), (status = 409, description = "`email_taken`")))]
pub(super) async fn add(
    State(app): State<App>,
    viewer: Viewer,
    Json(wanted): Json<NewPerson>,
) -> Answered<(StatusCode, axum::Json<Added>)> {
    viewer.require_site_admin(&app)?;
    let Key(request) = wanted.request_id;
    if let Some(made) = app.local.account_made_by(request) {
        let invitation_link = new_link(&app, &viewer, made.user()).await?;
        let person = shown(&app, &viewer, made.user())?;
        return Ok((StatusCode::CREATED, axum::Json(Added { person, invitation_link })));
    }
    app.count(Act::Invite, viewer.user)?;
    let (person_name, title) = (name(&wanted.name), name(&wanted.title));
    if person_name.is_empty() {
        return Err(NAME_MISSING.into());
    }
    let email = normalise_email(&wanted.email).ok_or(EMAIL_INVALID)?;
    let user = UserId(crate::local::secret::random());
    let language = wanted.language.or_else(|| app.local.with_account(viewer.user, |account| account.language));
    let mut account = Account::new(user, email, language.unwrap_or_default(), app.now()).made_by(request);
    let token = account.invite(app.now());
    let event = Event::new(app.now(), "person_added").by(viewer.user).about(&user.to_string());
    app.on_disk(move |local| local.add_account(account, event)).await?;
    let command = Command::RegisterUser { user, name: person_name, title };
    if let Err(error) = app.ask(Some(viewer.user), request, command).await {
        app.on_disk(move |local| local.drop_account(user)).await?;
        return Err(error);
    }
    let person = shown(&app, &viewer, user)?;
    Ok((StatusCode::CREATED, axum::Json(Added { person, invitation_link: link(token.text()) })))
}

fn link(token: &str) -> String {
    format!("/invitation/{token}")
}

async fn new_link(app: &App, viewer: &Viewer, user: UserId) -> Answered<String> {
    let now = app.now();
    let event = Event::new(now, "invitation_made").by(viewer.user).about(&user.to_string());
    let token = app
        .on_disk(move |local| {
            let mut token = None;
            local.change_account(user, Some(event), |account| {
                token = Some(account.invite(now));
                Ok(())
            })?;
            Ok(token)
        })
        .await?;
    Ok(link(token.as_ref().map(crate::local::secret::Token::text).unwrap_or_default()))
}

/// A person of this site, whom the viewer administers.
pub(super) fn administered(app: &App, viewer: &Viewer, id: UserId) -> Answered<PersonView> {
    viewer.require_site_admin(app)?;
    let (person, site) =
        app.handle.read(|reader| (reader.person(id), reader.organisation().map(|organisation| organisation.site)));
    let person = person.ok_or(NOT_FOUND)?;
    // An administrator of the site must not take over one of the organisation.
    let beneath = !person.admin || viewer.user == id || viewer.require_organisation_admin(app).is_ok();
    if Some(person.site) == site && beneath { Ok(person) } else { Err(ApiError::from(FORBIDDEN)) }
}

/// A person whose state the viewer looks after: of this site, or of any for administrators of the organisation.
pub(super) fn known_to_admin(app: &App, viewer: &Viewer, id: UserId) -> Answered<()> {
    viewer.require_site_admin(app)?;
    let (person, site) =
        app.handle.read(|reader| (reader.person(id), reader.organisation().map(|organisation| organisation.site)));
    let person = person.ok_or(NOT_FOUND)?;
    if Some(person.site) == site { Ok(()) } else { viewer.require_organisation_admin(app) }
}

/// Ends the logins here of somebody who is at home elsewhere now.
pub(super) async fn end_where_gone(app: &App, id: UserId) -> Answered<()> {
    let here = app.handle.read(|reader| {
        let site = reader.organisation().map(|organisation| organisation.site);
        reader.person(id).is_some_and(|person| Some(person.site) == site)
    });
    if here { Ok(()) } else { end_logins(app, id, Which::All).await }
}

/// An account at this site for somebody who moved here.
#[derive(Deserialize, ToSchema)]
pub struct NewAccount {
    email: String,
    language: Option<Language>,
}

#[utoipa::path(post, path = "/people/{id}/account", tag = "people", operation_id = "person_account",
    params(("id" = String, Path)), request_body = NewAccount,
    responses((status = 201, body = Added), (status = 409, description = "`already_there`, `email_taken`")))]
pub(super) async fn account(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<UserId>>,
    Json(wanted): Json<NewAccount>,
) -> Answered<(StatusCode, axum::Json<Added>)> {
    administered(&app, &viewer, id)?;
    if app.local.account(id).is_some() {
        return Err(ALREADY_THERE.into());
    }
    app.count(Act::Invite, viewer.user)?;
    let email = normalise_email(&wanted.email).ok_or(EMAIL_INVALID)?;
    let mut account = Account::new(id, email, wanted.language.unwrap_or_default(), app.now());
    let token = account.invite(app.now());
    let event = Event::new(app.now(), "person_added").by(viewer.user).about(&id.to_string());
    app.on_disk(move |local| local.add_account(account, event)).await?;
    let person = shown(&app, &viewer, id)?;
    Ok((StatusCode::CREATED, axum::Json(Added { person, invitation_link: link(token.text()) })))
}

#[utoipa::path(post, path = "/people/{id}/invitation", tag = "people", operation_id = "person_invite",
    params(("id" = String, Path)), responses((status = 200, body = Link)))]
pub(super) async fn invite(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<UserId>>,
) -> Answered<axum::Json<Link>> {
    administered(&app, &viewer, id)?;
    app.count(Act::Invite, viewer.user)?;
    Ok(axum::Json(Link { invitation_link: new_link(&app, &viewer, id).await? }))
}

#[utoipa::path(post, path = "/people/{id}/suspend", tag = "people", operation_id = "person_suspend",
    params(("id" = String, Path)), responses((status = 200, body = Person)))]
pub(super) async fn suspend(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<UserId>>,
) -> Answered<axum::Json<Person>> {
    administered(&app, &viewer, id)?;
    viewer.require_sudo(&app)?;
    if id == viewer.user {
        return Err(FORBIDDEN.into());
    }
    set_active(&app, &viewer, id, Activity::Disabled, "person_suspended").await?;
    end_logins(&app, id, Which::All).await?;
    shown(&app, &viewer, id).map(axum::Json)
}

#[utoipa::path(post, path = "/people/{id}/resume", tag = "people", operation_id = "person_resume",
    params(("id" = String, Path)), responses((status = 200, body = Person)))]
pub(super) async fn resume(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<UserId>>,
) -> Answered<axum::Json<Person>> {
    administered(&app, &viewer, id)?;
    viewer.require_sudo(&app)?;
    set_active(&app, &viewer, id, Activity::Active, "person_resumed").await?;
    shown(&app, &viewer, id).map(axum::Json)
}

async fn set_active(app: &App, viewer: &Viewer, user: UserId, active: Activity, kind: &'static str) -> Answered<()> {
    app.ask(Some(viewer.user), fresh_request(), Command::SetUserActive { user, active }).await?;
    let event = Event::new(app.now(), kind).by(viewer.user).about(&user.to_string());
    let change = move |account: &mut Account| {
        account.suspended = active == Activity::Disabled;
        Ok(())
    };
    app.on_disk(move |local| local.change_account(user, Some(event), change)).await?;
    Ok(())
}

#[utoipa::path(post, path = "/people/{id}/site-admin", tag = "people", operation_id = "person_site_admin",
    params(("id" = String, Path)), request_body = OnOff,
    responses((status = 200, body = Person), (status = 409, description = "`last_admin`")))]
pub(super) async fn site_admin(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<UserId>>,
    Json(wanted): Json<OnOff>,
) -> Answered<axum::Json<Person>> {
    administered(&app, &viewer, id)?;
    viewer.require_sudo(&app)?;
    let (to, kind) =
        if wanted.on { (SiteAdmin::Yes, "site_admin_named") } else { (SiteAdmin::No, "site_admin_removed") };
    let event = Event::new(app.now(), kind).by(viewer.user).about(&id.to_string());
    app.on_disk(move |local| local.set_site_admin(id, to, event)).await?;
    shown(&app, &viewer, id).map(axum::Json)
}
