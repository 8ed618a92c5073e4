//! UpdateProject: the fields that the mask names, if the project is still the one that was read.

use std::sync::Arc;

use contract::samples::v1::{UpdateProjectRequest, UpdateProjectResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    mask::Mask,
    wire,
};

use super::convert::project as convert;
use crate::{
    App,
    project::RESOURCE,
    store::project::{project_lock, project_update},
};

const WRITABLE: &[&str] = &["code", "name", "description", "member_ids"];
const READ_ONLY: &[&str] = &["id", "archived_at", "created_by", "created_at", "updated_at", "etag"];

pub async fn handle(app: Arc<App>, caller: Caller, request: UpdateProjectRequest) -> Result<UpdateProjectResponse> {
    let mask = Mask::read(request.update_mask.as_ref(), WRITABLE, READ_ONLY)?;
    let from = request.project.clone().unwrap_or_default();
    let id = wire::id("project.id", &from.id)?;

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let mut project = project_lock(tx.conn(), org_id, id).await?;
            wire::check_etag(&from.etag, project.revision, RESOURCE, id)?;
            let before = convert::to_wire(project.clone());
            convert::apply(&mut project, from, |field| mask.has(field))?;

            let project = convert::to_wire(project_update(tx.conn(), org_id, &project).await?);
            tx.record(Event::new(RESOURCE, id, "update").before(&before).after(&project));
            Ok(UpdateProjectResponse { project: Some(project) })
        })
        .await
}
