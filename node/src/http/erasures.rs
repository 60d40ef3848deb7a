//! Erasing posts, comments and people, the list of what every site has done about it, retention and legal hold.

use super::App;
use super::auth::Viewer;
use super::error::{Answered, ApiError, BAD_VALUE, FORBIDDEN, NOT_FOUND};
use super::extract::{At, Json, Key};
use super::fresh_request;
use super::groups;
use super::network::{SiteState, state_of};
use super::shape::Shaper;
use super::shape::group::{Group, GroupRef};
use super::shape::person::{PersonRef, SiteRef};
use super::shape::text;
use crate::local::audit::Event;
use axum::extract::State;
use protocol::engine::input::{Activity, Command, LegalHold, Words};
use protocol::engine::query::{ErasureOf, ErasureState, ErasureView};
use protocol::ids::{EntryId, GroupId, RequestId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Erasures listed: the newest.
const LISTED_MAX: usize = 200;

/// Why something is erased.
#[derive(Deserialize, ToSchema)]
pub struct Why {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    #[serde(default)]
    reason: String,
}

/// What of a person is erased.
#[derive(Deserialize, ToSchema)]
pub struct PersonErasure {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    #[serde(default)]
    reason: String,
    /// Posts and comments too.
    content: bool,
}

/// How long a group keeps.
#[derive(Deserialize, ToSchema)]
pub struct RetentionChange {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    /// Null is for ever.
    days: Option<u32>,
}

/// A legal hold.
#[derive(Deserialize, ToSchema)]
pub struct HoldChange {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    on: bool,
    #[serde(default)]
    reason: String,
}

/// What an erasure is about.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// A post.
    Post,
    /// A comment.
    Comment,
    /// A page.
    Page,
    /// A file of the file space.
    File,
    /// A person.
    Person,
}

/// Where an erasure stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Hidden; can be objected to until `due`.
    Waiting,
    /// Not every site has stated that it is done.
    Working,
    /// Every site has.
    Done,
    /// Somebody objected: it shows again.
    Objected,
    /// A legal hold keeps the bytes; hidden.
    Held,
}

/// One site's line.
#[derive(Debug, Serialize, ToSchema)]
pub struct SiteLine {
    site: SiteRef,
    done: bool,
    at: Option<String>,
    state: SiteState,
}

/// An erasure.
#[derive(Debug, Serialize, ToSchema)]
pub struct Erasure {
    id: String,
    what: What,
    by: PersonRef,
    at: String,
    reason: String,
    group: Option<GroupRef>,
    state: Standing,
    due: Option<String>,
    sites: Vec<SiteLine>,
}

fn shape(shaper: &Shaper<'_>, view: &ErasureView) -> Erasure {
    let sites = shaper.reader.sites();
    let line = |line: &protocol::engine::query::ErasureLine| SiteLine {
        site: shaper.site(line.site),
        done: line.done,
        at: line.at.map(text::time),
        state: sites.iter().find(|site| site.id == line.site).map_or(SiteState::Never, state_of),
    };
    Erasure {
        id: view.id.to_string(),
        what: match view.of {
            ErasureOf::Post => What::Post,
            ErasureOf::Comment => What::Comment,
            ErasureOf::Page => What::Page,
            ErasureOf::File => What::File,
            ErasureOf::Person => What::Person,
        },
        by: shaper.person_ref(view.by),
        at: text::time(view.at),
        reason: view.reason.clone(),
        group: view.group.and_then(|group| shaper.group_ref(group)),
        state: match view.state {
            ErasureState::Waiting => Standing::Waiting,
            ErasureState::Working => Standing::Working,
            ErasureState::Done => Standing::Done,
            ErasureState::Objected => Standing::Objected,
            ErasureState::Held => Standing::Held,
        },
        due: view.due.map(text::time),
        sites: view.sites.iter().map(line).collect(),
    }
}

fn shown(app: &App, viewer: &Viewer, id: EntryId) -> Answered<axum::Json<Erasure>> {
    let erasure = app.shape(viewer.user, |shaper| Some(shape(shaper, &shaper.reader.erasure(id)?)));
    erasure.map(axum::Json).ok_or(NOT_FOUND.into())
}

/// Asks for the erasure of a post or comment; asked again, shows the one that stands.
async fn erase(app: &App, viewer: &Viewer, target: EntryId, why: Why) -> Answered<axum::Json<Erasure>> {
    let command = Command::Erase { target, reason: why.reason.trim().to_owned() };
    let made = app.ask(Some(viewer.user), why.request_id.0, command).await?;
    match made.or_else(|| app.handle.read(|reader| reader.erasure_of(target))) {
        Some(id) => shown(app, viewer, id),
        None => Err(NOT_FOUND.into()),
    }
}

#[utoipa::path(post, path = "/posts/{id}/erase", tag = "posts", operation_id = "post_erase",
    params(("id" = String, Path)), request_body = Why, responses((status = 200, body = Erasure)))]
pub(super) async fn of_post(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(why): Json<Why>,
) -> Answered<axum::Json<Erasure>> {
    app.handle.read(|reader| reader.post(viewer.user, id)).ok_or(NOT_FOUND)?;
    erase(&app, &viewer, id, why).await
}

