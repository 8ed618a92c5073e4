//! ListRuns.

use std::sync::Arc;

use contract::runs::v1::{ListRunsRequest, ListRunsResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert;
use crate::{
    App,
    store::run::{LIST, run_list},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: ListRunsRequest) -> Result<ListRunsResponse> {
    let page = LIST.page(&app.sealer, caller.org_id(), &request)?;
    let runs = app.db.read(&caller, async |conn| run_list(conn, caller.org_id(), &page).await).await?;
    let (runs, next_page_token) = page.finish(runs);
    Ok(ListRunsResponse { runs: runs.into_iter().map(convert::to_wire).collect(), next_page_token })
}
