//! Another service of ours: in this process or over the network, called alike.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt as _, future::BoxFuture};
use http::{Request, Response};
use tonic::{Status, body::Body, codegen::StdError, metadata::MetadataValue, service::Interceptor};
use tower::Service;

use super::{Remote, Stack, verifier::SERVICE_AUTHORIZATION};
use crate::{
    auth::{Caller, service::ServiceTokens},
    error::Result,
    telemetry,
};

/// Where another service is. Generated clients wrap it.
#[derive(Clone)]
pub enum Peer {
    /// In this process: the same stack that its listener serves.
    Local(Stack),
    /// Elsewhere.
    Remote(Remote),
}

impl Service<Request<Body>> for Peer {
    type Response = Response<Body>;
    type Error = StdError;
    type Future = BoxFuture<'static, Result<Response<Body>, StdError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        // Whoever cannot be reached says so to the call.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self {
            Self::Local(stack) => {
                *request.version_mut() = http::Version::HTTP_2;
                stack.handle(request).map(Ok).boxed()
            }
            Self::Remote(remote) => remote.clone().call(request).boxed(),
        }
    }
}

/// What goes along with a call to another service: the person's token, ours, the time that is left, and the trace.
#[derive(Clone)]
pub struct Credentials {
    caller: Caller,
    service_token: Arc<str>,
}

impl Credentials {
    /// For a call on the caller's behalf.
    ///
    /// # Errors
    /// AUTH_UNREACHABLE.
    pub async fn on_behalf(caller: &Caller, tokens: &ServiceTokens) -> Result<Self> {
        Ok(Self { caller: caller.clone(), service_token: tokens.get(None).await? })
    }

    /// For a call that the service makes by itself, in the caller's organization.
    ///
    /// # Errors
    /// AUTH_UNREACHABLE.
    pub async fn of_service(caller: &Caller, tokens: &ServiceTokens) -> Result<Self> {
        Ok(Self { caller: caller.clone(), service_token: tokens.get(Some(caller.org_id())).await? })
    }
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        let header = |token: &str| {
            MetadataValue::try_from(format!("Bearer {token}")).map_err(|_| Status::internal("a token cannot be sent"))
        };
        let person = self.caller.token().map(header).transpose()?;
        let service = header(&self.service_token)?;
        let remaining = self.caller.remaining().unwrap_or_default();
        request.set_timeout(remaining);
        let metadata = request.metadata_mut();
        if let Some(person) = person {
            metadata.insert("authorization", person);
        }
        metadata.insert(SERVICE_AUTHORIZATION, service);
        if let Ok(id) = MetadataValue::try_from(self.caller.request_id()) {
            metadata.insert("x-request-id", id);
        }
        telemetry::pass_on(metadata, self.caller.request());
        Ok(request)
    }
}
