//! CreateProject: its code is unique in the organization; the database decides.

use std::sync::Arc;

use contract::samples::v1::{CreateProjectRequest, CreateProjectResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
};

use super::convert::project as convert;
use crate::{App, project::RESOURCE, store::project::project_insert};

pub async fn handle(app: Arc<App>, caller: Caller, request: CreateProjectRequest) -> Result<CreateProjectResponse> {
    let project = request.project.clone().unwrap_or_default();
    let project = convert::from_wire(project, caller.user_id(), app.clock.now_us())?;

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            project_insert(tx.conn(), org_id, &project).await?;
            let project = convert::to_wire(project);
            tx.record(Event::new(RESOURCE, &project.id, "create").after(&project));
            Ok(CreateProjectResponse { project: Some(project) })
        })
        .await
}
