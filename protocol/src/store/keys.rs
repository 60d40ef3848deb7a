//! Every table in one list: a prefix byte, what the key is made of, what the value holds.
//!
//! Numbers are big-endian so that rows sort by them; `!x` is the complement, so that the newest comes first. No text that
//! a person wrote stands in a row: bodies stay in the records, where they can be erased (`docs/storage.md`).

use crate::clock::Hlc;
use crate::ids::{BlobId, EntryId, GroupId, LogId, NodeId, ScopeId, UserId};
use crate::limits::SALT_BYTES;

/// The tables. Each constant is the first byte of its keys.
pub mod table {
    /// `log` → the log's state (see `log.rs`).
    pub const LOG: u8 = b'H';
    /// `log, last seq` → first seq, location of the record that holds the run.
    pub const RUN: u8 = b'L';
    /// `entry` → log, seq.
    pub const ENTRY: u8 = b'E';
    /// `group, !hlc, entry` → kind of post, author. The feed.
    pub const FEED: u8 = b'F';
    /// `post, hlc, comment` → author. The thread.
    pub const THREAD: u8 = b'T';
    /// `target, actor` → version. The newest edit by that person.
    pub const EDIT: u8 = b'X';
    /// `target, actor` → version, author's or moderator's right.
    pub const DELETE: u8 = b'D';
    /// `post, comment, actor` → right. Deleted comments of a post, for counting.
    pub const THREAD_DELETE: u8 = b'd';
    /// `target, emoji, 0, actor` → version, on.
    pub const REACT: u8 = b'R';
    /// `group, origin key, rank, entry` → version. Twins of one item from outside.
    pub const ORIGIN: u8 = b'O';
    /// `group, origin key` → version. The newest state of an item from outside.
    pub const ORIGIN_EDIT: u8 = b'o';
    /// `group, source` → version of the removal if removed.
    pub const SOURCE: u8 = b'S';
    /// `source, entry` → (). Items that a source brought.
    pub const SOURCE_ITEM: u8 = b's';
    /// `blob, group, post` → place among the attachments.
    pub const BLOB: u8 = b'B';
    /// `blob` → size, group, whether only on demand. Files that are not here.
    pub const WANTED: u8 = b'W';
    /// `missing, waiting` → (). Entries whose named entry has not arrived.
    pub const PENDING: u8 = b'P';
    /// `group, entry` → reason code. Entries without authority.
    pub const VOID: u8 = b'V';
    /// `author, !hlc, entry` → group, reason code. Own entries without authority, for their authors.
    pub const UNDELIVERED: u8 = b'N';
    /// `hash of the salt` → entry. Own entries by their salt, which a request's id gives: answers given before.
    pub const REQUEST: u8 = b'Q';
    /// `scope, node` → a held statement.
    pub const HELD: u8 = b'K';
    /// `user` → version of the newest profile, its entry.
    pub const PROFILE: u8 = b'Y';
    /// `group` → version of the newest card, its entry.
    pub const CARD: u8 = b'C';
    /// `node` → when it was last connected, in milliseconds.
    pub const SEEN: u8 = b'Z';
    /// `scope, hlc, entry` → (). Keys for live messages.
    pub const EPOCH: u8 = b'e';
    /// `node` → its address record.
    pub const ADDRESS: u8 = b'A';
    /// `original, entry` → (). Entries that were written again in another log.
    pub const AGAIN: u8 = b'a';
    /// `log, position, entry` → a proof that the log is forked there.
    pub const FORK: u8 = b'%';
    /// `alarm` → what an administrator must know.
    pub const ALARM: u8 = b'!';
    /// `scope, erasure` → power, time, done here, site. Erasures in force (`engine/erase.rs`).
    pub const ERASE: u8 = b'j';
    /// `target, power, scope, author, erasure` → time, site. What an erasure names, here or not.
    pub const ERASED: u8 = b't';
    /// `erasure, objection` → by an owner, site.
    pub const OBJECTED: u8 = b'k';
    /// `target, edit` → (). Every edit, so that all of them go with the target.
    pub const EDIT_OF: u8 = b'x';
    /// `post, blob` → (). The other direction of [`BLOB`].
    pub const POST_BLOB: u8 = b'b';
    /// `location` → (). Records that stand elsewhere by now and are to be wiped.
    pub const WIPE: u8 = b'w';
    /// `blob` → (). Files that nothing refers to any more, to be removed.
    pub const UNUSED: u8 = b'u';
    /// `user, erasure` → time, words too. Former users.
    pub const FORMER: u8 = b'f';
    /// `group` → version, on. Legal hold.
    pub const HOLD: u8 = b'h';
    /// `group` → version, days. Retention.
    pub const RETENTION: u8 = b'r';
    /// `entry` → (). Profiles that a newer one or an erasure took the place of, to be emptied.
    pub const SUPERSEDED: u8 = b'y';
    /// `group` → how, since when. Groups in which nobody of this site is any more.
    pub const LEFT: u8 = b'l';
    /// `log` → group. Logs of such a group whose records are being wiped.
    pub const DROPPED: u8 = b'q';
    /// `location` → (). Replayed records that stand before what they continue.
    pub const DEFERRED: u8 = b'~';
    /// `group, page` → made, newest time, its writer.
    pub const PAGE: u8 = b'p';
    /// `group, !newest time, page` → (). Pages, those last written in first.
    pub const PAGE_AT: u8 = b'i';
    /// `group, page` → version of the newest title.
    pub const PAGE_NAME: u8 = b'n';
    /// `group, page or file or folder, actor` → version, moderator's right, thrown away.
    pub const PAGE_TRASH: u8 = b'z';
    /// `group, page, entry` → (). Entries with changes of a page.
    pub const PAGE_CHANGE: u8 = b'c';
    /// `group, comment` → version, settled, by whom. The newest word on whether a comment on a page is settled.
    pub const PAGE_SETTLED: u8 = b'g';
    /// `group, file or folder` → what was made, newest time, its writer, the maker.
    pub const SPACE_ITEM: u8 = b'I';
    /// `group, file or folder` → version of the newest name.
    pub const SPACE_NAME: u8 = b'M';
    /// `group, hlc, entry` → folder, where it was put. All of them, in their order: together they make the tree.
    pub const FOLDER_PLACE: u8 = b'G';
    /// `group, file` → version, folder. Where a file was put last.
    pub const FILE_PLACE: u8 = b'J';
    /// `group, folder, file` → (). The other direction of [`FILE_PLACE`].
    pub const FILE_IN: u8 = b'U';
    /// `group, file, !hlc, entry` → (). The versions of a file, the newest first.
    pub const FILE_VERSION: u8 = b'v';
    /// () → organisation. Which one this node is of.
    pub const ORGANISATION: u8 = b'&';

