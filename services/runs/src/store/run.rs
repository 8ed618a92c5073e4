//! `runs.run`, together with the equipment and the grants of each run.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, NullableExpressionMethods as _, OptionalExtension as _,
    QueryDsl as _, SelectableHelper as _,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use futures::FutureExt as _;
use serde_json::{Map, Value};
use spectra_runtime::{
    Error, Reason, Result,
    db::{Batch, Prepared, clock_timestamp, constraint, fault},
    list::{Field, Page, Spec},
};
use uuid::Uuid;

use super::{
    data_chunk::streams,
    run_equipment::{equipment_insert, further_instruments},
    run_grant::{grant_insert, grants, lapsed},
    schema::run,
};
use crate::{
    data::Stream,
    recipe::not_approved,
    run::{Authorization, Disposition, Grant, Pin, Purpose, RESOURCE, Run, State, Step},
};

#[derive(diesel::Queryable, diesel::Selectable, diesel::Insertable)]
#[diesel(table_name = run, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
struct Row {
    org_id: Uuid,
    id: Uuid,
    sample_id: Uuid,
    instrument_id: Uuid,
    method: String,
    params: Value,
    comment: String,
    purpose: String,
    state: String,
    disposition: String,
    state_reason: String,
    created_by: Uuid,
    operator_id: Option<Uuid>,
    valid_from: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
    revision: i64,
    recipe_version_id: Option<Uuid>,
    recipe_sha256: Option<String>,
}

