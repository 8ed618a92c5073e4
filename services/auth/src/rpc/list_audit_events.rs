//! ListAuditEvents: the latest first, unless another order is asked for.

use std::sync::Arc;

use contract::auth::v1::{ListAuditEventsRequest, ListAuditEventsResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert::audit_event as convert;
use crate::{
    App,
    store::event::{LIST, event_list},
};

const LATEST_FIRST: &str = "recorded_at desc";
/// Bytes of events that a page has at most: as an answer they are some times as many, of which clients take four megabytes.
const MOST_BYTES: usize = 512 * 1024;

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    mut request: ListAuditEventsRequest,
) -> Result<ListAuditEventsResponse> {
    if request.order_by.trim().is_empty() {
        LATEST_FIRST.clone_into(&mut request.order_by);
    }
    let page = LIST.page(&app.sealer, caller.org_id(), &request)?;
    let events = app.db.read(&caller, async |conn| event_list(conn, caller.org_id(), &page).await).await?;
    let (events, next_page_token) = page.finish_within(MOST_BYTES, |event| event.body.len(), events);
    Ok(ListAuditEventsResponse { events: events.into_iter().map(convert::to_wire).collect(), next_page_token })
}
