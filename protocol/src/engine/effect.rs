//! Everything the engine can wish for, as one closed list.
//!
//! The caller commits to disk first; only then does it carry these out, in their order.

pub use crate::engine::bundle::{Begun, BundleAnswer, BundleRefusal, Taken};
use crate::ids::{BlobId, EntryId, GroupId, NodeId, UserId};
use crate::store::Location;
use crate::sync::here::Window;
use std::collections::BTreeSet;

/// Who of another site is at a page, as its node says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FarHere {
    /// The page.
    pub page: EntryId,
    /// The node that says so.
    pub node: NodeId,
    /// Everybody there; the text of each name comes from here, not from there.
    pub windows: Vec<Window>,
}

/// One wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The answer to an `Input::Ask`.
    Answer {
        /// The token of the ask.
        token: u64,
        /// What became of it.
        answer: Answer,
    },
    /// The answer to an `Input::Bundle`.
    Bundle {
        /// The token of the input.
        token: u64,
        /// What became of it.
        answer: BundleAnswer,
    },
    /// Send this to a peer; its answer comes back as `Input::PeerResponse`.
    Request {
        /// Whom.
        peer: NodeId,
        /// To be handed back with the answer.
        call: u64,
        /// A `sync::Request`.
        bytes: Vec<u8>,
    },
    /// Answer a peer's request.
    Respond {
        /// The token of the request.
        token: u64,
        /// A `sync::Response`.
        bytes: Vec<u8>,
    },
    /// The set of nodes that may connect is now this.
    Allow(BTreeSet<NodeId>),
    /// Of those that may connect, these get the lifeline and nothing else (ruling A10).
    Confine(BTreeSet<NodeId>),
    /// A node of the organisation may be reached here.
    Addresses {
        /// The node.
        node: NodeId,
        /// Text multiaddrs.
        addresses: Vec<String>,
    },
    /// Live messages of these topics are wanted, and no others.
    Subscribe(BTreeSet<String>),
    /// Send this to all who follow the topic.
    Publish {
        /// The topic.
        topic: String,
        /// Sealed.
        bytes: Vec<u8>,
    },
    /// What to do with a live message.
    Judge {
        /// The token it came with.
        token: u64,
        /// Pass on or not.
        judgement: Judgement,
    },
    /// A file is wanted here; these peers may hold it.
    FetchBlob {
        /// The file.
        blob: BlobId,
        /// Its length.
        size: u64,
        /// A group that refers to it, named in the request to the peer.
        group: GroupId,
    },
    /// These records stand elsewhere by now: overwrite them, and say so with `Input::Wiped`.
    Wipe(Vec<Location>),
    /// Somebody at another site is at a page, or not any more: to be shown, never kept.
    Here(FarHere),
    /// Nothing refers to this file any more: remove it and what was made from it, and say so with `Input::BlobRemoved`.
    RemoveBlob(BlobId),
    /// Browsers and other rooms may want to know.
    Notify(Notice),
}

/// What is thought of a live message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Good: pass it on.
    Accept,
    /// Not for here: pass it by.
    Ignore,
    /// Bad: whoever passed it on is to blame.
    Reject,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Durable here. The entry is the thing made, or the last entry written.
    Done {
        /// The post, comment, group or source made; for other commands the entry written.
        id: EntryId,
    },
    /// Nothing needed to be written.
    Nothing,
    /// The command may not or cannot be; nothing was written.
    Refused(Refusal),
}

