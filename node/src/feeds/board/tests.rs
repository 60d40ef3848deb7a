use super::*;
use crate::feeds::lease::GRACE_MS;
use crate::feeds::record::Good;
use protocol::clock::Millis;
use protocol::engine::query::NodeView;
use protocol::ids::NodeId;

const US: SiteId = SiteId([1; 16]);
const THEM: SiteId = SiteId([2; 16]);
const START: u64 = 1_000_000;

fn source(n: u8, host: &str, sites: &[SiteId]) -> SourceView {
    SourceView {
        id: EntryId([n; 32]),
        group: GroupId([9; 32]),
        url: format!("https://{host}/{n}"),
        title: String::new(),
        site_url: None,
        sites: sites.to_vec(),
        items: 0,
    }
}

fn site(id: SiteId, connected: bool, since: Option<u64>) -> SiteView {
    let state = protocol::control::registry::NodeStatus::Admitted;
    let node = NodeView { id: NodeId([1; 32]), state, connected, since: since.map(Millis), up_to_date: None };
    let (name, company) = (String::new(), String::new());
    SiteView {
        id,
        name,
        company,
        own: id == US,
        nodes: vec![node],
        people: 0,
        waiting: 0,
        suspended: false,
        removed: false,
        progress: None,
    }
}

/// A board of sources that were never polled.
fn board(sources: Vec<SourceView>, them: SiteView) -> Board {
    let mut board = Board::new(START);
    board.see(&[site(US, true, None), them]);
    board.list(sources, |_| Record::default());
    board.pass_turns(START);
    board
}

fn begun(board: &mut Board, now: u64) -> Vec<u8> {
    std::iter::from_fn(|| board.begin(now)).map(|job| job.source.0[0]).collect()
}

fn polled(at: u64) -> Record {
    let mut record = Record::default();
    record.good("https://a.example/1", Good::default(), at, 0);
    record
}

#[test]
fn a_new_source_is_polled_at_once_and_then_when_it_is_due() {
    let mut board = board(vec![source(1, "a.example", &[US])], site(THEM, true, None));
    assert_eq!(begun(&mut board, START), [1]);
    assert_eq!((begun(&mut board, START).len(), board.wake(START)), (0, None), "it is under way");
    board.end(EntryId([1; 32]), Some(polled(START)), START);
    let next = board.wake(START).unwrap();
    assert_eq!(next, START + 15 * 60_000);
    assert!(begun(&mut board, next - 1).is_empty());
    assert_eq!(begun(&mut board, next), [1]);
}

#[test]
fn four_polls_at_once_and_one_of_each_host() {
    let mut sources: Vec<SourceView> = (1..=3).map(|n| source(n, "a.example", &[US])).collect();
    sources.extend((4..=9).map(|n| source(n, &format!("h{n}.example"), &[US])));
    let mut board = board(sources, site(THEM, true, None));
    assert_eq!(begun(&mut board, START), [1, 4, 5, 6]);
    board.end(EntryId([4; 32]), Some(polled(START)), START);
    assert_eq!(begun(&mut board, START), [7], "the first host is still busy");
    board.end(EntryId([1; 32]), Some(polled(START)), START);
    assert_eq!(begun(&mut board, START), [2]);
}

#[test]
fn a_source_of_an_earlier_site_is_polled_only_while_that_site_is_away_for_long() {
    let mut board = board(vec![source(1, "a.example", &[THEM, US])], site(THEM, true, Some(1)));
    assert!(begun(&mut board, START).is_empty());
    assert_eq!(board.state(EntryId([1; 32]), START).poller, Some(THEM));
    // It leaves: nothing happens until the grace has passed, and then at once.
    let left = START + 5_000;
    board.see(&[site(US, true, None), site(THEM, false, Some(left))]);
    assert!(board.pass_turns(left).is_empty(), "it is still its turn");
    assert_eq!(board.wake(left), Some(left + GRACE_MS));
    let over = left + GRACE_MS;
    assert_eq!(board.pass_turns(over), [(GroupId([9; 32]), EntryId([1; 32]))]);
    assert!(board.state(EntryId([1; 32]), over).polled_here);
    assert_eq!(begun(&mut board, over), [1]);
    // It comes back.
    board.end(EntryId([1; 32]), Some(polled(over)), over);
    board.see(&[site(US, true, None), site(THEM, true, Some(over + 1))]);
    assert_eq!(board.pass_turns(over + 1).len(), 1);
    assert!(begun(&mut board, over + 20 * 60_000).is_empty());
    assert_eq!(board.wake(over + 1), None);
}

