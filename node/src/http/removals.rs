//! Removals: who was taken out, which sites have confirmed that they know, and what does not count because of it.

use super::App;
use super::auth::Viewer;
use super::error::{Answered, FORBIDDEN, NOT_A_MEMBER, NOT_FOUND};
use super::extract::{At, Json, Key};
use super::groups::shown as group_shown;
use super::network::{SiteShape, site_with};
use super::people;
use super::shape::group::Group;
use super::shape::person::Person;
use super::shape::removal::Removal;
use axum::extract::State;
use protocol::engine::input::{Command, Rights};
use protocol::engine::query::RemovalView;
use protocol::ids::{EntryId, GroupId, NodeId, RequestId, SiteId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;

/// A change with nothing to say but that it is wanted.
#[derive(Deserialize, ToSchema)]
pub struct Wanted {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
}

/// Whom to make an owner.
#[derive(Deserialize, ToSchema)]
pub struct Appointment {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    #[schema(value_type = String)]
    person: Key<UserId>,
}

/// How much of the removed person's writing is kept.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// All that any site holds now.
    All,
}

/// Another cut.
#[derive(Deserialize, ToSchema)]
pub struct CutChange {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    keep: Keep,
}

/// Why a node goes.
#[derive(Deserialize, ToSchema)]
pub struct Revocation {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    #[serde(default)]
    reason: String,
}

/// Where a person goes.
#[derive(Deserialize, ToSchema)]
pub struct Move {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    #[schema(value_type = String)]
    site: Key<SiteId>,
}

fn shaped(app: &App, viewer: &Viewer, views: &[RemovalView]) -> Vec<Removal> {
    app.shape(viewer.user, |shaper| shaper.removals(views))
}

/// The removals from a group, for those who may remove. Others are told no more than that they may not.
fn of_group(app: &App, viewer: &Viewer, group: GroupId) -> Answered<Vec<RemovalView>> {
    let (view, removals) =
        app.handle.read(|reader| (reader.group(viewer.user, group), reader.group_removals(viewer.user, group)));
    match view {
        None => Err(NOT_FOUND.into()),
        Some(view) if view.role.is_none() => Err(NOT_A_MEMBER.into()),
        Some(view) if !view.may.manage => Err(FORBIDDEN.into()),
        Some(_) => removals.ok_or(NOT_FOUND.into()),
    }
}

#[utoipa::path(get, path = "/groups/{id}/removals", tag = "groups", operation_id = "group_removals",
    params(("id" = String, Path)), responses((status = 200, body = Vec<Removal>)))]
pub(super) async fn list_of_group(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(group)): At<Key<GroupId>>,
) -> Answered<axum::Json<Vec<Removal>>> {
    let views = of_group(&app, &viewer, group)?;
    Ok(axum::Json(shaped(&app, &viewer, &views)))
}

#[utoipa::path(post, path = "/groups/{id}/removals/{removal}/cut", tag = "groups", operation_id = "removal_cut",
    params(("id" = String, Path), ("removal" = String, Path)), request_body = CutChange,
    responses((status = 200, body = Removal)))]
pub(super) async fn cut(
    State(app): State<App>,
    viewer: Viewer,
    At(path): At<(Key<GroupId>, Key<EntryId>)>,
    Json(wanted): Json<CutChange>,
) -> Answered<axum::Json<Removal>> {
    let (Key(group), Key(removal)) = path;
    of_group(&app, &viewer, group)?;
    let Keep::All = wanted.keep;
    let command = Command::Rights(Rights::KeepAll { group, removal });
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    let views = of_group(&app, &viewer, group)?;
    let found = views.into_iter().find(|view| view.id == removal).ok_or(NOT_FOUND)?;
    shaped(&app, &viewer, &[found]).pop().map(axum::Json).ok_or(NOT_FOUND.into())
}

#[utoipa::path(post, path = "/groups/{id}/appoint", tag = "groups", operation_id = "group_appoint",
    params(("id" = String, Path)), request_body = Appointment,
    responses((status = 200, body = Group), (status = 403, description = "`sudo_required`")))]
