//! A house for tests: the rest of a node, pretended, with an organisation that may be there or not.

use super::{Admission, House, Organisation};
use futures::future::BoxFuture;
use protocol::ids::{NodeId, OrgId, UserId};
use protocol::pairing::PairingCode;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// The only person.
pub(crate) const ANN: UserId = UserId([1; 16]);
/// The only organisation.
pub(crate) const ORG: OrgId = OrgId([2; 32]);

/// The rest of a node, pretended; it outlives restarts of the pairing room as an engine's store would.
#[derive(Default)]
pub(crate) struct Pretended {
    pub organisation: Mutex<Option<Organisation>>,
    pub admitted: Mutex<Vec<Admission>>,
    pub hints: Mutex<BTreeMap<NodeId, Vec<String>>>,
}

impl House for Pretended {
    fn organisation(&self) -> Option<Organisation> {
        self.organisation.lock().unwrap().clone()
    }

    fn person(&self, user: UserId) -> Option<String> {
        (user == ANN).then(|| "Ann Archer".to_owned())
    }

    fn admit(&self, admission: Admission) -> BoxFuture<'_, Result<Vec<u8>, PairingCode>> {
        let mut admitted = self.admitted.lock().unwrap();
        if !admitted.contains(&admission) {
            admitted.push(admission);
        }
        Box::pin(async { Ok(b"what the organisation knows".to_vec()) })
    }

    fn join(&self, org: OrgId, welcome: Vec<u8>) -> BoxFuture<'_, Result<(), PairingCode>> {
        assert_eq!(welcome, b"what the organisation knows");
        let joined = Organisation { id: org, name: "Four Winds".into(), site: "Brest".into() };
        *self.organisation.lock().unwrap() = Some(joined);
        Box::pin(async { Ok(()) })
    }

    fn addresses(&self) -> Vec<String> {
        vec!["/ip4/10.1.2.3/tcp/7301".into()]
    }

    fn hint(&self, node: NodeId, addresses: Vec<String>) -> BoxFuture<'_, ()> {
        self.hints.lock().unwrap().insert(node, addresses);
        Box::pin(async {})
    }

    fn is_connected(&self, _: NodeId) -> bool {
        false
    }
}

impl Pretended {
    /// One that belongs to the organisation.
    pub fn founded() -> Self {
        let organisation = Organisation { id: ORG, name: "Four Winds".into(), site: "Lyon".into() };
        Self { organisation: Mutex::new(Some(organisation)), ..Self::default() }
    }
}