#[utoipa::path(post, path = "/comments/{id}/erase", tag = "comments", operation_id = "comment_erase",
    params(("id" = String, Path)), request_body = Why, responses((status = 200, body = Erasure)))]
pub(super) async fn of_comment(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(why): Json<Why>,
) -> Answered<axum::Json<Erasure>> {
    app.handle.read(|reader| reader.comment(viewer.user, id)).ok_or(NOT_FOUND)?;
    erase(&app, &viewer, id, why).await
}

#[utoipa::path(post, path = "/pages/{id}/erase", tag = "pages", operation_id = "page_erase",
    params(("id" = String, Path)), request_body = Why, responses((status = 200, body = Erasure)))]
pub(super) async fn of_page(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(why): Json<Why>,
) -> Answered<axum::Json<Erasure>> {
    app.handle.read(|reader| reader.page(viewer.user, id)).ok_or(NOT_FOUND)?;
    erase(&app, &viewer, id, why).await
}

#[utoipa::path(post, path = "/page-comments/{id}/erase", tag = "pages", operation_id = "page_comment_erase",
    params(("id" = String, Path)), request_body = Why, responses((status = 200, body = Erasure)))]
pub(super) async fn of_page_comment(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(why): Json<Why>,
) -> Answered<axum::Json<Erasure>> {
    app.handle.read(|reader| reader.page_of_comment(viewer.user, id)).ok_or(NOT_FOUND)?;
    erase(&app, &viewer, id, why).await
}

#[utoipa::path(post, path = "/people/{id}/erase", tag = "people", operation_id = "person_erase",
    params(("id" = String, Path)), request_body = PersonErasure, responses((status = 200, body = Erasure)))]
pub(super) async fn of_person(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<UserId>>,
    Json(wanted): Json<PersonErasure>,
) -> Answered<axum::Json<Erasure>> {
    let here = app.local.with_account(id, |_| ()).is_some();
    if viewer.require_organisation_admin(&app).is_err() && !(here && viewer.require_site_admin(&app).is_ok()) {
        return Err(FORBIDDEN.into());
    }
    viewer.require_sudo(&app)?;
    if id == viewer.user {
        return Err(FORBIDDEN.into());
    }
    let words = if wanted.content { Words::Go } else { Words::Stay };
    let command = Command::ErasePerson { user: id, words, reason: wanted.reason.trim().to_owned() };
    let made = app.make(viewer.user, wanted.request_id.0, command).await?;
    let event = Event::new(app.now(), "person_erased").by(viewer.user).about(&id.to_string());
    app.on_disk(move |local| local.note(event)).await?;
    // Who is gone writes no more. The account goes as soon as the home site has heard of it (`keeper`).
    let disable = Command::SetUserActive { user: id, active: Activity::Disabled };
    if let Err(error) = app.ask(Some(viewer.user), fresh_request(), disable).await {
        tracing::debug!(?error, "the erased person was disabled before");
    }
    shown(&app, &viewer, made)
}

#[utoipa::path(get, path = "/admin/erasures", tag = "administration", operation_id = "erasures_list",
    responses((status = 200, body = Vec<Erasure>)))]
pub(super) async fn list(State(app): State<App>, viewer: Viewer) -> Answered<axum::Json<Vec<Erasure>>> {
    viewer.require_site_admin(&app)?;
    Ok(axum::Json(app.shape(viewer.user, |shaper| {
        shaper.reader.erasures(LISTED_MAX).iter().map(|view| shape(shaper, view)).collect()
    })))
}

#[utoipa::path(post, path = "/admin/erasures/{id}/object", tag = "administration", operation_id = "erasure_object",
    params(("id" = String, Path)), responses((status = 200, body = Erasure)))]
pub(super) async fn object(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
) -> Answered<axum::Json<Erasure>> {
    viewer.require_sudo(&app)?;
    app.ask(Some(viewer.user), fresh_request(), Command::ObjectToErasure { erasure: id }).await?;
    shown(&app, &viewer, id)
}

#[utoipa::path(put, path = "/groups/{id}/retention", tag = "groups", operation_id = "group_retention",
    params(("id" = String, Path)), request_body = RetentionChange, responses((status = 200, body = Group)))]
pub(super) async fn retention(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(group)): At<Key<GroupId>>,
    Json(wanted): Json<RetentionChange>,
) -> Answered<axum::Json<Group>> {
    if wanted.days == Some(0) {
        return Err(ApiError::with(BAD_VALUE, json!({ "field": "days", "min": 1 })));
    }
    let command = Command::SetRetention { group, days: wanted.days };
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    groups::shown(&app, &viewer, group)
}

#[utoipa::path(put, path = "/groups/{id}/hold", tag = "groups", operation_id = "group_hold",
    params(("id" = String, Path)), request_body = HoldChange, responses((status = 200, body = Group)))]
pub(super) async fn hold(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(group)): At<Key<GroupId>>,
    Json(wanted): Json<HoldChange>,
) -> Answered<axum::Json<Group>> {
    viewer.require_organisation_admin(&app)?;
    viewer.require_sudo(&app)?;
    let hold = if wanted.on { LegalHold::On } else { LegalHold::Off };
    let command = Command::SetHold { group, hold, reason: wanted.reason.trim().to_owned() };
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    groups::shown(&app, &viewer, group)
}
