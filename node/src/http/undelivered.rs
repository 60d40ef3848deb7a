//! What did not count of one's own writing: shown, sent again, put away (G13).

use super::App;
use super::auth::Viewer;
use super::error::{Answered, NOT_FOUND};
use super::extract::{At, Json, Key};
use super::shape::removal::NotDelivered;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::engine::effect::Notice;
use protocol::engine::input::{Command, Rights};
use protocol::ids::{EntryId, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The list.
#[derive(Serialize, ToSchema)]
pub struct NotDeliveredList {
    items: Vec<NotDelivered>,
}

/// Sending again.
#[derive(Deserialize, ToSchema)]
pub struct Resend {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
}

#[utoipa::path(get, path = "/me/not-delivered", tag = "session", operation_id = "not_delivered_list",
    responses((status = 200, body = NotDeliveredList)))]
pub(super) async fn list(State(app): State<App>, viewer: Viewer) -> axum::Json<NotDeliveredList> {
    let user = viewer.user;
    axum::Json(app.shape(user, |shaper| {
        let mut views = shaper.reader.undelivered(user);
        views.retain(|view| !app.local.is_put_away(user, view.id));
        NotDeliveredList { items: views.into_iter().map(|view| shaper.not_delivered(view)).collect() }
    }))
}

/// Passes what is in the person's list.
fn listed(app: &App, viewer: &Viewer, id: EntryId) -> Answered<()> {
    let ids = app.handle.read(|reader| reader.undelivered_ids(viewer.user));
    if ids.contains(&id) { Ok(()) } else { Err(NOT_FOUND.into()) }
}

async fn put_away(app: &App, viewer: &Viewer, id: EntryId) -> Answered<StatusCode> {
    let user = viewer.user;
    app.on_disk(move |local| local.put_away(user, id)).await?;
    app.handle.notify(Notice::NotDelivered { user });
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/me/not-delivered/{id}/resend", tag = "session", operation_id = "not_delivered_resend",
    params(("id" = String, Path)), request_body = Resend, responses((status = 204)))]
pub(super) async fn resend(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(wanted): Json<Resend>,
) -> Answered<StatusCode> {
    listed(&app, &viewer, id)?;
    // Written first: should the second step fail, a repeat under the same id writes nothing and puts it away.
    app.ask(Some(viewer.user), wanted.request_id.0, Command::Rights(Rights::Resend(id))).await?;
    put_away(&app, &viewer, id).await
}

#[utoipa::path(delete, path = "/me/not-delivered/{id}", tag = "session", operation_id = "not_delivered_put_away",
    params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
) -> Answered<StatusCode> {
    listed(&app, &viewer, id)?;
    put_away(&app, &viewer, id).await
}
