//! DisableUser and EnableUser: an account is shut with its sessions, and opened without them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use contract::auth::v1::{
    DisableUserRequest, DisableUserResponse, EnableUserRequest, EnableUserResponse, User as WireUser,
};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire,
};
use uuid::Uuid;

use super::convert;
use crate::{
    App,
    session::EndReason,
    store::{
        session::sessions_end_of_user,
        user::{user_lock, user_update},
    },
    user::RESOURCE,
};

pub async fn handle_disable(app: Arc<App>, caller: Caller, request: DisableUserRequest) -> Result<DisableUserResponse> {
    let id = wire::id("id", &request.id)?;
    let DisableUserRequest { etag, reason, .. } = request.clone();

    let (org_id, at) = (caller.org_id(), app.clock.now_us());
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let user = switch(tx, (org_id, id), &etag, Some(at), reason).await?;
            sessions_end_of_user(tx.conn(), org_id, id, None, at, EndReason::Disabled).await?;
            Ok(DisableUserResponse { user: Some(user) })
        })
        .await
}

pub async fn handle_enable(app: Arc<App>, caller: Caller, request: EnableUserRequest) -> Result<EnableUserResponse> {
    let id = wire::id("id", &request.id)?;
    let EnableUserRequest { etag, reason, .. } = request.clone();

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let user = switch(tx, (org_id, id), &etag, None, reason).await?;
            Ok(EnableUserResponse { user: Some(user) })
        })
        .await
}

/// Locks the account, and shuts it at this instant or opens it; one that is so already is left as it is.
async fn switch(
    tx: &mut Tx,
    (org_id, id): (Uuid, Uuid),
    etag: &str,
    disabled_at: Option<DateTime<Utc>>,
    reason: String,
) -> Result<WireUser> {
    let mut user = user_lock(tx.conn(), org_id, id).await?;
    wire::check_etag(etag, user.revision, RESOURCE, id)?;
    if user.disabled_at.is_some() == disabled_at.is_some() {
        tx.unchanged();
        return Ok(convert::user_to_wire(user));
    }
    let before = convert::user_to_wire(user.clone());
    user.disabled_at = disabled_at;
    let after = convert::user_to_wire(user_update(tx.conn(), org_id, &user).await?);
    let action = if disabled_at.is_some() { "disable" } else { "enable" };
    tx.record(Event::new(RESOURCE, id, action).before(&before).after(&after).reason(reason));
    Ok(after)
}
