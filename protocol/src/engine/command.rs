//! What people want: checked against the rights, then written. A refusal writes nothing.

mod constitution;
mod groups;
mod resend;
mod rights;

use super::effect::{Answer, Effect, Notice, Refusal};
use super::input::{Activity, Ask, Attachment, Command, OutsideItem, Reaction};
use super::write::Draft;
use super::{Cx, Engine};
use crate::control::Reason;
use crate::control::op::{
    Access, Caps, Class, Constitution, ControlOp, GroupEdit, NodeAdmit, SiteSet, UserAt, UserOnly,
};
use crate::control::table::Act;
use crate::group::{Comment, DataOp, Edit, Outside, Post, Profile, React, Source, kind};
use crate::ids::{EntryId, GroupId, RequestId, ScopeId, SiteId, UserId};
use crate::limits::{
    ATTACHMENTS_MAX, COMMENT_BYTES_MAX, FILE_BYTES_MAX, NAME_CHARS_MAX, SALT_BYTES, SOURCES_PER_GROUP_MAX,
    TEXT_BYTES_MAX, TITLE_CHARS_MAX, URL_BYTES_MAX,
};
use crate::store::Direction;
use crate::store::keys::{self, Key, table};

/// Emoji that may be set: a short, kind list (`docs/http-api.md`).
pub const EMOJI: [&str; 6] = ["👍", "❤️", "👏", "😄", "💡", "🙏"];

pub(crate) type Outcome = Result<Answer, Refusal>;

/// A name that stands in menus: not empty, not long, on one line.
pub(crate) fn check_name(text: &str) -> Result<(), Refusal> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        Err(Refusal::Empty)
    } else if trimmed.chars().count() > NAME_CHARS_MAX {
        Err(Refusal::TooLong)
    } else if trimmed.chars().any(char::is_control) {
        Err(Refusal::Invalid)
    } else {
        Ok(())
    }
}

fn check_title(title: &str) -> Result<(), Refusal> {
    if title.chars().count() > TITLE_CHARS_MAX { Err(Refusal::TooLong) } else { Ok(()) }
}

fn check_text(text: &str, max: usize) -> Result<(), Refusal> {
    if text.len() > max { Err(Refusal::TooLong) } else { Ok(()) }
}

fn check_attachments(attachments: &[Attachment]) -> Result<(), Refusal> {
    if attachments.len() > ATTACHMENTS_MAX {
        return Err(Refusal::TooManyFiles);
    }
    if attachments.iter().any(|file| file.size > FILE_BYTES_MAX) {
        return Err(Refusal::TooLong);
    }
    attachments.iter().try_for_each(|file| check_text(&file.name, 512).and(check_text(&file.media_type, 128)))
}

impl Engine {
    pub(crate) fn ask(&mut self, cx: &mut Cx<'_>, ask: Ask) {
        let Ask { token, actor, request, command } = ask;
        let answer = match self.answered(cx, &request) {
            Some(id) => Answer::Done { id },
            None => {
                self.request_salt = Some(self.salt_of(&request));
                let answer = self.command(cx, actor, command).unwrap_or_else(Answer::Refused);
                self.request_salt = None;
                answer
            }
        };
        cx.effects.push(Effect::Answer { token, answer });
    }

    /// The entry that an earlier asking under this id made.
    fn answered(&self, cx: &Cx<'_>, request: &RequestId) -> Option<EntryId> {
        EntryId::from_slice(&cx.tx.get(&keys::request(&self.salt_of(request)))?)
    }

    /// The salt of the entry that answers a request. It ties the two together without a byte more in the entry, so that a
    /// repeat is recognised even after a crash and by a rebuilt index; nobody else can tell it from a random one.
    fn salt_of(&self, request: &RequestId) -> [u8; SALT_BYTES] {
        let mac = crate::keys::mac(&self.identity.key.seed(), &[b"request salt", &request.0]);
        mac[..SALT_BYTES].try_into().expect("a digest has 32 bytes")
    }

