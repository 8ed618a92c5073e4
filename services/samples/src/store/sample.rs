//! `samples.sample`.

use std::collections::HashSet;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, IntoSql as _, OptionalExtension as _, QueryDsl as _,
    SelectableHelper as _,
    sql_types::{Bool, Json, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use futures::FutureExt as _;
use serde::Serialize as _;
use spectra_runtime::{
    Error, Result,
    db::{Batch, Last, Prepared, clock_timestamp, constraint, fault},
    list::{Field, Page, Spec},
    object::Object,
};
use uuid::Uuid;

use super::schema::sample;
use crate::{
    project,
    sample::{Quantity, RESOURCE, Sample, Status},
};

#[derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, serde::Serialize)]
#[diesel(table_name = sample, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
struct Row {
    org_id: Uuid,
    id: Uuid,
    name: String,
    material_type: String,
    lot_code: String,
    barcode: Option<String>,
    location: String,
    #[serde(serialize_with = "digits")]
    quantity_value: Option<BigDecimal>,
    quantity_unit: Option<String>,
    #[serde(serialize_with = "digits")]
    quantity_uncertainty: Option<BigDecimal>,
    #[serde(serialize_with = "digits")]
    quantity_coverage: Option<BigDecimal>,
    attributes: Object,
    status: String,
    run_id: Option<Uuid>,
    created_by: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    revision: i64,
    project_id: Option<Uuid>,
    status_reason: String,
    deleted_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Sample {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let quantity = row.quantity_value.zip(row.quantity_unit).map(|(value, unit)| Quantity {
            value,
            unit,
            expanded_uncertainty: row.quantity_uncertainty,
            coverage_factor: row.quantity_coverage,
        });
        let status = Status::parse(&row.status)
            .ok_or_else(|| Error::internal(format!("unknown status {} in the table", row.status)))?;
        Ok(Self {
            id: row.id,
            name: row.name,
            material_type: row.material_type,
            lot_code: row.lot_code,
            barcode: row.barcode,
            location: row.location,
            quantity,
            attributes: row.attributes,
            project_id: row.project_id,
            status,
            status_reason: row.status_reason,
            run_id: row.run_id,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
            revision: row.revision,
        })
    }
}

fn row(org_id: Uuid, sample: &Sample) -> Row {
    let quantity = sample.quantity.clone();
    let (value, unit, uncertainty, coverage) = match quantity {
        Some(q) => (Some(q.value), Some(q.unit), q.expanded_uncertainty, q.coverage_factor),
        None => (None, None, None, None),
    };
    Row {
        org_id,
        id: sample.id,
        name: sample.name.clone(),
        material_type: sample.material_type.clone(),
        lot_code: sample.lot_code.clone(),
        barcode: sample.barcode.clone(),
        location: sample.location.clone(),
        quantity_value: value,
        quantity_unit: unit,
        quantity_uncertainty: uncertainty,
        quantity_coverage: coverage,
        attributes: sample.attributes.clone(),
        status: sample.status.as_str().to_owned(),
        run_id: sample.run_id,
        created_by: sample.created_by,
        created_at: sample.created_at,
        updated_at: sample.updated_at,
        revision: sample.revision,
        project_id: sample.project_id,
        status_reason: sample.status_reason.clone(),
        deleted_at: sample.deleted_at,
    }
}

/// A decimal as the text that PostgreSQL reads without loss.
#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn digits<S: serde::Serializer>(number: &Option<BigDecimal>, to: S) -> std::result::Result<S::Ok, S::Error> {
    number.as_ref().map(BigDecimal::to_plain_string).serialize(to)
}

/// What a list of samples can be filtered and ordered by.
pub static LIST: Spec<Sample> = Spec::new(
    ("sample.id", |sample| sample.id),
    &[
        Field::instant("created_at", "sample.created_at").sortable(|sample| sample.created_at.into()),
        Field::instant("updated_at", "sample.updated_at").sortable(|sample| sample.updated_at.into()),
        Field::text("name", "sample.name").sortable(|sample| sample.name.as_str().into()),
        Field::text("lot_code", "sample.lot_code").sortable(|sample| sample.lot_code.as_str().into()),
        Field::text("location", "sample.location").sortable(|sample| sample.location.as_str().into()),
        Field::text("material_type", "sample.material_type"),
        Field::text("barcode", "sample.barcode"),
        Field::uuid("id", "sample.id"),
        Field::uuid("project_id", "sample.project_id"),
        Field::state("status", "sample.status", "spectra.samples.v1.SampleStatus"),
        Field::instant("deleted_at", "sample.deleted_at"),
    ],
);

/// Point reads by id, which travel together.
pub fn batch() -> Batch<Sample> {
    Batch::new(|conn, org_id, ids| {
        async move {
            let rows: Vec<Row> = sample::table
                .filter(sample::org_id.eq(org_id).and(sample::id.eq_any(ids)))
                .filter(sample::deleted_at.is_null())
                .select(Row::as_select())
                .load(conn)
                .await
                .map_err(fault)?;
            rows.into_iter().map(|row| Ok((row.id, Sample::try_from(row)?))).collect()
        }
        .boxed()
    })
}

pub async fn sample_by_barcode(conn: &mut AsyncPgConnection, org_id: Uuid, barcode: &str) -> Result<Option<Sample>> {
    sample::table
        .filter(sample::org_id.eq(org_id).and(sample::barcode.eq(barcode)))
        .filter(sample::deleted_at.is_null())
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .map(Sample::try_from)
        .transpose()
}

