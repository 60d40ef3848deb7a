//! How far a log is held, and how far something has got.

/// What is durable of a log: all below `next`, and perhaps a span further up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// The first position that is missing.
    pub next: u64,
    /// The span above, from its lowest position to behind its highest.
    pub above: Option<(u64, u64)>,
}

impl Extent {
    /// How many entries are held.
    pub fn held(&self) -> u64 {
        self.next + self.above.map_or(0, |(low, top)| top - low)
    }

    /// How many of the entries below a height are missing.
    pub fn lacks(&self, height: u64) -> u64 {
        let above = self.above.map_or(0, |(low, top)| top.min(height).saturating_sub(low));
        height.saturating_sub(self.next).saturating_sub(above)
    }
}

/// How far something has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Entries that are here.
    pub have: u64,
    /// Entries known to exist.
    pub of: u64,
}