    fn command(&mut self, cx: &mut Cx<'_>, actor: Option<UserId>, command: Command) -> Outcome {
        match command {
            Command::CreateOrganisation { .. } => return Ok(self.create_organisation(cx, command)),
            Command::JoinOrganisation { welcome } => return Ok(self.join_organisation(cx, &welcome)),
            _ if self.org.is_none() => return Err(Refusal::NotSetUp),
            Command::PostOutside { source, item } => return self.post_outside(cx, source, item),
            Command::EditOutside { source, item } => return self.edit_outside(cx, source, item),
            Command::RegisterUser { user, name, title } => return self.register_user(cx, actor, user, name, title),
            _ => {}
        }
        self.not_newer()?;
        self.check_clock()?;
        let actor = actor.ok_or(Refusal::Forbidden)?;
        if !self.view.is_active_here(&actor) {
            return Err(Refusal::Forbidden);
        }
        match command {
            Command::AdmitNode { node, sealing, site, site_name, company, ticket } => {
                let caps = Some(Caps::default());
                let admit = NodeAdmit { node, sealing, site, ticket, caps };
                self.admit_node(cx, actor, admit, site_name, company)
            }
            Command::SetSite { site, name, company } => self.set_site(cx, actor, site, name, company),
            Command::SetProfile { user, name, title } => self.set_profile(cx, actor, user, name, title),
            Command::SetUserActive { user, active } => self.set_user_active(cx, actor, user, active),
            Command::CreateGroup { name, purpose, kind, access } => {
                self.create_group(cx, actor, name, purpose, kind, access)
            }
            Command::EditGroup { group, name, purpose, access, policy } => {
                self.edit_group(cx, actor, group, GroupEdit { name, purpose, access, ..GroupEdit::default() }, policy)
            }
            Command::Rights(wish) => self.rights(cx, actor, wish),
            Command::Space(wish) => self.space(cx, actor, wish),
            Command::JoinGroup(group) => self.control_in(cx, group, actor, ControlOp::Join),
            Command::LeaveGroup(group) => self.control_in(cx, group, actor, ControlOp::Leave),
            Command::Grant { group, users, role } => self.grant(cx, actor, group, users, role),
            Command::Revoke { group, users } => self.revoke(cx, actor, group, users),
            Command::CreatePost { group, title, text, attachments } => {
                self.create_post(cx, actor, group, Post { title: title.trim().into(), text, attachments })
            }
            Command::CreateComment { post, text } => self.create_comment(cx, actor, post, text),
            Command::Edit { target, title, text } => self.edit(cx, actor, target, Edit { title, text }),
            Command::Delete { target } => self.delete(cx, actor, target),
            Command::Erase { target, reason } => self.erase(cx, actor, target, reason),
            Command::ObjectToErasure { erasure } => self.object_to_erasure(cx, actor, erasure),
            Command::ErasePerson { user, words, reason } => self.erase_person(cx, actor, user, words, reason),
            Command::SetRetention { group, days } => self.set_retention(cx, actor, group, days),
            Command::SetHold { group, hold, reason } => self.set_hold(cx, actor, group, hold, reason),
            Command::React { target, emoji, on } => self.react(cx, actor, target, emoji, on),
            Command::SetSource { group, url, title, site_url } => {
                self.set_source(cx, actor, group, Source { url, title, site_url, sites: Vec::new() })
            }
            Command::CreatePage { group, name } => self.create_page(cx, actor, group, name),
            Command::NamePage { page, name } => self.name_page(cx, actor, page, name),
            Command::TrashPage { page, trash } => self.trash_page(cx, actor, page, trash),
            Command::ChangePage { page, change } => self.change_page(cx, actor, page, change),
            Command::CommentPage { page, answers, comment } => self.comment_page(cx, actor, page, answers, comment),
            Command::SettleComment { comment, settle } => self.settle_comment(cx, actor, comment, settle),
            Command::DismissAlarm { alarm } => {
                if self.dismiss_alarm(cx, &alarm) {
                    Ok(Answer::Nothing)
                } else {
                    Err(Refusal::NotFound)
                }
            }
            Command::SealLog { alarm } => self.seal_log(cx, actor, &alarm),
            Command::RemoveSource { source } => self.remove_source(cx, actor, source),
            Command::CreateOrganisation { .. }
            | Command::JoinOrganisation { .. }
            | Command::PostOutside { .. }
            | Command::EditOutside { .. }
            | Command::RegisterUser { .. } => Err(Refusal::Invalid),
        }
    }

