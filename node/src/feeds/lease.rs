//! Whose turn it is to poll a source. Pure: the order, who is there and the time are arguments.
//!
//! Sites do not agree on it beforehand; each follows the order written in the source (ruling D7) by what it sees itself.
//! Two that see differently poll both, and the keys of the items make one post of it.

use protocol::ids::SiteId;

/// How long all earlier sites must have been away before a later one takes over: longer than a restart, an update or a
/// router's nap, shorter than a reader's patience.
pub const GRACE_MS: u64 = 10 * 60 * 1000;

/// What this node sees of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// This node is of the site.
    Own,
    /// One of its nodes is connected.
    Connected,
    /// None is.
    Away {
        /// Milliseconds since 1970, not before this process began to look.
        since: u64,
    },
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The site; `None` when all have been away too long and this node's is not among them.
    pub site: Option<SiteId>,
    /// It is this node's site.
    pub here: bool,
    /// When the turn passes on if nothing changes, in milliseconds since 1970: the site is away.
    pub passes: Option<u64>,
}

/// The first site of the order that is there, or has not been away for long.
///
/// A later site thus waits for every earlier one, and a turn goes back at once when an earlier site returns.
pub fn turn(order: &[SiteId], presence: impl Fn(&SiteId) -> Presence, now: u64) -> Turn {
    for site in order {
        match presence(site) {
            Presence::Own => return Turn { site: Some(*site), here: true, passes: None },
            Presence::Connected => return Turn { site: Some(*site), here: false, passes: None },
            Presence::Away { since } => {
                let passes = since.saturating_add(GRACE_MS);
                if now < passes {
                    return Turn { site: Some(*site), here: false, passes: Some(passes) };
                }
            }
        }
    }
    Turn { site: None, here: false, passes: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SiteId = SiteId([1; 16]);
    const B: SiteId = SiteId([2; 16]);
    const C: SiteId = SiteId([3; 16]);
    const GONE: Presence = Presence::Away { since: 1_000 };

    /// The turn at C, which stands last, for what C sees of A and B.
    fn at_c(a: Presence, b: Presence, now: u64) -> Turn {
        let see = |site: &SiteId| match *site {
            A => a,
            B => b,
            _ => Presence::Own,
        };
        turn(&[A, B, C], see, now)
    }

    #[test]
    fn the_first_site_polls_whoever_else_is_there() {
        let see = |site: &SiteId| if *site == A { Presence::Own } else { Presence::Connected };
        assert_eq!(turn(&[A, B, C], see, 0), Turn { site: Some(A), here: true, passes: None });
    }

    #[test]
    fn a_later_site_leaves_it_to_an_earlier_one_that_is_connected() {
        assert_eq!(at_c(Presence::Connected, Presence::Connected, u64::MAX).site, Some(A));
        assert_eq!(at_c(GONE, Presence::Connected, u64::MAX).site, Some(B));
    }

    #[test]
    fn a_turn_passes_on_only_after_the_grace() {
        let end = 1_000 + GRACE_MS;
        assert_eq!(at_c(GONE, GONE, end - 1), Turn { site: Some(A), here: false, passes: Some(end) });
        assert_eq!(at_c(GONE, GONE, end), Turn { site: Some(C), here: true, passes: None });
    }

    #[test]
    fn every_earlier_site_must_have_been_away_that_long() {
        let lately = Presence::Away { since: 500_000 };
        let now = 1_000 + GRACE_MS;
        assert_eq!(at_c(GONE, lately, now), Turn { site: Some(B), here: false, passes: Some(500_000 + GRACE_MS) });
        assert_eq!(at_c(lately, GONE, now).site, Some(A));
    }

    #[test]
    fn a_returning_site_has_its_turn_back_at_once() {
        let now = 2 * GRACE_MS;
        assert!(at_c(GONE, GONE, now).here);
        assert!(!at_c(Presence::Connected, GONE, now).here);
        assert!(!at_c(GONE, Presence::Connected, now).here);
        let left_again = Presence::Away { since: now };
        assert!(!at_c(left_again, GONE, now + 1).here, "its next absence counts from its own beginning");
    }

    #[test]
    fn a_site_that_is_not_named_never_polls() {
        let turn = turn(&[A, B], |_| GONE, u64::MAX);
        assert_eq!(turn, Turn { site: None, here: false, passes: None });
    }
}
