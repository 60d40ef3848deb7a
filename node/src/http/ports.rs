//! What the pairing, feed and network endpoints need from other rooms, as small traits, so that none of them is named
//! here and tests can stand in for them.

mod network;

pub use network::{Network, Outcome, OwnAddress, Reach, Test, Tried, Via};

use futures::future::BoxFuture;
use protocol::ids::{EntryId, SiteId, TicketId, UserId};

/// One step of a pairing as a list on the screen shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `read`, `reach`, `prove`, `compare`, `admit`, `receive`; for the inviter `wait` first and `send` last.
    pub id: &'static str,
    /// How far.
    pub state: StepState,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Not begun.
    Todo,
    /// Under way.
    Doing,
    /// Done.
    Done,
    /// Failed.
    Failed,
}

/// Why a pairing does not go on: a code of the table, and the step it stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairError {
    /// One of the `pair_…` codes.
    pub code: &'static str,
    /// The step's id.
    pub step: &'static str,
}

/// Where joining stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinProgress {
    /// The whole.
    pub state: JoinState,
    /// In order.
    pub steps: Vec<Step>,
    /// Six digits to compare.
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
    pub error: Option<PairError>,
}

/// Where joining stands, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinState {
    /// Nothing is under way.
    Idle,
    /// The machines are at work.
    Working,
    /// The person here compares digits.
    Compare,
    /// The person there compares.
    Waiting,
    /// Joined.
    Done,
    /// Failed.
    Failed,
}

/// An invitation to pair, as its maker sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: TicketId,
    /// The whole.
    pub state: InvitationState,
    /// The ticket's text; only while open.
    pub text: Option<String>,
    /// Milliseconds since 1970.
    pub expires: u64,
    /// Six digits to compare.
    pub digits: Option<String>,
    /// The joining site's name.
    pub other_site: Option<String>,
    /// The other node's.
    pub fingerprint: Option<String>,
    /// Why it failed.
    pub error: Option<PairError>,
    /// In order.
    pub steps: Vec<Step>,
}

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationState {
    /// Waiting to be used.
    Open,
    /// A node has shown it.
    Claimed,
    /// The person here compares digits.
    Compare,
    /// The person there compares.
    Waiting,
    /// The other site is admitted.
    Paired,
    /// Failed.
    Failed,
    /// Not used in time.
    Expired,
    /// Taken back.
    Cancelled,
}

/// What a person says of the digits on the two screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// They are the same.
    Same,
    /// They differ.
    Differ,
}

/// Pairing, both sides of it.
pub trait Pairing: Send + Sync {
    /// Open invitations and those of the last hour, the newest first.
    fn invitations(&self) -> Vec<Invitation>;

    /// One of them.
    fn invitation(&self, id: TicketId) -> Option<Invitation>;

    /// Opens an invitation for so many minutes.
    fn invite(&self, by: UserId, minutes: u32) -> BoxFuture<'_, Result<Invitation, PairError>>;

    /// The inviting person's word on the digits.
    fn confirm(&self, id: TicketId, by: UserId, digits: Digits) -> BoxFuture<'_, Option<Invitation>>;

    /// Takes an invitation back.
    fn cancel(&self, id: TicketId) -> BoxFuture<'_, Option<Invitation>>;

    /// Begins to join with an invitation's text; the progress tells whether it reads.
    fn join(&self, invitation: String, site: String, company: String) -> BoxFuture<'_, JoinProgress>;

    /// Where joining stands.
    fn join_progress(&self) -> JoinProgress;

    /// The joining person's word on the digits.
    fn join_confirm(&self, digits: Digits) -> BoxFuture<'_, JoinProgress>;

    /// Gives up joining.
    fn join_cancel(&self) -> BoxFuture<'_, JoinProgress>;
}

/// A feed read once, to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPreview {
    /// Its canonical address, after redirects that are for ever.
    pub url: String,
    /// Its title.
    pub title: String,
    /// The site that it tells of.
    pub site_url: Option<String>,
    /// The newest items.
    pub items: Vec<FeedItem>,
}

/// One of its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedItem {
    /// Plain text.
    pub title: String,
    /// Where it stands.
    pub url: Option<String>,
    /// Milliseconds since 1970, as claimed.
    pub published: Option<u64>,
}

