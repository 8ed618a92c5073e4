//! `auth.user`.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, JoinOnDsl as _, OptionalExtension as _, QueryDsl as _,
    SelectableHelper as _,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use secrecy::{ExposeSecret as _, SecretString};
use spectra_runtime::{
    Error, Result,
    auth::Role,
    db::{Prepared, clock_timestamp, constraint, fault},
    list::{Field, Page, Spec},
};
use uuid::Uuid;

use super::schema::{session, user};
use crate::user::{Account, RESOURCE, User, last_admin};

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
    updated_at: DateTime<Utc>,
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
            updated_at: row.updated_at,
            revision: row.revision,
        })
    }
}

/// What the list of people can be filtered and ordered by. `user` is a word of SQL.
pub static LIST: Spec<User> = Spec::new(
    ("\"user\".id", |user| user.id),
    &[
        Field::instant("created_at", "\"user\".created_at").sortable(|user| user.created_at.into()),
        Field::instant("updated_at", "\"user\".updated_at").sortable(|user| user.updated_at.into()),
        Field::text("email", "\"user\".email").sortable(|user| user.email.as_str().into()),
        Field::text("display_name", "\"user\".display_name").sortable(|user| user.display_name.as_str().into()),
        Field::state("role", "\"user\".role", "spectra.auth.v1.Role"),
        Field::boolean("disabled", "(\"user\".disabled_at IS NOT NULL)"),
        Field::instant("disabled_at", "\"user\".disabled_at"),
    ],
);

pub async fn user_list(conn: &mut AsyncPgConnection, org_id: Uuid, page: &Page<User>) -> Result<Vec<User>> {
    let query = user::table
        .filter(user::org_id.eq(org_id))
        .filter(page.condition())
        .order_by(page.order_and_limit())
        .select(Row::as_select());
    page.load(query, conn).await
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

/// The person, locked until the transaction ends.
pub async fn user_lock(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<User> {
    user::table
        .filter(user::org_id.eq(org_id).and(user::id.eq(id)))
        .select(Row::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .ok_or_else(|| Error::not_found(RESOURCE, id))
        .and_then(User::try_from)
}

/// Writes what may change of a locked person, but for the password; their next revision comes back.
pub async fn user_update(conn: &mut AsyncPgConnection, org_id: Uuid, user: &User) -> Result<User> {
    Prepared(
        diesel::update(user::table.filter(user::org_id.eq(org_id).and(user::id.eq(user.id))))
            .set((
                user::email.eq(&user.email),
                user::display_name.eq(&user.display_name),
                user::role.eq(user.role.as_str()),
                user::disabled_at.eq(user.disabled_at),
                user::updated_at.eq(clock_timestamp()),
                user::revision.eq(user::revision + 1),
            ))
            .returning(Row::as_returning()),
    )
    .get_result(conn)
    .await
    .map_err(|error| match constraint(&error) {
        Some("user_last_admin") => last_admin(user.id),
        Some("user_email_key") => Error::exists(RESOURCE, "email", &user.email),
        _ => fault(error),
    })
    .and_then(User::try_from)
}

/// Writes the hash of a locked person's new password; their next revision comes back.
pub async fn user_password_set(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    id: Uuid,
    hash: &SecretString,
) -> Result<User> {
    Prepared(
        diesel::update(user::table.filter(user::org_id.eq(org_id).and(user::id.eq(id))))
            .set((
                user::password_hash.eq(hash.expose_secret()),
                user::updated_at.eq(clock_timestamp()),
                user::revision.eq(user::revision + 1),
            ))
            .returning(Row::as_returning()),
    )
    .get_result(conn)
    .await
    .map_err(fault)
    .and_then(User::try_from)
}

/// The same, for an active person whose password is still the one with this hash: of two who change it at once, one
/// does. The person stays locked; `false` where nothing was written.
pub async fn user_password_replace(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    id: Uuid,
    current: &SecretString,
    hash: &SecretString,
) -> Result<bool> {
    let unchanged = user::password_hash.eq(current.expose_secret()).and(user::disabled_at.is_null());
    let written = Prepared(
        diesel::update(user::table.filter(user::org_id.eq(org_id).and(user::id.eq(id)).and(unchanged))).set((
            user::password_hash.eq(hash.expose_secret()),
            user::updated_at.eq(clock_timestamp()),
            user::revision.eq(user::revision + 1),
        )),
    )
    .execute(conn)
    .await
    .map_err(fault)?;
    Ok(written == 1)
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
