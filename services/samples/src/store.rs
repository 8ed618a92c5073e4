//! Rows and queries: one file a table.

pub mod sample;
pub mod schema;
