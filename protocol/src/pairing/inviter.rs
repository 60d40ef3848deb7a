//! The inviting side of one invitation.
//!
//! The machine answers from what it keeps and from the frame alone: a joiner that lost its connection, or a side that
//! was restarted, begins again at `Hello` and comes to the same point with the same digits.

use super::frame::clocks_agree;
use super::record::{Claim, InviterRecord, TicketState};
use super::transcript::{Proofs, Side, Transcript, commit};
use super::{
    COMPARE_MS_MIN, Digits, Failure, Frame, HANDOVER_MS_MAX, InviterShown, Match, Nonce, PART_BYTES_MAX, PairingCode,
    SiteProposal, Step, Ticket, usable,
};
use crate::clock::Millis;
use crate::ids::{NodeId, TicketId};
use crate::keys::same;

/// What can happen to an invitation.
#[derive(Debug, Clone)]
pub enum InviterEvent {
    /// The site was restarted; the machine was made from its record.
    Resumed,
    /// A frame from a node whose identity the transport proved.
    Frame {
        /// Who sent it.
        peer: NodeId,
        /// As received.
        bytes: Vec<u8>,
    },
    /// An admin compared the digits.
    Confirm(Match),
    /// The admission is written; this is what the organisation hands over.
    Admitted {
        /// Opaque here.
        welcome: Vec<u8>,
    },
    /// The admission may not be written.
    NotAdmitted {
        /// Why.
        code: PairingCode,
    },
    /// This node was met on the organisation's own network: whoever is admitted and comes there has joined.
    Met(NodeId),
    /// An admin takes the invitation back.
    Cancel,
    /// Time passed.
    Tick,
}

/// What the invitation wants done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InviterWish {
    /// Keep these bytes durably before the wishes that follow.
    Keep(Vec<u8>),
    /// Send a frame, if that node is connected; otherwise drop it, for the node asks again.
    Send {
        /// To whom.
        to: NodeId,
        /// The frame.
        frame: Vec<u8>,
    },
    /// End the connection to that node once what was sent has left.
    Close(NodeId),
    /// Write the admission; answered by `Admitted` or `NotAdmitted`. May be wished again after a restart: admitting
    /// the same node by the same invitation twice must count as done.
    Admit {
        /// The node.
        node: NodeId,
        /// Its X25519 key.
        sealing: [u8; 32],
        /// Its site.
        site: SiteProposal,
        /// The invitation.
        ticket: TicketId,
    },
    /// A step begins.
    Progress(Step),
    /// The invitation was burned: count it in the [`super::PairingLock`].
    Burned,
    /// Both sides are paired.
    Done,
    /// It came to nothing.
    Failed(Failure),
}

/// The inviting side.
#[derive(Debug)]
pub struct Inviter {
    record: InviterRecord,
    /// Somebody asked with this invitation since the start.
    called: bool,
    /// At hand once the engine has admitted since the start.
    welcome: Option<Vec<u8>>,
}

impl Inviter {
    /// A new invitation, by an inviter that says this of itself. The nonce in it is random and serves this invitation
    /// only; keep the record before showing the text.
    pub fn open(ticket: Ticket, shown: InviterShown) -> Self {
        let InviterShown { nonce, site, admin, addresses } = shown;
        let addresses = usable(addresses);
        Self::resume(InviterRecord { ticket: ticket.fit(), site, admin, nonce, state: TicketState::Open, addresses })
    }

    /// An invitation as it was kept. Tell it [`InviterEvent::Resumed`].
    pub fn resume(record: InviterRecord) -> Self {
        Self { record, called: false, welcome: None }
    }

    /// What is to be kept now.
    pub fn record(&self) -> &InviterRecord {
        &self.record
    }

    /// The step that is under way.
    pub fn step(&self) -> Step {
        match &self.record.state {
            TicketState::Open if self.called => Step::Reach,
            TicketState::Open => Step::Wait,
            TicketState::Claimed(claim) if claim.nonce.is_none() => Step::Prove,
            TicketState::Claimed(_) => Step::Compare,
            TicketState::Confirmed(_) if self.welcome.is_none() => Step::Admit,
            TicketState::Confirmed(_) | TicketState::Paired(_) => Step::Send,
            TicketState::Burned(failure) | TicketState::Expired(failure) | TicketState::Cancelled(Some(failure)) => {
                failure.step
            }
            TicketState::Cancelled(None) => Step::Wait,
        }
    }