    /// Tables of what a group's entries mean, whose keys begin with the group: they go with it, and are made anew with it.
    pub const OF_GROUP: [u8; 18] = [
        FEED,
        VOID,
        PENDING,
        SOURCE,
        ORIGIN,
        ORIGIN_EDIT,
        PAGE,
        PAGE_AT,
        PAGE_NAME,
        PAGE_TRASH,
        PAGE_CHANGE,
        PAGE_SETTLED,
        SPACE_ITEM,
        SPACE_NAME,
        FOLDER_PLACE,
        FILE_PLACE,
        FILE_IN,
        FILE_VERSION,
    ];
}

/// A key being put together.
#[derive(Debug, Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// Begins a key of a table.
    pub fn of(table: u8) -> Self {
        let mut bytes = Vec::with_capacity(96);
        bytes.push(table);
        Self(bytes)
    }

    /// Appends an id or other bytes of fixed length.
    #[must_use]
    pub fn and(mut self, part: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(part.as_ref());
        self
    }

    /// Appends a number.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.and(number.to_be_bytes())
    }

    /// The bytes.
    pub fn done(self) -> Vec<u8> {
        self.0
    }

    /// The range of all keys that begin with this one.
    pub fn prefix(self) -> (Vec<u8>, Vec<u8>) {
        let mut to = self.0.clone();
        while let Some(last) = to.pop() {
            if last < u8::MAX {
                to.push(last + 1);
                break;
            }
        }
        (self.0, to)
    }
}

