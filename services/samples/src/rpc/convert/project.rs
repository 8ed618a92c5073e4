//! Projects.

use chrono::{DateTime, Utc};
use contract::samples::v1 as wire;
use spectra_runtime::{
    Result,
    wire::{etag, id, timestamp},
};
use uuid::Uuid;

use crate::project::Project;

pub fn to_wire(project: Project) -> wire::Project {
    wire::Project {
        id: project.id.to_string(),
        code: project.code,
        name: project.name,
        description: project.description,
        member_ids: project.member_ids.iter().map(Uuid::to_string).collect(),
        archived_at: project.archived_at.map(timestamp),
        created_by: project.created_by.to_string(),
        created_at: Some(timestamp(project.created_at)),
        updated_at: Some(timestamp(project.updated_at)),
        etag: etag(project.revision),
    }
}

/// A project that a client enters; the server's own fields are not looked at.
pub fn from_wire(from: wire::Project, created_by: Uuid, created_at: DateTime<Utc>) -> Result<Project> {
    let mut project = Project {
        id: Uuid::now_v7(),
        code: String::new(),
        name: String::new(),
        description: String::new(),
        member_ids: Vec::new(),
        archived_at: None,
        created_by,
        created_at,
        updated_at: created_at,
        revision: 1,
    };
    apply(&mut project, from, |_| true)?;
    Ok(project)
}

/// Takes the fields that `has` names from what a client sent; the server's own are left alone.
pub fn apply(project: &mut Project, from: wire::Project, has: impl Fn(&str) -> bool) -> Result<()> {
    if has("code") {
        project.code = from.code;
    }
    if has("name") {
        project.name = from.name;
    }
    if has("description") {
        project.description = from.description;
    }
    if has("member_ids") {
        let members = from.member_ids.iter().enumerate();
        project.member_ids =
            members.map(|(index, text)| id(&format!("project.member_ids[{index}]"), text)).collect::<Result<_>>()?;
    }
    project.check()
}
