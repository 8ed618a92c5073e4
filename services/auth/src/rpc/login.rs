//! Login: unknown, wrong and disabled cost the same and are answered alike.

use std::sync::Arc;

use contract::auth::v1::{LoginRequest, LoginResponse};
use secrecy::SecretString;
use spectra_runtime::{
    Reason, Result,
    auth::{Caller, Request},
    db::{Event, Tx, Value},
};
use uuid::Uuid;

use crate::{
    App,
    refresh_token::{Issued, RefreshToken},
    session::{RESOURCE, Session},
    store::{
        login_directory::{Entry, login_directory_get},
        refresh_token::refresh_token_insert,
        session::session_insert,
        user::{user_account, user_hold},
    },
    throttle::Attempt,
    user::{User, credentials_invalid},
};

/// How the person proved themselves (RFC 8176).
const AMR: &[&str] = &["pwd"];

pub async fn handle(app: Arc<App>, request: Request, credentials: LoginRequest) -> Result<LoginResponse> {
    let LoginRequest { username, password, .. } = credentials;

    let email = username.to_lowercase();
    let attempt = Attempt::begin(&app, &request, &email).await?;
    let proof = prove(&app, &request, &email, password.into()).await;
    // Only a wrong password counts; what went wrong with us does not.
    if !proof.as_ref().is_err_and(|error| error.reason() == Reason::CredentialsInvalid) {
        attempt.give_back(&app).await?;
    }
    let (org_id, user) = proof?;

    let at = app.clock.now_us();
    let user_agent = request.user_agent.as_ref().and_then(|name| name.to_str().ok());
    let session = Session::begin(user.id, at, request.address, user_agent);
    let refresh_token = RefreshToken::generate(org_id)?;
    let first = Issued {
        session_id: session.id,
        parent_id: None,
        sha256: refresh_token.sha256(),
        created_at: at,
        expires_at: session.token_expires_at(at),
    };
    let access_token = app.tokens.issue_access(org_id, user.id, user.role, session.id, AMR)?;
    let claims = app.tokens.verify_access(&access_token)?;
    let caller = Caller::person(&claims, access_token.as_str().into(), request);
    app.db
        .write(&caller, async move |tx: &mut Tx| {
            // Whoever disables the account at this moment is either seen here, or waits and finds the session.
            if !user_hold(tx.conn(), org_id, &user).await? {
                return Err(credentials_invalid());
            }
            session_insert(tx.conn(), org_id, &session).await?;
            refresh_token_insert(tx.conn(), org_id, &first).await?;
            tx.record(Event::new(RESOURCE, session.id, "login"));
            Ok(Value(()))
        })
        .await?;

    Ok(LoginResponse {
        access_token,
        refresh_token: refresh_token.into_text(),
        token_type: "bearer".to_owned(),
        expires_in: app.expires_in(),
    })
}

/// The person with this address and password, and their organization.
async fn prove(app: &App, request: &Request, email: &str, password: SecretString) -> Result<(Uuid, User)> {
    let entry = app.db.before_sign_in(async |conn| login_directory_get(conn, email).await).await?;
    // Nobody is looked up as well, and has a password to check: time must not tell who has an account.
    let Entry { org_id, user_id } = entry.unwrap_or(Entry { org_id: Uuid::max(), user_id: Uuid::max() });
    let account = app.db.read_as(org_id, async |conn| user_account(conn, org_id, user_id).await).await?;
    let (user, hash) = account.map_or((None, None), |account| (Some(account.user), account.password_hash));
    let matches = app.passwords.verify(password, hash, request.deadline).await?;
    user.filter(|user| matches && user.is_active()).map(|user| (org_id, user)).ok_or_else(credentials_invalid)
}
