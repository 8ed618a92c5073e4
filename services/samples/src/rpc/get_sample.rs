//! GetSample and GetSampleByBarcode.

use std::sync::Arc;

use contract::samples::v1::{
    GetSampleByBarcodeRequest, GetSampleByBarcodeResponse, GetSampleRequest, GetSampleResponse,
};
use spectra_runtime::{Error, Result, auth::Caller, wire};

use super::convert::sample as convert;
use crate::{App, sample::RESOURCE, store::sample::sample_by_barcode};

pub async fn handle(app: Arc<App>, caller: Caller, request: GetSampleRequest) -> Result<GetSampleResponse> {
    let id = wire::id("id", &request.id)?;
    let sample = app.db.get(&caller, &app.samples, id).await?.ok_or_else(|| Error::not_found(RESOURCE, id))?;
    Ok(GetSampleResponse { sample: Some(convert::to_wire(sample)) })
}

pub async fn handle_by_barcode(
    app: Arc<App>,
    caller: Caller,
    request: GetSampleByBarcodeRequest,
) -> Result<GetSampleByBarcodeResponse> {
    let barcode = request.barcode;
    let sample = app
        .db
        .read(&caller, async |conn| sample_by_barcode(conn, caller.org_id(), &barcode).await)
        .await?
        .ok_or_else(|| Error::not_found(RESOURCE, &barcode))?;
    Ok(GetSampleByBarcodeResponse { sample: Some(convert::to_wire(sample)) })
}