/// Key of a log's state.
pub fn log(log: &LogId) -> Vec<u8> {
    Key::of(table::LOG).and(log).done()
}

/// Key of the run that ends at a position.
pub fn run(log: &LogId, last_seq: u64) -> Vec<u8> {
    Key::of(table::RUN).and(log).number(last_seq).done()
}

/// Key of an entry's place.
pub fn entry(id: &EntryId) -> Vec<u8> {
    Key::of(table::ENTRY).and(id).done()
}

/// Key of a feed row; newer sorts first.
pub fn feed(group: &GroupId, hlc: Hlc, post: &EntryId) -> Vec<u8> {
    Key::of(table::FEED).and(group).number(!hlc.0).and(post).done()
}

/// Key of a comment in its thread.
pub fn thread(post: &EntryId, hlc: Hlc, comment: &EntryId) -> Vec<u8> {
    Key::of(table::THREAD).and(post).number(hlc.0).and(comment).done()
}

/// Key of a person's edit of a target.
pub fn edit(target: &EntryId, actor: &UserId) -> Vec<u8> {
    Key::of(table::EDIT).and(target).and(actor).done()
}

/// Key of a person's deletion of a target.
pub fn delete(target: &EntryId, actor: &UserId) -> Vec<u8> {
    Key::of(table::DELETE).and(target).and(actor).done()
}

/// Key of a comment's deletion, under its post.
pub fn thread_delete(post: &EntryId, comment: &EntryId, actor: &UserId) -> Vec<u8> {
    Key::of(table::THREAD_DELETE).and(post).and(comment).and(actor).done()
}

/// Key of a reaction.
pub fn react(target: &EntryId, emoji: &str, actor: &UserId) -> Vec<u8> {
    Key::of(table::REACT).and(target).and(emoji).and([0]).and(actor).done()
}

/// Key of one twin of an item from outside; the lowest wins.
pub fn origin(group: &GroupId, origin_key: &[u8; 32], rank: u32, entry: &EntryId) -> Vec<u8> {
    Key::of(table::ORIGIN).and(group).and(origin_key).and(rank.to_be_bytes()).and(entry).done()
}

/// Key of the newest state of an item from outside.
pub fn origin_edit(group: &GroupId, origin_key: &[u8; 32]) -> Vec<u8> {
    Key::of(table::ORIGIN_EDIT).and(group).and(origin_key).done()
}

/// Key of a feed from outside.
pub fn source(group: &GroupId, source: &EntryId) -> Vec<u8> {
    Key::of(table::SOURCE).and(group).and(source).done()
}

/// Key of an item that a source brought.
pub fn source_item(source: &EntryId, item: &EntryId) -> Vec<u8> {
    Key::of(table::SOURCE_ITEM).and(source).and(item).done()
}

/// Key of a post's use of a file.
pub fn blob(blob: &BlobId, group: &GroupId, post: &EntryId) -> Vec<u8> {
    Key::of(table::BLOB).and(blob).and(group).and(post).done()
}

/// Key of a file that is not here yet.
pub fn wanted(blob: &BlobId) -> Vec<u8> {
    Key::of(table::WANTED).and(blob).done()
}

/// Key of an entry that waits for another.
pub fn pending(missing: &EntryId, waiting: &EntryId) -> Vec<u8> {
    Key::of(table::PENDING).and(missing).and(waiting).done()
}

/// Key of an entry without authority.
pub fn void(group: &GroupId, entry: &EntryId) -> Vec<u8> {
    Key::of(table::VOID).and(group).and(entry).done()
}

