//! Measures how fast the journal takes records: 300 bytes each, 256 a commit, against plain writes and syncs of the same
//! bytes in the same run. Usage: `journal_rate [records] [folder]`.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use archipel_storage::files::disk;
use archipel_storage::journal::{Journal, Options, Position, Scanned};

const PAYLOAD_BYTES: usize = 300;
const GROUP: usize = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let records: usize = arguments.next().map_or(Ok(200_000), |text| text.parse())?;
    let parent = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = parent.join(format!("journal-rate-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let result = measure(&dir, records);
    std::fs::remove_dir_all(&dir)?;
    result
}

fn measure(dir: &std::path::Path, records: usize) -> Result<(), Box<dyn std::error::Error>> {
    let payload: Vec<u8> = (0..PAYLOAD_BYTES).map(|i| (i * 7) as u8).collect();
    let groups = records.div_ceil(GROUP);
    let records = groups * GROUP;

    let plain = Instant::now();
    let mut file = File::create(dir.join("plain"))?;
    let block = payload.repeat(GROUP);
    for _ in 0..groups {
        file.write_all(&block)?;
        file.sync_data()?;
    }
    let plain = plain.elapsed();

    let (mut journal, _) = Journal::open(&dir.join("journal"), disk(), Options::default())?;
    let mut places = Vec::with_capacity(records);
    let mut slowest = Duration::ZERO;
    let mut appending = Duration::ZERO;
    let begun = Instant::now();
    for _ in 0..groups {
        let before = Instant::now();
        for _ in 0..GROUP {
            places.push(journal.append(1, &payload)?);
        }
        appending += before.elapsed();
        let before = Instant::now();
        journal.commit()?;
        slowest = slowest.max(before.elapsed());
    }
    let written = begun.elapsed();

    let begun = Instant::now();
    let mut found = 0;
    for item in journal.scan(Position::START) {
        found += usize::from(matches!(item?, Scanned::Record { .. }));
    }
    let scanned = begun.elapsed();

    let reader = journal.reader();
    let begun = Instant::now();
    for step in 0..records {
        reader.read(places[step * 7919 % records])?;
    }
    let read = begun.elapsed();

    drop(journal);
    let begun = Instant::now();
    let (journal, _) = Journal::open(&dir.join("journal"), disk(), Options::default())?;
    let opened = begun.elapsed();

    let rate = |time: Duration| records as f64 / time.as_secs_f64();
    let bytes: u64 = journal.reader().segments()?.iter().map(|segment| segment.bytes).sum();
    println!("{records} records of {PAYLOAD_BYTES} bytes, {GROUP} a commit; {found} found again");
    println!("append and commit   {:>10.0} records/s   slowest commit {:.1} ms", rate(written), ms(slowest));
    println!("of which appending  {:>10.0} records/s", rate(appending));
    println!("plain write + sync  {:>10.0} records/s   ratio {:.2}", rate(plain), rate(written) / rate(plain));
    println!("scan                {:>10.0} records/s", rate(scanned));
    println!("random read         {:>10.0} records/s", rate(read));
    println!("open                {:>10.1} ms", ms(opened));
    println!("disk bytes a payload byte {:.3}", bytes as f64 / (records * PAYLOAD_BYTES) as f64);
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
