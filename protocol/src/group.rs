//! The folded content of one group.
