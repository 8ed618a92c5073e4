//! Samples.

use chrono::{DateTime, Utc};
use contract::{common::v1 as common, samples::v1 as wire};
use spectra_runtime::{
    Error, Result,
    object::Object,
    wire::{decimal, decimal_text, etag, id, timestamp},
};
use uuid::Uuid;

use crate::sample::{Quantity, Sample, Status};

pub fn to_wire(sample: Sample) -> wire::Sample {
    wire::Sample {
        id: sample.id.to_string(),
        name: sample.name,
        material_type: sample.material_type,
        lot_code: sample.lot_code,
        barcode: sample.barcode.unwrap_or_default(),
        location: sample.location,
        quantity: sample.quantity.map(quantity_to_wire),
        attributes: Some(sample.attributes.into()),
        project_id: sample.project_id.map(|id| id.to_string()).unwrap_or_default(),
        status: status_to_wire(sample.status).into(),
        status_reason: sample.status_reason,
        run_id: sample.run_id.map(|id| id.to_string()).unwrap_or_default(),
        created_by: sample.created_by.to_string(),
        created_at: Some(timestamp(sample.created_at)),
        updated_at: Some(timestamp(sample.updated_at)),
        deleted_at: sample.deleted_at.map(timestamp),
        etag: etag(sample.revision),
    }
}

/// A sample that a client registers; the server's own fields are not looked at.
pub fn from_wire(from: wire::Sample, created_by: Uuid, created_at: DateTime<Utc>) -> Result<Sample> {
    let mut sample = Sample {
        id: Uuid::now_v7(),
        name: String::new(),
        material_type: String::new(),
        lot_code: String::new(),
        barcode: None,
        location: String::new(),
        quantity: None,
        attributes: Object::default(),
        project_id: None,
        status: Status::Available,
        status_reason: String::new(),
        run_id: None,
        created_by,
        created_at,
        updated_at: created_at,
        deleted_at: None,
        revision: 1,
    };
    apply(&mut sample, from, |_| true)?;
    Ok(sample)
}

/// Takes the fields that `has` names from what a client sent; the server's own are left alone.
pub fn apply(sample: &mut Sample, from: wire::Sample, has: impl Fn(&str) -> bool) -> Result<()> {
    if has("name") {
        sample.name = from.name;
    }
    if has("material_type") {
        sample.material_type = from.material_type;
    }
    if has("lot_code") {
        sample.lot_code = from.lot_code;
    }
    if has("barcode") {
        sample.barcode = Some(from.barcode).filter(|barcode| !barcode.is_empty());
    }
    if has("location") {
        sample.location = from.location;
    }
    if has("quantity") {
        sample.quantity = from.quantity.map(quantity_from_wire).transpose()?;
    }
    if has("attributes") {
        sample.attributes = Object::new("sample.attributes", from.attributes.unwrap_or_default())?;
    }
    if has("project_id") {
        sample.project_id = match from.project_id.as_str() {
            "" => None,
            text => Some(id("sample.project_id", text)?),
        };
    }
    sample.check()
}

fn quantity_to_wire(quantity: Quantity) -> common::Quantity {
    common::Quantity {
        value: decimal_text(&quantity.value),
        unit: quantity.unit,
        expanded_uncertainty: quantity.expanded_uncertainty.as_ref().map(decimal_text),
        coverage_factor: quantity.coverage_factor.as_ref().map(decimal_text),
    }
}

fn quantity_from_wire(quantity: common::Quantity) -> Result<Quantity> {
    let optional = |field: &str, text: Option<String>| match text {
        Some(text) => decimal(field, &text),
        None => Ok(None),
    };
    Ok(Quantity {
        value: decimal("sample.quantity.value", &quantity.value)?
            .ok_or_else(|| Error::field("sample.quantity.value", "is wanted"))?,
        unit: quantity.unit,
        expanded_uncertainty: optional("sample.quantity.expanded_uncertainty", quantity.expanded_uncertainty)?,
        coverage_factor: optional("sample.quantity.coverage_factor", quantity.coverage_factor)?,
    })
}

const fn status_to_wire(status: Status) -> wire::SampleStatus {
    match status {
        Status::Registered => wire::SampleStatus::Registered,
        Status::Available => wire::SampleStatus::Available,
        Status::InUse => wire::SampleStatus::InUse,
        Status::Consumed => wire::SampleStatus::Consumed,
        Status::Disposed => wire::SampleStatus::Disposed,
        Status::Lost => wire::SampleStatus::Lost,
        Status::Quarantined => wire::SampleStatus::Quarantined,
    }
}
