//! ChangePassword: the current one is proven as at sign-in, and counted as there; all other sessions end.

use std::sync::Arc;

use contract::auth::v1::{ChangePasswordRequest, ChangePasswordResponse};
use secrecy::{ExposeSecret as _, SecretString};
use spectra_runtime::{
    Error, Reason, Result,
    auth::Caller,
    db::{Event, Tx, Value},
};

use crate::{
    App,
    session::{EndReason, revoked},
    store::{
        session::{session_touch, sessions_end_of_user},
        user::{user_account, user_password_replace},
    },
    throttle::Attempt,
    user::{Account, RESOURCE, User, credentials_invalid},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: ChangePasswordRequest) -> Result<ChangePasswordResponse> {
    let current_password = SecretString::from(request.current_password);
    let new_password = SecretString::from(request.new_password);

    let (org_id, id, session_id) = (caller.org_id(), caller.user_id(), caller.session_id());
    let account = app.db.read(&caller, async |conn| user_account(conn, org_id, id).await).await?;
    let Account { user, password_hash } = account.filter(|found| found.user.is_active()).ok_or_else(revoked)?;
    let current_hash = prove(&app, &caller, &user, current_password.clone(), password_hash).await?;
    if new_password.expose_secret() == current_password.expose_secret() {
        let rule = ("new_password".to_owned(), "is the current one".to_owned());
        return Err(Error::fields(Reason::PasswordWeak, [rule]));
    }
    let about = [user.email, user.display_name];
    let hash = app.passwords.hash_chosen(("new_password", new_password), about, caller.request().deadline).await?;

    let at = app.clock.now_us();
    app.db
        .write(&caller, async move |tx: &mut Tx| {
            // The person's row before the sessions', as everywhere.
            if !user_password_replace(tx.conn(), org_id, id, &current_hash, &hash).await? {
                return Err(credentials_invalid());
            }
            session_touch(tx.conn(), org_id, session_id, at).await?.ok_or_else(revoked)?;
            sessions_end_of_user(tx.conn(), org_id, id, Some(session_id), at, EndReason::PasswordChanged).await?;
            tx.record(Event::new(RESOURCE, id, "change_password"));
            Ok(Value(()))
        })
        .await?;
    Ok(ChangePasswordResponse {})
}

/// The hash that the current password was proven by. Only a wrong password counts against the account.
async fn prove(
    app: &App,
    caller: &Caller,
    user: &User,
    password: SecretString,
    hash: Option<SecretString>,
) -> Result<SecretString> {
    let attempt = Attempt::begin(app, caller.request(), &user.email).await?;
    let matches = app.passwords.verify(password, hash.clone(), caller.request().deadline).await;
    if !matches!(matches, Ok(false)) {
        attempt.give_back(app).await?;
    }
    let matches = matches?;
    hash.filter(|_| matches).ok_or_else(credentials_invalid)
}
