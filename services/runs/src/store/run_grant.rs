//! `runs.run_grant`: the proofs that a run pinned when it started, never changed.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, JoinOnDsl as _, NullableExpressionMethods as _, QueryDsl as _,
    SelectableHelper as _,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Error, Reason, Result,
    db::{Prepared, clock_timestamp, constraint, fault},
};
use uuid::Uuid;

use super::schema::{revocation, run_grant as grant};
use crate::run::Grant;

const EXEMPT: &str = "exempt";
const FIT: &str = "fit";

#[derive(diesel::Queryable, diesel::Selectable, diesel::Insertable)]
#[diesel(table_name = grant, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
struct Row {
    org_id: Uuid,
    run_id: Uuid,
    instrument_id: Uuid,
    grant_id: Uuid,
    kind: String,
    calibration_id: Option<Uuid>,
    authorized_at: DateTime<Utc>,
    lapses_at: DateTime<Utc>,
    valid_from: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

impl From<Row> for Grant {
    fn from(row: Row) -> Self {
        Self {
            id: row.grant_id,
            instrument_id: row.instrument_id,
            exempt: row.kind == EXEMPT,
            calibration_id: row.calibration_id,
            valid_from: row.valid_from,
            expires_at: row.expires_at,
            authorized_at: row.authorized_at,
            lapses_at: row.lapses_at,
            revoked_at: None,
        }
    }
}

/// Grants by run, in the order of their instruments' ids, and the database's time at which they were read.
pub async fn grants(
    mut conn: &AsyncPgConnection,
    org_id: Uuid,
    run_ids: Vec<Uuid>,
) -> Result<(HashMap<Uuid, Vec<Grant>>, DateTime<Utc>)> {
    if run_ids.is_empty() {
        return Ok((HashMap::new(), DateTime::UNIX_EPOCH));
    }
    let same =
        revocation::org_id.eq(grant::org_id).and(grant::calibration_id.eq(revocation::calibration_id.nullable()));
    let rows: Vec<(Row, Option<DateTime<Utc>>, DateTime<Utc>)> = grant::table
        .left_join(revocation::table.on(same))
        .filter(grant::org_id.eq(org_id).and(grant::run_id.eq_any(run_ids)))
        .order_by(grant::instrument_id)
        .select((Row::as_select(), revocation::revoked_at.nullable(), clock_timestamp()))
        .load(&mut conn)
        .await
        .map_err(fault)?;
    let read_at = rows.iter().map(|(.., read_at)| *read_at).max().unwrap_or_default();
    let mut found = HashMap::<_, Vec<_>>::new();
    for (row, revoked_at, _) in rows {
        found.entry(row.run_id).or_default().push(Grant { revoked_at, ..Grant::from(row) });
    }
    Ok((found, read_at))
}

/// Pins grants into a run. The database refuses one that has lapsed, by its own clock.
pub async fn grant_insert(conn: &mut AsyncPgConnection, org_id: Uuid, run_id: Uuid, grants: &[Grant]) -> Result<()> {
    let rows = grants
        .iter()
        .map(|grant| Row {
            org_id,
            run_id,
            instrument_id: grant.instrument_id,
            grant_id: grant.id,
            kind: if grant.exempt { EXEMPT } else { FIT }.to_owned(),
            calibration_id: grant.calibration_id,
            authorized_at: grant.authorized_at,
            lapses_at: grant.lapses_at,
            valid_from: grant.valid_from,
            expires_at: grant.expires_at,
        })
        .collect::<Vec<_>>();
    let inserted = Prepared(diesel::insert_into(grant::table).values(rows)).execute(conn).await;
    inserted.map_err(|error| match constraint(&error) {
        Some("run_grant_lapsed") => lapsed(run_id),
        _ => fault(error),
    })?;
    Ok(())
}

/// A grant is not good any more by the time that the run would begin with it.
pub fn lapsed(run_id: Uuid) -> Error {
    let message = "the start took longer than its authorization lasts; start again";
    Error::precondition(Reason::GrantLapsed, message).with("run_id", run_id)
}