/// Key of an own entry without authority, under its author; newer sorts first.
pub fn undelivered(user: &UserId, hlc: Hlc, entry: &EntryId) -> Vec<u8> {
    Key::of(table::UNDELIVERED).and(user).number(!hlc.0).and(entry).done()
}

/// Key of an answer given before, by the salt that its request gives: hashed, so that no salt stands in a row (INV-48).
pub fn request(salt: &[u8; SALT_BYTES]) -> Vec<u8> {
    let hash = crate::keys::derive(crate::keys::Purpose::Request, &[salt]);
    Key::of(table::REQUEST).and(&hash[..SALT_BYTES]).done()
}

/// Key of a node's held statement.
pub fn held(scope: &ScopeId, node: &NodeId) -> Vec<u8> {
    Key::of(table::HELD).and(scope).and(node).done()
}

/// Key of a person's newest profile.
pub fn profile(user: &UserId) -> Vec<u8> {
    Key::of(table::PROFILE).and(user).done()
}

/// Key of a group's newest card.
pub fn card(group: &GroupId) -> Vec<u8> {
    Key::of(table::CARD).and(group).done()
}

/// Key of an epoch's entry; the newest sorts last.
pub fn epoch(scope: &ScopeId, hlc: Hlc, entry: &EntryId) -> Vec<u8> {
    Key::of(table::EPOCH).and(scope).number(hlc.0).and(entry).done()
}

/// Key of an entry that says again what another says.
pub fn again(original: &EntryId, entry: &EntryId) -> Vec<u8> {
    Key::of(table::AGAIN).and(original).and(entry).done()
}

/// Key of a fork's proof.
pub fn fork(log: &LogId, seq: u64, high: &EntryId) -> Vec<u8> {
    Key::of(table::FORK).and(log).number(seq).and(high).done()
}

/// Key of an alarm.
pub fn alarm(id: &EntryId) -> Vec<u8> {
    Key::of(table::ALARM).and(id).done()
}

/// Key of where a node can be reached.
pub fn address(node: &NodeId) -> Vec<u8> {
    Key::of(table::ADDRESS).and(node).done()
}

/// Key of when a node was last connected.
pub fn seen(node: &NodeId) -> Vec<u8> {
    Key::of(table::SEEN).and(node).done()
}

/// Key of an erasure in force.
pub fn erase(scope: &ScopeId, erasure: &EntryId) -> Vec<u8> {
    Key::of(table::ERASE).and(scope).and(erasure).done()
}

/// Key of an objection.
pub fn objected(erasure: &EntryId, objection: &EntryId) -> Vec<u8> {
    Key::of(table::OBJECTED).and(erasure).and(objection).done()
}

/// Key of an edit of a target.
pub fn edit_of(target: &EntryId, edit: &EntryId) -> Vec<u8> {
    Key::of(table::EDIT_OF).and(target).and(edit).done()
}

/// Key of a post's file.
pub fn post_blob(post: &EntryId, blob: &BlobId) -> Vec<u8> {
    Key::of(table::POST_BLOB).and(post).and(blob).done()
}

/// Key of a record to be wiped.
pub fn wipe(location: super::Location) -> Vec<u8> {
    Key::of(table::WIPE).and(location.to_bytes()).done()
}

/// Key of a file to be removed.
pub fn unused(blob: &BlobId) -> Vec<u8> {
    Key::of(table::UNUSED).and(blob).done()
}

/// Key of a group's legal hold.
pub fn hold(group: &GroupId) -> Vec<u8> {
    Key::of(table::HOLD).and(group).done()
}

/// Key of a group's retention.
pub fn retention(group: &GroupId) -> Vec<u8> {
    Key::of(table::RETENTION).and(group).done()
}

/// Key of a profile to be emptied.
pub fn superseded(profile: &EntryId) -> Vec<u8> {
    Key::of(table::SUPERSEDED).and(profile).done()
}

