//! What a sample is, and what may become of it.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use spectra_runtime::{Error, Reason, Result};
use uuid::Uuid;

/// The name of the noun in errors and events.
pub const RESOURCE: &str = "sample";
/// Bytes of JSON that a sample's attributes may take.
const ATTRIBUTES_BYTES: usize = 64 * 1024;

/// A piece of material that measurements are made on.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub id: Uuid,
    pub name: String,
    pub material_type: String,
    pub lot_code: String,
    pub barcode: Option<String>,
    pub location: String,
    pub quantity: Option<Quantity>,
    pub attributes: Map<String, Value>,
    pub status: Status,
    /// The run that has it in use.
    pub run_id: Option<Uuid>,
    pub created_by: Uuid,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub revision: i64,
}

/// An exact amount in a UCUM unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    pub value: BigDecimal,
    pub unit: String,
    pub expanded_uncertainty: Option<BigDecimal>,
    pub coverage_factor: Option<BigDecimal>,
}

/// Where a sample stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Registered,
    Available,
    InUse,
    Consumed,
    Disposed,
    Lost,
    Quarantined,
}

impl Status {
    pub const ALL: [Self; 7] =
        [Self::Registered, Self::Available, Self::InUse, Self::Consumed, Self::Disposed, Self::Lost, Self::Quarantined];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Available => "available",
            Self::InUse => "in_use",
            Self::Consumed => "consumed",
            Self::Disposed => "disposed",
            Self::Lost => "lost",
            Self::Quarantined => "quarantined",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl Sample {
    /// Refuses what no sample may be, whoever wrote it.
    pub fn check(&self) -> Result<()> {
        let wanted = |field: &str| Error::field(format!("sample.{field}"), "is wanted");
        if self.name.trim().is_empty() {
            return Err(wanted("name"));
        }
        if self.material_type.trim().is_empty() {
            return Err(wanted("material_type"));
        }
        let bytes = serde_json::to_string(&self.attributes).map_err(Error::internal)?.len();
        if bytes > ATTRIBUTES_BYTES {
            return Err(Error::field("sample.attributes", format!("takes {bytes} bytes of {ATTRIBUTES_BYTES}")));
        }
        Ok(())
    }

    /// Takes the sample into use for a run. `false` where that run has it already.
    pub fn claim(&mut self, run_id: Uuid) -> Result<bool> {
        match self.status {
            Status::InUse if self.run_id == Some(run_id) => Ok(false),
            Status::Available => {
                self.status = Status::InUse;
                self.run_id = Some(run_id);
                Ok(true)
            }
            status => Err(Error::precondition(
                Reason::SampleUnavailable,
                format!("sample {} is {}, not available", self.name, status.as_str()),
            )
            .with("sample_id", self.id)
            .with("status", status.as_str())),
        }
    }

    /// Gives the sample back after a run. `false` where that run does not have it.
    pub fn release(&mut self, run_id: Uuid) -> bool {
        if self.status != Status::InUse || self.run_id != Some(run_id) {
            return false;
        }
        self.status = Status::Available;
        self.run_id = None;
        true
    }

    /// Refuses to move what is not there any more.
    pub fn check_movable(&self) -> Result<()> {
        if matches!(self.status, Status::Disposed | Status::Lost | Status::Consumed) {
            let from = self.status.as_str();
            return Err(Error::precondition(Reason::StateConflict, format!("a sample that is {from} cannot be moved"))
                .about(RESOURCE, self.id)
                .with("from", from)
                .with("to", from)
                .with("allowed", ""));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(status: Status) -> Sample {
        let at = DateTime::UNIX_EPOCH;
        Sample {
            id: Uuid::now_v7(),
            name: "W01".to_owned(),
            material_type: "wafer".to_owned(),
            lot_code: String::new(),
            barcode: None,
            location: String::new(),
            quantity: None,
            attributes: Map::new(),
            status,
            run_id: None,
            created_by: Uuid::nil(),
            created_at: at,
            updated_at: at,
            revision: 1,
        }
    }

    #[test]
    fn only_an_available_sample_is_claimed_and_only_by_one_run() {
        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        let mut available = sample(Status::Available);
        assert!(available.claim(first).unwrap());
        assert!(!available.claim(first).unwrap(), "claiming again changes nothing");
        let refusal = available.claim(second).unwrap_err();
        assert_eq!(refusal.reason(), Reason::SampleUnavailable);
        assert_eq!(refusal.metadata("status"), Some("in_use"));
        assert!(!available.release(second), "another run's claim stays");
        assert!(available.release(first));
        assert_eq!((available.status, available.run_id), (Status::Available, None));
        for status in Status::ALL.into_iter().filter(|status| *status != Status::Available) {
            assert!(sample(status).claim(first).is_err(), "{status:?}");
        }
    }

    #[test]
    fn a_sample_needs_a_name_and_a_material() {
        let mut nameless = sample(Status::Available);
        nameless.name = "  ".to_owned();
        assert_eq!(nameless.check().unwrap_err().reason(), Reason::FieldInvalid);
    }
}
