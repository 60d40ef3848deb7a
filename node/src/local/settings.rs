//! Settings of this site that are nobody else's business.

use super::audit::Event;
use super::table::Table;
use super::{Local, LocalError};
use serde::{Deserialize, Serialize};

/// Exact origins that feeds may use though not public.
pub const FEED_ORIGINS_MAX: usize = 50;

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Exact origins (`https://intranet.example`) that feeds may use though their addresses are not public.
    pub feed_origins: Vec<String>,
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
