//! From what a person typed to hits. Every step is bounded, whatever is typed.

use crate::dictionary::Inside;
use crate::error::SearchError;
use crate::index::{Index, Kind};
use crate::words::{Word, words};
use crate::{QUESTION_CHARS_MAX, QUESTION_WORDS_MAX};
use std::ops::Bound;
use tantivy::collector::TopDocs;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, Occur, PhraseQuery, Query, RangeQuery,
    TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::{DocAddress, Searcher, TantivyDocument, Term};

/// Words that a part of a word may stand for, of one list.
const EXPANSIONS_MAX: usize = 128;
/// From so many letters on a part is looked for inside words too.
const INSIDE_CHARS_MIN: usize = 3;
/// A single letter begins too many words.
const PREFIX_CHARS_MIN: usize = 2;
/// What a hit of the title, of the word itself, of its stem, and of a part weigh.
const WEIGHTS: [f32; 4] = [4.0, 2.0, 1.2, 0.5];

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// What fits best.
    #[default]
    Best,
    /// What was written last.
    Recent,
}

/// A question.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Words and parts of words, all of which must be there; phrases between quotation marks. May be empty: then everything
    /// that the rest allows is found.
    pub words: String,
    /// Only in these groups: nothing is found outside them.
    pub groups: Vec<[u8; 32]>,
    /// Only by these.
    pub authors: Option<Vec<[u8; 16]>>,
    /// Only of these kinds; empty: of all.
    pub kinds: Vec<Kind>,
    /// Only what came by this source.
    pub source: Option<[u8; 32]>,
    /// Not before, in milliseconds.
    pub from: Option<u64>,
    /// Before, in milliseconds.
    pub to: Option<u64>,
    /// What comes first.
    pub order: Order,
    /// Hits passed over.
    pub skip: usize,
    /// Hits at most.
    pub max: usize,
}

/// A document that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Whose.
    pub item: [u8; 32],
    /// Which part.
    pub part: u64,
    /// What.
    pub kind: Kind,
    /// The text that was given to be handed back.
    pub kept: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// In the order that was asked for.
    pub hits: Vec<Hit>,
    /// There are more.
    pub more: bool,
}

/// A word, or several in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Word(Word),
    Phrase(Vec<Word>),
}

/// Takes a question apart.
pub(crate) fn parts(question: &str) -> Vec<Part> {
    let question: String = question.chars().take(QUESTION_CHARS_MAX).collect();
    let mut left = QUESTION_WORDS_MAX;
    let mut parts = Vec::new();
    // Every second piece stands between quotation marks; a mark that is not closed closes at the end.
    for (at, piece) in question.split(['"', '«', '»', '“', '”']).enumerate() {
        let found = words(piece, left);
        left -= found.len();
        match (at % 2 == 1, found.len()) {
            (true, 2..) => parts.push(Part::Phrase(found)),
            _ => parts.extend(found.into_iter().map(Part::Word)),
        }
    }
    parts
}

impl Index {
    /// Looks for what is wanted.
    ///
    /// # Errors
    /// When the folder cannot be read any more.
    pub fn search(&self, wanted: &Wanted) -> Result<Found, SearchError> {
        if wanted.groups.is_empty() || wanted.max == 0 {
            return Ok(Found::default());
        }
        let searcher = self.reader.searcher();
        let query = self.query(&searcher, wanted)?;
        let top = TopDocs::with_limit(wanted.max + 1).and_offset(wanted.skip);
        let mut places: Vec<DocAddress> = match wanted.order {
            Order::Best => searcher.search(&query, &top.order_by_score())?.into_iter().map(|(_, at)| at).collect(),
            Order::Recent => {
                let recent = top.order_by_fast_field::<u64>("time", tantivy::Order::Desc);
                searcher.search(&query, &recent)?.into_iter().map(|(_, at)| at).collect()
            }
        };
        let more = places.len() > wanted.max;
        places.truncate(wanted.max);
        let hits: Result<Vec<Option<Hit>>, _> = places.into_iter().map(|at| self.hit(&searcher, at)).collect();
        Ok(Found { hits: hits?.into_iter().flatten().collect(), more })
    }

