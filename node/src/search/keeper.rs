//! The task that keeps the index: waits for news, takes them in, lets go of what is gone.

use super::document::Whole as WholeItem;
use super::due::{Due, Mark, Whole};
use super::{Rooms, Search, State, tail};
use archipel_search::{Index, SearchError};
use archipel_storage::journal::Position;
use protocol::engine::effect::Notice;
use protocol::engine::input::Input;
use protocol::engine::query::{Words, WordsOf};
use protocol::ids::{EntryId, GroupId};
use protocol::store::Location;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc;

/// What comes within this time is taken in together, within the second that is promised. Each time costs several waits for
/// the disk and a tenth of a second of a core, which those who write would feel.
const GATHER: Duration = Duration::from_millis(500);
/// A page that is being written in is taken in no more often: each time costs a reading of the whole page.
const PAGE_EVERY: Duration = Duration::from_secs(2);
/// Items taken in at once.
const ITEMS_PER_STEP: usize = 512;
/// Posts of a group that are listed at once.
const POSTS_PER_STEP: usize = 1_024;
/// While the engine takes in much, so many times as long as a step took nothing is done: the engine comes first.
const REST_TIMES: u32 = 2;
/// Lists are made anew no more often than so many times as long as it took the last time.
const PURGE_REST_TIMES: u32 = 4;
/// After so much quiet the writer's memory is given back.
const QUIET: Duration = Duration::from_secs(10);
/// How long to wait before an index is begun anew on a disk that refused.
const AGAIN: Duration = Duration::from_secs(10);
/// Items whose words are known not to have changed.
const KNOWN_MAX: usize = 8_192;

