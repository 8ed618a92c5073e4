//! ListRecipes.

use std::sync::Arc;

use contract::runs::v1::{ListRecipesRequest, ListRecipesResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert::recipe as convert;
use crate::{
    App,
    store::recipe::{LIST, recipe_list},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: ListRecipesRequest) -> Result<ListRecipesResponse> {
    let page = LIST.page(&app.sealer, caller.org_id(), &request)?;
    let recipes = app.db.read(&caller, async |conn| recipe_list(conn, caller.org_id(), &page).await).await?;
    let (recipes, next_page_token) = page.finish(recipes);
    Ok(ListRecipesResponse { recipes: recipes.into_iter().map(convert::to_wire).collect(), next_page_token })
}
