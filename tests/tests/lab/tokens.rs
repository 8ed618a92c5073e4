//! Forged and misused tokens, at the door of every method, where keys are asymmetric: none opens it.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use contract::{
    Access, Method,
    auth::v1::{GetJwksRequest, Jwk, auth_service_client::AuthServiceClient},
    methods,
};
use serde_json::{Value, json};
use spectra_runtime::{Clock, auth::keys::Algorithm};
use spectra_tests::{Person, SECRET, Start, TestLab, dynamic, reason};
use tonic::Code;

/// A laboratory whose tokens are signed with Ed25519.
async fn lab() -> TestLab {
    let settings = vec![("JWT_ALGORITHM", "EdDSA".to_owned())];
    TestLab::start_with(Start { settings, ..Default::default() }).await
}

/// A method of each service, and all of those that are not public.
fn guarded() -> impl Iterator<Item = &'static Method> {
    methods().filter(|method| method.access != Access::Public && !method.descriptor.is_client_streaming())
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn open(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn by_hmac(header: &Value, claims: &str, secret: &[u8]) -> String {
    let body = format!("{}.{claims}", part(header));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body.as_bytes());
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Every forgery, by what it tries.
fn forgeries(token: &str, key: &Jwk, trap: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = token.split('.').collect();
    let (header, claims, signature) = (open(parts[0]), parts[1], parts[2]);
    let mut all = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let mut unsigned = header.clone();
        unsigned["alg"] = alg.into();
        all.push((format!("alg {alg:?}"), format!("{}.{claims}.", part(&unsigned))));
        all.push((format!("alg {alg:?} with the old signature"), format!("{}.{claims}.{signature}", part(&unsigned))));
    }
    let public = URL_SAFE_NO_PAD.decode(&key.x).unwrap();
    for secret in [public.as_slice(), key.x.as_bytes(), b"", b"secret"] {
        let mut shared = header.clone();
        shared["alg"] = "HS256".into();
        all.push(("HS256 with the public key".to_owned(), by_hmac(&shared, claims, secret)));
        shared.as_object_mut().unwrap().remove("kid");
        all.push(("HS256 without a key's name".to_owned(), by_hmac(&shared, claims, secret)));
    }
    for (member, value) in [
        ("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": key.x})),
        ("jku", json!(format!("http://{trap}/jwks.json"))),
        ("x5u", json!(format!("http://{trap}/chain.pem"))),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let mut more = header.clone();
        more[member] = value;
        all.push((format!("header with {member}"), format!("{}.{claims}.{signature}", part(&more))));
    }
    for (member, value) in [("typ", "JWT"), ("typ", "svc+jwt"), ("kid", "another"), ("kid", "../../etc/passwd")] {
        let mut other = header.clone();
        other[member] = value.into();
        all.push((format!("header with {member} {value}"), format!("{}.{claims}.{signature}", part(&other))));
    }
    for (claim, value) in [
        ("exp", json!("9999999999")),
        ("role", json!("admin")),
        ("aud", json!("others")),
        ("org", json!(uuid::Uuid::nil())),
    ] {
        let mut other = open(claims);
        other[claim] = value;
        all.push((format!("another {claim}"), format!("{}.{}.{signature}", parts[0], part(&other))));
    }
    let mut flipped = signature.to_owned().into_bytes();
    flipped[10] = if flipped[10] == b'A' { b'B' } else { b'A' };
    all.push((
        "another signature".to_owned(),
        format!("{}.{claims}.{}", parts[0], String::from_utf8(flipped).unwrap()),
    ));
    all.push(("a form with padding".to_owned(), format!("{token}=")));
    all.push(("a fourth part".to_owned(), format!("{token}.{signature}")));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn no_forged_token_opens_any_method_and_none_makes_us_call_anybody() {
    let lab = lab().await;
    let jwks = AuthServiceClient::new(lab.channel.clone()).get_jwks(GetJwksRequest {}).await.unwrap().into_inner();
    let key = jwks.keys.iter().find(|key| key.typ == "at+jwt").unwrap();
    assert_eq!((key.kty.as_str(), key.alg.as_str(), key.crv.as_str()), ("OKP", "EdDSA", "Ed25519"));
    let trap = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = trap.local_addr().unwrap().to_string();

    let admin = lab.person("admin").await;
    admin.auth().get_current_user(contract::auth::v1::GetCurrentUserRequest {}).await.unwrap();
    let forgeries = forgeries(&admin.tokens.access_token, key, &address);
    assert!(forgeries.len() > 30);
    for method in guarded() {
        for (what, token) in &forgeries {
            let forger = Person::with_token(&lab.channel, token);
            let status = dynamic::call(forger.client(), method, Vec::new()).await.expect_err(what);
            assert_eq!(status.code(), Code::Unauthenticated, "{what} at {}: {status:?}", method.path);
            assert_eq!(reason(&status).0, "TOKEN_INVALID", "{what} at {}", method.path);
        }
        // A refresh token is no access token.
        let mistaken = Person::with_token(&lab.channel, &admin.tokens.refresh_token);
        let status = dynamic::call(mistaken.client(), method, Vec::new()).await.expect_err("a refresh token");
        assert_eq!(reason(&status).0, "TOKEN_INVALID", "{}", method.path);
    }
    let called = tokio::time::timeout(std::time::Duration::from_millis(200), trap.accept()).await;
    assert!(called.is_err(), "a token made us call somebody");
}

/// Keys that are to come are known to every verifier before they sign; until then somebody else has to.
#[tokio::test(flavor = "multi_thread")]
async fn where_the_key_that_signs_is_revoked_people_sign_in_though_the_next_one_does_not_sign_yet() {
    let settings = vec![("JWT_ALGORITHM", "ES256".to_owned())];
    let lab = TestLab::start_with(Start { settings, ..Default::default() }).await;
    lab.person("engineer").await;
    let (db, clock) = (lab.database.of("auth"), Clock::default());
    let ahead = chrono::TimeDelta::minutes(10);
    spectra_auth::keys::rotate(&db, SECRET.as_bytes(), Algorithm::Es256, &clock, ahead).await.unwrap();
    let signing: Vec<_> =
        spectra_auth::keys::list(&db).await.unwrap().into_iter().filter(|key| key.active_at <= clock.now()).collect();
    assert!(!signing.is_empty());
    for key in signing {
        assert!(spectra_auth::keys::revoke(&db, &key.kid).await.unwrap());
    }
    assert!(spectra_auth::keys::signing(&db, SECRET.as_bytes(), &clock).await.unwrap().is_empty());
    let made = async {
        while spectra_auth::keys::signing(&db, SECRET.as_bytes(), &clock).await.unwrap().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        while Person::sign_in_with(&lab.channel, "viewer@demo.lab", "view123").await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), made).await.expect("another key signs");
}