/// Key of a group that this site is out of.
pub fn left(group: &GroupId) -> Vec<u8> {
    Key::of(table::LEFT).and(group).done()
}

/// Key of a log that is being dropped.
pub fn dropped(log: &LogId) -> Vec<u8> {
    Key::of(table::DROPPED).and(log).done()
}

/// Key of a page.
pub fn page(group: &GroupId, page: &EntryId) -> Vec<u8> {
    Key::of(table::PAGE).and(group).and(page).done()
}

/// Key of a page among those of its group, by time; newer sorts first.
pub fn page_at(group: &GroupId, hlc: Hlc, page: &EntryId) -> Vec<u8> {
    Key::of(table::PAGE_AT).and(group).number(!hlc.0).and(page).done()
}

/// Key of a page's newest title.
pub fn page_name(group: &GroupId, page: &EntryId) -> Vec<u8> {
    Key::of(table::PAGE_NAME).and(group).and(page).done()
}

/// Key of a person's throwing a page away or taking it back.
pub fn page_trash(group: &GroupId, page: &EntryId, actor: &UserId) -> Vec<u8> {
    Key::of(table::PAGE_TRASH).and(group).and(page).and(actor).done()
}

/// Key of an entry with changes of a page.
pub fn page_change(group: &GroupId, page: &EntryId, entry: &EntryId) -> Vec<u8> {
    Key::of(table::PAGE_CHANGE).and(group).and(page).and(entry).done()
}

/// Key of whether a comment on a page is settled.
pub fn page_settled(group: &GroupId, comment: &EntryId) -> Vec<u8> {
    Key::of(table::PAGE_SETTLED).and(group).and(comment).done()
}

/// Key of a file or folder.
pub fn space_item(group: &GroupId, item: &EntryId) -> Vec<u8> {
    Key::of(table::SPACE_ITEM).and(group).and(item).done()
}

/// Key of a file's or folder's newest name.
pub fn space_name(group: &GroupId, item: &EntryId) -> Vec<u8> {
    Key::of(table::SPACE_NAME).and(group).and(item).done()
}

/// Key of a folder's being put somewhere.
pub fn folder_place(group: &GroupId, hlc: Hlc, entry: &EntryId) -> Vec<u8> {
    Key::of(table::FOLDER_PLACE).and(group).number(hlc.0).and(entry).done()
}

/// Key of where a file stands.
pub fn file_place(group: &GroupId, file: &EntryId) -> Vec<u8> {
    Key::of(table::FILE_PLACE).and(group).and(file).done()
}

/// Key of a file in its folder.
pub fn file_in(group: &GroupId, folder: &EntryId, file: &EntryId) -> Vec<u8> {
    Key::of(table::FILE_IN).and(group).and(folder).and(file).done()
}

/// Key of a version of a file; newer sorts first.
pub fn file_version(group: &GroupId, file: &EntryId, hlc: Hlc, entry: &EntryId) -> Vec<u8> {
    Key::of(table::FILE_VERSION).and(group).and(file).number(!hlc.0).and(entry).done()
}

/// Key of what organisation this node is of.
pub fn organisation() -> Vec<u8> {
    Key::of(table::ORGANISATION).done()
}

/// Key of a replayed record that stands before what it continues.
pub fn deferred(location: super::Location) -> Vec<u8> {
    Key::of(table::DEFERRED).and(location.to_bytes()).done()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_covers_its_keys_and_no_others() {
        let (from, to) = Key::of(b'A').and([255, 255]).prefix();
        assert_eq!((from, to), (vec![b'A', 255, 255], vec![b'B']));
        let (from, to) = Key::of(b'A').and([1, 2]).prefix();
        assert_eq!((from, to), (vec![b'A', 1, 2], vec![b'A', 1, 3]));
    }

    #[test]
    fn newer_posts_sort_first() {
        let (group, post) = (GroupId([0; 32]), EntryId([0; 32]));
        assert!(feed(&group, Hlc(2), &post) < feed(&group, Hlc(1), &post));
    }
}
