//! Whether an instrument is fit for use at an instant: a function of what is known, and of nothing else.

use std::{cmp::Reverse, collections::HashMap};

use bigdecimal::BigDecimal;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use spectra_runtime::{Error, Reason, Result};
use uuid::Uuid;

use crate::{
    calibration::{Calibration, Conformity, Range, State},
    instrument::{self, Instrument, ServiceState},
    policy::Policy,
};

/// The first that applies, in the order out of service, out of tolerance, revoked, missing, not yet valid, expired, due
/// soon, valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Valid,
    DueSoon,
    Expired,
    NotYetValid,
    Missing,
    Revoked,
    OutOfTolerance,
    OutOfService,
}

/// Fitness at an instant, and the calibration that decides. Out of service, it is the one that would decide in service.
#[derive(Debug, PartialEq)]
pub struct Fitness<'a> {
    pub status: Status,
    pub calibration: Option<&'a Calibration>,
}

/// The accepted, unrevoked calibration that began last. It alone decides: an older one, though unexpired, is past.
fn in_force(calibrations: &[Calibration], at: DateTime<Utc>) -> Option<&Calibration> {
    begun_last(calibrations, State::Accepted, at)
}

/// Fitness of an instrument with these calibrations, accepted and revoked ones, at this instant.
fn fitness<'a>(
    service_state: ServiceState,
    calibrations: &'a [Calibration],
    policy: &Policy,
    at: DateTime<Utc>,
) -> Fitness<'a> {
    let fitness = by_calibration(calibrations, policy, at);
    match service_state {
        ServiceState::InService => fitness,
        ServiceState::OutOfService => Fitness { status: Status::OutOfService, ..fitness },
    }
}

fn by_calibration<'a>(calibrations: &'a [Calibration], policy: &Policy, at: DateTime<Utc>) -> Fitness<'a> {
    if let Some(calibration) = in_force(calibrations, at) {
        let due_soon_from = calibration.expires_at - TimeDelta::days(policy.due_soon_days.into());
        let status = if calibration.conformity() == Conformity::OutOfTolerance {
            Status::OutOfTolerance
        } else if at >= calibration.expires_at {
            Status::Expired
        } else if at >= due_soon_from {
            Status::DueSoon
        } else {
            Status::Valid
        };
        return Fitness { status, calibration: Some(calibration) };
    }
    if let Some(revoked) = begun_last(calibrations, State::Revoked, at) {
        return Fitness { status: Status::Revoked, calibration: Some(revoked) };
    }
    // None is in force, so each accepted one begins later.
    let accepted = calibrations.iter().filter(|calibration| calibration.state == State::Accepted);
    match accepted.min_by_key(|calibration| (calibration.valid_from, Reverse(calibration.accepted_at))) {
        Some(next) => Fitness { status: Status::NotYetValid, calibration: Some(next) },
        None => Fitness { status: Status::Missing, calibration: None },
    }
}

fn begun_last(calibrations: &[Calibration], state: State, at: DateTime<Utc>) -> Option<&Calibration> {
    calibrations
        .iter()
        .filter(|calibration| calibration.state == state && calibration.valid_from <= at)
        .max_by_key(|calibration| (calibration.valid_from, calibration.accepted_at, calibration.id))
}

/// Everything that fitness is decided from, for some instruments at one instant of the database's clock.
#[derive(Debug)]
pub struct Facts {
    pub at: DateTime<Utc>,
    pub instruments: Vec<Instrument>,
    /// Accepted and revoked ones, by instrument.
    pub calibrations: HashMap<Uuid, Vec<Calibration>>,
}

/// What a run asks of one instrument.
#[derive(Debug, Clone, PartialEq)]
pub struct InstrumentUse {
    pub instrument_id: Uuid,
    pub demands: Vec<Demand>,
}

/// A range of a quantity that a run goes through, in `unit` (UCUM).
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    pub quantity: String,
    pub low: BigDecimal,
    pub high: BigDecimal,
    pub unit: String,
}

impl Facts {
    pub fn instrument(&self, id: Uuid) -> Result<&Instrument> {
        let found = self.instruments.iter().find(|instrument| instrument.id == id);
        found.ok_or_else(|| Error::not_found(instrument::RESOURCE, id))
    }

