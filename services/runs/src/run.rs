//! What a run is, and what may become of it.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use spectra_runtime::{Error, Result};
use uuid::Uuid;

use crate::data::Stream;

/// The name of the noun in errors and events.
pub const RESOURCE: &str = "run";

/// One measurement of a sample on an instrument.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub id: Uuid,
    /// The instrument that measures.
    pub instrument_id: Uuid,
    pub sample_id: Uuid,
    pub method: String,
    /// As the method's schema wants them, defaults filled in.
    pub params: Map<String, Value>,
    /// What it follows, if anything.
    pub recipe: Option<Pin>,
    pub further_instrument_ids: Vec<Uuid>,
    pub comment: String,
    pub purpose: Purpose,
    pub state: State,
    pub disposition: Disposition,
    pub state_reason: String,
    pub created_by: Uuid,
    pub operator_id: Option<Uuid>,
    /// One an instrument, once it has started.
    pub grants: Vec<Grant>,
    /// A calibration that it pins expired, or was revoked, while it ran.
    pub flagged: bool,
    /// What it has measured so far.
    pub streams: Vec<Stream>,
    pub valid_from: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
    pub revision: i64,
}

/// The version of a recipe that a run follows, and the hash of what that says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    pub version_id: Uuid,
    /// Hexadecimal.
    pub sha256: String,
}

/// Proof, out of Calibration's ledger, that an instrument might be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    pub id: Uuid,
    pub instrument_id: Uuid,
    pub exempt: bool,
    /// The one in force; an exempt use may have none.
    pub calibration_id: Option<Uuid>,
    pub valid_from: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
    pub authorized_at: DateTime<Utc>,
    /// Nothing may be started with it from here on.
    pub lapses_at: DateTime<Utc>,
    /// When the calibration was revoked, as far as is known here.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The grants of one attempt to start a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Authorization {
    pub grants: Vec<Grant>,
    /// When fitness was decided, by the database's clock: the start of the run.
    pub authorized_at: DateTime<Utc>,
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Routine,
    IntermediateCheck,
    Calibration,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Queued,
    Held,
    Running,
    Paused,
    Succeeded,
    Failed,
    Aborted,
    Cancelled,
}

/// What the review made of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    Unreviewed,
    Verified,
    Suspect,
    Invalidated,
}

/// What can be done with a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Start,
    Pause,
    Resume,
    Complete,
    Fail,
    Abort,
    Hold,
    Release,
    Cancel,
}

impl Purpose {
    pub const ALL: [Self; 3] = [Self::Routine, Self::IntermediateCheck, Self::Calibration];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Routine => "routine",
            Self::IntermediateCheck => "intermediate_check",
            Self::Calibration => "calibration",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }

    /// Whether an instrument may be used that is not fit for it. A routine run never is.
    pub fn is_exempt(self) -> bool {
        self != Self::Routine
    }
}

impl State {
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Held,
        Self::Running,
        Self::Paused,
        Self::Succeeded,
        Self::Failed,
        Self::Aborted,
        Self::Cancelled,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Held => "held",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether the run has its instruments and its sample in use.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// Whether the run is over for good.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Aborted | Self::Cancelled)
    }
}

impl Disposition {
    pub const ALL: [Self; 4] = [Self::Unreviewed, Self::Verified, Self::Suspect, Self::Invalidated];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreviewed => "unreviewed",
            Self::Verified => "verified",
            Self::Suspect => "suspect",
            Self::Invalidated => "invalidated",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|disposition| disposition.as_str() == text)
    }
}

impl Step {
    pub const ALL: [Self; 9] = [
        Self::Start,
        Self::Pause,
        Self::Resume,
        Self::Complete,
        Self::Fail,
        Self::Abort,
        Self::Hold,
        Self::Release,
        Self::Cancel,
    ];

