//! A run: rows in order that never change again, in blocks that are values of sled. First keys of the blocks and the
//! filter stand in memory, so that a look-up reads one block or none.

use std::sync::Arc;

use super::batch::{Change, behind_prefix};
use super::block::{self, Builder, Reader, damaged, read_number, seal, unseal, write_number};
use super::filter::Filter;
use super::merge::Source;
use super::{Direction, IndexError};

/// sled keys of blocks: this byte, the run's number, the block's.
const BLOCKS: u8 = 1;
/// sled keys of what is read at the opening: first keys and filter, in parts.
const HEADS: u8 = 2;
/// Length of such a part: far below what sled puts into a file of its own.
const HEAD_PART_BYTES: usize = 32 * 1024;

/// One run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) number: u32,
    /// First key of each block.
    firsts: Vec<Box<[u8]>>,
    filter: Filter,
    /// Rows, removals included.
    pub(super) rows: u64,
    /// Bytes of the blocks.
    pub(super) bytes: u64,
}

fn sled_key(table: u8, run: u32, part: u32) -> [u8; 9] {
    let mut key = [table; 9];
    key[1..5].copy_from_slice(&run.to_be_bytes());
    key[5..].copy_from_slice(&part.to_be_bytes());
    key
}

impl Run {
    /// How many keys and prefixes a filter of these rows must hold.
    pub(super) fn filtered(&self) -> usize {
        self.filter.added()
    }

    /// Outer `None`: nothing is known of the key here.
    pub(super) fn get(&self, tree: &sled::Tree, key: &[u8]) -> Result<Option<Option<Vec<u8>>>, IndexError> {
        if !self.filter.may_hold(key) {
            return Ok(None);
        }
        let Some(at) = self.block_of(key) else { return Ok(None) };
        let mut rows = Reader::new(self.block(tree, at)?)?;
        while rows.advance()? {
            if rows.key.as_slice() >= key {
                return Ok((rows.key == key).then(|| rows.value().map(<[u8]>::to_vec)));
            }
        }
        Ok(None)
    }

    /// The block that holds a key if any does.
    fn block_of(&self, key: &[u8]) -> Option<usize> {
        self.firsts.partition_point(|first| first.as_ref() <= key).checked_sub(1)
    }

    fn block(&self, tree: &sled::Tree, at: usize) -> Result<sled::IVec, IndexError> {
        tree.get(sled_key(BLOCKS, self.number, at as u32))?.ok_or_else(|| damaged("a run"))
    }

    /// The changes with `from <= key < to`; `None` when there are surely none.
    pub(super) fn range<'a>(
        self: &Arc<Self>,
        tree: &'a sled::Tree,
        from: &'a [u8],
        to: &'a [u8],
        direction: Direction,
    ) -> Option<Source<'a>> {
        let prefix = from.get(..self.filter.prefix_bytes()).filter(|prefix| !prefix.is_empty());
        if let Some(prefix) = prefix
            && behind_prefix(prefix).is_some_and(|behind| to <= behind.as_slice())
            && !self.filter.may_hold(prefix)
        {
            return None;
        }
        let first = self.block_of(from).unwrap_or(0);
        let behind = self.firsts.partition_point(|first| first.as_ref() < to);
        if first >= behind {
            return None;
        }
        let run = Arc::clone(self);
        match direction {
            Direction::Ascending => Some(Box::new(Upward { run, tree, blocks: first..behind, open: None, from, to })),
            Direction::Descending => {
                let rows = (first..behind).rev().flat_map(move |at| match run.part(tree, at, from, to) {
                    Ok(rows) => rows.into_iter().rev().map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                });
                Some(Box::new(rows))
            }
        }
    }

    /// Every change in order.
    pub(super) fn all<'a>(self: &Arc<Self>, tree: &'a sled::Tree) -> Source<'a> {
        let blocks = 0..self.firsts.len();
        Box::new(Upward { run: Arc::clone(self), tree, blocks, open: None, from: &[], to: &[] })
    }

    fn part(&self, tree: &sled::Tree, at: usize, from: &[u8], to: &[u8]) -> Result<Vec<Change>, IndexError> {
        let mut rows = Reader::new(self.block(tree, at)?)?;
        let mut found = Vec::new();
        while rows.advance()? && rows.key.as_slice() < to {
            if rows.key.as_slice() >= from {
                found.push((rows.key.clone(), rows.value().map(<[u8]>::to_vec)));
            }
        }
        Ok(found)
    }

    /// Reads all of it: order, first keys, counts.
    pub(super) fn check(&self, tree: &sled::Tree) -> Result<(), IndexError> {
        let (mut count, mut bytes, mut before) = (0, 0, Vec::new());
        for (at, first) in self.firsts.iter().enumerate() {
            let block = self.block(tree, at)?;
            bytes += block.len() as u64;
            let mut rows = Reader::new(block)?;
            let mut begins = true;
            while rows.advance()? {
                let fits = if begins { rows.key.as_slice() == first.as_ref() } else { true };
                if !fits || (count > 0 && before >= rows.key) || !self.filter.may_hold(&rows.key) {
                    return Err(damaged("the order of a run"));
                }
                before.clone_from(&rows.key);
                begins = false;
                count += 1;
            }
        }
        if (count, bytes) == (self.rows, self.bytes) { Ok(()) } else { Err(damaged("a run")) }
    }

    /// Removes its rows from sled. Nobody may read it any more.
    pub(super) fn remove(&self, tree: &sled::Tree) -> Result<(), IndexError> {
        remove_between(tree, self.number, self.number.saturating_add(1))
    }

    fn head(&self) -> Vec<u8> {
        let mut out = vec![0; 4];
        write_number(&mut out, self.firsts.len());
        for first in &self.firsts {
            write_number(&mut out, first.len());
            out.extend_from_slice(first);
        }
        self.filter.write(&mut out);
        seal(&mut out);
        out
    }

    /// Reads what stands in memory of a run.
    pub(super) fn open(tree: &sled::Tree, number: u32, rows: u64, bytes: u64) -> Result<Self, IndexError> {
        let mut head = Vec::new();
        for part in tree.range(sled_key(HEADS, number, 0)..sled_key(HEADS, number.saturating_add(1), 0)) {
            head.extend_from_slice(&part?.1);
        }
        let (firsts, filter) = parse_head(&head).ok_or_else(|| damaged("the head of a run"))?;
        Ok(Self { number, firsts, filter, rows, bytes })
    }
}

