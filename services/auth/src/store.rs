//! Rows and queries: one file a table.

pub mod event;
pub mod login_attempt;
pub mod login_directory;
pub mod organization;
pub mod refresh_token;
pub mod schema;
pub mod session;
pub mod user;