    /// The state machine: each step, the states that it leads out of, and the one that it leads to.
    const fn row(self) -> (&'static str, &'static [State], State) {
        match self {
            Self::Start => ("start", &[State::Queued], State::Running),
            Self::Pause => ("pause", &[State::Running], State::Paused),
            Self::Resume => ("resume", &[State::Paused], State::Running),
            Self::Complete => ("complete", &[State::Running], State::Succeeded),
            Self::Fail => ("fail", &[State::Running, State::Paused], State::Failed),
            Self::Abort => ("abort", &[State::Running, State::Paused], State::Aborted),
            Self::Hold => ("hold", &[State::Queued], State::Held),
            Self::Release => ("release", &[State::Held], State::Queued),
            Self::Cancel => ("cancel", &[State::Queued, State::Held], State::Cancelled),
        }
    }

    /// Its name in the event log.
    pub const fn verb(self) -> &'static str {
        self.row().0
    }

    pub const fn leads_to(self) -> State {
        self.row().2
    }

    /// Whether it takes a run out of use for good, and with it its sample.
    pub const fn ends_use(self) -> bool {
        matches!(self, Self::Complete | Self::Fail | Self::Abort)
    }

    fn leads_out_of(self, state: State) -> bool {
        self.row().1.contains(&state)
    }
}

impl Run {
    /// Refuses a step that the run's state does not allow.
    pub fn check(&self, step: Step) -> Result<()> {
        if step.leads_out_of(self.state) {
            return Ok(());
        }
        let to = step.leads_to();
        // A queued run is not resumed, though a start makes it running: what was asked for is never offered instead.
        let allowed: Vec<_> = Step::ALL
            .into_iter()
            .filter(|other| other.leads_out_of(self.state) && other.leads_to() != to)
            .map(|other| other.leads_to().as_str())
            .collect();
        Err(Error::state(RESOURCE, self.id, self.state.as_str(), to.as_str(), &allowed))
    }

    /// Refuses a list of further instruments that names one twice, or the one that measures.
    pub fn check_instruments(&self) -> Result<()> {
        let mut seen = vec![self.instrument_id];
        for (index, id) in self.further_instrument_ids.iter().enumerate() {
            if seen.contains(id) {
                let rule = format!("names instrument {id} a second time");
                return Err(Error::field(format!("run.further_instrument_ids[{index}]"), rule));
            }
            seen.push(*id);
        }
        Ok(())
    }

    /// Every instrument that it uses, the one that measures first.
    pub fn instrument_ids(&self) -> impl Iterator<Item = Uuid> {
        std::iter::once(self.instrument_id).chain(self.further_instrument_ids.iter().copied())
    }
}

impl Grant {
    /// Whether its calibration was lost in the course of a use that ended, or was last looked at, at this instant.
    pub fn lost_by(&self, end: DateTime<Utc>) -> bool {
        [self.expires_at, self.revoked_at].into_iter().flatten().any(|lost| self.authorized_at < lost && lost <= end)
    }
}

