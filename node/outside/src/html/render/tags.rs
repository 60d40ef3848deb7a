//! What each tag of HTML means to the renderer.

use super::super::block::Container;
use super::super::marks::Mark;
use super::super::tokens::{Start, Visitor};
use super::Renderer;

impl Visitor for Renderer {
    fn text(&mut self, text: &str) {
        if self.hidden.is_some() || self.full {
        } else if self.preformatted {
            self.raw_text(text);
        } else {
            self.words(text);
        }
    }

    fn start(&mut self, tag: &Start<'_>) {
        let name = tag.name();
        if let Some((hidden, depth)) = &mut self.hidden {
            if hidden == name {
                *depth += 1;
            }
            return;
        }
        if self.full {
            return;
        }
        if let Some(mark) = Mark::of_tag(name) {
            if !self.preformatted {
                self.marks.start(mark);
            }
            return;
        }
        match name {
            "br" if self.preformatted => self.block.push('\n'),
            "br" => self.line_break(),
            "a" => {
                let target = tag.attribute("href").and_then(|text| self.absolute(text));
                self.start_link(target);
            }
            "img" | "video" | "audio" | "embed" => self.embed(tag),
            "iframe" => {
                self.embed(tag);
                self.hidden = Some((name.to_owned(), 1));
            }
            "ul" | "menu" | "dir" => self.open(Container::List(None)),
            "ol" => {
                let first = tag.attribute("start").and_then(|text| text.trim().parse().ok()).unwrap_or(1);
                self.open(Container::List(Some(first.min(99_999))));
            }
            "li" => {
                self.end_block();
                self.frame.push_item();
            }
            "blockquote" => self.open(Container::Quote),
            "pre" | "listing" | "xmp" => {
                self.end_block();
                self.preformatted = true;
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.end_block();
                self.heading = true;
            }
            "tr" if !self.block.is_empty() => self.line_break(),
            "td" | "th" if !self.block.is_empty() && !self.block.ends_with('\n') => self.words(" | "),
            _ if is_hidden(name) => self.hidden = Some((name.to_owned(), 1)),
            _ if is_block(name) => self.end_block(),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((hidden, depth)) = &mut self.hidden {
            if hidden == name {
                *depth -= 1;
                if *depth == 0 {
                    self.hidden = None;
                }
            }
            return;
        }
        if let Some(mark) = Mark::of_tag(name) {
            if !self.preformatted {
                self.marks.end(mark);
            }
            return;
        }
        match name {
            "a" => self.end_link(),
            "ul" | "ol" | "menu" | "dir" => self.close(|container| matches!(container, Container::List(_))),
            "li" => self.close(|container| matches!(container, Container::Item(..))),
            "blockquote" => self.close(|container| *container == Container::Quote),
            "pre" | "listing" | "xmp" => {
                self.end_block();
                self.preformatted = false;
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.end_block();
                self.heading = false;
            }
            "td" | "th" | "tr" => {}
            _ if is_block(name) => self.end_block(),
            _ => {}
        }
    }

    fn is_full(&self) -> bool {
        self.full
    }
}

impl Renderer {
    fn open(&mut self, container: Container) {
        self.end_block();
        self.frame.push(container);
    }

    fn close(&mut self, wanted: impl Fn(&Container) -> bool) {
        self.end_block();
        self.frame.pop(wanted);
    }
}

fn is_hidden(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "template"
            | "noscript"
            | "svg"
            | "math"
            | "head"
            | "title"
            | "select"
            | "button"
            | "textarea"
            | "object"
            | "applet"
            | "noembed"
            | "noframes"
            | "canvas"
            | "datalist"
    )
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "section"
            | "article"
            | "aside"
            | "header"
            | "footer"
            | "main"
            | "nav"
            | "figure"
            | "figcaption"
            | "address"
            | "center"
            | "dl"
            | "dt"
            | "dd"
            | "fieldset"
            | "form"
            | "table"
            | "thead"
            | "tbody"
            | "caption"
            | "details"
            | "summary"
            | "hr"
            | "body"
            | "html"
    )
}
