//! How a service proves itself to others: its token, fetched from Auth and renewed in time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use contract::auth::v1::{IssueServiceTokenRequest, auth_service_client::AuthServiceClient};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::{
    error::{Error, Reason, Result},
    server::Peer,
};

/// Renewed when less than this is left.
const MARGIN: Duration = Duration::from_secs(60);

/// Credentials of a service, in development: derived from the one secret, so that Auth knows them without a table.
#[must_use]
pub fn derived_credential(secret: &[u8], service: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(crate::secret::derive(secret, &format!("service-credential:{service}")))
}

/// The tokens of one service: one for calls on a person's behalf, one for each organization it works in by itself.
#[derive(Clone)]
pub struct ServiceTokens(Arc<Inner>);

struct Inner {
    service: &'static str,
    credential: SecretString,
    auth: Peer,
    held: Mutex<HashMap<Option<Uuid>, Held>>,
}

#[derive(Clone)]
struct Held {
    token: Arc<str>,
    until: Instant,
}

impl ServiceTokens {
    /// Tokens of this service, asked of Auth with its credential.
    #[must_use]
    pub fn new(service: &'static str, credential: SecretString, auth: Peer) -> Self {
        Self(Arc::new(Inner { service, credential, auth, held: Mutex::default() }))
    }

    /// The service that they prove.
    #[must_use]
    pub fn service(&self) -> &'static str {
        self.0.service
    }

    /// A token with some life left.
    ///
    /// # Errors
    /// AUTH_UNREACHABLE.
    pub async fn get(&self, org_id: Option<Uuid>) -> Result<Arc<str>> {
        if let Some(held) = self.0.held.lock().expect("no holder of this lock panics").get(&org_id)
            && held.until > Instant::now()
        {
            return Ok(Arc::clone(&held.token));
        }
        let request = IssueServiceTokenRequest {
            service: self.0.service.to_owned(),
            credential: self.0.credential.expose_secret().to_owned(),
            organization_id: org_id.map(|id| id.to_string()).unwrap_or_default(),
        };
        let mut request = tonic::Request::new(request);
        request.set_timeout(Duration::from_secs(5));
        let response = AuthServiceClient::new(self.0.auth.clone())
            .issue_service_token(request)
            .await
            .map_err(|status| {
                Error::from_peer(&status, || {
                    Error::unavailable(Reason::AuthUnreachable, "the Auth service cannot be reached")
                })
            })?
            .into_inner();
        let token: Arc<str> = response.service_token.into();
        let life = Duration::from_secs(u64::try_from(response.expires_in).unwrap_or_default());
        let held = Held { token: Arc::clone(&token), until: Instant::now() + life.saturating_sub(MARGIN) };
        self.0.held.lock().expect("no holder of this lock panics").insert(org_id, held);
        Ok(token)
    }
}