    /// The node that claimed the invitation, unless it came to nothing.
    pub fn claim(&self) -> Option<&Claim> {
        match &self.record.state {
            TicketState::Claimed(claim) | TicketState::Confirmed(claim) | TicketState::Paired(claim) => Some(claim),
            _ => None,
        }
    }

    /// The digits to show while people compare.
    pub fn digits(&self) -> Option<Digits> {
        let claim = self.claim()?;
        Some(self.proofs(claim).digits(&self.record.nonce, &claim.nonce?))
    }

    /// Whether the pairing swarm must be open for this invitation.
    pub fn listens(&self, now: Millis) -> bool {
        match &self.record.state {
            TicketState::Open => now <= self.record.ticket.expiry,
            TicketState::Claimed(claim) => now.0 <= claim.until,
            TicketState::Confirmed(claim) => now.0 <= claim.until.saturating_add(HANDOVER_MS_MAX),
            _ => false,
        }
    }

    /// Takes one event.
    pub fn handle(&mut self, now: Millis, event: InviterEvent) -> Vec<InviterWish> {
        let mut out = self.expire(now);
        match event {
            InviterEvent::Resumed => {
                if let TicketState::Confirmed(claim) = &self.record.state {
                    out.push(self.admit(claim));
                }
            }
            InviterEvent::Frame { peer, bytes } => self.frame(now, peer, &bytes, &mut out),
            InviterEvent::Confirm(said) => self.confirm(said, &mut out),
            InviterEvent::Admitted { welcome } => self.admitted(welcome, &mut out),
            InviterEvent::NotAdmitted { code } => {
                if matches!(self.record.state, TicketState::Confirmed(_)) {
                    let failure = Failure { code, step: Step::Admit };
                    self.close(TicketState::Cancelled(Some(failure)), failure, &mut out);
                }
            }
            InviterEvent::Met(node) => {
                if self.claim().is_some_and(|claim| claim.node == node) {
                    self.pair(&mut out);
                }
            }
            InviterEvent::Cancel => self.cancel(&mut out),
            InviterEvent::Tick => {}
        }
        out
    }

    fn expire(&mut self, now: Millis) -> Vec<InviterWish> {
        let mut out = Vec::new();
        if matches!(self.record.state, TicketState::Open | TicketState::Claimed(_)) && !self.listens(now) {
            let failure = Failure { code: PairingCode::Expired, step: self.step() };
            self.close(TicketState::Expired(failure), failure, &mut out);
        }
        out
    }

    fn frame(&mut self, now: Millis, peer: NodeId, bytes: &[u8], out: &mut Vec<InviterWish>) {
        // Bytes that are no frame of a joiner change nothing: a stranger must not be able to spoil an invitation.
        let id = self.record.ticket.id;
        let Some(frame) = Frame::from_bytes(bytes).ok().filter(|frame| frame.ticket() == Some(id)) else {
            return out.push(InviterWish::Close(peer));
        };
        if let Some(code) = self.turned_away(peer) {
            return refuse(peer, code, out);
        }
        match frame {
            Frame::Hello { .. } => {
                if matches!(self.record.state, TicketState::Open) && !self.called {
                    self.called = true;
                    out.push(InviterWish::Progress(Step::Reach));
                }
                let frame = Frame::Offer { commitment: self.commitment() };
                out.push(send(peer, &frame));
            }
            Frame::Prove { commitment, sealing, site, addresses, time, proof, .. } => {
                let claim = Claim {
                    node: peer,
                    commitment,
                    sealing,
                    site,
                    until: self.record.ticket.expiry.0.max(now.0.saturating_add(COMPARE_MS_MIN)),
                    nonce: None,
                    agreed_here: false,
                    agreed_there: false,
                    addresses,
                };
                self.prove(now, claim, Millis(time), proof, out);
            }
            Frame::Reveal { nonce, .. } => self.reveal(nonce, out),
            Frame::Agree { proof, .. } => self.agree(peer, &proof, out),
            Frame::More { index, .. } => self.send_part(index, out),
            Frame::Joined { proof, .. } => self.joined(peer, &proof, out),
            Frame::Withdraw { code, proof, .. } => self.withdrawn(peer, code, &proof, out),
            Frame::Offer { .. } | Frame::Accept { .. } | Frame::Part { .. } | Frame::Bye | Frame::Refuse { .. } => {
                out.push(InviterWish::Close(peer));
            }
        }
    }

