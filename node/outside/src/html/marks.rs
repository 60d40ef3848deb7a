//! Emphasis inside one block of Markdown: which marks are wanted, which are written, and when to write them.
//!
//! Marks are written late, just before the next visible text, so that empty, crossing and endless tags still give
//! well-formed Markdown, and so that a mark never stands beside white space (where Markdown would not see it).

/// A kind of emphasis, in the order of nesting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Strong,
    Emphasis,
    Struck,
    Code,
}

const ALL: [Mark; 4] = [Mark::Strong, Mark::Emphasis, Mark::Struck, Mark::Code];

impl Mark {
    pub fn of_tag(name: &str) -> Option<Self> {
        match name {
            "b" | "strong" => Some(Self::Strong),
            "i" | "em" | "cite" | "dfn" | "var" => Some(Self::Emphasis),
            "s" | "strike" | "del" => Some(Self::Struck),
            "code" | "kbd" | "samp" | "tt" => Some(Self::Code),
            _ => None,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Strong => "**",
            Self::Emphasis => "*",
            Self::Struck => "~~",
            Self::Code => "`",
        }
    }
}

#[derive(Default)]
pub(super) struct Marks {
    wanted: [u32; 4],
    written: Vec<Mark>,
}

impl Marks {
    pub fn start(&mut self, mark: Mark) {
        self.wanted[mark as usize] = self.wanted[mark as usize].saturating_add(1);
    }

    pub fn end(&mut self, mark: Mark) {
        self.wanted[mark as usize] = self.wanted[mark as usize].saturating_sub(1);
    }

    pub fn in_code(&self) -> bool {
        self.written.contains(&Mark::Code)
    }

    fn wants(&self, mark: Mark) -> bool {
        self.wanted[mark as usize] > 0
    }

    /// Brings the written marks in line with the wanted ones; `next` is the first character of the text that follows.
    pub fn sync(&mut self, block: &mut String, next: char) {
        let keep = self.written.iter().take_while(|mark| self.wants(**mark)).count();
        if keep < self.written.len() {
            self.close_down_to(keep, block);
            // `**Note:**text` would not end the emphasis; a space makes it end.
            let last = block.chars().rev().find(|c| !is_sign(*c));
            let glued = block.ends_with(is_sign) && next.is_alphanumeric();
            if glued && last.is_some_and(|c| !c.is_alphanumeric()) {
                block.push(' ');
            }
        }
        if self.in_code() {
            return;
        }
        for mark in ALL {
            if self.wants(mark) && !self.written.contains(&mark) {
                if !next.is_alphanumeric() && block.ends_with(char::is_alphanumeric) {
                    block.push(' ');
                }
                block.push_str(mark.sign());
                self.written.push(mark);
            }
        }
    }

    /// Closes all written marks; the wanted ones open again in the next block.
    pub fn close_all(&mut self, block: &mut String) {
        self.close_down_to(0, block);
    }

    fn close_down_to(&mut self, keep: usize, block: &mut String) {
        let end = block.trim_end().len();
        let space = block.split_off(end);
        while self.written.len() > keep {
            if let Some(mark) = self.written.pop() {
                block.push_str(mark.sign());
            }
        }
        block.push_str(&space);
    }
}

fn is_sign(c: char) -> bool {
    matches!(c, '*' | '~' | '`')
}
