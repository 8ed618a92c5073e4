//! `auth.login_directory`: whose e-mail address it is, over all organizations. No row security.

use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _,
    TextExpressionMethods as _,
    dsl::{exists, select},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{Result, db::fault};
use uuid::Uuid;

use super::schema::login_directory;

/// Whose address it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub org_id: Uuid,
    pub user_id: Uuid,
}

pub async fn login_directory_get(conn: &mut AsyncPgConnection, email: &str) -> Result<Option<Entry>> {
    let entry: Option<(Uuid, Uuid)> = login_directory::table
        .filter(login_directory::email.eq(email))
        .select((login_directory::org_id, login_directory::user_id))
        .first(conn)
        .await
        .optional()
        .map_err(fault)?;
    Ok(entry.map(|(org_id, user_id)| Entry { org_id, user_id }))
}

/// `false` where somebody has the address.
pub async fn login_directory_insert(conn: &mut AsyncPgConnection, email: &str, entry: Entry) -> Result<bool> {
    let inserted = diesel::insert_into(login_directory::table)
        .values((
            login_directory::email.eq(email),
            login_directory::org_id.eq(entry.org_id),
            login_directory::user_id.eq(entry.user_id),
        ))
        .on_conflict(login_directory::email)
        .do_nothing()
        .execute(conn)
        .await
        .map_err(fault)?;
    Ok(inserted == 1)
}

/// Takes a person's address out, for another to be put in.
pub async fn login_directory_remove(conn: &mut AsyncPgConnection, email: &str, entry: Entry) -> Result<()> {
    let theirs = login_directory::org_id.eq(entry.org_id).and(login_directory::user_id.eq(entry.user_id));
    diesel::delete(login_directory::table.filter(login_directory::email.eq(email).and(theirs)))
        .execute(conn)
        .await
        .map(drop)
        .map_err(fault)
}

/// Whether anybody could sign in to an organization.
pub async fn login_directory_has_organization(conn: &mut AsyncPgConnection, org_id: Uuid) -> Result<bool> {
    let any = login_directory::table.filter(login_directory::org_id.eq(org_id));
    select(exists(any)).get_result(conn).await.map_err(fault)
}

/// Whether any address is of this domain.
pub async fn login_directory_has_domain(conn: &mut AsyncPgConnection, domain: &str) -> Result<bool> {
    let found = login_directory::table.filter(login_directory::email.like(format!("%@{domain}")));
    select(exists(found)).get_result(conn).await.map_err(fault)
}
