//! The laboratory as its users meet it: real clients, a real socket, a real Postgres.

mod audit;
mod catalog;
mod faults;
mod isolation;
mod lockout;
mod mutations;
mod organizations;
mod passwords;
mod ratchets;
mod samples;
mod sessions;
mod story;
mod users;
mod web;
