//! `runs.run_equipment`: what a run uses; the instrument that measures is at position 0.

use std::collections::HashMap;

use diesel::{BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{Error, Result, db::fault};
use uuid::Uuid;

use super::schema::run_equipment as equipment;
use crate::run::Run;

#[derive(diesel::Insertable)]
#[diesel(table_name = equipment, treat_none_as_default_value = false)]
struct New {
    org_id: Uuid,
    run_id: Uuid,
    instrument_id: Uuid,
    position: i32,
}

/// Instruments beside the one that measures, by run and in order.
pub async fn further_instruments(
    mut conn: &AsyncPgConnection,
    org_id: Uuid,
    run_ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Vec<Uuid>>> {
    if run_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, Uuid)> = equipment::table
        .filter(equipment::org_id.eq(org_id).and(equipment::run_id.eq_any(run_ids)).and(equipment::position.gt(0)))
        .order_by(equipment::position)
        .select((equipment::run_id, equipment::instrument_id))
        .load(&mut conn)
        .await
        .map_err(fault)?;
    let mut found = HashMap::<_, Vec<_>>::new();
    for (run_id, instrument_id) in rows {
        found.entry(run_id).or_default().push(instrument_id);
    }
    Ok(found)
}

pub async fn equipment_insert(conn: &mut AsyncPgConnection, org_id: Uuid, run: &Run) -> Result<()> {
    let rows = run
        .instrument_ids()
        .zip(0..)
        .map(|(instrument_id, position)| New { org_id, run_id: run.id, instrument_id, position })
        .collect::<Vec<_>>();
    diesel::insert_into(equipment::table).values(rows).execute(conn).await.map_err(fault)?;
    Ok(())
}

/// One of the run's instruments that another run has in use now.
pub async fn busy_instrument(conn: &mut AsyncPgConnection, org_id: Uuid, run: &Run) -> Result<Option<Uuid>> {
    equipment::table
        .filter(equipment::org_id.eq(org_id).and(equipment::active).and(equipment::run_id.ne(run.id)))
        .filter(equipment::instrument_id.eq_any(run.instrument_ids().collect::<Vec<_>>()))
        .select(equipment::instrument_id)
        .first(conn)
        .await
        .optional()
        .map_err(|error| -> Error { fault(error) })
}
