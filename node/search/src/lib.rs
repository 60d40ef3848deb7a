//! Finding words in what a site keeps. Documents come in, words go out of it again, questions are answered with ids.
//!
//! 1. What stands here is a copy: whoever owns the folder can throw it away and fill it anew.
//! 2. Of a document's text only what the caller asks for is kept as text; its words stand in lists. After [`Index::purge`]
//!    neither a text nor a word is left that only removed documents had.
//! 3. It knows bytes as ids and nothing of who may see what: the caller says in which groups to look, and asks again before
//!    it shows anything.

mod context;
mod dictionary;
mod error;
mod index;
mod query;
mod schema;
mod words;

pub use context::{Lookup, Marked};
pub use error::SearchError;
pub use index::{Document, Index, Kind};
pub use query::{Found, Hit, Order, Wanted};

/// Letters of a question that are looked at; nobody types more.
pub const QUESTION_CHARS_MAX: usize = 256;
/// Words of a question that are looked for.
pub const QUESTION_WORDS_MAX: usize = 12;
/// Text of one document that is looked at: a post's is a tenth of it.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
