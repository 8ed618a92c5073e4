//! The steps of a run that ask nobody else: PauseRun, ResumeRun, CompleteRun, FailRun, AbortRun, CancelRun, HoldRun and
//! ReleaseRun, all over the domain's table of steps. A run that ends gives its sample back.

use std::sync::Arc;

use contract::{
    Mutation,
    runs::v1::{
        self as wire, AbortRunRequest, AbortRunResponse, CancelRunRequest, CancelRunResponse, CompleteRunRequest,
        CompleteRunResponse, FailRunRequest, FailRunResponse, HoldRunRequest, HoldRunResponse, PauseRunRequest,
        PauseRunResponse, ReleaseRunRequest, ReleaseRunResponse, ResumeRunRequest, ResumeRunResponse,
    },
};
use prost::Message;
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire::{check_etag, id},
};

use super::convert;
use crate::{
    App,
    claim::itself,
    run::{RESOURCE, Step},
    store::run::{run_lock, run_step},
};

/// What a client asks of a run.
struct Asked<'a> {
    step: Step,
    id: &'a str,
    etag: &'a str,
    reason: &'a str,
}

pub async fn pause(app: Arc<App>, caller: Caller, request: PauseRunRequest) -> Result<PauseRunResponse> {
    let asked = Asked { step: Step::Pause, id: &request.id, etag: &request.etag, reason: "" };
    take(&app, &caller, &request, asked, |run| PauseRunResponse { run: Some(run) }).await
}

pub async fn resume(app: Arc<App>, caller: Caller, request: ResumeRunRequest) -> Result<ResumeRunResponse> {
    let asked = Asked { step: Step::Resume, id: &request.id, etag: &request.etag, reason: "" };
    take(&app, &caller, &request, asked, |run| ResumeRunResponse { run: Some(run) }).await
}

pub async fn complete(app: Arc<App>, caller: Caller, request: CompleteRunRequest) -> Result<CompleteRunResponse> {
    let asked = Asked { step: Step::Complete, id: &request.id, etag: &request.etag, reason: "" };
    take(&app, &caller, &request, asked, |run| CompleteRunResponse { run: Some(run) }).await
}

pub async fn fail(app: Arc<App>, caller: Caller, request: FailRunRequest) -> Result<FailRunResponse> {
    let asked = Asked { step: Step::Fail, id: &request.id, etag: &request.etag, reason: &request.reason };
    take(&app, &caller, &request, asked, |run| FailRunResponse { run: Some(run) }).await
}

pub async fn abort(app: Arc<App>, caller: Caller, request: AbortRunRequest) -> Result<AbortRunResponse> {
    let asked = Asked { step: Step::Abort, id: &request.id, etag: &request.etag, reason: &request.reason };
    take(&app, &caller, &request, asked, |run| AbortRunResponse { run: Some(run) }).await
}

pub async fn cancel(app: Arc<App>, caller: Caller, request: CancelRunRequest) -> Result<CancelRunResponse> {
    let asked = Asked { step: Step::Cancel, id: &request.id, etag: &request.etag, reason: &request.reason };
    take(&app, &caller, &request, asked, |run| CancelRunResponse { run: Some(run) }).await
}

pub async fn hold(app: Arc<App>, caller: Caller, request: HoldRunRequest) -> Result<HoldRunResponse> {
    let asked = Asked { step: Step::Hold, id: &request.id, etag: &request.etag, reason: &request.reason };
    take(&app, &caller, &request, asked, |run| HoldRunResponse { run: Some(run) }).await
}

pub async fn release(app: Arc<App>, caller: Caller, request: ReleaseRunRequest) -> Result<ReleaseRunResponse> {
    let asked = Asked { step: Step::Release, id: &request.id, etag: &request.etag, reason: "" };
    take(&app, &caller, &request, asked, |run| ReleaseRunResponse { run: Some(run) }).await
}

/// Takes the step, if the run's state allows it.
async fn take<Req, Res>(
    app: &App,
    caller: &Caller,
    request: &Req,
    Asked { step, id: text, etag, reason }: Asked<'_>,
    reply: fn(wire::Run) -> Res,
) -> Result<Res>
where
    Req: Mutation,
    Res: Message + Default,
{
    let id = id("id", text)?;

    let org_id = caller.org_id();
    let taken = app.db.mutate(caller, request, async move |tx: &mut Tx| {
        let run = run_lock(tx.conn(), org_id, id).await?;
        check_etag(etag, run.revision, RESOURCE, id)?;
        run.check(step)?;
        let before = convert::to_wire(run.clone());

        let run = convert::to_wire(run_step(tx.conn(), org_id, run, step.leads_to(), reason).await?);
        tx.record(Event::new(RESOURCE, id, step.verb()).before(&before).after(&run).reason(reason));
        Ok(reply(run))
    });
    let taken = taken.await?;

    if step.ends_use()
        && let Err(error) = app.give_back_of(&itself(caller), id).await
    {
        tracing::warn!(?error, run_id = %id, "a run that ended left its sample to the reconciler");
    }
    Ok(taken)
}
