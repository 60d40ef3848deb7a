//! For how many days this site keeps words and files: a setting of its own.

use super::audit::Event;
use super::table::Table;
use super::{Local, LocalError, read_one};
use protocol::engine::input::SiteKeeps;
use protocol::ids::GroupId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The row's key among the settings.
const KEY: &[u8] = b"keeping";

/// The stored form.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Row {
    everywhere: Option<u32>,
    groups: BTreeMap<String, Option<u32>>,
}

impl Local {
    /// The setting now.
    pub fn keeping(&self) -> SiteKeeps {
        let row: Row = read_one(&self.rows, Table::Settings, KEY).ok().flatten().unwrap_or_default();
        let groups = row.groups.iter().filter_map(|(group, days)| Some((group.parse::<GroupId>().ok()?, *days)));
        SiteKeeps { everywhere: row.everywhere, groups: groups.collect() }
    }

    /// Replaces the setting.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn set_keeping(&self, keeps: &SiteKeeps, event: Event) -> Result<(), LocalError> {
        let groups = keeps.groups.iter().map(|(group, days)| (group.to_string(), *days)).collect();
        let mut writer = self.writer();
        writer.put(Table::Settings, KEY, &Row { everywhere: keeps.everywhere, groups })?;
        writer.note(event)?;
        writer.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::for_test;

    #[test]
    fn the_setting_reads_back() {
        let (_folder, _, local) = for_test();
        assert_eq!(local.keeping(), SiteKeeps::default());
        let groups = BTreeMap::from([(GroupId([1; 32]), Some(30)), (GroupId([2; 32]), None)]);
        let keeps = SiteKeeps { everywhere: Some(365), groups };
        local.set_keeping(&keeps, Event::new(1, "keeping_changed")).unwrap();
        assert_eq!(local.keeping(), keeps);
        assert_eq!(local.settings(), crate::local::settings::Settings::default());
    }
}
