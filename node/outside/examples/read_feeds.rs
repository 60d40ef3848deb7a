//! Reads every file below a folder as a feed and prints one JSON line each, then counts. A tool for trying the parser
//! on a large corpus: `cargo run -p archipel-outside --example read_feeds -- FOLDER`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, io, panic};

use archipel_outside::feed;
use serde_json::json;

fn main() -> io::Result<()> {
    let Some(folder) = env::args().nth(1) else {
        eprintln!("usage: read_feeds FOLDER");
        return Ok(());
    };
    let mut files = Vec::new();
    gather(Path::new(&folder), &mut files)?;
    files.sort();
    let (mut read, mut refused, mut panics, mut slowest) = (0, 0, 0, (Duration::ZERO, PathBuf::new()));
    for path in files {
        let bytes = fs::read(&path)?;
        let start = Instant::now();
        let result = panic::catch_unwind(|| feed::parse(&bytes, None, "http://base.example/feed"));
        slowest = slowest.max((start.elapsed(), path.clone()));
        match result {
            Err(_) => {
                panics += 1;
                println!("{}", json!({ "path": path, "panic": true }));
            }
            Ok(Err(error)) => {
                refused += 1;
                println!("{}", json!({ "path": path, "error": error.to_string() }));
            }
            Ok(Ok(feed)) => {
                read += 1;
                let items: Vec<_> = feed.items.iter().map(shown).collect();
                let head = json!({ "title": feed.title, "link": feed.site_url, "partial": feed.partial });
                println!("{}", json!({ "path": path, "feed": head, "items": items }));
            }
        }
    }
    eprintln!("read {read}, refused {refused}, panics {panics}, slowest {:?} {}", slowest.0, slowest.1.display());
    Ok(())
}

fn shown(item: &feed::Item) -> serde_json::Value {
    json!({ "guid": item.guid, "title": item.title, "link": item.url, "author": item.author,
            "published": item.published, "updated": item.updated, "text": item.text, "markdown": item.markdown(),
            "enclosures": item.enclosures.len() })
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { gather(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
