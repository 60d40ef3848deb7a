//! The frame of Markdown around blocks: quotes, lists and their items. Knows nothing of what a block holds.

/// Containers open at once; deeper ones are counted but not drawn.
const CONTAINERS_MAX: usize = 32;
/// Containers drawn: deeper nesting would leave no room for words.
const DRAWN_MAX: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Quote,
    /// A list; the number of its next item when it is numbered.
    List(Option<u32>),
    /// An item with its number, and whether its marker has been written.
    Item(Option<u32>, bool),
}

#[derive(Default)]
pub(super) struct Frame {
    open: Vec<Container>,
    overflow: usize,
}

impl Frame {
    pub fn push(&mut self, container: Container) {
        if self.open.len() < CONTAINERS_MAX { self.open.push(container) } else { self.overflow += 1 }
    }

    /// Starts an item: ends the one before in the same list, takes the list's number.
    pub fn push_item(&mut self) {
        let list = self.open.iter().rposition(|container| matches!(container, Container::List(_)));
        let number = list.and_then(|at| {
            self.open.truncate(at + 1);
            match &mut self.open[at] {
                Container::List(Some(next)) => {
                    let number = *next;
                    *next = next.saturating_add(1);
                    Some(number)
                }
                _ => None,
            }
        });
        self.push(Container::Item(number, false));
    }

    /// Ends the nearest container that `wanted` knows, with all inside it.
    pub fn pop(&mut self, wanted: impl Fn(&Container) -> bool) {
        if self.overflow > 0 {
            self.overflow -= 1;
        } else if let Some(at) = self.open.iter().rposition(wanted) {
            self.open.truncate(at);
        }
    }

    pub fn starts_item(&self) -> bool {
        matches!(self.open.last(), Some(Container::Item(_, false)))
    }

    pub fn in_list(&self) -> bool {
        self.open.iter().any(|container| matches!(container, Container::Item(..)))
    }

    /// The beginning of a block's first line, and of its other lines. Item markers are written once.
    pub fn prefixes(&mut self) -> (String, String) {
        let (mut first, mut rest) = (String::new(), String::new());
        for (at, container) in self.open.iter_mut().enumerate() {
            let drawn = at < DRAWN_MAX;
            match container {
                Container::Quote if drawn => {
                    first.push_str("> ");
                    rest.push_str("> ");
                }
                Container::Item(number, written) if drawn => {
                    let marker = number.map_or("- ".to_owned(), |number| format!("{number}. "));
                    let space = " ".repeat(marker.len());
                    first.push_str(if *written { &space } else { &marker });
                    rest.push_str(&space);
                    *written = true;
                }
                _ => {}
            }
        }
        (first, rest)
    }

    /// What stands on an empty line between two blocks, so that a quote is not broken in two.
    pub fn quotes(&self) -> usize {
        self.open.iter().take(DRAWN_MAX).filter(|container| **container == Container::Quote).count()
    }
}
