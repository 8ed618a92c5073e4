//! UpdateRecipe: the fields that the mask names, if the recipe is still the one that was read. What was submitted stays
//! as it is: an edit of it begins the next version.

use std::sync::Arc;

use contract::runs::v1::{UpdateRecipeRequest, UpdateRecipeResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    mask::Mask,
    wire,
};

use super::convert::recipe as convert;
use crate::{
    App,
    recipe::RESOURCE,
    store::{
        recipe::{recipe_lock, recipe_update},
        recipe_version::{version_insert, version_update},
    },
};

const WRITABLE: &[&str] = &["name", "method", "params", "limits", "comment"];
/// Of these, what is a version's.
const CONTENT: &[&str] = &["method", "params", "limits", "comment"];
const READ_ONLY: &[&str] =
    &["id", "latest_version", "approved_version", "created_by", "created_at", "updated_at", "etag"];

pub async fn handle(app: Arc<App>, caller: Caller, request: UpdateRecipeRequest) -> Result<UpdateRecipeResponse> {
    let mask = Mask::read(request.update_mask.as_ref(), WRITABLE, READ_ONLY)?;
    let from = request.recipe.clone().unwrap_or_default();
    let id = wire::id("recipe.id", &from.id)?;

    let (org_id, by, at) = (caller.org_id(), caller.user_id(), app.clock.now_us());
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let mut recipe = recipe_lock(tx.conn(), org_id, id).await?;
            wire::check_etag(&from.etag, recipe.revision, RESOURCE, id)?;
            let before = convert::to_wire(recipe.clone());

            if mask.has("name") {
                recipe.rename(from.name.clone())?;
            }
            if CONTENT.iter().any(|field| mask.has(field)) {
                let mut draft = recipe.draft(by, at);
                convert::apply(&mut draft, from, |field| mask.has(field))?;
                if draft.number == recipe.latest.number {
                    version_update(tx.conn(), org_id, &draft).await?;
                } else {
                    version_insert(tx.conn(), org_id, &draft).await?;
                }
                recipe.latest = draft;
            }
            let recipe = convert::to_wire(recipe_update(tx.conn(), org_id, &recipe).await?);
            tx.record(Event::new(RESOURCE, id, "update").before(&before).after(&recipe));
            Ok(UpdateRecipeResponse { recipe: Some(recipe) })
        })
        .await
}
