//! What two texts have in common, word by word: for people who compare two versions of a page.

/// A stretch of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// In both.
    Same(String),
    /// In the newer one only.
    Added(String),
    /// In the older one only.
    Removed(String),
}

/// Differences that are looked for; texts that differ more are shown as one taken away and one added.
const EDITS_MAX: usize = 2_000;

/// Compares two texts (Myers' greedy algorithm over words).
pub fn compare(before: &str, after: &str) -> Vec<Part> {
    let (old, new) = (words(before), words(after));
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_mid, new_mid) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut parts = Parts::default();
    old[..head].iter().for_each(|word| parts.push(Op::Same, word));
    match walk(old_mid, new_mid) {
        Some(ops) => {
            let (mut x, mut y) = (0, 0);
            for op in ops {
                parts.push(op, if op == Op::Added { new_mid[y] } else { old_mid[x] });
                x += usize::from(op != Op::Added);
                y += usize::from(op != Op::Removed);
            }
        }
        None => {
            old_mid.iter().for_each(|word| parts.push(Op::Removed, word));
            new_mid.iter().for_each(|word| parts.push(Op::Added, word));
        }
    }
    old[old.len() - tail..].iter().for_each(|word| parts.push(Op::Same, word));
    parts.0.into_iter().map(|(op, text)| op.part(text)).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Same,
    Added,
    Removed,
}

impl Op {
    fn part(self, text: String) -> Part {
        match self {
            Self::Same => Part::Same(text),
            Self::Added => Part::Added(text),
            Self::Removed => Part::Removed(text),
        }
    }
}

#[derive(Default)]
struct Parts(Vec<(Op, String)>);

impl Parts {
    fn push(&mut self, op: Op, word: &str) {
        match self.0.last_mut() {
            Some((last, text)) if *last == op => text.push_str(word),
            _ => self.0.push((op, word.to_owned())),
        }
    }
}

/// Words, spaces and signs, each by itself.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = if first.is_alphanumeric() {
            rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(len);
        words.push(word);
        rest = after;
    }
    words
}

/// The shortest way from one to the other; `None` when it is too long.
fn walk(old: &[&str], new: &[&str]) -> Option<Vec<Op>> {
    let max = (old.len() + new.len()).min(EDITS_MAX);
    let offset = max as isize + 1;
    let mut ends = vec![0_usize; 2 * max + 3];
    let mut trail: Vec<Vec<usize>> = Vec::new();
    for edits in 0..=max as isize {
        let from = (offset - edits - 1) as usize;
        trail.push(ends[from..=(offset + edits + 1) as usize].to_vec());
        for k in (-edits..=edits).step_by(2) {
            let at = (k + offset) as usize;
            let down = k == -edits || (k != edits && ends[at - 1] < ends[at + 1]);
            let mut x = if down { ends[at + 1] } else { ends[at - 1] + 1 };
            while old.get(x).is_some_and(|word| new.get((x as isize - k) as usize) == Some(word)) {
                x += 1;
            }
            ends[at] = x;
            if x >= old.len() && x as isize - k >= new.len() as isize {
                return Some(back(&trail, old.len(), new.len()));
            }
        }
    }
    None
}

fn back(trail: &[Vec<usize>], mut x: usize, mut y: usize) -> Vec<Op> {
    let mut ops = Vec::new();
    for (edits, ends) in trail.iter().enumerate().rev() {
        let edits = edits as isize;
        let k = x as isize - y as isize;
        let end = |k: isize| ends[(k + edits + 1) as usize];
        let down = k == -edits || (k != edits && end(k - 1) < end(k + 1));
        let before_k = if down { k + 1 } else { k - 1 };
        let before_x = if edits == 0 { 0 } else { end(before_k) };
        let before_y = if edits == 0 { 0 } else { (before_x as isize - before_k) as usize };
        while x > before_x && y > before_y {
            ops.push(Op::Same);
            (x, y) = (x - 1, y - 1);
        }
        if edits > 0 {
            ops.push(if down { Op::Added } else { Op::Removed });
        }
        (x, y) = (before_x, before_y);
    }
    ops.reverse();
    ops
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(parts: &[Part]) -> (String, String) {
        let (mut old, mut new) = (String::new(), String::new());
        for part in parts {
            match part {
                Part::Same(text) => {
                    old.push_str(text);
                    new.push_str(text);
                }
                Part::Added(text) => new.push_str(text),
                Part::Removed(text) => old.push_str(text),
            }
        }
        (old, new)
    }

    #[test]
    fn a_changed_word_is_shown_as_one_taken_away_and_one_added() {
        let parts = compare("Ann meets Ben today.", "Ann meets Eve today.");
        let expected = [
            Part::Same("Ann meets ".into()),
            Part::Removed("Ben".into()),
            Part::Added("Eve".into()),
            Part::Same(" today.".into()),
        ];
        assert_eq!(parts, expected);
        assert_eq!(compare("", ""), []);
        assert_eq!(compare("", "a b"), [Part::Added("a b".into())]);
    }

    proptest::proptest! {
        #[test]
        fn both_texts_can_be_read_in_a_comparison(old in "[ab c]{0,40}", new in "[ab c]{0,40}") {
            let parts = compare(&old, &new);
            proptest::prop_assert_eq!(sides(&parts), (old, new));
        }
    }
}
