//! What readers share with the engine: an immutable picture, replaced after each commit that changed it.

/// A moment's picture of who may do what, of names and of connections.
#[derive(Debug, Clone, Default)]
pub struct View {}
