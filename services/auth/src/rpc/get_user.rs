//! GetUser.

use std::sync::Arc;

use contract::auth::v1::{GetUserRequest, GetUserResponse};
use spectra_runtime::{Error, Result, auth::Caller, wire};

use super::convert;
use crate::{App, store::user::user_get, user::RESOURCE};

pub async fn handle(app: Arc<App>, caller: Caller, request: GetUserRequest) -> Result<GetUserResponse> {
    let id = wire::id("id", &request.id)?;
    let user = app.db.read(&caller, async |conn| user_get(conn, caller.org_id(), id).await).await?;
    let user = user.ok_or_else(|| Error::not_found(RESOURCE, id))?;
    Ok(GetUserResponse { user: Some(convert::user_to_wire(user)) })
}
