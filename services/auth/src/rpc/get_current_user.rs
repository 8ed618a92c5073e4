//! GetCurrentUser: as the account is now, not as the token has it.

use std::sync::Arc;

use contract::auth::v1::{GetCurrentUserRequest, GetCurrentUserResponse};
use spectra_runtime::{Error, Result, auth::Caller};

use super::convert;
use crate::{
    App,
    session::revoked,
    store::{organization::organization_get, user::user_in_session},
    user::User,
};

pub async fn handle(app: Arc<App>, caller: Caller, _: GetCurrentUserRequest) -> Result<GetCurrentUserResponse> {
    let org_id = caller.org_id();
    let at = app.clock.now_us();
    let (user, organization) = app
        .db
        .read(&caller, async |conn| {
            let user = user_in_session(conn, org_id, caller.user_id(), caller.session_id(), at).await?;
            let user = user.filter(User::is_active).ok_or_else(revoked)?;
            let organization = organization_get(conn, org_id).await?;
            Ok((user, organization.ok_or_else(|| Error::internal("a user has no organization"))?))
        })
        .await?;

    Ok(GetCurrentUserResponse {
        permissions: user.role.permissions().map(str::to_owned).collect(),
        user: Some(convert::user_to_wire(user)),
        organization: Some(convert::organization_to_wire(organization)),
    })
}
