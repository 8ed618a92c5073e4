//! An error as HTTP and JSON tell it: `{"detail": {"code": "calibration_expired", "message": "..", ..}}`.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};
use tonic::{Code, Status, body::Body, metadata::MetadataMap};
use tonic_types::StatusExt as _;

const REQUEST_ID: &str = "x-request-id";

/// The response for the status of a call.
pub fn response(status: &Status) -> Response<Body> {
    let mut response = json(http_status(status.code()), &body(status));
    if let Some(delay) = status.get_details_retry_info().and_then(|info| info.retry_delay) {
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    name_request(response.headers_mut(), status.metadata());
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// By which id the answer is found in the logs: the one that the call's own answer came with.
pub fn name_request(headers: &mut HeaderMap, said: &MetadataMap) {
    if let Some(Ok(id)) = said.get(REQUEST_ID).map(|id| HeaderValue::from_bytes(id.as_bytes())) {
        headers.insert(REQUEST_ID, id);
    }
}

/// What it says.
pub fn body(status: &Status) -> Value {
    let details = status.get_error_details();
    let mut detail = Map::new();
    let reason = details.error_info().map_or_else(|| name(status.code()), |info| info.reason.clone());
    detail.insert("code".to_owned(), reason.to_lowercase().into());
    detail.insert("message".to_owned(), status.message().into());
    if let Some(info) = details.error_info() {
        for (key, value) in &info.metadata {
            if !detail.contains_key(key) {
                detail.insert(key.clone(), value.as_str().into());
            }
        }
    }
    if let Some(request) = details.bad_request().filter(|request| !request.field_violations.is_empty()) {
        let violations = request.field_violations.iter();
        let violations = violations.map(|of| json!({ "field": of.field, "description": of.description }));
        detail.insert("violations".to_owned(), violations.collect());
    }
    json!({ "detail": detail })
}

/// An error that is known before any call is made.
pub fn refuse(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    json(status, &json!({ "detail": { "code": code, "message": message } }))
}

/// Nothing is at this path.
pub fn nothing() -> Response<Body> {
    refuse(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path; see /openapi.json")
}

/// The path is for these methods alone.
pub fn other_verbs(verbs: &str, message: &str) -> Response<Body> {
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
    if let Ok(verbs) = verbs.try_into() {
        response.headers_mut().insert(header::ALLOW, verbs);
    }
    response
}

/// A response with a JSON body that nobody keeps.
pub fn json(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::new(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A code in the manner of the reasons, such as `DEADLINE_EXCEEDED`.
fn name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}
