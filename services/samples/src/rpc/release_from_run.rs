//! ReleaseFromRun: a release that comes twice, or for a run that has the sample no longer, changes nothing.

use std::sync::Arc;

use contract::samples::v1::{ReleaseFromRunRequest, ReleaseFromRunResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire,
};

use super::convert::sample as convert;
use crate::{
    App,
    sample::{RESOURCE, Step},
    store::sample::{sample_lock_any, sample_update},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: ReleaseFromRunRequest) -> Result<ReleaseFromRunResponse> {
    let id = wire::id("sample_id", &request.sample_id)?;
    let run_id = wire::id("run_id", &request.run_id)?;

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            // One that was deleted since it was released before is not in use: nothing changes.
            let mut sample = sample_lock_any(tx.conn(), org_id, id).await?;
            let before = convert::to_wire(sample.clone());
            if !sample.give_back(run_id)? {
                tx.unchanged();
                return Ok(ReleaseFromRunResponse { sample: Some(before) });
            }
            let sample = convert::to_wire(sample_update(tx.conn(), org_id, &sample).await?);
            tx.record(Event::new(RESOURCE, id, Step::GiveBack.verb()).before(&before).after(&sample));
            Ok(ReleaseFromRunResponse { sample: Some(sample) })
        })
        .await
}
