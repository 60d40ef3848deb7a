//! Who is at a page, between sites: told to those who hold its group, taken from those whose people they are. Nothing of it
//! is kept, here or there.

use super::effect::{Effect, FarHere};
use super::input::Audience;
use super::{Cx, Engine};
use crate::control::table::Act;
use crate::ids::{EntryId, GroupId, NodeId, SiteId, UserId};
use crate::sync::here::{HERE_PER_SECOND_MAX, Here, WINDOWS_MAX};
use crate::sync::message::Request;
use crate::sync::session::Asked;

impl Engine {
    /// Tells other sites who of this one is at a page.
    pub(super) fn tell_here(&mut self, cx: &mut Cx<'_>, mut here: Here, to: &Audience) {
        let Some((group, _)) = self.page(cx, &here.page) else { return };
        let Some(site) = self.view.own_site() else { return };
        here.windows.retain(|window| self.may_be_at(&group, &site, &window.user));
        here.windows.truncate(WINDOWS_MAX);
        let meant = |node: &NodeId| match to {
            Audience::Everybody => true,
            Audience::Nodes(nodes) => nodes.contains(node),
        };
        let mut peers = self.others(&group.into());
        peers.retain(|peer| meant(peer) && self.sessions.get(peer).is_some_and(|session| session.greeted));
        let request = Request::Here { here };
        for peer in peers {
            self.call(cx, peer, &request, Asked::Here);
        }
    }

    /// Takes a peer's word about its own people, as far as they may read the page. More than there may be is not looked at.
    pub(super) fn take_here(&mut self, cx: &mut Cx<'_>, peer: NodeId, here: Here) {
        let Some(session) = self.sessions.get_mut(&peer) else { return };
        if !session.may_say_here(cx.now, HERE_PER_SECOND_MAX) {
            return;
        }
        if here.windows.len() > WINDOWS_MAX
            || here.windows.iter().filter_map(|it| it.place.as_ref()).any(|it| !it.is_fit())
        {
            session.counts.bad += 1;
            return;
        }
        let Some(site) = self.view.org_state().and_then(|org| org.site_of_node(&peer)) else { return };
        let Some(group) = self.group_at(cx, &peer, &here.page) else { return };
        let Here { page, mut windows } = here;
        windows.retain(|window| self.may_be_at(&group, &site, &window.user));
        cx.effects.push(Effect::Here(FarHere { page, node: peer, windows }));
    }

    /// The group of a page that a peer may have.
    fn group_at(&self, cx: &Cx<'_>, peer: &NodeId, page: &EntryId) -> Option<GroupId> {
        let (group, _) = self.page(cx, page)?;
        (self.share(peer, &group.into()) == super::serve::Share::All).then_some(group)
    }

    /// Whether a person is at home at this site and may read in the group now.
    fn may_be_at(&self, group: &GroupId, site: &SiteId, user: &UserId) -> bool {
        let home =
            self.view.org_state().and_then(|org| org.user(user)).filter(|user| user.active).map(|user| user.site);
        home == Some(*site) && self.view.group_state(group).is_some_and(|state| state.may_now(user, Act::Read).is_ok())
    }
}
