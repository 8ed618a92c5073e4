//! ClaimForRun: one run has a sample at a time; claiming again for the same run changes nothing.

use std::sync::Arc;

use contract::samples::v1::{ClaimForRunRequest, ClaimForRunResponse};
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
    store::sample::{sample_lock, sample_update},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: ClaimForRunRequest) -> Result<ClaimForRunResponse> {
    let id = wire::id("sample_id", &request.sample_id)?;
    let run_id = wire::id("run_id", &request.run_id)?;

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let mut sample = sample_lock(tx.conn(), org_id, id).await?;
            let before = convert::to_wire(sample.clone());
            if !sample.claim(run_id)? {
                tx.unchanged();
                return Ok(ClaimForRunResponse { sample: Some(before) });
            }
            let sample = convert::to_wire(sample_update(tx.conn(), org_id, &sample).await?);
            tx.record(Event::new(RESOURCE, id, Step::Claim.verb()).before(&before).after(&sample));
            Ok(ClaimForRunResponse { sample: Some(sample) })
        })
        .await
}
