//! Rows and queries: one file a table, and what several of them together are asked for.
//!
//! Reads that take the connection by `&` may be sent together, in one round trip.

pub mod calibration;
pub mod calibration_point;
pub mod capability;
pub mod document;
pub mod due;
pub mod fitness;
pub mod instrument;
pub mod policy;
pub mod schema;
pub mod use_grant;
