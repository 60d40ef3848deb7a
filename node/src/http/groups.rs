//! Groups: the list, the card, joining and leaving, reading.

use super::App;
use super::auth::Viewer;
use super::error::{Answered, NAME_MISSING, NOT_FOUND};
use super::extract::{At, Json, Key};
use super::fresh_request;
use super::markdown::name;
use super::members::keeps_an_owner;
use super::shape::group::{Access, Group, GroupKind, Policy};
use axum::extract::State;
use axum::http::StatusCode;
use protocol::engine::input::Command;
use protocol::ids::{GroupId, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One's groups and the others that are listed.
#[derive(Serialize, ToSchema)]
pub struct Groups {
    mine: Vec<Group>,
    others: Vec<Group>,
}

/// A new group.
#[derive(Deserialize, ToSchema)]
pub struct NewGroup {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    name: String,
    #[serde(default)]
    purpose: String,
    kind: GroupKind,
    access: Access,
}

/// What changes of a group; what is absent stays.
#[derive(Deserialize, ToSchema)]
pub struct GroupChange {
    name: Option<String>,
    purpose: Option<String>,
    access: Option<Access>,
    policy: Option<Policy>,
}

#[utoipa::path(get, path = "/groups", tag = "groups", operation_id = "groups_list",
    responses((status = 200, body = Groups)))]
pub(super) async fn list(State(app): State<App>, viewer: Viewer) -> axum::Json<Groups> {
    axum::Json(app.shape(viewer.user, |shaper| {
        let (mine, others) = shaper.reader.groups(viewer.user);
        let shape = |views: &[_]| views.iter().map(|view| shaper.group(view)).collect();
        Groups { mine: shape(&mine), others: shape(&others) }
    }))
}

pub(super) fn shown(app: &App, viewer: &Viewer, id: GroupId) -> Answered<axum::Json<Group>> {
    let group = app.shape(viewer.user, |shaper| Some(shaper.group(&shaper.reader.group(viewer.user, id)?)));
    group.map(axum::Json).ok_or(NOT_FOUND.into())
}

#[utoipa::path(post, path = "/groups", tag = "groups", operation_id = "group_create", request_body = NewGroup,
    responses((status = 201, body = Group)))]
pub(super) async fn create(
    State(app): State<App>,
    viewer: Viewer,
    Json(wanted): Json<NewGroup>,
) -> Answered<(StatusCode, axum::Json<Group>)> {
    let group_name = name(&wanted.name);
    if group_name.is_empty() {
        return Err(NAME_MISSING.into());
    }
    let command = Command::CreateGroup {
        name: group_name,
        purpose: wanted.purpose,
        kind: wanted.kind.into(),
        access: wanted.access.into(),
    };
    let made = app.make(viewer.user, wanted.request_id.0, command).await?;
    Ok((StatusCode::CREATED, shown(&app, &viewer, made.into())?))
}

#[utoipa::path(get, path = "/groups/{id}", tag = "groups", operation_id = "group_read", params(("id" = String, Path)),
    responses((status = 200, body = Group)))]
pub(super) async fn read(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<GroupId>>,
) -> Answered<axum::Json<Group>> {
    shown(&app, &viewer, id)
}

#[utoipa::path(patch, path = "/groups/{id}", tag = "groups", operation_id = "group_change",
    params(("id" = String, Path)), request_body = GroupChange, responses((status = 200, body = Group)))]
pub(super) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<GroupId>>,
    Json(wanted): Json<GroupChange>,
) -> Answered<axum::Json<Group>> {
    let group_name = wanted.name.as_deref().map(name);
    if group_name.as_deref() == Some("") {
        return Err(NAME_MISSING.into());
    }
    let access = wanted.access.map(Into::into);
    let command = Command::EditGroup {
        group: id,
        name: group_name,
        purpose: wanted.purpose,
        access,
        policy: wanted.policy.map(Into::into),
    };
    app.ask(Some(viewer.user), fresh_request(), command).await?;
    shown(&app, &viewer, id)
}

#[utoipa::path(post, path = "/groups/{id}/join", tag = "groups", operation_id = "group_join",
    params(("id" = String, Path)), responses((status = 200, body = Group)))]
pub(super) async fn join(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<GroupId>>,
) -> Answered<axum::Json<Group>> {
    app.ask(Some(viewer.user), fresh_request(), Command::JoinGroup(id)).await?;
    // What was said before one came is not news.
    set_read(&app, &viewer, id).await?;
    shown(&app, &viewer, id)
}

#[utoipa::path(post, path = "/groups/{id}/leave", tag = "groups", operation_id = "group_leave",
    params(("id" = String, Path)), responses((status = 200, body = Group)))]
pub(super) async fn leave(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<GroupId>>,
) -> Answered<axum::Json<Group>> {
    let before = shown(&app, &viewer, id)?;
    keeps_an_owner(&app, &viewer, id, &[viewer.user])?;
    app.ask(Some(viewer.user), fresh_request(), Command::LeaveGroup(id)).await?;
    match shown(&app, &viewer, id) {
        Ok(after) => Ok(after),
        // A secret group is out of sight once left: what was seen last, without any right.
        Err(_) => {
            let axum::Json(mut group) = before;
            group.role = None;
            group.unread = 0;
            group.may = super::shape::group::GroupMay::default();
            Ok(axum::Json(group))
        }
    }
}

#[utoipa::path(post, path = "/groups/{id}/read", tag = "groups", operation_id = "group_mark_read",
    params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn mark_read(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<GroupId>>,
) -> Answered<StatusCode> {
    app.handle.read(|reader| reader.group(viewer.user, id)).ok_or(NOT_FOUND)?;
    set_read(&app, &viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_read(app: &App, viewer: &Viewer, group: GroupId) -> Answered<()> {
    let user = viewer.user;
    let newest = app.handle.read(|reader| reader.newest(group));
    if let Some(newest) = newest.filter(|newest| *newest > app.local.mark(user, group)) {
        app.on_disk(move |local| local.set_mark(user, group, newest)).await?;
        app.live.marked_read(user, group);
    }
    Ok(())
}
