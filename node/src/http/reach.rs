//! How this site is reached, how far one gets to another, and addresses that this site keeps for it.

use super::App;
use super::auth::Viewer;
use super::error::{Answered, ApiError, BAD_REQUEST, NOT_FOUND, NOT_SET_UP};
use super::extract::{At, Json, Key};
use super::network::{Details, SiteShape, site_shape};
use super::ports::{Outcome, Via};
use super::shape::person::SiteRef;
use super::shape::text::name;
use crate::local::audit::Event;
use crate::local::settings::{STATIC_ADDRESSES_MAX, STATIC_NODES_MAX};
use axum::extract::State;
use protocol::engine::query;
use protocol::ids::NodeId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// An own address.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnAddress {
    address: String,
    /// `listen`, `announced`, `observed`, `relay` or `mapped`.
    kind: &'static str,
    /// Told to other sites.
    confirmed: bool,
}

/// Relaying.
#[derive(Debug, Serialize, ToSchema)]
pub struct RelayShape {
    /// The site that relays for this one.
    using: Option<SiteRef>,
    /// Connections between others that pass through this node.
    serving: usize,
}

/// How this node is reached.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReachShape {
    /// `public`, `private` or `unknown`.
    nat: &'static str,
    addresses: Vec<OwnAddress>,
    relay: RelayShape,
    /// `off`, `trying`, `mapped` or `failed`.
    upnp: &'static str,
    mdns: bool,
}

/// One step of a test.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepShape {
    /// `address`, `name`, `udp`, `tcp`, `handshake`, `admitted` or `answer`.
    id: &'static str,
    /// `ok`, `failed` or `skipped`.
    state: &'static str,
    detail: String,
    ms: Option<u64>,
}

/// A test of a connection.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestShape {
    steps: Vec<StepShape>,
    /// A stable code: what to do.
    advice: &'static str,
    /// `direct`, `relay` or `none`.
    via: &'static str,
}

/// Addresses kept at this site.
#[derive(Debug, Deserialize, ToSchema)]
pub struct StaticAddresses {
    addresses: Vec<String>,
}

/// The word for how a connection goes.
pub(super) fn via_word(via: Via) -> &'static str {
    match via {
        Via::Direct => "direct",
        Via::Relay => "relay",
    }
}

#[utoipa::path(get, path = "/network/reach", tag = "network", operation_id = "network_reach",
    responses((status = 200, body = ReachShape)))]
pub(super) async fn read(State(app): State<App>, viewer: Viewer) -> Answered<axum::Json<ReachShape>> {
    viewer.require_site_admin(&app)?;
    let reach = app.network.reach().await.ok_or(NOT_SET_UP)?;
    let sites = app.handle.read(|reader| reader.sites());
    let using = reach.relays.first().and_then(|node| site_of(&sites, *node));
    let using = using.map(|site| SiteRef { id: site.id.to_string(), name: name(&site.name) });
    let address =
        |own: super::ports::OwnAddress| OwnAddress { address: own.address, kind: own.kind, confirmed: own.confirmed };
    Ok(axum::Json(ReachShape {
        nat: reach.nat,
        addresses: reach.addresses.into_iter().map(address).collect(),
        relay: RelayShape { using, serving: reach.serving },
        upnp: reach.upnp,
        mdns: app.config.mdns == crate::config::Switch::On,
    }))
}

fn site_of(sites: &[query::SiteView], node: NodeId) -> Option<&query::SiteView> {
    sites.iter().find(|site| site.nodes.iter().any(|known| known.id == node))
}

/// The site of another node.
fn site_of_other(app: &App, node: NodeId) -> Answered<query::SiteView> {
    let sites = app.handle.read(|reader| reader.sites());
    let found = site_of(&sites, node).filter(|_| node != app.handle.node());
    Ok(found.cloned().ok_or(NOT_FOUND)?)
}

#[utoipa::path(post, path = "/network/nodes/{node}/test", tag = "network", operation_id = "network_test",
    params(("node" = String, Path)), responses((status = 200, body = TestShape)))]
pub(super) async fn test(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(node)): At<Key<NodeId>>,
) -> Answered<axum::Json<TestShape>> {
    viewer.require_site_admin(&app)?;
    site_of_other(&app, node)?;
    let test = app.network.test(node).await;
    let step = |tried: super::ports::Tried| StepShape {
        id: tried.id,
        state: match tried.outcome {
            Outcome::Ok => "ok",
            Outcome::Failed => "failed",
            Outcome::Skipped => "skipped",
        },
        detail: tried.detail,
        ms: tried.ms,
    };
    Ok(axum::Json(TestShape {
        steps: test.steps.into_iter().map(step).collect(),
        advice: test.advice,
        via: test.via.map_or("none", via_word),
    }))
}

#[utoipa::path(put, path = "/network/nodes/{node}/addresses", tag = "network", operation_id = "network_keep",
    params(("node" = String, Path)), request_body = StaticAddresses,
    responses((status = 200, body = SiteShape), (status = 403, description = "`sudo_required`")))]
pub(super) async fn keep(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(node)): At<Key<NodeId>>,
    Json(wanted): Json<StaticAddresses>,
) -> Answered<axum::Json<SiteShape>> {
    viewer.require_site_admin(&app)?;
    viewer.require_sudo(&app)?;
    let site = site_of_other(&app, node)?;
    if wanted.addresses.len() > STATIC_ADDRESSES_MAX {
        return Err(BAD_REQUEST.into());
    }
    let canonical = |text: &String| {
        let wrong = || ApiError::with(BAD_REQUEST, json!({ "address": text }));
        app.network.canonical(text.trim()).ok_or_else(wrong)
    };
    let mut addresses = wanted.addresses.iter().map(canonical).collect::<Answered<Vec<String>>>()?;
    addresses.dedup();
    let mut settings = app.local.settings();
    if addresses.is_empty() {
        settings.static_addresses.remove(&node.to_string());
    } else {
        settings.static_addresses.insert(node.to_string(), addresses.clone());
    }
    if settings.static_addresses.len() > STATIC_NODES_MAX {
        return Err(BAD_REQUEST.into());
    }
    let event = Event::new(app.now(), "addresses_changed").by(viewer.user);
    app.on_disk(move |local| local.set_settings(settings, event)).await?;
    app.network.keep(node, addresses).await;
    let connections = app.network.connections().await;
    Ok(axum::Json(site_shape(&app, &site, Details::Shown, &connections)))
}
