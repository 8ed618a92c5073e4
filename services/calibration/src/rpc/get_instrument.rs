//! GetInstrument.

use std::sync::Arc;

use contract::calibration::v1::{GetInstrumentRequest, GetInstrumentResponse};
use spectra_runtime::{Error, Result, auth::Caller, wire};

use super::convert::instrument as convert;
use crate::{App, instrument::RESOURCE};

pub async fn handle(app: Arc<App>, caller: Caller, request: GetInstrumentRequest) -> Result<GetInstrumentResponse> {
    let id = wire::id("id", &request.id)?;
    let instrument = app.db.get(&caller, &app.instruments, id).await?.ok_or_else(|| Error::not_found(RESOURCE, id))?;
    Ok(GetInstrumentResponse { instrument: Some(convert::to_wire(instrument)) })
}
