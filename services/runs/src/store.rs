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

diesel::define_sql_function! {
    /// The time of the statement, where `now` is that of the transaction, from before it waited for the run.
    fn clock_timestamp() -> Timestamptz;
}
