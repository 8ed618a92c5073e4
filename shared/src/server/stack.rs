//! The one stack that every call to a service passes through.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt as _, future::BoxFuture};
use http::{HeaderValue, Request, Response, header};
use tokio::sync::Semaphore;
use tonic::{body::Body, server::NamedService};
use tower::{Layer as _, Service, ServiceExt as _};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer, ExposeHeaders};

use super::{
    Drain, Origin, Rates, Standing, layers,
    quota::Quotas,
    refusals::{self, Refusals},
    verifier::Verifier,
};
use crate::{
    auth::{revocation::Revocations, token::Tokens},
    db::Db,
};

/// The rest of a stack, as each layer sees it.
pub(super) type Next = Arc<dyn Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// gRPC services by their names.
#[derive(Clone, Default)]
pub(super) struct Routes(HashMap<&'static str, Next>);

impl Routes {
    pub(super) fn add<S: NamedService + Grpc>(&mut self, server: S) {
        self.0.insert(S::NAME, answer(server));
    }

    pub(super) fn get(&self, name: &str) -> Option<&Next> {
        self.0.get(name)
    }
}

/// What guards a service, and what stands beside it.
#[derive(Clone)]
pub struct Guard {
    /// Checks the tokens of callers.
    pub tokens: Arc<Tokens>,
    /// Sessions that have been ended before their tokens.
    pub revocations: Arc<Revocations>,
    /// Believes the edge where calls came from; `None` where nothing is shared with it.
    pub origin: Option<Origin>,
    /// Calls that the service works on at once; more are refused at once as OVERLOADED.
    pub concurrency: usize,
    /// How often people may call it.
    pub rates: Rates,
    /// Origins of web pages that may call, such as `http://127.0.0.1:5173`.
    pub origins: Vec<String>,
    /// Told when the process is to end.
    pub drain: Drain,
    /// Health and reflection: open to all, never shed, never timed out.
    pub standing: Standing,
}

/// Collects the gRPC services of one of our services.
pub struct Builder {
    guard: Guard,
    routes: Routes,
    refusals: Option<Refusals>,
}

impl Builder {
    /// An empty service.
    #[must_use]
    pub fn new(guard: Guard) -> Self {
        Self { guard, routes: Routes::default(), refusals: None }
    }

    /// Adds a gRPC service whose calls pass deadline, limits and token.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "it adds a service, not a number")]
    pub fn add<S: NamedService + Grpc>(mut self, server: S) -> Self {
        self.routes.add(server);
        self
    }

    /// Records in this database's event log what people are refused.
    #[must_use]
    pub fn recording(mut self, db: &Db) -> Self {
        self.refusals = Some(Refusals::new(db.clone()));
        self
    }

    /// The stack. Read from the last line up, this is what a request meets.
    #[must_use]
    pub fn build(self) -> Stack {
        let Guard { tokens, revocations, origin, concurrency, rates, origins, drain, standing } = self.guard;
        let names = self.routes.0.keys().copied().collect();

        // The method's own code, by the service's name.
        let routed = layers::route(self.routes);
        // What the codec refuses is explained like every other refusal.
        let routed = layers::explain(routed);
        // What people are refused is in the audit trail too.
        let recorded = match self.refusals {
            Some(refusals) => refusals::layer(routed, Arc::new(refusals)),
            None => routed,
        };
        // No more often than the person and their organization may.
        let counted = layers::quota(recorded, Arc::new(Quotas::new(rates)));
        // Who calls; without a valid token, only methods that are declared public go on.
        let authenticated = layers::authenticate(counted, Arc::new(Verifier::new(tokens, revocations)));
        // No more calls at once than can be worked on.
        let limited = layers::limit(authenticated, Arc::new(Semaphore::new(concurrency)));
        // No call goes on after its caller stopped waiting.
        let timed = layers::deadline(limited, origin, drain.clone());
        // Health and reflection turn off here: open to all, never shed, never timed out.
        let forked = layers::fork(timed, layers::route(standing.routes()));
        // Streams end when the process is to end.
        let ended = layers::end_streams(forked, drain);
        // A panic is one call's INTERNAL, not the process's end.
        let caught = layers::catch_panic(ended);
        // Request id, trace span, counts and times.
        let traced = layers::observe(caught);
        // Browsers speak gRPC-web; inside of it, so that every error above still reaches them.
        let web = over(tonic_web::GrpcWebLayer::new().layer(Inner(Arc::clone(&traced))));
        let translated = layers::translate_web(traced, web);
        // Pages of other origins are answered only where the origin is listed.
        let cors = over(cors(&origins).layer(Inner(Arc::clone(&translated))));
        let call = layers::cross_origin(translated, cors);
        Stack { call, names }
    }
}

/// A generated server, or anything else that answers gRPC.
pub trait Grpc:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Grpc for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// A generated server is always ready: each call goes to a clone of it.
fn answer(server: impl Grpc) -> Next {
    Arc::new(move |request| {
        let mut server = server.clone();
        server.call(request).map(|Ok(response)| response).boxed()
    })
}

/// A tower service as the rest of a stack.
fn over<S, B>(service: S) -> Next
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static,
    B: http_body::Body<Data = bytes::Bytes, Error: Into<tonic::codegen::StdError>> + Send + 'static,
{
    Arc::new(move |request| {
        let service = service.clone();
        async move {
            let Ok(response) = service.oneshot(request).await;
            response.map(Body::new)
        }
        .boxed()
    })
}

/// The rest of a stack as a tower service.
#[derive(Clone)]
struct Inner(Next);

impl Service<Request<Body>> for Inner {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = futures::future::Map<
        BoxFuture<'static, Response<Body>>,
        fn(Response<Body>) -> Result<Response<Body>, Infallible>,
    >;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        (self.0)(request).map(Ok)
    }
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([http::Method::POST])
        // Named one by one: a `*` would not cover Authorization.
        .allow_headers(AllowHeaders::list(
            ["authorization", "content-type", "x-grpc-web", "x-user-agent", "grpc-timeout", "x-request-id"]
                .map(http::HeaderName::from_static),
        ))
        .expose_headers(ExposeHeaders::list(
            ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-request-id"]
                .map(http::HeaderName::from_static),
        ))
        .max_age(std::time::Duration::from_secs(3600))
}

/// A service as everybody calls it. Cheap to clone.
#[derive(Clone)]
pub struct Stack {
    call: Next,
    names: Arc<[&'static str]>,
}

impl Stack {
    /// Names of the gRPC services it answers for.
    #[must_use]
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// Calls it.
    pub fn handle(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        (self.call)(request)
    }
}

impl Service<Request<Body>> for Stack {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = futures::future::Map<
        BoxFuture<'static, Response<Body>>,
        fn(Response<Body>) -> Result<Response<Body>, Infallible>,
    >;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        (self.call)(request).map(Ok)
    }
}

/// Whether a request's content type begins so.
pub(super) fn content_type_starts(request: &Request<Body>, prefix: &str) -> bool {
    request.headers().get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(prefix.as_bytes()))
}
