//! Rows and queries: one file a table.

pub mod data_chunk;
pub mod policy;
pub mod recipe;
pub mod recipe_version;
pub mod revocation;
pub mod run;
pub mod run_equipment;
mod run_grant;
pub mod sample_claim;
pub mod schema;
