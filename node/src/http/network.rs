//! The sites of the organisation: who is connected, since when, and what waits for whom.

use super::App;
use super::auth::Viewer;
use super::error::{Answered, NOT_FOUND, NOT_SET_UP};
use super::ports::Via;
use super::reach::via_word;
use super::shape::text::{fingerprint, name, time};
use axum::extract::State;
use protocol::clock::Millis;
use protocol::control::registry::NodeStatus;
use protocol::engine::query;
use protocol::ids::NodeId;
use protocol::sync::plan::Progress;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A site's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SiteState {
    /// This one.
    #[serde(rename = "self")]
    Own,
    /// A connection stands.
    Connected,
    /// None stands.
    Away,
    /// None has stood since this node started.
    Never,
}

/// Whether a node belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// It does.
    Member,
    /// It gets nothing but the lifeline.
    Suspended,
    /// It is out for ever.
    Revoked,
}

impl From<NodeStatus> for NodeState {
    fn from(status: NodeStatus) -> Self {
        match status {
            NodeStatus::Admitted => Self::Member,
            NodeStatus::Suspended => Self::Suspended,
            NodeStatus::Revoked => Self::Revoked,
        }
    }
}

/// A node of a site.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeShape {
    id: String,
    fingerprint: String,
    /// Whether it belongs.
    state: NodeState,
    /// For administrators; others see none.
    addresses: Vec<String>,
    /// Of those, what is kept at this site.
    #[serde(rename = "static")]
    kept: Vec<String>,
    /// `direct` or `relay`; null while not connected.
    via: Option<&'static str>,
}

/// A site.
#[derive(Debug, Serialize, ToSchema)]
pub struct SiteShape {
    id: String,
    name: String,
    company: String,
    #[serde(rename = "self")]
    own: bool,
    state: SiteState,
    /// Connected or away since.
    since: Option<String>,
    /// The last time both sides compared equal.
    up_to_date: Option<String>,
    /// Own entries that this site has not confirmed.
    waiting: u64,
    /// While entries that it holds are missing here.
    progress: Option<ProgressShape>,
    nodes: Vec<NodeShape>,
    people: usize,
    /// None of its nodes is served.
    suspended: bool,
    /// All its nodes are out for ever.
    removed: bool,
}

/// All sites.
#[derive(Debug, Serialize, ToSchema)]
pub struct NetworkShape {
    #[serde(rename = "self")]
    own: SiteShape,
    sites: Vec<SiteShape>,
    /// While entries of any site are missing here.
    catching_up: Option<CatchingUp>,
}

/// Entries that are here, of those known to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProgressShape {
    have: u64,
    of: u64,
}

impl From<Progress> for ProgressShape {
    fn from(Progress { have, of }: Progress) -> Self {
        Self { have, of }
    }
}

/// How far catching up has got in all.
#[derive(Debug, Serialize, ToSchema)]
pub struct CatchingUp {
    have: u64,
    of: u64,
    groups: usize,
}

/// A site's connection: that of its best node.
pub fn state_of(site: &query::SiteView) -> SiteState {
    let known = |node: &query::NodeView| node.since.is_some() || node.up_to_date.is_some();
    match site {
        site if site.own => SiteState::Own,
        site if site.nodes.iter().any(|node| node.connected) => SiteState::Connected,
        site if site.nodes.iter().any(known) => SiteState::Away,
        _ => SiteState::Never,
    }
}

/// Connected since the first of its standing connections; away since the last one went.
fn since(site: &query::SiteView) -> Option<Millis> {
    let standing = site.nodes.iter().filter(|node| node.connected).filter_map(|node| node.since).min();
    standing.or_else(|| site.nodes.iter().filter_map(|node| node.since).max())
}

#[utoipa::path(get, path = "/network", tag = "network", operation_id = "network_read",
    responses((status = 200, body = NetworkShape)))]
