//! RevokeSession: one's own, from any other. Ending it twice changes nothing.

use std::sync::Arc;

use contract::auth::v1::{RevokeSessionRequest, RevokeSessionResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire,
};

use crate::{
    App,
    session::{EndReason, RESOURCE},
    store::session::{session_check_owner, session_end},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: RevokeSessionRequest) -> Result<RevokeSessionResponse> {
    let id = wire::id("id", &request.id)?;
    let (org_id, user_id, at) = (caller.org_id(), caller.user_id(), app.clock.now_us());
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            session_check_owner(tx.conn(), org_id, id, user_id).await?;
            if session_end(tx.conn(), org_id, id, at, EndReason::Revoked).await? {
                tx.record(Event::new(RESOURCE, id, "revoke"));
            } else {
                tx.unchanged();
            }
            Ok(RevokeSessionResponse {})
        })
        .await
}
