//! `calibration.instrument`.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, JoinOnDsl as _, NullableExpressionMethods as _,
    OptionalExtension as _, QueryDsl as _, SelectableHelper as _,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use futures::FutureExt as _;
use spectra_runtime::{
    Error, Result,
    db::{Batch, Prepared, clock_timestamp, constraint, fault},
    list::{Field, Page, Spec},
};
use uuid::Uuid;

use super::{
    capability::{self, capability_list},
    schema::{capability as able, instrument},
};
use crate::instrument::{Capability, Instrument, RESOURCE, ServiceState};

#[derive(diesel::Queryable, diesel::Selectable, diesel::Insertable)]
#[diesel(table_name = instrument, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
struct Row {
    org_id: Uuid,
    id: Uuid,
    asset_code: String,
    manufacturer: String,
    model: String,
    serial_number: String,
    firmware: String,
    location: String,
    methods: Vec<String>,
    calibration_interval_days: i32,
    service_state: String,
    service_reason: String,
    created_by: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    revision: i64,
}

impl Row {
    fn into_instrument(self, capabilities: Vec<Capability>) -> Result<Instrument> {
        let service_state = ServiceState::parse(&self.service_state)
            .ok_or_else(|| Error::internal(format!("unknown service state {} in the table", self.service_state)))?;
        Ok(Instrument {
            id: self.id,
            asset_code: self.asset_code,
            manufacturer: self.manufacturer,
            model: self.model,
            serial_number: self.serial_number,
            firmware: self.firmware,
            location: self.location,
            capabilities,
            methods: self.methods,
            calibration_interval_days: self.calibration_interval_days,
            service_state,
            service_reason: self.service_reason,
            created_by: self.created_by,
            created_at: self.created_at,
            updated_at: self.updated_at,
            revision: self.revision,
        })
    }
}

fn row(org_id: Uuid, instrument: &Instrument) -> Row {
    let instrument = instrument.clone();
    Row {
        org_id,
        id: instrument.id,
        asset_code: instrument.asset_code,
        manufacturer: instrument.manufacturer,
        model: instrument.model,
        serial_number: instrument.serial_number,
        firmware: instrument.firmware,
        location: instrument.location,
        methods: instrument.methods,
        calibration_interval_days: instrument.calibration_interval_days,
        service_state: instrument.service_state.as_str().to_owned(),
        service_reason: instrument.service_reason,
        created_by: instrument.created_by,
        created_at: instrument.created_at,
        updated_at: instrument.updated_at,
        revision: instrument.revision,
    }
}

/// What a list of instruments can be filtered and ordered by.
pub static LIST: Spec<Instrument> = Spec::new(
    ("instrument.id", |instrument| instrument.id),
    &[
        Field::instant("created_at", "instrument.created_at").sortable(|instrument| instrument.created_at.into()),
        Field::instant("updated_at", "instrument.updated_at").sortable(|instrument| instrument.updated_at.into()),
        Field::text("asset_code", "instrument.asset_code").sortable(|instrument| instrument.asset_code.as_str().into()),
        Field::text("manufacturer", "instrument.manufacturer")
            .sortable(|instrument| instrument.manufacturer.as_str().into()),
        Field::text("model", "instrument.model").sortable(|instrument| instrument.model.as_str().into()),
        Field::text("location", "instrument.location").sortable(|instrument| instrument.location.as_str().into()),
        Field::text("serial_number", "instrument.serial_number"),
        Field::state("service_state", "instrument.service_state", "spectra.calibration.v1.ServiceState"),
    ],
);

/// Point reads by id, which travel together.
pub fn batch() -> Batch<Instrument> {
    Batch::new(|conn, org_id, ids| {
        async move {
            let found = instruments_by_id(conn, org_id, &ids).await?;
            Ok(found.into_iter().map(|instrument| (instrument.id, instrument)).collect())
        }
        .boxed()
    })
}

/// Those of these instruments that exist, with their capabilities, in one statement: an etag and what it stands for
/// are of one moment.
pub async fn instruments_by_id(mut conn: &AsyncPgConnection, org_id: Uuid, ids: &[Uuid]) -> Result<Vec<Instrument>> {
    let capabilities = able::org_id.eq(instrument::org_id).and(able::instrument_id.eq(instrument::id));
    let rows: Vec<(Row, Option<capability::Row>)> = instrument::table
        .left_join(able::table.on(capabilities))
        .filter(instrument::org_id.eq(org_id).and(instrument::id.eq_any(ids)))
        .order_by((instrument::id, able::position.nullable()))
        .select((Row::as_select(), Option::<capability::Row>::as_select()))
        .load(&mut conn)
        .await
        .map_err(fault)?;
    let mut found: Vec<Instrument> = Vec::with_capacity(ids.len());
    for (row, capability) in rows {
        match found.last_mut() {
            Some(last) if last.id == row.id => last.capabilities.extend(capability.map(Capability::from)),
            _ => found.push(row.into_instrument(capability.map(Capability::from).into_iter().collect())?),
        }
    }
    Ok(found)
}

