//! What a calibration record is, and what may become of it.

use bigdecimal::{BigDecimal, Zero as _};
use chrono::{DateTime, Utc};
use spectra_runtime::{Error, Result};
use uuid::Uuid;

use crate::instrument::Instrument;

/// The name of the noun in errors and events.
pub const RESOURCE: &str = "calibration";

/// A calibration and its certificate (ISO/IEC 17025, 7.8.4).
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    pub id: Uuid,
    pub instrument_id: Uuid,
    pub certificate_id: String,
    pub provider: String,
    pub accreditation: String,
    pub issued_at: DateTime<Utc>,
    /// First instant of its validity.
    pub valid_from: DateTime<Utc>,
    /// The first instant after its validity.
    pub expires_at: DateTime<Utc>,
    /// Quantities it covers; none means all.
    pub scope: Vec<String>,
    /// What the instrument could do within the scope when the certificate was entered, as the database noted it.
    pub covers: Vec<Range>,
    pub as_found: Conformity,
    pub adjusted: bool,
    pub as_left: Conformity,
    pub standards_used: Vec<String>,
    pub document_sha256: String,
    /// Not loaded where only fitness is asked: nothing there depends on them.
    pub points: Vec<Point>,
    pub state: State,
    pub created_by: Uuid,
    pub created_at: DateTime<Utc>,
    pub reviewed_by: Option<Uuid>,
    pub review_comment: String,
    /// Stamped by the database, under the instrument's lock; so is `revoked_at`.
    pub accepted_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub revision: i64,
}

/// A range of a quantity, in `unit` (UCUM).
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    pub quantity: String,
    pub low: BigDecimal,
    pub high: BigDecimal,
    pub unit: String,
}

/// One point of a calibration; its numbers are in `unit` (UCUM).
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub quantity: String,
    pub reference: Option<BigDecimal>,
    pub indication: Option<BigDecimal>,
    pub error: Option<BigDecimal>,
    pub expanded_uncertainty: Option<BigDecimal>,
    pub coverage_factor: Option<BigDecimal>,
    pub unit: String,
    pub as_left: bool,
}

/// What a calibration said about the instrument's errors against their maximum permissible ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conformity {
    /// Many certificates make no statement of conformity; they count as in tolerance.
    Unspecified,
    InTolerance,
    OutOfTolerance,
}

impl Conformity {
    pub const ALL: [Self; 3] = [Self::Unspecified, Self::InTolerance, Self::OutOfTolerance];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::InTolerance => "in_tolerance",
            Self::OutOfTolerance => "out_of_tolerance",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|conformity| conformity.as_str() == text)
    }
}

/// Where a calibration record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Draft,
    Accepted,
    Rejected,
    Revoked,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Draft, Self::Accepted, Self::Rejected, Self::Revoked];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Revoked => "revoked",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// What it can become.
    const fn next(self) -> &'static [Self] {
        match self {
            Self::Draft => &[Self::Accepted, Self::Rejected],
            Self::Accepted => &[Self::Revoked],
            Self::Rejected | Self::Revoked => &[],
        }
    }
}

impl Calibration {
    /// What it says about the instrument as it was handed back: where it was adjusted, what was found before that
    /// taints its past, not its present.
    pub const fn conformity(&self) -> Conformity {
        if self.adjusted { self.as_left } else { self.as_found }
    }

    /// The range of the quantity that it covers.
    pub fn range(&self, quantity: &str) -> Option<&Range> {
        self.covers.iter().find(|range| range.quantity == quantity)
    }

    /// Refuses what no certificate may say, whoever wrote it.
    pub fn check(&self) -> Result<()> {
        let named = [("certificate_id", &self.certificate_id), ("provider", &self.provider)];
        if let Some((field, _)) = named.into_iter().find(|(_, text)| text.trim().is_empty()) {
            return Err(Error::field(format!("calibration.{field}"), "is wanted"));
        }
        if self.expires_at <= self.valid_from {
            return Err(Error::field("calibration.expires_at", "must be later than valid_from"));
        }
        if self.expires_at <= self.issued_at {
            return Err(Error::field("calibration.expires_at", "must be later than issued_at"));
        }
        if self.conformity() == Conformity::OutOfTolerance && self.valid_from > self.issued_at {
            let rule = "must not be later than issued_at: what was found out of tolerance is not fit from now on";
            return Err(Error::field("calibration.valid_from", rule));
        }
        // Read by the rule of `conformity`, the failure would go unseen.
        if !self.adjusted && self.as_left == Conformity::OutOfTolerance && self.as_found != self.as_left {
            let rule = "contradicts as_found: what was not adjusted is left as it was found";
            return Err(Error::field("calibration.as_left", rule));
        }
        for (index, point) in self.points.iter().enumerate() {
            let path = |field: &str| format!("calibration.points[{index}].{field}");
            let zero = BigDecimal::zero();
            if point.expanded_uncertainty.as_ref().is_some_and(|uncertainty| *uncertainty < zero) {
                return Err(Error::field(path("expanded_uncertainty"), "must not be negative"));
            }
            if point.coverage_factor.as_ref().is_some_and(|factor| *factor <= zero) {
                return Err(Error::field(path("coverage_factor"), "must be above zero"));
            }
        }
        Ok(())
    }

