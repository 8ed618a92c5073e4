//! Where a call goes: to the service whose package its path names, in this process or elsewhere.

use std::{
    collections::HashMap,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{FutureExt as _, future::BoxFuture};
use http::{Extensions, HeaderMap, Request, Response, Version, header};
use spectra_runtime::{
    Error, Reason,
    server::{Origin, Peer},
    telemetry,
};
use tonic::{body::Body, codegen::StdError};
use tower::Service;
use tracing::Instrument as _;

/// Headers of an HTTP request that the call made for it carries as well.
const PASSED_ON: [&str; 6] =
    ["authorization", "user-agent", "x-request-id", "traceparent", "tracestate", "grpc-timeout"];

/// A service that the edge forwards to.
#[derive(Clone)]
pub struct Route {
    /// Its short name, such as `samples`: its gRPC services are those of the package `spectra.samples.v1`.
    pub service: &'static str,
    /// Where it is.
    pub peer: Peer,
}

/// The services by their packages.
#[derive(Clone)]
pub struct Switch {
    routes: Arc<HashMap<String, Route>>,
    origin: Option<Origin>,
}

impl Switch {
    pub fn new(routes: Vec<Route>, origin: Option<Origin>) -> Self {
        let by_package = routes.into_iter().map(|route| (format!("/spectra.{}.v1.", route.service), route));
        Self { routes: Arc::new(by_package.collect()), origin }
    }

    /// The service that a path such as `/spectra.samples.v1.SamplesService/GetSample` names.
    pub fn route(&self, path: &str) -> Option<&Route> {
        let package = path.rfind('/').and_then(|end| path[..end].rfind('.')).map_or("", |end| &path[..=end]);
        self.routes.get(package)
    }

    /// Sends a call on.
    pub fn forward(&self, route: &Route, mut request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let span = telemetry::passage(&mut request);
        if let Peer::Local(stack) = &route.peer {
            let response = stack.handle(request);
            return if span.is_disabled() { response } else { response.instrument(span).boxed() };
        }
        let (service, mut peer) = (route.service, route.peer.clone());
        // What concerns the connection that the call came in on (RFC 9110, 7.6.1) does not go on.
        for header in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::HOST] {
            request.headers_mut().remove(header);
        }
        *request.version_mut() = Version::HTTP_2;
        if let Some(origin) = &self.origin {
            origin.note(&mut request);
        }
        async move { peer.call(request).await.unwrap_or_else(|cause| away(service, cause)) }.instrument(span).boxed()
    }

    /// For calls that answer a request which is no gRPC: what it brought of the person, the trace and the connection goes
    /// along. Generated clients wrap it.
    pub fn visit(&self, asked: &HeaderMap, extensions: Extensions) -> Visit {
        let mut headers = HeaderMap::with_capacity(PASSED_ON.len());
        for name in PASSED_ON {
            if let Some(value) = asked.get(name) {
                headers.insert(name, value.clone());
            }
        }
        Visit { switch: self.clone(), headers, extensions }
    }
}

/// The calls made for one HTTP request.
#[derive(Clone)]
pub struct Visit {
    switch: Switch,
    headers: HeaderMap,
    extensions: Extensions,
}

impl Service<Request<Body>> for Visit {
    type Response = Response<Body>;
    type Error = StdError;
    type Future = BoxFuture<'static, Result<Response<Body>, StdError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Some(route) = self.switch.route(request.uri().path()) else {
            return futures::future::err(format!("no service has {}", request.uri().path()).into()).boxed();
        };
        // The client's own headers, such as content-type, stay; an authorization of the call's own wins.
        for (name, value) in &self.headers {
            if !request.headers().contains_key(name) || name == header::USER_AGENT {
                request.headers_mut().insert(name, value.clone());
            }
        }
        request.extensions_mut().extend(self.extensions.clone());
        self.switch.forward(route, request).map(Ok).boxed()
    }
}

fn away(service: &str, cause: StdError) -> Response<Body> {
    let reason = match service {
        "auth" => Reason::AuthUnreachable,
        "samples" => Reason::SamplesUnreachable,
        "calibration" => Reason::CalibrationUnreachable,
        _ => Reason::RunsUnreachable,
    };
    Error::unavailable(reason, format!("the {service} service cannot be reached; try again in a moment"))
        .caused_by(cause)
        .into_status("")
        .into_http()
}
