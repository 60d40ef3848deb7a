//! Measures the index against sled with a row of its own for each: `index_rate [entries] [folder]`. Rows as the engine
//! makes them of posts from elsewhere: a place by id, a line of the feed, and now and then a run.

use std::path::{Path, PathBuf};
use std::time::Instant;

use archipel_storage::index::{Batch, Direction, Index, Options};
use archipel_storage::journal::Position;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

const ENTRIES_DEFAULT: u64 = 100_000;
/// Entries of one batch, and of one run.
const BATCH: u64 = 1_024;
const RUN: u64 = 64;
const READS: u64 = 20_000;

fn main() {
    let mut words = std::env::args().skip(1);
    let entries = words.next().and_then(|word| word.parse().ok()).unwrap_or(ENTRIES_DEFAULT);
    let folder = words.next().map_or_else(|| std::env::temp_dir().join("index_rate"), PathBuf::from);
    // The folder may be left from an earlier run.
    let _ = std::fs::remove_dir_all(&folder);
    let begun = (Instant::now(), processor_seconds());
    let index =
        Index::open(&folder.join("ours"), Options { prefix_bytes: 33, ..Options::default() }).expect("it opens");
    let mut batch = Batch::new();
    for entry in 0..entries {
        rows(entry, |key, value| batch.put(key, value));
        if entry % BATCH == BATCH - 1 || entry == entries - 1 {
            batch.set_watermark(Position { segment: 1, offset: entry as u32 });
            index.apply(std::mem::take(&mut batch)).expect("it takes batches");
        }
    }
    index.flush().expect("it is written out");
    report("index", entries, begun, &folder.join("ours"));
    let begun = Instant::now();
    for n in 0..READS {
        assert!(index.get(&place(n * 7919 % entries)).expect("it reads").is_some());
    }
    println!("found:  {:.1} us a look-up", begun.elapsed().as_secs_f64() * 1e6 / READS as f64);
    let begun = Instant::now();
    for n in 0..READS {
        let mut prefix = place(n * 7919 % entries);
        prefix[0] = b'R';
        assert!(index.prefix(&prefix, 100, Direction::Ascending).expect("it reads").is_empty());
    }
    println!("absent: {:.1} us a range of an id without rows", begun.elapsed().as_secs_f64() * 1e6 / READS as f64);
    index.close().expect("it closes");
    println!("closed: {:.1} bytes an entry", size(&folder.join("ours")) as f64 / entries as f64);

    let begun = (Instant::now(), processor_seconds());
    let db = sled::Config::new().path(folder.join("rows")).cache_capacity(16 << 20).open().expect("it opens");
    let mut batch = sled::Batch::default();
    for entry in 0..entries {
        rows(entry, |key, value| batch.insert(key, value));
        if entry % BATCH == BATCH - 1 || entry == entries - 1 {
            db.apply_batch(std::mem::take(&mut batch)).expect("it takes batches");
        }
    }
    db.flush().expect("it is written out");
    report("rows in sled", entries, begun, &folder.join("rows"));
    drop(db);
    // What is left is only temporary.
    let _ = std::fs::remove_dir_all(&folder);
}

fn id(entry: u64) -> [u8; 32] {
    let mut id = [0; 32];
    ChaCha8Rng::seed_from_u64(entry).fill_bytes(&mut id);
    id
}

fn place(entry: u64) -> Vec<u8> {
    [&b"E"[..], &id(entry)].concat()
}

fn rows(entry: u64, mut put: impl FnMut(Vec<u8>, Vec<u8>)) {
    let time = (1_800_000_000_000 + entry * 40) << 16;
    put(place(entry), [&[7; 32][..], &entry.to_be_bytes()].concat());
    put([&b"F"[..], &[9; 32], &(!time).to_be_bytes(), &id(entry)].concat(), vec![5; 17]);
    if entry % RUN == RUN - 1 {
        put([&b"L"[..], &[7; 32], &entry.to_be_bytes()].concat(), entry.to_be_bytes().repeat(2));
    }
}

fn report(what: &str, entries: u64, begun: (Instant, f64), folder: &Path) {
    let (seconds, cpu) = (begun.0.elapsed().as_secs_f64(), processor_seconds() - begun.1);
    let each = |seconds: f64| seconds * 1e6 / entries as f64;
    let bytes = size(folder) as f64 / entries as f64;
    println!(
        "{what}: {:.1} us of processor time and {:.1} us an entry, {bytes:.1} bytes an entry",
        each(cpu),
        each(seconds)
    );
}

/// Of all threads of this process.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)));
    sizes.map(|(path, data)| if data.is_dir() { size(&path) } else { data.len() }).sum()
}
