//! The files of a kvlog: reading the newest, writing the next.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::batch::{self, Batch};
use super::{KvError, KvOpened, Map, Writer};
use crate::files::{FileHandle, Files, Mode};
use crate::journal::random_salt;
use crate::record;
use crate::segment::{Header, HeaderFound, RECORDS_AT, Step, Walk};

/// The one kind of record there is.
pub(super) const KIND: u8 = 1;
/// Size of the records of a snapshot: a damaged one costs no more than this.
const SNAPSHOT_RECORD_BYTES: usize = 64 << 10;

pub(super) fn path(dir: &Path, generation: u32) -> PathBuf {
    dir.join(format!("state-{generation:08}.kv"))
}

fn number(name: &str) -> Option<u32> {
    name.strip_prefix("state-")?.strip_suffix(".kv")?.parse().ok()
}

pub(super) fn open(dir: &Path, files: &dyn Files) -> Result<(Writer, Map, KvOpened), KvError> {
    let io = |action, path: &Path| {
        let path = path.to_path_buf();
        move |source| KvError::Io { action, path, source }
    };
    files.create_dir(dir).map_err(io("make", dir))?;
    let names = files.list(dir).map_err(io("list", dir))?;
    for name in names.iter().filter(|name| name.starts_with("state-") && name.ends_with(".tmp")) {
        files.remove(&dir.join(name)).map_err(io("remove", dir))?;
    }
    let generations: Vec<u32> = names.iter().filter_map(|name| number(name)).collect();
    let newest = generations.iter().max().copied();
    let mut opened = KvOpened { created: newest.is_none(), ..KvOpened::default() };
    let mut map = Map::new();
    let mut writer = None;
    if let Some(newest) = newest {
        let path = path(dir, newest);
        writer = read(&path, newest, files, &mut map, &mut opened)?;
    } else if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        files.sync_dir(parent).map_err(io("sync", parent))?;
    }
    let writer = match writer {
        // Nothing is added to a damaged file.
        Some(writer) if opened.damaged.is_empty() => writer,
        other => {
            let next_seq = other.map_or(1, |writer| writer.next_seq);
            write(dir, files, newest.unwrap_or(0) + 1, next_seq, &map)?
        }
    };
    // Older generations are superseded; one may be left when a crash came between renaming and removing.
    for old in generations.into_iter().filter(|old| *old != writer.generation) {
        let path = path(dir, old);
        match !opened.damaged.is_empty() && Some(old) == newest {
            true => files.rename(&path, &path.with_extension("bad")).map_err(io("rename", &path))?,
            false => files.remove(&path).map_err(io("remove", &path))?,
        }
        files.sync_dir(dir).map_err(io("sync", dir))?;
    }
    Ok((writer, map, opened))
}

/// Reads one file into the map. `None` when its header is lost.
fn read(
    path: &Path,
    generation: u32,
    files: &dyn Files,
    map: &mut Map,
    opened: &mut KvOpened,
) -> Result<Option<Writer>, KvError> {
    let io = |action| {
        let path = path.to_path_buf();
        move |source| KvError::Io { action, path, source }
    };
    let file = files.open(path, Mode::Write).map_err(io("open"))?;
    let header = match Header::read(&*file).map_err(io("read"))? {
        HeaderFound::Known { header, whole } => {
            if !whole {
                file.write_at(&header.encode(), 0).map_err(io("mend"))?;
            }
            header
        }
        HeaderFound::Newer { version } => {
            return Err(KvError::NewerVersion { path: path.to_path_buf(), version });
        }
        HeaderFound::Damaged => {
            opened.damaged.push((0, u32::MAX));
            return Ok(None);
        }
    };
    let seed = header.seed();
    let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
    let end = file.len().and_then(|len| u32::try_from(len).map_err(too_large)).map_err(io("read"))?;
    let mut walk = Walk::new(Arc::clone(&file), seed, RECORDS_AT, end, Some(header.first_seq));
    let mut live = 0;
    let mut len = end.max(RECORDS_AT);
    let mut last = len;
    let mut next_seq = header.first_seq;
    while let Some(step) = walk.step().map_err(io("read"))? {
        match step {
            Step::Record { offset, payload, head } => {
                last = offset;
                next_seq = head.seq + 1;
                match Batch::decode(&payload) {
                    Some(batch) => live = batch::apply(map, live, batch),
                    None => opened.damaged.push((offset, walk.offset())),
                }
            }
            Step::Erased { offset, .. } => opened.damaged.push((offset, walk.offset())),
            // Only one record at a time is not yet durable: the last.
            Step::Damaged(hole) if hole.to == end && hole.unwritten => {
                opened.torn_bytes = u64::from(hole.to - hole.from);
                len = hole.from;
                last = len;
            }
            Step::Damaged(hole) => opened.damaged.push((hole.from, hole.to)),
        }
    }
    settle(&*file, last, len).map_err(io("settle"))?;
    Ok(Some(Writer { generation, file, seed, len: u64::from(len), next_seq, live, compact_from: 0, poisoned: None }))
}

