//! ListInstruments.

use std::sync::Arc;

use contract::calibration::v1::{ListInstrumentsRequest, ListInstrumentsResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert::instrument as convert;
use crate::{
    App,
    store::instrument::{LIST, instrument_list},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: ListInstrumentsRequest) -> Result<ListInstrumentsResponse> {
    let page = LIST.page(&app.sealer, caller.org_id(), &request)?;
    let instruments = app.db.read(&caller, async |conn| instrument_list(conn, caller.org_id(), &page).await).await?;
    let (instruments, next_page_token) = page.finish(instruments);
    let instruments = instruments.into_iter().map(convert::to_wire).collect();
    Ok(ListInstrumentsResponse { instruments, next_page_token })
}
