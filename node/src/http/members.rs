//! Who is in a group and as what.

use super::App;
use super::auth::Viewer;
use super::error::{Answered, ApiError, BAD_VALUE, LAST_ADMIN, NOT_FOUND};
use super::extract::{At, Json, Key};
use super::fresh_request;
use super::shape::group::{Member, Role};
use axum::extract::State;
use protocol::control::op;
use protocol::engine::input::Command;
use protocol::ids::{GroupId, RequestId, UserId};
use protocol::limits::MEMBERS_PER_ENTRY_MAX;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

/// People added in one call: a large department.
const PEOPLE_AT_ONCE_MAX: usize = 8 * MEMBERS_PER_ENTRY_MAX;

/// People to add, or to give another role.
#[derive(Deserialize, ToSchema)]
pub struct NewMembers {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    #[schema(value_type = Vec<String>)]
    people: Vec<Key<UserId>>,
    role: Role,
}

/// Another role.
#[derive(Deserialize, ToSchema)]
pub struct RoleChange {
    role: Role,
}

#[utoipa::path(get, path = "/groups/{id}/members", tag = "groups", operation_id = "members_list",
    params(("id" = String, Path)), responses((status = 200, body = Vec<Member>)))]
pub(super) async fn list(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<GroupId>>,
) -> Answered<axum::Json<Vec<Member>>> {
    shown(&app, &viewer, id)
}

fn shown(app: &App, viewer: &Viewer, group: GroupId) -> Answered<axum::Json<Vec<Member>>> {
    let members = app.shape(viewer.user, |shaper| {
        let members = shaper.reader.members(viewer.user, group)?;
        Some(members.iter().map(|member| shaper.member(member)).collect())
    });
    members.map(axum::Json).ok_or(NOT_FOUND.into())
}

#[utoipa::path(post, path = "/groups/{id}/members", tag = "groups", operation_id = "members_add",
    params(("id" = String, Path)), request_body = NewMembers, responses((status = 200, body = Vec<Member>)))]
pub(super) async fn add(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(group)): At<Key<GroupId>>,
    Json(wanted): Json<NewMembers>,
) -> Answered<axum::Json<Vec<Member>>> {
    let mut people: Vec<UserId> = wanted.people.iter().map(|Key(id)| *id).collect();
    people.sort();
    people.dedup();
    if people.is_empty() || people.len() > PEOPLE_AT_ONCE_MAX {
        return Err(ApiError::with(BAD_VALUE, json!({ "field": "people", "min": 1, "max": PEOPLE_AT_ONCE_MAX })));
    }
    if wanted.role != Role::Owner {
        keeps_an_owner(&app, &viewer, group, &people)?;
    }
    for (n, users) in people.chunks(MEMBERS_PER_ENTRY_MAX).enumerate() {
        let request = part(wanted.request_id.0, n);
        let command = Command::Grant { group, users: users.to_vec(), role: wanted.role.into() };
        app.ask(Some(viewer.user), request, command).await?;
    }
    shown(&app, &viewer, group)
}

/// Refuses what would leave other members without any owner. Two owners who go at the same moment at two sites still
/// can; then the organisation's administrators appoint another.
pub(super) fn keeps_an_owner(app: &App, viewer: &Viewer, group: GroupId, going: &[UserId]) -> Answered<()> {
    let members = app.handle.read(|reader| reader.members(viewer.user, group)).unwrap_or_default();
    let mut owners = members.iter().filter(|member| member.role == op::Role::Owner).peekable();
    let others = members.iter().any(|member| !going.contains(&member.user));
    let orphaned = owners.peek().is_some() && owners.all(|owner| going.contains(&owner.user));
    if orphaned && others { Err(LAST_ADMIN.into()) } else { Ok(()) }
}

/// The request id of one part of a request: the same every time it is repeated.
fn part(request: RequestId, n: usize) -> RequestId {
    let mut bytes = request.0;
    bytes[15] ^= u8::try_from(n).unwrap_or(u8::MAX);
    RequestId(bytes)
}

#[utoipa::path(patch, path = "/groups/{id}/members/{person}", tag = "groups", operation_id = "member_change",
    params(("id" = String, Path), ("person" = String, Path)), request_body = RoleChange,
    responses((status = 200, body = Vec<Member>), (status = 409, description = "`last_admin`")))]
pub(super) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    At(path): At<(Key<GroupId>, Key<UserId>)>,
    Json(wanted): Json<RoleChange>,
) -> Answered<axum::Json<Vec<Member>>> {
    let (Key(group), Key(person)) = path;
    if wanted.role != Role::Owner {
        keeps_an_owner(&app, &viewer, group, &[person])?;
    }
    let command = Command::Grant { group, users: vec![person], role: wanted.role.into() };
    app.ask(Some(viewer.user), fresh_request(), command).await?;
    shown(&app, &viewer, group)
}

#[utoipa::path(delete, path = "/groups/{id}/members/{person}", tag = "groups", operation_id = "member_remove",
    params(("id" = String, Path), ("person" = String, Path)),
    responses((status = 200, body = Vec<Member>), (status = 409, description = "`last_admin`")))]
pub(super) async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    At(path): At<(Key<GroupId>, Key<UserId>)>,
) -> Answered<axum::Json<Vec<Member>>> {
    let (Key(group), Key(person)) = path;
    keeps_an_owner(&app, &viewer, group, &[person])?;
    let command = match person {
        // Removing oneself is leaving, which needs no right over others.
        person if person == viewer.user => Command::LeaveGroup(group),
        person => Command::Revoke { group, users: vec![person] },
    };
    app.ask(Some(viewer.user), fresh_request(), command).await?;
    let left = person == viewer.user && app.handle.read(|reader| reader.members(viewer.user, group)).is_none();
    if left { Ok(axum::Json(Vec::new())) } else { shown(&app, &viewer, group) }
}
