//! Posts, comments and what hangs on them.

use super::Shaper;
use super::group::GroupRef;
use super::person::{PersonRef, SiteRef};
use super::text;
use protocol::engine::input;
use protocol::engine::query::{CommentView, DeliveryLine, PostView, ReactionView};
use protocol::ids::BlobId;
use serde::Serialize;
use utoipa::ToSchema;

/// Whether a file can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttachmentState {
    /// It lies here.
    Here,
    /// It is on its way.
    Fetching,
    /// Another site has it.
    Elsewhere,
}

/// Pixels as shown.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Picture {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// A file of a post.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Attachment {
    /// 52 characters.
    pub blob: String,
    /// As its author called it.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// As its author's site sniffed it.
    pub media_type: String,
    /// Of pictures.
    pub picture: Option<Picture>,
    /// Whether it can be opened.
    pub state: AttachmentState,
    /// Where it is served.
    pub url: String,
    /// A small picture of it.
    pub thumb_url: Option<String>,
}

/// How far something has got.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Delivery {
    /// Durable at this site.
    pub kept: bool,
    /// Sites that have it, this one included.
    pub received: usize,
    /// Sites that the group is shared with.
    pub of: usize,
}

/// Where an automatic post comes from.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Automatic {
    /// The feed.
    pub source: String,
    /// Its title.
    pub source_title: String,
    /// Who wrote the item, as the feed says.
    pub author: Option<String>,
    /// Where the item stands.
    pub url: Option<String>,
}

/// How many gave an emoji.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReactionCount {
    /// The emoji.
    pub emoji: String,
    /// People.
    pub count: usize,
    /// The asker among them.
    pub mine: bool,
}

/// What the asker may do with a post.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PostMay {
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

/// What the asker may do with a comment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CommentMay {
    /// Change the text.
    pub edit: bool,
    /// Delete.
    pub delete: bool,
    /// Erase for good.
    pub erase: bool,
}

/// A post.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Post {
    /// 52 characters.
    pub id: String,
    /// Where it stands.
    pub group: GroupRef,
    /// Null for automatic posts.
    pub author: Option<PersonRef>,
    /// Of automatic posts.
    pub automatic: Option<Automatic>,
    /// May be empty.
    pub title: String,
    /// Safe to put into a page.
    pub html: String,
    /// Markdown source.
    pub text: String,
    /// When it was written.
    pub created: String,
    /// When it was last edited.
    pub edited: Option<String>,
    /// Deleted.
    pub deleted: bool,
    /// Erased, or about to be: nothing of it is shown any more.
    pub erased: bool,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Reactions.
    pub reactions: Vec<ReactionCount>,
    /// How many comments.
    pub comments: usize,
    /// The newest two, ascending.
    pub last_comments: Vec<Comment>,
    /// How far it has got.
    pub delivery: Delivery,
    /// The asker wrote it.
    pub mine: bool,
    /// What the asker may do.
    pub may: PostMay,
    /// Why other sites do not take it, if so.
    pub not_delivered: Option<String>,
}

/// A comment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Comment {
    /// 52 characters.
    pub id: String,
    /// Its post.
    pub post: String,
    /// Who.
    pub author: Option<PersonRef>,
    /// Safe to put into a page.
    pub html: String,
    /// Markdown source.
    pub text: String,
    /// When it was written.
    pub created: String,
    /// When it was last edited.
    pub edited: Option<String>,
    /// Deleted.
    pub deleted: bool,
    /// Erased, or about to be: nothing of it is shown any more.
    pub erased: bool,
    /// Reactions.
    pub reactions: Vec<ReactionCount>,
    /// How far it has got.
    pub delivery: Delivery,
    /// The asker wrote it.
    pub mine: bool,
    /// What the asker may do.
    pub may: CommentMay,
}

/// One site's line behind the delivery words.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeliveryAt {
    /// The site.
    pub site: SiteRef,
    /// This one.
    #[serde(rename = "self")]
    pub own: bool,
    /// Whether it has confirmed.
    pub received: bool,
    /// When it first did, as far as known here.
    pub at: Option<String>,
    /// Its connection.
    pub state: crate::http::network::SiteState,
}

