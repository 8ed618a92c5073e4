//! ListProjects.

use std::sync::Arc;

use contract::samples::v1::{ListProjectsRequest, ListProjectsResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert::project as convert;
use crate::{
    App,
    store::project::{LIST, project_list},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: ListProjectsRequest) -> Result<ListProjectsResponse> {
    let page = LIST.page(&app.sealer, caller.org_id(), &request)?;
    let projects = app.db.read(&caller, async |conn| project_list(conn, caller.org_id(), &page).await).await?;
    let (projects, next_page_token) = page.finish(projects);
    Ok(ListProjectsResponse { projects: projects.into_iter().map(convert::to_wire).collect(), next_page_token })
}
