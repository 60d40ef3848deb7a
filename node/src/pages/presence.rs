//! Who is at an open page: at this site, and at others as their nodes tell. For the eye alone: nothing of it is kept.
//!
//! A node says all of its windows at once, so a lost word is mended by the next. Who came or went is told to every site that
//! holds the group, and every so often again; where a cursor is, only to sites that have somebody at the page too.

use super::sheet::Said;
use protocol::engine::input::Audience;
use protocol::ids::{NodeId, UserId};
use protocol::sync::here::{Place, WINDOWS_MAX, Window};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// Between two words to other sites about one page.
pub(super) const PACE: Duration = Duration::from_millis(200);
/// Somebody who is still there is said to be so this often.
const AGAIN_EVERY: Duration = Duration::from_secs(8);
/// People of a site of which nothing was heard for so long are gone: its line is cut, or its last word was lost.
const GONE_AFTER: Duration = Duration::from_secs(20);

/// Which window: its node, if it is another one, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat {
    /// None for this node.
    pub node: Option<NodeId>,
    /// Its number.
    pub session: u64,
}

/// Somebody at a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// Which window.
    pub seat: Seat,
    /// Who.
    pub user: UserId,
    /// What is selected, as the browser names it.
    pub place: Option<Place>,
}

/// What was last told to everybody.
#[derive(Debug)]
struct Told {
    sessions: BTreeSet<u64>,
    at: Instant,
}

/// What another site said.
#[derive(Debug)]
struct Far {
    windows: Vec<Window>,
    at: Instant,
}

/// Everybody at one page.
#[derive(Debug, Default)]
pub(super) struct Presence {
    own: BTreeMap<u64, Window>,
    far: BTreeMap<NodeId, Far>,
    told: Option<Told>,
    /// A word to others is under way.
    due: bool,
}

impl Presence {
    /// Everybody.
    pub(super) fn all(&self) -> Vec<Here> {
        let own = self.own.values().map(|window| here(None, window));
        let far = self.far.iter().flat_map(|(node, far)| far.windows.iter().map(|window| here(Some(*node), window)));
        own.chain(far).collect()
    }

    /// Somebody of this site is here, at this place.
    pub(super) fn arrive(&mut self, window: Window) -> Said {
        let said = Said::Here(here(None, &window));
        self.own.insert(window.session, window);
        said
    }

    /// A window of this site was closed.
    pub(super) fn leave(&mut self, session: u64) -> Option<Said> {
        self.own.remove(&session).map(|_| Said::Gone(Seat { node: None, session }))
    }

    /// Another site said who is here; what is new of it for those here, and whether it is to be answered: a site that was not
    /// here before does not know who is.
    pub(super) fn heard(&mut self, now: Instant, node: NodeId, windows: Vec<Window>) -> (Vec<Said>, bool) {
        let before = self.far.remove(&node);
        let is_new = before.is_none() && !windows.is_empty();
        let before = before.map(|far| far.windows).unwrap_or_default();
        let left = before.iter().filter(|old| windows.iter().all(|window| window.session != old.session));
        let mut said: Vec<Said> = left.map(|old| gone(node, old)).collect();
        said.extend(
            windows.iter().filter(|window| !before.contains(window)).map(|it| Said::Here(here(Some(node), it))),
        );
        if !windows.is_empty() {
            self.far.insert(node, Far { windows, at: now });
        }
        (said, is_new && !self.own.is_empty())
    }

    /// Time has passed: who has not been heard of for long is gone; and whether it is time to say again who is here.
    pub(super) fn beat(&mut self, now: Instant) -> (Vec<Said>, bool) {
        let mut said = Vec::new();
        self.far.retain(|node, far| {
            let stays = now.duration_since(far.at) < GONE_AFTER;
            if !stays {
                said.extend(far.windows.iter().map(|window| gone(*node, window)));
            }
            stays
        });
        (said, !self.own.is_empty() && self.is_everybody_due(now))
    }

    fn is_everybody_due(&self, now: Instant) -> bool {
        self.told.as_ref().is_none_or(|told| now.duration_since(told.at) >= AGAIN_EVERY)
    }

