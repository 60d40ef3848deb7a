//! `search` (goal P11): how long questions take over many posts, in words without their accents, parts of words, and
//! phrases; and how fast an index is made from nothing.

use super::Wish;
use super::figure::{Figure, Report, quantile};
use super::filled::Filled;
use super::process::usage;
use super::text;
use serde_json::Value;
use std::time::{Duration, Instant};

const ENTRIES_DEFAULT: usize = 100_000;
const QUESTIONS: usize = 400;
/// Between two looks whether all is in the index.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// For the index to be made, however slow the machine.
const MADE_WITHIN: Duration = Duration::from_secs(600);

/// Runs the bench.
///
/// # Panics
/// If the site stops answering or never has its index.
pub async fn run(report: Report, wish: &Wish) {
    let count = wish.entries.unwrap_or(ENTRIES_DEFAULT);
    let mut filled = Filled::empty("Nantes").await;
    filled.generate(count).await;
    let process = filled.site.process().unwrap_or_default();
    let (begun, cpu) = (Instant::now(), usage(process).cpu_s);
    loop {
        let state: Value = filled.admin.get("admin/search").await.expect("an administrator may look");
        let found: Value = filled.admin.get("search?order=recent&kind=post&limit=1").await.expect("it answers");
        if state["state"] == "ready" && found["items"].as_array().is_some_and(|items| !items.is_empty()) {
            break;
        }
        assert!(begun.elapsed() < MADE_WITHIN, "the index is never made: {state}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let cpu = usage(process).cpu_s - cpu;
    report.note(&format!("{count} posts can be found {:.1} s after the site answered", begun.elapsed().as_secs_f64()));

    let mut times = Vec::new();
    let mut hits = 0;
    for number in 0..QUESTIONS {
        let question = question(number, count);
        let path = format!("search?q={}", question.replace(' ', "%20").replace('"', "%22"));
        let begun = Instant::now();
        let found: Value = filled.admin.get(&path).await.expect("it answers");
        times.push(begun.elapsed().as_secs_f64() * 1_000.0);
        hits += usize::from(found["items"].as_array().is_some_and(|items| !items.is_empty()));
    }
    let words = format!("{QUESTIONS} questions over {count} posts, {hits} of which found something; goal 20");
    report.figure(&Figure::new("p95_ms", quantile(&mut times, 0.95), "ms", words));
    report.figure(&Figure::new("median_ms", quantile(&mut times, 0.5), "ms", "the same questions"));
    let words = "processor time of the node for each post while the index is made";
    report.figure(&Figure::new("index_cpu_us", cpu * 1e6 / count as f64, "us", words));
}

/// A question about a post: two words without accents, a part of a word, or a phrase, in turn.
fn question(number: usize, count: usize) -> String {
    let post = text::post(number * 7_919 % count);
    let words: Vec<&str> = post.split(|c: char| !c.is_alphabetic()).filter(|word| word.chars().count() > 4).collect();
    let word = |at: usize| words[at % words.len()];
    match number % 3 {
        0 => format!("{} {}", plain(word(number)), plain(word(number + 3))),
        1 => plain(word(number)).chars().skip(1).take(4).collect(),
        _ => post.split_whitespace().take(3).fold("\"".to_owned(), |all, word| format!("{all}{word} ")) + "\"",
    }
}

/// Without the accents of French.
fn plain(word: &str) -> String {
    let letter = |c: char| match c {
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'à' | 'â' => 'a',
        'î' | 'ï' => 'i',
        'ô' => 'o',
        'û' | 'ù' => 'u',
        'ç' => 'c',
        other => other,
    };
    word.chars().map(letter).collect()
}
