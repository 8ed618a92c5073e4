//! The layers of the stack, each a function from the rest of the stack to itself around it.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use contract::Access;
use futures::{FutureExt as _, future::ready};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use tokio::sync::Semaphore;
use tonic::body::Body;
use uuid::Uuid;

use super::{
    Context, Drain, Origin, drain,
    listener::ClientAddress,
    quota::Quotas,
    stack::{Next, Routes, content_type_starts},
    verifier::Verifier,
};
use crate::{
    auth::{self, token::Refusal},
    error::{Error, Kind, Reason, Result},
    telemetry,
};

/// Name of the header that carries a call's id, in and out.
pub(super) const REQUEST_ID: &str = "x-request-id";
/// Waiting time of a caller who does not say.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);
/// Waiting time at most.
const LONGEST_DEADLINE: Duration = Duration::from_secs(60);

fn refuse(error: Error, request_id: &str) -> Response<Body> {
    error.into_status(request_id).into_http()
}

fn request_id(request: &Request<Body>) -> Arc<str> {
    request.extensions().get::<RequestId>().map(|id| Arc::clone(&id.0)).unwrap_or_default()
}

#[derive(Clone)]
struct RequestId(Arc<str>);

/// Calls of the browser's other origins, and their preflights, go through CORS; nothing else pays for it.
pub(super) fn cross_origin(next: Next, cors: Next) -> Next {
    Arc::new(move |request| if request.headers().contains_key(header::ORIGIN) { cors(request) } else { next(request) })
}

/// gRPC goes straight on, gRPC-web through its translation; what is neither is told so.
pub(super) fn translate_web(next: Next, web: Next) -> Next {
    Arc::new(move |request| {
        if content_type_starts(&request, "application/grpc-web") {
            web(request)
        } else if content_type_starts(&request, "application/grpc") && request.version() == http::Version::HTTP_2 {
            next(request)
        } else {
            let status = if request.method() == Method::POST {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            } else {
                StatusCode::METHOD_NOT_ALLOWED
            };
            let mut response = Response::new(Body::new(
                "this address speaks gRPC (content-type application/grpc over HTTP/2) and gRPC-web\n".to_owned(),
            ));
            *response.status_mut() = status;
            ready(response).boxed()
        }
    })
}

/// Gives the call an id (the caller's, where it is a UUID), a span, and its place in the metrics.
pub(super) fn observe(next: Next) -> Next {
    Arc::new(move |mut request| {
        let id: Arc<str> = request
            .headers()
            .get(REQUEST_ID)
            .and_then(|value| Uuid::try_parse_ascii(value.as_bytes()).ok())
            .unwrap_or_else(Uuid::now_v7)
            .to_string()
            .into();
        request.extensions_mut().insert(RequestId(Arc::clone(&id)));
        let method = contract::method(request.uri().path());
        let call = telemetry::Call::begin(method);
        let span = telemetry::span(method, &id, request.headers());
        let response = next(request);
        let finish = async move {
            let mut response = response.await;
            let code = response
                .headers()
                .get("grpc-status")
                .and_then(|code| code.to_str().ok())
                .and_then(|code| code.parse().ok())
                .unwrap_or(0);
            call.end(tonic::Code::from_i32(code), reason_of(response.headers()));
            if let Ok(id) = HeaderValue::from_str(&id) {
                response.headers_mut().insert(REQUEST_ID, id);
            }
            response
        };
        if span.is_disabled() { finish.boxed() } else { tracing::Instrument::instrument(finish, span).boxed() }
    })
}

fn reason_of(headers: &HeaderMap) -> Option<String> {
    use tonic_types::StatusExt as _;
    headers.get("grpc-status-details-bin")?;
    let status = tonic::Status::from_header_map(headers)?;
    Some(status.get_details_error_info()?.reason)
}

