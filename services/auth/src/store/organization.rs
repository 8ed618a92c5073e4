//! `auth.organization`, read before an organization is known: no row security.

use diesel::{ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, SelectableHelper as _};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{Result, db::fault};
use uuid::Uuid;

use super::schema::organization;

/// The name of the noun in errors and events.
pub const RESOURCE: &str = "organization";

/// A laboratory.
#[derive(Debug, Clone, diesel::Queryable, diesel::Selectable, diesel::Insertable)]
#[diesel(table_name = organization, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
pub struct Organization {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub time_zone: String,
}

pub async fn organization_get(conn: &mut AsyncPgConnection, id: Uuid) -> Result<Option<Organization>> {
    organization::table
        .filter(organization::id.eq(id))
        .select(Organization::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(fault)
}

pub async fn organization_id_by_slug(conn: &mut AsyncPgConnection, slug: &str) -> Result<Option<Uuid>> {
    organization::table
        .filter(organization::slug.eq(slug))
        .select(organization::id)
        .first(conn)
        .await
        .optional()
        .map_err(fault)
}

/// `false` where the slug is taken.
pub async fn organization_insert(conn: &mut AsyncPgConnection, organization: &Organization) -> Result<bool> {
    let inserted = diesel::insert_into(organization::table)
        .values(organization)
        .on_conflict(organization::slug)
        .do_nothing()
        .execute(conn)
        .await
        .map_err(fault)?;
    Ok(inserted == 1)
}
