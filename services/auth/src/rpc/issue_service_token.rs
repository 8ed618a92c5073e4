//! IssueServiceToken: a service's credential for a token that is good for minutes.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use contract::auth::v1::{IssueServiceTokenRequest, IssueServiceTokenResponse};
use secrecy::{ExposeSecret as _, SecretString};
use spectra_runtime::{
    Error, Reason, Result,
    auth::{Request, service::derived_credential},
    error::Kind,
    wire,
};

use crate::App;

const LIFE: Duration = Duration::from_secs(600);

pub async fn handle(app: Arc<App>, _: Request, request: IssueServiceTokenRequest) -> Result<IssueServiceTokenResponse> {
    let IssueServiceTokenRequest { service, credential, organization_id } = request;
    let credential = SecretString::from(credential);
    let org_id = match organization_id.as_str() {
        "" => None,
        id => Some(wire::id("organization_id", id)?),
    };

    let expected = SecretString::from(derived_credential(app.secret.expose_secret(), &service));
    verify_slices_are_equal(credential.expose_secret().as_bytes(), expected.expose_secret().as_bytes())
        .map_err(|_| credential_invalid())?;

    Ok(IssueServiceTokenResponse {
        service_token: app.tokens.issue_service(&service, org_id, LIFE)?,
        expires_in: i32::try_from(LIFE.as_secs()).map_err(Error::internal)?,
    })
}

fn credential_invalid() -> Error {
    Error::new(Kind::Unauthenticated, Reason::CredentialsInvalid, "the credential is not that of the service")
}