    pub(crate) fn org_scope(&self) -> ScopeId {
        self.org().map(ScopeId::from).expect("commands are refused before there is an organisation")
    }

    /// Checks and writes a control operation of the organisation.
    pub(crate) fn control_org(&mut self, cx: &mut Cx<'_>, op: &ControlOp, actor: Option<UserId>) -> Outcome {
        self.check_org(op, actor)?;
        let id = self.write(cx, self.org_scope(), Class::Control, Draft::control(op, actor));
        self.evaluate_stale(cx);
        Ok(Answer::Done { id })
    }

    /// Checks and writes a control operation of a group.
    fn control_in(&mut self, cx: &mut Cx<'_>, group: GroupId, actor: UserId, op: ControlOp) -> Outcome {
        self.check_group(group, actor, &op)?;
        let id = self.write(cx, ScopeId::from(group), Class::Control, Draft::control(&op, Some(actor)));
        self.evaluate_stale(cx);
        cx.notify(Notice::GroupChanged { group });
        cx.notify(Notice::GroupsChanged);
        Ok(Answer::Done { id })
    }

    pub(crate) fn data_in(
        &mut self,
        cx: &mut Cx<'_>,
        group: GroupId,
        actor: Option<UserId>,
        op: &DataOp,
        refs: Vec<EntryId>,
    ) -> Answer {
        let id = self.write(cx, ScopeId::from(group), Class::Data, Draft::data(op, actor, refs));
        Answer::Done { id }
    }

    fn admit_node(
        &mut self,
        cx: &mut Cx<'_>,
        actor: UserId,
        admit: NodeAdmit,
        site_name: Option<String>,
        company: String,
    ) -> Outcome {
        if let Some(name) = site_name {
            check_name(&name)?;
            let set = SiteSet { site: admit.site, name: name.trim().into(), company: company.trim().into() };
            self.check_org(&ControlOp::NodeAdmit(admit.clone()), Some(actor))?;
            self.control_org(cx, &ControlOp::SiteSet(set), Some(actor))?;
        }
        cx.notify(Notice::Network);
        self.control_org(cx, &ControlOp::NodeAdmit(admit), Some(actor))
    }

    fn set_site(&mut self, cx: &mut Cx<'_>, actor: UserId, site: SiteId, name: String, company: String) -> Outcome {
        check_name(&name)?;
        cx.notify(Notice::Network);
        let set = SiteSet { site, name: name.trim().into(), company: company.trim().into() };
        self.control_org(cx, &ControlOp::SiteSet(set), Some(actor))
    }

    fn register_user(
        &mut self,
        cx: &mut Cx<'_>,
        actor: Option<UserId>,
        user: UserId,
        name: String,
        title: String,
    ) -> Outcome {
        check_name(&name)?;
        check_title(&title)?;
        let site = self.own_site().ok_or(Refusal::NotSetUp)?;
        self.control_org(cx, &ControlOp::UserRegister(UserAt { user, site }), actor)?;
        self.publish_profile(cx, actor.unwrap_or(user), Profile { user, name: name.trim().into(), title })
    }

    fn set_profile(&mut self, cx: &mut Cx<'_>, actor: UserId, user: UserId, name: String, title: String) -> Outcome {
        check_name(&name)?;
        check_title(&title)?;
        if !self.view.is_registered_here(&user) || self.view.is_former(&user) {
            return Err(Refusal::NotFound);
        }
        self.publish_profile(cx, actor, Profile { user, name: name.trim().into(), title })
    }

    fn publish_profile(&mut self, cx: &mut Cx<'_>, actor: UserId, profile: Profile) -> Outcome {
        let scope = self.org_scope();
        let id = self.write(cx, scope, Class::Data, Draft::data(&DataOp::Profile(profile), Some(actor), Vec::new()));
        cx.notify(Notice::PeopleChanged);
        Ok(Answer::Done { id })
    }

