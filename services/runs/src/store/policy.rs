//! `runs.policy`: a row an organization, from its first change on.

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
    require_approved_recipe: bool,
    four_eyes: bool,
    revision: i64,
}

impl From<Row> for Policy {
    fn from(row: Row) -> Self {
        Self { require_approved_recipe: row.require_approved_recipe, four_eyes: row.four_eyes, revision: row.revision }
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
    let Policy { require_approved_recipe, four_eyes, revision } = Policy::default();
    diesel::insert_into(policy::table)
        .values(Row { org_id, require_approved_recipe, four_eyes, revision })
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
            policy::require_approved_recipe.eq(policy.require_approved_recipe),
            policy::four_eyes.eq(policy.four_eyes),
            policy::revision.eq(policy::revision + 1),
        ))
        .returning(Row::as_returning())
        .get_result(conn)
        .await
        .map_err(fault)
        .map(|row: Row| row.into())
}