pub(super) async fn read(State(app): State<App>, viewer: Viewer) -> Answered<axum::Json<NetworkShape>> {
    let details = if viewer.require_site_admin(&app).is_ok() { Details::Shown } else { Details::Hidden };
    let connections = app.network.connections().await;
    let shape = |site: query::SiteView| site_shape(&app, &site, details, &connections);
    let (own, others): (Vec<_>, Vec<_>) =
        app.handle.read(|reader| reader.sites()).into_iter().partition(|site| site.own);
    let own = own.into_iter().next().ok_or(NOT_SET_UP)?;
    let catching_up = app.handle.read(|reader| reader.catching_up());
    let catching_up = catching_up.map(|(Progress { have, of }, groups)| CatchingUp { have, of, groups });
    Ok(axum::Json(NetworkShape { own: shape(own), sites: others.into_iter().map(shape).collect(), catching_up }))
}

/// Whether addresses are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Details {
    /// To administrators.
    Shown,
    /// To everybody else.
    Hidden,
}

/// A site as it is shown.
pub(super) fn site_shape(
    app: &App,
    site: &query::SiteView,
    details: Details,
    connections: &BTreeMap<NodeId, Via>,
) -> SiteShape {
    let kept = app.local.settings().static_addresses;
    let node = |node: &query::NodeView| NodeShape {
        id: node.id.to_string(),
        fingerprint: fingerprint(node.id),
        state: node.state.into(),
        addresses: if details == Details::Shown { app.network.addresses(node.id) } else { Vec::new() },
        kept: kept.get(&node.id.to_string()).filter(|_| details == Details::Shown).cloned().unwrap_or_default(),
        via: connections.get(&node.id).map(|via| via_word(*via)),
    };
    SiteShape {
        id: site.id.to_string(),
        name: name(&site.name),
        company: name(&site.company),
        own: site.own,
        state: state_of(site),
        since: since(site).filter(|_| !site.own).map(time),
        up_to_date: site.nodes.iter().filter_map(|node| node.up_to_date).max().map(time),
        waiting: site.waiting,
        progress: site.progress.map(ProgressShape::from),
        nodes: site.nodes.iter().map(node).collect(),
        people: site.people,
        suspended: site.suspended,
        removed: site.removed,
    }
}

/// The site of a node, as after a change of it.
pub(super) async fn site_with(app: &App, node: NodeId) -> Answered<axum::Json<SiteShape>> {
    let connections = app.network.connections().await;
    let sites = app.handle.read(|reader| reader.sites());
    let found = sites.into_iter().find(|site| site.nodes.iter().any(|known| known.id == node)).ok_or(NOT_FOUND)?;
    Ok(axum::Json(site_shape(app, &found, Details::Shown, &connections)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ids::SiteId;

    fn site(nodes: Vec<query::NodeView>) -> query::SiteView {
        let id = SiteId([1; 16]);
        let (name, company) = (String::new(), String::new());
        let (suspended, removed) = (false, false);
        query::SiteView {
            id,
            name,
            company,
            own: false,
            nodes,
            people: 0,
            waiting: 0,
            suspended,
            removed,
            progress: None,
        }
    }

    fn node(connected: bool, since: Option<u64>) -> query::NodeView {
        let state = NodeStatus::Admitted;
        query::NodeView { id: NodeId([1; 32]), state, connected, since: since.map(Millis), up_to_date: None }
    }

    #[test]
    fn one_standing_connection_makes_a_site_connected() {
        let both = site(vec![node(false, Some(9)), node(true, Some(5))]);
        assert_eq!((state_of(&both), since(&both)), (SiteState::Connected, Some(Millis(5))));
        let away = site(vec![node(false, Some(9)), node(false, Some(5))]);
        assert_eq!((state_of(&away), since(&away)), (SiteState::Away, Some(Millis(9))));
        let never = site(vec![node(false, None)]);
        assert_eq!((state_of(&never), since(&never)), (SiteState::Never, None));
    }
}