/// Answers INTERNAL for a handler that panicked.
pub(super) fn catch_panic(next: Next) -> Next {
    Arc::new(move |request| {
        let id = request_id(&request);
        let response = AssertUnwindSafe(next(request)).catch_unwind();
        async move {
            match response.await {
                Ok(response) => response,
                Err(panic) => {
                    let what = panic
                        .downcast_ref::<&str>()
                        .map(|text| (*text).to_owned())
                        .or_else(|| panic.downcast_ref::<String>().cloned())
                        .unwrap_or_default();
                    refuse(Error::internal(format!("a handler panicked: {what}")), &id)
                }
            }
        }
        .boxed()
    })
}

/// Refusals that were made before a handler saw the call, by the codec: they get a reason as all others have.
pub(super) fn explain(next: Next) -> Next {
    Arc::new(move |request| {
        let (id, path) = (request_id(&request), request.uri().path().to_owned());
        next(request)
            .map(move |response| {
                let headers = response.headers();
                let code = headers.get("grpc-status").map_or(b"0".as_slice(), HeaderValue::as_bytes);
                if code == b"0" || headers.contains_key("grpc-status-details-bin") || contract::method(&path).is_none()
                {
                    return response;
                }
                let message = headers.get("grpc-message").map(|text| String::from_utf8_lossy(text.as_bytes()));
                tracing::debug!(path, message = message.as_deref(), "a call was refused before its handler");
                let rule = match tonic::Code::from_bytes(code) {
                    tonic::Code::OutOfRange | tonic::Code::ResourceExhausted => "is larger than 4 MiB",
                    _ => "cannot be read as the method's request",
                };
                refuse(Error::field("message", rule), &id)
            })
            .boxed()
    })
}

/// Ends the body of a stream when the process drains, so that it does not hold the process up.
pub(super) fn end_streams(next: Next, drain: Drain) -> Next {
    Arc::new(move |request| {
        let streams =
            contract::method(request.uri().path()).is_none_or(|method| method.descriptor.is_server_streaming());
        let response = next(request);
        if !streams {
            return response;
        }
        let drain = drain.clone();
        response.map(move |response| response.map(|body| drain::until(body, &drain))).boxed()
    })
}

/// Health and reflection to the one side, everything else to the other.
pub(super) fn fork(guarded: Next, open: Next) -> Next {
    Arc::new(move |request| {
        let path = request.uri().path();
        if path.starts_with("/grpc.health.") || path.starts_with("/grpc.reflection.") {
            open(request)
        } else {
            guarded(request)
        }
    })
}

/// Sets the instant until which the call is worked on: the caller's `grpc-timeout`, or the default, within bounds.
/// Who has longer than a process takes to end is told so in time, instead of being cut off.
pub(super) fn deadline(next: Next, origin: Option<Origin>, drain: Drain) -> Next {
    Arc::new(move |mut request| {
        let id = request_id(&request);
        let Some(method) = contract::method(request.uri().path()) else {
            let error = Error::new(Kind::Unimplemented, Reason::MethodUnknown, "there is no such method here")
                .with("method", request.uri().path());
            return ready(refuse(error, &id)).boxed();
        };
        // Who need not say who he is does not hold a place for long.
        let longest = if method.access == Access::Public { DEFAULT_DEADLINE } else { LONGEST_DEADLINE };
        let wait = match timeout_of(request.headers()) {
            Ok(wait) => wait.unwrap_or(DEFAULT_DEADLINE).min(longest),
            Err(error) => return ready(refuse(error, &id)).boxed(),
        };
        let traceparent = request.headers().get("traceparent").and_then(|value| value.to_str().ok()).map(Arc::from);
        let told = origin.as_ref().and_then(|origin| origin.read(request.headers()));
        let address = told.or_else(|| request.extensions().get::<ClientAddress>().map(|client| client.0));
        let user_agent = request.headers().get(header::USER_AGENT).cloned();
        let deadline = Instant::now() + wait;
        let call = auth::Request { id: Arc::clone(&id), deadline, traceparent, address, user_agent };
        request.extensions_mut().insert(Context { request: call, method, person: None, service: None, verifier: None });
        if method.descriptor.is_server_streaming() {
            return next(request);
        }
        let response = tokio::time::timeout(wait, next(request));
        let end = (wait >= drain::LAST_CALL).then(|| drain.clone());
        let doubt = if method.mutating {
            "; whether it was done is known by asking again with the same request_id"
        } else {
            ""
        };
        async move {
            let answered = match end {
                None => response.await,
                Some(end) => tokio::select! {
                    answered = response => answered,
                    () = end.last_call() => {
                        let message = format!("the server is shutting down{doubt}");
                        return refuse(Error::unavailable(Reason::Draining, message), &id);
                    }
                },
            };
            answered.unwrap_or_else(|_| {
                let message = format!("time ran out{doubt}");
                refuse(Error::new(Kind::Deadline, Reason::DeadlineExceeded, message), &id)
            })
        }
        .boxed()
    })
}

