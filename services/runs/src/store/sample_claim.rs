//! `runs.sample_claim`: samples that a run has asked for and not given back yet.
//!
//! `claimed_at` tells whose a claim is: whoever works on one knows the instant that they stamped, and whoever takes
//! one over stamps another. All stamping happens under the lock of the run.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, IntoSql as _, JoinOnDsl as _, NullableExpressionMethods as _,
    OptionalExtension as _, QueryDsl,
    dsl::{IntervalDsl as _, now},
    query_dsl::methods::FilterDsl,
    sql_types::Timestamptz,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Result,
    db::{Prepared, clock_timestamp, fault},
};
use uuid::Uuid;

use super::schema::{run, sample_claim as claim};
use crate::{claim::Claim, run::State};

/// How long whoever works on a claim is left alone: longer than an attempt to start takes, whose calls are given up
/// after 4 s each, and longer than callers wait by default. After it, they are taken for dead.
const LEASE_SECONDS: i32 = 15;
/// Claims that one round of the reconciler takes up.
const ROUND: i64 = 100;

/// Takes the claim of a locked run: a new one, one that was held since this instant, or one whose holder is dead.
/// `None` while somebody else works on it.
pub async fn claim_take(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    run_id: Uuid,
    sample_id: Uuid,
    held_since: Option<DateTime<Utc>>,
) -> Result<Option<Claim>> {
    let stamp = diesel::insert_into(claim::table)
        .values((
            claim::org_id.eq(org_id),
            claim::run_id.eq(run_id),
            claim::sample_id.eq(sample_id),
            claim::claimed_at.eq(clock_timestamp()),
        ))
        .on_conflict((claim::org_id, claim::run_id))
        .do_update()
        .set(claim::claimed_at.eq(clock_timestamp()));
    let abandoned = claim::claimed_at.lt(now.into_sql::<Timestamptz>() - LEASE_SECONDS.seconds());
    let claimed_at: Option<DateTime<Utc>> = Prepared(
        FilterDsl::filter(stamp, abandoned.nullable().or(claim::claimed_at.nullable().eq(held_since)))
            .returning(claim::claimed_at),
    )
    .get_result(conn)
    .await
    .optional()
    .map_err(fault)?;
    Ok(claimed_at.map(|claimed_at| Claim { run_id, sample_id, claimed_at }))
}

/// Whether the claim is still with whoever stamped it, as seen under the lock of the run.
pub async fn claim_stands(conn: &mut AsyncPgConnection, org_id: Uuid, held: &Claim) -> Result<bool> {
    let one = claim::org_id.eq(org_id).and(claim::run_id.eq(held.run_id));
    let claimed_at: Option<DateTime<Utc>> =
        QueryDsl::filter(claim::table, one).select(claim::claimed_at).first(conn).await.optional().map_err(fault)?;
    Ok(claimed_at == Some(held.claimed_at))
}

/// Gives up a claim whose sample may be had or not: from now on, it is anybody's to take.
pub async fn claim_abandon(conn: &mut AsyncPgConnection, org_id: Uuid, held: &Claim) -> Result<()> {
    let one = claim::org_id.eq(org_id).and(claim::run_id.eq(held.run_id));
    let one = one.and(claim::claimed_at.eq(held.claimed_at));
    Prepared(
        diesel::update(QueryDsl::filter(claim::table, one))
            .set(claim::claimed_at.eq(now.into_sql::<Timestamptz>() - LEASE_SECONDS.seconds())),
    )
    .execute(conn)
    .await
    .map_err(fault)?;
    Ok(())
}

/// Forgets a claim whose sample has been given back, or was never had.
pub async fn claim_delete(conn: &mut AsyncPgConnection, org_id: Uuid, held: &Claim) -> Result<()> {
    let one = claim::org_id.eq(org_id).and(claim::run_id.eq(held.run_id));
    let one = one.and(claim::claimed_at.eq(held.claimed_at));
    diesel::delete(QueryDsl::filter(claim::table, one)).execute(conn).await.map_err(fault)?;
    Ok(())
}

pub async fn claim_of_run(conn: &mut AsyncPgConnection, org_id: Uuid, run_id: Uuid) -> Result<Option<Claim>> {
    let one = claim::org_id.eq(org_id).and(claim::run_id.eq(run_id));
    let row: Option<(Uuid, Uuid, DateTime<Utc>)> = QueryDsl::filter(claim::table, one)
        .select((claim::run_id, claim::sample_id, claim::claimed_at))
        .first(conn)
        .await
        .optional()
        .map_err(fault)?;
    Ok(row.map(Claim::from))
}

/// Claims that nobody works on any more: of runs that have ended, and of starts that died half way.
pub async fn claims_left(conn: &mut AsyncPgConnection, org_id: Uuid) -> Result<Vec<Claim>> {
    let ended = [State::Succeeded, State::Failed, State::Aborted].map(State::as_str);
    let active = [State::Running, State::Paused].map(State::as_str);
    let abandoned = claim::claimed_at.lt(now.into_sql::<Timestamptz>() - LEASE_SECONDS.seconds());
    let claims = claim::table.inner_join(run::table.on(run::org_id.eq(claim::org_id).and(run::id.eq(claim::run_id))));
    // A start of a cancelled run may still be under way, so such a run is not among those that have ended.
    let left = run::state.eq_any(ended).or(run::state.ne_all(active).and(abandoned));
    let rows: Vec<(Uuid, Uuid, DateTime<Utc>)> = QueryDsl::filter(claims, claim::org_id.eq(org_id).and(left))
        .order_by(claim::claimed_at)
        .limit(ROUND)
        .select((claim::run_id, claim::sample_id, claim::claimed_at))
        .load(conn)
        .await
        .map_err(fault)?;
    Ok(rows.into_iter().map(Claim::from).collect())
}
