//! Access tokens of people and tokens of services: JWTs (RFC 7519) by the rules of RFC 8725 and RFC 9068.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use jsonwebtoken::{Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    Role,
    keys::{Keys, Purpose, Remembered, Ring},
};
use crate::{
    clock::Clock,
    error::{Error, Kind, Reason, Result},
};

/// Seconds by which the clocks of two machines may differ.
const LEEWAY_S: i64 = 30;
/// `aud` of service tokens.
const INTERNAL_AUDIENCE: &str = "spectra-internal";
/// Longest token that is looked at.
const MAX_LENGTH: usize = 4096;
/// How long a call waits for a key that was unknown.
const KEY_PATIENCE: Duration = Duration::from_secs(2);

/// What an access token says of a person (RFC 9068).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Who issued it.
    pub iss: String,
    /// For whom it is meant.
    pub aud: String,
    /// The person.
    pub sub: Uuid,
    /// The organization.
    pub org: Uuid,
    /// The role.
    #[serde(with = "role_as_text")]
    pub role: Role,
    /// The session.
    pub sid: Uuid,
    /// The token itself.
    pub jti: Uuid,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// How the person proved themselves (RFC 8176): `pwd`, `otp`.
    pub amr: Vec<String>,
}

/// What a service token says of a service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Who issued it.
    pub iss: String,
    /// Always `spectra-internal`.
    pub aud: String,
    /// `service:<name>`.
    pub sub: String,
    /// The organization it works in by itself; absent for calls on a person's behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<Uuid>,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
}

mod role_as_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::Role;

    pub(super) fn serialize<S: Serializer>(role: &Role, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(role.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
        let text = String::deserialize(deserializer)?;
        Role::parse(&text).ok_or_else(|| D::Error::custom("unknown role"))
    }
}

/// How tokens are made and checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `iss` of every token.
    pub issuer: String,
    /// `aud` of access tokens.
    pub audience: String,
    /// Life of an access token.
    pub access_life: Duration,
}

/// Makes and checks tokens.
pub struct Tokens {
    settings: Settings,
    keys: Arc<Keys>,
    clock: Clock,
}

/// The only members a header may have: no key or address of one is ever taken from a token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    typ: String,
    kid: Option<String>,
}