impl Authorization {
    /// The time within which every calibration holds, half-open; open where a grant names none.
    pub fn validity(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let valid_from: Option<Vec<_>> = self.grants.iter().map(|grant| grant.valid_from).collect();
        let expires_at: Option<Vec<_>> = self.grants.iter().map(|grant| grant.expires_at).collect();
        (valid_from.and_then(|all| all.into_iter().max()), expires_at.and_then(|all| all.into_iter().min()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::TimeDelta;
    use spectra_runtime::Reason;

    use super::*;

    fn run(state: State) -> Run {
        let at = DateTime::UNIX_EPOCH;
        Run {
            id: Uuid::now_v7(),
            instrument_id: Uuid::now_v7(),
            sample_id: Uuid::now_v7(),
            method: "iv_sweep".to_owned(),
            params: Map::new(),
            recipe: None,
            further_instrument_ids: Vec::new(),
            comment: String::new(),
            purpose: Purpose::Routine,
            state,
            disposition: Disposition::Unreviewed,
            state_reason: String::new(),
            created_by: Uuid::nil(),
            operator_id: None,
            grants: Vec::new(),
            flagged: false,
            streams: Vec::new(),
            valid_from: None,
            expires_at: None,
            created_at: at,
            started_at: None,
            finished_at: None,
            updated_at: at,
            revision: 1,
        }
    }

    #[test]
    fn every_step_out_of_every_state_is_as_the_database_has_it() {
        // The list in the migration's trigger.
        let wanted = "queued>running queued>held queued>cancelled held>queued held>cancelled running>paused \
                      running>succeeded running>failed running>aborted paused>running paused>failed paused>aborted";
        let wanted: BTreeSet<_> = wanted.split_whitespace().map(str::to_owned).collect();
        let mut allowed = BTreeSet::new();
        for state in State::ALL {
            let run = run(state);
            for step in Step::ALL {
                let to = step.leads_to();
                match run.check(step) {
                    Ok(()) => assert!(
                        allowed.insert(format!("{}>{}", state.as_str(), to.as_str())),
                        "two steps lead from {state:?} to {to:?}"
                    ),
                    Err(refusal) => {
                        assert_eq!(refusal.reason(), Reason::StateConflict);
                        assert_eq!(refusal.metadata("from"), Some(state.as_str()));
                        assert_eq!(refusal.metadata("to"), Some(to.as_str()));
                        if state.is_terminal() {
                            assert_eq!(refusal.metadata("allowed"), Some(""), "{state:?} is the end");
                        }
                    }
                }
            }
        }
        assert_eq!(allowed, wanted);
    }

    #[test]
    fn a_refusal_says_what_is_allowed_instead() {
        let allowed = |state, step| run(state).check(step).unwrap_err().metadata("allowed").map(str::to_owned);
        assert_eq!(allowed(State::Queued, Step::Pause).as_deref(), Some("running,held,cancelled"));
        assert_eq!(allowed(State::Held, Step::Start).as_deref(), Some("queued,cancelled"));
        assert_eq!(allowed(State::Running, Step::Start).as_deref(), Some("paused,succeeded,failed,aborted"));
        assert_eq!(allowed(State::Paused, Step::Complete).as_deref(), Some("running,failed,aborted"));
        assert_eq!(allowed(State::Queued, Step::Resume).as_deref(), Some("held,cancelled"), "a start is no resume");
    }

    #[test]
    fn the_names_of_states_go_round() {
        assert!(State::ALL.into_iter().all(|state| State::parse(state.as_str()) == Some(state)));
        assert!(Purpose::ALL.into_iter().all(|purpose| Purpose::parse(purpose.as_str()) == Some(purpose)));
        assert!(Disposition::ALL.into_iter().all(|made| Disposition::parse(made.as_str()) == Some(made)));
    }

    #[test]
    fn no_instrument_is_named_twice() {
        let mut twice = run(State::Queued);
        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        twice.further_instrument_ids = vec![first, second];
        assert!(twice.check_instruments().is_ok());
        assert_eq!(twice.instrument_ids().count(), 3);
        twice.further_instrument_ids = vec![first, first];
        assert_eq!(twice.check_instruments().unwrap_err().reason(), Reason::FieldInvalid);
        twice.further_instrument_ids = vec![twice.instrument_id];
        assert!(twice.check_instruments().is_err());
    }

    #[test]
    fn a_run_is_valid_while_all_of_its_grants_are() {
        let at = |hours| DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        let grant = |valid_from: Option<i64>, expires_at: Option<i64>| Grant {
            id: Uuid::now_v7(),
            instrument_id: Uuid::now_v7(),
            exempt: valid_from.is_none(),
            calibration_id: None,
            valid_from: valid_from.map(at),
            expires_at: expires_at.map(at),
            authorized_at: at(5),
            lapses_at: at(6),
            revoked_at: None,
        };
        let of = |grants| Authorization { grants, authorized_at: at(5) }.validity();
        let two = vec![grant(Some(1), Some(9)), grant(Some(2), Some(8))];
        assert_eq!(of(two), (Some(at(2)), Some(at(8))));
        assert_eq!(of(vec![grant(Some(1), Some(9)), grant(None, None)]), (None, None));
    }
}
