//! The front door: every client comes in here, and each call goes to the service that its path names.

mod jwks;
mod landing;

use std::{collections::HashMap, sync::Arc};

use futures::{FutureExt as _, future::BoxFuture};
use http::{Method, Request, Response, Version, header};
use spectra_runtime::{
    Error, Reason,
    server::{Builder, Guard, Handler, Peer},
};
use tonic::{body::Body, codegen::StdError};
use tower::Service as _;

/// Where the public keys of tokens are (RFC 8615).
const JWKS: &str = "/.well-known/jwks.json";

/// A service that the edge forwards to.
pub struct Route {
    /// Its short name, such as `samples`: its gRPC services are those of the package `spectra.samples.v1`.
    pub service: &'static str,
    /// Where it is.
    pub peer: Peer,
}

/// The edge over these services. Health and reflection it answers itself, for the laboratory as a whole.
#[must_use]
pub fn handler(routes: Vec<Route>, guard: Guard) -> Handler {
    let own = Builder::new(guard).build();
    let auth = routes.iter().find(|route| route.service == "auth").map(|route| route.peer.clone());
    let routes: HashMap<String, Route> =
        routes.into_iter().map(|route| (format!("/spectra.{}.v1.", route.service), route)).collect();
    Arc::new(move |request: Request<Body>| {
        let path = request.uri().path();
        // `/spectra.samples.v1.` of `/spectra.samples.v1.SamplesService/GetSample`.
        let package = path.rfind('/').and_then(|end| path[..end].rfind('.')).map_or("", |end| &path[..=end]);
        match routes.get(package) {
            Some(route) => forward(route, request),
            None if request.method() == Method::GET && path == JWKS => match auth.clone() {
                Some(auth) => jwks::answer(auth).boxed(),
                None => own.handle(request),
            },
            None if request.method() == Method::GET => futures::future::ready(landing::page(&request)).boxed(),
            None => own.handle(request),
        }
    })
}

fn forward(route: &Route, mut request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
    if let Peer::Local(stack) = &route.peer {
        return stack.handle(request);
    }
    let (service, mut peer) = (route.service, route.peer.clone());
    // What concerns the connection that the call came in on (RFC 9110, 7.6.1) does not go on.
    for header in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::HOST] {
        request.headers_mut().remove(header);
    }
    *request.version_mut() = Version::HTTP_2;
    async move { peer.call(request).await.unwrap_or_else(|cause| away(service, cause)) }.boxed()
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
