//! One poll of one source: fetch, read, post what is new, work out what to remember. It keeps nothing itself.

use super::news::{Fresh, Mark, News, Seen, Visit, pick};
use super::record::{Bad, Good, Record, Validators};
use super::web::{Web, parse, read};
use super::{Clock, trouble};
use crate::runtime::handle::{Busy, Handle};
use archipel_outside::feed::FeedError;
use archipel_outside::fetch::{FetchError, Fetched, Request};
use archipel_outside::schedule::{Asked, Outcome};
use protocol::engine::effect::{Answer, Refusal};
use protocol::engine::input::Command;
use protocol::ids::{EntryId, RequestId};
use std::sync::Arc;
use std::time::Duration;

/// BLAKE3 context of [`request_id`].
const REQUEST_CONTEXT: &str = "archipel 2026 feed-item request v1";
/// BLAKE3 context of the name of one state of an item.
const EDIT_CONTEXT: &str = "archipel 2026 feed-item edit v1";
/// Times an item is offered to a busy engine, a second apart; after that the poll is repeated as a whole.
const OFFERS_MAX: u32 = 10;
/// What the runtime asks of who finds it busy.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// What a poll works with.
#[derive(Clone)]
pub struct Tools {
    /// The engine.
    pub handle: Handle,
    /// The way out.
    pub web: Arc<Web>,
    /// The time.
    pub clock: Clock,
}

/// A poll to do.
#[derive(Debug, Clone)]
pub struct Job {
    /// The source.
    pub source: EntryId,
    /// The address under which it was added.
    pub url: String,
    /// What is remembered of it.
    pub record: Record,
}

/// A poll that was done.
#[derive(Debug)]
pub struct Done {
    /// The source.
    pub source: EntryId,
    /// What to remember.
    pub record: Record,
    /// What it has shown, when that changed.
    pub seen: Option<Seen>,
}

/// How far the new items of a document were handed over.
#[derive(Debug, Default)]
struct Delivery {
    /// Marks of what the engine has, the newest first.
    marks: Vec<Mark>,
    /// New in the group.
    posted: usize,
    /// Some could not be handed over now.
    interrupted: bool,
}

/// Polls a source that has shown these items before.
pub async fn visit(tools: &Tools, job: Job, mut seen: Seen) -> Done {
    let Job { source, url, mut record } = job;
    let request = Request {
        etag: record.etag.clone(),
        last_modified: record.last_modified.clone(),
        ..Request::new(record.moved.as_deref().unwrap_or(&url))
    };
    let fetched = tools.web.fetch(request).await;
    let dice = rand::random();
    let now = || (tools.clock)();
    let mut changed = None;
    match fetched {
        Err(error) => record.bad(failed(&error), now(), dice),
        Ok(Fetched::NotModified { permanent_redirect, max_age }) => {
            let asked = Asked { max_age, ..Asked::default() };
            record.good(&url, Good { moved: permanent_redirect, asked, ..Good::default() }, now(), dice);
        }
        Ok(Fetched::Document {
            bytes,
            final_url,
            permanent_redirect,
            etag,
            last_modified,
            content_type,
            retry_after,
            max_age,
        }) => {
            let visit = if record.is_new() { Visit::First } else { Visit::Later };
            let (key, before) = (url.clone(), seen.clone());
            let reading = move || {
                let feed = parse(&bytes, content_type.as_deref(), &final_url)?;
                Ok((pick(&key, &feed, &before, visit), feed.ttl))
            };
            match read(reading).await {
                Err(error) => record.bad(unread(error), now(), dice),
                Ok((News { fresh, changed: edited, rest }, ttl)) => {
                    let before = seen.clone();
                    let mut delivery = deliver(&tools.handle, source, fresh).await;
                    if !delivery.interrupted {
                        correct(&tools.handle, source, edited, &mut delivery).await;
                    }
                    let Delivery { marks, posted, interrupted } = delivery;
                    seen.add(marks.into_iter().chain(rest));
                    changed = (seen != before).then_some(seen);
                    if interrupted {
                        record.undelivered(posted, now());
                    } else {
                        let document = Some(Validators { etag, last_modified });
                        let asked = Asked { retry_after, ttl, max_age };
                        record.good(&url, Good { moved: permanent_redirect, asked, document, posted }, now(), dice);
                    }
                }
            }
        }
    }
    Done { source, record, seen: changed }
}

