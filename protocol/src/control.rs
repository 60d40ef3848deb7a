//! Who may do what: one pure function of the set of control entries.
pub mod op;
