//! Everything that can happen to the engine, as one closed list.

mod rights;
mod space;

use crate::control::op::{Access, GroupKind, Policy, Role};
use crate::engine::alarms::Alarm;
pub use crate::engine::bundle::{BundleAsk, Part, Reach};
pub use crate::engine::view::SiteKeeps;
pub use crate::group::Attachment;
pub use crate::group::keeping::{Power, Retention};
pub use crate::group::page::{Anchor, PageChange, PageComment, PageName, PageSettle, PageTrash};
pub use crate::group::space::SpaceTrash;
use crate::ids::{BlobId, EntryId, GroupId, NodeId, RequestId, SiteId, TicketId, UserId};
use crate::store::Location;
pub use crate::sync::here::Here;
pub use rights::Rights;
pub use space::SpaceWish;
use std::collections::BTreeSet;

/// One thing that happened. The caller tells the time and the randomness beside it.
#[derive(Debug, Clone)]
pub enum Input {
    /// A person, or the node for itself, wants something. Answered by exactly one `Effect::Answer`.
    Ask(Ask),
    /// A connection to an admitted node stands.
    PeerConnected(NodeId),
    /// The last connection to it is gone.
    PeerGone(NodeId),
    /// A peer asks; answered by exactly one `Effect::Respond`.
    PeerRequest {
        /// Who asks.
        peer: NodeId,
        /// Returned with the answer.
        token: u64,
        /// A `sync::Request`.
        bytes: Vec<u8>,
    },
    /// A peer answered an `Effect::Request`.
    PeerResponse {
        /// Who answered.
        peer: NodeId,
        /// The number given with the request.
        call: u64,
        /// The answer; `None` when it failed or timed out.
        bytes: Option<Vec<u8>>,
    },
    /// A live message; answered by exactly one `Effect::Judge`.
    Live {
        /// Its topic.
        topic: String,
        /// Returned with the judgement.
        token: u64,
        /// Sealed.
        bytes: Vec<u8>,
    },
    /// This node can be reached at these addresses.
    Listening(Vec<String>),
    /// Where a pairing says that a node can be reached.
    AddressHint {
        /// The node.
        node: NodeId,
        /// Text multiaddrs.
        addresses: Vec<String>,
    },
    /// A file arrived whole and verified, or was uploaded here.
    BlobHere(BlobId),
    /// An `Effect::Wipe` was carried out: these records are gone from the disk.
    Wiped(Vec<Location>),
    /// Records were found whose wiping a crash interrupted.
    WipesUnfinished(Vec<Location>),
    /// An `Effect::RemoveBlob` was carried out: the file and all that was made from it are gone.
    BlobRemoved(BlobId),
    /// Files were found damaged, or gone though they had been here; what was damaged is removed.
    BlobsLost(Vec<BlobId>),
    /// Records were found damaged, and the rows were rebuilt without them. To be told to the engine that was opened on
    /// what is left.
    RecordsLost {
        /// Damaged places.
        places: u64,
        /// Alarms that stood before: they are in no record.
        alarms: Vec<Alarm>,
    },
    /// A step of making or taking a bundle; answered by exactly one `Effect::Bundle`.
    Bundle {
        /// Returned with the answer.
        token: u64,
        /// What is wanted.
        ask: BundleAsk,
    },
    /// How long this site keeps words and files.
    SiteKeeps(SiteKeeps),
    /// What counts of a page upsets the program: it is not written in here.
    PageQuarantined(EntryId),
    /// A page that an alarm stands for can be shown again.
    PageSound(EntryId),
    /// Who of this site is at a page.
    Here {
        /// All of them.
        here: Here,
        /// Who is to know.
        to: Audience,
    },
    /// Time passed: about once a second.
    Tick,
}

/// Whom of those who may know something it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// All of them.
    Everybody,
    /// These.
    Nodes(BTreeSet<NodeId>),
}

/// A wish with who has it.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Chosen by the caller to match the answer.
    pub token: u64,
    /// The person; `None` for the node's own doing (feeds, set-up).
    pub actor: Option<UserId>,
    /// The same id again gets the first answer and writes nothing.
    pub request: RequestId,
    /// What is wanted.
    pub command: Command,
}

