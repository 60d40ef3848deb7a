//! Which of two elements of a text comes first, in the order that every node agrees on.
//!
//! An element stands behind the one that it was inserted after; of several inserted after the same one, the one with the
//! highest id stands first. So the elements make a tree whose order is fixed from the moment that an element exists.
//! Elements typed in one go are one run, so that the way to the root is as long as the number of bursts, not of letters.

use super::Malformed;
use std::cmp::Ordering;

/// Steps taken over all comparisons of one change: some ten milliseconds.
pub(crate) const STEPS_MAX: u32 = 1_000_000;

/// An operation's id: its number, then its writer.
pub(crate) type Id = (u64, [u8; 16]);

/// Elements of which each was inserted after the one before.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// The object that it stands in.
    pub(crate) object: u32,
    /// The element that the first was inserted after; `None` is the beginning.
    pub(crate) after: Option<Element>,
    /// How many runs lie between it and the beginning.
    pub(crate) depth: u32,
    /// The id of the first.
    pub(crate) first: Id,
}

/// An element: its run, and which one of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) run: u32,
    pub(crate) at: u32,
}

/// All runs: those known, then those of the change that is looked at.
pub(crate) struct Runs<'a> {
    pub(crate) known: &'a [Run],
    pub(crate) new: &'a [Run],
}

impl Runs<'_> {
    pub(crate) fn get(&self, run: u32) -> Option<&Run> {
        let at = run as usize;
        self.known.get(at).or_else(|| self.new.get(at.checked_sub(self.known.len())?))
    }

    /// Compares two elements of one text. Takes from `steps`, and fails when none is left.
    pub(crate) fn compare(&self, a: Element, b: Element, steps: &mut u32) -> Result<Ordering, Malformed> {
        let (mut a, mut b) = (Climb::at(a), Climb::at(b));
        loop {
            if let (Some(here), Some(there)) = (a.at, b.at)
                && here.run == there.run
            {
                return self.in_one_run(here, there, &a, &b);
            }
            let (Some(from_a), Some(from_b)) = (self.depth(&a), self.depth(&b)) else { return Err(Malformed::Missing) };
            if from_a == 0 && from_b == 0 {
                // Both hang at the beginning: the higher id stands first.
                return Ok(b.child.cmp(&a.child));
            }
            *steps = steps.checked_sub(1).ok_or(Malformed::TooMany)?;
            if from_a >= from_b {
                self.climb(&mut a)?;
            }
            if from_b >= from_a {
                self.climb(&mut b)?;
            }
        }
    }

    /// Runs up to the beginning; 0 is the beginning itself.
    fn depth(&self, climb: &Climb) -> Option<u32> {
        climb.at.map_or(Some(0), |element| self.get(element.run).map(|run| run.depth + 1))
    }

    fn climb(&self, climb: &mut Climb) -> Result<(), Malformed> {
        let Some(element) = climb.at else { return Ok(()) };
        let run = self.get(element.run).ok_or(Malformed::Missing)?;
        climb.child = Some(run.first);
        climb.at = run.after;
        Ok(())
    }

    fn in_one_run(&self, here: Element, there: Element, a: &Climb, b: &Climb) -> Result<Ordering, Malformed> {
        let first = self.get(here.run).ok_or(Malformed::Missing)?.first;
        let next = |at: u32| (first.0 + u64::from(at) + 1, first.1);
        // What follows an element in its run was inserted after it, as what hangs at it was.
        let (left, right) = match here.at.cmp(&there.at) {
            Ordering::Equal => (a.child, b.child),
            Ordering::Less => (a.child, Some(next(here.at))),
            Ordering::Greater => (Some(next(there.at)), b.child),
        };
        Ok(match (left, right) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => right.cmp(&left),
        })
    }
}

/// An element on the way up, and by which child the way came.
struct Climb {
    at: Option<Element>,
    child: Option<Id>,
}

impl Climb {
    fn at(element: Element) -> Self {
        Self { at: Some(element), child: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u64, actor: u8, after: Option<(u32, u32)>, depth: u32) -> Run {
        let after = after.map(|(run, at)| Element { run, at });
        Run { object: 1, after, depth, first: (first, [actor; 16]) }
    }

    #[test]
    fn elements_stand_in_the_order_of_a_text() {
        // "abc", then "XY" after a, then "q" after X, then "z" at the beginning.
        let known = [run(2, 1, None, 0), run(5, 2, Some((0, 0)), 1), run(7, 3, Some((1, 0)), 2), run(9, 1, None, 0)];
        let runs = Runs { known: &known, new: &[] };
        let text = [(3, 0), (0, 0), (1, 0), (2, 0), (1, 1), (0, 1), (0, 2)];
        for (i, (run, at)) in text.iter().enumerate() {
            for (j, (other_run, other_at)) in text.iter().enumerate() {
                let (a, b) = (Element { run: *run, at: *at }, Element { run: *other_run, at: *other_at });
                let mut steps = STEPS_MAX;
                assert_eq!(runs.compare(a, b, &mut steps), Ok(i.cmp(&j)), "{a:?} {b:?}");
            }
        }
    }
}
