//! Projects of the demo laboratory.

use contract::samples::v1::{CreateProjectRequest, ListProjectsRequest, Project};

use super::{Result, Session, Trouble, said};

/// Ids of the demo projects, for the samples in them.
pub(super) struct Projects {
    pub(super) transistors: String,
    pub(super) powders: String,
}

/// The projects, and how many were not there before.
pub(super) async fn demo(session: &Session, member_ids: Vec<String>) -> Result<(Projects, usize)> {
    let project = |code: &str, name: &str, description: &str, member_ids: &[String]| Project {
        code: code.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        member_ids: member_ids.to_vec(),
        ..Default::default()
    };
    let about = "From the wafer to the transfer curve: which dies of the new epitaxy meet the specification.";
    let (transistors, one) = enter(session, project("GAN-HEMT", "GaN transistors", about, &member_ids)).await?;
    let about = "Powders for sputter targets; purity and resistivity by lot.";
    let (powders, other) = enter(session, project("ZNO-TARGET", "ZnO targets", about, &member_ids[..1])).await?;
    Ok((Projects { transistors, powders }, one + other))
}

/// The project's id, and 1 if it was not there before.
async fn enter(session: &Session, project: Project) -> Result<(String, usize)> {
    let request =
        ListProjectsRequest { filter: format!("code = \"{}\"", project.code), page_size: 1, ..Default::default() };
    let there = session.projects().list_projects(request).await.map_err(said)?.into_inner();
    if let Some(found) = there.projects.into_iter().next() {
        return Ok((found.id, 0));
    }
    let request = CreateProjectRequest { project: Some(project), request_id: String::new() };
    let created = session.projects().create_project(request).await.map_err(said)?.into_inner();
    Ok((created.project.ok_or_else(|| Trouble::new("no project came back"))?.id, 1))
}
