//! GetCalibration.

use std::sync::Arc;

use contract::calibration::v1::{GetCalibrationRequest, GetCalibrationResponse};
use spectra_runtime::{Error, Result, auth::Caller, wire};

use super::convert::calibration as convert;
use crate::{App, calibration::RESOURCE};

pub async fn handle(app: Arc<App>, caller: Caller, request: GetCalibrationRequest) -> Result<GetCalibrationResponse> {
    let id = wire::id("id", &request.id)?;
    let calibration =
        app.db.get(&caller, &app.calibrations, id).await?.ok_or_else(|| Error::not_found(RESOURCE, id))?;
    Ok(GetCalibrationResponse { calibration: Some(convert::to_wire(calibration)) })
}
