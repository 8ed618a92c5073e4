//! `runs.recipe`, together with the versions of each that matter: the latest, and the approved one.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, JoinOnDsl as _, OptionalExtension as _, QueryDsl as _,
    SelectableHelper as _,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use futures::FutureExt as _;
use spectra_runtime::{
    Error, Result,
    db::{Batch, Prepared, clock_timestamp, constraint, fault},
    list::{Field, Page, Spec},
};
use uuid::Uuid;

use super::{
    recipe_version::versions_that_matter,
    schema::{recipe, recipe_version as version},
};
use crate::recipe::{RESOURCE, Recipe, State, Version};

#[derive(diesel::Queryable, diesel::Selectable, diesel::Insertable)]
#[diesel(table_name = recipe, check_for_backend(diesel::pg::Pg))]
struct Row {
    org_id: Uuid,
    id: Uuid,
    name: String,
    latest_version: i32,
    created_by: Uuid,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    revision: i64,
}

/// The recipes of these rows, in their order. One statement more, however many there are.
async fn complete(conn: &mut AsyncPgConnection, org_id: Uuid, rows: Vec<Row>) -> Result<Vec<Recipe>> {
    let ids = rows.iter().map(|row| row.id).collect();
    let mut versions = HashMap::<_, Vec<Version>>::new();
    for version in versions_that_matter(conn, org_id, ids).await? {
        versions.entry(version.recipe_id).or_default().push(version);
    }
    rows.into_iter()
        .map(|row| {
            let versions = versions.remove(&row.id).unwrap_or_default();
            let approved = versions.iter().find(|version| version.state == State::Approved).cloned();
            // Between the two statements, one more may have been begun.
            let latest = versions.into_iter().max_by_key(|version| version.number);
            Ok(Recipe {
                id: row.id,
                name: row.name,
                latest: latest.ok_or_else(|| Error::internal("a recipe without a version"))?,
                approved,
                created_by: row.created_by,
                created_at: row.created_at,
                updated_at: row.updated_at,
                revision: row.revision,
            })
        })
        .collect()
}

/// What a list of recipes can be filtered and ordered by.
pub static LIST: Spec<Recipe> = Spec::new(
    ("recipe.id", |recipe| recipe.id),
    &[
        Field::instant("created_at", "recipe.created_at").sortable(|recipe| recipe.created_at.into()),
        Field::instant("updated_at", "recipe.updated_at").sortable(|recipe| recipe.updated_at.into()),
        Field::text("name", "recipe.name").sortable(|recipe| recipe.name.as_str().into()),
        Field::text("method", "recipe_version.method"),
        Field::state("state", "recipe_version.state", "spectra.runs.v1.RecipeState"),
        Field::uuid("created_by", "recipe.created_by"),
    ],
);

/// Point reads by id, which travel together.
pub fn batch() -> Batch<Recipe> {
    Batch::new(|conn, org_id, ids| {
        async move {
            let rows: Vec<Row> = recipe::table
                .filter(recipe::org_id.eq(org_id).and(recipe::id.eq_any(ids)))
                .select(Row::as_select())
                .load(conn)
                .await
                .map_err(fault)?;
            let recipes = complete(conn, org_id, rows).await?;
            Ok(recipes.into_iter().map(|recipe| (recipe.id, recipe)).collect())
        }
        .boxed()
    })
}

pub async fn recipe_list(conn: &mut AsyncPgConnection, org_id: Uuid, page: &Page<Recipe>) -> Result<Vec<Recipe>> {
    let latest = version::org_id.eq(recipe::org_id).and(version::recipe_id.eq(recipe::id));
    let latest = latest.and(version::version.eq(recipe::latest_version));
    let rows: Vec<Row> = recipe::table
        .inner_join(version::table.on(latest))
        .filter(recipe::org_id.eq(org_id))
        .filter(page.condition())
        .order_by(page.order_and_limit())
        .select(Row::as_select())
        .load(conn)
        .await
        .map_err(fault)?;
    complete(conn, org_id, rows).await
}

/// The recipe, locked until the transaction ends; nobody else takes a step with a version of it meanwhile.
pub async fn recipe_lock(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<Recipe> {
    let row: Row = recipe::table
        .filter(recipe::org_id.eq(org_id).and(recipe::id.eq(id)))
        .select(Row::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .ok_or_else(|| Error::not_found(RESOURCE, id))?;
    one(complete(conn, org_id, vec![row]).await?)
}

/// Writes a new recipe, before its first version.
pub async fn recipe_insert(conn: &mut AsyncPgConnection, org_id: Uuid, recipe: &Recipe) -> Result<()> {
    let row = Row {
        org_id,
        id: recipe.id,
        name: recipe.name.clone(),
        latest_version: recipe.latest.number,
        created_by: recipe.created_by,
        created_at: recipe.created_at,
        updated_at: recipe.updated_at,
        revision: recipe.revision,
    };
    let inserted = diesel::insert_into(recipe::table).values(row).execute(conn).await;
    inserted.map(drop).map_err(|error| taken(error, recipe))
}

/// Writes what may change of a locked recipe, after its versions; its next revision comes back, with them.
pub async fn recipe_update(conn: &mut AsyncPgConnection, org_id: Uuid, recipe: &Recipe) -> Result<Recipe> {
    let row: Row = Prepared(
        diesel::update(recipe::table.filter(recipe::org_id.eq(org_id).and(recipe::id.eq(recipe.id))))
            .set((
                recipe::name.eq(&recipe.name),
                recipe::latest_version.eq(recipe.latest.number),
                recipe::updated_at.eq(clock_timestamp()),
                recipe::revision.eq(recipe::revision + 1),
            ))
            .returning(Row::as_returning()),
    )
    .get_result(conn)
    .await
    .map_err(|error| taken(error, recipe))?;
    one(complete(conn, org_id, vec![row]).await?)
}

/// A recipe that was just written, as the database has it.
pub async fn recipe_read(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<Recipe> {
    let row: Row = recipe::table
        .filter(recipe::org_id.eq(org_id).and(recipe::id.eq(id)))
        .select(Row::as_select())
        .first(conn)
        .await
        .map_err(fault)?;
    one(complete(conn, org_id, vec![row]).await?)
}

fn one(recipes: Vec<Recipe>) -> Result<Recipe> {
    recipes.into_iter().next().ok_or_else(|| Error::internal("a row made no recipe"))
}

fn taken(error: diesel::result::Error, recipe: &Recipe) -> Error {
    match constraint(&error) {
        Some("recipe_name_key") => Error::exists(RESOURCE, "name", &recipe.name),
        _ => fault(error),
    }
}