    pub fn fitness(&self, instrument: &Instrument, policy: &Policy) -> Fitness<'_> {
        fitness(instrument.service_state, self.calibrations_of(instrument.id), policy, self.at)
    }

    /// The calibration in force of an instrument, however unfit it may be.
    pub fn in_force(&self, instrument_id: Uuid) -> Option<&Calibration> {
        in_force(self.calibrations_of(instrument_id), self.at)
    }

    /// When an instrument needs a new calibration: when the one in force ends. `None` where it needs one at once,
    /// because none is in force or the one that is found it out of tolerance.
    pub fn due_at(&self, instrument_id: Uuid) -> Option<DateTime<Utc>> {
        let in_force = self.in_force(instrument_id);
        in_force.filter(|one| one.conformity() != Conformity::OutOfTolerance).map(|one| one.expires_at)
    }

    /// The calibration by which this use is allowed.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn allow(&self, wanted: &InstrumentUse) -> Result<&Calibration> {
        let instrument = self.instrument(wanted.instrument_id)?;
        // What is due soon is fit, so the policy has no say.
        let calibration = self.fitness(instrument, &Policy::default()).allow(instrument)?;
        for demand in &wanted.demands {
            demand.check(instrument, calibration)?;
        }
        Ok(calibration)
    }

    fn calibrations_of(&self, instrument_id: Uuid) -> &[Calibration] {
        self.calibrations.get(&instrument_id).map(Vec::as_slice).unwrap_or_default()
    }
}

impl<'a> Fitness<'a> {
    /// The calibration by which the instrument is fit, or why it is not.
    fn allow(&self, instrument: &Instrument) -> Result<&'a Calibration> {
        let code = &instrument.asset_code;
        let (refusal, calibration) = match (self.status, self.calibration) {
            (Status::Valid | Status::DueSoon, Some(calibration)) => return Ok(calibration),
            (Status::OutOfService, _) => {
                let why = match instrument.service_reason.as_str() {
                    "" => String::new(),
                    reason => format!(" ({reason})"),
                };
                let message = format!("Instrument {code} is out of service{why}: return it to service first");
                (Error::precondition(Reason::InstrumentOutOfService, message), None)
            }
            (_, None) => {
                let message = format!("Instrument {code} has no calibration: enter its certificate first");
                (Error::precondition(Reason::CalibrationMissing, message), None)
            }
            (status, Some(calibration)) => (unfit(status, calibration, code), Some(calibration)),
        };
        let refusal = refusal.with("instrument_id", instrument.id);
        Err(match calibration {
            Some(calibration) => refusal.with("calibration_id", calibration.id),
            None => refusal,
        })
    }
}

/// Why the calibration that decides does not let the instrument be used.
fn unfit(status: Status, calibration: &Calibration, code: &str) -> Error {
    let certificate = &calibration.certificate_id;
    match status {
        Status::NotYetValid => {
            let valid_from = instant_text(calibration.valid_from);
            let message = format!(
                "Calibration of instrument {code} is not valid yet: certificate {certificate} begins at {valid_from}"
            );
            Error::precondition(Reason::CalibrationNotYetValid, message).with("valid_from", valid_from)
        }
        Status::Revoked => {
            let revoked_at = calibration.revoked_at.map(instant_text).unwrap_or_default();
            let message = format!(
                "Calibration of instrument {code} was revoked: certificate {certificate}, at {revoked_at}; \
                 enter a certificate that replaces it"
            );
            Error::precondition(Reason::CalibrationRevoked, message).with("revoked_at", revoked_at)
        }
        Status::OutOfTolerance => {
            let message = format!(
                "Instrument {code} is out of tolerance by certificate {certificate}: \
                 have it adjusted and calibrated again"
            );
            Error::precondition(Reason::CalibrationOutOfTolerance, message)
        }
        _ => {
            let expires_at = instant_text(calibration.expires_at);
            let message = format!(
                "Instrument calibration has expired: certificate {certificate} of {code} ended at {expires_at}; \
                 have it calibrated again"
            );
            Error::precondition(Reason::CalibrationExpired, message).with("expires_at", expires_at)
        }
    }
}