fn failed(error: &FetchError) -> Bad {
    let (outcome, retry_after) = match error {
        FetchError::Status { status, retry_after } => (Outcome::of_status(*status), *retry_after),
        _ => (Outcome::Failed, None),
    };
    Bad { outcome, asked: Asked { retry_after, ..Asked::default() }, error: trouble::of_fetch(error) }
}

fn unread(error: FeedError) -> Bad {
    Bad { outcome: Outcome::Failed, asked: Asked::default(), error: trouble::of_feed(error) }
}

/// Posts items in their order. The first that cannot be posted now ends it, so that the order holds.
async fn deliver(handle: &Handle, source: EntryId, fresh: Vec<Fresh>) -> Delivery {
    let mut delivery = Delivery::default();
    for Fresh { item, marks } in fresh {
        let request = request_id(source, &item.origin_key);
        let answer = offer(handle, request, Command::PostOutside { source, item }).await;
        match answer {
            Ok(Answer::Done { .. }) => delivery.posted += 1,
            Ok(Answer::Nothing) => {}
            // These say something of the group or of this site, not of the item.
            Ok(Answer::Refused(Refusal::NotFound | Refusal::Forbidden | Refusal::Frozen | Refusal::NotSetUp))
            | Err(_) => {
                tracing::debug!(%source, ?answer, "items of a feed wait for the next poll");
                delivery.interrupted = true;
                return delivery;
            }
            // It would be refused for ever: passed over, or it would keep those behind it from coming.
            Ok(Answer::Refused(refusal)) => tracing::warn!(%source, ?refusal, "an item of a feed cannot be posted"),
        }
        delivery.marks.splice(0..0, marks);
    }
    delivery
}

/// Brings posted items to what they say now. What cannot be brought now is found changed by the next poll.
async fn correct(handle: &Handle, source: EntryId, changed: Vec<Fresh>, delivery: &mut Delivery) {
    for Fresh { item, marks } in changed {
        // Each state of an item is a wish of its own.
        let state = blake3::hash(format!("{:?}", (&item.title, &item.text, &item.url, &item.author)).as_bytes());
        let key = blake3::derive_key(EDIT_CONTEXT, &[item.origin_key.as_slice(), state.as_bytes()].concat());
        let answer = offer(handle, request_id(source, &key), Command::EditOutside { source, item }).await;
        if answer.is_err() {
            delivery.interrupted = true;
            return;
        }
        delivery.marks.splice(0..0, marks);
    }
}

/// Asks again while the engine has much to do: people's own wishes go first.
async fn offer(handle: &Handle, request: RequestId, command: Command) -> Result<Answer, Busy> {
    for _ in 1..OFFERS_MAX {
        match handle.ask(None, request, command.clone()).await {
            Err(Busy::Full) => tokio::time::sleep(BUSY_PAUSE).await,
            answer => return answer,
        }
    }
    handle.ask(None, request, command).await
}

/// The same for the same item of the same source, so that a repeat after a crash writes nothing. The source is part of
/// it, since two groups may read one feed.
fn request_id(source: EntryId, origin_key: &[u8; 32]) -> RequestId {
    let hash = blake3::derive_key(REQUEST_CONTEXT, &[source.0.as_slice(), origin_key].concat());
    RequestId(*hash.first_chunk().expect("a hash has more than sixteen bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_of_one_item_of_one_source() {
        let (a, b) = (EntryId([1; 32]), EntryId([2; 32]));
        assert_eq!(request_id(a, &[3; 32]), request_id(a, &[3; 32]));
        assert_ne!(request_id(a, &[3; 32]), request_id(b, &[3; 32]));
        assert_ne!(request_id(a, &[3; 32]), request_id(a, &[4; 32]));
    }

    #[test]
    fn only_an_ended_feed_is_given_up() {
        let status = |status| FetchError::Status { status, retry_after: Some(Duration::from_secs(9)) };
        assert_eq!(failed(&status(410)).outcome, Outcome::Gone);
        assert_eq!(failed(&status(404)).outcome, Outcome::Failed);
        let busy = failed(&status(503));
        assert_eq!((busy.outcome, busy.asked.retry_after), (Outcome::Busy, Some(Duration::from_secs(9))));
        assert_eq!(failed(&FetchError::Timeout { seconds: 10 }).outcome, Outcome::Failed);
    }
}
