//! What stands around plain HTTP: pages of other origins where they are listed, and compression.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use tonic::body::Body;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tower_http::{
    compression::{
        CompressionLayer,
        predicate::{Predicate as _, SizeAbove},
    },
    cors::{AllowOrigin, CorsLayer},
};

use super::Rest;

/// Bytes from which on an answer is worth compressing: what is shorter goes in one packet anyhow.
const WORTH_BYTES: u64 = 1024;
/// How long a browser may remember what it was told of another origin.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Answers a request.
pub type Answer = Arc<dyn Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// Plain HTTP, for pages of these origins too.
pub fn around(rest: Rest, origins: &[String]) -> Answer {
    let rest = Arc::new(rest);
    let bare = service_fn(move |request: Request<Body>| {
        let rest = Arc::clone(&rest);
        async move { Ok::<_, Infallible>(rest.answer(request).await) }
    });
    let gzip = CompressionLayer::new().gzip(true).compress_when(SizeAbove::new(WORTH_BYTES).and(is_json));
    let cors = gzip.layer(cors(origins).layer(bare.clone()));
    let compressed = gzip.layer(bare.clone());
    // Layers that have nothing to do are not on the way: most scripts name no origin and take no compression.
    Arc::new(move |request| {
        let headers = request.headers();
        if headers.contains_key(header::ORIGIN) {
            send(&cors, request)
        } else if headers.contains_key(header::ACCEPT_ENCODING) {
            send(&compressed, request)
        } else {
            send(&bare, request)
        }
    })
}

fn send<S, B>(service: &S, request: Request<Body>) -> BoxFuture<'static, Response<Body>>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: http_body::Body<Data = bytes::Bytes, Error: Into<tonic::codegen::StdError>> + Send + 'static,
{
    let service = service.clone();
    async move {
        let Ok(response) = service.oneshot(request).await;
        response.map(Body::new)
    }
    .boxed()
}

/// A stream is not held back for the sake of its size, and files are what they are.
fn is_json(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json")
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        // Named one by one: a `*` would not cover Authorization.
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("x-request-id"),
        ])
        .expose_headers([
            header::ETAG,
            header::RETRY_AFTER,
            header::CONTENT_DISPOSITION,
            HeaderName::from_static("x-request-id"),
        ])
        .max_age(REMEMBERED)
}
