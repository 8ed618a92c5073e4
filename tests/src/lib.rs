//! What the tests stand on: a real Postgres, a real laboratory on a real socket, and people who are signed in to it.

pub mod dynamic;
pub mod http1;
mod lab;
mod people;
mod postgres;
pub mod raw;

pub use self::{
    lab::{PASSWORD, SECRET, Start, TestLab, certificate, iv_sweep, numbers, tokens},
    people::{Client, Person, reason, refused},
    postgres::{Database, as_postgres, database},
};
