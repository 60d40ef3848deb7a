//! Fills a stopped site's journal with posts, for the benches: `fill DATA` makes a post of each line of its input in the
//! log of the newest post there, in records as another site's posts arrive in. The rows are made at the next start.
//! Prints the first and the last post's id.

use archipel::runtime::disk::ENTRIES;
use archipel::runtime::record;
use archipel_storage::files;
use archipel_storage::journal::{Journal, Options, Position, Scanned};
use protocol::clock::Hlc;
use protocol::entry::batch::{self, Signatures};
use protocol::entry::{Body, Entry, Header};
use protocol::group::{DataOp, Post, kind};
use protocol::ids::{EntryId, LogId, OrgId};
use protocol::keys::{Context, Purpose, SecretKey, derive};
use protocol::limits::{EXPLICIT_EVERY_ENTRIES, RECORD_ENTRIES_MAX, SALT_BYTES};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::BufRead as _;
use std::path::PathBuf;

/// Bytes of one commit.
const COMMIT_BYTES: usize = 4 << 20;
/// Between two posts, in units of the clock: a million take a quarter of a minute, which passes while they are read.
const STEP: u64 = 1 << 10;

/// Where a log ends, and the control frontier in force there.
struct End {
    entry: Entry,
    ctl: Vec<EntryId>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let data = PathBuf::from(std::env::args().nth(1).ok_or("fill DATA")?);
    let seed: [u8; 32] = std::fs::read(data.join("keys/node.key"))?.try_into().map_err(|_| "a key has 32 bytes")?;
    let key = SecretKey::from_seed(&seed);
    let (mut journal, _) = Journal::open(&data.join("journal"), files::disk(), Options::default())?;
    let (org, mut end) = newest_post(&journal)?;
    let (mut run, mut ids) = (Vec::new(), Vec::new());
    for line in std::io::stdin().lock().lines() {
        let entry = next(&end, line?);
        ids.push(entry.id);
        end.entry = entry.clone();
        run.push(entry);
        if run.len() == RECORD_ENTRIES_MAX {
            append(&mut journal, &mut run, &org, &key)?;
        }
    }
    append(&mut journal, &mut run, &org, &key)?;
    journal.commit()?;
    println!("{} {}", ids.first().ok_or("no lines")?, ids.last().ok_or("no lines")?);
    Ok(())
}

fn newest_post(journal: &Journal) -> Result<(OrgId, End), Box<dyn Error>> {
    let mut ends: BTreeMap<LogId, End> = BTreeMap::new();
    let (mut org, mut newest) = (None, None);
    for found in journal.scan(Position::START) {
        let Scanned::Record { kind: ENTRIES, payload, .. } = found? else { continue };
        for entry in batch::decode(&record::unpack(&payload).ok_or("an unknown record")?)? {
            // The journal begins with the founder's control log.
            org.get_or_insert(OrgId(entry.header.scope.0));
            let log = entry.log();
            let before = ends.remove(&log).map(|end| end.ctl).unwrap_or_default();
            let ctl = entry.header.ctl.clone().unwrap_or(before);
            if entry.header.kind == kind::POST {
                newest = Some(log);
            }
            ends.insert(log, End { entry, ctl });
        }
    }
    let end = newest.and_then(|log| ends.remove(&log)).ok_or("there is no post to go on from")?;
    Ok((org.ok_or("the journal is empty")?, end))
}

fn next(end: &End, text: String) -> Entry {
    let before = &end.entry.header;
    let (kind, bytes) = DataOp::Post(Post { title: String::new(), text, attachments: Vec::new() }).encode();
    let seq = before.seq + 1;
    let random = derive(Purpose::Origin, &[&seq.to_le_bytes()]);
    let salt: [u8; SALT_BYTES] = random[..SALT_BYTES].try_into().expect("a digest is longer");
    let body = Body { salt, bytes };
    let header = Header {
        log: Some(end.entry.log()),
        seq,
        prev: Some(end.entry.id),
        hlc: Hlc(before.hlc.0 + STEP),
        ctl: seq.is_multiple_of(EXPLICIT_EVERY_ENTRIES).then(|| end.ctl.clone()),
        kind,
        body_len: body.bytes.len() as u32,
        body_commit: body.commitment(),
        refs: Vec::new(),
        ..before.clone()
    };
    let id = protocol::entry::id_of(&header.encode());
    Entry { header, id, body: Some(body), signature: None }
}

/// One record, proved by its last entry's signature.
fn append(journal: &mut Journal, run: &mut Vec<Entry>, org: &OrgId, key: &SecretKey) -> Result<(), Box<dyn Error>> {
    let Some(last) = run.last_mut() else { return Ok(()) };
    last.signature = Some(key.sign(Context::Entry, org, &last.id.0));
    journal.append(ENTRIES, &record::pack(&batch::encode(run, Signatures::All)))?;
    run.clear();
    if journal.waiting_bytes() > COMMIT_BYTES {
        journal.commit()?;
    }
    Ok(())
}
