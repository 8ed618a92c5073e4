//! The plumbing that every service stands on, and no noun of the laboratory.

pub mod auth;
pub mod clock;
pub mod db;
pub mod error;
pub mod list;
pub mod mask;
pub mod object;
pub mod secret;
pub mod server;
pub mod telemetry;
pub mod watch;
pub mod wire;

pub use clock::Clock;
pub use error::{Error, Reason, Result};
