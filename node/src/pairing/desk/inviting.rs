//! Invitations at the desk: made, driven, shown, forgotten.

use super::{Change, Desk, Letter, now};
use crate::http::ports::{Invitation, PairError};
use crate::local::secret::random;
use crate::pairing::address::Wanted;
use crate::pairing::house::Admission;
use crate::pairing::shelf::{Kept, Other};
use crate::pairing::shown;
use protocol::clock::Millis;
use protocol::ids::{NodeId, TicketId, UserId};
use protocol::keys::SecretKey;
use protocol::pairing::{
    Failure, Inviter, InviterEvent, InviterRecord, InviterShown, InviterWish, OPEN_TICKETS_MAX, PairingCode, Step,
    TICKET_MS_MAX, Ticket, TicketState, admin_mark,
};
use std::sync::Arc;
use zeroize::Zeroizing;

const MINUTE_MS: u64 = 60 * 1000;

/// One invitation: the machine and what is kept with it.
pub struct Inviting {
    machine: Inviter,
    kept: Kept,
}

impl Inviting {
    /// As kept, with the node's addresses of now.
    pub fn resume(mut kept: Kept, own: &[String]) -> Self {
        kept.record.addresses = own.to_vec();
        Self { machine: Inviter::resume(kept.record.clone()), kept }
    }

    pub fn machine(&self) -> &Inviter {
        &self.machine
    }

    /// When it came to its end.
    pub fn ended(&self) -> Option<u64> {
        self.kept.ended
    }

    pub fn is_open(&self) -> bool {
        self.machine.record().state == TicketState::Open
    }

    pub fn is_claimed_by(&self, node: NodeId) -> bool {
        self.machine.claim().is_some_and(|claim| claim.node == node)
    }

    /// The admitted node that has not said yet that it joined.
    pub fn awaited(&self) -> Option<NodeId> {
        match &self.machine.record().state {
            TicketState::Confirmed(claim) => Some(claim.node),
            _ => None,
        }
    }

    /// The admission is this admin's from now on; kept with the agreement that follows.
    pub fn confirmed_by(&mut self, by: UserId) {
        if matches!(self.machine.record().state, TicketState::Claimed(_)) {
            self.kept.by = by;
        }
    }

    fn is_over(&self) -> bool {
        matches!(
            self.machine.record().state,
            TicketState::Paired(_) | TicketState::Burned(_) | TicketState::Expired(_) | TicketState::Cancelled(_)
        )
    }

    /// What is to be kept, given the machine's bytes.
    fn note(&mut self, record: InviterRecord, now: Millis) -> &Kept {
        if let Some(claim) = self.machine.claim() {
            self.kept.other = Some(Other { site: claim.site.name.clone(), node: claim.node });
        }
        self.kept.record = record;
        if self.is_over() {
            self.kept.ended.get_or_insert(now.0);
        }
        &self.kept
    }
}

impl Desk {
    pub(super) async fn invite(&mut self, by: UserId, minutes: u32) -> Result<Invitation, PairError> {
        let refused = |code| Err(shown::error(Failure { code, step: Step::Wait }));
        let (Some(organisation), Some(admin)) = (self.house.organisation(), self.house.person(by)) else {
            return refused(PairingCode::Refused);
        };
        let now = now();
        if self.lock.until(now).is_some() {
            return refused(PairingCode::Locked);
        }
        let open = self.invitations.values().filter(|inviting| !inviting.is_over() && inviting.awaited().is_none());
        if open.count() >= OPEN_TICKETS_MAX {
            return Err(PairError { code: "pair_too_many", step: "wait" });
        }
        let addresses = self.open_door(Wanted::Any).await;
        if addresses.is_empty() {
            return refused(PairingCode::Unreachable);
        }
        let life = u64::from(minutes).saturating_mul(MINUTE_MS).clamp(MINUTE_MS, TICKET_MS_MAX);
        let id = TicketId(random());
        let ticket = Ticket {
            org: organisation.id,
            organisation: organisation.name,
            site: organisation.site.clone(),
            inviter: SecretKey::from_seed(&self.settings.secret).node(),
            addresses,
            id,
            secret: Zeroizing::new(random()),
            expiry: Millis(now.0.saturating_add(life)),
            admin: admin_mark(&organisation.id, &admin),
        };
        let addresses = self.house.addresses();
        let machine =
            Inviter::open(ticket, InviterShown { nonce: random(), site: organisation.site, admin, addresses });
        let kept = Kept { record: machine.record().clone(), by, created: now.0, ended: None, other: None };
        if let Err(error) = self.shelf.keep_invitation(&kept).await {
            tracing::error!(%error, "an invitation cannot be kept");
            return refused(PairingCode::Refused);
        }
        self.invitations.insert(id, Inviting { machine, kept });
        self.publish(id);
        tracing::info!(%id, %by, minutes = life / MINUTE_MS, "an invitation is open");
        self.shown().invitation(&id).map_or_else(|| refused(PairingCode::Refused), Ok)
    }

