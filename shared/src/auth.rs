//! Who calls, what they may do, and the tokens that prove it.

mod caller;
pub mod jwks;
pub mod keys;
pub mod revocation;
mod role;
pub mod service;
pub mod token;

pub use self::{
    caller::{Caller, Request},
    role::{Role, permissions},
};
