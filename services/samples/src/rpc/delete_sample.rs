//! DeleteSample and UndeleteSample: the row stays, and with it what was measured on the sample and its barcode.

use std::sync::Arc;

use contract::samples::v1::{DeleteSampleRequest, DeleteSampleResponse, UndeleteSampleRequest, UndeleteSampleResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire,
};

use super::convert::sample as convert;
use crate::{
    App,
    sample::RESOURCE,
    store::sample::{sample_lock, sample_lock_any, sample_update},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: DeleteSampleRequest) -> Result<DeleteSampleResponse> {
    let id = wire::id("id", &request.id)?;
    let DeleteSampleRequest { reason, etag, .. } = request.clone();

    let (org_id, at) = (caller.org_id(), app.clock.now_us());
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let mut sample = sample_lock(tx.conn(), org_id, id).await?;
            wire::check_etag(&etag, sample.revision, RESOURCE, id)?;
            let before = convert::to_wire(sample.clone());
            sample.delete(at)?;

            let sample = convert::to_wire(sample_update(tx.conn(), org_id, &sample).await?);
            tx.record(Event::new(RESOURCE, id, "delete").before(&before).after(&sample).reason(reason));
            Ok(DeleteSampleResponse { sample: Some(sample) })
        })
        .await
}

pub async fn handle_undelete(
    app: Arc<App>,
    caller: Caller,
    request: UndeleteSampleRequest,
) -> Result<UndeleteSampleResponse> {
    let id = wire::id("id", &request.id)?;
    let UndeleteSampleRequest { reason, etag, .. } = request.clone();

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let mut sample = sample_lock_any(tx.conn(), org_id, id).await?;
            wire::check_etag(&etag, sample.revision, RESOURCE, id)?;
            let before = convert::to_wire(sample.clone());
            sample.undelete()?;

            let sample = convert::to_wire(sample_update(tx.conn(), org_id, &sample).await?);
            tx.record(Event::new(RESOURCE, id, "undelete").before(&before).after(&sample).reason(reason));
            Ok(UndeleteSampleResponse { sample: Some(sample) })
        })
        .await
}