/// A page of samples, deleted ones among them where they are shown.
pub async fn sample_list(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    show_deleted: bool,
    page: &Page<Sample>,
) -> Result<Vec<Sample>> {
    let query = sample::table
        .filter(sample::org_id.eq(org_id))
        .filter(sample::deleted_at.is_null().or(show_deleted.into_sql::<Bool>()))
        .filter(page.condition())
        .order_by(page.order_and_limit())
        .select(Row::as_select());
    page.load(query, conn).await
}

/// The sample, locked until the transaction ends; a deleted one is not there.
pub async fn sample_lock(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<Sample> {
    let sample = sample_lock_any(conn, org_id, id).await?;
    if sample.deleted_at.is_some() { Err(Error::not_found(RESOURCE, id)) } else { Ok(sample) }
}

/// The sample, deleted or not, locked until the transaction ends.
pub async fn sample_lock_any(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<Sample> {
    sample::table
        .filter(sample::org_id.eq(org_id).and(sample::id.eq(id)))
        .select(Row::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .ok_or_else(|| Error::not_found(RESOURCE, id))
        .and_then(Sample::try_from)
}

/// Writes a new sample, at the end of a mutation.
pub fn sample_insert(org_id: Uuid, sample: &Sample) -> Last {
    let (row, sample) = (row(org_id, sample), sample.clone());
    Last::new(diesel::insert_into(sample::table).values(row), move |error| taken(error, &sample))
}

/// Writes new samples, whatever their number with one statement of one text; the ids of those written come back. One is
/// left out where its name or barcode is taken.
pub async fn samples_insert(conn: &mut AsyncPgConnection, org_id: Uuid, samples: &[Sample]) -> Result<HashSet<Uuid>> {
    const COLUMNS: &str = "org_id, id, name, material_type, lot_code, barcode, location, quantity_value, \
                           quantity_unit, quantity_uncertainty, quantity_coverage, attributes, status, run_id, \
                           created_by, created_at, updated_at, revision, project_id, status_reason, deleted_at";
    let mut rows: Vec<Row> = samples.iter().map(|sample| row(org_id, sample)).collect();
    // In one order, so that two who enter the same names at once do not wait for each other in a circle.
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    let insert = diesel::sql_query(format!(
        "INSERT INTO samples.sample ({COLUMNS}) \
         SELECT {COLUMNS} FROM json_populate_recordset(NULL::samples.sample, $1) ON CONFLICT DO NOTHING RETURNING id"
    ));
    let rows = serde_json::to_value(rows).map_err(Error::internal)?;
    let written: Vec<Written> = Prepared(insert.bind::<Json, _>(rows)).load(conn).await.map_err(fault)?;
    Ok(written.into_iter().map(|row| row.id).collect())
}

#[derive(diesel::QueryableByName)]
struct Written {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Why a new sample was left out: what another has of it.
pub async fn sample_conflict(conn: &mut AsyncPgConnection, org_id: Uuid, sample: &Sample) -> Result<Error> {
    let named = sample::table
        .filter(sample::org_id.eq(org_id).and(sample::name.eq(&sample.name)))
        .filter(sample::deleted_at.is_null());
    let name_taken: bool = diesel::select(diesel::dsl::exists(named)).get_result(conn).await.map_err(fault)?;
    Ok(match &sample.barcode {
        Some(barcode) if !name_taken => Error::exists(RESOURCE, "barcode", barcode),
        _ => Error::exists(RESOURCE, "name", &sample.name),
    })
}

/// Writes what may change of a locked sample; its next revision comes back.
pub async fn sample_update(conn: &mut AsyncPgConnection, org_id: Uuid, sample: &Sample) -> Result<Sample> {
    let row = row(org_id, sample);
    Prepared(
        diesel::update(sample::table.filter(sample::org_id.eq(org_id).and(sample::id.eq(sample.id))))
            .set((
                sample::name.eq(row.name),
                sample::material_type.eq(row.material_type),
                sample::lot_code.eq(row.lot_code),
                sample::barcode.eq(row.barcode),
                sample::location.eq(row.location),
                sample::quantity_value.eq(row.quantity_value),
                sample::quantity_unit.eq(row.quantity_unit),
                sample::quantity_uncertainty.eq(row.quantity_uncertainty),
                sample::quantity_coverage.eq(row.quantity_coverage),
                sample::attributes.eq(row.attributes),
                sample::project_id.eq(row.project_id),
                sample::status.eq(row.status),
                sample::status_reason.eq(row.status_reason),
                sample::deleted_at.eq(row.deleted_at),
                sample::run_id.eq(row.run_id),
                sample::updated_at.eq(clock_timestamp()),
                sample::revision.eq(sample::revision + 1),
            ))
            .returning(Row::as_returning()),
    )
    .get_result(conn)
    .await
    .map_err(|error| taken(error, sample))
    .and_then(Sample::try_from)
}

fn taken(error: diesel::result::Error, sample: &Sample) -> Error {
    match constraint(&error) {
        Some("sample_name_key") => Error::exists(RESOURCE, "name", &sample.name),
        Some("sample_barcode_key") => Error::exists(RESOURCE, "barcode", sample.barcode.as_deref().unwrap_or_default()),
        Some("sample_project_fkey") => Error::not_found(project::RESOURCE, sample.project_id.unwrap_or_default()),
        Some("sample_project_is_active") => project::archived(sample.project_id.unwrap_or_default()),
        // Two runs raced for it, or one run for two: the claim of the other came first.
        Some("sample_run") => {
            Error::precondition(spectra_runtime::Reason::SampleUnavailable, "the run has another sample in use already")
                .with("sample_id", sample.id)
        }
        _ => fault(error),
    }
}