    /// Refuses a certificate that speaks of quantities which the instrument does not have.
    pub fn check_against(&self, instrument: &Instrument) -> Result<()> {
        let scope = self.scope.iter().enumerate().map(|(at, name)| (format!("calibration.scope[{at}]"), name));
        let points = self.points.iter().enumerate();
        let points = points.map(|(at, point)| (format!("calibration.points[{at}].quantity"), &point.quantity));
        for (field, name) in scope.chain(points) {
            if instrument.capability(name).is_none() {
                let code = &instrument.asset_code;
                let names: Vec<_> = instrument.capabilities.iter().map(|one| one.quantity.as_str()).collect();
                let names = if names.is_empty() { "it has none yet".to_owned() } else { names.join(", ") };
                return Err(Error::field(field, format!("{name} is not a capability of {code} ({names})")));
            }
        }
        Ok(())
    }

    /// Accepts, rejects or revokes it.
    pub fn review(&mut self, to: State, by: Uuid, comment: String) -> Result<()> {
        let allowed = self.state.next();
        if !allowed.contains(&to) {
            let allowed: Vec<_> = allowed.iter().map(|state| state.as_str()).collect();
            return Err(Error::state(RESOURCE, self.id, self.state.as_str(), to.as_str(), &allowed));
        }
        self.state = to;
        self.reviewed_by = Some(by);
        self.review_comment = comment;
        Ok(())
    }
}

#[cfg(test)]
pub mod tests {
    use chrono::TimeDelta;
    use spectra_runtime::Reason;

    use super::*;
    use crate::instrument::tests::instrument;

    /// An accepted calibration, in tolerance, of all capabilities, valid from day `from` to day `to` of 1970.
    pub fn calibration(from: i64, to: i64) -> Calibration {
        let day = |days| DateTime::UNIX_EPOCH + TimeDelta::days(days);
        Calibration {
            id: Uuid::now_v7(),
            instrument_id: Uuid::nil(),
            certificate_id: format!("C-{from}"),
            provider: "Metrology Ltd".to_owned(),
            accreditation: String::new(),
            issued_at: day(from),
            valid_from: day(from),
            expires_at: day(to),
            scope: Vec::new(),
            covers: vec![Range {
                quantity: "dc_voltage".to_owned(),
                low: BigDecimal::from(-200),
                high: BigDecimal::from(200),
                unit: "V".to_owned(),
            }],
            as_found: Conformity::InTolerance,
            adjusted: false,
            as_left: Conformity::Unspecified,
            standards_used: Vec::new(),
            document_sha256: String::new(),
            points: Vec::new(),
            state: State::Accepted,
            created_by: Uuid::nil(),
            created_at: day(from),
            reviewed_by: None,
            review_comment: String::new(),
            accepted_at: Some(day(from)),
            revoked_at: None,
            revision: 1,
        }
    }

    #[test]
    fn a_draft_is_accepted_or_rejected_and_only_what_is_accepted_is_revoked() {
        let legal =
            [(State::Draft, State::Accepted), (State::Draft, State::Rejected), (State::Accepted, State::Revoked)];
        for from in State::ALL {
            for to in State::ALL {
                let mut record = Calibration { state: from, ..calibration(0, 365) };
                let outcome = record.review(to, Uuid::max(), "why".to_owned());
                assert_eq!(outcome.is_ok(), legal.contains(&(from, to)), "{from:?} to {to:?}");
                match outcome {
                    Ok(()) => assert_eq!((record.state, record.review_comment.as_str()), (to, "why")),
                    Err(refusal) => {
                        assert_eq!(refusal.reason(), Reason::StateConflict);
                        assert_eq!((record.state, record.reviewed_by), (from, None), "a refusal changes nothing");
                    }
                }
            }
        }
        let mut draft = Calibration { state: State::Draft, ..calibration(0, 365) };
        let refusal = draft.review(State::Revoked, Uuid::max(), String::new()).unwrap_err();
        assert_eq!(refusal.metadata("allowed"), Some("accepted,rejected"));
    }

    #[test]
    fn a_certificate_ends_after_it_begins_and_does_not_contradict_itself() {
        let refused = |spoil: fn(&mut Calibration)| {
            let mut spoilt = calibration(10, 365);
            spoil(&mut spoilt);
            spoilt.check().is_err()
        };
        calibration(10, 365).check().unwrap();
        assert!(refused(|it| it.certificate_id.clear()));
        assert!(refused(|it| it.provider = " ".to_owned()));
        assert!(refused(|it| it.expires_at = it.valid_from));
        assert!(refused(|it| {
            it.valid_from = DateTime::UNIX_EPOCH;
            it.expires_at = it.issued_at;
        }));
        assert!(refused(|it| it.as_left = Conformity::OutOfTolerance));
        assert!(refused(|it| {
            it.as_found = Conformity::OutOfTolerance;
            it.valid_from += TimeDelta::days(1);
        }));
        assert!(!refused(|it| {
            it.adjusted = true;
            it.as_left = Conformity::OutOfTolerance;
        }));
    }

    #[test]
    fn a_certificate_speaks_of_capabilities_that_the_instrument_has() {
        let mut certificate = calibration(0, 365);
        let mut instrument = instrument();
        certificate.check_against(&instrument).unwrap();
        certificate.scope.push("dc_voltage".to_owned());
        certificate.check_against(&instrument).unwrap();
        certificate.scope.push("resistance".to_owned());
        let refusal = certificate.check_against(&instrument).unwrap_err();
        assert_eq!(refusal.reason(), Reason::FieldInvalid);
        assert!(refusal.to_string().contains("calibration.scope[1]"), "{refusal}");
        instrument.capabilities.clear();
        assert!(certificate.check_against(&instrument).is_err(), "no capabilities, no scope");
    }
}
