//! The control socket's rooms in the running node.

use super::Rooms;
use super::message::{OtherSite, Status};
use crate::bundle::Bundles;
use crate::http::ports::{JoinState, Pairing};
use crate::local::Local;
use crate::pairing::Pairings;
use crate::runtime::handle::Handle;
use std::sync::Arc;

impl Rooms {
    /// Over the runtime's handle.
    pub fn new(handle: Handle, local: Arc<Local>, pairing: Pairings, bundles: Bundles) -> Self {
        let reads = handle.clone();
        let administers = move |user| {
            let person = reads.read(|reader| reader.person(user));
            person.is_some_and(|person| person.active && person.admin)
        };
        let (accounts, progress) = (Arc::clone(&local), pairing.clone());
        let status = move || status(&handle, &accounts, &progress);
        Self { pairing, local, bundles: Some(bundles), administers: Arc::new(administers), status: Arc::new(status) }
    }
}

fn status(handle: &Handle, local: &Local, pairing: &Pairings) -> Status {
    let (organisation, sites) =
        handle.read(|reader| (reader.organisation().map(|organisation| organisation.name), reader.sites()));
    let accounts = local.accounts();
    let state = match (&organisation, accounts) {
        (Some(_), 0) => "joined_no_person",
        (Some(_), _) => "ready",
        (None, _) => match pairing.join_progress().state {
            JoinState::Idle | JoinState::Failed => "new",
            _ => "joining",
        },
    };
    let others = sites.iter().filter(|site| !site.own).map(|site| OtherSite {
        name: site.name.clone(),
        connected: site.nodes.iter().any(|node| node.connected),
        waiting: site.waiting,
    });
    Status {
        state: state.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        organisation,
        site: sites.iter().find(|site| site.own).map(|site| site.name.clone()),
        accounts,
        sites: others.collect(),
    }
}
