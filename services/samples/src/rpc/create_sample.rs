//! CreateSample: name and barcode are unique in the organization; the database decides.

use std::sync::Arc;

use contract::samples::v1::{CreateSampleRequest, CreateSampleResponse};
use serde_json::Map;
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
};
use uuid::Uuid;

use super::convert;
use crate::{
    App,
    sample::{RESOURCE, Sample, Status},
    store::sample::sample_insert,
};

pub async fn handle(app: Arc<App>, caller: Caller, request: CreateSampleRequest) -> Result<CreateSampleResponse> {
    let at = app.clock.now_us();
    let mut sample = Sample {
        id: Uuid::now_v7(),
        name: String::new(),
        material_type: String::new(),
        lot_code: String::new(),
        barcode: None,
        location: String::new(),
        quantity: None,
        attributes: Map::new(),
        status: Status::Available,
        run_id: None,
        created_by: caller.user_id(),
        created_at: at,
        updated_at: at,
        revision: 1,
    };
    convert::apply(&mut sample, request.sample.clone().unwrap_or_default(), |_| true)?;

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
