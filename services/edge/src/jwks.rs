//! `/.well-known/jwks.json`: the public keys of access tokens (RFC 7517), for whoever verifies them elsewhere.

use contract::auth::v1::{GetJwksRequest, Jwk, auth_service_client::AuthServiceClient};
use http::{HeaderValue, Response, header};
use serde_json::{Map, Value, json};
use spectra_runtime::server::Peer;
use tonic::body::Body;

use crate::problem;

/// `typ` of the tokens that others may want to verify.
const ACCESS: &str = "at+jwt";

pub async fn answer(auth: Peer) -> Response<Body> {
    let keys = match AuthServiceClient::new(auth).get_jwks(GetJwksRequest {}).await {
        Ok(jwks) => jwks.into_inner().keys,
        Err(status) => return problem::response(&status),
    };
    let keys: Vec<_> = keys.iter().filter(|key| key.typ == ACCESS).map(to_json).collect();
    let mut response = Response::new(Body::new(json!({ "keys": keys }).to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    // Keys are published for two minutes before they sign.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    response
}

fn to_json(key: &Jwk) -> Value {
    let members = [
        ("kty", &key.kty),
        ("kid", &key.kid),
        ("alg", &key.alg),
        ("use", &key.r#use),
        ("crv", &key.crv),
        ("x", &key.x),
        ("y", &key.y),
        ("n", &key.n),
        ("e", &key.e),
    ];
    let said = members.into_iter().filter(|(_, value)| !value.is_empty());
    Value::Object(said.map(|(name, value)| (name.to_owned(), value.as_str().into())).collect::<Map<_, _>>())
}
