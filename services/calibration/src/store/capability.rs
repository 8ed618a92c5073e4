//! `calibration.capability`.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use diesel::{BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _, SelectableHelper as _};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{Result, db::fault};
use uuid::Uuid;

use super::schema::capability;
use crate::instrument::{Capability, Instrument};

#[derive(diesel::Queryable, diesel::Selectable, diesel::Insertable)]
#[diesel(table_name = capability, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
pub struct Row {
    org_id: Uuid,
    instrument_id: Uuid,
    quantity: String,
    position: i32,
    range_low: BigDecimal,
    range_high: BigDecimal,
    unit: String,
    maximum_permissible_error: Option<BigDecimal>,
    resolution: Option<BigDecimal>,
}

impl From<Row> for Capability {
    fn from(row: Row) -> Self {
        Self {
            quantity: row.quantity,
            range_low: row.range_low,
            range_high: row.range_high,
            unit: row.unit,
            maximum_permissible_error: row.maximum_permissible_error,
            resolution: row.resolution,
        }
    }
}

fn row(org_id: Uuid, instrument_id: Uuid, (position, capability): (i32, &Capability)) -> Row {
    let capability = capability.clone();
    Row {
        org_id,
        instrument_id,
        quantity: capability.quantity,
        position,
        range_low: capability.range_low,
        range_high: capability.range_high,
        unit: capability.unit,
        maximum_permissible_error: capability.maximum_permissible_error,
        resolution: capability.resolution,
    }
}

/// What these instruments can do, by instrument.
pub async fn capability_list(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    instrument_ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Capability>>> {
    let rows: Vec<Row> = capability::table
        .filter(capability::org_id.eq(org_id).and(capability::instrument_id.eq_any(instrument_ids)))
        .order_by((capability::instrument_id, capability::position))
        .select(Row::as_select())
        .load(conn)
        .await
        .map_err(fault)?;
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        found.entry(row.instrument_id).or_default().push(row.into());
    }
    Ok(found)
}

/// Writes what a new instrument can do.
pub async fn capability_insert(conn: &mut AsyncPgConnection, org_id: Uuid, instrument: &Instrument) -> Result<()> {
    let rows: Vec<Row> = (0..).zip(&instrument.capabilities).map(|one| row(org_id, instrument.id, one)).collect();
    if !rows.is_empty() {
        diesel::insert_into(capability::table).values(rows).execute(conn).await.map_err(fault)?;
    }
    Ok(())
}

/// Writes what a locked instrument can do in place of what it could.
pub async fn capability_replace(conn: &mut AsyncPgConnection, org_id: Uuid, instrument: &Instrument) -> Result<()> {
    let old = capability::table.filter(capability::org_id.eq(org_id).and(capability::instrument_id.eq(instrument.id)));
    diesel::delete(old).execute(conn).await.map_err(fault)?;
    capability_insert(conn, org_id, instrument).await
}
