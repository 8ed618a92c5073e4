//! Between the wire and the domain, both ways side by side, by noun.

pub mod project;
pub mod sample;
