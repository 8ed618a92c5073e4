//! Who calls, by the tokens that came with the call.

use std::sync::Arc;

use http::{HeaderMap, Request};
use tonic::body::Body;

use super::{Context, unary::token_missing};
use crate::{
    auth::{
        revocation::Revocations,
        token::{Access, Refusal, Tokens},
    },
    error::{Error, Kind, Reason, Result},
};

/// Name of the header that carries a service's token.
pub(super) const SERVICE_AUTHORIZATION: &str = "x-service-authorization";

/// Checks tokens, and that the sessions behind them go on.
pub(crate) struct Verifier {
    tokens: Arc<Tokens>,
    revocations: Arc<Revocations>,
}

impl Verifier {
    pub(super) fn new(tokens: Arc<Tokens>, revocations: Arc<Revocations>) -> Self {
        Self { tokens, revocations }
    }

    /// Has an unknown key fetched, unless that was tried a moment ago.
    pub(super) async fn ask_for_keys(&self) {
        self.tokens.ask_for_keys().await;
    }

    /// What the caller is told.
    pub(super) fn refused(&self, refusal: Refusal) -> Error {
        self.tokens.refused(refusal)
    }

    /// Whether a call that was let in may still go on.
    pub(super) fn still(&self, claims: &Access) -> Result<()> {
        self.tokens.in_time(claims.exp)?;
        self.revocations.check(claims.sid, false)
    }

    /// Verifies what tokens there are, and notes who calls.
    pub(super) fn identify(self: &Arc<Self>, request: &mut Request<Body>) -> Result<(), Refusal> {
        let headers = request.headers();
        let context = request.extensions().get::<Context>();
        let method = context.ok_or_else(|| Error::internal("the deadline layer comes first"))?.method;
        if method.access == contract::Access::Public {
            return Ok(());
        }
        let person = match bearer(headers, "authorization")? {
            Some(token) => Some((self.tokens.try_access(token)?, Arc::from(token))),
            None => None,
        };
        let service = match bearer(headers, SERVICE_AUTHORIZATION)? {
            Some(token) => Some(self.tokens.try_service(token)?),
            None => None,
        };
        match (&person, &service) {
            (Some((claims, _)), _) => self.revocations.check(claims.sid, !method.safe())?,
            (None, Some(_)) => {}
            (None, None) => return Err(token_missing().into()),
        }
        if let Some(context) = request.extensions_mut().get_mut::<Context>() {
            context.person = person;
            context.service = service;
            context.verifier = Some(Arc::clone(self));
        }
        Ok(())
    }
}

/// The token of a `Bearer` header. More than one header, or another scheme, is no token but a mistake.
fn bearer<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let malformed =
        || Error::new(Kind::Unauthenticated, Reason::TokenInvalid, "send one header `authorization: Bearer <token>`");
    if values.next().is_some() {
        return Err(malformed());
    }
    let text = value.to_str().map_err(|_| malformed())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains(' ') {
        return Err(malformed());
    }
    Ok(Some(token))
}
