//! `calibration.policy`: a row an organization, from its first change on.

use diesel::{ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, SelectableHelper as _};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{Result, db::fault};
use uuid::Uuid;

use super::schema::policy;
use crate::policy::Policy;

#[derive(diesel::Queryable, diesel::Selectable, diesel::Insertable)]
#[diesel(table_name = policy, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
struct Row {
    org_id: Uuid,
    due_soon_days: i32,
    certificate_review: bool,
    revision: i64,
}

impl From<Row> for Policy {
    fn from(row: Row) -> Self {
        Self { due_soon_days: row.due_soon_days, certificate_review: row.certificate_review, revision: row.revision }
    }
}

/// The policy in force: the defaults where there is no row.
pub async fn policy_get(mut conn: &AsyncPgConnection, org_id: Uuid) -> Result<Policy> {
    let row: Option<Row> = policy::table
        .filter(policy::org_id.eq(org_id))
        .select(Row::as_select())
        .first(&mut conn)
        .await
        .optional()
        .map_err(fault)?;
    Ok(row.map(Policy::from).unwrap_or_default())
}

/// The policy, locked until the transaction ends. The defaults become a row first: what is not there cannot be locked.
pub async fn policy_lock(conn: &mut AsyncPgConnection, org_id: Uuid) -> Result<Policy> {
    let Policy { due_soon_days, certificate_review, revision } = Policy::default();
    diesel::insert_into(policy::table)
        .values(Row { org_id, due_soon_days, certificate_review, revision })
        .on_conflict_do_nothing()
        .execute(conn)
        .await
        .map_err(fault)?;
    let row: Row = policy::table
        .filter(policy::org_id.eq(org_id))
        .select(Row::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .map_err(fault)?;
    Ok(row.into())
}

/// Writes a locked policy; its next revision comes back.
pub async fn policy_update(conn: &mut AsyncPgConnection, org_id: Uuid, policy: &Policy) -> Result<Policy> {
    diesel::update(policy::table.filter(policy::org_id.eq(org_id)))
        .set((
            policy::due_soon_days.eq(policy.due_soon_days),
            policy::certificate_review.eq(policy.certificate_review),
            policy::revision.eq(policy::revision + 1),
        ))
        .returning(Row::as_returning())
        .get_result(conn)
        .await
        .map_err(fault)
        .map(|row: Row| row.into())
}