    /// Something is to be told to other sites; whether that is for the caller to set going.
    pub(super) fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.due, true)
    }

    /// What is told to other sites now.
    pub(super) fn word(&mut self, now: Instant) -> Option<(Vec<Window>, Audience)> {
        self.due = false;
        let windows: Vec<Window> = self.own.values().take(WINDOWS_MAX).cloned().collect();
        let sessions: BTreeSet<u64> = windows.iter().map(|window| window.session).collect();
        let known = self.told.as_ref().map(|told| &told.sessions);
        let to = match known {
            None if windows.is_empty() => return None,
            Some(known) if *known == sessions && !self.is_everybody_due(now) => {
                if self.far.is_empty() {
                    return None;
                }
                Audience::Nodes(self.far.keys().copied().collect())
            }
            _ => Audience::Everybody,
        };
        if to == Audience::Everybody {
            self.told = (!windows.is_empty()).then_some(Told { sessions, at: now });
        }
        Some((windows, to))
    }
}

fn here(node: Option<NodeId>, window: &Window) -> Here {
    Here { seat: Seat { node, session: window.session }, user: window.user, place: window.place.clone() }
}

fn gone(node: NodeId, window: &Window) -> Said {
    Said::Gone(Seat { node: Some(node), session: window.session })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LYON: NodeId = NodeId([2; 32]);

    fn window(session: u64, at: &str) -> Window {
        let place = Some(Place { anchor: at.into(), head: at.into() });
        Window { session, user: UserId([session as u8; 16]), place }
    }

    fn is_here(said: &Said, number: u64) -> bool {
        matches!(said, Said::Here(here) if here.seat.session == number)
    }

    #[test]
    fn who_comes_and_goes_is_told_to_all_and_a_cursor_to_those_who_look() {
        let (mut presence, now) = (Presence::default(), Instant::now());
        assert_eq!(presence.word(now), None, "nobody is here");
        presence.arrive(window(1, "1@a"));
        assert_eq!(presence.word(now), Some((vec![window(1, "1@a")], Audience::Everybody)));
        presence.arrive(window(1, "2@a"));
        assert_eq!(presence.word(now), None, "nobody else looks");
        presence.heard(now, LYON, vec![window(7, "3@b")]);
        let lyon = Audience::Nodes(BTreeSet::from([LYON]));
        assert_eq!(presence.word(now), Some((vec![window(1, "2@a")], lyon)));
        assert_eq!(presence.word(now + AGAIN_EVERY).map(|(_, to)| to), Some(Audience::Everybody));
        presence.leave(1);
        assert_eq!(presence.word(now), Some((Vec::new(), Audience::Everybody)));
        assert_eq!(presence.word(now + AGAIN_EVERY), None, "once is enough");
    }

    #[test]
    fn a_site_that_is_new_here_is_answered_once() {
        let (mut presence, now) = (Presence::default(), Instant::now());
        assert!(!presence.heard(now, LYON, vec![window(7, "3@b")]).1, "there is nobody to tell of");
        presence.arrive(window(1, "1@a"));
        assert!(!presence.heard(now, LYON, vec![window(7, "4@b")]).1, "it was here before");
        presence.heard(now, LYON, Vec::new());
        let (said, answer) = presence.heard(now, LYON, vec![window(8, "4@b")]);
        assert!(answer && said.iter().any(|said| is_here(said, 8)));
    }

    #[test]
    fn who_leaves_and_whoever_is_not_heard_of_any_more_is_gone() {
        let (mut presence, now) = (Presence::default(), Instant::now());
        presence.heard(now, LYON, vec![window(7, "3@b"), window(8, "3@b")]);
        let (said, _) = presence.heard(now, LYON, vec![window(8, "3@b")]);
        assert!(matches!(said[..], [Said::Gone(Seat { node: Some(LYON), session: 7 })]), "{said:?}");
        assert_eq!(presence.all().len(), 1);
        assert!(presence.beat(now + GONE_AFTER / 2).0.is_empty());
        let (said, _) = presence.beat(now + GONE_AFTER);
        assert!(matches!(said[..], [Said::Gone(Seat { node: Some(LYON), session: 8 })]), "{said:?}");
        assert!(presence.all().is_empty());
    }

    #[test]
    fn whoever_stays_is_said_to_be_here_again_and_again() {
        let (mut presence, now) = (Presence::default(), Instant::now());
        presence.arrive(window(1, "1@a"));
        presence.word(now);
        assert!(!presence.beat(now + AGAIN_EVERY / 2).1);
        assert!(presence.beat(now + AGAIN_EVERY).1);
        assert!(presence.begin() && !presence.begin(), "one word at a time");
    }
}
