//! What people see of the machines, in the shapes of the pages. Read on any thread, written by the desk only.

use super::shelf::Kept;
use crate::http::ports::{Invitation, InvitationState, JoinProgress, JoinState, PairError, StepState};
use protocol::clock::Millis;
use protocol::ids::TicketId;
use protocol::pairing::{Failure, Inviter, Joiner, JoinerState, PairingCode, Step, TicketState, fingerprint};
use std::collections::BTreeMap;

/// Everything shown.
#[derive(Debug, Default)]
pub struct Shown {
    invitations: BTreeMap<TicketId, (u64, Invitation)>,
    join: Option<JoinProgress>,
}

impl Shown {
    /// The newest first.
    pub fn invitations(&self) -> Vec<Invitation> {
        let mut all: Vec<&(u64, Invitation)> = self.invitations.values().collect();
        all.sort_by_key(|(created, invitation)| (std::cmp::Reverse(*created), invitation.id));
        all.into_iter().map(|(_, invitation)| invitation.clone()).collect()
    }

    pub fn invitation(&self, id: &TicketId) -> Option<Invitation> {
        self.invitations.get(id).map(|(_, invitation)| invitation.clone())
    }

    pub fn join(&self) -> JoinProgress {
        self.join.clone().unwrap_or_else(idle)
    }

    /// Whether something changed.
    pub fn set_invitation(&mut self, created: u64, invitation: Invitation) -> bool {
        let id = invitation.id;
        let new = (created, invitation);
        let changed = self.invitations.get(&id) != Some(&new);
        self.invitations.insert(id, new);
        changed
    }

    pub fn forget_invitation(&mut self, id: &TicketId) {
        self.invitations.remove(id);
    }

    /// Whether something changed.
    pub fn set_join(&mut self, join: JoinProgress) -> bool {
        let changed = self.join.as_ref() != Some(&join);
        self.join = Some(join);
        changed
    }
}

/// An invitation as its machine stands.
pub fn invitation(machine: &Inviter, kept: &Kept, now: Millis) -> Invitation {
    let record = machine.record();
    let given_up = matches!(record.state, TicketState::Confirmed(_)) && !machine.listens(now);
    let mut failure = None;
    let state = match &record.state {
        TicketState::Open => InvitationState::Open,
        TicketState::Claimed(claim) if claim.nonce.is_none() => InvitationState::Claimed,
        TicketState::Claimed(claim) if !claim.agreed_here => InvitationState::Compare,
        // The site is admitted and never came to fetch what the organisation knows.
        TicketState::Confirmed(_) if given_up => {
            failure = Some(Failure { code: PairingCode::Unreachable, step: Step::Send });
            InvitationState::Failed
        }
        TicketState::Claimed(_) | TicketState::Confirmed(_) => InvitationState::Waiting,
        TicketState::Paired(_) => InvitationState::Paired,
        TicketState::Burned(reason) | TicketState::Cancelled(Some(reason)) => {
            failure = Some(*reason);
            InvitationState::Failed
        }
        TicketState::Expired(reason) => {
            failure = Some(*reason);
            InvitationState::Expired
        }
        TicketState::Cancelled(None) => InvitationState::Cancelled,
    };
    let comparing = matches!(record.state, TicketState::Claimed(_));
    let progress = match state {
        InvitationState::Paired => Progress::Over,
        InvitationState::Cancelled => Progress::Nowhere,
        _ => failure.map_or(Progress::At(machine.step()), |failure| Progress::FailedAt(failure.step)),
    };
    Invitation {
        id: record.ticket.id,
        state,
        text: (state == InvitationState::Open).then(|| record.ticket.to_string()),
        expires: record.ticket.expiry.0,
        digits: machine.digits().filter(|_| comparing).map(|digits| digits.to_string()),
        other_site: kept.other.as_ref().map(|other| other.site.clone()),
        fingerprint: kept.other.as_ref().map(|other| fingerprint(&other.node)),
        error: failure.map(error),
        steps: steps(&Step::INVITER, progress),
    }
}

/// A joiner as its machine stands.
pub fn join(machine: &Joiner) -> JoinProgress {
    let record = machine.record();
    let step = machine.step();
    let mut failure = None;
    let state = match &record.state {
        JoinerState::Asking if record.inviter.is_some() => JoinState::Compare,
        JoinerState::Agreed { .. } if step < Step::Receive => JoinState::Waiting,
        JoinerState::Asking | JoinerState::Agreed { .. } => JoinState::Working,
        JoinerState::Joined | JoinerState::Paired => JoinState::Done,
        JoinerState::Failed(reason) => {
            failure = Some(*reason);
            JoinState::Failed
        }
        JoinerState::Cancelled => return idle(),
    };
    let progress = match state {
        JoinState::Done => Progress::Over,
        _ => failure.map_or(Progress::At(step), |failure| Progress::FailedAt(failure.step)),
    };
    let comparing = matches!(state, JoinState::Compare | JoinState::Waiting);
    let shown = record.inviter.as_ref();
    JoinProgress {
        state,
        steps: steps(&Step::JOINER, progress),
        digits: machine.digits().filter(|_| comparing).map(|digits| digits.to_string()),
        organisation: Some(record.ticket.organisation.clone()),
        other_site: Some(shown.map_or_else(|| record.ticket.site.clone(), |shown| shown.site.clone())),
        admin: shown.map(|shown| shown.admin.clone()),
        fingerprint: Some(fingerprint(&record.ticket.inviter)),
        error: failure.map(error),
    }
}

/// A joining that did not begin.
pub fn refused(code: PairingCode) -> JoinProgress {
    let failure = Failure { code, step: Step::Read };
    let steps = steps(&Step::JOINER, Progress::FailedAt(Step::Read));
    JoinProgress { state: JoinState::Failed, steps, error: Some(error(failure)), ..idle() }
}

pub fn error(failure: Failure) -> PairError {
    PairError { code: failure.code.text(), step: failure.step.text() }
}

/// No joining.
pub fn idle() -> JoinProgress {
    JoinProgress {
        state: JoinState::Idle,
        steps: steps(&Step::JOINER, Progress::Nowhere),
        digits: None,
        organisation: None,
        other_site: None,
        admin: None,
        fingerprint: None,
        error: None,
    }
}

/// How far a list of steps is.
#[derive(Debug, Clone, Copy)]
enum Progress {
    Nowhere,
    At(Step),
    FailedAt(Step),
    Over,
}

fn steps(all: &[Step], progress: Progress) -> Vec<crate::http::ports::Step> {
    let state = |step: &Step| match progress {
        Progress::Nowhere => StepState::Todo,
        Progress::Over => StepState::Done,
        Progress::At(at) | Progress::FailedAt(at) if *step < at => StepState::Done,
        Progress::At(at) if *step == at => StepState::Doing,
        Progress::FailedAt(at) if *step == at => StepState::Failed,
        Progress::At(_) | Progress::FailedAt(_) => StepState::Todo,
    };
    all.iter().map(|step| crate::http::ports::Step { id: step.text(), state: state(step) }).collect()
}