/// Cuts the file to `len` and makes sure that what is left, the last record too, is on the disk (see
/// `journal::opening`).
fn settle(file: &dyn FileHandle, last: u32, len: u32) -> io::Result<()> {
    file.set_len(u64::from(len))?;
    if last < len {
        let mut bytes = vec![0; (len - last) as usize];
        file.read_exact_at(&mut bytes, u64::from(last))?;
        file.write_at(&bytes, u64::from(last))?;
    }
    file.sync_all()
}

/// Writes a new generation and makes it durable; the one before stays.
pub(super) fn write(
    dir: &Path,
    files: &dyn Files,
    generation: u32,
    first_seq: u64,
    map: &Map,
) -> Result<Writer, KvError> {
    let path = path(dir, generation);
    let temporary = path.with_extension("tmp");
    let fail = |action: &'static str| {
        let path = path.clone();
        move |source| KvError::Io { action, path, source }
    };
    let header = Header { number: generation, first_seq, salt: random_salt(), previous: [0; 32] };
    let seed = header.seed();
    if let Err(error) = files.remove(&temporary)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(fail("remove")(error));
    }
    let file = files.open(&temporary, Mode::CreateNew).map_err(fail("create"))?;
    let mut len = 0;
    let mut put = |bytes: &[u8]| -> io::Result<()> {
        file.write_at(bytes, len)?;
        len += bytes.len() as u64;
        Ok(())
    };
    let mut next_seq = first_seq;
    let mut live = 0;
    let written = (|| {
        put(&header.encode())?;
        let mut payload = Vec::new();
        let mut rows = map.iter().peekable();
        while let Some((key, value)) = rows.next() {
            batch::encode_change(&mut payload, key, Some(value));
            live += key.len() as u64 + value.len() as u64 + batch::ROW_OVERHEAD;
            let full =
                rows.peek().is_none_or(|(key, value)| payload.len() + key.len() + value.len() > SNAPSHOT_RECORD_BYTES);
            if full {
                let mut bytes = Vec::new();
                record::encode(&mut bytes, seed, KIND, record::BEGIN | record::END, next_seq, &payload);
                put(&bytes)?;
                next_seq += 1;
                payload.clear();
            }
        }
        file.sync_all()
    })();
    written.map_err(fail("write"))?;
    files.rename(&temporary, &path).map_err(fail("rename"))?;
    files.sync_dir(dir).map_err(fail("sync folder of"))?;
    Ok(Writer { generation, file, seed, len, next_seq, live, compact_from: 0, poisoned: None })
}

/// Takes back a [`write`] that failed. `false` when the disk does not even do that: then neither generation may be
/// added to, since nobody can tell which one the next opening will find.
pub(super) fn undo_write(dir: &Path, files: &dyn Files, generation: u32) -> bool {
    let path = path(dir, generation);
    let gone = |result: io::Result<()>| result.is_ok() || result.is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
    // Leaves room on a full disk; opening would remove it as well.
    let _ = files.remove(&path.with_extension("tmp"));
    gone(files.remove(&path)) && files.sync_dir(dir).is_ok()
}
