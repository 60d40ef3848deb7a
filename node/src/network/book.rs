//! Where the other nodes were found last. Kept beside the index: that may be lost or fall back to an earlier state in a
//! crash, and a node that nobody can dial would then never find the others again.

use crate::local::table::FOREIGN_TABLES_FROM;
use archipel_storage::kvlog::{Batch, KvError, KvLog};
use protocol::ids::NodeId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Node → its addresses as JSON. Rooms take tables in steps of eight.
const ADDRESSES: u8 = FOREIGN_TABLES_FROM + 16;

/// The rows. Cheap to clone; writing blocks on the disk.
#[derive(Debug, Clone)]
pub struct Book(pub Arc<KvLog>);

impl Book {
    /// Everything. A row that does not read back counts as absent.
    pub fn all(&self) -> BTreeMap<NodeId, Vec<String>> {
        let rows = self.0.prefix(ADDRESSES, &[], None, usize::MAX);
        let read =
            |(key, value): (Vec<u8>, Vec<u8>)| Some((NodeId::from_slice(&key)?, serde_json::from_slice(&value).ok()?));
        rows.into_iter().filter_map(read).collect()
    }

    /// Whether it says exactly this.
    pub fn says(&self, node: &NodeId, addresses: &[String]) -> bool {
        self.0.get(ADDRESSES, &node.0) == Some(row(addresses))
    }

    /// Notes where a node is.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn note(&self, node: &NodeId, addresses: &[String]) -> Result<(), KvError> {
        self.0.apply(Batch::new().put(ADDRESSES, &node.0, &row(addresses)))
    }

    /// Forgets a node.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn forget(&self, node: &NodeId) -> Result<(), KvError> {
        let mut batch = Batch::new();
        batch.add_delete(ADDRESSES, &node.0);
        self.0.apply(batch)
    }
}

fn row(addresses: &[String]) -> Vec<u8> {
    serde_json::to_vec(addresses).expect("a list of texts is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::for_test;

    #[test]
    fn a_node_is_found_where_it_was_noted_last() {
        let (_folder, rows, _local) = for_test();
        let (book, node) = (Book(rows), NodeId([7; 32]));
        assert!(book.all().is_empty());
        book.note(&node, &["/ip4/10.0.0.1/tcp/7301".into()]).unwrap();
        book.note(&node, &["/ip4/10.0.0.2/tcp/7301".into()]).unwrap();
        assert_eq!(book.all()[&node], ["/ip4/10.0.0.2/tcp/7301"]);
        assert!(book.says(&node, &["/ip4/10.0.0.2/tcp/7301".into()]));
        book.forget(&node).unwrap();
        assert!(book.all().is_empty());
    }
}
