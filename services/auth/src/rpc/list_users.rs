//! ListUsers.

use std::sync::Arc;

use contract::auth::v1::{ListUsersRequest, ListUsersResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert;
use crate::{
    App,
    store::user::{LIST, user_list},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: ListUsersRequest) -> Result<ListUsersResponse> {
    let page = LIST.page(&app.sealer, caller.org_id(), &request)?;
    let users = app.db.read(&caller, async |conn| user_list(conn, caller.org_id(), &page).await).await?;
    let (users, next_page_token) = page.finish(users);
    Ok(ListUsersResponse { users: users.into_iter().map(convert::user_to_wire).collect(), next_page_token })
}
