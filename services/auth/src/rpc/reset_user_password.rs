//! ResetUserPassword: somebody else's, without the current one; their sessions end.

use std::sync::Arc;

use contract::auth::v1::{ResetUserPasswordRequest, ResetUserPasswordResponse};
use spectra_runtime::{
    Error, Result,
    auth::Caller,
    db::{Event, Tx, Value},
    wire,
};

use super::convert;
use crate::{
    App,
    session::EndReason,
    store::{
        session::sessions_end_of_user,
        user::{user_get, user_lock, user_password_set},
    },
    user::RESOURCE,
};

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: ResetUserPasswordRequest,
) -> Result<ResetUserPasswordResponse> {
    let ResetUserPasswordRequest { id, new_password, reason } = request;
    let new_password = ("new_password", new_password.into());
    let id = wire::id("id", &id)?;
    if id == caller.user_id() {
        // Or a session that was left open would be enough to take an admin's account over.
        return Err(Error::field("id", "is your own: change your password by ChangePassword"));
    }

    let org_id = caller.org_id();
    let user = app.db.read(&caller, async |conn| user_get(conn, org_id, id).await).await?;
    let user = user.ok_or_else(|| Error::not_found(RESOURCE, id))?;
    let about = [user.email, user.display_name];
    let hash = app.passwords.hash_chosen(new_password, about, caller.request().deadline).await?;

    let at = app.clock.now_us();
    app.db
        .write(&caller, async move |tx: &mut Tx| {
            let before = convert::user_to_wire(user_lock(tx.conn(), org_id, id).await?);
            let after = convert::user_to_wire(user_password_set(tx.conn(), org_id, id, &hash).await?);
            sessions_end_of_user(tx.conn(), org_id, id, None, at, EndReason::PasswordChanged).await?;
            tx.record(Event::new(RESOURCE, id, "reset_password").before(&before).after(&after).reason(reason));
            Ok(Value(()))
        })
        .await?;
    Ok(ResetUserPasswordResponse {})
}