/// Follows the engine until it stops.
pub async fn run(search: Search, rooms: Rooms, mut forgotten: mpsc::Receiver<Vec<Location>>) {
    let mut begin = Begin::Kept;
    loop {
        let mut notices = rooms.handle.notices();
        let ended = match open(&search, &rooms, begin).await {
            Ok(mut keeper) => {
                search.set_index(Some(Arc::clone(&keeper.index)));
                keeper.follow(&mut notices, &mut forgotten).await
            }
            Err(error) => Ended::Failed(error.to_string()),
        };
        search.set_index(None);
        begin = Begin::Anew;
        match ended {
            Ended::Stopped => return,
            Ended::Wanted => search.set_state(State::Filling { done: 0, of: 0 }),
            Ended::Failed(error) => {
                tracing::error!(%error, "the search index cannot be kept; it is begun anew");
                search.set_state(State::Off);
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// What is done with the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    Kept,
    Anew,
}

/// Why the index is let go of.
enum Ended {
    Stopped,
    Wanted,
    Failed(String),
}

impl From<SearchError> for Ended {
    fn from(error: SearchError) -> Self {
        Self::Failed(error.to_string())
    }
}

struct Keeper {
    search: Search,
    rooms: Rooms,
    index: Arc<Index>,
    due: Due,
    /// Up to where the journal is taken in.
    at: Position,
    /// What the index says of it.
    mark: Mark,
    /// Wiped records that the engine waits to hear of.
    wiped: Vec<Location>,
    /// Lists may hold words that are gone.
    stale: bool,
    purge_after: Option<Instant>,
    known: HashMap<EntryId, u64>,
    /// Pages and when they were last taken in.
    pages: BTreeMap<EntryId, Instant>,
    /// Items that wait for their time.
    late: Vec<EntryId>,
    done: u64,
    of: u64,
}

async fn open(search: &Search, rooms: &Rooms, begin: Begin) -> Result<Keeper, SearchError> {
    let folder = rooms.folder.clone();
    let opening = tokio::task::spawn_blocking(move || {
        let index = if begin == Begin::Kept { Index::open(&folder) } else { Index::begin(&folder) }?;
        let stale = index.is_stale()?;
        Ok::<_, SearchError>((index, stale))
    });
    let (index, stale) = opening.await.map_err(|error| SearchError::Disk(std::io::Error::other(error)))??;
    let told = rooms.handle.told();
    let mark = index.mark().and_then(Mark::parse).filter(|mark| mark.at <= told);
    let mark = mark.unwrap_or(Mark { at: told, whole: Whole::All });
    let due = Due { whole: mark.whole.clone(), blind: mark.at < told, ..Due::default() };
    Ok(Keeper {
        search: search.clone(),
        rooms: rooms.clone(),
        index: Arc::new(index),
        due,
        at: mark.at,
        mark,
        wiped: Vec::new(),
        stale,
        purge_after: None,
        known: HashMap::new(),
        pages: BTreeMap::new(),
        late: Vec::new(),
        done: 0,
        of: 0,
    })
}

impl Keeper {
    async fn follow(&mut self, notices: &mut Receiver<Notice>, forgotten: &mut mpsc::Receiver<Vec<Location>>) -> Ended {
        loop {
            if let Err(ended) = self.round(notices, forgotten).await {
                return ended;
            }
            if !self.due.is_empty() {
                continue;
            }
            if let Err(ended) = self.wait(notices, forgotten).await {
                return ended;
            }
        }
    }

    /// Waits for something to do. After some quiet the memory of writing is given back.
    async fn wait(
        &mut self,
        notices: &mut Receiver<Notice>,
        forgotten: &mut mpsc::Receiver<Vec<Location>>,
    ) -> Result<(), Ended> {
        let owes = !self.late.is_empty() || !self.wiped.is_empty();
        let mut patience = if owes { GATHER } else { QUIET };
        loop {
            tokio::select! {
                notice = notices.recv() => match notice {
                    Ok(notice) => self.hear(notice),
                    Err(RecvError::Lagged(_)) => self.due.blind = true,
                    Err(RecvError::Closed) => return Err(Ended::Stopped),
                },
                places = forgotten.recv() => match places {
                    Some(places) => self.wiped.extend(places),
                    None => return Err(Ended::Stopped),
                },
                () = self.search.0.anew.notified() => return Err(Ended::Wanted),
                () = self.search.0.look.notified() => return Ok(()),
                () = tokio::time::sleep(patience) => {
                    if !owes {
                        self.rest().await?;
                        patience = Duration::MAX;
                        continue;
                    }
                }
            }
            // What comes at the same time is taken in together.
            tokio::time::sleep(GATHER).await;
            return Ok(());
        }
    }

    /// Lets go of the writer, with the mark where it belongs: the next start has nothing to read again.
    async fn rest(&mut self) -> Result<(), Ended> {
        if self.mark.at != self.at {
            self.commit().await?;
        }
        let index = Arc::clone(&self.index);
        tokio::task::spawn_blocking(move || index.rest()).await.map_err(failed)
    }

    fn hear(&mut self, notice: Notice) {
        let due = &mut self.due;
        self.rooms.handle.read(|reader| due.hear(reader, notice));
    }

    /// Takes in what is due, then makes it durable.
    async fn round(
        &mut self,
        notices: &mut Receiver<Notice>,
        forgotten: &mut mpsc::Receiver<Vec<Location>>,
    ) -> Result<(), Ended> {
        let begun = Instant::now();
        // In this order: what led to a wipe was told before it, and what is told up to there is in the stream by now.
        while let Ok(places) = forgotten.try_recv() {
            self.wiped.extend(places);
        }
        let told = self.rooms.handle.told();
        loop {
            match notices.try_recv() {
                Ok(notice) => self.hear(notice),
                Err(TryRecvError::Lagged(_)) => self.due.blind = true,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => return Err(Ended::Stopped),
            }
        }
        let (again, late) = std::mem::take(&mut self.late).into_iter().partition(|page| !self.is_early(page));
        self.late = late;
        let again: Vec<EntryId> = again;
        self.due.items.extend(again);
        let at = self.read_on(told).await?;
        let caught_up = !self.due.blind;
        let worked = !self.due.items.is_empty() || (caught_up && !self.due.whole.is_empty());
        if caught_up && !self.due.whole.is_empty() {
            self.take_whole(told).await?;
            // What follows looks at what is committed to know what stands there.
            self.commit().await?;
        }
        let items: Vec<EntryId> = std::mem::take(&mut self.due.items).into_iter().collect();
        for some in items.chunks(ITEMS_PER_STEP) {
            self.take(some, Fresh::No).await?;
        }
        self.at = at;
        if worked || !caught_up {
            self.commit().await?;
        }
        if caught_up {
            self.forget().await?;
            if self.due.is_empty() {
                self.search.set_state(State::Ready);
                if self.late.is_empty() {
                    self.search.0.taken.send_replace(self.at);
                }
            }
        } else {
            self.search.set_state(State::Filling { done: 0, of: 0 });
            if self.rooms.handle.told() != told {
                tokio::time::sleep(begun.elapsed() * REST_TIMES).await;
            }
        }
        Ok(())
    }

    /// Reads a step of the journal if something was missed; answers up to where everything is due or taken in.
    async fn read_on(&mut self, told: Position) -> Result<Position, Ended> {
        if !self.due.blind {
            return Ok(told);
        }
        let (handle, mut due, at) = (self.rooms.handle.clone(), std::mem::take(&mut self.due), self.at);
        let read = move || {
            let next = tail::step(&handle, at, told, &mut due);
            (next, due)
        };
        let (next, due) = tokio::task::spawn_blocking(read).await.map_err(failed)?;
        self.due = due;
        self.due.blind = next < told;
        Ok(next)
    }

    fn is_early(&self, page: &EntryId) -> bool {
        self.pages.get(page).is_some_and(|at| at.elapsed() < PAGE_EVERY)
    }

    // --- groups ---------------------------------------------------------------------------------------------------

    /// Takes in the groups that are due, from the beginning.
    async fn take_whole(&mut self, told: Position) -> Result<(), Ended> {
        if self.due.whole.is_empty() {
            return Ok(());
        }
        let held = self.rooms.handle.read(|reader| reader.held_groups());
        let groups: Vec<GroupId> = match std::mem::take(&mut self.due.whole) {
            Whole::Groups(groups) => groups.into_iter().collect(),
            Whole::All => {
                let there = self.index.groups().map_err(Ended::from)?;
                let gone = there.into_iter().map(GroupId).filter(|group| !held.contains(group));
                held.iter().copied().chain(gone).collect()
            }
        };
        self.done = 0;
        self.of = groups.iter().map(|group| self.count(*group)).sum();
        for group in groups {
            let fresh = self.index.is_empty();
            self.index.remove_group(&group.0).map_err(Ended::from)?;
            self.stale |= !fresh;
            if held.contains(&group) {
                self.take_group(group, told).await?;
            }
        }
        self.known.clear();
        Ok(())
    }

    /// Posts, pages and files of a group.
    fn count(&self, group: GroupId) -> u64 {
        self.rooms.handle.read(|reader| {
            let things = reader.pages_of(group).len() + reader.files_of(group).len();
            let (mut count, mut after) = (things as u64, None);
            loop {
                let (posts, next) = reader.posts_of(group, after.as_deref(), POSTS_PER_STEP);
                count += posts.len() as u64;
                after = next;
                if after.is_none() {
                    return count;
                }
            }
        })
    }

    async fn take_group(&mut self, group: GroupId, told: Position) -> Result<(), Ended> {
        let pages = self.rooms.handle.read(|reader| reader.pages_of(group));
        self.take_all(pages, told).await?;
        let files = self.rooms.handle.read(|reader| reader.files_of(group));
        self.take_all(files, told).await?;
        let mut after = None;
        loop {
            let (posts, next) =
                self.rooms.handle.read(|reader| reader.posts_of(group, after.as_deref(), POSTS_PER_STEP));
            self.take_all(posts, told).await?;
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Takes in posts or pages, and what was said about them.
    async fn take_all(&mut self, items: Vec<EntryId>, told: Position) -> Result<(), Ended> {
        for some in items.chunks(ITEMS_PER_STEP) {
            let begun = Instant::now();
            let threads = self.rooms.handle.read(|reader| {
                let thread = |id: &EntryId| reader.thread_of(*id, usize::MAX);
                some.iter().flat_map(thread).collect::<Vec<EntryId>>()
            });
            self.take(some, Fresh::Yes).await?;
            for said in threads.chunks(ITEMS_PER_STEP) {
                self.take(said, Fresh::Yes).await?;
            }
            self.done += some.len() as u64;
            self.search.set_state(State::Filling { done: self.done, of: self.of.max(self.done) });
            if self.rooms.handle.told() != told {
                tokio::time::sleep(begun.elapsed() * REST_TIMES).await;
            }
        }
        Ok(())
    }

    // --- items ----------------------------------------------------------------------------------------------------

    /// Takes in some items as they are now.
    async fn take(&mut self, ids: &[EntryId], fresh: Fresh) -> Result<(), Ended> {
        let mut found: Vec<(EntryId, Option<Words>)> = {
            let (handle, ids) = (self.rooms.handle.clone(), ids.to_vec());
            let read = move || handle.read(|reader| ids.into_iter().map(|id| (id, reader.words(id))).collect());
            tokio::task::spawn_blocking(read).await.map_err(failed)?
        };
        let mut texts = BTreeMap::new();
        let is_page = |words: &Option<Words>| words.as_ref().is_some_and(|words| words.of == WordsOf::Page);
        for (page, words) in found.iter().filter(|(_, words)| is_page(words)) {
            let Some(group) = words.as_ref().map(|words| words.group) else { continue };
            let text = if self.is_early(page) { None } else { self.rooms.pages.text(group, *page).await };
            match text {
                Some(text) => {
                    texts.insert(*page, text);
                }
                None => self.late.push(*page),
            }
        }
        let now = Instant::now();
        self.pages.retain(|_, at| now.duration_since(*at) < PAGE_EVERY);
        self.pages.extend(texts.keys().map(|page| (*page, now)));
        // With its old text it stays until its time has come.
        found.retain(|(id, words)| !is_page(words) || texts.contains_key(id));

        let (rooms, index) = (self.rooms.clone(), Arc::clone(&self.index));
        let mut known = std::mem::take(&mut self.known);
        let write = move || {
            let stale = write(&rooms, &index, found, &mut texts, &mut known, fresh)?;
            Ok::<_, SearchError>((stale, known))
        };
        let (stale, known) = tokio::task::spawn_blocking(write).await.map_err(failed)?.map_err(Ended::from)?;
        self.known = known;
        self.stale |= stale;
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), Ended> {
        // What waits for its time is owed: the mark stays before it.
        if self.late.is_empty() {
            self.mark = Mark { at: self.at, whole: self.due.whole.clone() };
        }
        let (index, mark) = (Arc::clone(&self.index), self.mark.to_text());
        tokio::task::spawn_blocking(move || index.commit(&mark)).await.map_err(failed)?.map_err(Ended::from)
    }

    /// What was wiped elsewhere leaves the index's lists too; then the engine hears of it. Words that were only changed or
    /// deleted stay in lists until those are merged: their bodies stand in the journal as well.
    async fn forget(&mut self) -> Result<(), Ended> {
        let early = self.purge_after.is_some_and(|after| Instant::now() < after);
        if self.wiped.is_empty() || !self.late.is_empty() || (self.stale && early) {
            return Ok(());
        }
        if self.stale {
            let begun = Instant::now();
            let index = Arc::clone(&self.index);
            let purged = tokio::task::spawn_blocking(move || index.purge()).await.map_err(failed)?;
            self.purge_after = Some(Instant::now() + begun.elapsed() * PURGE_REST_TIMES);
            if let Err(error) = purged {
                // A question may still read what is to go. What the disk refuses fails at the next commit too.
                tracing::warn!(%error, "words that are gone still stand in the search index; tried again");
                return Ok(());
            }
            self.stale = false;
        }
        let wiped = std::mem::take(&mut self.wiped);
        self.rooms.handle.tell(Input::Wiped(wiped)).await;
        Ok(())
    }
}

/// Whether documents of these items may stand in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fresh {
    /// They were removed with their group.
    Yes,
    No,
}

fn failed(error: tokio::task::JoinError) -> Ended {
    Ended::Failed(error.to_string())
}

/// Writes items to the index; answers whether words were taken out of it.
fn write(
    rooms: &Rooms,
    index: &Index,
    found: Vec<(EntryId, Option<Words>)>,
    texts: &mut BTreeMap<EntryId, String>,
    known: &mut HashMap<EntryId, u64>,
    fresh: Fresh,
) -> Result<bool, SearchError> {
    let mut stale = false;
    for (id, words) in found {
        let text = texts.remove(&id);
        let whole = words.map(|words| WholeItem::read(rooms, words, text));
        let stamp = whole.as_ref().map(WholeItem::stamp);
        if fresh == Fresh::No {
            if stamp.is_some() && known.get(&id).copied() == stamp {
                continue;
            }
            if index.holds(&id.0)? {
                index.remove(&id.0)?;
                stale = true;
            }
        }
        if let Some(whole) = &whole {
            whole.put(index)?;
        }
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        match stamp {
            Some(stamp) => known.insert(id, stamp),
            None => known.remove(&id),
        };
    }
    Ok(stale)
}
