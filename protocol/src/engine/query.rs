//! What can be read: views made for one person from the state and the store. Reading writes nothing and asks nobody.

use crate::clock::{Hlc, Millis};
use crate::control::op::{Access, GroupKind, Role};
use crate::engine::input::Attachment;
use crate::ids::{BlobId, EntryId, GroupId, NodeId, OrgId, SiteId, UserId};
use crate::sync::plan::Progress;

/// A person as others see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonView {
    /// The id.
    pub id: UserId,
    /// The name; empty when it has not arrived or was erased.
    pub name: String,
    /// The job.
    pub title: String,
    /// The home site.
    pub site: SiteId,
    /// False when disabled.
    pub active: bool,
    /// An admin of the organisation.
    pub admin: bool,
}

/// A group as one person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    /// The id.
    pub id: GroupId,
    /// The name.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// Its type.
    pub kind: GroupKind,
    /// Who sees and joins.
    pub access: Access,
    /// The person's role; `None` when not in.
    pub role: Option<Role>,
    /// What the person may do.
    pub may: GroupRights,
    /// How many members; `None` when this site does not hold the group.
    pub members: Option<usize>,
    /// The sites that have members.
    pub sites: Vec<SiteId>,
    /// When it was created.
    pub created: Millis,
    /// The newest post.
    pub last_activity: Option<Millis>,
    /// While entries of it are missing here.
    pub filling: Option<Progress>,
}

/// What a person may do in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupRights {
    /// Write posts.
    pub post: bool,
    /// Write comments.
    pub comment: bool,
    /// Members, card, sources.
    pub manage: bool,
    /// Join.
    pub join: bool,
    /// Leave.
    pub leave: bool,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: Role,
    /// Since when.
    pub since: Millis,
}

/// How far an entry has got; counts only what signed statements prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivery {
    /// Sites that hold it durably, this one included.
    pub received: usize,
    /// Sites that the group is shared with, this one included.
    pub of: usize,
}

/// One site's line in the list behind the delivery words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryLine {
    /// The site.
    pub site: SiteId,
    /// Whether it has stated that it holds the entry.
    pub received: bool,
    /// When it first said so, as far as known here.
    pub at: Option<Millis>,
}

/// Where an automatic post comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomaticView {
    /// Who wrote the item, as its source says.
    pub author: Option<String>,
    /// The feed's `source.set` entry.
    pub source: EntryId,
    /// The feed's title.
    pub source_title: String,
    /// Where the item stands.
    pub url: Option<String>,
}

/// A count of one emoji.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionView {
    /// The emoji.
    pub emoji: String,
    /// How many people.
    pub count: usize,
    /// The asker among them.
    pub mine: bool,
}

/// What may be done with a post or comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ItemRights {
    /// Change the text.
    pub edit: bool,
    /// Delete.
    pub delete: bool,
    /// Comment.
    pub comment: bool,
    /// React.
    pub react: bool,
}

/// A post as one person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostView {
    /// The id.
    pub id: EntryId,
    /// The group.
    pub group: GroupId,
    /// The author; `None` for automatic posts.
    pub author: Option<UserId>,
    /// For automatic posts.
    pub automatic: Option<AutomaticView>,
    /// May be empty.
    pub title: String,
    /// Markdown; empty when deleted.
    pub text: String,
    /// When it was written.
    pub created: Millis,
    /// When it was last edited.
    pub edited: Option<Millis>,
    /// Deleted.
    pub deleted: bool,
    /// Files and pictures.
    pub attachments: Vec<Attachment>,
    /// Reactions, the most frequent first.
    pub reactions: Vec<ReactionView>,
    /// How many comments.
    pub comments: usize,
    /// The two newest comments, ascending.
    pub last_comments: Vec<CommentView>,
    /// How far it has got.
    pub delivery: Delivery,
    /// What the asker may do.
    pub may: ItemRights,
    /// The asker wrote it.
    pub mine: bool,
    /// The reason's code when the post is void and the asker is its author.
    pub not_delivered: Option<&'static str>,
}

/// A comment as one person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentView {
    /// The id.
    pub id: EntryId,
    /// Its post.
    pub post: EntryId,
    /// The author.
    pub author: Option<UserId>,
    /// Markdown; empty when deleted.
    pub text: String,
    /// When it was written.
    pub created: Millis,
    /// When it was last edited.
    pub edited: Option<Millis>,
    /// Deleted.
    pub deleted: bool,
    /// Reactions.
    pub reactions: Vec<ReactionView>,
    /// How far it has got.
    pub delivery: Delivery,
    /// What the asker may do.
    pub may: ItemRights,
    /// The asker wrote it.
    pub mine: bool,
}

/// A feed of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceView {
    /// The `source.set` entry.
    pub id: EntryId,
    /// The group.
    pub group: GroupId,
    /// Its address.
    pub url: String,
    /// Its title.
    pub title: String,
    /// The site it tells of.
    pub site_url: Option<String>,
    /// Sites that may poll, the first that can does (ruling D7).
    pub sites: Vec<SiteId>,
    /// How many items it has brought.
    pub items: usize,
}

/// A node of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    /// The node.
    pub id: NodeId,
    /// Connected now.
    pub connected: bool,
    /// Since when connected or away, as this process saw it.
    pub since: Option<Millis>,
    /// The last time both compared equal, proved.
    pub up_to_date: Option<Millis>,
}

/// A site of the organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteView {
    /// The id.
    pub id: SiteId,
    /// The name.
    pub name: String,
    /// The company.
    pub company: String,
    /// Served by this node.
    pub own: bool,
    /// Its nodes.
    pub nodes: Vec<NodeView>,
    /// How many people.
    pub people: usize,
    /// Own entries that this site has not stated to hold.
    pub waiting: u64,
    /// While something of it is missing here.
    pub progress: Option<Progress>,
}

/// The organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganisationView {
    /// The id.
    pub id: OrgId,
    /// The name.
    pub name: String,
    /// This node's site.
    pub site: SiteId,
}

/// Which posts a feed shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FeedKind {
    /// All.
    #[default]
    All,
    /// By people.
    People,
    /// From outside.
    Automatic,
}

/// Where a page begins: strictly older than this item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Its timestamp.
    pub hlc: Hlc,
    /// Its id.
    pub id: EntryId,
}

/// Some items and where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` at the end.
    pub next: Option<Before>,
}

/// Whether and why a person may have a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobView {
    /// The file.
    pub blob: BlobId,
    /// A group of the person's that refers to it.
    pub group: GroupId,
    /// As the author's node measured it.
    pub attachment: Attachment,
}
