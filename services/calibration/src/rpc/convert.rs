//! Between the wire and the domain, both ways side by side, by noun.

pub mod calibration;
pub mod instrument;
pub mod policy;
pub mod use_grant;
