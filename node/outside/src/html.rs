//! Foreign HTML made into what a post can hold: plain text, bounded Markdown, one line, or the feeds a page offers.
//!
//! Nothing of the HTML itself survives: scripts, styles, forms and attributes are dropped, links are absolute http or
//! https, pictures become links (a reader's browser must not call a foreign site by opening a post). Knows no feeds.

mod block;
mod discover;
mod escape;
mod line;
mod marks;
mod render;
mod tokens;

pub use discover::{Candidate, discover};

use render::{Renderer, Style};
use url::Url;

/// Markdown made of one item at most; a longer item is read at its source.
pub const MARKDOWN_CHARS_MAX: usize = 20_000;
/// Plain text made of one item at most: enough for search and previews.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// HTML looked at for one item; what is behind is cut off.
pub const HTML_BYTES_MAX: usize = 512 * 1024;

/// Makes Markdown of foreign HTML: paragraphs, headings, lists, quotes, emphasis, code, links. Cut at a word and ended
/// with `…` when longer than [`MARKDOWN_CHARS_MAX`]. Never contains HTML; whatever looks like Markdown is escaped.
#[must_use]
pub fn to_markdown(html: &str, base_url: &str) -> String {
    render(html, base_url, Style::Markdown, MARKDOWN_CHARS_MAX)
}

/// Makes plain text of foreign HTML, with an empty line between paragraphs. Cut at a word and ended with `…` when
/// longer than `chars_max`.
#[must_use]
pub fn to_text(html: &str, chars_max: usize) -> String {
    render(html, "", Style::Plain, chars_max)
}

/// Makes one line of foreign HTML, for titles. What only looks like a tag (`<T>`) stays.
#[must_use]
pub fn to_line(html: &str, chars_max: usize) -> String {
    line::one_line(html, chars_max)
}

/// Shortens plain text at a word, ended with `…`; white space becomes single spaces.
#[must_use]
pub fn cut_line(text: &str, chars_max: usize) -> String {
    line::cut(text, chars_max)
}

fn render(html: &str, base_url: &str, style: Style, chars_max: usize) -> String {
    let mut renderer = Renderer::new(Url::parse(base_url).ok(), style, chars_max);
    tokens::walk(html, &mut renderer);
    renderer.finish()
}

#[cfg(test)]
mod tests;