pub(super) async fn appoint(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(group)): At<Key<GroupId>>,
    Json(wanted): Json<Appointment>,
) -> Answered<axum::Json<Group>> {
    viewer.require_organisation_admin(&app)?;
    viewer.require_sudo(&app)?;
    let command = Command::Rights(Rights::Appoint { group, user: wanted.person.0 });
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    group_shown(&app, &viewer, group)
}

#[utoipa::path(get, path = "/people/{id}/removals", tag = "people", operation_id = "person_removals",
    params(("id" = String, Path)), responses((status = 200, body = Vec<Removal>)))]
pub(super) async fn list_of_person(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<UserId>>,
) -> Answered<axum::Json<Vec<Removal>>> {
    people::known_to_admin(&app, &viewer, id)?;
    let views = app.handle.read(|reader| reader.person_removals(id));
    Ok(axum::Json(shaped(&app, &viewer, &views)))
}

#[utoipa::path(post, path = "/people/{id}/rehome", tag = "people", operation_id = "person_rehome",
    params(("id" = String, Path)), request_body = Move,
    responses((status = 200, body = Person), (status = 403, description = "`sudo_required`")))]
pub(super) async fn rehome(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<UserId>>,
    Json(wanted): Json<Move>,
) -> Answered<axum::Json<Person>> {
    viewer.require_organisation_admin(&app)?;
    viewer.require_sudo(&app)?;
    let command = Command::Rights(Rights::Rehome { user: id, site: wanted.site.0 });
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    people::end_where_gone(&app, id).await?;
    people::shown(&app, &viewer, id).map(axum::Json)
}

// --- nodes --------------------------------------------------------------------------------------------------------

async fn on_node(
    app: &App,
    viewer: &Viewer,
    node: NodeId,
    wanted: Wanted,
    wish: Rights,
) -> Answered<axum::Json<SiteShape>> {
    viewer.require_organisation_admin(app)?;
    viewer.require_sudo(app)?;
    app.ask(Some(viewer.user), wanted.request_id.0, Command::Rights(wish)).await?;
    site_with(app, node).await
}

#[utoipa::path(post, path = "/network/nodes/{node}/suspend", tag = "network", operation_id = "node_suspend",
    params(("node" = String, Path)), request_body = Wanted, responses((status = 200, body = SiteShape)))]
pub(super) async fn suspend(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(node)): At<Key<NodeId>>,
    Json(wanted): Json<Wanted>,
) -> Answered<axum::Json<SiteShape>> {
    on_node(&app, &viewer, node, wanted, Rights::SuspendNode(node)).await
}

#[utoipa::path(post, path = "/network/nodes/{node}/resume", tag = "network", operation_id = "node_resume",
    params(("node" = String, Path)), request_body = Wanted, responses((status = 200, body = SiteShape)))]
pub(super) async fn resume(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(node)): At<Key<NodeId>>,
    Json(wanted): Json<Wanted>,
) -> Answered<axum::Json<SiteShape>> {
    on_node(&app, &viewer, node, wanted, Rights::ResumeNode(node)).await
}

#[utoipa::path(post, path = "/network/nodes/{node}/revoke", tag = "network", operation_id = "node_revoke",
    params(("node" = String, Path)), request_body = Revocation, responses((status = 200, body = Removal)))]
pub(super) async fn revoke(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(node)): At<Key<NodeId>>,
    Json(wanted): Json<Revocation>,
) -> Answered<axum::Json<Removal>> {
    viewer.require_organisation_admin(&app)?;
    viewer.require_sudo(&app)?;
    let command = Command::Rights(Rights::RevokeNode { node, reason: wanted.reason });
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    let views = app.handle.read(|reader| reader.node_removals());
    let found = views.into_iter().find(|view| view.node == Some(node)).ok_or(NOT_FOUND)?;
    shaped(&app, &viewer, &[found]).pop().map(axum::Json).ok_or(NOT_FOUND.into())
}

#[utoipa::path(get, path = "/network/removals", tag = "network", operation_id = "node_removals",
    responses((status = 200, body = Vec<Removal>)))]
pub(super) async fn list_of_nodes(State(app): State<App>, viewer: Viewer) -> Answered<axum::Json<Vec<Removal>>> {
    viewer.require_organisation_admin(&app)?;
    let views = app.handle.read(|reader| reader.node_removals());
    Ok(axum::Json(shaped(&app, &viewer, &views)))
}
