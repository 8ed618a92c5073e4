//! UpdateUser: the fields that the mask names, if the person is still the one that was read. Another role ends the
//! person's sessions, whose tokens know the old one.

use std::sync::Arc;

use contract::auth::v1::{UpdateUserRequest, UpdateUserResponse};
use spectra_runtime::{
    Error, Result,
    auth::Caller,
    db::{Event, Tx},
    mask::Mask,
    wire,
};

use super::convert;
use crate::{
    App,
    session::EndReason,
    store::{
        login_directory::{Entry, login_directory_insert, login_directory_remove},
        session::sessions_end_of_user,
        user::{user_lock, user_update},
    },
    user::{RESOURCE, User},
};

const WRITABLE: &[&str] = &["email", "display_name", "role"];
const READ_ONLY: &[&str] = &["id", "disabled_at", "created_at", "updated_at", "etag"];

pub async fn handle(app: Arc<App>, caller: Caller, request: UpdateUserRequest) -> Result<UpdateUserResponse> {
    let mask = Mask::read(request.update_mask.as_ref(), WRITABLE, READ_ONLY)?;
    let from = request.user.clone().unwrap_or_default();
    let id = wire::id("user.id", &from.id)?;

    let (org_id, at) = (caller.org_id(), app.clock.now_us());
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let old = user_lock(tx.conn(), org_id, id).await?;
            wire::check_etag(&from.etag, old.revision, RESOURCE, id)?;
            let mut user = old.clone();
            convert::apply_user(&mut user, from, |field| mask.has(field))?;

            let user = user_update(tx.conn(), org_id, &user).await?;
            move_address(tx, Entry { org_id, user_id: id }, &old, &user).await?;
            if user.role != old.role {
                sessions_end_of_user(tx.conn(), org_id, id, None, at, EndReason::RoleChanged).await?;
            }
            let (before, user) = (convert::user_to_wire(old), convert::user_to_wire(user));
            tx.record(Event::new(RESOURCE, id, "update").before(&before).after(&user));
            Ok(UpdateUserResponse { user: Some(user) })
        })
        .await
}

/// The directory that people sign in by follows.
async fn move_address(tx: &mut Tx, whose: Entry, old: &User, new: &User) -> Result<()> {
    if new.email == old.email {
        return Ok(());
    }
    login_directory_remove(tx.conn(), &old.email, whose).await?;
    if login_directory_insert(tx.conn(), &new.email, whose).await? {
        Ok(())
    } else {
        Err(Error::exists(RESOURCE, "email", &new.email))
    }
}
