//! CreateRecipe: with its first version, a draft. The name is unique in the organization; the database decides.

use std::sync::Arc;

use contract::runs::v1::{CreateRecipeRequest, CreateRecipeResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
};
use uuid::Uuid;

use super::convert::recipe as convert;
use crate::{
    App,
    recipe::{Content, RESOURCE, Recipe, Version},
    store::{
        recipe::{recipe_insert, recipe_read},
        recipe_version::version_insert,
    },
};

pub async fn handle(app: Arc<App>, caller: Caller, request: CreateRecipeRequest) -> Result<CreateRecipeResponse> {
    let from = request.recipe.clone().unwrap_or_default();
    let (id, by, at) = (Uuid::now_v7(), caller.user_id(), app.clock.now_us());
    let name = from.name.clone();
    let mut latest = Version::new(id, 1, Content::default(), by, at);
    convert::apply(&mut latest, from, |_| true)?;
    let mut recipe = Recipe {
        id,
        name: String::new(),
        latest,
        approved: None,
        created_by: by,
        created_at: at,
        updated_at: at,
        revision: 1,
    };
    recipe.rename(name)?;

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            recipe_insert(tx.conn(), org_id, &recipe).await?;
            version_insert(tx.conn(), org_id, &recipe.latest).await?;
            // Read again for the hash, which is the database's.
            let recipe = convert::to_wire(recipe_read(tx.conn(), org_id, id).await?);
            tx.record(Event::new(RESOURCE, id, "create").after(&recipe));
            Ok(CreateRecipeResponse { recipe: Some(recipe) })
        })
        .await
}