    /// Why this node may not go on, if so.
    fn turned_away(&self, peer: NodeId) -> Option<PairingCode> {
        if peer == self.record.ticket.inviter {
            return Some(PairingCode::Already);
        }
        match &self.record.state {
            TicketState::Open => None,
            TicketState::Claimed(claim) | TicketState::Confirmed(claim) | TicketState::Paired(claim) => {
                (claim.node != peer).then_some(PairingCode::Used)
            }
            TicketState::Burned(_) => Some(PairingCode::Used),
            TicketState::Expired(_) => Some(PairingCode::Expired),
            TicketState::Cancelled(failure) => Some(failure.map_or(PairingCode::Refused, |failure| failure.code)),
        }
    }

    fn prove(&mut self, now: Millis, mut claim: Claim, time: Millis, proof: [u8; 32], out: &mut Vec<InviterWish>) {
        let peer = claim.node;
        let proofs = self.proofs(&claim);
        if !same(&proofs.prove(&claim.addresses, time), &proof) {
            if matches!(self.record.state, TicketState::Open) {
                self.burn(PairingCode::WrongCode, Step::Prove, out);
            }
            return refuse(peer, PairingCode::WrongCode, out);
        }
        // Only before the claim: afterwards a clock that jumps must not part the two sides.
        if self.claim().is_none() && !clocks_agree(now, time.0) {
            return refuse(peer, PairingCode::Clock, out);
        }
        if !claim.site.is_fit() || claim.sealing == [0; 32] {
            return refuse(peer, PairingCode::Refused, out);
        }
        claim.addresses = usable(claim.addresses);
        match self.claim() {
            None => {
                self.record.state = TicketState::Claimed(claim);
                out.push(self.keep());
                out.push(InviterWish::Progress(Step::Prove));
            }
            // The digits of one invitation never change: with a second attempt an attacker could look for equal ones.
            Some(held) if !is_same_claim(held, &claim) => return refuse(peer, PairingCode::Used, out),
            Some(_) => {}
        }
        let InviterRecord { nonce, site, admin, addresses, .. } = self.record.clone();
        let shown = InviterShown { nonce, site, admin, addresses };
        let proof = proofs.accept(&shown, now);
        let InviterShown { nonce, site, admin, addresses } = shown;
        let frame = Frame::Accept { nonce, site, admin, addresses, time: now.0, proof };
        out.push(send(peer, &frame));
    }

    fn reveal(&mut self, nonce: Nonce, out: &mut Vec<InviterWish>) {
        let TicketState::Claimed(claim) = &mut self.record.state else { return };
        if !same(&commit(&nonce, Side::Joiner, &claim.node), &claim.commitment) {
            return self.burn(PairingCode::DigitsDiffer, Step::Compare, out);
        }
        if claim.nonce.is_none() {
            claim.nonce = Some(nonce);
            out.push(self.keep());
            out.push(InviterWish::Progress(Step::Compare));
        }
    }

    fn agree(&mut self, peer: NodeId, proof: &[u8; 32], out: &mut Vec<InviterWish>) {
        let expected = self.claim().and_then(|claim| Some(self.proofs(claim).agree(&self.record.nonce, &claim.nonce?)));
        if !expected.is_some_and(|expected| same(&expected, proof)) {
            return out.push(InviterWish::Close(peer));
        }
        if let TicketState::Claimed(claim) = &mut self.record.state {
            if !claim.agreed_there {
                claim.agreed_there = true;
                out.push(self.keep());
            }
            return self.admit_if_agreed(out);
        }
        self.send_part(0, out);
    }

    fn confirm(&mut self, said: Match, out: &mut Vec<InviterWish>) {
        let TicketState::Claimed(claim) = &mut self.record.state else { return };
        // Nobody can have compared what was not shown.
        if claim.nonce.is_none() {
            return;
        }
        match said {
            Match::Same => {
                claim.agreed_here = true;
                out.push(self.keep());
                self.admit_if_agreed(out);
            }
            Match::Differ => self.burn(PairingCode::DigitsDiffer, Step::Compare, out),
        }
    }

    fn admit_if_agreed(&mut self, out: &mut Vec<InviterWish>) {
        let TicketState::Claimed(claim) = &self.record.state else { return };
        if claim.agreed_here && claim.agreed_there {
            self.record.state = TicketState::Confirmed(claim.clone());
            out.push(self.keep());
            out.push(InviterWish::Progress(Step::Admit));
            out.extend(self.claim().map(|claim| self.admit(claim)));
        }
    }

    fn admitted(&mut self, welcome: Vec<u8>, out: &mut Vec<InviterWish>) {
        if matches!(self.record.state, TicketState::Confirmed(_)) {
            self.welcome = Some(welcome);
            out.push(InviterWish::Progress(Step::Send));
            self.send_part(0, out);
        }
    }

