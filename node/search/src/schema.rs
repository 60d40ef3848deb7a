//! What the index has lists of.

use crate::words::{ENGLISH, FOLDED, FRENCH};
use tantivy::schema::{BytesOptions, Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions};

/// Version of what follows and of how words are made: an index of another one is filled anew.
pub const LAYOUT: u32 = 1;

/// The fields.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    /// Whose document it is.
    pub item: Field,
    /// Which part of it.
    pub part: Field,
    pub kind: Field,
    pub group: Field,
    pub author: Field,
    pub source: Field,
    pub time: Field,
    /// Words of the title alone, which weigh more.
    pub title: Field,
    /// All words without accents, with their order.
    pub words: Field,
    pub french: Field,
    pub english: Field,
    /// Text that is handed back as it is.
    pub kept: Field,
}

/// The schema with its fields.
pub fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let id = || BytesOptions::default().set_indexed();
    let text = |form: &str, option: IndexRecordOption| {
        let indexing = TextFieldIndexing::default().set_tokenizer(form).set_index_option(option).set_fieldnorms(false);
        TextOptions::default().set_indexing_options(indexing)
    };
    let words = TextFieldIndexing::default()
        .set_tokenizer(FOLDED)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions)
        .set_fieldnorms(true);
    let fields = Fields {
        item: builder.add_bytes_field("item", id().set_stored()),
        part: builder.add_u64_field("part", NumericOptions::default().set_stored()),
        kind: builder.add_u64_field("kind", NumericOptions::default().set_indexed().set_stored()),
        group: builder.add_bytes_field("group", id()),
        author: builder.add_bytes_field("author", id()),
        source: builder.add_bytes_field("source", id()),
        time: builder.add_u64_field("time", NumericOptions::default().set_fast()),
        title: builder.add_text_field("title", text(FOLDED, IndexRecordOption::Basic)),
        words: builder.add_text_field("words", TextOptions::default().set_indexing_options(words)),
        french: builder.add_text_field("french", text(FRENCH, IndexRecordOption::Basic)),
        english: builder.add_text_field("english", text(ENGLISH, IndexRecordOption::Basic)),
        kept: builder.add_text_field("kept", TextOptions::default().set_stored()),
    };
    (builder.build(), fields)
}