/// An item from outside, ready to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideItem {
    /// Derived from the source and the item's own id: two sites make the same (ruling D7).
    pub origin_key: [u8; 32],
    /// Plain text.
    pub title: String,
    /// Markdown.
    pub text: String,
    /// Where the item stands.
    pub url: Option<String>,
    /// When it was published, in milliseconds, as claimed.
    pub published: Option<u64>,
    /// Who wrote it, as claimed; plain text.
    pub author: Option<String>,
}

/// What may be wanted. Lengths are checked by the engine; refusals name the limit.
#[derive(Debug, Clone)]
pub enum Command {
    /// Founds the organisation with this node as its first. The actor is `None`; the first person is made with it.
    CreateOrganisation {
        /// Its name.
        name: String,
        /// The first site's id, made by the caller.
        site: SiteId,
        /// The first site's name.
        site_name: String,
        /// The site's company, may be empty.
        company: String,
        /// The first admin.
        admin: UserId,
        /// Their name.
        admin_name: String,
        /// Their public signing key.
        admin_key: [u8; 32],
        /// A signature is made by the caller with this secret; it is not kept.
        admin_secret: [u8; 32],
        /// Public recovery keys.
        recovery: Vec<[u8; 32]>,
    },
    /// Takes over an organisation from what a pairing handed over (`pairing::Welcome` bytes).
    JoinOrganisation {
        /// The organisation's control entries, as received from the inviter.
        welcome: Vec<u8>,
    },
    /// An admin admits a node that paired.
    AdmitNode {
        /// Its key.
        node: NodeId,
        /// Its X25519 key.
        sealing: [u8; 32],
        /// Its site: a new one when `site_name` is given.
        site: SiteId,
        /// The new site's name.
        site_name: Option<String>,
        /// The new site's company.
        company: String,
        /// The invitation used.
        ticket: TicketId,
    },
    /// Renames a site.
    SetSite {
        /// The site.
        site: SiteId,
        /// Its new name.
        name: String,
        /// Its new company.
        company: String,
    },
    /// Registers a person of this site and publishes the name. The first person of a joined site has no actor.
    RegisterUser {
        /// The new person's id.
        user: UserId,
        /// Their name.
        name: String,
        /// Their job.
        title: String,
    },
    /// Publishes a changed profile; `user` is the actor or a person of the actor's site.
    SetProfile {
        /// Whose.
        user: UserId,
        /// The name.
        name: String,
        /// The job.
        title: String,
    },
    /// Disables or enables a person of this site.
    SetUserActive {
        /// Whom.
        user: UserId,
        /// To what.
        active: Activity,
    },
    /// Creates a group owned by the actor.
    CreateGroup {
        /// Its name.
        name: String,
        /// What it is for.
        purpose: String,
        /// Its type.
        kind: GroupKind,
        /// Who sees and joins.
        access: Access,
    },
    /// Changes a group's card; what is `None` stays.
    EditGroup {
        /// The group.
        group: GroupId,
        /// New name.
        name: Option<String>,
        /// New purpose.
        purpose: Option<String>,
        /// New access.
        access: Option<Access>,
        /// New policy.
        policy: Option<Policy>,
    },
    /// Nodes, homes, owners, cuts, the constitution.
    Rights(Rights),
    /// Files and folders of a group.
    Space(SpaceWish),
    /// Joins an open group.
    JoinGroup(GroupId),
    /// Leaves a group.
    LeaveGroup(GroupId),
    /// Gives people a role.
    Grant {
        /// The group.
        group: GroupId,
        /// At most 64 people.
        users: Vec<UserId>,
        /// The role.
        role: Role,
    },
    /// Removes people.
    Revoke {
        /// The group.
        group: GroupId,
        /// At most 64 people.
        users: Vec<UserId>,
    },
    /// Writes a post.
    CreatePost {
        /// The group.
        group: GroupId,
        /// May be empty.
        title: String,
        /// Markdown.
        text: String,
        /// Files, already here.
        attachments: Vec<Attachment>,
    },
    /// Writes a comment.
    CreateComment {
        /// The post.
        post: EntryId,
        /// Markdown.
        text: String,
    },
    /// Replaces the text of one's own post or comment.
    Edit {
        /// The post or comment.
        target: EntryId,
        /// Posts only.
        title: String,
        /// Markdown.
        text: String,
    },
    /// Deletes a post or comment: one's own, or anybody's for facilitators.
    Delete {
        /// The post or comment.
        target: EntryId,
    },
    /// Erases a post or comment for good: one's own, or by a facilitator's or an admin's power.
    Erase {
        /// The post or comment.
        target: EntryId,
        /// Why.
        reason: String,
    },
    /// Objects to a facilitator's erasure.
    ObjectToErasure {
        /// The `erase` entry.
        erasure: EntryId,
    },
    /// Makes a person of this site, or for an admin any person, a former user.
    ErasePerson {
        /// Whom.
        user: UserId,
        /// Posts and comments go too, or stay under "former user".
        words: Words,
        /// Why.
        reason: String,
    },
    /// Says how long a group keeps words and files.
    SetRetention {
        /// The group.
        group: GroupId,
        /// Days; `None` keeps them.
        days: Option<u32>,
    },
    /// Puts a group under legal hold, or ends that.
    SetHold {
        /// The group.
        group: GroupId,
        /// Set or ended.
        hold: LegalHold,
        /// Why.
        reason: String,
    },
    /// Sets or takes back a reaction.
    React {
        /// The post or comment.
        target: EntryId,
        /// One emoji.
        emoji: String,
        /// Set or taken back.
        on: Reaction,
    },
    /// Adds a feed to a group, or renames one.
    SetSource {
        /// The group.
        group: GroupId,
        /// Its address, canonical.
        url: String,
        /// Its title.
        title: String,
        /// The site that the feed tells of.
        site_url: Option<String>,
    },
    /// An alarm was seen and needs no reminder. The caller has checked that the actor is an admin of the site or the
    /// organisation.
    DismissAlarm {
        /// The alarm.
        alarm: EntryId,
    },
    /// An admin ends the forked log that an alarm tells of, or joins in with another admin.
    SealLog {
        /// The alarm.
        alarm: EntryId,
    },
    /// Makes a page.
    CreatePage {
        /// The group.
        group: GroupId,
        /// Its title and icon.
        name: PageName,
    },
    /// Gives a page another title.
    NamePage {
        /// The page.
        page: EntryId,
        /// Its title and icon.
        name: PageName,
    },
    /// Throws a page away or takes it back.
    TrashPage {
        /// The page.
        page: EntryId,
        /// Which.
        trash: PageTrash,
    },
    /// Keeps changes of a page's document, which the caller has admitted.
    ChangePage {
        /// The page.
        page: EntryId,
        /// The changes, in a session that this node gave out to the person.
        change: PageChange,
    },
    /// Says something about a passage of a page, or answers.
    CommentPage {
        /// The page.
        page: EntryId,
        /// The comment that is answered.
        answers: Option<EntryId>,
        /// The words, and the passage unless it is an answer.
        comment: PageComment,
    },
    /// Settles a comment on a page, or opens it again.
    SettleComment {
        /// The comment.
        comment: EntryId,
        /// Which.
        settle: PageSettle,
    },
    /// Removes a feed; its items stay.
    RemoveSource {
        /// The `source.set` entry.
        source: EntryId,
    },
    /// Posts an item of a feed. No actor.
    PostOutside {
        /// The `source.set` entry.
        source: EntryId,
        /// The item.
        item: OutsideItem,
    },
    /// An item that was posted reads differently at its source now. No actor. Writes nothing if the item was never
    /// posted or says the same.
    EditOutside {
        /// The `source.set` entry.
        source: EntryId,
        /// The item as it is now.
        item: OutsideItem,
    },
}

/// Whether a person may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// May log in and act.
    Active,
    /// May not.
    Disabled,
}

/// Whether a reaction is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Set.
    On,
    /// Taken back.
    Off,
}

/// What becomes of an erased person's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// They stay, by "former user".
    Stay,
    /// They go too.
    Go,
}

/// Whether a legal hold is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegalHold {
    /// Nothing is wiped.
    On,
    /// As usual.
    Off,
}