impl Row {
    /// The run, with what other tables hold of it.
    fn complete(
        self,
        further_instrument_ids: Vec<Uuid>,
        grants: Vec<Grant>,
        streams: Vec<Stream>,
        read_at: DateTime<Utc>,
    ) -> Result<Run> {
        let unknown = |what: &str, text: &str| Error::internal(format!("unknown {what} {text} in the table"));
        let params = match self.params {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        Ok(Run {
            id: self.id,
            instrument_id: self.instrument_id,
            sample_id: self.sample_id,
            method: self.method,
            params,
            recipe: self
                .recipe_version_id
                .zip(self.recipe_sha256)
                .map(|(version_id, sha256)| Pin { version_id, sha256 }),
            further_instrument_ids,
            comment: self.comment,
            purpose: Purpose::parse(&self.purpose).ok_or_else(|| unknown("purpose", &self.purpose))?,
            state: State::parse(&self.state).ok_or_else(|| unknown("state", &self.state))?,
            disposition: Disposition::parse(&self.disposition)
                .ok_or_else(|| unknown("disposition", &self.disposition))?,
            state_reason: self.state_reason,
            created_by: self.created_by,
            operator_id: self.operator_id,
            flagged: grants.iter().any(|grant| grant.lost_by(self.finished_at.unwrap_or(read_at))),
            grants,
            streams,
            valid_from: self.valid_from,
            expires_at: self.expires_at,
            created_at: self.created_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
            updated_at: self.updated_at,
            revision: self.revision,
        })
    }
}

fn row(org_id: Uuid, run: &Run) -> Row {
    Row {
        org_id,
        id: run.id,
        sample_id: run.sample_id,
        instrument_id: run.instrument_id,
        method: run.method.clone(),
        params: Value::Object(run.params.clone()),
        comment: run.comment.clone(),
        purpose: run.purpose.as_str().to_owned(),
        state: run.state.as_str().to_owned(),
        disposition: run.disposition.as_str().to_owned(),
        state_reason: run.state_reason.clone(),
        created_by: run.created_by,
        operator_id: run.operator_id,
        valid_from: run.valid_from,
        expires_at: run.expires_at,
        created_at: run.created_at,
        started_at: run.started_at,
        finished_at: run.finished_at,
        updated_at: run.updated_at,
        revision: run.revision,
        recipe_version_id: run.recipe.as_ref().map(|pin| pin.version_id),
        recipe_sha256: run.recipe.as_ref().map(|pin| pin.sha256.clone()),
    }
}

/// The runs of these rows, in their order. Three statements more, however many runs there are; they travel together.
async fn complete(conn: &AsyncPgConnection, org_id: Uuid, rows: Vec<Row>) -> Result<Vec<Run>> {
    let ids = rows.iter().map(|row| row.id).collect();
    let started: Vec<_> = rows.iter().filter(|row| row.started_at.is_some()).map(|row| row.id).collect();
    let (mut further, (mut grants, read_at), mut streams) = futures::try_join!(
        further_instruments(conn, org_id, ids),
        grants(conn, org_id, started.clone()),
        streams(conn, org_id, started)
    )?;
    rows.into_iter()
        .map(|row| {
            let further = further.remove(&row.id).unwrap_or_default();
            let grants = grants.remove(&row.id).unwrap_or_default();
            let streams = streams.remove(&row.id).unwrap_or_default();
            row.complete(further, grants, streams, read_at)
        })
        .collect()
}

/// What a list of runs can be filtered and ordered by.
pub static LIST: Spec<Run> = Spec::new(
    ("run.id", |run| run.id),
    &[
        Field::instant("created_at", "run.created_at").sortable(|run| run.created_at.into()),
        Field::instant("updated_at", "run.updated_at").sortable(|run| run.updated_at.into()),
        Field::uuid("instrument_id", "run.instrument_id"),
        Field::uuid("sample_id", "run.sample_id"),
        Field::text("method", "run.method"),
        Field::state("purpose", "run.purpose", "spectra.runs.v1.RunPurpose"),
        Field::state("state", "run.state", "spectra.runs.v1.RunState"),
        Field::state("disposition", "run.disposition", "spectra.runs.v1.RunDisposition"),
        Field::uuid("operator_id", "run.operator_id"),
        Field::uuid("recipe_version_id", "run.recipe_version_id"),
        Field::instant("started_at", "run.started_at"),
        Field::instant("finished_at", "run.finished_at"),
    ],
);

/// Point reads by id, which travel together.
pub fn batch() -> Batch<Run> {
    Batch::new(|conn, org_id, ids| {
        async move {
            let rows: Vec<Row> = run::table
                .filter(run::org_id.eq(org_id).and(run::id.eq_any(ids)))
                .select(Row::as_select())
                .load(conn)
                .await
                .map_err(fault)?;
            let runs = complete(conn, org_id, rows).await?;
            Ok(runs.into_iter().map(|run| (run.id, run)).collect())
        }
        .boxed()
    })
}

pub async fn run_list(conn: &mut AsyncPgConnection, org_id: Uuid, page: &Page<Run>) -> Result<Vec<Run>> {
    let rows: Vec<Row> = run::table
        .filter(run::org_id.eq(org_id))
        .filter(page.condition())
        .order_by(page.order_and_limit())
        .select(Row::as_select())
        .load(conn)
        .await
        .map_err(fault)?;
    complete(conn, org_id, rows).await
}

/// The run, locked until the transaction ends.
pub async fn run_lock(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<Run> {
    let row: Row = run::table
        .filter(run::org_id.eq(org_id).and(run::id.eq(id)))
        .select(Row::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .ok_or_else(|| Error::not_found(RESOURCE, id))?;
    let run = complete(conn, org_id, vec![row]).await?;
    run.into_iter().next().ok_or_else(|| Error::internal("a row made no run"))
}

/// The run's state, with the run locked until the transaction ends.
pub async fn run_lock_state(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<State> {
    let state: String = run::table
        .filter(run::org_id.eq(org_id).and(run::id.eq(id)))
        .select(run::state)
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .ok_or_else(|| Error::not_found(RESOURCE, id))?;
    State::parse(&state).ok_or_else(|| Error::internal(format!("unknown state {state} in the table")))
}

/// Writes a new run and what it will use.
pub async fn run_insert(conn: &mut AsyncPgConnection, org_id: Uuid, run: &Run) -> Result<()> {
    diesel::insert_into(run::table).values(row(org_id, run)).execute(conn).await.map_err(fault)?;
    equipment_insert(conn, org_id, run).await
}

/// Pins the grants into a locked run and starts it at the instant at which they were given; its next revision comes
/// back.
pub async fn run_start(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    run: &Run,
    operator_id: Uuid,
    authorization: Authorization,
) -> Result<Run> {
    grant_insert(conn, org_id, run.id, &authorization.grants).await?;
    let (valid_from, expires_at) = authorization.validity();
    let row: Row = Prepared(
        diesel::update(run::table.filter(run::org_id.eq(org_id).and(run::id.eq(run.id))))
            .set((
                run::state.eq(Step::Start.leads_to().as_str()),
                run::started_at.eq(authorization.authorized_at),
                run::operator_id.eq(operator_id),
                run::valid_from.eq(valid_from),
                run::expires_at.eq(expires_at),
                run::updated_at.eq(clock_timestamp()),
                run::revision.eq(run::revision + 1),
            ))
            .returning(Row::as_returning()),
    )
    .get_result(conn)
    .await
    .map_err(|error| not_to_be_started(error, run))?;
    let read_at = row.updated_at;
    row.complete(run.further_instrument_ids.clone(), authorization.grants, Vec::new(), read_at)
}

/// Brings a locked run into its next state, for this reason; its next revision comes back.
pub async fn run_step(conn: &mut AsyncPgConnection, org_id: Uuid, run: Run, to: State, reason: &str) -> Result<Run> {
    let row: Row = Prepared(
        diesel::update(run::table.filter(run::org_id.eq(org_id).and(run::id.eq(run.id))))
            .set((
                run::state.eq(to.as_str()),
                run::state_reason.eq(reason),
                to.is_terminal().then(|| run::finished_at.eq(clock_timestamp().nullable())),
                run::updated_at.eq(clock_timestamp()),
                run::revision.eq(run::revision + 1),
            ))
            .returning(Row::as_returning()),
    )
    .get_result(conn)
    .await
    .map_err(fault)?;
    let read_at = row.updated_at;
    row.complete(run.further_instrument_ids, run.grants, run.streams, read_at)
}

/// The unique indexes decide between two runs that start at once, and a trigger on the recipe.
fn not_to_be_started(error: diesel::result::Error, run: &Run) -> Error {
    match constraint(&error) {
        Some("run_recipe_wanted") => not_approved("a routine run starts from an approved recipe here", None),
        Some("run_recipe_approved") => {
            let version_id = run.recipe.as_ref().map(|pin| pin.version_id);
            not_approved("the recipe version that the run pins is not approved any more", version_id)
        }
        // It had to wait for others for so long.
        Some("run_grant_lapsed") => lapsed(run.id),
        Some("run_equipment_one_active_run") => {
            Error::precondition(Reason::InstrumentBusy, "another run is active on an instrument that this one needs")
        }
        Some("run_one_active_a_sample") => {
            Error::precondition(Reason::SampleUnavailable, "another run is active on the sample")
                .with("sample_id", run.sample_id)
                .with("status", "in_use")
        }
        _ => fault(error),
    }
}
