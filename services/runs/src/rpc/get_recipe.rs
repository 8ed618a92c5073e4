//! GetRecipe.

use std::sync::Arc;

use contract::runs::v1::{GetRecipeRequest, GetRecipeResponse};
use spectra_runtime::{Error, Result, auth::Caller, wire};

use super::convert::recipe as convert;
use crate::{App, recipe::RESOURCE};

pub async fn handle(app: Arc<App>, caller: Caller, request: GetRecipeRequest) -> Result<GetRecipeResponse> {
    let id = wire::id("id", &request.id)?;
    let recipe = app.db.get(&caller, &app.recipes, id).await?.ok_or_else(|| Error::not_found(RESOURCE, id))?;
    Ok(GetRecipeResponse { recipe: Some(convert::to_wire(recipe)) })
}
