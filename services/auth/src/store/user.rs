//! `auth.user`.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, JoinOnDsl as _, OptionalExtension as _, QueryDsl as _,
    SelectableHelper as _,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use secrecy::{ExposeSecret as _, SecretString};
use spectra_runtime::{Error, Result, auth::Role, db::fault};
use uuid::Uuid;

use super::schema::{session, user};
use crate::user::{Account, User};

/// What is read of a person; the password's hash is not among it.
#[derive(diesel::Queryable, diesel::Selectable)]
#[diesel(table_name = user, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    email: String,
    display_name: String,
    role: String,
    disabled_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    revision: i64,
}

impl TryFrom<Row> for User {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let role =
            Role::parse(&row.role).ok_or_else(|| Error::internal(format!("unknown role {} in the table", row.role)))?;
        Ok(Self {
            id: row.id,
            email: row.email,
            display_name: row.display_name,
            role,
            disabled_at: row.disabled_at,
            created_at: row.created_at,
            revision: row.revision,
        })
    }
}

pub async fn user_get(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<Option<User>> {
    user::table
        .filter(user::org_id.eq(org_id).and(user::id.eq(id)))
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .map(User::try_from)
        .transpose()
}

/// The person, with what their password is checked by.
pub async fn user_account(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<Option<Account>> {
    let found: Option<(Row, Option<String>)> = user::table
        .filter(user::org_id.eq(org_id).and(user::id.eq(id)))
        .select((Row::as_select(), user::password_hash))
        .first(conn)
        .await
        .optional()
        .map_err(fault)?;
    found
        .map(|(row, hash)| Ok(Account { user: row.try_into()?, password_hash: hash.map(SecretString::from) }))
        .transpose()
}

/// The person, while this session of theirs goes on.
pub async fn user_in_session(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    id: Uuid,
    session_id: Uuid,
    at: DateTime<Utc>,
) -> Result<Option<User>> {
    user::table
        .inner_join(session::table.on(session::org_id.eq(user::org_id).and(session::user_id.eq(user::id))))
        .filter(user::org_id.eq(org_id).and(user::id.eq(id)))
        .filter(session::org_id.eq(org_id).and(session::id.eq(session_id)))
        .filter(session::ended_at.is_null().and(session::expires_at.gt(at)))
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .map(User::try_from)
        .transpose()
}

/// Whether the account is still as it was read; if so, it stays so until the transaction ends.
pub async fn user_hold(conn: &mut AsyncPgConnection, org_id: Uuid, read: &User) -> Result<bool> {
    let held: Option<Uuid> = user::table
        .filter(user::org_id.eq(org_id).and(user::id.eq(read.id)).and(user::revision.eq(read.revision)))
        .select(user::id)
        .for_share()
        .first(conn)
        .await
        .optional()
        .map_err(fault)?;
    Ok(held.is_some())
}

/// A new person; `None` where the organization has one with this address.
pub async fn user_insert(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    (email, display_name): (&str, &str),
    role: Role,
    password_hash: &SecretString,
) -> Result<Option<User>> {
    diesel::insert_into(user::table)
        .values((
            user::org_id.eq(org_id),
            user::id.eq(Uuid::now_v7()),
            user::email.eq(email),
            user::display_name.eq(display_name),
            user::role.eq(role.as_str()),
            user::password_hash.eq(password_hash.expose_secret()),
        ))
        .on_conflict((user::org_id, user::email))
        .do_nothing()
        .returning(Row::as_returning())
        .get_result(conn)
        .await
        .optional()
        .map_err(fault)?
        .map(User::try_from)
        .transpose()
}
