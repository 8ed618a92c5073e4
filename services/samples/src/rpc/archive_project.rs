//! ArchiveProject and UnarchiveProject. Samples that are being put into the project hold its row: each is wholly before
//! its archiving, or refused.

use std::sync::Arc;

use contract::samples::v1::{
    ArchiveProjectRequest, ArchiveProjectResponse, UnarchiveProjectRequest, UnarchiveProjectResponse,
};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire,
};

use super::convert::project as convert;
use crate::{
    App,
    project::RESOURCE,
    store::project::{project_lock, project_update},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: ArchiveProjectRequest) -> Result<ArchiveProjectResponse> {
    let id = wire::id("id", &request.id)?;
    let ArchiveProjectRequest { reason, etag, .. } = request.clone();

    let (org_id, at) = (caller.org_id(), app.clock.now_us());
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let mut project = project_lock(tx.conn(), org_id, id).await?;
            wire::check_etag(&etag, project.revision, RESOURCE, id)?;
            let before = convert::to_wire(project.clone());
            project.archive(at)?;

            let project = convert::to_wire(project_update(tx.conn(), org_id, &project).await?);
            tx.record(Event::new(RESOURCE, id, "archive").before(&before).after(&project).reason(reason));
            Ok(ArchiveProjectResponse { project: Some(project) })
        })
        .await
}

pub async fn handle_unarchive(
    app: Arc<App>,
    caller: Caller,
    request: UnarchiveProjectRequest,
) -> Result<UnarchiveProjectResponse> {
    let id = wire::id("id", &request.id)?;
    let UnarchiveProjectRequest { reason, etag, .. } = request.clone();

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let mut project = project_lock(tx.conn(), org_id, id).await?;
            wire::check_etag(&etag, project.revision, RESOURCE, id)?;
            let before = convert::to_wire(project.clone());
            project.unarchive()?;

            let project = convert::to_wire(project_update(tx.conn(), org_id, &project).await?);
            tx.record(Event::new(RESOURCE, id, "unarchive").before(&before).after(&project).reason(reason));
            Ok(UnarchiveProjectResponse { project: Some(project) })
        })
        .await
}
