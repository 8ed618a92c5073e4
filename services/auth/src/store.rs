//! Rows and queries: one file a table.

pub mod event;
pub mod login_attempt;
pub mod login_directory;
pub mod organization;
pub mod refresh_token;
pub mod revocation;
pub mod schema;
pub mod session;
pub mod signing_key;
pub mod user;
