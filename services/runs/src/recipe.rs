//! Recipes: what the laboratory has agreed to measure with, in versions that are reviewed.

mod canonical;
mod content;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use spectra_runtime::{Error, Reason, Result};
use uuid::Uuid;

use crate::run::{Pin, Run};

pub use content::{Content, Limit};

/// The name of the noun in errors and events.
pub const RESOURCE: &str = "recipe";
/// The name of one version in errors.
pub const VERSION: &str = "recipe_version";

/// A name, and the versions that matter now.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    pub id: Uuid,
    pub name: String,
    pub latest: Version,
    /// What runs are made from.
    pub approved: Option<Version>,
    pub created_by: Uuid,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub revision: i64,
}

/// One version of a recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    pub id: Uuid,
    pub recipe_id: Uuid,
    /// From 1 on.
    pub number: i32,
    pub content: Content,
    /// Hexadecimal; made by the database from the bytes that it keeps.
    pub content_sha256: String,
    pub comment: String,
    pub state: State,
    /// Who edited it last.
    pub author_id: Uuid,
    /// Who has edited it, the last one among them; kept by the database.
    pub author_ids: Vec<Uuid>,
    pub submitted_by: Option<Uuid>,
    pub submitted_at: Option<DateTime<Utc>>,
    /// Who approved it, or rejected it last.
    pub reviewed_by: Option<Uuid>,
    pub reviewed_at: Option<DateTime<Utc>>,
    pub review_comment: String,
    /// Who retired it, or approved its successor.
    pub closed_by: Option<Uuid>,
    pub closed_at: Option<DateTime<Utc>>,
    pub closed_comment: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Draft,
    InReview,
    Approved,
    Superseded,
    Retired,
}

/// What can be done with a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Submit,
    Approve,
    Reject,
    Retire,
    /// Part of the approval of a later version.
    Supersede,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Draft, Self::InReview, Self::Approved, Self::Superseded, Self::Retired];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::InReview => "in_review",
            Self::Approved => "approved",
            Self::Superseded => "superseded",
            Self::Retired => "retired",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl Step {
    pub const ALL: [Self; 5] = [Self::Submit, Self::Approve, Self::Reject, Self::Retire, Self::Supersede];

    /// The state machine: each step, the state that it leads out of, and the one that it leads to.
    const fn row(self) -> (&'static str, State, State) {
        match self {
            Self::Submit => ("submit", State::Draft, State::InReview),
            Self::Approve => ("approve", State::InReview, State::Approved),
            Self::Reject => ("reject", State::InReview, State::Draft),
            Self::Retire => ("retire", State::Approved, State::Retired),
            Self::Supersede => ("supersede", State::Approved, State::Superseded),
        }
    }

    /// Its name in the event log.
    pub const fn verb(self) -> &'static str {
        self.row().0
    }

    const fn leads_out_of(self) -> State {
        self.row().1
    }

    pub const fn leads_to(self) -> State {
        self.row().2
    }
}

impl Recipe {
    /// Gives it another name.
    ///
    /// # Errors
    /// FIELD_INVALID.
    pub fn rename(&mut self, name: String) -> Result<()> {
        if name.trim().is_empty() {
            return Err(Error::field("recipe.name", "is wanted"));
        }
        self.name = name;
        Ok(())
    }

    /// The draft to edit: the latest version, or the one after it where that is no draft any more.
    pub fn draft(&self, author_id: Uuid, at: DateTime<Utc>) -> Version {
        let latest = &self.latest;
        match latest.state {
            State::Draft => {
                let mut draft = Version { author_id, ..latest.clone() };
                if !draft.author_ids.contains(&author_id) {
                    draft.author_ids.push(author_id);
                }
                draft
            }
            _ => Version {
                comment: latest.comment.clone(),
                ..Version::new(self.id, latest.number + 1, latest.content.clone(), author_id, at)
            },
        }
    }
}

