//! `auth.organization`, read before an organization is known: no row security.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, SelectableHelper as _};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Error, Result,
    db::{Prepared, clock_timestamp, fault},
};
use uuid::Uuid;

use super::schema::organization;

/// The name of the noun in errors and events.
pub const RESOURCE: &str = "organization";

/// A laboratory.
#[derive(Debug, Clone, diesel::Queryable, diesel::Selectable)]
#[diesel(table_name = organization, check_for_backend(diesel::pg::Pg))]
pub struct Organization {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub time_zone: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub revision: i64,
}

impl Organization {
    /// Refuses what no organization may be, whoever wrote it.
    pub fn check(&self) -> Result<()> {
        check(&self.name, &self.time_zone)
    }
}

/// Refuses a name and a time zone that no organization may have.
pub fn check(name: &str, time_zone: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::field("organization.name", "is wanted"));
    }
    if time_zone.parse::<chrono_tz::Tz>().is_err() {
        return Err(Error::field("organization.time_zone", "must be an IANA time zone such as Europe/Berlin"));
    }
    Ok(())
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

/// The organization, locked until the transaction ends.
pub async fn organization_lock(conn: &mut AsyncPgConnection, id: Uuid) -> Result<Organization> {
    organization::table
        .filter(organization::id.eq(id))
        .select(Organization::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .ok_or_else(|| Error::not_found(RESOURCE, id))
}

/// A new organization; `None` where the slug is taken.
pub async fn organization_insert(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    slug: &str,
    name: &str,
    time_zone: &str,
) -> Result<Option<Organization>> {
    diesel::insert_into(organization::table)
        .values((
            organization::id.eq(id),
            organization::slug.eq(slug),
            organization::name.eq(name),
            organization::time_zone.eq(time_zone),
        ))
        .on_conflict(organization::slug)
        .do_nothing()
        .returning(Organization::as_returning())
        .get_result(conn)
        .await
        .optional()
        .map_err(fault)
}

/// Writes what may change of a locked organization; its next revision comes back.
pub async fn organization_update(conn: &mut AsyncPgConnection, organization: &Organization) -> Result<Organization> {
    Prepared(
        diesel::update(organization::table.filter(organization::id.eq(organization.id)))
            .set((
                organization::name.eq(&organization.name),
                organization::time_zone.eq(&organization.time_zone),
                organization::updated_at.eq(clock_timestamp()),
                organization::revision.eq(organization::revision + 1),
            ))
            .returning(Organization::as_returning()),
    )
    .get_result(conn)
    .await
    .map_err(fault)
}
