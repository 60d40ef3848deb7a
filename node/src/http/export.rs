//! Everything about one person, as a file for that person.

use super::App;
use super::auth::Viewer;
use super::error::{Answered, FORBIDDEN, NOT_FOUND};
use super::extract::{At, Key};
use super::throttle::Act;
use crate::local::audit::Event;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use protocol::ids::UserId;

#[utoipa::path(get, path = "/people/{id}/export", tag = "people", operation_id = "person_export",
    params(("id" = String, Path)),
    responses((status = 200, description = "a .zip of JSON and files, as it is made"),
        (status = 403, description = "`sudo_required`: for others than oneself")))]
pub(super) async fn of_person(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<UserId>>,
) -> Answered<Response> {
    let (person, here) = app.handle.read(|reader| (reader.person(id), reader.organisation().map(|org| org.site)));
    let person = person.filter(|person| !person.former).ok_or(NOT_FOUND)?;
    if viewer.user != id {
        viewer.require_site_admin(&app)?;
        if Some(person.site) != here {
            return Err(FORBIDDEN.into());
        }
        viewer.require_sudo(&app)?;
    }
    app.count(Act::Export, viewer.user)?;
    if viewer.user != id {
        let event = Event::new(app.now(), "person_exported").by(viewer.user).about(&id.to_string());
        app.on_disk(move |local| local.note(event)).await?;
    }
    let made = app.exports.of_person(id, app.now())?;
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", made.name)),
    ];
    let bytes = stream::unfold(made.bytes, |mut bytes| async { bytes.recv().await.map(|piece| (piece, bytes)) });
    Ok((headers, Body::from_stream(bytes)).into_response())
}
