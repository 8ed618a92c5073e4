//! The front door: every client comes in here, and each call goes to the service that its path names.

mod jwks;
mod openapi;
mod problem;
mod proxies;
mod rest;
mod session;
mod switch;
mod web;

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::ready};
use http::{Method, Request, Response, header};
use http_body::Body as _;
use ipnet::IpNet;
use spectra_runtime::server::{Builder, Drain, Guard, Handler, Standing};
use tonic::body::Body;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use proxies::Proxies;
use rest::Rest;
pub use switch::Route;
use switch::Switch;

/// Between two questions to a service elsewhere whether it serves, and how long it may take to answer.
const HEALTH_PERIOD: Duration = Duration::from_secs(2);
const HEALTH_TIME: Duration = Duration::from_secs(2);
/// Where the public keys of tokens are (RFC 8615).
const JWKS: &str = "/.well-known/jwks.json";

/// The edge over these services. Health and reflection it answers itself, for the laboratory as a whole. Where there are
/// demo accounts, the web app offers them. Calls through `proxies` come from where those say.
#[must_use]
pub fn handler(routes: Vec<Route>, guard: Guard, proxies: Vec<IpNet>, demo: bool) -> Handler {
    let auth = routes.iter().find(|route| route.service == "auth").map(|route| route.peer.clone());
    let switch = Switch::new(routes, guard.origin.clone());
    let plain = rest::around(Rest::new(switch.clone()), &guard.origins);
    let own = Builder::new(guard).build();
    let proxies = Proxies::new(proxies);
    let answer = move |mut request: Request<Body>| {
        proxies.see_through(&mut request);
        let path = request.uri().path();
        if let Some(route) = switch.route(path) {
            return switch.forward(route, request);
        }
        if path.starts_with(session::PATH) {
            return session::answer(switch.clone(), request).boxed();
        }
        if Rest::has(path) {
            return plain(request);
        }
        match (request.method(), &auth) {
            (&Method::GET, Some(auth)) if path == JWKS => jwks::answer(auth.clone()).boxed(),
            (&Method::GET, _) => ready(web::answer(&request, demo)).boxed(),
            // Health and reflection, and what browsers ask before they call them.
            (&Method::OPTIONS, _) => own.handle(request),
            _ if is_grpc(&request) => own.handle(request),
            _ if path == JWKS => {
                ready(problem::other_verbs("GET", "GET /.well-known/jwks.json tells the keys")).boxed()
            }
            _ => ready(problem::nothing()).boxed(),
        }
    };
    Arc::new(move |mut request: Request<Body>| {
        if request.method() != Method::HEAD {
            return answer(request);
        }
        *request.method_mut() = Method::GET;
        answer(request).map(head_of).boxed()
    })
}

fn is_grpc(request: &Request<Body>) -> bool {
    request.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// What HEAD is answered with where GET would be answered with this (RFC 9110, 9.3.2).
fn head_of(answer: Response<Body>) -> Response<Body> {
    let length = answer.body().size_hint().exact();
    let mut head = answer.map(|_| Body::empty());
    if let Some(length) = length {
        head.headers_mut().entry(header::CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    head
}

/// Asks a service elsewhere over and over whether it serves, and tells it on, until the process leaves.
pub async fn follow_health(route: Route, standing: Standing, drain: Drain) {
    let ask = async {
        loop {
            let mut health = HealthClient::new(route.peer.clone());
            let answer = tokio::time::timeout(HEALTH_TIME, health.check(HealthCheckRequest::default())).await;
            let serves = matches!(answer, Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving);
            standing.tell(route.service, serves).await;
            metrics::gauge!("spectra_edge_reaches", "service" => route.service).set(f64::from(u8::from(serves)));
            tokio::time::sleep(HEALTH_PERIOD).await;
        }
    };
    tokio::select! {
        () = drain.left() => {}
        () = ask => {}
    }
}