    fn send_part(&self, index: u32, out: &mut Vec<InviterWish>) {
        let TicketState::Confirmed(claim) = &self.record.state else { return };
        let Some(welcome) = &self.welcome else { return };
        let mut parts = welcome.chunks(PART_BYTES_MAX);
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let Some(bytes) = usize::try_from(index).ok().and_then(|index| parts.nth(index)) else { return };
        let proof = self.proofs(claim).part(index, count, bytes);
        out.push(send(claim.node, &Frame::Part { index, count, proof, bytes: bytes.to_vec() }));
    }

    fn joined(&mut self, peer: NodeId, proof: &[u8; 32], out: &mut Vec<InviterWish>) {
        if !self.claim().is_some_and(|claim| same(&self.proofs(claim).joined(), proof)) {
            return out.push(InviterWish::Close(peer));
        }
        self.pair(out);
        match self.record.state {
            TicketState::Paired(_) => out.push(send(peer, &Frame::Bye)),
            // Nobody can have joined before both agreed.
            _ => out.push(InviterWish::Close(peer)),
        }
    }

    fn pair(&mut self, out: &mut Vec<InviterWish>) {
        if let TicketState::Confirmed(claim) = &self.record.state {
            self.record.state = TicketState::Paired(claim.clone());
            self.welcome = None;
            out.push(self.keep());
            out.push(InviterWish::Done);
        }
    }

    fn withdrawn(&mut self, peer: NodeId, code: PairingCode, proof: &[u8; 32], out: &mut Vec<InviterWish>) {
        // After the confirmation the node is admitted: it may ask again, and then both are paired after all.
        let TicketState::Claimed(claim) = &self.record.state else { return };
        if !same(&self.proofs(claim).withdraw(), proof) {
            return out.push(InviterWish::Close(peer));
        }
        if code == PairingCode::DigitsDiffer {
            return self.burn(code, Step::Compare, out);
        }
        let failure = Failure { code: PairingCode::Refused, step: self.step() };
        self.close(TicketState::Cancelled(Some(failure)), failure, out);
    }

    fn cancel(&mut self, out: &mut Vec<InviterWish>) {
        if !matches!(self.record.state, TicketState::Open | TicketState::Claimed(_)) {
            return;
        }
        let peer = self.claim().map(|claim| claim.node);
        self.record.state = TicketState::Cancelled(None);
        out.push(self.keep());
        if let Some(peer) = peer {
            refuse(peer, PairingCode::Refused, out);
        }
    }

    fn burn(&mut self, code: PairingCode, step: Step, out: &mut Vec<InviterWish>) {
        let failure = Failure { code, step };
        let at = out.len();
        self.close(TicketState::Burned(failure), failure, out);
        out.insert(at + 1, InviterWish::Burned);
    }

    /// Ends the invitation: keeps the end, tells the joiner, tells the people.
    fn close(&mut self, state: TicketState, failure: Failure, out: &mut Vec<InviterWish>) {
        let peer = self.claim().map(|claim| claim.node);
        self.record.state = state;
        out.push(self.keep());
        if let Some(peer) = peer {
            refuse(peer, failure.code, out);
        }
        out.push(InviterWish::Failed(failure));
    }

    fn keep(&self) -> InviterWish {
        InviterWish::Keep(self.record.to_bytes())
    }

    fn admit(&self, claim: &Claim) -> InviterWish {
        let Claim { node, sealing, site, .. } = claim.clone();
        InviterWish::Admit { node, sealing, site, ticket: self.record.ticket.id }
    }

    fn commitment(&self) -> [u8; 32] {
        commit(&self.record.nonce, Side::Inviter, &self.record.ticket.inviter)
    }

    fn proofs(&self, claim: &Claim) -> Proofs {
        Transcript {
            ticket: &self.record.ticket,
            joiner: claim.node,
            inviter_commitment: self.commitment(),
            joiner_commitment: claim.commitment,
            sealing: claim.sealing,
            site: &claim.site,
        }
        .proofs()
    }
}

fn is_same_claim(a: &Claim, b: &Claim) -> bool {
    // Addresses may change between two calls; nothing depends on them.
    a.node == b.node && a.commitment == b.commitment && a.sealing == b.sealing && a.site == b.site
}

fn send(to: NodeId, frame: &Frame) -> InviterWish {
    InviterWish::Send { to, frame: frame.to_bytes() }
}

fn refuse(peer: NodeId, code: PairingCode, out: &mut Vec<InviterWish>) {
    out.push(send(peer, &Frame::Refuse { code }));
    out.push(InviterWish::Close(peer));
}
