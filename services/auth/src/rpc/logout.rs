//! Logout: the session ends, and its refresh tokens with it. Leaving twice changes nothing.

use std::sync::Arc;

use contract::auth::v1::{LogoutRequest, LogoutResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
};

use crate::{
    App,
    session::{EndReason, RESOURCE},
    store::session::session_end,
};

pub async fn handle(app: Arc<App>, caller: Caller, request: LogoutRequest) -> Result<LogoutResponse> {
    let (org_id, session_id) = (caller.org_id(), caller.session_id());
    let at = app.clock.now_us();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            if session_end(tx.conn(), org_id, session_id, at, EndReason::Logout).await? {
                tx.record(Event::new(RESOURCE, session_id, "logout"));
            } else {
                tx.unchanged();
            }
            Ok(LogoutResponse {})
        })
        .await
}