impl Version {
    /// A draft, as somebody begins it.
    pub fn new(recipe_id: Uuid, number: i32, content: Content, author_id: Uuid, at: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::now_v7(),
            recipe_id,
            number,
            content,
            content_sha256: String::new(),
            comment: String::new(),
            state: State::Draft,
            author_id,
            author_ids: vec![author_id],
            submitted_by: None,
            submitted_at: None,
            reviewed_by: None,
            reviewed_at: None,
            review_comment: String::new(),
            closed_by: None,
            closed_at: None,
            closed_comment: String::new(),
            created_at: at,
            updated_at: at,
        }
    }

    /// Takes a step, if the state allows it. The database stamps its instant.
    ///
    /// # Errors
    /// STATE_CONFLICT.
    pub fn take(&mut self, step: Step, by: Uuid, comment: &str) -> Result<()> {
        if step.leads_out_of() != self.state {
            return Err(self.refusal(step));
        }
        self.state = step.leads_to();
        match step {
            Step::Submit => self.submitted_by = Some(by),
            Step::Approve => (self.reviewed_by, self.review_comment) = (Some(by), comment.to_owned()),
            Step::Reject => {
                (self.reviewed_by, self.review_comment) = (Some(by), comment.to_owned());
                (self.submitted_by, self.submitted_at) = (None, None);
            }
            Step::Retire | Step::Supersede => (self.closed_by, self.closed_comment) = (Some(by), comment.to_owned()),
        }
        Ok(())
    }

    /// What a step is answered that the state does not allow.
    pub fn refusal(&self, step: Step) -> Error {
        let ways = Step::ALL.into_iter().filter(|way| way.leads_out_of() == self.state && *way != step);
        let allowed: Vec<_> = ways.map(|way| way.leads_to().as_str()).collect();
        Error::state(VERSION, self.id, self.state.as_str(), step.leads_to().as_str(), &allowed)
    }

    /// Makes a run follow it, but for the parameters that the run changes within the limits.
    ///
    /// # Errors
    /// RECIPE_NOT_APPROVED, FIELD_INVALID (another method), PARAMS_INVALID.
    pub fn pin(self, run: &mut Run) -> Result<()> {
        if self.state != State::Approved {
            let message = format!("version {} of the recipe is {}, not approved", self.number, self.state.as_str());
            return Err(not_approved(message, Some(self.id)));
        }
        if !run.method.is_empty() && run.method != self.content.method {
            let rule = format!("must be {}, the recipe's, or be left out", self.content.method);
            return Err(Error::field("run.method", rule));
        }
        run.params = self.content.params_with(std::mem::take(&mut run.params))?;
        run.method = self.content.method;
        run.recipe = Some(Pin { version_id: self.id, sha256: self.content_sha256 });
        Ok(())
    }
}

/// The refusal of a run for want of an approved recipe.
pub fn not_approved(message: impl Into<Cow<'static, str>>, version_id: Option<Uuid>) -> Error {
    let refusal = Error::precondition(Reason::RecipeNotApproved, message);
    match version_id {
        Some(id) => refusal.about(VERSION, id).with("recipe_version_id", id),
        None => refusal.with("recipe_version_id", ""),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn version(state: State) -> Version {
        let version = Version::new(Uuid::now_v7(), 1, Content::default(), Uuid::now_v7(), DateTime::UNIX_EPOCH);
        Version { state, ..version }
    }

    #[test]
    fn every_step_out_of_every_state_is_as_the_database_has_it() {
        // The list in the migration's trigger.
        let wanted = "draft>in_review in_review>approved in_review>draft approved>superseded approved>retired";
        let wanted: BTreeSet<_> = wanted.split_whitespace().map(str::to_owned).collect();
        let mut allowed = BTreeSet::new();
        for state in State::ALL {
            for step in Step::ALL {
                let mut version = version(state);
                match version.take(step, Uuid::now_v7(), "") {
                    Ok(()) => assert!(allowed.insert(format!("{}>{}", state.as_str(), version.state.as_str()))),
                    Err(refusal) => {
                        assert_eq!(refusal.reason(), Reason::StateConflict);
                        assert_eq!(version.state, state);
                    }
                }
            }
        }
        assert_eq!(allowed, wanted);
        assert!(State::ALL.into_iter().all(|state| State::parse(state.as_str()) == Some(state)));
    }

    #[test]
    fn what_was_submitted_is_followed_by_a_new_draft() {
        let at = DateTime::UNIX_EPOCH;
        let recipe = |state| {
            let latest = Version { comment: "first".to_owned(), ..version(state) };
            let id = latest.recipe_id;
            let (name, created_by) = ("r".to_owned(), latest.author_id);
            Recipe { id, name, latest, approved: None, created_by, created_at: at, updated_at: at, revision: 1 }
        };
        let somebody = Uuid::now_v7();
        let draft = recipe(State::Draft);
        let edited = draft.draft(somebody, at);
        assert_eq!((edited.id, edited.number, edited.author_id), (draft.latest.id, 1, somebody));
        for state in [State::InReview, State::Approved, State::Superseded, State::Retired] {
            let begun = recipe(state);
            let next = begun.draft(somebody, at);
            assert_ne!(next.id, begun.latest.id);
            assert_eq!((next.number, next.state, next.comment.as_str()), (2, State::Draft, "first"));
        }
    }

    #[test]
    fn a_rejected_version_is_nobodys_submission_any_more() {
        let mut version = version(State::Draft);
        let (author, reviewer) = (Uuid::now_v7(), Uuid::now_v7());
        version.take(Step::Submit, author, "").unwrap();
        assert_eq!(version.submitted_by, Some(author));
        version.take(Step::Reject, reviewer, "no").unwrap();
        assert_eq!((version.submitted_by, version.reviewed_by), (None, Some(reviewer)));
        assert_eq!(version.review_comment, "no");
    }
}
