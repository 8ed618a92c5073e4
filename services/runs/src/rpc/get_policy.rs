//! GetPolicy.

use std::sync::Arc;

use contract::runs::v1::{GetPolicyRequest, GetPolicyResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert::policy as convert;
use crate::{App, store::policy::policy_get};

pub async fn handle(app: Arc<App>, caller: Caller, _request: GetPolicyRequest) -> Result<GetPolicyResponse> {
    let policy = app.db.read(&caller, async |conn| policy_get(conn, caller.org_id()).await).await?;
    Ok(GetPolicyResponse { policy: Some(convert::to_wire(&policy)) })
}
