//! Which nodes keep a larger file of the file space: the one where it was put in, and two more of the group's, found by
//! everybody in the same way (§1.12). The others fetch it when somebody wants it.

use crate::engine::view::View;
use crate::ids::{BlobId, GroupId, NodeId};
use crate::keys::{Purpose, derive};
use crate::limits::{CUSTODIANS_BESIDE, KEPT_EVERYWHERE_BYTES_MAX};

impl View {
    /// The nodes of a group's sites that keep a file, as the group stands now.
    pub(crate) fn custodians(&self, group: &GroupId, blob: &BlobId, size: u64, from: &NodeId) -> Vec<NodeId> {
        let (Some(org), Some(state)) = (self.org_state(), self.group_state(group)) else { return Vec::new() };
        let of_group = |node: &NodeId| org.site_of_node(node).is_some_and(|site| state.sites().contains(&site));
        let mut nodes: Vec<NodeId> =
            org.connectable().filter(of_group).filter(|node| !org.is_suspended(node)).collect();
        if size <= KEPT_EVERYWHERE_BYTES_MAX {
            return nodes;
        }
        nodes.retain(|node| node != from);
        nodes.sort_by_cached_key(|node| derive(Purpose::Custody, &[&blob.0, &node.0]));
        nodes.truncate(CUSTODIANS_BESIDE);
        nodes.push(*from);
        nodes
    }
}
