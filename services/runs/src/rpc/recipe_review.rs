//! SubmitRecipe, ApproveRecipe, RejectRecipe and RetireRecipe: steps of one table of transitions, under the recipe's
//! lock. The database stamps their instants, and holds who may approve what.

use std::sync::Arc;

use contract::{
    Mutation,
    runs::v1::{
        self as v1, ApproveRecipeRequest, ApproveRecipeResponse, RejectRecipeRequest, RejectRecipeResponse,
        RetireRecipeRequest, RetireRecipeResponse, SubmitRecipeRequest, SubmitRecipeResponse,
    },
};
use prost::Message;
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire,
};

use super::convert::recipe as convert;
use crate::{
    App,
    recipe::{RESOURCE, Step},
    store::{
        recipe::{recipe_lock, recipe_update},
        recipe_version::{version_of, version_update},
    },
};

/// What a client asks of a version.
struct Asked<'a> {
    step: Step,
    id: &'a str,
    /// Of the version; where it is not said, the step tells which one is meant.
    number: Option<i32>,
    etag: &'a str,
    comment: &'a str,
}

pub async fn submit(app: Arc<App>, caller: Caller, request: SubmitRecipeRequest) -> Result<SubmitRecipeResponse> {
    let asked = Asked { step: Step::Submit, id: &request.id, number: None, etag: &request.etag, comment: "" };
    take(&app, &caller, &request, asked, |recipe| SubmitRecipeResponse { recipe: Some(recipe) }).await
}

pub async fn approve(app: Arc<App>, caller: Caller, request: ApproveRecipeRequest) -> Result<ApproveRecipeResponse> {
    let ApproveRecipeRequest { id, version, etag, comment, .. } = &request;
    let asked = Asked { step: Step::Approve, id, number: Some(*version), etag, comment };
    take(&app, &caller, &request, asked, |recipe| ApproveRecipeResponse { recipe: Some(recipe) }).await
}

pub async fn reject(app: Arc<App>, caller: Caller, request: RejectRecipeRequest) -> Result<RejectRecipeResponse> {
    let RejectRecipeRequest { id, version, etag, comment, .. } = &request;
    let asked = Asked { step: Step::Reject, id, number: Some(*version), etag, comment };
    take(&app, &caller, &request, asked, |recipe| RejectRecipeResponse { recipe: Some(recipe) }).await
}

pub async fn retire(app: Arc<App>, caller: Caller, request: RetireRecipeRequest) -> Result<RetireRecipeResponse> {
    let RetireRecipeRequest { id, etag, comment, .. } = &request;
    let asked = Asked { step: Step::Retire, id, number: None, etag, comment };
    take(&app, &caller, &request, asked, |recipe| RetireRecipeResponse { recipe: Some(recipe) }).await
}

/// Takes the step, if the version's state allows it.
async fn take<Req, Res>(
    app: &App,
    caller: &Caller,
    request: &Req,
    Asked { step, id: text, number, etag, comment }: Asked<'_>,
    reply: fn(v1::Recipe) -> Res,
) -> Result<Res>
where
    Req: Mutation,
    Res: Message + Default,
{
    let id = wire::id("id", text)?;

    let (org_id, by) = (caller.org_id(), caller.user_id());
    app.db
        .mutate(caller, request, async move |tx: &mut Tx| {
            let recipe = recipe_lock(tx.conn(), org_id, id).await?;
            wire::check_etag(etag, recipe.revision, RESOURCE, id)?;
            let before = convert::to_wire(recipe.clone());
            let mut version = match (number, step) {
                (Some(number), _) => version_of(tx.conn(), org_id, id, number).await?,
                (None, Step::Retire) => recipe.approved.clone().ok_or_else(|| recipe.latest.refusal(Step::Retire))?,
                (None, _) => recipe.latest.clone(),
            };
            version.take(step, by, comment)?;

            if step == Step::Approve
                && let Some(mut former) = recipe.approved.clone()
            {
                // First: at no instant are two of them approved.
                former.take(Step::Supersede, by, "")?;
                version_update(tx.conn(), org_id, &former).await?;
            }
            version_update(tx.conn(), org_id, &version).await?;
            let recipe = convert::to_wire(recipe_update(tx.conn(), org_id, &recipe).await?);
            tx.record(Event::new(RESOURCE, id, step.verb()).before(&before).after(&recipe).reason(comment));
            Ok(reply(recipe))
        })
        .await
}
