//! The front door: every client comes in here, and each call goes to the service that its path names.

mod jwks;
mod landing;

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use http::{Method, Request, Response, Version, header};
use spectra_runtime::{
    Error, Reason,
    server::{Builder, Drain, Guard, Handler, Origin, Peer, Standing},
};
use tonic::{body::Body, codegen::StdError};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tower::Service as _;

/// Between two questions to a service elsewhere whether it serves, and how long it may take to answer.
const HEALTH_PERIOD: Duration = Duration::from_secs(2);
const HEALTH_TIME: Duration = Duration::from_secs(2);
/// Where the public keys of tokens are (RFC 8615).
const JWKS: &str = "/.well-known/jwks.json";

/// A service that the edge forwards to.
#[derive(Clone)]
pub struct Route {
    /// Its short name, such as `samples`: its gRPC services are those of the package `spectra.samples.v1`.
    pub service: &'static str,
    /// Where it is.
    pub peer: Peer,
}

/// The edge over these services. Health and reflection it answers itself, for the laboratory as a whole.
#[must_use]
pub fn handler(routes: Vec<Route>, guard: Guard) -> Handler {
    let origin = guard.origin.clone();
    let own = Builder::new(guard).build();
    let auth = routes.iter().find(|route| route.service == "auth").map(|route| route.peer.clone());
    let routes: HashMap<String, Route> =
        routes.into_iter().map(|route| (format!("/spectra.{}.v1.", route.service), route)).collect();
    Arc::new(move |request: Request<Body>| {
        let path = request.uri().path();
        // `/spectra.samples.v1.` of `/spectra.samples.v1.SamplesService/GetSample`.
        let package = path.rfind('/').and_then(|end| path[..end].rfind('.')).map_or("", |end| &path[..=end]);
        match routes.get(package) {
            Some(route) => forward(route, origin.as_ref(), request),
            None if request.method() == Method::GET && path == JWKS => match auth.clone() {
                Some(auth) => jwks::answer(auth).boxed(),
                None => own.handle(request),
            },
            None if request.method() == Method::GET => futures::future::ready(landing::page(&request)).boxed(),
            None => own.handle(request),
        }
    })
}

fn forward(route: &Route, origin: Option<&Origin>, mut request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
    if let Peer::Local(stack) = &route.peer {
        return stack.handle(request);
    }
    let (service, mut peer) = (route.service, route.peer.clone());
    // What concerns the connection that the call came in on (RFC 9110, 7.6.1) does not go on.
    for header in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::HOST] {
        request.headers_mut().remove(header);
    }
    *request.version_mut() = Version::HTTP_2;
    if let Some(origin) = origin {
        origin.note(&mut request);
    }
    async move { peer.call(request).await.unwrap_or_else(|cause| away(service, cause)) }.boxed()
}

/// Asks a service elsewhere over and over whether it serves, and tells it on, until the process leaves.
pub async fn follow_health(route: Route, standing: Standing, drain: Drain) {
    let ask = async {
        loop {
            let mut health = HealthClient::new(route.peer.clone());
            let answer = tokio::time::timeout(HEALTH_TIME, health.check(HealthCheckRequest::default())).await;
            let serves = matches!(answer, Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving);
            standing.tell(route.service, serves).await;
            tokio::time::sleep(HEALTH_PERIOD).await;
        }
    };
    tokio::select! {
        () = drain.left() => {}
        () = ask => {}
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