impl Shaper<'_> {
    /// A post; `None` when its group is not to be seen.
    pub fn post(&self, view: &PostView) -> Option<Post> {
        Some(Post {
            id: view.id.to_string(),
            group: self.group_ref(view.group)?,
            author: view.author.map(|author| self.person_ref(author)),
            automatic: view.automatic.as_ref().map(|automatic| Automatic {
                source: automatic.source.to_string(),
                source_title: text::name(&automatic.source_title),
                author: automatic.author.as_deref().map(text::name).filter(|name| !name.is_empty()),
                url: automatic.url.clone().filter(|url| is_web(url)),
            }),
            title: text::name(&view.title),
            html: self.app.markdown.html(&view.text).to_string(),
            text: view.text.clone(),
            created: text::time(view.created),
            edited: view.edited.map(text::time),
            deleted: view.deleted,
            erased: view.erased,
            attachments: view.attachments.iter().map(|attachment| self.attachment(attachment)).collect(),
            reactions: reactions(&view.reactions),
            comments: view.comments,
            last_comments: view.last_comments.iter().map(|comment| self.comment(comment)).collect(),
            delivery: delivery(view.delivery),
            mine: view.mine,
            may: PostMay {
                edit: view.may.edit,
                delete: view.may.delete,
                comment: view.may.comment,
                react: view.may.react,
                erase: view.may.erase,
            },
            not_delivered: view.not_delivered.map(str::to_owned),
        })
    }

    /// A comment.
    pub fn comment(&self, view: &CommentView) -> Comment {
        Comment {
            id: view.id.to_string(),
            post: view.post.to_string(),
            author: view.author.map(|author| self.person_ref(author)),
            html: self.app.markdown.html(&view.text).to_string(),
            text: view.text.clone(),
            created: text::time(view.created),
            edited: view.edited.map(text::time),
            deleted: view.deleted,
            erased: view.erased,
            reactions: reactions(&view.reactions),
            delivery: delivery(view.delivery),
            mine: view.mine,
            may: CommentMay { edit: view.may.edit, delete: view.may.delete, erase: view.may.erase },
        }
    }

    /// A file of a post.
    pub fn attachment(&self, attachment: &input::Attachment) -> Attachment {
        let id = attachment.blob.to_string();
        Attachment {
            state: self.attachment_state(attachment.blob),
            url: format!("/api/v1/files/{id}/{}", url_part(&attachment.name)),
            thumb_url: attachment.picture.map(|_| format!("/api/v1/files/{id}/thumb")),
            blob: id,
            name: text::name(&attachment.name),
            size: attachment.size,
            media_type: attachment.media_type.clone(),
            picture: attachment.picture.map(|(width, height)| Picture { width, height }),
        }
    }

    fn attachment_state(&self, blob: BlobId) -> AttachmentState {
        if self.app.files.is_here(blob) {
            AttachmentState::Here
        } else if self.app.network.is_fetching(blob) {
            AttachmentState::Fetching
        } else {
            AttachmentState::Elsewhere
        }
    }

    /// Which sites have something.
    pub fn delivery_lines(&self, lines: &[DeliveryLine]) -> Vec<DeliveryAt> {
        let sites = self.reader.sites();
        let line = |line: &DeliveryLine| {
            let site = sites.iter().find(|site| site.id == line.site);
            DeliveryAt {
                site: self.site(line.site),
                own: site.is_some_and(|site| site.own),
                received: line.received,
                at: line.at.map(text::time),
                state: site.map_or(crate::http::network::SiteState::Never, crate::http::network::state_of),
            }
        };
        lines.iter().map(line).collect()
    }
}

fn reactions(views: &[ReactionView]) -> Vec<ReactionCount> {
    let count = |view: &ReactionView| ReactionCount { emoji: view.emoji.clone(), count: view.count, mine: view.mine };
    views.iter().map(count).collect()
}

/// Whatever is shown stands in a committed view, so it is kept.
pub(in crate::http) fn delivery(view: protocol::engine::query::Delivery) -> Delivery {
    Delivery { kept: true, received: view.received, of: view.of }
}

/// Addresses come from other sites and end in `href`.
pub fn is_web(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https"))
}

/// A name as one part of a path.
pub fn url_part(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    match out.as_str() {
        // Browsers take these for folders; the empty name has no path of its own, and "thumb" is another's.
        "" | "." | ".." | "thumb" => format!("file-{}", out.replace('.', "_")),
        _ => out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_stay_one_part_of_a_path() {
        assert_eq!(url_part("a b/é.pdf"), "a%20b%2F%C3%A9.pdf");
        assert_eq!(url_part(".."), "file-__");
        assert_eq!(url_part("thumb"), "file-thumb");
        assert_eq!(url_part(""), "file-");
    }

    #[test]
    fn only_web_addresses_become_links() {
        assert!(is_web("HTTPS://example.org"));
        for bad in ["javascript:alert(1)", "data:text/html,x", "/x", "", "javascript://x"] {
            assert!(!is_web(bad), "{bad}");
        }
    }
}
