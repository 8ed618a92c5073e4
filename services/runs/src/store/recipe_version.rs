//! `runs.recipe_version`: what a recipe said and says. The database hashes the content, stamps each step's instant, and
//! refuses what the states do not allow.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, JoinOnDsl as _, OptionalExtension as _, QueryDsl as _,
    SelectableHelper as _,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Error, Reason, Result,
    db::{Prepared, constraint, fault},
    list::{Field, Page, Spec},
};
use uuid::Uuid;

use super::schema::{recipe, recipe_version as version};
use crate::recipe::{Content, State, Step, VERSION, Version};

#[derive(diesel::Queryable, diesel::Selectable)]
#[diesel(table_name = version, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    recipe_id: Uuid,
    version: i32,
    content: Vec<u8>,
    content_sha256: String,
    comment: String,
    state: String,
    author_id: Uuid,
    author_ids: Vec<Uuid>,
    submitted_by: Option<Uuid>,
    submitted_at: Option<DateTime<Utc>>,
    reviewed_by: Option<Uuid>,
    reviewed_at: Option<DateTime<Utc>>,
    review_comment: String,
    closed_by: Option<Uuid>,
    closed_at: Option<DateTime<Utc>>,
    closed_comment: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Version {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            recipe_id: row.recipe_id,
            number: row.version,
            content: Content::from_bytes(&row.content)?,
            content_sha256: row.content_sha256,
            comment: row.comment,
            state: State::parse(&row.state)
                .ok_or_else(|| Error::internal(format!("unknown state {} in the table", row.state)))?,
            author_id: row.author_id,
            // Of a version from before they were kept, the last one is known.
            author_ids: if row.author_ids.is_empty() { vec![row.author_id] } else { row.author_ids },
            submitted_by: row.submitted_by,
            submitted_at: row.submitted_at,
            reviewed_by: row.reviewed_by,
            reviewed_at: row.reviewed_at,
            review_comment: row.review_comment,
            closed_by: row.closed_by,
            closed_at: row.closed_at,
            closed_comment: row.closed_comment,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// What a list of versions can be filtered and ordered by.
pub static LIST: Spec<Version> = Spec::new(
    ("recipe_version.id", |version| version.id),
    &[
        Field::instant("created_at", "recipe_version.created_at").sortable(|version| version.created_at.into()),
        Field::instant("updated_at", "recipe_version.updated_at").sortable(|version| version.updated_at.into()),
        Field::uuid("id", "recipe_version.id"),
        Field::uuid("recipe_id", "recipe_version.recipe_id"),
        Field::integer("version", "recipe_version.version"),
        Field::text("method", "recipe_version.method"),
        Field::state("state", "recipe_version.state", "spectra.runs.v1.RecipeState"),
        Field::uuid("author_id", "recipe_version.author_id"),
    ],
);

pub async fn version_list(conn: &mut AsyncPgConnection, org_id: Uuid, page: &Page<Version>) -> Result<Vec<Version>> {
    let query = version::table
        .filter(version::org_id.eq(org_id))
        .filter(page.condition())
        .order_by(page.order_and_limit())
        .select(Row::as_select());
    page.load(query, conn).await
}

pub async fn version_get(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<Version> {
    version::table
        .filter(version::org_id.eq(org_id).and(version::id.eq(id)))
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .ok_or_else(|| Error::not_found(VERSION, id))
        .and_then(Version::try_from)
}

/// The version of a recipe with this number.
pub async fn version_of(conn: &mut AsyncPgConnection, org_id: Uuid, recipe_id: Uuid, number: i32) -> Result<Version> {
    version::table
        .filter(version::org_id.eq(org_id).and(version::recipe_id.eq(recipe_id)).and(version::version.eq(number)))
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .ok_or_else(|| Error::not_found(VERSION, number))
        .and_then(Version::try_from)
}

/// Of each of these recipes, the latest version and the approved one.
pub async fn versions_that_matter(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    recipe_ids: Vec<Uuid>,
) -> Result<Vec<Version>> {
    let of = recipe::org_id.eq(version::org_id).and(recipe::id.eq(version::recipe_id));
    let rows: Vec<Row> = version::table
        .inner_join(recipe::table.on(of))
        .filter(version::org_id.eq(org_id).and(version::recipe_id.eq_any(recipe_ids)))
        .filter(version::version.eq(recipe::latest_version).or(version::state.eq(State::Approved.as_str())))
        .select(Row::as_select())
        .load(conn)
        .await
        .map_err(fault)?;
    rows.into_iter().map(Version::try_from).collect()
}

/// Writes a new draft.
pub async fn version_insert(conn: &mut AsyncPgConnection, org_id: Uuid, draft: &Version) -> Result<()> {
    diesel::insert_into(version::table)
        .values((
            version::org_id.eq(org_id),
            version::id.eq(draft.id),
            version::recipe_id.eq(draft.recipe_id),
            version::version.eq(draft.number),
            version::content.eq(draft.content.to_bytes()?),
            version::method.eq(&draft.content.method),
            version::comment.eq(&draft.comment),
            version::state.eq(draft.state.as_str()),
            version::author_id.eq(draft.author_id),
            version::created_at.eq(draft.created_at),
            version::updated_at.eq(draft.updated_at),
        ))
        .execute(conn)
        .await
        .map_err(fault)?;
    Ok(())
}

/// Writes what may change of a version whose recipe is locked.
pub async fn version_update(conn: &mut AsyncPgConnection, org_id: Uuid, changed: &Version) -> Result<()> {
    let update = diesel::update(version::table.filter(version::org_id.eq(org_id).and(version::id.eq(changed.id))));
    Prepared(update.set((
        version::content.eq(changed.content.to_bytes()?),
        version::method.eq(&changed.content.method),
        version::comment.eq(&changed.comment),
        version::state.eq(changed.state.as_str()),
        version::author_id.eq(changed.author_id),
        version::submitted_by.eq(changed.submitted_by),
        version::submitted_at.eq(changed.submitted_at),
        version::reviewed_by.eq(changed.reviewed_by),
        version::review_comment.eq(&changed.review_comment),
        version::closed_by.eq(changed.closed_by),
        version::closed_comment.eq(&changed.closed_comment),
    )))
    .execute(conn)
    .await
    .map_err(|error| refused(error, changed))?;
    Ok(())
}

fn refused(error: diesel::result::Error, version: &Version) -> Error {
    match constraint(&error) {
        Some("recipe_version_four_eyes") => {
            let message = "somebody has to approve it who has neither edited nor submitted it";
            Error::precondition(Reason::FourEyesRequired, message)
                .about(VERSION, version.id)
                .with("recipe_version_id", version.id)
        }
        // It was in review when it was looked at, and may be rejected.
        Some("recipe_version_overtaken") => {
            let rejected = [Step::Reject.leads_to().as_str()];
            let (from, to) = (State::InReview.as_str(), State::Approved.as_str());
            Error::state(VERSION, version.id, from, to, &rejected).caused_by("a later version was approved")
        }
        _ => fault(error),
    }
}
