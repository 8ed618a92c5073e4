//! CreateUser: the address is unique over all organizations; the database decides.

use std::sync::Arc;

use contract::auth::v1::{CreateUserRequest, CreateUserResponse};
use spectra_runtime::{
    Error, Result,
    auth::Caller,
    db::{Event, Tx, Value},
};

use super::convert;
use crate::{
    App,
    store::{
        login_directory::{Entry, login_directory_insert},
        user::user_insert,
    },
    user::{RESOURCE, check_names},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: CreateUserRequest) -> Result<CreateUserResponse> {
    let CreateUserRequest { user, password } = request;
    let password = ("password", password.into());
    let user = user.unwrap_or_default();
    let (email, display_name) = (user.email.to_lowercase(), user.display_name);
    let role = convert::role_from_wire(user.role)?;
    check_names(&email, &display_name)?;
    let about = [email.clone(), display_name.clone()];
    let hash = app.passwords.hash_chosen(password, about, caller.request().deadline).await?;

    let org_id = caller.org_id();
    let Value(user) = app
        .db
        .write(&caller, async move |tx: &mut Tx| {
            let taken = || Error::exists(RESOURCE, "email", &email);
            let user = user_insert(tx.conn(), org_id, (&email, &display_name), role, &hash).await?.ok_or_else(taken)?;
            if !login_directory_insert(tx.conn(), &email, Entry { org_id, user_id: user.id }).await? {
                return Err(taken());
            }
            let user = convert::user_to_wire(user);
            tx.record(Event::new(RESOURCE, &user.id, "create").after(&user));
            Ok(Value(user))
        })
        .await?;
    Ok(CreateUserResponse { user: Some(user) })
}
