//! `calibration.use_grant`: the ledger, which nobody can change.

use chrono::{DateTime, Utc};
use diesel::{BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _, SelectableHelper as _};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Error, Result,
    db::{Prepared, fault},
    list::{Field, Page, Spec},
};
use uuid::Uuid;

use super::schema::use_grant;
use crate::use_grant::{Attempt, Kind, UseGrant};

#[derive(diesel::Queryable, diesel::Selectable, diesel::Insertable)]
#[diesel(table_name = use_grant, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
struct Row {
    org_id: Uuid,
    id: Uuid,
    run_id: Uuid,
    attempt_id: Uuid,
    instrument_id: Uuid,
    kind: String,
    calibration_id: Option<Uuid>,
    valid_from: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    authorized_at: DateTime<Utc>,
    lapses_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for UseGrant {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let kind =
            Kind::parse(&row.kind).ok_or_else(|| Error::internal(format!("unknown kind {} in the table", row.kind)))?;
        Ok(Self {
            id: row.id,
            run_id: row.run_id,
            attempt_id: row.attempt_id,
            instrument_id: row.instrument_id,
            kind,
            calibration_id: row.calibration_id,
            valid_from: row.valid_from,
            expires_at: row.expires_at,
            authorized_at: row.authorized_at,
            lapses_at: row.lapses_at,
            created_at: row.created_at,
        })
    }
}

fn row(org_id: Uuid, grant: &UseGrant) -> Row {
    Row {
        org_id,
        id: grant.id,
        run_id: grant.run_id,
        attempt_id: grant.attempt_id,
        instrument_id: grant.instrument_id,
        kind: grant.kind.as_str().to_owned(),
        calibration_id: grant.calibration_id,
        valid_from: grant.valid_from,
        expires_at: grant.expires_at,
        authorized_at: grant.authorized_at,
        lapses_at: grant.lapses_at,
        created_at: grant.created_at,
    }
}

/// What a list of grants can be filtered and ordered by.
pub static LIST: Spec<UseGrant> = Spec::new(
    ("use_grant.id", |grant| grant.id),
    &[
        Field::instant("created_at", "use_grant.created_at").sortable(|grant| grant.created_at.into()),
        Field::uuid("run_id", "use_grant.run_id"),
        Field::uuid("instrument_id", "use_grant.instrument_id"),
        Field::uuid("calibration_id", "use_grant.calibration_id"),
        Field::state("kind", "use_grant.kind", "spectra.calibration.v1.GrantKind"),
    ],
);

pub async fn use_grant_list(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    page: &Page<UseGrant>,
) -> Result<Vec<UseGrant>> {
    let query = use_grant::table
        .filter(use_grant::org_id.eq(org_id))
        .filter(page.condition())
        .order_by(page.order_and_limit())
        .select(Row::as_select());
    page.load(query, conn).await
}

/// What this attempt was granted before.
pub async fn use_grants_of(mut conn: &AsyncPgConnection, org_id: Uuid, attempt: &Attempt) -> Result<Vec<UseGrant>> {
    let rows: Vec<Row> = use_grant::table
        .filter(use_grant::org_id.eq(org_id))
        .filter(use_grant::run_id.eq(attempt.run_id).and(use_grant::attempt_id.eq(attempt.id)))
        .select(Row::as_select())
        .load(&mut conn)
        .await
        .map_err(fault)?;
    rows.into_iter().map(UseGrant::try_from).collect()
}

/// Writes grants into the ledger, but for those which the same attempt has got already, by asking twice at once; how
/// many were written.
pub async fn use_grants_insert(conn: &mut AsyncPgConnection, org_id: Uuid, grants: &[UseGrant]) -> Result<usize> {
    let mut rows: Vec<Row> = grants.iter().map(|grant| row(org_id, grant)).collect();
    // In one order, so that the two who ask at once never wait for each other.
    rows.sort_by_key(|row| row.instrument_id);
    // As many texts as numbers of instruments: a few.
    let insert = diesel::insert_into(use_grant::table).values(rows).on_conflict_do_nothing();
    Prepared(insert).execute(conn).await.map_err(fault)
}
