//! GetProject.

use std::sync::Arc;

use contract::samples::v1::{GetProjectRequest, GetProjectResponse};
use spectra_runtime::{Error, Result, auth::Caller, wire};

use super::convert::project as convert;
use crate::{App, project::RESOURCE};

pub async fn handle(app: Arc<App>, caller: Caller, request: GetProjectRequest) -> Result<GetProjectResponse> {
    let id = wire::id("id", &request.id)?;
    let project = app.db.get(&caller, &app.projects, id).await?.ok_or_else(|| Error::not_found(RESOURCE, id))?;
    Ok(GetProjectResponse { project: Some(convert::to_wire(project)) })
}