    fn set_user_active(&mut self, cx: &mut Cx<'_>, actor: UserId, user: UserId, active: Activity) -> Outcome {
        if !self.view.is_registered_here(&user) && !self.view.is_admin(&actor) {
            return Err(Refusal::NotFound);
        }
        let op = match active {
            Activity::Active => ControlOp::UserEnable(UserOnly { user }),
            Activity::Disabled => ControlOp::UserDisable(UserOnly { user }),
        };
        cx.notify(Notice::PeopleChanged);
        self.control_org(cx, &op, Some(actor))
    }

    fn create_post(&mut self, cx: &mut Cx<'_>, actor: UserId, group: GroupId, post: Post) -> Outcome {
        check_title(&post.title)?;
        check_text(&post.text, TEXT_BYTES_MAX)?;
        check_attachments(&post.attachments)?;
        self.check_act(group, actor, Act::Post)?;
        if post.text.trim().is_empty() && post.title.is_empty() && post.attachments.is_empty() {
            return Err(Refusal::Empty);
        }
        Ok(self.data_in(cx, group, Some(actor), &DataOp::Post(post), Vec::new()))
    }

    fn create_comment(&mut self, cx: &mut Cx<'_>, actor: UserId, post: EntryId, text: String) -> Outcome {
        check_text(&text, COMMENT_BYTES_MAX)?;
        let item = self.item(cx, &post).filter(|item| item.is_post() && !item.deleted).ok_or(Refusal::NotFound)?;
        self.check_act(item.group, actor, Act::Comment)?;
        if text.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        Ok(self.data_in(cx, item.group, Some(actor), &DataOp::Comment(Comment { text }), vec![post]))
    }

    fn edit(&mut self, cx: &mut Cx<'_>, actor: UserId, target: EntryId, edit: Edit) -> Outcome {
        let item = self.item(cx, &target).filter(|item| !item.deleted && !item.is_shared()).ok_or(Refusal::NotFound)?;
        self.check_act(item.group, actor, Act::EditOwn)?;
        if item.actor != Some(actor) {
            return Err(Refusal::Forbidden);
        }
        check_title(&edit.title)?;
        check_text(&edit.text, if item.is_post() { TEXT_BYTES_MAX } else { COMMENT_BYTES_MAX })?;
        if edit.text.trim().is_empty() && edit.title.trim().is_empty() && !item.has_attachments {
            return Err(Refusal::Empty);
        }
        Ok(self.data_in(cx, item.group, Some(actor), &DataOp::Edit(edit), item.refs_to(target)))
    }

    fn delete(&mut self, cx: &mut Cx<'_>, actor: UserId, target: EntryId) -> Outcome {
        let item = self.item(cx, &target).filter(|item| !item.is_shared()).ok_or(Refusal::NotFound)?;
        let act = if item.actor == Some(actor) { Act::EditOwn } else { Act::DeleteAny };
        self.check_act(item.group, actor, act)?;
        if item.deleted {
            return Ok(Answer::Nothing);
        }
        Ok(self.data_in(cx, item.group, Some(actor), &DataOp::Delete, item.refs_to(target)))
    }

    fn react(&mut self, cx: &mut Cx<'_>, actor: UserId, target: EntryId, emoji: String, on: Reaction) -> Outcome {
        if !EMOJI.contains(&emoji.as_str()) {
            return Err(Refusal::Invalid);
        }
        let item = self.item(cx, &target).filter(|item| !item.deleted && !item.is_shared()).ok_or(Refusal::NotFound)?;
        self.check_act(item.group, actor, Act::React)?;
        let now = cx.tx.get(&keys::react(&target, &emoji, &actor)).is_some_and(|row| row.get(40) == Some(&1));
        if now == (on == Reaction::On) {
            return Ok(Answer::Nothing);
        }
        let op = DataOp::React(React { emoji, on: on == Reaction::On });
        Ok(self.data_in(cx, item.group, Some(actor), &op, item.refs_to(target)))
    }

