//! Several ordered sources read as one: of equal keys the newest source's change counts.

use super::batch::Change;
use super::{Direction, IndexError};

/// Changes in order.
pub(super) type Source<'a> = Box<dyn Iterator<Item = Result<Change, IndexError>> + 'a>;

/// The sources, newest first, with the next change of each.
pub(super) struct Merge<'a> {
    sources: Vec<(Option<Change>, Source<'a>)>,
    direction: Direction,
}

impl<'a> Merge<'a> {
    pub(super) fn new(sources: Vec<Source<'a>>, direction: Direction) -> Result<Self, IndexError> {
        let sources = sources.into_iter().map(|mut source| Ok((source.next().transpose()?, source)));
        Ok(Self { sources: sources.collect::<Result<_, IndexError>>()?, direction })
    }

    fn step(&mut self) -> Result<Option<Change>, IndexError> {
        let mut first: Option<(usize, &[u8])> = None;
        for (at, (head, _)) in self.sources.iter().enumerate() {
            let Some((key, _)) = head else { continue };
            let before = first.is_none_or(|(_, least)| match self.direction {
                Direction::Ascending => key.as_slice() < least,
                Direction::Descending => key.as_slice() > least,
            });
            if before {
                first = Some((at, key));
            }
        }
        let Some((at, _)) = first else { return Ok(None) };
        let Some((newest, older)) = self.sources.get_mut(at..).and_then(<[_]>::split_first_mut) else {
            return Ok(None);
        };
        let next = newest.1.next().transpose()?;
        let change = std::mem::replace(&mut newest.0, next);
        for (head, source) in older {
            if head.as_ref().map(|(key, _)| key) == change.as_ref().map(|(key, _)| key) {
                *head = source.next().transpose()?;
            }
        }
        Ok(change)
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<Change, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
