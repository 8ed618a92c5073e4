//! `calibration.calibration_point`: written with its calibration, and never changed.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use diesel::{BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _, SelectableHelper as _};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{Result, db::fault};
use uuid::Uuid;

use super::schema::calibration_point as point;
use crate::calibration::{Calibration, Point};

#[derive(diesel::Queryable, diesel::Selectable, diesel::Insertable)]
#[diesel(table_name = point, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
struct Row {
    org_id: Uuid,
    calibration_id: Uuid,
    position: i32,
    quantity: String,
    reference: Option<BigDecimal>,
    indication: Option<BigDecimal>,
    error: Option<BigDecimal>,
    expanded_uncertainty: Option<BigDecimal>,
    coverage_factor: Option<BigDecimal>,
    unit: String,
    as_left: bool,
}

impl From<Row> for Point {
    fn from(row: Row) -> Self {
        Self {
            quantity: row.quantity,
            reference: row.reference,
            indication: row.indication,
            error: row.error,
            expanded_uncertainty: row.expanded_uncertainty,
            coverage_factor: row.coverage_factor,
            unit: row.unit,
            as_left: row.as_left,
        }
    }
}

fn row(org_id: Uuid, calibration_id: Uuid, (position, point): (i32, &Point)) -> Row {
    let point = point.clone();
    Row {
        org_id,
        calibration_id,
        position,
        quantity: point.quantity,
        reference: point.reference,
        indication: point.indication,
        error: point.error,
        expanded_uncertainty: point.expanded_uncertainty,
        coverage_factor: point.coverage_factor,
        unit: point.unit,
        as_left: point.as_left,
    }
}

/// The points of these calibrations, by calibration.
pub async fn point_list(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    calibration_ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Point>>> {
    let rows: Vec<Row> = point::table
        .filter(point::org_id.eq(org_id).and(point::calibration_id.eq_any(calibration_ids)))
        .order_by((point::calibration_id, point::position))
        .select(Row::as_select())
        .load(conn)
        .await
        .map_err(fault)?;
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        found.entry(row.calibration_id).or_default().push(row.into());
    }
    Ok(found)
}

pub async fn point_insert(conn: &mut AsyncPgConnection, org_id: Uuid, calibration: &Calibration) -> Result<()> {
    let rows: Vec<Row> = (0..).zip(&calibration.points).map(|one| row(org_id, calibration.id, one)).collect();
    if !rows.is_empty() {
        diesel::insert_into(point::table).values(rows).execute(conn).await.map_err(fault)?;
    }
    Ok(())
}
