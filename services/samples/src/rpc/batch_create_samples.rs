//! BatchCreateSamples: all of them or none, written by one statement. A refusal names the sample by its place.

use std::sync::Arc;

use contract::samples::v1::{BatchCreateSamplesRequest, BatchCreateSamplesResponse};
use spectra_runtime::{
    Error, Result,
    auth::Caller,
    db::{Event, Tx},
};
use uuid::Uuid;

use super::convert::sample as convert;
use crate::{
    App, project,
    sample::{Sample, check_distinct},
    store::{
        project::projects_hold,
        sample::{sample_conflict, samples_insert},
    },
};

/// The noun of its event: an entry of many samples, with an id of its own.
pub const RESOURCE: &str = "sample_batch";

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: BatchCreateSamplesRequest,
) -> Result<BatchCreateSamplesResponse> {
    let (created_by, at) = (caller.user_id(), app.clock.now_us());
    let samples = request.requests.iter().enumerate().map(|(index, one)| {
        let sample = convert::from_wire(one.sample.clone().unwrap_or_default(), created_by, at);
        sample.map_err(|error| error.within(&format!("requests[{index}]")))
    });
    let samples = samples.collect::<Result<Vec<_>>>()?;
    check_distinct(&samples, path)?;

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            check_projects(tx, org_id, &samples).await?;
            let written = samples_insert(tx.conn(), org_id, &samples).await?;
            if let Some(index) = samples.iter().position(|sample| !written.contains(&sample.id)) {
                let conflict = sample_conflict(tx.conn(), org_id, &samples[index]).await?;
                return Err(conflict.within(&path(index)));
            }
            let reply = BatchCreateSamplesResponse { samples: samples.into_iter().map(convert::to_wire).collect() };
            tx.record(Event::new(RESOURCE, Uuid::now_v7(), "create").after(&reply));
            Ok(reply)
        })
        .await
}

/// Refuses samples of a project that is not there or archived. What the database refuses does not name the sample.
async fn check_projects(tx: &mut Tx, org_id: Uuid, samples: &[Sample]) -> Result<()> {
    let mut wanted: Vec<Uuid> = samples.iter().filter_map(|sample| sample.project_id).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    wanted.sort_unstable();
    wanted.dedup();
    let projects = projects_hold(tx.conn(), org_id, wanted).await?;
    for (index, sample) in samples.iter().enumerate() {
        let Some(id) = sample.project_id else { continue };
        let refusal = match projects.iter().find(|project| project.id == id) {
            Some(project) if project.archived_at.is_none() => continue,
            Some(_) => project::archived(id),
            None => Error::not_found(project::RESOURCE, id),
        };
        return Err(refusal.with("field", "project_id").within(&path(index)));
    }
    Ok(())
}

/// The sample of this place, as errors name it.
fn path(index: usize) -> String {
    format!("requests[{index}].sample")
}