    fn set_source(&mut self, cx: &mut Cx<'_>, actor: UserId, group: GroupId, mut source: Source) -> Outcome {
        self.check_act(group, actor, Act::ManageSources)?;
        check_title(&source.title)?;
        if source.url.is_empty() {
            return Err(Refusal::Empty);
        }
        if source.url.len() > URL_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        let existing = self.sources(cx, group);
        if existing.iter().any(|(_, known)| known.url == source.url) {
            return Err(Refusal::AlreadyThere);
        }
        if existing.len() >= SOURCES_PER_GROUP_MAX {
            return Err(Refusal::TooManyFeeds);
        }
        // The site of who added it comes first; the others of the group may take over, in a fixed order.
        let own = self.own_site().ok_or(Refusal::NotSetUp)?;
        let state = self.view.group_state(&group).ok_or(Refusal::NotFound)?;
        source.sites = std::iter::once(own).chain(state.sites().iter().copied().filter(|site| *site != own)).collect();
        Ok(self.data_in(cx, group, Some(actor), &DataOp::Source(source), Vec::new()))
    }

    fn remove_source(&mut self, cx: &mut Cx<'_>, actor: UserId, source: EntryId) -> Outcome {
        let (group, _) = self.source(cx, &source).ok_or(Refusal::NotFound)?;
        self.check_act(group, actor, Act::ManageSources)?;
        Ok(self.data_in(cx, group, Some(actor), &DataOp::SourceRemove, vec![source]))
    }

    fn post_outside(&mut self, cx: &mut Cx<'_>, source: EntryId, item: OutsideItem) -> Outcome {
        let group = self.polled_here(cx, &source)?;
        let outside = outside_of(item)?;
        let (from, to) = Key::of(table::ORIGIN).and(group).and(outside.origin_key).prefix();
        if !cx.tx.range(&from, &to, 1, Direction::Forward).is_empty() {
            return Ok(Answer::Nothing);
        }
        // The item's key outlives the text, so that twins and changes are known when it is erased.
        let refs = vec![source, EntryId(outside.origin_key)];
        Ok(self.data_in(cx, group, None, &DataOp::Outside(outside), refs))
    }

    fn edit_outside(&mut self, cx: &mut Cx<'_>, source: EntryId, item: OutsideItem) -> Outcome {
        let group = self.polled_here(cx, &source)?;
        let outside = outside_of(item)?;
        let Some(shown) = super::lookup::outside_now(&*cx.tx, &group, &outside.origin_key) else {
            return Ok(Answer::Nothing);
        };
        // When it was published is no part of what people read.
        if (Outside { published: shown.published, ..outside.clone() }) == shown {
            return Ok(Answer::Nothing);
        }
        let refs = vec![source, EntryId(outside.origin_key)];
        Ok(self.data_in(cx, group, None, &DataOp::OutsideEdit(outside), refs))
    }

    /// The group of a source that this site may poll.
    fn polled_here(&self, cx: &Cx<'_>, source: &EntryId) -> Result<GroupId, Refusal> {
        let (group, set) = self.source(cx, source).ok_or(Refusal::NotFound)?;
        let own = self.own_site().ok_or(Refusal::NotSetUp)?;
        if set.sites.contains(&own) { Ok(group) } else { Err(Refusal::Forbidden) }
    }
}

/// The entry's form of an item, within the limits.
fn outside_of(item: OutsideItem) -> Result<Outside, Refusal> {
    check_text(&item.text, TEXT_BYTES_MAX)?;
    let OutsideItem { origin_key, title, text, url, published, author } = item;
    Ok(Outside {
        origin_key,
        title: title.chars().take(TITLE_CHARS_MAX).collect(),
        text,
        url: url.filter(|url| url.len() <= URL_BYTES_MAX),
        published,
        author: author.map(|name| name.chars().take(NAME_CHARS_MAX).collect()),
    })
}

/// What commands need to know of a post or comment.
pub(crate) struct Item {
    pub(crate) group: GroupId,
    pub(crate) actor: Option<UserId>,
    pub(crate) kind: u16,
    pub(crate) post: Option<EntryId>,
    pub(crate) deleted: bool,
    pub(crate) has_attachments: bool,
}

impl Item {
    fn is_post(&self) -> bool {
        matches!(self.kind, kind::POST | kind::OUTSIDE)
    }

    /// It is the group's, with acts of its own.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.kind, kind::PAGE | kind::FILE)
    }

    /// The target, and for a comment its post or page too, which indexing needs.
    fn refs_to(&self, target: EntryId) -> Vec<EntryId> {
        std::iter::once(target).chain(self.post).collect()
    }
}

