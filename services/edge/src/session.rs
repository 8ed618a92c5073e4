//! `/web/session`: how a browser keeps its sign-in. The refresh token stays in a cookie that no script can read; the page
//! gets access tokens alone, and the cookie opens nothing but this.

use contract::auth::v1::{
    LoginRequest, LogoutRequest, RefreshTokenRequest, RefreshTokenResponse, auth_service_client::AuthServiceClient,
};
use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use serde_json::json;
use tonic::{Status, body::Body, metadata::MetadataValue};

use crate::{
    problem,
    rest::BODY_TIME,
    switch::{Switch, Visit},
};

/// Where it is; the last part of it asks for the next access token.
pub const PATH: &str = "/web/session";
const REFRESH: &str = "/web/session/refresh";
/// The cookie: from this host alone, over TLS or on this machine (RFC 6265bis, 4.1.3.2). Ends with the browser.
const COOKIE: &str = "__Host-spectra-session";
const BODY_BYTES: usize = 4096;

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
    #[serde(default)]
    otp: String,
}

pub async fn answer(switch: Switch, mut request: Request<Body>) -> Response<Body> {
    if !same_origin(&request) {
        return problem::refuse(StatusCode::FORBIDDEN, "permission_denied", "this is for the lab's own pages");
    }
    let extensions = std::mem::take(request.extensions_mut());
    let mut auth = AuthServiceClient::new(switch.visit(request.headers(), extensions));
    let method = request.method().clone();
    match (method, request.uri().path()) {
        (Method::POST, PATH) => sign_in(&mut auth, request).await,
        (Method::POST, REFRESH) => match refresh(&mut auth, request.headers()).await {
            Ok(tokens) => signed_in(tokens),
            Err(status) if status.code() == tonic::Code::Unauthenticated => without_cookie(problem::response(&status)),
            Err(status) => problem::response(&status),
        },
        (Method::DELETE, PATH) => sign_out(&mut auth, request.headers()).await,
        (_, PATH) => problem::other_verbs("POST, DELETE", "POST /web/session signs in, DELETE /web/session signs out"),
        (_, REFRESH) => problem::other_verbs("POST", "POST /web/session/refresh goes on"),
        _ => problem::nothing(),
    }
}

/// Whether the lab's own page asks, or no browser at all. SameSite keeps the cookie from other sites; this keeps other
/// ports of this host out as well.
fn same_origin<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    // Over HTTP/2, as browsers speak it where there is TLS, the host is in the URI.
    let host = host.or_else(|| request.uri().authority().map(|host| host.as_str()));
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((origin, host), (Some((_, origin)), Some(host)) if origin == host)
}

async fn sign_in(auth: &mut AuthServiceClient<Visit>, request: Request<Body>) -> Response<Body> {
    let body = Limited::new(request.into_body(), BODY_BYTES).collect();
    let body = tokio::time::timeout(BODY_TIME, body).await.ok().and_then(Result::ok);
    let Some(credentials) = body.and_then(|body| serde_json::from_slice::<Credentials>(&body.to_bytes()).ok()) else {
        let message = r#"the body is JSON: {"username": "..", "password": ".."}"#;
        return problem::refuse(StatusCode::BAD_REQUEST, "invalid_argument", message);
    };
    let Credentials { username, password, otp } = credentials;
    match auth.login(LoginRequest { username, password, otp }).await.map(tonic::Response::into_inner) {
        Ok(tokens) => signed_in(RefreshTokenResponse {
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            token_type: tokens.token_type,
            expires_in: tokens.expires_in,
        }),
        Err(status) => problem::response(&status),
    }
}

async fn refresh(auth: &mut AuthServiceClient<Visit>, headers: &HeaderMap) -> Result<RefreshTokenResponse, Status> {
    let refresh_token = kept(headers).ok_or_else(|| Status::unauthenticated("nobody is signed in here"))?;
    Ok(auth.refresh_token(RefreshTokenRequest { refresh_token }).await?.into_inner())
}

/// The cookie goes whatever Auth says: whoever leaves has left.
async fn sign_out(auth: &mut AuthServiceClient<Visit>, headers: &HeaderMap) -> Response<Body> {
    let ended = async {
        let tokens = refresh(auth, headers).await?;
        let mut logout = tonic::Request::new(LogoutRequest::default());
        let authorization = MetadataValue::try_from(format!("Bearer {}", tokens.access_token))
            .map_err(|_| Status::internal("a token cannot be sent"))?;
        logout.metadata_mut().insert("authorization", authorization);
        auth.logout(logout).await
    };
    let response = match ended.await {
        Err(status) if status.code() != tonic::Code::Unauthenticated => problem::response(&status),
        _ => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
    };
    without_cookie(response)
}

fn signed_in(tokens: RefreshTokenResponse) -> Response<Body> {
    let RefreshTokenResponse { access_token, refresh_token, token_type, expires_in } = tokens;
    let body = json!({ "access_token": access_token, "token_type": token_type, "expires_in": expires_in });
    with_cookie(problem::json(StatusCode::OK, &body), Cookie::new(COOKIE, refresh_token))
}

fn without_cookie(response: Response<Body>) -> Response<Body> {
    let mut cookie = Cookie::new(COOKIE, "");
    cookie.set_max_age(cookie::time::Duration::ZERO);
    with_cookie(response, cookie)
}

fn with_cookie(mut response: Response<Body>, mut cookie: Cookie<'static>) -> Response<Body> {
    cookie.set_path("/");
    cookie.set_secure(true);
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Strict);
    if let Ok(value) = HeaderValue::try_from(cookie.to_string()) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

fn kept(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(Cookie::split_parse)
        .flatten()
        .find(|cookie| cookie.name() == COOKIE)
        .map(|it| it.value().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_the_lab_is_known_over_either_http_and_others_are_not() {
        let asks = |uri: &str, host: Option<&str>, origin: Option<&str>| {
            let mut request = Request::post(uri);
            for (name, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            same_origin(&request.body(()).unwrap())
        };
        let page = Some("https://lab.example");
        assert!(asks("/web/session", Some("lab.example"), page), "HTTP/1.1");
        assert!(asks("https://lab.example/web/session", None, page), "HTTP/2");
        assert!(asks("/web/session", Some("lab.example"), None), "no browser");
        assert!(!asks("/web/session", Some("other.example"), page));
        assert!(!asks("https://other.example/web/session", None, page));
        assert!(!asks("https://lab.example:8443/web/session", None, page), "another port");
        assert!(!asks("/web/session", None, page), "nobody says which host");
    }
}
