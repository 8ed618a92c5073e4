//! What a sample is, and what may become of it.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use spectra_runtime::{Error, Reason, Result, object::Object};
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
    pub attributes: Object,
    pub project_id: Option<Uuid>,
    pub status: Status,
    /// Why a person brought it there.
    pub status_reason: String,
    /// The run that has it in use.
    pub run_id: Option<Uuid>,
    pub created_by: Uuid,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
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

/// Refuses new samples of which two have the same name or barcode; `path` names the one of this place.
pub fn check_distinct(samples: &[Sample], path: fn(usize) -> String) -> Result<()> {
    let (mut names, mut barcodes) = (HashMap::new(), HashMap::new());
    for (index, sample) in samples.iter().enumerate() {
        let name = names.insert(&sample.name, index).map(|earlier| ("name", earlier));
        let barcode = sample.barcode.as_ref().and_then(|barcode| barcodes.insert(barcode, index));
        if let Some((field, earlier)) = name.or(barcode.map(|earlier| ("barcode", earlier))) {
            return Err(Error::field(field, format!("is that of {} too", path(earlier))).within(&path(index)));
        }
    }
    Ok(())
}

/// What can be done with a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A run takes it into use.
    Claim,
    /// Its run gives it back.
    GiveBack,
    Quarantine,
    /// Out of quarantine.
    Release,
    Dispose,
}

impl Step {
    pub const ALL: [Self; 5] = [Self::Claim, Self::GiveBack, Self::Quarantine, Self::Release, Self::Dispose];

    /// The state machine: each step, the states that it leads out of, and the one that it leads to.
    const fn row(self) -> (&'static str, &'static [Status], Status) {
        match self {
            Self::Claim => ("claim", &[Status::Available], Status::InUse),
            Self::GiveBack => ("release", &[Status::InUse], Status::Available),
            Self::Quarantine => ("quarantine", &[Status::Available], Status::Quarantined),
            Self::Release => ("release_from_quarantine", &[Status::Quarantined], Status::Available),
            Self::Dispose => ("dispose", &[Status::Available, Status::Quarantined], Status::Disposed),
        }
    }

