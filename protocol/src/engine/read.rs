//! Reading for one person: every method answers `None` for what the viewer may not see, exactly as for what does not
//! exist (INV-55).

use crate::clock::{Hlc, Millis};
use crate::engine::query::*;
use crate::engine::view::View;
use crate::ids::{BlobId, EntryId, GroupId, UserId};
use crate::store::Store;

/// A moment's view of the engine with its store.
pub struct Reader<'a> {
    /// Who may do what, names, connections.
    pub view: &'a View,
    /// Rows and bodies.
    pub store: &'a dyn Store,
    /// Now.
    pub now: Millis,
}

impl Reader<'_> {
    /// The organisation; `None` before set-up.
    pub fn organisation(&self) -> Option<OrganisationView> {
        None
    }

    /// A person by id.
    pub fn person(&self, _id: UserId) -> Option<PersonView> {
        None
    }

    /// Everybody, by id. The caller filters, sorts and pages.
    pub fn people(&self) -> Vec<PersonView> {
        Vec::new()
    }

    /// The viewer's groups, and those that may be seen from outside.
    pub fn groups(&self, _viewer: UserId) -> (Vec<GroupView>, Vec<GroupView>) {
        (Vec::new(), Vec::new())
    }

    /// One group.
    pub fn group(&self, _viewer: UserId, _group: GroupId) -> Option<GroupView> {
        None
    }

    /// A group's members, for members.
    pub fn members(&self, _viewer: UserId, _group: GroupId) -> Option<Vec<MemberView>> {
        None
    }

    /// A group's feed, or the home feed over all the viewer's groups; newest first.
    pub fn feed(
        &self,
        _viewer: UserId,
        _group: Option<GroupId>,
        _kind: FeedKind,
        _before: Option<Before>,
        _limit: usize,
    ) -> Option<Page<PostView>> {
        None
    }

    /// One post.
    pub fn post(&self, _viewer: UserId, _post: EntryId) -> Option<PostView> {
        None
    }

    /// A page of comments: ascending within the page, the next page is older.
    pub fn comments(
        &self,
        _viewer: UserId,
        _post: EntryId,
        _before: Option<Before>,
        _limit: usize,
    ) -> Option<Page<CommentView>> {
        None
    }

    /// One comment.
    pub fn comment(&self, _viewer: UserId, _comment: EntryId) -> Option<CommentView> {
        None
    }

    /// Which sites hold a post or comment.
    pub fn delivery(&self, _viewer: UserId, _entry: EntryId) -> Option<Vec<DeliveryLine>> {
        None
    }

    /// How many posts by others are newer than a mark, counted up to `max`.
    pub fn unread(&self, _viewer: UserId, _group: GroupId, _since: Hlc, _max: usize) -> usize {
        0
    }

    /// The newest timestamp of a group's feed, for a read mark.
    pub fn newest(&self, _group: GroupId) -> Option<Hlc> {
        None
    }

    /// A file that a post of one of the viewer's groups refers to.
    pub fn blob(&self, _viewer: UserId, _blob: BlobId) -> Option<BlobView> {
        None
    }

    /// A group's feeds from outside, for members.
    pub fn sources(&self, _viewer: UserId, _group: GroupId) -> Option<Vec<SourceView>> {
        None
    }

    /// One feed, if the viewer is a member of its group.
    pub fn source(&self, _viewer: UserId, _source: EntryId) -> Option<SourceView> {
        None
    }

    /// All feeds that this site may poll.
    pub fn sources_here(&self) -> Vec<SourceView> {
        Vec::new()
    }

    /// The sites, own first.
    pub fn sites(&self) -> Vec<SiteView> {
        Vec::new()
    }
}
