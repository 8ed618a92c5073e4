//! CreateSample: name and barcode are unique in the organization, and its project is there and active; the database
//! decides.

use std::sync::Arc;

use contract::samples::v1::{CreateSampleRequest, CreateSampleResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
};

use super::convert::sample as convert;
use crate::{App, sample::RESOURCE, store::sample::sample_insert};

pub async fn handle(app: Arc<App>, caller: Caller, request: CreateSampleRequest) -> Result<CreateSampleResponse> {
    let sample = request.sample.clone().unwrap_or_default();
    let sample = convert::from_wire(sample, caller.user_id(), app.clock.now_us())?;

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            tx.last(sample_insert(org_id, &sample));
            let sample = convert::to_wire(sample);
            tx.record(Event::new(RESOURCE, &sample.id, "create").after(&sample));
            Ok(CreateSampleResponse { sample: Some(sample) })
        })
        .await
}
