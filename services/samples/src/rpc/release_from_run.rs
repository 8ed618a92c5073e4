//! ReleaseFromRun: a release that comes twice, or for a run that has the sample no longer, changes nothing.

use std::sync::Arc;

use contract::samples::v1::{ReleaseFromRunRequest, ReleaseFromRunResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire,
};

use super::convert;
use crate::{
    App,
    sample::RESOURCE,
    store::sample::{sample_lock, sample_update},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: ReleaseFromRunRequest) -> Result<ReleaseFromRunResponse> {
    let id = wire::id("sample_id", &request.sample_id)?;
    let run_id = wire::id("run_id", &request.run_id)?;

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let mut sample = sample_lock(tx.conn(), org_id, id).await?;
            let before = convert::to_wire(sample.clone());
            if !sample.release(run_id) {
                tx.unchanged();
                return Ok(ReleaseFromRunResponse { sample: Some(before) });
            }
            let sample = convert::to_wire(sample_update(tx.conn(), org_id, &sample).await?);
            tx.record(Event::new(RESOURCE, id, "release").before(&before).after(&sample));
            Ok(ReleaseFromRunResponse { sample: Some(sample) })
        })
        .await
}