impl Demand {
    /// Refuses what the instrument cannot do, or does outside of what was calibrated.
    fn check(&self, instrument: &Instrument, calibration: &Calibration) -> Result<()> {
        let Self { quantity, low, high, unit } = self;
        let why = match instrument.capability(quantity) {
            None => "it has no such capability".to_owned(),
            Some(able) if able.unit != *unit => format!("its range is in {}", able.unit),
            Some(able) if *low < able.range_low || *high > able.range_high => {
                let (low, high) = (able.range_low.to_plain_string(), able.range_high.to_plain_string());
                format!("its range goes from {low} to {high} {unit}")
            }
            Some(_) => match calibration.range(quantity) {
                Some(range) if range.unit == *unit && range.low <= *low && *high <= range.high => return Ok(()),
                Some(Range { low, high, unit, .. }) => {
                    let (low, high) = (low.to_plain_string(), high.to_plain_string());
                    format!("certificate {} covers {low} to {high} {unit}", calibration.certificate_id)
                }
                None => format!("certificate {} does not cover {quantity}", calibration.certificate_id),
            },
        };
        let (low, high) = (low.to_plain_string(), high.to_plain_string());
        let code = &instrument.asset_code;
        let message = format!("Instrument {code} may not be used for {quantity} from {low} to {high} {unit}: {why}");
        Err(Error::precondition(Reason::CalibrationScope, message)
            .with("instrument_id", instrument.id)
            .with("calibration_id", calibration.id)
            .with("quantity", quantity)
            .with("low", low)
            .with("high", high)
            .with("unit", unit))
    }
}

