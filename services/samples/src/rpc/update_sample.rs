//! UpdateSample: the fields that the mask names, if the sample is still the one that was read.

use std::sync::Arc;

use contract::samples::v1::{UpdateSampleRequest, UpdateSampleResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    mask::Mask,
    wire,
};

use super::convert::sample as convert;
use crate::{
    App,
    sample::RESOURCE,
    store::sample::{sample_lock, sample_update},
};

const WRITABLE: &[&str] =
    &["name", "material_type", "lot_code", "barcode", "location", "quantity", "attributes", "project_id"];
const READ_ONLY: &[&str] =
    &["id", "status", "status_reason", "run_id", "created_by", "created_at", "updated_at", "deleted_at", "etag"];

pub async fn handle(app: Arc<App>, caller: Caller, request: UpdateSampleRequest) -> Result<UpdateSampleResponse> {
    let mask = Mask::read(request.update_mask.as_ref(), WRITABLE, READ_ONLY)?;
    let from = request.sample.clone().unwrap_or_default();
    let id = wire::id("sample.id", &from.id)?;

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let mut sample = sample_lock(tx.conn(), org_id, id).await?;
            wire::check_etag(&from.etag, sample.revision, RESOURCE, id)?;
            let before = convert::to_wire(sample.clone());
            convert::apply(&mut sample, from, |field| mask.has(field))?;
            if sample.location != before.location {
                sample.check_movable()?;
            }

            let sample = convert::to_wire(sample_update(tx.conn(), org_id, &sample).await?);
            tx.record(Event::new(RESOURCE, id, "update").before(&before).after(&sample));
            Ok(UpdateSampleResponse { sample: Some(sample) })
        })
        .await
}
