//! The benches: each measures real nodes through their public API and prints its figures with what they are compared with
//! (`tests/bench/run help`). They fail nothing and decide nothing.

mod anchor;
mod catchup;
mod disk;
mod feed;
mod figure;
mod filled;
mod idle;
mod live;
mod process;
mod search;
mod start;
mod sync_time;
mod text;

use figure::{Form, Report};
use process::Profiles;

/// What was asked for.
#[derive(Debug, Default)]
pub struct Wish {
    /// How many posts.
    pub entries: Option<usize>,
    /// How long to watch.
    pub seconds: Option<u64>,
    /// Where profiles go.
    pub profiles: Profiles,
}

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let (mut wish, mut form) = (Wish::default(), Form::Text);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|word| word.parse().ok());
        match word.as_str() {
            "--json" => form = Form::Json,
            "--entries" => wish.entries = number().filter(|count| *count > 0).or_else(|| wrong(&word)),
            "--seconds" => wish.seconds = number().and_then(|count| u64::try_from(count).ok()).or_else(|| wrong(&word)),
            "--profile" => wish.profiles = Profiles(words.next().map(Into::into).or_else(|| wrong(&word))),
            _ => wrong(&word).unwrap_or_default(),
        }
    }
    let report = |bench| Report { bench, form };
    match name.as_str() {
        "live" => live::run(report("live"), &wish).await,
        "catchup" => catchup::run(report("catchup"), &wish).await,
        "start" => start::run(report("start"), &wish).await,
        "idle" => idle::run(report("idle"), &wish).await,
        "disk" => disk::run(report("disk"), &wish).await,
        "feed" => feed::run(report("feed"), &wish).await,
        "search" => search::run(report("search"), &wish).await,
        _ => wrong(&name).unwrap_or_default(),
    }
}

/// Ends with a word on what was not understood.
fn wrong<T>(word: &str) -> Option<T> {
    eprintln!("bench: {word:?} is not understood here; see tests/bench/run help");
    std::process::exit(2);
}