    /// Its name in the event log.
    pub const fn verb(self) -> &'static str {
        self.row().0
    }

    const fn leads_to(self) -> Status {
        self.row().2
    }

    fn leads_out_of(self, status: Status) -> bool {
        self.row().1.contains(&status)
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

    /// Takes a step for this reason, if the sample's status allows it.
    pub fn take(&mut self, step: Step, reason: &str) -> Result<()> {
        let to = step.leads_to();
        if !step.leads_out_of(self.status) {
            // What was asked for is never offered instead.
            let allowed: Vec<_> = Step::ALL
                .into_iter()
                .filter(|other| other.leads_out_of(self.status) && other.leads_to() != to)
                .map(|other| other.leads_to().as_str())
                .collect();
            return Err(Error::state(RESOURCE, self.id, self.status.as_str(), to.as_str(), &allowed));
        }
        self.status = to;
        reason.clone_into(&mut self.status_reason);
        Ok(())
    }

    /// Takes the sample into use for a run. `false` where that run has it already.
    pub fn claim(&mut self, run_id: Uuid) -> Result<bool> {
        match self.status {
            Status::InUse if self.run_id == Some(run_id) => Ok(false),
            Status::Available => {
                self.take(Step::Claim, "")?;
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
    pub fn give_back(&mut self, run_id: Uuid) -> Result<bool> {
        if self.status != Status::InUse || self.run_id != Some(run_id) {
            return Ok(false);
        }
        self.take(Step::GiveBack, "")?;
        self.run_id = None;
        Ok(true)
    }

    /// Takes it out of sight, unless a run has it.
    pub fn delete(&mut self, at: DateTime<Utc>) -> Result<()> {
        if self.status == Status::InUse {
            return Err(Error::state(
                RESOURCE,
                self.id,
                self.status.as_str(),
                "deleted",
                &[Status::Available.as_str()],
            ));
        }
        self.deleted_at = Some(at);
        Ok(())
    }

    /// Brings it back into sight.
    pub fn undelete(&mut self) -> Result<()> {
        if self.deleted_at.take().is_none() {
            let status = self.status.as_str();
            return Err(Error::precondition(Reason::StateConflict, "the sample is not deleted")
                .about(RESOURCE, self.id)
                .with("from", status)
                .with("to", status)
                .with("allowed", "deleted"));
        }
        Ok(())
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
    use std::collections::BTreeSet;

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
            attributes: Object::default(),
            project_id: None,
            status,
            status_reason: String::new(),
            run_id: None,
            created_by: Uuid::nil(),
            created_at: at,
            updated_at: at,
            deleted_at: None,
            revision: 1,
        }
    }

    #[test]
    fn every_step_out_of_every_status_is_as_the_database_has_it() {
        // The list in the migration's trigger, without the ways that no operation goes yet.
        let wanted = "available>in_use in_use>available available>quarantined available>disposed \
                      quarantined>available quarantined>disposed";
        let wanted: BTreeSet<_> = wanted.split_whitespace().map(str::to_owned).collect();
        let mut allowed = BTreeSet::new();
        for from in Status::ALL {
            for step in Step::ALL {
                let (mut sample, to) = (sample(from), step.leads_to());
                match sample.take(step, "why") {
                    Ok(()) => {
                        assert_eq!((sample.status, sample.status_reason.as_str()), (to, "why"));
                        let way = format!("{}>{}", from.as_str(), to.as_str());
                        assert!(allowed.insert(way), "two steps lead from {from:?} to {to:?}");
                    }
                    Err(refusal) => {
                        assert_eq!((sample.status, sample.status_reason.as_str()), (from, ""), "nothing changed");
                        assert_eq!(refusal.reason(), Reason::StateConflict);
                        assert_eq!(refusal.metadata("from"), Some(from.as_str()));
                        assert_eq!(refusal.metadata("to"), Some(to.as_str()));
                    }
                }
            }
        }
        assert_eq!(allowed, wanted);
    }

    #[test]
    fn a_refusal_says_what_is_allowed_instead() {
        let allowed = |from, step| sample(from).take(step, "").unwrap_err().metadata("allowed").map(str::to_owned);
        assert_eq!(allowed(Status::Quarantined, Step::Quarantine).as_deref(), Some("available,disposed"));
        assert_eq!(allowed(Status::Available, Step::Release).as_deref(), Some("in_use,quarantined,disposed"));
        assert_eq!(allowed(Status::InUse, Step::Dispose).as_deref(), Some("available"));
        assert_eq!(allowed(Status::Disposed, Step::Release).as_deref(), Some(""), "it is the end");
    }

    #[test]
    fn a_sample_in_use_is_not_deleted_and_only_a_deleted_one_is_undeleted() {
        let at = DateTime::UNIX_EPOCH;
        for status in Status::ALL {
            assert_eq!(sample(status).delete(at).is_err(), status == Status::InUse, "{status:?}");
        }
        let mut sample = sample(Status::Available);
        assert_eq!(sample.undelete().unwrap_err().reason(), Reason::StateConflict);
        sample.delete(at).unwrap();
        sample.undelete().unwrap();
        assert_eq!((sample.deleted_at, sample.status), (None, Status::Available));
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
        assert!(!available.give_back(second).unwrap(), "another run's claim stays");
        assert!(available.give_back(first).unwrap());
        assert_eq!((available.status, available.run_id), (Status::Available, None));
        for status in Status::ALL.into_iter().filter(|status| *status != Status::Available) {
            assert!(sample(status).claim(first).is_err(), "{status:?}");
        }
    }

    #[test]
    fn no_two_new_samples_share_a_name_or_a_barcode() {
        let named = |name: &str, barcode: Option<&str>| Sample {
            name: name.to_owned(),
            barcode: barcode.map(str::to_owned),
            ..sample(Status::Available)
        };
        let refusal = |samples: &[Sample]| {
            check_distinct(samples, |index| format!("all[{index}]")).map_err(|error| error.to_string())
        };
        let distinct = [named("a", None), named("b", None), named("c", Some("1")), named("d", Some("2"))];
        assert_eq!(refusal(&distinct), Ok(()));
        let name = refusal(&[named("a", None), named("b", None), named("a", Some("1"))]).unwrap_err();
        assert!(name.contains("all[2].name: is that of all[0] too"), "{name}");
        let barcode = refusal(&[named("a", Some("1")), named("b", Some("1"))]).unwrap_err();
        assert!(barcode.contains("all[1].barcode: is that of all[0] too"), "{barcode}");
    }

    #[test]
    fn a_sample_needs_a_name_and_a_material() {
        let mut nameless = sample(Status::Available);
        nameless.name = "  ".to_owned();
        assert_eq!(nameless.check().unwrap_err().reason(), Reason::FieldInvalid);
    }
}