/// One line of a list of feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpmlFeed {
    /// As written.
    pub url: String,
    /// As written, may be empty.
    pub title: String,
    /// As written.
    pub site_url: Option<String>,
}

/// What polling a feed has come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedState {
    /// The site that polls it, if known.
    pub poller: Option<SiteId>,
    /// This node polls it.
    pub polled_here: bool,
    /// Milliseconds since 1970.
    pub last_success: Option<u64>,
    /// Milliseconds since 1970.
    pub last_item: Option<u64>,
    /// What is wrong with it.
    pub error: Option<FeedTrouble>,
}

/// What is wrong with a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedTrouble {
    /// One of the `feed_…` codes.
    pub code: &'static str,
    /// More about it, in English.
    pub message: String,
    /// Milliseconds since 1970.
    pub since: u64,
    /// When it is tried again.
    pub retry: Option<u64>,
}

/// A feed could not be read now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedError {
    /// One of the `feed_…` codes, or `opml_invalid`.
    pub code: &'static str,
    /// More about it, in English.
    pub message: String,
}

/// Feeds from outside.
pub trait Feeds: Send + Sync {
    /// Fetches an address once; finds the feed of a page as well.
    fn preview(&self, url: String) -> BoxFuture<'_, Result<FeedPreview, FeedError>>;

    /// The one form of an address; an error when it can be none.
    ///
    /// # Errors
    /// `feed_refused_address` or `feed_not_a_feed`.
    fn canonical(&self, url: &str) -> Result<String, FeedError>;

    /// Reads a list of feeds.
    ///
    /// # Errors
    /// `opml_invalid`.
    fn opml(&self, text: &str) -> Result<Vec<OpmlFeed>, FeedError>;

    /// What polling it has come to.
    fn state(&self, source: EntryId) -> FeedState;

    /// Polls it now; what came of it is in its state.
    fn poll(&self, source: EntryId) -> BoxFuture<'_, ()>;
}

/// No pairing, no feeds, no network: for tests, and for a node without them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

impl Pairing for Nothing {
    fn invitations(&self) -> Vec<Invitation> {
        Vec::new()
    }

    fn invitation(&self, _: TicketId) -> Option<Invitation> {
        None
    }

    fn invite(&self, _: UserId, _: u32) -> BoxFuture<'_, Result<Invitation, PairError>> {
        Box::pin(async { Err(PairError { code: "pair_refused", step: "wait" }) })
    }

    fn confirm(&self, _: TicketId, _: UserId, _: Digits) -> BoxFuture<'_, Option<Invitation>> {
        Box::pin(async { None })
    }

    fn cancel(&self, _: TicketId) -> BoxFuture<'_, Option<Invitation>> {
        Box::pin(async { None })
    }

    fn join(&self, _: String, _: String, _: String) -> BoxFuture<'_, JoinProgress> {
        Box::pin(async { self.join_progress() })
    }

    fn join_progress(&self) -> JoinProgress {
        JoinProgress {
            state: JoinState::Idle,
            steps: Vec::new(),
            digits: None,
            organisation: None,
            other_site: None,
            admin: None,
            fingerprint: None,
            error: None,
        }
    }

    fn join_confirm(&self, _: Digits) -> BoxFuture<'_, JoinProgress> {
        Box::pin(async { self.join_progress() })
    }

    fn join_cancel(&self) -> BoxFuture<'_, JoinProgress> {
        Box::pin(async { self.join_progress() })
    }
}

impl Feeds for Nothing {
    fn preview(&self, _: String) -> BoxFuture<'_, Result<FeedPreview, FeedError>> {
        Box::pin(async { Err(FeedError { code: "feed_unreachable", message: "no feeds here".to_owned() }) })
    }

    fn canonical(&self, url: &str) -> Result<String, FeedError> {
        Ok(url.to_owned())
    }

    fn opml(&self, _: &str) -> Result<Vec<OpmlFeed>, FeedError> {
        Err(FeedError { code: "opml_invalid", message: "no feeds here".to_owned() })
    }

    fn state(&self, _: EntryId) -> FeedState {
        FeedState::default()
    }

    fn poll(&self, _: EntryId) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