/// Why a command was refused: a stable code and what a caller may want to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The node belongs to no organisation yet.
    NotSetUp,
    /// It already does.
    AlreadySetUp,
    /// The thing does not exist, or the actor may not see it: the two are indistinguishable (INV-55).
    NotFound,
    /// A listed group of which no more than its card has arrived: ask again in a moment.
    NotHereYet,
    /// The actor sees it but may not do this.
    Forbidden,
    /// The actor is not a member.
    NotAMember,
    /// The group is not open.
    GroupClosed,
    /// A needed text is empty.
    Empty,
    /// A text or list is over its limit.
    TooLong,
    /// The last owner or admin cannot go.
    LastOwner,
    /// A limit of the group or of a folder is reached.
    LimitReached,
    /// More files than an item takes.
    TooManyFiles,
    /// The group has as many feeds as it can.
    TooManyFeeds,
    /// Already so under another id.
    AlreadyThere,
    /// What was handed over does not belong together or is not valid.
    Invalid,
    /// This node's clock is a day off its peers': nothing is written until it is set right.
    ClockWrong,
    /// This scope is of a newer version: it can be read, not written.
    Frozen,
    /// The role would do, the group's policy forbids it.
    PolicyForbids,
    /// The person has no signing key yet, or it is another one.
    KeyMissing,
}

impl Refusal {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotSetUp => "not_set_up",
            Self::AlreadySetUp => "setup_done",
            Self::NotFound => "not_found",
            Self::NotHereYet => "not_here_yet",
            Self::Forbidden => "forbidden",
            Self::NotAMember => "not_a_member",
            Self::GroupClosed => "group_closed",
            Self::Empty => "text_missing",
            Self::TooLong => "text_too_long",
            Self::LastOwner => "last_admin",
            Self::LimitReached => "group_limit",
            Self::TooManyFiles => "attachments_too_many",
            Self::TooManyFeeds => "feeds_too_many",
            Self::AlreadyThere => "already_there",
            Self::Invalid => "bad_request",
            Self::ClockWrong => "clock_wrong",
            Self::Frozen => "frozen",
            Self::PolicyForbids => "policy_forbids",
            Self::KeyMissing => "admin_key_missing",
        }
    }
}

/// Something that a screen may want to show anew. Ids only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// A new post.
    Post {
        /// Its group.
        group: GroupId,
        /// The post.
        post: EntryId,
    },
    /// Edited, deleted, reacted to, became valid or void.
    PostChanged {
        /// Its group.
        group: GroupId,
        /// The post.
        post: EntryId,
    },
    /// A new comment.
    Comment {
        /// Its group.
        group: GroupId,
        /// Its post.
        post: EntryId,
        /// The comment.
        comment: EntryId,
    },
    /// A changed comment.
    CommentChanged {
        /// Its group.
        group: GroupId,
        /// Its post.
        post: EntryId,
        /// The comment.
        comment: EntryId,
    },
    /// Received-by counts of this group may have moved.
    Delivery {
        /// The group.
        group: GroupId,
    },
    /// A group's card or members changed.
    GroupChanged {
        /// The group.
        group: GroupId,
    },
    /// Groups came or went.
    GroupsChanged,
    /// People came, went or changed.
    PeopleChanged,
    /// Sites or connections changed.
    Network,
    /// An administrator has something to know, or no more.
    Alarms,
    /// A feed was added, changed or removed.
    Source {
        /// Its group.
        group: GroupId,
        /// The feed.
        source: EntryId,
    },
    /// What did not count of a person's writing may have changed.
    NotDelivered {
        /// Whose.
        user: UserId,
    },
    /// Erasures were asked for, objected to or carried out somewhere.
    Erasures,
    /// A page was made, named, thrown away, taken back or written in.
    Page {
        /// Its group.
        group: GroupId,
        /// The page.
        page: EntryId,
    },
    /// Something was said on a page, changed, settled or opened again.
    PageComment {
        /// Its group.
        group: GroupId,
        /// The page.
        page: EntryId,
    },
    /// An entry with changes of a page counts.
    PageChange {
        /// Its group.
        group: GroupId,
        /// The page.
        page: EntryId,
        /// The entry.
        entry: EntryId,
    },
    /// A file or folder of the file space was made, named, moved, thrown away or taken back, or has another content.
    Space {
        /// Its group.
        group: GroupId,
        /// The file or folder.
        item: EntryId,
    },
    /// What counts in a group was judged anew, or is held here no more: whoever keeps something made from it makes it again.
    Refolded {
        /// The group.
        group: GroupId,
    },
    /// A file arrived; posts that show it may be drawn anew.
    BlobHere {
        /// The file.
        blob: BlobId,
    },
}
