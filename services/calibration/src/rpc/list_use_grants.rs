//! ListUseGrants.

use std::sync::Arc;

use contract::calibration::v1::{ListUseGrantsRequest, ListUseGrantsResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert::use_grant as convert;
use crate::{
    App,
    store::use_grant::{LIST, use_grant_list},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: ListUseGrantsRequest) -> Result<ListUseGrantsResponse> {
    let page = LIST.page(&app.sealer, caller.org_id(), &request)?;
    let grants = app.db.read(&caller, async |conn| use_grant_list(conn, caller.org_id(), &page).await).await?;
    let (grants, next_page_token) = page.finish(grants);
    Ok(ListUseGrantsResponse { grants: grants.into_iter().map(convert::to_wire).collect(), next_page_token })
}
