//! What can be read: views made for one person from the state and the store. Reading writes nothing and asks nobody.

mod page;
mod space;
mod words;
mod written;

use crate::clock::{Hlc, Millis};
use crate::control::op::{Access, GroupKind, Policy, Role};
use crate::control::registry::NodeStatus;
use crate::engine::input::Attachment;
use crate::ids::{BlobId, EntryId, GroupId, NodeId, OrgId, SiteId, UserId};
use crate::keys::PublicKey;
use crate::sync::plan::Progress;
pub use page::{PageCommentView, PageRights, PageThreadView, PageView, PagesOf};
pub use space::{FileVersionView, FileView, SpaceItemView, SpaceKind, SpaceListing, SpaceRights};
pub use words::{Words, WordsOf};
pub use written::{OwnWords, Written};

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
    /// Was erased: shown as "former user".
    pub former: bool,
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
    /// What is forbidden beside what roles forbid.
    pub policy: Policy,
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
    /// How many days it keeps words and files; `None` is for ever.
    pub retention_days: Option<u32>,
    /// Under legal hold.
    pub hold: bool,
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
    /// Change who posts and what guests do.
    pub change_policy: bool,
    /// Give the group an owner, as an admin of the organisation who is not its owner.
    pub appoint: bool,
    /// Decide how long it keeps.
    pub keep: bool,
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
    /// Erase for good.
    pub erase: bool,
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
    /// Erased: hidden by an erasure in force, or gone.
    pub erased: bool,
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
    /// Erased: hidden by an erasure in force, or gone.
    pub erased: bool,
    /// Reactions.
    pub reactions: Vec<ReactionView>,
    /// How far it has got.
    pub delivery: Delivery,
    /// What the asker may do.
    pub may: ItemRights,
    /// The asker wrote it.
    pub mine: bool,
}

/// What an erasure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureOf {
    /// A post.
    Post,
    /// A comment.
    Comment,
    /// A page.
    Page,
    /// A file of the file space.
    File,
    /// A person.
    Person,
}

/// Where an erasure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureState {
    /// Hidden; objections are possible until it is due.
    Waiting,
    /// Not carried out at every site yet.
    Working,
    /// Every site has stated that it is carried out.
    Done,
    /// Somebody objected: shown again.
    Objected,
    /// A legal hold keeps it from being carried out; hidden.
    Held,
}

/// One site's line of an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureLine {
    /// The site.
    pub site: SiteId,
    /// All its nodes have stated that it is carried out.
    pub done: bool,
    /// When the last of them said so, as far as known here.
    pub at: Option<Millis>,
}

/// An erasure as an admin sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureView {
    /// Its entry.
    pub id: EntryId,
    /// What it is about.
    pub of: ErasureOf,
    /// Who asked for it.
    pub by: UserId,
    /// When.
    pub at: Millis,
    /// Why.
    pub reason: String,
    /// The group; `None` for a person.
    pub group: Option<GroupId>,
    /// Where it stands.
    pub state: ErasureState,
    /// When it is carried out, while it waits.
    pub due: Option<Millis>,
    /// Site by site.
    pub sites: Vec<ErasureLine>,
}

/// How a group is kept here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// All that is known of.
    Complete,
    /// More is known to exist elsewhere.
    Filling,
    /// Nobody of this site is in it any more: it goes.
    Leaving,
    /// This site was removed from it: sealed, then it goes.
    Removed,
}

/// What is kept of a group here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStorage {
    /// The group.
    pub group: GroupId,
    /// Entries.
    pub entries: u64,
    /// Bytes of their records.
    pub bytes: u64,
    /// Bytes of files that its posts refer to, as far as they lie here. A file of two groups counts in both.
    pub file_bytes: u64,
    /// This site's own rule for it.
    pub keep_days: Option<u32>,
    /// How.
    pub state: Keeping,
    /// Content entries here.
    pub have: u64,
    /// Content entries known to exist.
    pub of: u64,
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
    /// Whether it belongs.
    pub state: NodeStatus,
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
    /// None of its nodes is served but by the lifeline.
    pub suspended: bool,
    /// All its nodes are out for ever.
    pub removed: bool,
}

/// A removal: of a person from a group or from the organisation, or of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalView {
    /// The first entry that says so.
    pub id: EntryId,
    /// The group; `None` for the organisation's.
    pub group: Option<GroupId>,
    /// Who was removed.
    pub person: Option<UserId>,
    /// The site of the node that was revoked.
    pub site: Option<SiteId>,
    /// The node that was revoked.
    pub node: Option<NodeId>,
    /// Who did it first.
    pub by: Option<UserId>,
    /// When, as they said.
    pub at: Millis,
    /// Why; may be empty.
    pub reason: String,
    /// It holds; else it waits for others to say the same.
    pub in_force: bool,
    /// Who says so.
    pub signed: Vec<UserId>,
    /// How many must.
    pub needed: usize,
    /// What is known of each site.
    pub sites: Vec<DeliveryLine>,
    /// Entries held here that do not count because of it.
    pub not_counted: usize,
}

/// The constitution as admins see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstitutionView {
    /// Number of the revision in force.
    pub revision: u64,
    /// The admins.
    pub admins: Vec<UserId>,
    /// How many must sign a change.
    pub threshold: u32,
    /// The recovery keys, in public.
    pub recovery: Vec<PublicKey>,
    /// How many of them make a new admin.
    pub recovery_needed: usize,
    /// What waits for signatures.
    pub proposals: Vec<ProposalView>,
    /// Two revisions competed: who signed both, as far as known here.
    pub equivocation: Option<Vec<UserId>>,
}

/// A change that waits for signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalView {
    /// Of the revision.
    pub id: [u8; 32],
    /// All admins it names.
    pub admins: Vec<UserId>,
    /// The threshold it sets.
    pub threshold: u32,
    /// Who has signed.
    pub signed: Vec<UserId>,
    /// How many must.
    pub needed: usize,
    /// Who proposed it.
    pub by: Option<UserId>,
    /// When, as they said.
    pub at: Millis,
}

/// Something that a person wrote here and that does not count (G13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndeliveredView {
    /// The entry.
    pub id: EntryId,
    /// Its kind number.
    pub kind: u16,
    /// Its group.
    pub group: GroupId,
    /// The group's name, as last known here.
    pub group_name: String,
    /// The post that it is, or is about.
    pub post: Option<EntryId>,
    /// What it says, in short: a title, a sign, an address.
    pub title: String,
    /// Its words.
    pub text: String,
    /// When it was written.
    pub created: Millis,
    /// Why it does not count, as a stable code.
    pub reason: String,
    /// Whether writing it again would count.
    pub can_resend: bool,
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
