//! The web app: the files of `web/dist`, built into the program (a development build reads them from the folder).

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use rand::RngExt as _;
use rust_embed::{EmbeddedFile, RustEmbed};
use tonic::body::Body;

use crate::problem;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

const PAGE: &str = "index.html";
/// The page on which the API can be tried, and where it is.
const API_PAGE: &str = "docs.html";
const API: &str = "docs";
/// Files whose names change with their content lie here.
const ASSETS: &str = "assets/";
/// What stands in the page for the nonce of its styles.
const NONCE: &str = "__CSP_NONCE__";
/// What stands in the page for whether there are demo accounts.
const DEMO: &str = "__DEMO__";
/// A file and its compressed twin, by what a browser accepts; the first is preferred.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

pub fn answer(request: &Request<Body>, demo: bool) -> Response<Body> {
    let path = request.uri().path().trim_start_matches('/');
    let headers = request.headers();
    let mut response = match Files::get(path) {
        Some(file) if path != PAGE && path != API_PAGE => asset(path, file, headers),
        // The page of the API is asked for by scripts too, which say nothing of what they take.
        _ if path.starts_with(ASSETS) || (path != API && !accepts(headers, header::ACCEPT, "text/html")) => {
            text(request, path)
        }
        _ => Files::get(if path == API { API_PAGE } else { PAGE })
            .map_or_else(|| text(request, path), |file| page(&file, demo)),
    };
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The app's one page: which of its views is shown, the path tells the app.
fn page(file: &EmbeddedFile, demo: bool) -> Response<Body> {
    let nonce = STANDARD.encode(rand::rng().random::<[u8; 16]>());
    let page = String::from_utf8_lossy(&file.data).replace(NONCE, &nonce).replace(DEMO, &demo.to_string());
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    let mut response = Response::new(Body::new(page));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn asset(path: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response<Body> {
    let compressed = ENCODINGS
        .into_iter()
        .filter(|(encoding, _)| accepts(asked, header::ACCEPT_ENCODING, encoding))
        .find_map(|(encoding, ending)| Some((encoding, Files::get(&format!("{path}{ending}"))?)));
    let (encoding, data) = match compressed {
        Some((encoding, file)) => (Some(encoding), file.data),
        None => (None, file.data),
    };
    let mut response = Response::new(match data {
        Cow::Borrowed(data) => Body::new(http_body_util::Full::new(bytes::Bytes::from_static(data))),
        Cow::Owned(data) => Body::new(http_body_util::Full::new(bytes::Bytes::from(data))),
    });
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::try_from(file.metadata.mimetype()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let life = if path.starts_with(ASSETS) { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(life));
    response
}

/// For whoever asks without a browser, and where the app is not in the build.
fn text(request: &Request<Body>, path: &str) -> Response<Body> {
    if !path.is_empty() {
        return problem::nothing();
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(|host| host.as_str())).unwrap_or("127.0.0.1:3012");
    let text = format!(
        "SPECTRA-Lab is running.\n\nThis address speaks gRPC and gRPC-web:\n\n    \
         grpcurl -plaintext {host} list\n    \
         grpcurl -plaintext {host} describe spectra.samples.v1.SamplesService\n\n\
         and plain HTTP with JSON, as /docs and /openapi.json tell.\n{}",
        if Files::get(PAGE).is_some() { "" } else { "\nThe web app is not in this build: make web\n" }
    );
    let mut response = Response::new(Body::new(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Whether a header lists a word (its weight aside).
fn accepts(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    let lists = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|item| item.split(';').next().is_some_and(|item| item.trim() == word))
}
