//! `samples.project`.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, SelectableHelper as _,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use futures::FutureExt as _;
use spectra_runtime::{
    Error, Result,
    db::{Batch, Prepared, clock_timestamp, constraint, fault},
    list::{Field, Page, Spec},
};
use uuid::Uuid;

use super::schema::project;
use crate::project::{Project, RESOURCE};

#[derive(diesel::Queryable, diesel::Selectable, diesel::Insertable)]
#[diesel(table_name = project, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
struct Row {
    org_id: Uuid,
    id: Uuid,
    code: String,
    name: String,
    description: String,
    member_ids: Vec<Uuid>,
    archived_at: Option<DateTime<Utc>>,
    created_by: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    revision: i64,
}

impl From<Row> for Project {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            code: row.code,
            name: row.name,
            description: row.description,
            member_ids: row.member_ids,
            archived_at: row.archived_at,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            revision: row.revision,
        }
    }
}

fn row(org_id: Uuid, project: &Project) -> Row {
    let project = project.clone();
    Row {
        org_id,
        id: project.id,
        code: project.code,
        name: project.name,
        description: project.description,
        member_ids: project.member_ids,
        archived_at: project.archived_at,
        created_by: project.created_by,
        created_at: project.created_at,
        updated_at: project.updated_at,
        revision: project.revision,
    }
}

/// What a list of projects can be filtered and ordered by.
pub static LIST: Spec<Project> = Spec::new(
    ("project.id", |project| project.id),
    &[
        Field::instant("created_at", "project.created_at").sortable(|project| project.created_at.into()),
        Field::instant("updated_at", "project.updated_at").sortable(|project| project.updated_at.into()),
        Field::text("code", "project.code").sortable(|project| project.code.as_str().into()),
        Field::text("name", "project.name").sortable(|project| project.name.as_str().into()),
        Field::text("description", "project.description"),
        // As a text, of which `:` finds a part.
        Field::text("member_ids", "array_to_string(project.member_ids, ' ')"),
        Field::instant("archived_at", "project.archived_at"),
        Field::uuid("created_by", "project.created_by"),
    ],
);

/// Point reads by id, which travel together.
pub fn batch() -> Batch<Project> {
    Batch::new(|conn, org_id, ids| {
        async move {
            let rows: Vec<Row> = project::table
                .filter(project::org_id.eq(org_id).and(project::id.eq_any(ids)))
                .select(Row::as_select())
                .load(conn)
                .await
                .map_err(fault)?;
            Ok(rows.into_iter().map(|row| (row.id, Project::from(row))).collect())
        }
        .boxed()
    })
}

pub async fn project_list(conn: &mut AsyncPgConnection, org_id: Uuid, page: &Page<Project>) -> Result<Vec<Project>> {
    let query = project::table
        .filter(project::org_id.eq(org_id))
        .filter(page.condition())
        .order_by(page.order_and_limit())
        .select(Row::as_select());
    page.load(query, conn).await
}

/// The project, locked until the transaction ends.
pub async fn project_lock(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<Project> {
    project::table
        .filter(project::org_id.eq(org_id).and(project::id.eq(id)))
        .select(Row::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .map(Project::from)
        .ok_or_else(|| Error::not_found(RESOURCE, id))
}

/// Those of these projects that exist, held as they are until the transaction ends. Always in the order of their ids, so
/// that nobody waits in a circle.
pub async fn projects_hold(conn: &mut AsyncPgConnection, org_id: Uuid, ids: Vec<Uuid>) -> Result<Vec<Project>> {
    let rows: Vec<Row> = project::table
        .filter(project::org_id.eq(org_id).and(project::id.eq_any(ids)))
        .order_by(project::id)
        .select(Row::as_select())
        .for_share()
        .load(conn)
        .await
        .map_err(fault)?;
    Ok(rows.into_iter().map(Project::from).collect())
}

pub async fn project_insert(conn: &mut AsyncPgConnection, org_id: Uuid, project: &Project) -> Result<()> {
    diesel::insert_into(project::table)
        .values(row(org_id, project))
        .execute(conn)
        .await
        .map_err(|error| taken(error, project))?;
    Ok(())
}

/// Writes what may change of a locked project; its next revision comes back.
pub async fn project_update(conn: &mut AsyncPgConnection, org_id: Uuid, project: &Project) -> Result<Project> {
    let row = row(org_id, project);
    Prepared(
        diesel::update(project::table.filter(project::org_id.eq(org_id).and(project::id.eq(project.id))))
            .set((
                project::code.eq(row.code),
                project::name.eq(row.name),
                project::description.eq(row.description),
                project::member_ids.eq(row.member_ids),
                project::archived_at.eq(row.archived_at),
                project::updated_at.eq(clock_timestamp()),
                project::revision.eq(project::revision + 1),
            ))
            .returning(Row::as_returning()),
    )
    .get_result(conn)
    .await
    .map_err(|error| taken(error, project))
    .map(|row: Row| row.into())
}

fn taken(error: diesel::result::Error, project: &Project) -> Error {
    match constraint(&error) {
        Some("project_code_key") => Error::exists(RESOURCE, "code", &project.code),
        _ => fault(error),
    }
}
