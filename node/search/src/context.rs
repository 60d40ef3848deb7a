//! The place in a text that a question is about, with the words that fit marked by where they stand. Says nothing in HTML.

use crate::index::cut;
use crate::query::{Part, parts};
use crate::words::{Word, words};

/// Text that is looked through for a place: the first words of a long page are enough to know it by.
const LOOKED_AT_BYTES_MAX: usize = 64 << 10;
/// Words of it.
const LOOKED_AT_WORDS_MAX: usize = 12_000;
/// Letters shown before the first word that fits.
const BEFORE_CHARS: usize = 60;
/// Marks in one text.
const MARKS_MAX: usize = 32;
/// From so many letters on a part of a word is marked.
const PART_CHARS_MIN: usize = 2;

/// A question ready to be found in texts.
#[derive(Debug, Clone)]
pub struct Lookup {
    words: Vec<Word>,
}

/// A piece of a text with what fits in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marked {
    /// Plain text on one line; begins or ends with `…` where there is more.
    pub text: String,
    /// Beginning and end of each word that fits, in units of UTF-16 as browsers count.
    pub marks: Vec<(usize, usize)>,
}

impl Lookup {
    /// Of a question as it was typed.
    pub fn new(question: &str) -> Self {
        let of = |part| match part {
            Part::Word(word) => vec![word],
            Part::Phrase(words) => words,
        };
        Self { words: parts(question).into_iter().flat_map(of).collect() }
    }

    /// Nothing is asked for in words.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether all words of the question, or parts, stand in a text.
    pub fn fits(&self, text: &str) -> bool {
        let there = words(cut(text, LOOKED_AT_BYTES_MAX), LOOKED_AT_WORDS_MAX);
        self.words.iter().all(|wanted| there.iter().any(|word| same(word, wanted)))
    }

    /// All of a short text, with marks.
    pub fn mark(&self, text: &str) -> Marked {
        let text = one_line(cut(text, LOOKED_AT_BYTES_MAX));
        let places = self.places(&text);
        marked(&text, &places, "", "")
    }

    /// About so many letters of a text around the first word that fits; its beginning if none does.
    pub fn context(&self, text: &str, chars: usize) -> Marked {
        let text = one_line(cut(text, LOOKED_AT_BYTES_MAX));
        let places = self.places(&text);
        let first = places.first().map_or(0, |(from, _)| *from);
        let from = back(&text, first, BEFORE_CHARS);
        let to = forward(&text, from, chars);
        let inside: Vec<(usize, usize)> =
            places.into_iter().filter(|(a, b)| *a >= from && *b <= to).map(|(a, b)| (a - from, b - from)).collect();
        let (before, after) = (if from > 0 { "…" } else { "" }, if to < text.len() { "…" } else { "" });
        marked(&text[from..to], &inside, before, after)
    }

    fn places(&self, text: &str) -> Vec<(usize, usize)> {
        let telling: Vec<&Word> = match self.words.iter().all(Word::is_everywhere) {
            true => self.words.iter().collect(),
            false => self.words.iter().filter(|word| !word.is_everywhere()).collect(),
        };
        let fits = |word: &Word| telling.iter().any(|wanted| same(word, wanted));
        let found = words(text, LOOKED_AT_WORDS_MAX).into_iter().filter(fits);
        found.map(|word| (word.from, word.to)).collect()
    }
}

/// Whether a word of a text is what a word of a question asks for.
fn same(word: &Word, wanted: &Word) -> bool {
    let part = wanted.folded.chars().count();
    word.folded == wanted.folded
        || word.french == wanted.french
        || word.english == wanted.english
        || (part > PART_CHARS_MIN && word.folded.contains(&wanted.folded))
        || (part == PART_CHARS_MIN && word.folded.starts_with(&wanted.folded))
}

fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// So many letters back, at the beginning of a word if there is one.
fn back(text: &str, at: usize, chars: usize) -> usize {
    let from = text[..at].char_indices().rev().take(chars).last().map_or(at, |(place, _)| place);
    if from == 0 {
        return 0;
    }
    text[from..at].find(' ').map_or(from, |space| from + space + 1)
}

fn forward(text: &str, from: usize, chars: usize) -> usize {
    let Some((end, _)) = text[from..].char_indices().nth(chars) else { return text.len() };
    let end = from + end;
    text[from..end].rfind(' ').filter(|space| *space > 0).map_or(end, |space| from + space)
}

fn marked(text: &str, places: &[(usize, usize)], before: &str, after: &str) -> Marked {
    let out = format!("{before}{text}{after}");
    let mut units = 0;
    let mut seen = 0;
    let mut at = |place: usize| {
        units += out[seen..place].encode_utf16().count();
        seen = place;
        units
    };
    let mut marks = Vec::new();
    for (from, to) in places.iter().take(MARKS_MAX) {
        let from = at(before.len() + from);
        marks.push((from, at(before.len() + to)));
    }
    Marked { text: out, marks }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(marked: &Marked) -> Vec<String> {
        let units: Vec<u16> = marked.text.encode_utf16().collect();
        marked.marks.iter().map(|(from, to)| String::from_utf16_lossy(&units[*from..*to])).collect()
    }

    #[test]
    fn what_fits_is_marked_where_it_stands() {
        let lookup = Lookup::new("ecole rentree");
        let marked = lookup.context("😀 La rentrée à l'École,\n\nsalle 4 <b>", 200);
        assert_eq!(marked.text, "😀 La rentrée à l'École, salle 4 <b>");
        assert_eq!(shown(&marked), ["rentrée", "École"]);
    }

    #[test]
    fn a_long_text_is_shown_around_the_first_word_that_fits() {
        let text = format!("{} la canette {}", "avant ".repeat(100), "après ".repeat(100));
        let marked = Lookup::new("canettes").context(&text, 120);
        assert_eq!(shown(&marked), ["canette"]);
        assert!(marked.text.starts_with('…') && marked.text.ends_with('…'), "{}", marked.text);
        assert!(marked.text.chars().count() <= 130);
    }

    #[test]
    fn a_text_without_what_is_asked_begins_at_its_beginning() {
        let marked = Lookup::new("rien").context("un deux", 50);
        assert_eq!((marked.text.as_str(), marked.marks.len()), ("un deux", 0));
        assert!(!Lookup::new("rien").fits("un deux"));
        assert!(Lookup::new("deu").fits("un deux"));
    }

    #[test]
    fn any_text_can_be_shown() {
        for text in ["", "…", "é", "\u{301}", "👩‍👩‍👧 a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "会議"]
        {
            for chars in [0, 1, 3, 500] {
                Lookup::new("a 会 é").context(text, chars);
            }
        }
    }
}
