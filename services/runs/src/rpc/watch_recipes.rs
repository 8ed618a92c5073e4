//! WatchRecipes: the event log, recipe by recipe.

use std::sync::Arc;

use contract::runs::v1::{Recipe, RecipeEvent, WatchRecipesRequest, WatchRecipesResponse};
use futures::{Stream, TryStreamExt as _};
use prost::Message as _;
use spectra_runtime::{Error, Result, auth::Caller, db::LogEntry, watch, wire::timestamp};

use crate::{App, recipe};

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: WatchRecipesRequest,
) -> Result<impl Stream<Item = Result<WatchRecipesResponse>> + Send> {
    let messages = watch::watch(&app.db, &app.sealer, &caller, &request, &[recipe::RESOURCE], event).await?;
    Ok(messages.map_ok(|message| WatchRecipesResponse { event: message.event, resume_token: message.resume_token }))
}

fn event(LogEntry { id, action, change, recorded_at, .. }: LogEntry) -> Result<Vec<RecipeEvent>> {
    let Some(after) = change.after else { return Ok(Vec::new()) };
    let recipe = Some(Recipe::decode(after.value.as_slice()).map_err(Error::internal)?);
    Ok(vec![RecipeEvent { id: id.to_string(), action, recipe, recorded_at: Some(timestamp(recorded_at)) }])
}