/// Ids of all instruments.
pub async fn instrument_ids(mut conn: &AsyncPgConnection, org_id: Uuid) -> Result<Vec<Uuid>> {
    instrument::table
        .filter(instrument::org_id.eq(org_id))
        .order_by(instrument::id)
        .select(instrument::id)
        .load(&mut conn)
        .await
        .map_err(fault)
}

pub async fn instrument_list(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    page: &Page<Instrument>,
) -> Result<Vec<Instrument>> {
    let rows: Vec<Row> = instrument::table
        .filter(instrument::org_id.eq(org_id))
        .filter(page.condition())
        .order_by(page.order_and_limit())
        .select(Row::as_select())
        .load(conn)
        .await
        .map_err(fault)?;
    // After the instruments: what changed in between shows under an etag that is stale already, never under a later.
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut capabilities = capability_list(conn, org_id, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let capabilities = capabilities.remove(&row.id).unwrap_or_default();
            row.into_instrument(capabilities)
        })
        .collect()
}

/// The instrument, locked until the transaction ends: no use of it is authorized meanwhile.
pub async fn instrument_lock(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<Instrument> {
    let row: Row = instrument::table
        .filter(instrument::org_id.eq(org_id).and(instrument::id.eq(id)))
        .select(Row::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .ok_or_else(|| Error::not_found(RESOURCE, id))?;
    let mut capabilities = capability_list(conn, org_id, &[id]).await?;
    row.into_instrument(capabilities.remove(&id).unwrap_or_default())
}

/// Holds these instruments as they are until the transaction ends. Always in the order of their ids, so that two who
/// want the same ones never wait for each other. Not shared: new sharers would pass by a revocation that waits.
pub async fn instruments_hold(conn: &mut AsyncPgConnection, org_id: Uuid, ids: &[Uuid]) -> Result<()> {
    let _locked: Vec<Uuid> = instrument::table
        .filter(instrument::org_id.eq(org_id).and(instrument::id.eq_any(ids)))
        .order_by(instrument::id)
        .select(instrument::id)
        .for_no_key_update()
        .load(conn)
        .await
        .map_err(fault)?;
    Ok(())
}

pub async fn instrument_insert(conn: &mut AsyncPgConnection, org_id: Uuid, instrument: &Instrument) -> Result<()> {
    diesel::insert_into(instrument::table)
        .values(row(org_id, instrument))
        .execute(conn)
        .await
        .map_err(|error| taken(error, instrument))?;
    Ok(())
}

/// Writes what may change of a locked instrument, but for its capabilities; its next revision comes back.
pub async fn instrument_update(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    instrument: &Instrument,
) -> Result<Instrument> {
    let row = row(org_id, instrument);
    Prepared(
        diesel::update(instrument::table.filter(instrument::org_id.eq(org_id).and(instrument::id.eq(instrument.id))))
            .set((
                instrument::asset_code.eq(row.asset_code),
                instrument::manufacturer.eq(row.manufacturer),
                instrument::model.eq(row.model),
                instrument::serial_number.eq(row.serial_number),
                instrument::firmware.eq(row.firmware),
                instrument::location.eq(row.location),
                instrument::methods.eq(row.methods),
                instrument::calibration_interval_days.eq(row.calibration_interval_days),
                instrument::service_state.eq(row.service_state),
                instrument::service_reason.eq(row.service_reason),
                instrument::updated_at.eq(clock_timestamp()),
                instrument::revision.eq(instrument::revision + 1),
            ))
            .returning(Row::as_returning()),
    )
    .get_result(conn)
    .await
    .map_err(|error| taken(error, instrument))
    .and_then(|row: Row| row.into_instrument(instrument.capabilities.clone()))
}

fn taken(error: diesel::result::Error, instrument: &Instrument) -> Error {
    match constraint(&error) {
        Some("instrument_asset_code_key") => Error::exists(RESOURCE, "asset_code", &instrument.asset_code),
        _ => fault(error),
    }
}