/// Why a token was not accepted.
pub(crate) enum Refusal {
    /// It names a key that is not known here, and may be soon.
    UnknownKey,
    Final(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl Tokens {
    /// Tokens of these keys.
    #[must_use]
    pub fn new(settings: Settings, keys: Arc<Keys>, clock: Clock) -> Self {
        Self { settings, keys, clock }
    }

    /// Life of an access token.
    #[must_use]
    pub fn access_life(&self) -> Duration {
        self.settings.access_life
    }

    /// An access token for a person's session.
    ///
    /// # Errors
    /// AUTH_UNREACHABLE where there is no key yet; INTERNAL where it does not sign.
    pub fn issue_access(&self, org: Uuid, sub: Uuid, role: Role, sid: Uuid, amr: &[&str]) -> Result<String> {
        let now = self.clock.now();
        let life = TimeDelta::from_std(self.settings.access_life).map_err(Error::internal)?;
        let claims = Access {
            iss: self.settings.issuer.clone(),
            aud: self.settings.audience.clone(),
            sub,
            org,
            role,
            sid,
            jti: Uuid::now_v7(),
            iat: now.timestamp(),
            exp: (now + life).timestamp(),
            amr: amr.iter().map(|method| (*method).to_owned()).collect(),
        };
        sign(&self.keys.ring(), Purpose::Access, &claims)
    }

    /// A token by which a service proves itself, and perhaps works in an organization by itself.
    ///
    /// # Errors
    /// AUTH_UNREACHABLE where there is no key yet; INTERNAL where it does not sign.
    pub fn issue_service(&self, service: &str, org: Option<Uuid>, life: Duration) -> Result<String> {
        let now = self.clock.now();
        let claims = Service {
            iss: self.settings.issuer.clone(),
            aud: INTERNAL_AUDIENCE.to_owned(),
            sub: format!("service:{service}"),
            org,
            iat: now.timestamp(),
            exp: (now + TimeDelta::from_std(life).map_err(Error::internal)?).timestamp(),
        };
        sign(&self.keys.ring(), Purpose::Service, &claims)
    }

    /// What a valid access token says.
    ///
    /// # Errors
    /// TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_AUDIENCE; AUTH_UNREACHABLE while no key is known.
    pub fn verify_access(&self, token: &str) -> Result<Arc<Access>> {
        self.try_access(token).map_err(|refusal| self.refused(refusal))
    }

    /// What a valid service token says: the claims, and the service's name.
    ///
    /// # Errors
    /// TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_AUDIENCE; AUTH_UNREACHABLE while no key is known.
    pub fn verify_service(&self, token: &str) -> Result<Arc<Service>> {
        self.try_service(token).map_err(|refusal| self.refused(refusal))
    }

    pub(crate) fn try_access(&self, token: &str) -> Result<Arc<Access>, Refusal> {
        let ring = self.keys.ring();
        let claims: Arc<Access> = remembered(&ring.access, token, || {
            check(&ring, Purpose::Access, token, &self.settings.audience, &self.settings.issuer)
        })?;
        self.in_time(claims.exp)?;
        Ok(claims)
    }

    pub(crate) fn try_service(&self, token: &str) -> Result<Arc<Service>, Refusal> {
        let ring = self.keys.ring();
        let claims: Arc<Service> = remembered(&ring.service, token, || {
            let claims: Service = check(&ring, Purpose::Service, token, INTERNAL_AUDIENCE, &self.settings.issuer)?;
            if !claims.sub.starts_with("service:") {
                return Err(invalid("not a service's").into());
            }
            Ok(claims)
        })?;
        self.in_time(claims.exp)?;
        Ok(claims)
    }

    /// Has an unknown key fetched, unless that was tried a moment ago.
    pub(crate) async fn ask_for_keys(&self) {
        self.keys.ask(KEY_PATIENCE).await;
    }

    /// What the caller is told.
    pub(crate) fn refused(&self, refusal: Refusal) -> Error {
        match refusal {
            Refusal::Final(error) => error,
            Refusal::UnknownKey if self.keys.ring().is_empty() => no_keys(),
            Refusal::UnknownKey => invalid("of a key that is not known"),
        }
    }

    /// Checked each time, for a remembered token too, and by our clock, which a test may set. `iat` is not looked at: a
    /// verifier whose clock is behind would refuse everybody, and gain nothing by it.
    pub(crate) fn in_time(&self, exp: i64) -> Result<()> {
        let now = self.clock.now().timestamp();
        if now >= exp.saturating_add(LEEWAY_S) {
            return Err(Error::new(Kind::Unauthenticated, Reason::TokenExpired, "the token has expired; refresh it"));
        }
        Ok(())
    }
}

impl Service {
    /// The service's name, such as `runs`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.sub.trim_start_matches("service:")
    }
}

fn sign(ring: &Ring, purpose: Purpose, claims: &impl Serialize) -> Result<String> {
    let signing = ring.signing(purpose).ok_or_else(no_keys)?;
    let mut header = Header::new(signing.algorithm.jose());
    header.typ = Some(purpose.typ().to_owned());
    header.kid.clone_from(&signing.kid);
    jsonwebtoken::encode(&header, claims, &signing.key).map_err(Error::internal)
}

fn remembered<C: Send + Sync + 'static>(
    known: &Remembered<C>,
    token: &str,
    check: impl FnOnce() -> Result<C, Refusal>,
) -> Result<Arc<C>, Refusal> {
    if token.len() > MAX_LENGTH {
        return Err(invalid("too long").into());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    if let Some(claims) = known.0.get(&hash) {
        return Ok(claims);
    }
    let claims = Arc::new(check()?);
    known.0.insert(hash, Arc::clone(&claims));
    Ok(claims)
}

fn check<C: DeserializeOwned>(
    ring: &Ring,
    purpose: Purpose,
    token: &str,
    audience: &str,
    issuer: &str,
) -> Result<C, Refusal> {
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| invalid("unreadable"))?;
    let header: StrictHeader = serde_json::from_slice(&header).map_err(|_| invalid("unexpected header"))?;
    if header.typ != purpose.typ() {
        return Err(invalid("another type of token").into());
    }
    let key = ring.verifying(purpose, header.kid.as_deref()).ok_or(Refusal::UnknownKey)?;
    // The key says how it verifies; the token is not asked.
    if header.alg != key.algorithm.as_str() {
        return Err(invalid("another algorithm").into());
    }

    let mut validation = Validation::new(key.algorithm.jose());
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    // Time is checked by our own clock, on every use.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let decoded = jsonwebtoken::decode::<C>(token, &key.key, &validation).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::InvalidAudience => {
            Error::new(Kind::Unauthenticated, Reason::TokenAudience, "the token was made for somebody else")
        }
        _ => invalid("not accepted"),
    })?;
    Ok(decoded.claims)
}

fn no_keys() -> Error {
    Error::unavailable(Reason::AuthUnreachable, "the keys of tokens are not known yet; try again in a moment")
}

