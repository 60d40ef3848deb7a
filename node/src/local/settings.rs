//! Settings of this site that are nobody else's business.

use super::audit::Event;
use super::table::Table;
use super::{Local, LocalError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Exact origins that feeds may use though not public.
pub const FEED_ORIGINS_MAX: usize = 50;

/// Addresses kept of one node: a few networks, two transports each.
pub const STATIC_ADDRESSES_MAX: usize = 8;
/// Nodes of which addresses are kept: far more than sites that nobody finds otherwise.
pub const STATIC_NODES_MAX: usize = 256;

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Exact origins (`https://intranet.example`) that feeds may use though their addresses are not public.
    pub feed_origins: Vec<String>,
    /// Addresses at which nodes are dialled beside those that they state themselves, by node id.
    pub static_addresses: BTreeMap<String, Vec<String>>,
}

impl Local {
    /// The settings now.
    pub fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    /// Replaces the settings.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn set_settings(&self, settings: Settings, event: Event) -> Result<(), LocalError> {
        let mut writer = self.writer();
        writer.put(Table::Settings, &[], &settings)?;
        writer.note(event)?;
        writer.commit()?;
        self.state_mut().settings = settings;
        Ok(())
    }
}
