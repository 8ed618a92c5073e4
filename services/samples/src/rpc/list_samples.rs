//! ListSamples.

use std::sync::Arc;

use contract::samples::v1::{ListSamplesRequest, ListSamplesResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert::sample as convert;
use crate::{
    App,
    store::sample::{LIST, sample_list},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: ListSamplesRequest) -> Result<ListSamplesResponse> {
    let page = LIST.page(&app.sealer, caller.org_id(), &request)?;
    let (org_id, show_deleted) = (caller.org_id(), request.show_deleted);
    let samples = app.db.read(&caller, async |conn| sample_list(conn, org_id, show_deleted, &page).await).await?;
    let (samples, next_page_token) = page.finish(samples);
    Ok(ListSamplesResponse { samples: samples.into_iter().map(convert::to_wire).collect(), next_page_token })
}
