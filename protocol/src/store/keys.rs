//! Every table in one list.
