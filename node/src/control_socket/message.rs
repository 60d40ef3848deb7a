//! What is said over the control socket: one JSON object a line, the same types at both ends.

use crate::http::ports::{self, InvitationState, JoinState, StepState};
use serde::{Deserialize, Serialize};

/// The longest line of either side: an invitation is far shorter.
pub const LINE_BYTES_MAX: u64 = 64 * 1024;

/// A question.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How is the site?
    Status,
    /// This is an administrator: acts on this connection are theirs for five minutes.
    LogIn {
        /// Their e-mail address.
        email: String,
        /// Their password.
        password: String,
    },
    /// Open an invitation for another site.
    Invite {
        /// How long it is open.
        minutes: u32,
    },
    /// How the invitation is once it has changed since the last answer on this connection, or after a while.
    AwaitInvitation {
        /// Which.
        id: String,
    },
    /// What the administrator says of the digits.
    Confirm {
        /// Which invitation.
        id: String,
        /// Whether they are the same.
        same: bool,
    },
    /// Take an invitation back.
    Cancel {
        /// Which.
        id: String,
    },
    /// Join by an invitation.
    Join {
        /// Its text.
        invitation: String,
        /// The name of this site.
        site: String,
        /// Its company, may be empty.
        company: String,
    },
    /// How joining is once it has changed since the last answer on this connection, or after a while.
    AwaitJoin,
    /// What the person here says of the digits.
    ConfirmJoin {
        /// Whether they are the same.
        same: bool,
    },
    /// Give up joining.
    CancelJoin,
    /// Make a bundle; its bytes follow the answer, then another answer (`stream.rs`).
    MakeBundle {
        /// The receiving site's id or name.
        site: String,
        /// Also what it has stated to hold.
        everything: bool,
    },
    /// Make a link by which somebody chooses a new password; without an address, list the administrators. Needs no
    /// password: it is for who has lost theirs, and whoever reaches the socket has the data folder.
    ResetPassword {
        /// Whose.
        email: Option<String>,
    },
    /// Take a bundle; its bytes follow the question once it was answered with `Done`, and another answer follows them.
    TakeBundle,
}

/// An answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done, nothing to tell.
    Done,
    /// How the site is.
    Status(Status),
    /// How an invitation is.
    Invitation(Invitation),
    /// How joining is.
    Join(Join),
    /// Where a new password is chosen.
    ResetLink {
        /// Behind the site's address.
        path: String,
    },
    /// E-mail addresses of those who administer the site or the organisation.
    Administrators(Vec<String>),
    /// A bundle comes, called so.
    Bundle {
        /// A file name.
        name: String,
    },
    /// What came of taking a bundle.
    Taken(Taken),
    /// It was not done.
    Error(Refusal),
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A stable code, as in the HTTP interface.
    pub code: String,
    /// The pairing step at which it failed.
    pub step: Option<String>,
}

/// How the site is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// `new`, `joining`, `joined_no_person` or `ready`.
    pub state: String,
    /// The program's version.
    pub version: String,
    /// The organisation's name.
    pub organisation: Option<String>,
    /// This site's name.
    pub site: Option<String>,
    /// People with an account here.
    pub accounts: usize,
    /// The other sites.
    pub sites: Vec<OtherSite>,
}

/// Another site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherSite {
    /// Its name.
    pub name: String,
    /// Whether one of its nodes is connected.
    pub connected: bool,
    /// Entries written here that it has not confirmed.
    pub waiting: u64,
}

/// What came of taking a bundle; all of it, or up to what was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The maker's site.
    pub from: String,
    /// Entries in it.
    pub entries: u64,
    /// Of these, new here.
    pub new_entries: u64,
    /// Groups that something new is of.
    pub groups: usize,
    /// Files that were not here.
    pub files: u64,
    /// Logs of which earlier entries are missing here.
    pub gaps: usize,
    /// Entries that were not taken.
    pub left_out: u64,
    /// Why it ends here; `None` when all of it was read.
    pub error: Option<Refusal>,
}

/// A step and how far it is: `todo`, `doing`, `done`, `failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its id.
    pub id: String,
    /// How far.
    pub state: String,
}

/// How an invitation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its id.
    pub id: String,
    /// As in the HTTP interface.
    pub state: String,
    /// Its text while it is open.
    pub text: Option<String>,
    /// When it ends, in milliseconds since 1970.
    pub expires: u64,
    /// To compare.
    pub digits: Option<String>,
    /// Who came.
    pub other_site: Option<String>,
    /// The other node's.
    pub fingerprint: Option<String>,
    /// Why it failed.
    pub error: Option<Refusal>,
    /// In order.
    pub steps: Vec<Step>,
}

/// How joining is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// As in the HTTP interface.
    pub state: String,
    /// To compare.
    pub digits: Option<String>,
    /// The organisation's name.
    pub organisation: Option<String>,
    /// The inviting site's name.
    pub other_site: Option<String>,
    /// The inviting administrator's name.
    pub admin: Option<String>,
    /// The other node's.
    pub fingerprint: Option<String>,
    /// Why it failed.
    pub error: Option<Refusal>,
    /// In order.
    pub steps: Vec<Step>,
}

impl Refusal {
    /// One without a step.
    pub fn of(code: &str) -> Self {
        Self { code: code.into(), step: None }
    }
}

impl From<ports::PairError> for Refusal {
    fn from(error: ports::PairError) -> Self {
        Self { code: error.code.into(), step: Some(error.step.into()) }
    }
}

impl From<ports::Invitation> for Invitation {
    fn from(invitation: ports::Invitation) -> Self {
        let state = match invitation.state {
            InvitationState::Open => "open",
            InvitationState::Claimed => "claimed",
            InvitationState::Compare => "compare",
            InvitationState::Waiting => "waiting",
            InvitationState::Paired => "paired",
            InvitationState::Failed => "failed",
            InvitationState::Expired => "expired",
            InvitationState::Cancelled => "cancelled",
        };
        Self {
            id: invitation.id.to_string(),
            state: state.into(),
            text: invitation.text,
            expires: invitation.expires,
            digits: invitation.digits,
            other_site: invitation.other_site,
            fingerprint: invitation.fingerprint,
            error: invitation.error.map(Refusal::from),
            steps: steps(invitation.steps),
        }
    }
}

impl From<ports::JoinProgress> for Join {
    fn from(progress: ports::JoinProgress) -> Self {
        Self {
            state: join_state(progress.state).into(),
            digits: progress.digits,
            organisation: progress.organisation,
            other_site: progress.other_site,
            admin: progress.admin,
            fingerprint: progress.fingerprint,
            error: progress.error.map(Refusal::from),
            steps: steps(progress.steps),
        }
    }
}

fn join_state(state: JoinState) -> &'static str {
    match state {
        JoinState::Idle => "idle",
        JoinState::Working => "working",
        JoinState::Compare => "compare",
        JoinState::Waiting => "waiting",
        JoinState::Done => "done",
        JoinState::Failed => "failed",
    }
}

fn steps(steps: Vec<ports::Step>) -> Vec<Step> {
    let state = |state| match state {
        StepState::Todo => "todo",
        StepState::Doing => "doing",
        StepState::Done => "done",
        StepState::Failed => "failed",
    };
    steps.into_iter().map(|step| Step { id: step.id.into(), state: state(step.state).into() }).collect()
}
