//! ListRecipeVersions.

use std::sync::Arc;

use contract::runs::v1::{ListRecipeVersionsRequest, ListRecipeVersionsResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert::recipe as convert;
use crate::{
    App,
    store::recipe_version::{LIST, version_list},
};

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: ListRecipeVersionsRequest,
) -> Result<ListRecipeVersionsResponse> {
    let page = LIST.page(&app.sealer, caller.org_id(), &request)?;
    let versions = app.db.read(&caller, async |conn| version_list(conn, caller.org_id(), &page).await).await?;
    let (versions, next_page_token) = page.finish(versions);
    let recipe_versions = versions.into_iter().map(convert::version_to_wire).collect();
    Ok(ListRecipeVersionsResponse { recipe_versions, next_page_token })
}
