//! The laboratory as its users meet it: real clients, a real socket, a real Postgres.

mod audit;
mod catalog;
mod data;
mod doctor;
mod documents;
mod due_calibrations;
mod faults;
mod isolation;
mod lockout;
mod mutations;
mod organizations;
mod passwords;
mod projects;
mod quarantine;
mod ratchets;
mod recipes;
mod rest;
mod sample_batches;
mod samples;
mod sessions;
mod stack;
mod story;
mod tokens;
mod users;
mod watches;
mod web;
