//! The API's answers, as far as tests look at them: `docs/http-api.md` in types. Unknown fields are passed over, as a
//! client of the next version would.
#![expect(missing_docs, reason = "the fields are those of docs/http-api.md, which explains them")]

use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SiteRef {
    pub id: String,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PersonRef {
    pub id: String,
    pub name: String,
    pub site: SiteRef,
    pub state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub site: SiteRef,
    pub state: String,
    pub is_admin: bool,
    pub is_site_admin: bool,
    pub is_me: bool,
    pub email: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Named {
    pub id: String,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Me {
    pub person: Person,
    pub language: String,
    pub csrf: String,
    pub organisation: Named,
    pub site: SiteRef,
    pub sudo_until: Option<String>,
    pub reminders: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Founded {
    pub me: Me,
    #[serde(default)]
    pub recovery_keys: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Status {
    pub state: String,
    pub organisation: Option<String>,
    pub site: Option<String>,
    pub setup_code_required: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Invited {
    pub person: Person,
    pub invitation_link: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Group {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub access: String,
    pub role: Option<String>,
    pub members: Option<u64>,
    pub sites: Vec<SiteRef>,
    pub unread: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Groups {
    pub mine: Vec<Group>,
    pub others: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Member {
    pub person: PersonRef,
    pub role: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attachment {
    pub blob: String,
    pub name: String,
    pub size: u64,
    pub media_type: String,
    pub picture: Option<Picture>,
    pub state: String,
    pub url: String,
    pub thumb_url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Delivery {
    pub kept: bool,
    pub received: u64,
    pub of: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Automatic {
    pub source: String,
    pub source_title: String,
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reaction {
    pub emoji: String,
    pub count: u64,
    pub mine: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Post {
    pub id: String,
    pub author: Option<PersonRef>,
    pub automatic: Option<Automatic>,
    pub title: String,
    pub html: String,
    pub text: String,
    pub created: String,
    pub edited: Option<String>,
    pub deleted: bool,
    pub attachments: Vec<Attachment>,
    pub reactions: Vec<Reaction>,
    pub comments: u64,
    pub delivery: Delivery,
    pub mine: bool,
    pub not_delivered: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comment {
    pub id: String,
    pub post: String,
    pub author: Option<PersonRef>,
    pub text: String,
    pub deleted: bool,
    pub delivery: Delivery,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeliveryLine {
    pub site: SiteRef,
    #[serde(rename = "self")]
    pub is_self: bool,
    pub received: bool,
    pub at: Option<String>,
    pub state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SiteView {
    pub id: String,
    pub name: String,
    pub state: String,
    pub since: Option<String>,
    pub up_to_date: Option<String>,
    pub waiting: u64,
    pub people: u64,
    pub nodes: Vec<NodeView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NodeView {
    pub id: String,
    pub addresses: Vec<String>,
    #[serde(rename = "static")]
    pub kept: Vec<String>,
    pub via: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OwnAddress {
    pub address: String,
    pub kind: String,
    pub confirmed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Relaying {
    pub using: Option<SiteRef>,
    pub serving: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reach {
    pub nat: String,
    pub addresses: Vec<OwnAddress>,
    pub relay: Relaying,
    pub upnp: String,
    pub mdns: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Step {
    pub id: String,
    pub state: String,
    pub detail: String,
    pub ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Trial {
    pub steps: Vec<Step>,
    pub advice: String,
    pub via: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Network {
    #[serde(rename = "self")]
    pub own: SiteView,
    pub sites: Vec<SiteView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PairingError {
    pub code: String,
    pub message: String,
    pub step: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Invitation {
    pub id: String,
    pub state: String,
    pub text: Option<String>,
    pub link: Option<String>,
    pub digits: Option<String>,
    pub other_site: Option<String>,
    pub fingerprint: Option<String>,
    pub error: Option<PairingError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JoinProgress {
    pub state: String,
    pub digits: Option<String>,
    pub organisation: Option<String>,
    pub other_site: Option<String>,
    pub admin: Option<String>,
    pub fingerprint: Option<String>,
    pub error: Option<PairingError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SourceError {
    pub code: String,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Source {
    pub id: String,
    pub url: String,
    pub title: String,
    pub polled_here: bool,
    pub last_success: Option<String>,
    pub items: u64,
    pub error: Option<SourceError>,
}