fn invalid(why: &'static str) -> Error {
    // Said to the log only: which check a forged token failed at is nobody's business.
    tracing::debug!(why, "token refused");
    Error::new(Kind::Unauthenticated, Reason::TokenInvalid, "the token is not valid; sign in again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(clock: &Clock) -> Tokens {
        let settings = Settings {
            issuer: "spectra-lab".to_owned(),
            audience: "spectra-lab".to_owned(),
            access_life: Duration::from_secs(900),
        };
        Tokens::new(settings, Arc::new(Keys::shared(&[7; 32])), clock.clone())
    }

    fn person(tokens: &Tokens) -> String {
        tokens.issue_access(Uuid::now_v7(), Uuid::now_v7(), Role::Engineer, Uuid::now_v7(), &["pwd"]).unwrap()
    }

    fn forged(header: &serde_json::Value, claims: &serde_json::Value, secret: &[u8]) -> String {
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let body = format!("{}.{}", part(header), part(claims));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, body.as_bytes())))
    }

    fn claims() -> serde_json::Value {
        serde_json::json!({
            "iss": "spectra-lab", "aud": "spectra-lab", "sub": Uuid::now_v7(), "org": Uuid::now_v7(),
            "role": "admin", "sid": Uuid::now_v7(), "jti": Uuid::now_v7(),
            "iat": Clock::default().now().timestamp(), "exp": Clock::default().now().timestamp() + 60, "amr": ["pwd"],
        })
    }

    #[test]
    fn a_token_is_good_until_its_time_is_over_even_when_remembered() {
        let clock = Clock::default();
        let tokens = tokens(&clock);
        let token = person(&tokens);
        assert_eq!(tokens.verify_access(&token).unwrap().role, Role::Engineer);
        clock.advance(Duration::from_secs(900 + 31));
        assert_eq!(tokens.verify_access(&token).unwrap_err().reason(), Reason::TokenExpired);
    }

    #[test]
    fn the_two_types_of_token_do_not_stand_for_each_other() {
        let tokens = tokens(&Clock::default());
        let service = tokens.issue_service("runs", None, Duration::from_secs(60)).unwrap();
        assert_eq!(tokens.verify_service(&service).unwrap().name(), "runs");
        assert_eq!(tokens.verify_access(&service).unwrap_err().reason(), Reason::TokenInvalid);
        assert_eq!(tokens.verify_service(&person(&tokens)).unwrap_err().reason(), Reason::TokenInvalid);
    }

    #[test]
    fn a_header_with_a_key_a_critical_extension_or_another_algorithm_is_refused() {
        let tokens = tokens(&Clock::default());
        let good = serde_json::json!({"alg": "HS256", "typ": "at+jwt"});
        assert!(tokens.verify_access(&forged(&good, &claims(), &[7; 32])).is_ok());
        for (member, value) in [
            ("jwk", serde_json::json!({"kty": "oct", "k": "AAAA"})),
            ("jku", "http://127.0.0.1/".into()),
            ("x5u", "http://127.0.0.1/".into()),
            ("crit", serde_json::json!(["exp"])),
            ("alg", "none".into()),
            ("alg", "HS512".into()),
            ("typ", "JWT".into()),
        ] {
            let mut header = good.clone();
            header[member] = value;
            let error = tokens.verify_access(&forged(&header, &claims(), &[7; 32])).unwrap_err();
            assert_eq!(error.reason(), Reason::TokenInvalid, "{member}");
        }
        let mut unsigned = person(&tokens);
        unsigned.truncate(unsigned.rfind('.').unwrap() + 1);
        assert!(tokens.verify_access(&unsigned).is_err());
    }

    #[test]
    fn claims_of_the_wrong_kind_are_refused() {
        let tokens = tokens(&Clock::default());
        let header = serde_json::json!({"alg": "HS256", "typ": "at+jwt"});
        for (claim, value, reason) in [
            ("exp", serde_json::json!("9999999999"), Reason::TokenInvalid),
            ("iat", serde_json::json!("now"), Reason::TokenInvalid),
            ("aud", "others".into(), Reason::TokenAudience),
            ("iss", "others".into(), Reason::TokenInvalid),
            ("role", "root".into(), Reason::TokenInvalid),
            ("sub", serde_json::Value::Null, Reason::TokenInvalid),
        ] {
            let mut claims = claims();
            claims[claim] = value;
            let error = tokens.verify_access(&forged(&header, &claims, &[7; 32])).unwrap_err();
            assert_eq!(error.reason(), reason, "{claim}");
        }
        assert!(tokens.verify_access(&forged(&header, &claims(), &[8; 32])).is_err());
    }
}