fn parse_head(head: &[u8]) -> Option<(Vec<Box<[u8]>>, Filter)> {
    let mut rest = unseal(head)?;
    let count = read_number(&mut rest)?;
    let mut firsts = Vec::new();
    for _ in 0..count {
        let len = read_number(&mut rest)?;
        let (first, behind) = rest.split_at_checked(len)?;
        firsts.push(first.into());
        rest = behind;
    }
    let filter = Filter::read(&mut rest)?;
    rest.is_empty().then_some((firsts, filter))
}

/// Removes all runs with `from <= number < to`: what a merge or a crash left behind.
pub(super) fn remove_between(tree: &sled::Tree, from: u32, to: u32) -> Result<(), IndexError> {
    for table in [BLOCKS, HEADS] {
        for key in tree.range(sled_key(table, from, 0)..sled_key(table, to, 0)).keys() {
            tree.remove(key?)?;
        }
    }
    Ok(())
}

/// A run read upwards, block by block. An empty `to` means all of it.
struct Upward<'a> {
    run: Arc<Run>,
    tree: &'a sled::Tree,
    blocks: std::ops::Range<usize>,
    open: Option<Reader<sled::IVec>>,
    from: &'a [u8],
    to: &'a [u8],
}

impl Upward<'_> {
    fn step(&mut self) -> Result<Option<Change>, IndexError> {
        loop {
            let Some(rows) = &mut self.open else {
                let Some(at) = self.blocks.next() else { return Ok(None) };
                self.open = Some(Reader::new(self.run.block(self.tree, at)?)?);
                continue;
            };
            if !rows.advance()? {
                self.open = None;
            } else if !self.to.is_empty() && rows.key.as_slice() >= self.to {
                (self.open, self.blocks) = (None, 0..0);
            } else if rows.key.as_slice() >= self.from {
                return Ok(Some((rows.key.clone(), rows.value().map(<[u8]>::to_vec))));
            }
        }
    }
}

impl Iterator for Upward<'_> {
    type Item = Result<Change, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

/// A run being written. Until the list of runs names it, nobody sees it.
pub(super) struct Writer {
    tree: sled::Tree,
    run: Run,
    block: Builder,
    first: Vec<u8>,
}

impl Writer {
    /// Begins a run whose filter is good for so many keys and prefixes.
    pub(super) fn new(tree: sled::Tree, number: u32, filtered: usize, prefix_bytes: usize) -> Self {
        let filter = Filter::new(filtered, prefix_bytes);
        let run = Run { number, firsts: Vec::new(), filter, rows: 0, bytes: 0 };
        Self { tree, run, block: Builder::default(), first: Vec::new() }
    }

    /// Adds a change behind the others.
    pub(super) fn push(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), IndexError> {
        if self.block.is_empty() {
            self.first.clear();
            self.first.extend_from_slice(key);
        }
        self.block.push(key, value);
        self.run.filter.add(key);
        self.run.rows += 1;
        if self.block.is_full() { self.close_block() } else { Ok(()) }
    }

    fn close_block(&mut self) -> Result<(), IndexError> {
        let block = self.block.take();
        self.run.bytes += block.len() as u64;
        self.tree.insert(sled_key(BLOCKS, self.run.number, self.run.firsts.len() as u32), block)?;
        self.run.firsts.push(self.first.as_slice().into());
        Ok(())
    }

    /// Ends the run; `None` when nothing is in it.
    pub(super) fn finish(mut self) -> Result<Option<Run>, IndexError> {
        if !self.block.is_empty() {
            self.close_block()?;
        }
        if self.run.firsts.is_empty() {
            return Ok(None);
        }
        for (part, bytes) in self.run.head().chunks(HEAD_PART_BYTES).enumerate() {
            self.tree.insert(sled_key(HEADS, self.run.number, part as u32), bytes)?;
        }
        Ok(Some(self.run))
    }
}

/// How large a block may get: one row goes over the usual size.
const _: () = assert!(block::BLOCK_BYTES * 16 < 128 * 1024, "sixteen blocks fit into what sled keeps inline");
