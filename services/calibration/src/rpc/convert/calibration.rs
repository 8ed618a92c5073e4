//! Calibrations, their points, and the status of an instrument.

use chrono::{DateTime, Utc};
use contract::calibration::v1 as wire;
use prost_types::Timestamp;
use spectra_runtime::{
    Error, Result,
    wire::{decimal, decimal_text, etag, id, instant, timestamp},
};
use uuid::Uuid;

use crate::{
    calibration::{Calibration, Conformity, Point, Range, State},
    fitness::{Fitness, Status},
};

pub fn to_wire(calibration: Calibration) -> wire::Calibration {
    wire::Calibration {
        id: calibration.id.to_string(),
        instrument_id: calibration.instrument_id.to_string(),
        certificate_id: calibration.certificate_id,
        provider: calibration.provider,
        accreditation: calibration.accreditation,
        issued_at: Some(timestamp(calibration.issued_at)),
        valid_from: Some(timestamp(calibration.valid_from)),
        expires_at: Some(timestamp(calibration.expires_at)),
        scope: calibration.scope,
        covers: calibration.covers.into_iter().map(range_to_wire).collect(),
        as_found: conformity_to_wire(calibration.as_found).into(),
        adjusted: calibration.adjusted,
        as_left: conformity_to_wire(calibration.as_left).into(),
        standards_used: calibration.standards_used,
        document_sha256: calibration.document_sha256,
        points: calibration.points.into_iter().map(point_to_wire).collect(),
        state: state_to_wire(calibration.state).into(),
        created_by: calibration.created_by.to_string(),
        created_at: Some(timestamp(calibration.created_at)),
        reviewed_by: calibration.reviewed_by.map(|id| id.to_string()).unwrap_or_default(),
        review_comment: calibration.review_comment,
        accepted_at: calibration.accepted_at.map(timestamp),
        revoked_at: calibration.revoked_at.map(timestamp),
        etag: etag(calibration.revision),
    }
}

/// A calibration that a client enters; the server's own fields are not looked at.
pub fn from_wire(from: wire::Calibration, created_by: Uuid, created_at: DateTime<Utc>) -> Result<Calibration> {
    let (as_found, as_left) = (conformity_from_wire(from.as_found()), conformity_from_wire(from.as_left()));
    let issued_at = wanted("issued_at", from.issued_at)?;
    let calibration = Calibration {
        id: Uuid::now_v7(),
        instrument_id: id("calibration.instrument_id", &from.instrument_id)?,
        certificate_id: from.certificate_id,
        provider: from.provider,
        accreditation: from.accreditation,
        issued_at,
        valid_from: optional("valid_from", from.valid_from)?.unwrap_or(issued_at),
        expires_at: wanted("expires_at", from.expires_at)?,
        scope: from.scope,
        covers: Vec::new(),
        as_found,
        adjusted: from.adjusted,
        as_left,
        standards_used: from.standards_used,
        document_sha256: from.document_sha256,
        points: (from.points.into_iter().enumerate())
            .map(|(index, point)| point_from_wire(index, point))
            .collect::<Result<_>>()?,
        state: State::Draft,
        created_by,
        created_at,
        reviewed_by: None,
        review_comment: String::new(),
        accepted_at: None,
        revoked_at: None,
        revision: 1,
    };
    calibration.check()?;
    Ok(calibration)
}

fn range_to_wire(range: Range) -> wire::CoveredRange {
    let (low, high) = (decimal_text(&range.low), decimal_text(&range.high));
    wire::CoveredRange { quantity: range.quantity, low, high, unit: range.unit }
}

pub fn status_to_wire(instrument_id: Uuid, fitness: &Fitness<'_>, at: DateTime<Utc>) -> wire::InstrumentStatus {
    let calibration = fitness.calibration;
    let status = match fitness.status {
        Status::Valid => wire::CalibrationStatus::Valid,
        Status::DueSoon => wire::CalibrationStatus::DueSoon,
        Status::Expired => wire::CalibrationStatus::Expired,
        Status::NotYetValid => wire::CalibrationStatus::NotYetValid,
        Status::Missing => wire::CalibrationStatus::Missing,
        Status::Revoked => wire::CalibrationStatus::Revoked,
        Status::OutOfTolerance => wire::CalibrationStatus::OutOfTolerance,
        Status::OutOfService => wire::CalibrationStatus::OutOfService,
    };
    wire::InstrumentStatus {
        instrument_id: instrument_id.to_string(),
        status: status.into(),
        calibration_id: calibration.map(|one| one.id.to_string()).unwrap_or_default(),
        certificate_id: calibration.map(|one| one.certificate_id.clone()).unwrap_or_default(),
        valid_from: calibration.map(|one| timestamp(one.valid_from)),
        expires_at: calibration.map(|one| timestamp(one.expires_at)),
        computed_at: Some(timestamp(at)),
    }
}

fn optional(field: &str, at: Option<Timestamp>) -> Result<Option<DateTime<Utc>>> {
    at.map(|at| instant(&format!("calibration.{field}"), &at)).transpose()
}

fn wanted(field: &str, at: Option<Timestamp>) -> Result<DateTime<Utc>> {
    optional(field, at)?.ok_or_else(|| Error::field(format!("calibration.{field}"), "is wanted"))
}

fn point_to_wire(point: Point) -> wire::CalibrationPoint {
    let optional = |number: Option<_>| number.as_ref().map(decimal_text).unwrap_or_default();
    wire::CalibrationPoint {
        quantity: point.quantity,
        reference: optional(point.reference),
        indication: optional(point.indication),
        error: optional(point.error),
        expanded_uncertainty: optional(point.expanded_uncertainty),
        coverage_factor: optional(point.coverage_factor),
        unit: point.unit,
        as_left: point.as_left,
    }
}

fn point_from_wire(index: usize, point: wire::CalibrationPoint) -> Result<Point> {
    let optional = |field: &str, text: &str| decimal(&format!("calibration.points[{index}].{field}"), text);
    Ok(Point {
        reference: optional("reference", &point.reference)?,
        indication: optional("indication", &point.indication)?,
        error: optional("error", &point.error)?,
        expanded_uncertainty: optional("expanded_uncertainty", &point.expanded_uncertainty)?,
        coverage_factor: optional("coverage_factor", &point.coverage_factor)?,
        quantity: point.quantity,
        unit: point.unit,
        as_left: point.as_left,
    })
}

const fn conformity_to_wire(conformity: Conformity) -> wire::Conformity {
    match conformity {
        Conformity::Unspecified => wire::Conformity::Unspecified,
        Conformity::InTolerance => wire::Conformity::InTolerance,
        Conformity::OutOfTolerance => wire::Conformity::OutOfTolerance,
    }
}

const fn conformity_from_wire(conformity: wire::Conformity) -> Conformity {
    match conformity {
        wire::Conformity::Unspecified => Conformity::Unspecified,
        wire::Conformity::InTolerance => Conformity::InTolerance,
        wire::Conformity::OutOfTolerance => Conformity::OutOfTolerance,
    }
}

const fn state_to_wire(state: State) -> wire::CalibrationState {
    match state {
        State::Draft => wire::CalibrationState::Draft,
        State::Accepted => wire::CalibrationState::Accepted,
        State::Rejected => wire::CalibrationState::Rejected,
        State::Revoked => wire::CalibrationState::Revoked,
    }
}
