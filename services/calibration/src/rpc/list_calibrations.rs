//! ListCalibrations.

use std::sync::Arc;

use contract::calibration::v1::{ListCalibrationsRequest, ListCalibrationsResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert::calibration as convert;
use crate::{
    App,
    store::calibration::{LIST, calibration_list},
};

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: ListCalibrationsRequest,
) -> Result<ListCalibrationsResponse> {
    let page = LIST.page(&app.sealer, caller.org_id(), &request)?;
    let calibrations = app.db.read(&caller, async |conn| calibration_list(conn, caller.org_id(), &page).await).await?;
    let (calibrations, next_page_token) = page.finish(calibrations);
    let calibrations = calibrations.into_iter().map(convert::to_wire).collect();
    Ok(ListCalibrationsResponse { calibrations, next_page_token })
}
