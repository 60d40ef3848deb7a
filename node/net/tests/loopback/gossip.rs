//! Live messages.