    /// Tells an invitation what happened and carries out its wishes.
    pub(super) async fn inviter(&mut self, id: TicketId, event: InviterEvent) {
        let now = now();
        let Some(inviting) = self.invitations.get_mut(&id) else { return };
        for wish in inviting.machine.handle(now, event) {
            if !self.carry_out(id, wish, now).await {
                self.reread(id);
                break;
            }
        }
        self.publish(id);
    }

    /// Whether it could be carried out.
    async fn carry_out(&mut self, id: TicketId, wish: InviterWish, now: Millis) -> bool {
        match wish {
            InviterWish::Keep(record) => {
                let Some(inviting) = self.invitations.get_mut(&id) else { return false };
                let record = InviterRecord::from_bytes(&record).expect("a machine writes records that read back");
                let kept = inviting.note(record, now).clone();
                if let Err(error) = self.shelf.keep_invitation(&kept).await {
                    tracing::error!(%id, %error, "an invitation cannot be kept");
                    return false;
                }
            }
            InviterWish::Send { to, frame } => {
                if let Some(guest) = self.guests.values_mut().find(|guest| guest.line.peer == to) {
                    guest.line.send(frame);
                }
            }
            InviterWish::Close(peer) => {
                if let Some(guest) = self.guests.values_mut().find(|guest| guest.line.peer == peer) {
                    guest.line.close();
                }
            }
            InviterWish::Admit { node, sealing, site, ticket } => {
                let Some(by) = self.invitations.get(&id).map(|inviting| inviting.kept.by) else { return false };
                let admission = Admission { by, node, sealing, site, ticket };
                let house = Arc::clone(&self.house);
                self.beside(async move { Letter::Admitted { ticket, answer: house.admit(admission).await } });
            }
            InviterWish::Burned => {
                self.lock.burn(now);
                if let Err(error) = self.shelf.keep_lock(&self.lock).await {
                    tracing::error!(%error, "a burned invitation will be forgotten at the next start");
                }
            }
            InviterWish::Progress(step) => tracing::info!(%id, step = step.text(), "pairing goes on"),
            InviterWish::Done => tracing::info!(%id, "a site is paired"),
            InviterWish::Failed(Failure { code, step }) => {
                tracing::warn!(%id, code = code.text(), step = step.text(), "pairing failed");
            }
        }
        true
    }

    /// The machine is ahead of what is kept: back to what is kept, as after a crash.
    fn reread(&mut self, id: TicketId) {
        match self.shelf.invitation(&id) {
            Ok(Some(kept)) => {
                let own = self.house.addresses();
                self.invitations.insert(id, Inviting::resume(kept, &own));
            }
            Ok(None) => {
                self.invitations.remove(&id);
            }
            Err(error) => {
                tracing::error!(%id, %error, "an invitation does not read back");
                self.invitations.remove(&id);
            }
        }
        self.guests.clear();
    }

    /// The admitted node will be met on the organisation's network.
    pub(super) async fn hint_joiner(&self, id: TicketId) {
        if let Some(claim) = self.invitations.get(&id).and_then(|inviting| inviting.machine.claim()) {
            self.house.hint(claim.node, claim.addresses.clone()).await;
        }
    }

    pub(super) async fn forget(&mut self, id: TicketId) {
        match self.shelf.forget_invitation(id).await {
            Ok(()) => {
                self.invitations.remove(&id);
                self.shown().forget_invitation(&id);
                let _ = self.changes.send(Change::Invitation(id));
            }
            Err(error) => tracing::warn!(%id, %error, "an old invitation cannot be forgotten"),
        }
    }

    fn publish(&self, id: TicketId) {
        let Some(inviting) = self.invitations.get(&id) else {
            return self.shown().forget_invitation(&id);
        };
        let invitation = shown::invitation(&inviting.machine, &inviting.kept, now());
        if self.shown().set_invitation(inviting.kept.created, invitation) {
            let _ = self.changes.send(Change::Invitation(id));
        }
    }
}
