//! Bundles: what a line would carry, in a file, made for another site or brought from one.

use super::App;
use super::auth::Viewer;
use super::error::{
    Answered, ApiError, BAD_REQUEST, BUNDLE_CUT_SHORT, BUNDLE_DAMAGED, BUNDLE_MAKER_REMOVED, BUNDLE_NEWER,
    BUNDLE_NO_READER, BUNDLE_NONE, BUNDLE_OTHER_MACHINE, BUNDLE_OTHER_ORGANISATION, BUNDLE_OTHER_SITE, NOT_FOUND,
    NOT_SET_UP,
};
use super::extract::{Json, Key};
use super::shape::person::SiteRef;
use super::shape::text;
use crate::bundle::{Received, Stopped, Trouble};
use crate::local::audit::Event;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use protocol::bundle::BundleError;
use protocol::engine::effect::BundleRefusal;
use protocol::engine::input::Reach;
use protocol::ids::SiteId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// For whom.
#[derive(Deserialize, ToSchema)]
pub struct NewBundle {
    #[schema(value_type = String)]
    site: Key<SiteId>,
    /// Also what the site has stated to hold; false when absent.
    #[serde(default)]
    everything: bool,
}

/// What came of taking one.
#[derive(Debug, Serialize, ToSchema)]
pub struct BundleResult {
    /// The site that made it.
    from: SiteRef,
    entries: u64,
    new_entries: u64,
    /// Groups that something new is of.
    groups: usize,
    /// Files that were not here.
    files: u64,
    /// Logs of which earlier entries are missing here: ask for a file with everything.
    gaps: usize,
    /// Entries that were not taken.
    left_out: u64,
}

impl From<Trouble> for ApiError {
    fn from(trouble: Trouble) -> Self {
        let code = match trouble {
            Trouble::Busy(busy) => return busy.into(),
            Trouble::File(error) => return error.into(),
            Trouble::Interrupted => BAD_REQUEST,
            Trouble::Format(BundleError::NotABundle) => BUNDLE_NONE,
            Trouble::Format(BundleError::Newer) => BUNDLE_NEWER,
            Trouble::Format(BundleError::Damaged) | Trouble::Refused(BundleRefusal::Damaged) => BUNDLE_DAMAGED,
            Trouble::Format(BundleError::CutShort) => BUNDLE_CUT_SHORT,
            Trouble::Refused(BundleRefusal::NotSetUp) => NOT_SET_UP,
            Trouble::Refused(BundleRefusal::NoSuchSite) => NOT_FOUND,
            Trouble::Refused(BundleRefusal::NobodyToRead) => BUNDLE_NO_READER,
            Trouble::Refused(BundleRefusal::OtherOrganisation) => BUNDLE_OTHER_ORGANISATION,
            Trouble::Refused(BundleRefusal::OtherSite(_)) => BUNDLE_OTHER_SITE,
            Trouble::Refused(BundleRefusal::OtherNode) => BUNDLE_OTHER_MACHINE,
            Trouble::Refused(BundleRefusal::MakerRemoved) => BUNDLE_MAKER_REMOVED,
        };
        code.into()
    }
}

#[utoipa::path(post, path = "/network/bundles", tag = "network", operation_id = "bundle_make",
    request_body = NewBundle,
    responses((status = 200, description = "the file, as it is made"), (status = 403, description = "`sudo_required`"),
        (status = 409, description = "`bundle_no_reader`")))]
pub(super) async fn make(State(app): State<App>, viewer: Viewer, Json(wanted): Json<NewBundle>) -> Answered<Response> {
    viewer.require_site_admin(&app)?;
    viewer.require_sudo(&app)?;
    let Key(site) = wanted.site;
    let made = app.bundles.export(site, if wanted.everything { Reach::Everything } else { Reach::Since }).await?;
    note(&app, &viewer, "bundle_made", site).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", made.name)),
    ];
    let bytes = stream::unfold(made.bytes, |mut bytes| async { bytes.recv().await.map(|piece| (piece, bytes)) });
    Ok((headers, Body::from_stream(bytes)).into_response())
}

#[utoipa::path(post, path = "/network/bundles/import", tag = "network", operation_id = "bundle_take",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = BundleResult), (status = 403, description = "`sudo_required`"),
        (status = 422, description = "`bundle_damaged`, `bundle_cut_short`: what came before counts, and stands in the details")))]
pub(super) async fn take(
    State(app): State<App>,
    viewer: Viewer,
    request: Request,
) -> Answered<axum::Json<BundleResult>> {
    viewer.require_site_admin(&app)?;
    viewer.require_sudo(&app)?;
    // No limit but the disk's: it is read a record at a time.
    let outcome = app.bundles.import(request.into_body().into_data_stream()).await;
    let received = match &outcome {
        Ok(received) => received,
        Err(stopped) => &stopped.received,
    };
    if let Some(site) = received.site {
        note(&app, &viewer, "bundle_taken", site).await?;
    }
    match outcome {
        Ok(received) => Ok(axum::Json(shape(&app, &received))),
        Err(stopped) => Err(refusal(&app, stopped)),
    }
}

fn shape(app: &App, received: &Received) -> BundleResult {
    let site = received.site;
    let name = site.and_then(|site| app.bundles.site_name(site)).unwrap_or_default();
    BundleResult {
        from: SiteRef { id: site.map(|site| site.to_string()).unwrap_or_default(), name: text::name(&name) },
        entries: received.entries,
        new_entries: received.new_entries,
        groups: received.groups.len(),
        files: received.files,
        gaps: received.gaps.len(),
        left_out: received.left_out,
    }
}

/// Says what counts of a file that could not be read to its end, and for which site one was that is not for this.
fn refusal(app: &App, stopped: Stopped) -> ApiError {
    let Stopped { trouble, received } = stopped;
    let details = match &trouble {
        Trouble::Refused(BundleRefusal::OtherSite(site)) => {
            app.bundles.site_name(*site).map(|name| json!({ "site": text::name(&name) }))
        }
        _ if received.from.is_some() => Some(json!({ "new_entries": received.new_entries, "files": received.files })),
        _ => None,
    };
    let error = ApiError::from(trouble);
    ApiError { details: error.details.or(details), ..error }
}

async fn note(app: &App, viewer: &Viewer, kind: &'static str, site: SiteId) -> Answered<()> {
    let event = Event::new(app.now(), kind).by(viewer.user).about(&site.to_string());
    app.on_disk(move |local| local.note(event)).await
}
