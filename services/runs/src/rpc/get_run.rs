//! GetRun.

use std::sync::Arc;

use contract::runs::v1::{GetRunRequest, GetRunResponse};
use spectra_runtime::{Error, Result, auth::Caller, wire};

use super::convert;
use crate::{App, run::RESOURCE};

pub async fn handle(app: Arc<App>, caller: Caller, request: GetRunRequest) -> Result<GetRunResponse> {
    let id = wire::id("id", &request.id)?;
    let run = app.db.get(&caller, &app.runs, id).await?.ok_or_else(|| Error::not_found(RESOURCE, id))?;
    Ok(GetRunResponse { run: Some(convert::to_wire(run)) })
}