/// RFC 3339 in UTC, with as many digits of the second as it has.
fn instant_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{calibration::tests::calibration, instrument::tests::instrument};

    fn day(days: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(days)
    }

    const MICROSECOND: TimeDelta = TimeDelta::microseconds(1);

    fn revoked(from: i64, to: i64) -> Calibration {
        Calibration { state: State::Revoked, revoked_at: Some(day(from)), ..calibration(from, to) }
    }

    /// Status in service, at an instant, and the place of the calibration that decides.
    fn judge(calibrations: &[Calibration], at: DateTime<Utc>) -> (Status, Option<usize>) {
        let fitness = fitness(ServiceState::InService, calibrations, &Policy::default(), at);
        let place = fitness.calibration.and_then(|one| calibrations.iter().position(|other| other.id == one.id));
        (fitness.status, place)
    }

    #[test]
    fn validity_is_half_open() {
        let one = [calibration(10, 100)];
        assert_eq!(judge(&one, day(10) - MICROSECOND), (Status::NotYetValid, Some(0)));
        assert_eq!(judge(&one, day(10)), (Status::Valid, Some(0)));
        assert_eq!(judge(&one, day(100) - MICROSECOND), (Status::DueSoon, Some(0)));
        assert_eq!(judge(&one, day(100)), (Status::Expired, Some(0)));
    }

    #[test]
    fn it_is_due_soon_within_the_days_of_the_policy() {
        let one = [calibration(10, 100)];
        assert_eq!(judge(&one, day(70) - MICROSECOND).0, Status::Valid);
        assert_eq!(judge(&one, day(70)).0, Status::DueSoon);
        let never = Policy { due_soon_days: 0, ..Policy::default() };
        let last = fitness(ServiceState::InService, &one, &never, day(100) - MICROSECOND);
        assert_eq!(last.status, Status::Valid);
        let always = Policy { due_soon_days: 3650, ..Policy::default() };
        assert_eq!(fitness(ServiceState::InService, &one, &always, day(10)).status, Status::DueSoon);
    }

    #[test]
    fn the_calibration_that_began_last_decides_alone() {
        let long_and_short = [calibration(10, 1000), calibration(20, 30)];
        assert_eq!(judge(&long_and_short, day(20) - MICROSECOND), (Status::Valid, Some(0)));
        assert_eq!(judge(&long_and_short, day(20)), (Status::DueSoon, Some(1)));
        assert_eq!(judge(&long_and_short, day(30)), (Status::Expired, Some(1)), "the older one rescues nothing");
        let failed = Calibration { as_found: Conformity::OutOfTolerance, ..calibration(20, 1000) };
        assert_eq!(judge(&[calibration(10, 1000), failed], day(21)), (Status::OutOfTolerance, Some(1)));
    }

    #[test]
    fn of_two_that_began_together_the_one_accepted_later_decides() {
        let accepted = |day_accepted| Calibration { accepted_at: Some(day(day_accepted)), ..calibration(10, 1000) };
        assert_eq!(judge(&[accepted(12), accepted(11)], day(20)), (Status::Valid, Some(0)));
        assert_eq!(judge(&[accepted(11), accepted(12)], day(20)), (Status::Valid, Some(1)));
    }

    #[test]
    fn a_revoked_one_leaves_its_place_to_the_one_before() {
        assert_eq!(judge(&[calibration(10, 1000), revoked(20, 1000)], day(21)), (Status::Valid, Some(0)));
        assert_eq!(judge(&[calibration(10, 15), revoked(20, 1000)], day(21)), (Status::Expired, Some(0)));
        assert_eq!(judge(&[revoked(10, 1000), revoked(20, 1000)], day(21)), (Status::Revoked, Some(1)));
        assert_eq!(
            judge(&[revoked(10, 1000)], day(10) - MICROSECOND),
            (Status::Missing, None),
            "it never was in force"
        );
        assert_eq!(judge(&[revoked(10, 1000)], day(10)), (Status::Revoked, Some(0)));
        assert_eq!(judge(&[revoked(10, 1000), calibration(30, 60)], day(21)), (Status::Revoked, Some(0)));
        assert_eq!(judge(&[revoked(30, 1000), calibration(40, 60)], day(21)), (Status::NotYetValid, Some(1)));
    }

    #[test]
    fn drafts_and_rejects_count_for_nothing() {
        let other = |state| Calibration { state, ..calibration(10, 1000) };
        assert_eq!(judge(&[], day(20)), (Status::Missing, None));
        assert_eq!(judge(&[other(State::Draft), other(State::Rejected)], day(20)), (Status::Missing, None));
    }

    #[test]
    fn of_those_to_come_the_first_is_named() {
        let to_come = [calibration(40, 60), calibration(30, 60)];
        assert_eq!(judge(&to_come, day(20)), (Status::NotYetValid, Some(1)));
    }

    #[test]
    fn conformity_is_read_as_left_where_adjusted_and_as_found_elsewhere() {
        use Conformity::{InTolerance, OutOfTolerance, Unspecified};
        for (as_found, adjusted, as_left, unfit) in [
            (InTolerance, false, Unspecified, false),
            (OutOfTolerance, false, Unspecified, true),
            (OutOfTolerance, false, InTolerance, true),
            (OutOfTolerance, true, InTolerance, false),
            (InTolerance, true, OutOfTolerance, true),
            (OutOfTolerance, true, Unspecified, false),
            (Unspecified, false, Unspecified, false),
        ] {
            let one = [Calibration { as_found, adjusted, as_left, ..calibration(10, 1000) }];
            let status = if unfit { Status::OutOfTolerance } else { Status::Valid };
            assert_eq!(judge(&one, day(20)).0, status, "{as_found:?} {adjusted} {as_left:?}");
            if unfit {
                assert_eq!(judge(&one, day(1000)).0, Status::OutOfTolerance, "which comes before expired");
            }
        }
    }

    #[test]
    fn out_of_service_comes_before_everything() {
        let failed = Calibration { as_found: Conformity::OutOfTolerance, ..calibration(10, 1000) };
        for calibrations in [vec![], vec![failed], vec![revoked(10, 1000)], vec![calibration(10, 1000)]] {
            let fitness = fitness(ServiceState::OutOfService, &calibrations, &Policy::default(), day(20));
            assert_eq!((fitness.status, fitness.calibration), (Status::OutOfService, calibrations.first()));
        }
    }

    fn facts(calibrations: Vec<Calibration>, at: DateTime<Utc>) -> (Facts, InstrumentUse) {
        let instrument = instrument();
        let wanted = InstrumentUse { instrument_id: instrument.id, demands: Vec::new() };
        let calibrations = HashMap::from([(instrument.id, calibrations)]);
        (Facts { at, instruments: vec![instrument], calibrations }, wanted)
    }

    #[test]
    fn a_refusal_names_the_instrument_and_the_calibration_and_its_instant() {
        let failed = Calibration { as_found: Conformity::OutOfTolerance, ..calibration(10, 100) };
        for (calibrations, reason, key, value) in [
            (vec![calibration(10, 20)], Reason::CalibrationExpired, "expires_at", Some("1970-01-21T00:00:00Z")),
            (vec![calibration(30, 50)], Reason::CalibrationNotYetValid, "valid_from", Some("1970-01-31T00:00:00Z")),
            (vec![revoked(10, 50)], Reason::CalibrationRevoked, "revoked_at", Some("1970-01-11T00:00:00Z")),
            (vec![failed], Reason::CalibrationOutOfTolerance, "expires_at", None),
            (vec![], Reason::CalibrationMissing, "calibration_id", None),
        ] {
            let calibration_id = calibrations.first().map(|one| one.id.to_string());
            let (facts, wanted) = facts(calibrations, day(20));
            let refusal = facts.allow(&wanted).unwrap_err();
            assert_eq!(refusal.reason(), reason);
            assert_eq!(refusal.metadata("instrument_id"), Some(wanted.instrument_id.to_string().as_str()));
            assert_eq!(refusal.metadata("calibration_id"), calibration_id.as_deref());
            assert_eq!(refusal.metadata(key), value);
        }
        let (facts, wanted) = facts(vec![calibration(10, 20)], day(20));
        let message = facts.allow(&wanted).unwrap_err().to_string();
        assert!(message.contains("Instrument calibration has expired"), "{message}");
    }

    #[test]
    fn out_of_service_is_refused_with_its_reason() {
        let (mut facts, wanted) = facts(vec![calibration(10, 100)], day(20));
        facts.instruments[0].change_service(ServiceState::OutOfService, "dropped").unwrap();
        let refusal = facts.allow(&wanted).unwrap_err();
        assert_eq!(refusal.reason(), Reason::InstrumentOutOfService);
        assert_eq!(refusal.metadata("calibration_id"), None);
        assert!(refusal.to_string().contains("(dropped)"), "{refusal}");
    }

    #[test]
    fn a_demand_lies_within_a_capability_that_the_certificate_covers() {
        let demand = |quantity: &str, low: &str, high: &str, unit: &str| Demand {
            quantity: quantity.to_owned(),
            low: low.parse().unwrap(),
            high: high.parse().unwrap(),
            unit: unit.to_owned(),
        };
        let (mut facts, mut wanted) = facts(vec![calibration(10, 100)], day(20));
        let mut outcome = |facts: &Facts, demand: Demand| {
            wanted.demands = vec![demand];
            facts.allow(&wanted).map(|calibration| calibration.id)
        };
        outcome(&facts, demand("dc_voltage", "-200", "200", "V")).unwrap();
        let refusal = outcome(&facts, demand("dc_voltage", "0", "200.00000000000003", "V")).unwrap_err();
        assert_eq!(refusal.reason(), Reason::CalibrationScope);
        for (key, value) in [("quantity", "dc_voltage"), ("low", "0"), ("high", "200.00000000000003"), ("unit", "V")] {
            assert_eq!(refusal.metadata(key), Some(value));
        }
        assert!(refusal.metadata("instrument_id").is_some() && refusal.metadata("calibration_id").is_some());
        assert!(outcome(&facts, demand("dc_voltage", "-200.00000000000003", "0", "V")).is_err());
        assert!(outcome(&facts, demand("dc_voltage", "0", "1", "mV")).is_err(), "another unit");
        assert!(outcome(&facts, demand("dc_current", "0", "1", "A")).is_err(), "no such capability");

        // What the instrument can do by now, and could not when it was calibrated.
        facts.instruments[0].capabilities[0].range_high = "1100".parse().unwrap();
        outcome(&facts, demand("dc_voltage", "0", "200", "V")).unwrap();
        let refusal = outcome(&facts, demand("dc_voltage", "0", "1000", "V")).unwrap_err();
        assert!(refusal.to_string().contains("certificate C-10 covers -200 to 200 V"), "{refusal}");
        facts.calibrations.values_mut().next().unwrap()[0].covers[0].unit = "mV".to_owned();
        assert!(outcome(&facts, demand("dc_voltage", "0", "1", "V")).is_err(), "calibrated in another unit");
        facts.calibrations.values_mut().next().unwrap()[0].covers.clear();
        assert!(outcome(&facts, demand("dc_voltage", "0", "1", "V")).is_err(), "not calibrated for it");
    }

    #[test]
    fn a_new_calibration_is_due_when_the_one_in_force_ends_or_at_once() {
        let failed = Calibration { as_found: Conformity::OutOfTolerance, ..calibration(10, 100) };
        for (calibrations, due_at) in [
            (vec![calibration(10, 100)], Some(day(100))),
            (vec![calibration(10, 15)], Some(day(15))),
            (vec![calibration(10, 1000), calibration(12, 30)], Some(day(30))),
            (vec![failed], None),
            (vec![revoked(10, 100)], None),
            (vec![calibration(30, 100)], None),
            (vec![], None),
        ] {
            let (facts, wanted) = facts(calibrations, day(20));
            assert_eq!(facts.due_at(wanted.instrument_id), due_at, "{facts:?}");
        }
    }

    #[test]
    fn an_unknown_instrument_is_not_found() {
        let (facts, _) = facts(vec![], day(20));
        let wanted = InstrumentUse { instrument_id: Uuid::now_v7(), demands: Vec::new() };
        assert_eq!(facts.allow(&wanted).unwrap_err().reason(), Reason::ResourceNotFound);
    }
}
