//! The ledger of uses: what an attempt to start a run is granted.

use chrono::{DateTime, TimeDelta, Utc};
use spectra_runtime::{Error, Reason, Result};
use uuid::Uuid;

use crate::fitness::{Facts, InstrumentUse};

/// The name of the noun in events.
pub const RESOURCE: &str = "use_grant";
/// How long after its authorization a run may be started; a constraint of the table says the same.
const LAPSE: TimeDelta = TimeDelta::seconds(30);

/// Proof that an instrument was fit for use, or the run exempt, when a run started on it.
#[derive(Debug, Clone, PartialEq)]
pub struct UseGrant {
    pub id: Uuid,
    pub run_id: Uuid,
    pub attempt_id: Uuid,
    pub instrument_id: Uuid,
    pub kind: Kind,
    /// The one in force, with its validity; an exempt grant may have none.
    pub calibration_id: Option<Uuid>,
    pub valid_from: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
    pub authorized_at: DateTime<Utc>,
    /// From here on, nothing may be started with it.
    pub lapses_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}

/// Why a use was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Fit,
    Exempt,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Fit, Self::Exempt];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fit => "fit",
            Self::Exempt => "exempt",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// An attempt to start a run, and what it asks for.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub id: Uuid,
    pub run_id: Uuid,
    pub kind: Kind,
    pub uses: Vec<InstrumentUse>,
}

impl Attempt {
    pub fn instrument_ids(&self) -> Vec<Uuid> {
        self.uses.iter().map(|wanted| wanted.instrument_id).collect()
    }

    /// A grant for each use, in their order; one refusal refuses all.
    pub fn decide(&self, facts: &Facts) -> Result<Vec<UseGrant>> {
        let grant = |wanted: &InstrumentUse| {
            let calibration = match self.kind {
                Kind::Fit => Some(facts.allow(wanted)?),
                Kind::Exempt => facts.in_force(facts.instrument(wanted.instrument_id)?.id),
            };
            Ok(UseGrant {
                id: Uuid::now_v7(),
                run_id: self.run_id,
                attempt_id: self.id,
                instrument_id: wanted.instrument_id,
                kind: self.kind,
                calibration_id: calibration.map(|calibration| calibration.id),
                valid_from: calibration.map(|calibration| calibration.valid_from),
                expires_at: calibration.map(|calibration| calibration.expires_at),
                authorized_at: facts.at,
                lapses_at: facts.at + LAPSE,
                created_at: facts.at,
            })
        };
        self.uses.iter().map(grant).collect()
    }

    /// The grants that this attempt got before, in the order of its uses, as long as they last.
    pub fn again(&self, earlier: Vec<UseGrant>, at: DateTime<Utc>) -> Result<Vec<UseGrant>> {
        if earlier.iter().any(|grant| at >= grant.lapses_at) {
            let message = "the start took longer than its authorization lasts; start again";
            return Err(Error::precondition(Reason::GrantLapsed, message).with("run_id", self.run_id));
        }
        let count = earlier.len();
        let same: Vec<_> = (self.uses.iter())
            .filter_map(|wanted| earlier.iter().find(|grant| grant.instrument_id == wanted.instrument_id))
            .filter(|grant| grant.kind == self.kind)
            .cloned()
            .collect();
        if same.len() != count || same.len() != self.uses.len() {
            return Err(Self::reused());
        }
        Ok(same)
    }

    /// An attempt asks for one thing, as often as it likes.
    pub fn reused() -> Error {
        Error::field("attempt_id", "was used before to ask for something else")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::{calibration::tests::calibration, instrument::tests::instrument};

    /// Two instruments on day 20: the first fit, the second without a calibration.
    fn facts() -> Facts {
        let instruments = vec![instrument(), instrument()];
        let calibrations = HashMap::from([(instruments[0].id, vec![calibration(10, 100)])]);
        Facts { at: DateTime::UNIX_EPOCH + TimeDelta::days(20), instruments, calibrations }
    }

    fn attempt(kind: Kind, instrument_ids: &[Uuid]) -> Attempt {
        let uses = instrument_ids.iter().map(|id| InstrumentUse { instrument_id: *id, demands: Vec::new() });
        Attempt { id: Uuid::now_v7(), run_id: Uuid::now_v7(), kind, uses: uses.collect() }
    }

    #[test]
    fn one_unfit_instrument_refuses_all_unless_the_run_is_exempt() {
        let facts = facts();
        let ids = [facts.instruments[0].id, facts.instruments[1].id];
        let refusal = attempt(Kind::Fit, &ids).decide(&facts).unwrap_err();
        assert_eq!(refusal.reason(), Reason::CalibrationMissing);
        assert_eq!(refusal.metadata("instrument_id"), Some(ids[1].to_string().as_str()));

        let exempt = attempt(Kind::Exempt, &ids).decide(&facts).unwrap();
        let in_force = facts.in_force(ids[0]).unwrap();
        assert_eq!((exempt[0].instrument_id, exempt[0].calibration_id), (ids[0], Some(in_force.id)));
        assert_eq!((exempt[1].instrument_id, exempt[1].calibration_id), (ids[1], None));
        let unknown = attempt(Kind::Exempt, &[Uuid::now_v7()]).decide(&facts).unwrap_err();
        assert_eq!(unknown.reason(), Reason::ResourceNotFound);
    }

    #[test]
    fn a_grant_carries_the_validity_and_lasts_half_a_minute() {
        let facts = facts();
        let grants = attempt(Kind::Fit, &[facts.instruments[0].id]).decide(&facts).unwrap();
        let in_force = facts.in_force(facts.instruments[0].id).unwrap();
        let [grant] = grants.as_slice() else { panic!("one use, one grant") };
        assert_eq!(
            (grant.valid_from, grant.expires_at, grant.authorized_at, grant.lapses_at),
            (Some(in_force.valid_from), Some(in_force.expires_at), facts.at, facts.at + TimeDelta::seconds(30)),
        );
    }

    #[test]
    fn the_same_attempt_gets_the_same_grants_until_they_lapse() {
        let facts = facts();
        let ids = [facts.instruments[1].id, facts.instruments[0].id];
        let attempt = attempt(Kind::Exempt, &ids);
        let grants = attempt.decide(&facts).unwrap();
        let reversed: Vec<_> = grants.iter().rev().cloned().collect();
        let just_before = facts.at + LAPSE - TimeDelta::microseconds(1);
        assert_eq!(attempt.again(reversed.clone(), just_before).unwrap(), grants);

        let refusal = attempt.again(reversed.clone(), facts.at + LAPSE).unwrap_err();
        assert_eq!(refusal.reason(), Reason::GrantLapsed);
        assert_eq!(refusal.metadata("run_id"), Some(attempt.run_id.to_string().as_str()));

        let asks = |kind, uses: &[InstrumentUse]| Attempt { kind, uses: uses.to_vec(), ..attempt.clone() };
        for other in [
            asks(Kind::Fit, &attempt.uses),
            asks(Kind::Exempt, &attempt.uses[..1]),
            asks(
                Kind::Exempt,
                &[attempt.uses[0].clone(), InstrumentUse { instrument_id: Uuid::nil(), demands: vec![] }],
            ),
        ] {
            assert_eq!(other.again(grants.clone(), facts.at).unwrap_err().reason(), Reason::FieldInvalid);
        }
    }
}
