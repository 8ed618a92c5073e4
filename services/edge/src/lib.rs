//! The front door: every client comes in here, and each call goes to the service that its path names.

mod landing;

use std::{collections::HashMap, sync::Arc};

use futures::FutureExt as _;
use http::{Method, Request, Response};
use spectra_runtime::{
    Error, Reason,
    server::{Builder, Guard, Handler, Peer},
};
use tonic::body::Body;
use tower::Service as _;

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
    let routes: HashMap<String, Route> =
        routes.into_iter().map(|route| (format!("/spectra.{}.v1.", route.service), route)).collect();
    Arc::new(move |request: Request<Body>| {
        let path = request.uri().path();
        // `/spectra.samples.v1.` of `/spectra.samples.v1.SamplesService/GetSample`.
        let package = path.rfind('/').and_then(|end| path[..end].rfind('.')).map_or("", |end| &path[..=end]);
        match routes.get(package) {
            Some(route) => forward(route, request),
            None if request.method() == Method::GET => futures::future::ready(landing::page(&request)).boxed(),
            None => own.handle(request),
        }
    })
}

fn forward(route: &Route, request: Request<Body>) -> futures::future::BoxFuture<'static, Response<Body>> {
    if let Peer::Local(stack) = &route.peer {
        return stack.handle(request);
    }
    let (service, mut peer) = (route.service, route.peer.clone());
    async move {
        let ready = futures::future::poll_fn(|context| peer.poll_ready(context)).await;
        let answer = match ready {
            Ok(()) => peer.call(request).await,
            Err(error) => Err(error),
        };
        answer.unwrap_or_else(|cause| {
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
        })
    }
    .boxed()
}
