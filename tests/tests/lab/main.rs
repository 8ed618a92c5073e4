//! The laboratory as its users meet it: real clients, a real socket, a real Postgres.

mod catalog;
mod data;
mod faults;
mod isolation;
mod lockout;
mod mutations;
mod ratchets;
mod samples;
mod sessions;
mod story;
mod web;
