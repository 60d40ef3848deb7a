//! What goes into the archive: read from the engine's store and from this site's own records, an item at a time.

use super::archive::Archive;
use super::readme;
use crate::files::{FileError, Files};
use crate::local::Local;
use crate::local::account::Language;
use crate::local::login::Login;
use crate::local::upload::Upload;
use crate::runtime::handle::Handle;
use jiff::Timestamp;
use protocol::clock::Millis;
use protocol::control::op::Role;
use protocol::engine::input::Attachment;
use protocol::engine::query::{OwnWords, Written};
use protocol::ids::{BlobId, EntryId, GroupId, UserId};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Letters of a file's name in the archive.
const NAME_CHARS_MAX: usize = 80;

/// One person's data on the way into an archive.
pub struct Gathering<'a> {
    pub handle: &'a Handle,
    pub local: &'a Local,
    pub files: &'a Files,
    pub user: UserId,
    pub now: u64,
}

/// What was written, by kind. The words stay on the disk until their turn.
#[derive(Default)]
struct Sorted {
    posts: Vec<Written>,
    comments: Vec<Written>,
    reactions: Vec<Written>,
    feeds: Vec<Written>,
    pages: Vec<Written>,
    files: Vec<Written>,
    profiles: Vec<Written>,
    edits: BTreeMap<EntryId, Vec<Written>>,
}

/// RFC 3339 in UTC.
fn time(ms: u64) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", at.unwrap_or(Timestamp::MAX))
}

