//! ListSessions: one's own.

use std::sync::Arc;

use contract::auth::v1::{ListSessionsRequest, ListSessionsResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert;
use crate::{
    App,
    store::session::{LIST, session_list},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: ListSessionsRequest) -> Result<ListSessionsResponse> {
    let page = LIST.page(&app.sealer, caller.org_id(), &request)?;
    let (org_id, user_id, current) = (caller.org_id(), caller.user_id(), caller.session_id());
    let at = app.clock.now_us();
    let sessions = app.db.read(&caller, async |conn| session_list(conn, org_id, user_id, at, &page).await).await?;
    let (sessions, next_page_token) = page.finish(sessions);
    let sessions = sessions.into_iter().map(|session| convert::session_to_wire(session, current)).collect();
    Ok(ListSessionsResponse { sessions, next_page_token })
}
