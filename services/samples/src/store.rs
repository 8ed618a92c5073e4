//! Rows and queries: one file a table.

pub mod project;
pub mod sample;
pub mod schema;