impl Gathering<'_> {
    /// Writes everything.
    ///
    /// # Errors
    /// Nobody takes it, or a file cannot be read.
    pub fn write(&self, mut to: Archive) -> io::Result<()> {
        let language = self.local.account(self.user).map_or(Language::Fr, |account| account.language);
        let name = self.handle.read(|reader| reader.person(self.user)).map(|person| person.name).unwrap_or_default();
        to.text("README.txt", &readme::text(language, &name, &time(self.now)))?;
        to.object("profile.json", &self.profile())?;
        to.object("account.json", &self.account())?;
        to.list("groups.json", self.groups().into_iter())?;
        let files = self.write_words(&mut to)?;
        to.list("activity.json", self.activity())?;
        let uploads = self.local.uploads_of(self.user);
        to.list("uploads.json", uploads.iter().map(|(blob, upload)| self.upload(*blob, upload)))?;
        let uploaded = uploads.iter().map(|(blob, upload)| (*blob, upload.name.clone()));
        self.write_files(&mut to, files.into_iter().chain(uploaded))?;
        to.finish()
    }

    fn profile(&self) -> Value {
        self.handle.read(|reader| {
            let Some(person) = reader.person(self.user) else { return json!({ "id": self.user.to_string() }) };
            let site = reader.site_names().remove(&person.site);
            json!({ "id": self.user.to_string(), "name": person.name, "title": person.title,
                "site": { "id": person.site.to_string(), "name": site },
                "active": person.active, "administers_organisation": person.admin })
        })
    }

    fn account(&self) -> Value {
        let Some(account) = self.local.account(self.user) else { return Value::Null };
        let login = |login: &Login| json!({ "begun": time(login.created), "last_used": time(login.last_used), "browser": login.agent });
        let logins: Vec<Value> = self.local.logins_of(self.user).iter().map(login).collect();
        json!({ "email": account.email, "language": account.language, "theme": account.theme,
            "administers_site": account.site_admin, "suspended": account.suspended, "created": time(account.created),
            "has_password": account.password.is_some(), "logins": logins })
    }

    fn groups(&self) -> Vec<Value> {
        let groups = self.handle.read(|reader| reader.memberships(self.user));
        let membership = |(group, role, since): &(GroupId, Role, Millis)| json!({ "group": self.group(*group), "role": role_word(*role), "since": time(since.0) });
        groups.iter().map(membership).collect()
    }

    /// A reference: with the name only where the person may see it.
    fn group(&self, group: GroupId) -> Value {
        let name = self.handle.read(|reader| reader.group(self.user, group)).map(|view| view.name);
        json!({ "id": group.to_string(), "name": name })
    }

    fn words(&self, written: &Written) -> Option<OwnWords> {
        self.handle.read(|reader| reader.own_words(self.user, written))
    }

    fn sorted(&self) -> Sorted {
        let mut sorted = Sorted::default();
        for written in self.handle.read(|reader| reader.written_by(self.user)) {
            match self.words(&written) {
                Some(OwnWords::Post { .. }) => sorted.posts.push(written),
                Some(OwnWords::Comment { .. } | OwnWords::PageComment { .. }) => sorted.comments.push(written),
                Some(OwnWords::Reaction { .. }) => sorted.reactions.push(written),
                Some(OwnWords::Source { .. }) => sorted.feeds.push(written),
                Some(OwnWords::Profile { .. }) => sorted.profiles.push(written),
                Some(OwnWords::Page { .. } | OwnWords::PageWords { .. }) => sorted.pages.push(written),
                Some(OwnWords::File { .. } | OwnWords::SpaceName { .. }) => sorted.files.push(written),
                Some(OwnWords::Edit { target, .. }) => sorted.edits.entry(target).or_default().push(written),
                Some(OwnWords::Erased | OwnWords::Act) | None => {}
            }
        }
        sorted
    }

    /// Writes the lists of words; answers the files that posts name.
    fn write_words(&self, to: &mut Archive) -> io::Result<Vec<(BlobId, String)>> {
        let sorted = self.sorted();
        let groups = RefCell::new(BTreeMap::new());
        let files = RefCell::new(Vec::new());
        let shape = |written: &Written| {
            let words = self.words(written)?;
            match &words {
                OwnWords::Post { attachments, .. } => {
                    files.borrow_mut().extend(attachments.iter().map(|file| (file.blob, file.name.clone())));
                }
                OwnWords::File { content, .. } => files.borrow_mut().push((content.blob, content.name.clone())),
                _ => {}
            }
            let named = |id: GroupId| groups.borrow_mut().entry(id).or_insert_with(|| self.group(id)).clone();
            self.item(written, words, written.group.map(named), sorted.edits.get(&written.id))
        };
        let lists = [
            ("posts.json", &sorted.posts),
            ("comments.json", &sorted.comments),
            ("reactions.json", &sorted.reactions),
            ("feeds_added.json", &sorted.feeds),
            ("pages.json", &sorted.pages),
            ("file_space.json", &sorted.files),
            ("profiles.json", &sorted.profiles),
        ];
        for (name, written) in lists {
            to.list(name, written.iter().filter_map(shape))?;
        }
        Ok(files.into_inner())
    }

    fn item(
        &self,
        written: &Written,
        words: OwnWords,
        group: Option<Value>,
        edits: Option<&Vec<Written>>,
    ) -> Option<Value> {
        let (id, at) = (written.id.to_string(), time(written.at().0));
        let edits = || -> Vec<Value> { edits.into_iter().flatten().filter_map(|edit| self.edit(edit)).collect() };
        Some(match words {
            OwnWords::Post { title, text, attachments, deleted } => {
                let attached: Vec<Value> = attachments.iter().map(|file| self.attachment(file)).collect();
                json!({ "id": id, "group": group, "at": at, "title": title, "text": text, "deleted": deleted,
                    "attachments": attached, "edits": edits() })
            }
            OwnWords::Comment { post, text, deleted } => {
                json!({ "id": id, "group": group, "post": post.to_string(), "at": at, "text": text,
                    "deleted": deleted, "edits": edits() })
            }
            OwnWords::PageComment { page, about, text, deleted } => {
                json!({ "id": id, "group": group, "page": page.to_string(), "about": about, "at": at, "text": text,
                    "deleted": deleted, "edits": edits() })
            }
            OwnWords::Reaction { target, emoji, on } => {
                json!({ "to": target.to_string(), "group": group, "at": at, "emoji": emoji, "given": on })
            }
            OwnWords::Page { page, title } => {
                json!({ "page": page.to_string(), "group": group, "at": at, "title": title })
            }
            OwnWords::PageWords { page, text } => {
                json!({ "page": page.to_string(), "group": group, "at": at, "put_in": text })
            }
            OwnWords::File { file, content } => {
                json!({ "id": file.to_string(), "group": group, "at": at, "put_in": self.attachment(&content) })
            }
            OwnWords::SpaceName { item, name } => {
                json!({ "id": item.to_string(), "group": group, "at": at, "name": name })
            }
            OwnWords::Source { title, url } => json!({ "group": group, "at": at, "title": title, "url": url }),
            OwnWords::Profile { name, title } => json!({ "at": at, "name": name, "title": title }),
            OwnWords::Edit { .. } | OwnWords::Erased | OwnWords::Act => return None,
        })
    }

    fn edit(&self, written: &Written) -> Option<Value> {
        match self.words(written)? {
            OwnWords::Edit { title, text, .. } => {
                Some(json!({ "at": time(written.at().0), "title": title, "text": text }))
            }
            _ => None,
        }
    }

    fn attachment(&self, file: &Attachment) -> Value {
        json!({ "name": file.name, "size": file.size, "media_type": file.media_type,
            "file": self.path(file.blob, &file.name) })
    }

    fn upload(&self, blob: BlobId, upload: &Upload) -> Value {
        json!({ "name": upload.name, "size": upload.size, "media_type": upload.media_type,
            "uploaded": time(upload.uploaded), "file": self.path(blob, &upload.name) })
    }

    /// Where a file is in the archive; null when it is not at this site.
    fn path(&self, blob: BlobId, name: &str) -> Option<String> {
        self.files.is_here(blob).then(|| path_of(blob, name))
    }

    /// Acts at this site, as the audit log has them: ids, no content.
    fn activity(&self) -> impl Iterator<Item = Value> {
        let user = self.user;
        let (lines, _) = self.local.audit();
        let own = lines.into_iter().filter(move |line| line.actor() == Some(user));
        own.map(|line| json!({ "at": time(line.at), "act": line.kind, "about": line.subject }))
    }

    fn write_files(&self, to: &mut Archive, files: impl Iterator<Item = (BlobId, String)>) -> io::Result<()> {
        let mut done = BTreeSet::new();
        for (blob, name) in files {
            let path = path_of(blob, &name);
            if !done.insert(path.clone()) {
                continue;
            }
            match self.files.open_now(blob) {
                Ok(file) => to.file(&path, file)?,
                Err(FileError::NotHere) => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(())
    }
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Facilitator => "facilitator",
        Role::Member => "member",
        Role::Reader => "reader",
        Role::Guest => "guest",
    }
}

/// Names are what people typed; here one is part of a path on anybody's machine.
fn path_of(blob: BlobId, name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' };
    let name: String = name.chars().map(plain).take(NAME_CHARS_MAX).collect();
    let id = blob.to_string();
    format!("files/{}-{}", id.get(..12).unwrap_or(&id), name.trim().trim_start_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_is_no_path() {
        let blob = BlobId([1; 32]);
        assert!(path_of(blob, "../../etc/passwd").ends_with("-_.._etc_passwd"));
        assert!(path_of(blob, "été.png").ends_with("-été.png"));
        assert_eq!(path_of(blob, "a\u{202E}\n\\b").matches('_').count(), 3);
    }
}