    fn hit(&self, searcher: &Searcher, at: DocAddress) -> Result<Option<Hit>, SearchError> {
        let document: TantivyDocument = searcher.doc(at)?;
        let number = |field: Field| document.get_first(field).and_then(|value| value.as_u64());
        let item = document.get_first(self.fields.item).and_then(|value| value.as_bytes());
        let kind = number(self.fields.kind).and_then(|kind| Kind::ALL.get(usize::try_from(kind).ok()?).copied());
        let item = item.and_then(|item| <[u8; 32]>::try_from(item).ok());
        let kept = document.get_first(self.fields.kept).and_then(|value| value.as_str()).map(str::to_owned);
        let part = number(self.fields.part).unwrap_or(0);
        Ok(item.zip(kind).map(|(item, kind)| Hit { item, part, kind, kept }))
    }

    fn query(&self, searcher: &Searcher, wanted: &Wanted) -> Result<BooleanQuery, SearchError> {
        let fields = self.fields;
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        let parts = parts(&wanted.words);
        let telling = parts.iter().any(|part| !matches!(part, Part::Word(word) if word.is_everywhere()));
        for part in &parts {
            let optional = telling && matches!(part, Part::Word(word) if word.is_everywhere());
            let occur = if optional { Occur::Should } else { Occur::Must };
            clauses.push((occur, self.part(searcher, part)?));
        }
        if parts.is_empty() {
            clauses.push((Occur::Must, Box::new(AllQuery)));
        }
        let mut only = |query: Box<dyn Query>| clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(query, 0.0))));
        let ids = |field: Field, ids: &[&[u8]]| -> Box<dyn Query> {
            Box::new(TermSetQuery::new(ids.iter().map(|id| Term::from_field_bytes(field, id)).collect::<Vec<_>>()))
        };
        only(ids(fields.group, &wanted.groups.iter().map(|id| &id[..]).collect::<Vec<_>>()));
        if let Some(authors) = &wanted.authors {
            only(ids(fields.author, &authors.iter().map(|id| &id[..]).collect::<Vec<_>>()));
        }
        if let Some(source) = &wanted.source {
            only(ids(fields.source, &[&source[..]]));
        }
        if !wanted.kinds.is_empty() {
            let kinds = wanted.kinds.iter().map(|kind| Term::from_field_u64(fields.kind, *kind as u64));
            only(Box::new(TermSetQuery::new(kinds.collect::<Vec<_>>())));
        }
        if wanted.from.is_some() || wanted.to.is_some() {
            let term = |at| Term::from_field_u64(fields.time, at);
            let from = wanted.from.map_or(Bound::Unbounded, |at| Bound::Included(term(at)));
            let to = wanted.to.map_or(Bound::Unbounded, |at| Bound::Excluded(term(at)));
            only(Box::new(RangeQuery::new(from, to)));
        }
        Ok(BooleanQuery::new(clauses))
    }

    fn part(&self, searcher: &Searcher, part: &Part) -> Result<Box<dyn Query>, SearchError> {
        let fields = self.fields;
        match part {
            Part::Phrase(words) => {
                let terms = words.iter().map(|word| Term::from_field_text(fields.words, &word.folded));
                Ok(Box::new(PhraseQuery::new(terms.collect())))
            }
            Part::Word(word) => {
                let of = |field, form: &str, option, weight| -> Box<dyn Query> {
                    let query = TermQuery::new(Term::from_field_text(field, form), option);
                    Box::new(BoostQuery::new(Box::new(query), weight))
                };
                let [title, itself, stem, part] = WEIGHTS;
                let mut forms = vec![
                    of(fields.title, &word.folded, IndexRecordOption::Basic, title),
                    of(fields.words, &word.folded, IndexRecordOption::WithFreqs, itself),
                    of(fields.french, &word.french, IndexRecordOption::Basic, stem),
                    of(fields.english, &word.english, IndexRecordOption::Basic, stem),
                ];
                let others = self.with_part(searcher, &word.folded)?;
                if !others.is_empty() {
                    let terms = others.iter().map(|word| Term::from_field_text(fields.words, word));
                    let query = TermSetQuery::new(terms.collect::<Vec<_>>());
                    forms.push(Box::new(ConstScoreQuery::new(Box::new(query), part)));
                }
                Ok(Box::new(DisjunctionMaxQuery::with_tie_breaker(forms, 0.1)))
            }
        }
    }

    fn with_part(&self, searcher: &Searcher, part: &str) -> Result<Vec<String>, SearchError> {
        let letters = part.chars().count();
        if letters < PREFIX_CHARS_MIN {
            return Ok(Vec::new());
        }
        let inside = if letters >= INSIDE_CHARS_MIN { Inside::Too } else { Inside::No };
        let mut found = Vec::new();
        for segment in searcher.segment_readers() {
            found.extend(self.dictionaries.with_part(segment, &self.fields, part, inside, EXPANSIONS_MAX)?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}