impl Engine {
    /// A valid post, page, file or comment by its id.
    pub(crate) fn item(&self, cx: &Cx<'_>, id: &EntryId) -> Option<Item> {
        let found = super::lookup::Found::of(&*cx.tx, id)?;
        let items = [kind::POST, kind::COMMENT, kind::OUTSIDE, kind::PAGE, kind::PAGE_COMMENT, kind::FILE];
        if !items.contains(&found.kind) {
            return None;
        }
        let group = GroupId::from(self.logs.get(&found.log)?.scope);
        if cx.tx.get(&keys::void(&group, id)).is_some() {
            return None;
        }
        let within = matches!(found.kind, kind::COMMENT | kind::PAGE_COMMENT);
        let post = if within { Some(*found.refs.first()?) } else { None };
        let has_attachments = matches!(
            DataOp::decode(found.kind, found.body.as_deref().unwrap_or_default()),
            Ok(DataOp::Post(post)) if !post.attachments.is_empty()
        );
        let scope = ScopeId::from(group);
        let deleted = found.body.is_none()
            || self.view.is_erased(&*cx.tx, &scope, id, found.actor.as_ref(), found.hlc)
            || super::lookup::is_deleted(&*cx.tx, id, found.actor.as_ref());
        Some(Item { group, actor: found.actor, kind: found.kind, post, deleted, has_attachments })
    }
}

// --- rights -------------------------------------------------------------------------------------------------------

impl Engine {
    /// Whether an organisation's control operation would be valid now.
    fn check_org(&self, op: &ControlOp, actor: Option<UserId>) -> Result<(), Refusal> {
        let state = self.view.org_state().ok_or(Refusal::NotSetUp)?;
        state.check(op, actor, &self.node()).map_err(|_| Refusal::Forbidden)
    }

    /// An organisation whose admins have raised its rules or kinds beyond what this version knows can be read and passed
    /// on; what is written here could mean something else to the others (§1.14, S30). A kind that is unknown but not
    /// raised so freezes nothing, or any member could.
    fn not_newer(&self) -> Result<(), Refusal> {
        let body = self.view.org_state().and_then(|state| state.constitution());
        let newer = |body: &Constitution| body.rules > super::setup::RULES || body.features > super::setup::FEATURES;
        if body.is_some_and(newer) { Err(Refusal::Frozen) } else { Ok(()) }
    }

    /// The group's state, if the actor may know of it; a group that may not be seen does not exist (INV-55).
    fn visible(&self, group: &GroupId, actor: &UserId) -> Result<&crate::control::grants::GroupState, Refusal> {
        let listed = self.view.cards.get(group).is_some_and(|(_, card)| card.access != Access::Secret);
        let unheld = if listed { Refusal::NotHereYet } else { Refusal::NotFound };
        let state = self.view.group_state(group).ok_or(unheld)?;
        let seen = state.role(actor).is_some() || state.access() != Access::Secret;
        seen.then_some(state).ok_or(Refusal::NotFound)
    }

    /// The same, unless the group is of a newer version.
    fn writable(&self, group: &GroupId, actor: &UserId) -> Result<&crate::control::grants::GroupState, Refusal> {
        let state = self.visible(group, actor)?;
        if state.rules() > super::setup::RULES { Err(Refusal::Frozen) } else { Ok(state) }
    }

    fn check_group(&self, group: GroupId, actor: UserId, op: &ControlOp) -> Result<(), Refusal> {
        let state = self.writable(&group, &actor)?;
        if matches!(op, ControlOp::Join) && state.access() != Access::Open {
            return Err(Refusal::GroupClosed);
        }
        state.check(op, actor).map_err(|reason| self.refusal(state, &actor, reason))
    }

    pub(crate) fn check_act(&self, group: GroupId, actor: UserId, act: Act) -> Result<(), Refusal> {
        let state = self.writable(&group, &actor)?;
        state.may_now(&actor, act).map_err(|reason| self.refusal(state, &actor, reason))
    }

    fn refusal(&self, state: &crate::control::grants::GroupState, actor: &UserId, reason: Reason) -> Refusal {
        match reason {
            _ if state.role(actor).is_none() => Refusal::NotAMember,
            Reason::PolicyForbids => Refusal::PolicyForbids,
            _ => Refusal::Forbidden,
        }
    }
}