/// `grpc-timeout`: at most eight digits and a unit. `None` where there is none.
fn timeout_of(headers: &HeaderMap) -> Result<Option<Duration>> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    let malformed = || Error::field("grpc-timeout", "must be up to eight digits and one of H, M, S, m, u, n");
    let text = value.to_str().map_err(|_| malformed())?;
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(malformed)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let amount: u64 = digits.parse().map_err(|_| malformed())?;
    Ok(Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return Err(malformed()),
    }))
}

/// Refuses at once what would only wait.
pub(super) fn limit(next: Next, places: Arc<Semaphore>) -> Next {
    Arc::new(move |request| match Arc::clone(&places).try_acquire_owned() {
        Ok(place) => next(request).inspect(move |_| drop(place)).boxed(),
        Err(_) => {
            let error = Error::unavailable(Reason::Overloaded, "too many calls at once; try again in a moment");
            ready(refuse(error, &request_id(&request))).boxed()
        }
    })
}

/// Verifies what tokens there are, and that their sessions have not been revoked. Whether they suffice is for
/// [`super::unary`], which knows the method's access too; here already, a method that is not public refuses a call
/// without any token.
pub(super) fn authenticate(next: Next, verifier: Arc<Verifier>) -> Next {
    Arc::new(move |mut request| match Verifier::identify(&verifier, &mut request) {
        Ok(()) => next(request),
        Err(Refusal::Final(error)) => ready(refuse(error, &request_id(&request))).boxed(),
        // The key may have been published since the last look.
        Err(Refusal::UnknownKey) => {
            let (verifier, next) = (Arc::clone(&verifier), Arc::clone(&next));
            async move {
                verifier.ask_for_keys().await;
                match Verifier::identify(&verifier, &mut request) {
                    Ok(()) => next(request).await,
                    Err(refusal) => refuse(verifier.refused(refusal), &request_id(&request)),
                }
            }
            .boxed()
        }
    })
}

/// Counts the calls of people; those that our services pass on were counted where they came in.
pub(super) fn quota(next: Next, quotas: Arc<Quotas>) -> Next {
    Arc::new(move |request| {
        let counted = match request.extensions().get::<Context>() {
            Some(Context { person: Some((claims, _)), service: None, .. }) => quotas.count(claims),
            _ => Ok(()),
        };
        match counted {
            Ok(()) => next(request),
            Err(error) => ready(refuse(error, &request_id(&request))).boxed(),
        }
    })
}

/// To the gRPC service that the path names.
pub(super) fn route(services: Routes) -> Next {
    Arc::new(move |request| {
        let path = request.uri().path();
        let service = path.strip_prefix('/').and_then(|path| path.split_once('/')).map_or("", |(name, _)| name);
        match services.get(service) {
            Some(service) => service(request),
            None => {
                let error = Error::new(Kind::Unimplemented, Reason::MethodUnknown, "there is no such method here")
                    .with("method", path);
                ready(refuse(error, &request_id(&request))).boxed()
            }
        }
    })
}
