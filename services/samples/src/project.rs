//! What samples are measured for, and who works on it.

use chrono::{DateTime, Utc};
use spectra_runtime::{Error, Reason, Result};
use uuid::Uuid;

/// The name of the noun in errors and events.
pub const RESOURCE: &str = "project";
/// Its two states, as errors name them.
const ACTIVE: &str = "active";
const ARCHIVED: &str = "archived";

/// What samples are measured for.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    pub id: Uuid,
    pub code: String,
    pub name: String,
    pub description: String,
    /// Users, whom only Auth knows.
    pub member_ids: Vec<Uuid>,
    /// From then on it takes no new samples.
    pub archived_at: Option<DateTime<Utc>>,
    pub created_by: Uuid,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub revision: i64,
}

impl Project {
    /// Refuses what no project may be, whoever wrote it.
    pub fn check(&self) -> Result<()> {
        let named = [("code", &self.code), ("name", &self.name)];
        if let Some((field, _)) = named.into_iter().find(|(_, text)| text.trim().is_empty()) {
            return Err(Error::field(format!("project.{field}"), "is wanted"));
        }
        for (index, id) in self.member_ids.iter().enumerate() {
            if self.member_ids[..index].contains(id) {
                let rule = format!("names user {id} a second time");
                return Err(Error::field(format!("project.member_ids[{index}]"), rule));
            }
        }
        Ok(())
    }

    /// Closes it.
    pub fn archive(&mut self, at: DateTime<Utc>) -> Result<()> {
        if self.archived_at.is_some() {
            return Err(Error::state(RESOURCE, self.id, ARCHIVED, ARCHIVED, &[ACTIVE]));
        }
        self.archived_at = Some(at);
        Ok(())
    }

    /// Opens it again.
    pub fn unarchive(&mut self) -> Result<()> {
        if self.archived_at.take().is_none() {
            return Err(Error::state(RESOURCE, self.id, ACTIVE, ACTIVE, &[ARCHIVED]));
        }
        Ok(())
    }
}

/// Why a sample is not put into this project.
pub fn archived(id: Uuid) -> Error {
    Error::precondition(Reason::StateConflict, "the project is archived and takes no new samples: unarchive it first")
        .about(RESOURCE, id)
        .with("from", ARCHIVED)
        .with("to", ARCHIVED)
        .with("allowed", ACTIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> Project {
        let at = DateTime::UNIX_EPOCH;
        Project {
            id: Uuid::now_v7(),
            code: "GAN-HEMT".to_owned(),
            name: "GaN transistors".to_owned(),
            description: String::new(),
            member_ids: vec![Uuid::now_v7(), Uuid::now_v7()],
            archived_at: None,
            created_by: Uuid::nil(),
            created_at: at,
            updated_at: at,
            revision: 1,
        }
    }

    #[test]
    fn a_project_needs_a_code_and_a_name_and_has_each_member_once() {
        assert!(project().check().is_ok());
        for blank in [Project { code: String::new(), ..project() }, Project { name: " ".to_owned(), ..project() }] {
            assert_eq!(blank.check().unwrap_err().reason(), Reason::FieldInvalid);
        }
        let mut twice = project();
        twice.member_ids.push(twice.member_ids[0]);
        let refusal = twice.check().unwrap_err();
        assert!(refusal.to_string().contains("project.member_ids[2]"), "{refusal}");
    }

    #[test]
    fn it_is_archived_and_unarchived_in_turn() {
        let mut project = project();
        let refusal = project.unarchive().unwrap_err();
        assert_eq!((refusal.reason(), refusal.metadata("allowed")), (Reason::StateConflict, Some("archived")));
        project.archive(DateTime::UNIX_EPOCH).unwrap();
        let refusal = project.archive(DateTime::UNIX_EPOCH).unwrap_err();
        assert_eq!((refusal.reason(), refusal.metadata("allowed")), (Reason::StateConflict, Some("active")));
        project.unarchive().unwrap();
        assert_eq!(project.archived_at, None);
    }
}
