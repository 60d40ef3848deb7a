//! This node's own joining at the desk.

use super::{Change, Desk, Letter, now};
use crate::http::ports::JoinProgress;
use crate::local::secret::random;
use crate::pairing::line::{Line, LineId};
use crate::pairing::shown;
use archipel_net::{PairConnection, PeerKey, pair_dial};
use protocol::ids::SiteId;
use protocol::keys::SecretKey;
use protocol::pairing::{
    Failure, Joiner, JoinerEvent, JoinerRecord, JoinerState, JoinerWish, Newcomer, PairingCode, SiteProposal, Ticket,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Calls before a site counts as not reachable; each may take half a minute, and a person waits for it.
const CALLS_MAX: u32 = 2;
/// The first pause between calls …
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// … and the longest (ruling B5).
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// One attempt to join.
pub struct Joining {
    machine: Joiner,
    line: Option<(LineId, Line)>,
    call: Option<JoinHandle<()>>,
    /// Numbers the calls, so that the answer of an old one is not taken for the new one's.
    attempt: u64,
    /// Calls and lost connections since something last came of it.
    setbacks: u32,
}

impl Joining {
    /// As kept, with the node's addresses of now.
    pub fn resume(record: JoinerRecord, own: &[String]) -> Self {
        Self::begin(Joiner::resume(JoinerRecord { addresses: own.to_vec(), ..record }))
    }

    fn begin(machine: Joiner) -> Self {
        Self { machine, line: None, call: None, attempt: 0, setbacks: 0 }
    }

    fn is_under_way(&self) -> bool {
        matches!(self.machine.record().state, JoinerState::Asking | JoinerState::Agreed { .. } | JoinerState::Joined)
    }
}

impl Drop for Joining {
    fn drop(&mut self) {
        if let Some(call) = &self.call {
            call.abort();
        }
    }
}

impl Desk {
    pub(super) async fn begin_join(&mut self, invitation: &str, site: String, company: String) -> JoinProgress {
        // What is under way is not disturbed by a second click; to use another invitation one gives up first.
        if self.joining.as_ref().is_some_and(Joining::is_under_way) {
            return self.shown().join();
        }
        if self.house.organisation().is_some() {
            return self.refuse_join(PairingCode::Already);
        }
        let ticket = match Ticket::parse(invitation) {
            Ok(ticket) => ticket,
            Err(error) => {
                tracing::warn!(%error, "an invitation does not read");
                return self.refuse_join(PairingCode::WrongCode);
            }
        };
        let proposal =
            SiteProposal { site: SiteId(random()), name: site.trim().into(), company: company.trim().into() };
        if !proposal.is_fit() {
            return self.refuse_join(PairingCode::Refused);
        }
        let before = self.shelf.join().ok().flatten();
        let machine = match before.filter(|record| record.ticket == ticket && may_go_on(record)) {
            Some(record) => Joiner::again(record),
            None => {
                let node = SecretKey::from_seed(&self.settings.secret).node();
                let addresses = self.house.addresses();
                let newcomer = Newcomer { node, sealing: self.settings.sealing, site: proposal, addresses };
                Joiner::new(ticket, newcomer, random())
            }
        };
        self.joining = Some(Joining::begin(machine));
        self.joiner(JoinerEvent::Start).await;
        self.shown().join()
    }

    /// Gives up what is under way, or clears what failed.
    pub(super) async fn give_up_join(&mut self) {
        self.joiner(JoinerEvent::Cancel).await;
        let joined =
            |joining: &Joining| matches!(joining.machine.record().state, JoinerState::Joined | JoinerState::Paired);
        if !self.joining.as_ref().is_some_and(|joining| joined(joining) || joining.is_under_way()) {
            self.joining = None;
            self.publish_join();
        }
    }

    fn refuse_join(&mut self, code: PairingCode) -> JoinProgress {
        self.joining = None;
        let progress = shown::refused(code);
        if self.shown().set_join(progress.clone()) {
            let _ = self.changes.send(Change::Join);
        }
        progress
    }

    pub(super) async fn resume_join(&mut self) {
        let Some(joining) = &self.joining else { return };
        let record = joining.machine.record();
        let asks = matches!(record.state, JoinerState::Asking | JoinerState::Agreed { .. });
        // The node may have been stopped between the engine's commit and ours.
        if let Some(organisation) = self.house.organisation().filter(|_| asks) {
            self.hint_inviter().await;
            self.joiner(JoinerEvent::Joined { org: organisation.id }).await;
        }
        self.joiner(JoinerEvent::Start).await;
    }

    /// What came of a call.
    pub(super) async fn dialled(&mut self, attempt: u64, connection: Option<PairConnection>) {
        let id = self.next_line();
        let Some(joining) = self.joining.as_mut().filter(|joining| joining.attempt == attempt) else { return };
        joining.call = None;
        let Some(connection) = connection else { return self.joiner(JoinerEvent::Unreachable).await };
        let line = Line::open(id, connection, self.letters.clone());
        let peer = line.peer;
        joining.line = Some((id, line));
        self.joiner(JoinerEvent::Connected { peer }).await;
    }

    /// Something on the line to the inviter, if it is still the one.
    pub(super) async fn join_line(&mut self, line: LineId, event: JoinerEvent) {
        let Some(joining) = self.joining.as_mut() else { return };
        if joining.line.as_ref().is_none_or(|(id, _)| *id != line) {
            return;
        }
        match event {
            JoinerEvent::Disconnected => {
                joining.line = None;
                joining.setbacks += 1;
            }
            _ => joining.setbacks = 0,
        }
        self.joiner(event).await;
    }

    pub(super) async fn join_answered(&mut self, answer: Result<(), PairingCode>) {
        let Some(joining) = &self.joining else { return };
        let org = joining.machine.record().ticket.org;
        let event = match answer {
            Ok(()) => {
                self.hint_inviter().await;
                JoinerEvent::Joined { org }
            }
            Err(code) => JoinerEvent::NotJoined { code },
        };
        self.joiner(event).await;
    }

    /// The inviter will be met on the organisation's network.
    async fn hint_inviter(&self) {
        let Some(record) = self.joining.as_ref().map(|joining| joining.machine.record()) else { return };
        if let Some(shown) = &record.inviter {
            self.house.hint(record.ticket.inviter, shown.addresses.clone()).await;
        }
    }

    /// Tells the joiner what happened and carries out its wishes.
    pub(super) async fn joiner(&mut self, event: JoinerEvent) {
        let Some(joining) = &mut self.joining else { return };
        for wish in joining.machine.handle(now(), event) {
            if !self.carry_out_join(wish).await {
                // The machine is ahead of what is kept: back to what is kept, as after a crash.
                let own = self.house.addresses();
                self.joining = self.shelf.join().ok().flatten().map(|record| Joining::resume(record, &own));
                break;
            }
        }
        self.publish_join();
    }

    async fn carry_out_join(&mut self, wish: JoinerWish) -> bool {
        let Some(joining) = &mut self.joining else { return false };
        match wish {
            JoinerWish::Keep(record) => {
                if let Err(error) = self.shelf.keep_join(record).await {
                    tracing::error!(%error, "joining cannot be kept");
                    return false;
                }
            }
            JoinerWish::Dial => self.call(),
            JoinerWish::Send(frame) => {
                if let Some((_, line)) = &mut joining.line {
                    line.send(frame);
                }
            }
            JoinerWish::Close => {
                if let Some((_, line)) = &mut joining.line {
                    line.close();
                }
                if let Some(call) = joining.call.take() {
                    call.abort();
                }
            }
            JoinerWish::Join { org, welcome } => {
                let house = Arc::clone(&self.house);
                self.beside(async move { Letter::Joined { answer: house.join(org, welcome).await } });
            }
            JoinerWish::Progress(step) => tracing::info!(step = step.text(), "joining goes on"),
            JoinerWish::Done => tracing::info!("this site has joined"),
            JoinerWish::Failed(Failure { code, step }) => {
                tracing::warn!(code = code.text(), step = step.text(), "joining failed");
            }
        }
        true
    }

    fn call(&mut self) {
        let Some(joining) = &mut self.joining else { return };
        joining.attempt += 1;
        let attempt = joining.attempt;
        let ticket = &joining.machine.record().ticket;
        let (peer, addresses) = (PeerKey(ticket.inviter.0), ticket.addresses.clone());
        let secret = self.settings.secret.clone();
        let setbacks = joining.setbacks;
        joining.setbacks += 1;
        let work = async move {
            tokio::time::sleep(pause(setbacks)).await;
            for call in 0..CALLS_MAX {
                match pair_dial(&secret, peer, &addresses).await {
                    Ok(line) => return Letter::Dialled { attempt, line: Some(line) },
                    Err(error) => tracing::info!(%error, ?addresses, "the inviting site does not answer"),
                }
                if call + 1 < CALLS_MAX {
                    tokio::time::sleep(pause(call + 1)).await;
                }
            }
            Letter::Dialled { attempt, line: None }
        };
        let call = self.beside(work);
        if let Some(joining) = &mut self.joining
            && let Some(older) = joining.call.replace(call)
        {
            older.abort();
        }
    }

    fn publish_join(&self) {
        let progress = self.joining.as_ref().map_or_else(shown::idle, |joining| shown::join(&joining.machine));
        if self.shown().set_join(progress) {
            let _ = self.changes.send(Change::Join);
        }
    }
}

/// None before the first call, then doubling.
fn pause(setbacks: u32) -> Duration {
    match setbacks {
        0 => Duration::ZERO,
        more => PAUSE_FIRST.saturating_mul(1 << (more - 1).min(10)).min(PAUSE_MAX),
    }
}

/// Whether entering the same invitation again can still come to something: what was shown to the other side must then
/// stay as it was.
fn may_go_on(record: &JoinerRecord) -> bool {
    let lost = match &record.state {
        JoinerState::Cancelled => true,
        JoinerState::Failed(failure) => {
            matches!(
                failure.code,
                PairingCode::Unreachable | PairingCode::Expired | PairingCode::Refused | PairingCode::Clock
            )
        }
        _ => false,
    };
    lost && record.commitment.is_some()
}
