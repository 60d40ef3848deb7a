//! The house as it is: pairing's verbs through the runtime's handle.

use super::house::{Admission, House, Organisation};
use crate::runtime::handle::{Busy, Handle};
use archipel_net::address_parts;
use futures::future::BoxFuture;
use protocol::engine::effect::{Answer, Refusal};
use protocol::engine::input::Command;
use protocol::ids::{NodeId, OrgId, RequestId, UserId};
use protocol::pairing::PairingCode;
use std::sync::Arc;
use std::time::Duration;

/// The pause when the engine has too much to do; what was agreed must not fail for that.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// Pairing's house in the running node.
#[derive(Clone)]
pub struct RuntimeHouse {
    handle: Handle,
    addresses: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
}

impl RuntimeHouse {
    /// Over a handle; `addresses` tells where the network room listens for members now.
    pub fn new(handle: Handle, addresses: impl Fn() -> Vec<String> + Send + Sync + 'static) -> Self {
        Self { handle, addresses: Arc::new(addresses) }
    }

    /// Asks until there is an answer. A stopping node asks in vain; the pairing goes on at its next start.
    async fn ask(&self, actor: Option<UserId>, request: RequestId, command: Command) -> Answer {
        loop {
            match self.handle.ask(actor, request, command.clone()).await {
                Ok(answer) => return answer,
                Err(Busy::Full | Busy::ReadOnly) => tokio::time::sleep(BUSY_PAUSE).await,
                Err(Busy::Stopping) => std::future::pending().await,
            }
        }
    }
}

impl House for RuntimeHouse {
    fn organisation(&self) -> Option<Organisation> {
        self.handle.read(|reader| {
            let organisation = reader.organisation()?;
            let site = reader.sites().into_iter().find(|site| site.id == organisation.site)?.name;
            Some(Organisation { id: organisation.id, name: organisation.name, site })
        })
    }

    fn person(&self, user: UserId) -> Option<String> {
        self.handle.read(|reader| reader.person(user)).filter(|person| person.active).map(|person| person.name)
    }

    fn admit(&self, admission: Admission) -> BoxFuture<'_, Result<Vec<u8>, PairingCode>> {
        Box::pin(async move {
            let Admission { by, node, sealing, site, ticket } = admission;
            let command = Command::AdmitNode {
                node,
                sealing,
                site: site.site,
                site_name: Some(site.name),
                company: site.company,
                ticket,
            };
            // The invitation names the request: a repetition after a crash gets the first answer.
            match self.ask(Some(by), RequestId(ticket.0), command).await {
                Answer::Done { .. } | Answer::Nothing | Answer::Refused(Refusal::AlreadyThere) => {
                    self.handle.welcome().ok_or(PairingCode::Refused)
                }
                Answer::Refused(refusal) => {
                    tracing::warn!(%ticket, reason = refusal.code(), "a paired node may not be admitted");
                    Err(PairingCode::Refused)
                }
            }
        })
    }

    fn join(&self, org: OrgId, welcome: Vec<u8>) -> BoxFuture<'_, Result<(), PairingCode>> {
        Box::pin(async move {
            if organisation_of(&welcome) != Some(org) {
                return Err(PairingCode::OtherOrganisation);
            }
            let request = RequestId(crate::local::secret::random());
            match self.ask(None, request, Command::JoinOrganisation { welcome }).await {
                Answer::Done { .. } | Answer::Nothing => Ok(()),
                Answer::Refused(Refusal::AlreadySetUp) => match self.organisation() {
                    Some(joined) if joined.id == org => Ok(()),
                    _ => Err(PairingCode::Already),
                },
                Answer::Refused(refusal) => {
                    tracing::warn!(reason = refusal.code(), "what the inviting site handed over is not valid");
                    Err(PairingCode::Refused)
                }
            }
        })
    }

    fn addresses(&self) -> Vec<String> {
        let mut addresses = (self.addresses)();
        // Before this node listens, a port that the system will choose is no address yet.
        addresses.retain(|text| address_parts(text).is_ok_and(|(_, port, _)| port != 0));
        addresses
    }

    fn hint(&self, node: NodeId, addresses: Vec<String>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if !addresses.is_empty() {
                self.handle.address_hint(node, addresses).await;
            }
        })
    }

    fn is_connected(&self, node: NodeId) -> bool {
        let sites = self.handle.read(|reader| reader.sites());
        sites.iter().flat_map(|site| &site.nodes).any(|known| known.id == node && known.connected)
    }
}

/// The organisation that a welcome names; the engine proves that its constitution is that organisation's.
fn organisation_of(welcome: &[u8]) -> Option<OrgId> {
    let mut decoder = minicbor::Decoder::new(welcome);
    decoder.array().ok()?;
    decoder.decode().ok()
}
