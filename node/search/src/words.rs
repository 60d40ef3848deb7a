//! Text into words, the same for documents and for questions.
//!
//! A word is looked for in three forms: as written without accents and capitals, and by its French and its English stem
//! (without accents too). The stem is taken before the accents go: taken after, it misses a third of French verbs; without
//! the first form, a third of accented words typed without accents would be missed.

use std::cell::RefCell;
use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, Stemmer, TextAnalyzer, Token, TokenStream, Tokenizer, TokenizerManager,
};

/// The form without accents and capitals.
pub const FOLDED: &str = "folded";
/// The French stem.
pub const FRENCH: &str = "french";
/// The English stem.
pub const ENGLISH: &str = "english";

/// Letters of a word that count: addresses and keys are longer, words are not.
const WORD_CHARS_MAX: usize = 64;
/// What French drops a vowel of before another: `l'école` is about schools.
const ELIDED: [&str; 14] =
    ["l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "quelqu"];
/// Words that stand in nearly every text: a question asks for them only if it asks for nothing else.
const EVERYWHERE: [&str; 46] = [
    "a", "au", "aux", "avec", "ce", "ces", "dans", "de", "des", "du", "en", "est", "et", "il", "la", "le", "les",
    "leur", "mais", "ne", "on", "ou", "par", "pas", "pour", "que", "qui", "se", "son", "sur", "un", "une", "an", "and",
    "are", "at", "for", "in", "is", "of", "or", "that", "the", "to", "was", "with",
];

/// Splits text where letters and digits end; drops elided articles; signs of scripts without spaces are words of their own.
#[derive(Clone, Default)]
struct Splitter {
    token: Token,
}

struct Split<'a> {
    text: &'a str,
    at: usize,
    token: &'a mut Token,
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ' | '＇')
}

/// Scripts that do not put spaces between words.
fn stands_alone(c: char) -> bool {
    matches!(u32::from(c), 0x2E80..=0x2FDF | 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// A letter, a digit, or what belongs to the letter before it (an accent that is a sign of its own).
fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(u32::from(c), 0x0300..=0x036F)
}

impl Tokenizer for Splitter {
    type TokenStream<'a> = Split<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Split<'a> {
        self.token.reset();
        Split { text, at: 0, token: &mut self.token }
    }
}

impl Split<'_> {
    /// The next word's place in the text.
    fn next_word(&mut self) -> Option<(usize, usize)> {
        loop {
            let rest = &self.text[self.at..];
            let from = self.at + rest.find(|c: char| c.is_alphanumeric())?;
            let rest = &self.text[from..];
            let first = rest.chars().next()?;
            let len = match stands_alone(first) {
                true => first.len_utf8(),
                false => rest.find(|c| !is_in_word(c) || stands_alone(c)).unwrap_or(rest.len()),
            };
            self.at = from + len;
            let elided = self.text[self.at..].starts_with(is_apostrophe)
                && ELIDED.iter().any(|elided| self.text[from..self.at].eq_ignore_ascii_case(elided));
            if !elided {
                return Some((from, self.at));
            }
        }
    }
}

impl TokenStream for Split<'_> {
    fn advance(&mut self) -> bool {
        let Some((from, to)) = self.next_word() else { return false };
        let token = &mut self.token;
        token.position = token.position.wrapping_add(1);
        (token.offset_from, token.offset_to) = (from, to);
        token.text.clear();
        let word = self.text[from..to].chars().take(WORD_CHARS_MAX);
        // An accent written as a sign of its own is dropped here; the filters know the others.
        token.text.extend(word.filter(|c| !matches!(u32::from(*c), 0x0300..=0x036F)));
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

fn folded() -> TextAnalyzer {
    TextAnalyzer::builder(Splitter::default()).filter(LowerCaser).filter(AsciiFoldingFilter).build()
}

fn stemmed(language: Language) -> TextAnalyzer {
    let lower = TextAnalyzer::builder(Splitter::default()).filter(LowerCaser);
    lower.filter(Stemmer::new(language)).filter(AsciiFoldingFilter).build()
}

/// The forms by their names, for the index.
pub fn forms() -> TokenizerManager {
    // Fields of ids ask for the one called "default" without using it.
    let forms = TokenizerManager::default();
    forms.register(FOLDED, folded());
    forms.register(FRENCH, stemmed(Language::French));
    forms.register(ENGLISH, stemmed(Language::English));
    forms
}

/// A word in its three forms, and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub folded: String,
    pub french: String,
    pub english: String,
    pub from: usize,
    pub to: usize,
}

impl Word {
    /// Whether it stands in nearly every text.
    pub fn is_everywhere(&self) -> bool {
        EVERYWHERE.contains(&self.folded.as_str())
    }
}

thread_local! {
    /// Making them costs more than taking a name apart.
    static FORMS: RefCell<[TextAnalyzer; 3]> =
        RefCell::new([folded(), stemmed(Language::French), stemmed(Language::English)]);
}

/// The words of a text, at most so many.
pub fn words(text: &str, max: usize) -> Vec<Word> {
    FORMS.with_borrow_mut(|[folded, french, english]| {
        let (mut a, mut b, mut c) = (folded.token_stream(text), french.token_stream(text), english.token_stream(text));
        let mut found = Vec::new();
        // None of the filters drops a word, so the three go side by side.
        while found.len() < max && a.advance() && b.advance() && c.advance() {
            let token = a.token();
            found.push(Word {
                folded: token.text.clone(),
                french: b.token().text.clone(),
                english: c.token().text.clone(),
                from: token.offset_from,
                to: token.offset_to,
            });
        }
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded_of(text: &str) -> Vec<String> {
        words(text, usize::MAX).into_iter().map(|word| word.folded).collect()
    }

    #[test]
    fn elided_articles_are_no_words() {
        assert_eq!(folded_of("L'école d’Angers, aujourd'hui qu'il"), ["ecole", "angers", "aujourd", "hui", "il"]);
        assert_eq!(folded_of("l"), ["l"]);
    }

    #[test]
    fn accents_and_capitals_go_however_they_are_written() {
        assert_eq!(folded_of("ÉCOLE cœur e\u{301}te\u{301}"), ["ecole", "coeur", "ete"]);
        assert_eq!(words("e\u{301}té", 9)[0].to, "e\u{301}té".len());
    }

    #[test]
    fn stems_are_taken_before_accents_go() {
        let one = |text: &str| words(text, 1).remove(0);
        assert_eq!(one("écoles").french, one("école").french);
        assert_eq!(one("chevaux").french, one("cheval").french);
        assert_eq!(one("meetings").english, one("meeting").english);
    }

    #[test]
    fn scripts_without_spaces_are_found_sign_by_sign() {
        assert_eq!(folded_of("会議room"), ["会", "議", "room"]);
    }
}
