//! How a request travels from a socket to a handler, and how one service calls another.
//!
//! [`Builder`] makes one [`Stack`] a service. The listener, the edge and the peers in the same process all call that
//! same stack, so that no path passes by a layer of it.

mod drain;
mod layers;
mod listener;
mod origin;
mod peer;
mod quota;
mod refusals;
mod remote;
mod stack;
mod standing;
mod streaming;
pub mod tls;
mod unary;
mod verifier;

use std::sync::Arc;

pub use self::{
    drain::Drain,
    listener::{ClientAddress, Handler, Listener, serve},
    origin::Origin,
    peer::{Credentials, Peer},
    quota::Rates,
    remote::Remote,
    stack::{Builder, Guard, Stack},
    standing::{DATABASE, Standing},
    streaming::{Streamed, streaming},
    unary::{public, unary},
};
use crate::auth::{Request, token};

/// What the stack found out about a call; each handler's wrapper reads it from the request's extensions.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) request: Request,
    pub(crate) method: &'static contract::Method,
    /// Claims of a verified access token, and the token itself.
    pub(crate) person: Option<(Arc<token::Access>, Arc<str>)>,
    /// Claims of a verified service token.
    pub(crate) service: Option<Arc<token::Service>>,
    /// Who found that out, and can say whether it is still so.
    pub(crate) verifier: Option<Arc<verifier::Verifier>>,
}