#[test]
fn an_absence_before_the_start_does_not_count() {
    let mut board = board(vec![source(1, "a.example", &[THEM, US])], site(THEM, false, Some(1)));
    assert!(begun(&mut board, START + GRACE_MS - 1).is_empty());
    assert_eq!(board.wake(START), Some(START + GRACE_MS));
}

#[test]
fn trouble_of_a_turn_that_passed_is_not_shown() {
    let id = EntryId([1; 32]);
    let mut board = board(vec![source(1, "a.example", &[THEM, US])], site(THEM, false, None));
    let over = START + GRACE_MS;
    board.pass_turns(over);
    begun(&mut board, over);
    let mut record = Record::default();
    let error = crate::feeds::trouble::bad_address("x");
    record.bad(
        crate::feeds::record::Bad {
            outcome: archipel_outside::schedule::Outcome::Failed,
            asked: archipel_outside::schedule::Asked::default(),
            error,
        },
        over,
        0,
    );
    board.end(id, Some(record), over);
    let error = board.state(id, over).error.unwrap();
    assert_eq!((error.code, error.retry), ("feed_refused_address", Some(over + 15 * 60_000)));
    board.retry_refused(over);
    assert_eq!(begun(&mut board, over), [1], "more origins may be open now");
    board.see(&[site(US, true, None), site(THEM, true, None)]);
    board.pass_turns(over);
    assert_eq!(board.state(id, over).error, None);
}

#[test]
fn what_people_ask_for_goes_first_whosever_turn_it_is() {
    let sources = vec![source(1, "a.example", &[US]), source(2, "b.example", &[THEM, US])];
    let mut board = board(sources, site(THEM, true, None));
    assert!(board.want(EntryId([2; 32])));
    assert!(!board.want(EntryId([3; 32])));
    assert_eq!(begun(&mut board, START), [2, 1]);
    assert!(board.want(EntryId([2; 32])), "one that is under way is waited for");
    board.end(EntryId([2; 32]), Some(polled(START)), START);
    assert!(begun(&mut board, START).is_empty(), "and not polled twice");
}

#[test]
fn after_a_start_what_others_may_have_posted_arrives_first() {
    let mut board = Board::new(START);
    board.see(&[site(US, true, None)]);
    let sources = vec![source(1, "a.example", &[US, THEM]), source(2, "b.example", &[US])];
    assert_eq!(board.list(sources, |_| polled(0)), Listed::SameOrMore);
    board.pass_turns(START);
    assert_eq!(begun(&mut board, START), [2]);
    assert_eq!(begun(&mut board, START + START_PAUSE_MS), [1]);
}

#[test]
fn a_removed_source_is_gone_even_while_it_is_polled() {
    let mut board = board(vec![source(1, "a.example", &[US])], site(THEM, true, None));
    assert_eq!(begun(&mut board, START), [1]);
    assert_eq!(board.list(Vec::new(), |_| Record::default()), Listed::Fewer);
    assert_eq!(board.end(EntryId([1; 32]), Some(polled(START)), START), None);
    assert!(board.is_empty() && board.begin(u64::MAX).is_none());
}

#[test]
fn a_poll_that_broke_is_not_repeated_at_once() {
    let mut board = board(vec![source(1, "a.example", &[US])], site(THEM, true, None));
    begun(&mut board, START);
    assert!(board.end(EntryId([1; 32]), None, START).is_some());
    assert!(begun(&mut board, START).is_empty());
    assert!(board.wake(START).is_some());
}
