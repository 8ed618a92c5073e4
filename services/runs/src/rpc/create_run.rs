//! CreateRun and CreateNonRoutineRun: into the queue, where sample, instruments and parameters make a run possible.
//! That they do so still when it starts is for the start to decide.

use std::sync::Arc;

use contract::{
    Mutation,
    runs::v1::{
        self as wire, CreateNonRoutineRunRequest, CreateNonRoutineRunResponse, CreateRunRequest, CreateRunResponse,
    },
    samples::v1::{Sample, SampleStatus},
};
use prost::Message;
use serde_json::Map;
use spectra_runtime::{
    Error, Reason, Result,
    auth::Caller,
    db::{Event, Tx},
    wire::id,
};
use uuid::Uuid;

use super::convert;
use crate::{
    App,
    clients::Use,
    method::Method,
    recipe::not_approved,
    run::{Disposition, Purpose, RESOURCE, Run, State},
    store::{policy::policy_get, recipe_version::version_get, run::run_insert},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: CreateRunRequest) -> Result<CreateRunResponse> {
    let from = request.run.clone().unwrap_or_default();
    create(&app, &caller, &request, from, Purpose::Routine, |run| CreateRunResponse { run: Some(run) }).await
}

pub async fn handle_non_routine(
    app: Arc<App>,
    caller: Caller,
    request: CreateNonRoutineRunRequest,
) -> Result<CreateNonRoutineRunResponse> {
    let purpose = convert::purpose_from_wire(request.purpose())
        .filter(|purpose| purpose.is_exempt())
        .ok_or_else(|| Error::field("purpose", "must be an intermediate check or a calibration"))?;
    let from = request.run.clone().unwrap_or_default();
    create(&app, &caller, &request, from, purpose, |run| CreateNonRoutineRunResponse { run: Some(run) }).await
}

async fn create<Req, Res>(
    app: &App,
    caller: &Caller,
    request: &Req,
    from: wire::Run,
    purpose: Purpose,
    reply: fn(wire::Run) -> Res,
) -> Result<Res>
where
    Req: Mutation,
    Res: Message + Default,
{
    // A retry gets the answer of before, whatever the other services would say by now.
    if let Some(reply) = app.db.replay(caller, request).await? {
        return Ok(reply);
    }
    let mut run = new(app, caller, purpose);
    let recipe_version_id = from.recipe_version_id.clone();
    convert::apply(&mut run, from)?;
    follow_recipe(app, caller, &mut run, &recipe_version_id).await?;
    let method = Method::find(&run.method)?;
    let params = method.check("run.params", run.params)?;
    let demands = method.demands(&params)?;
    run.params = params.into_map();

    let asked = Use { run: &run, demands: &demands, attempt_id: run.id };
    let (agreed, sample, fit) = tokio::join!(
        check_policy(app, caller, &run),
        app.clients.sample(caller, run.sample_id),
        app.clients.check_use(caller, &asked)
    );
    agreed?;
    check_available(&sample?)?;
    fit?;

    let org_id = caller.org_id();
    app.db
        .mutate(caller, request, async move |tx: &mut Tx| {
            run_insert(tx.conn(), org_id, &run).await?;
            let run = convert::to_wire(run);
            tx.record(Event::new(RESOURCE, &run.id, "create").after(&run));
            Ok(reply(run))
        })
        .await
}

/// Pins the recipe version that the run names, if any, which must be approved: looked at here for the sake of whoever
/// asks, and held by the database when the run starts.
async fn follow_recipe(app: &App, caller: &Caller, run: &mut Run, version_id: &str) -> Result<()> {
    if version_id.is_empty() {
        let missing = || Error::field("run.method", "is wanted where there is no recipe");
        return if run.method.is_empty() { Err(missing()) } else { Ok(()) };
    }
    let id = id("run.recipe_version_id", version_id)?;
    let version = app.db.read(caller, async |conn| version_get(conn, caller.org_id(), id).await).await?;
    version.pin(run)
}

/// Refuses a routine run without a recipe, where the policy wants one.
async fn check_policy(app: &App, caller: &Caller, run: &Run) -> Result<()> {
    if run.recipe.is_some() || run.purpose.is_exempt() {
        return Ok(());
    }
    let policy = app.db.read(caller, async |conn| policy_get(conn, caller.org_id()).await).await?;
    if policy.require_approved_recipe {
        return Err(not_approved("a routine run is made from an approved recipe here", None));
    }
    Ok(())
}

/// A run in the queue, without anything yet that a client says of it.
fn new(app: &App, caller: &Caller, purpose: Purpose) -> Run {
    let at = app.clock.now_us();
    Run {
        id: Uuid::now_v7(),
        instrument_id: Uuid::nil(),
        sample_id: Uuid::nil(),
        method: String::new(),
        params: Map::new(),
        recipe: None,
        further_instrument_ids: Vec::new(),
        comment: String::new(),
        purpose,
        state: State::Queued,
        disposition: Disposition::Unreviewed,
        state_reason: String::new(),
        created_by: caller.user_id(),
        operator_id: None,
        grants: Vec::new(),
        flagged: false,
        streams: Vec::new(),
        valid_from: None,
        expires_at: None,
        created_at: at,
        started_at: None,
        finished_at: None,
        updated_at: at,
        revision: 1,
    }
}

/// Refuses a sample that cannot be had. One that another run has in use can be waited for.
fn check_available(sample: &Sample) -> Result<()> {
    if matches!(sample.status(), SampleStatus::Available | SampleStatus::InUse) {
        return Ok(());
    }
    let status = sample.status().as_str_name().trim_start_matches("SAMPLE_STATUS_").to_ascii_lowercase();
    let message = format!("sample {} is {status}, not available", sample.name);
    Err(Error::precondition(Reason::SampleUnavailable, message).with("sample_id", &sample.id).with("status", status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_may_wait_for_its_sample_but_not_for_one_that_is_gone() {
        let sample = |status: SampleStatus| Sample { status: status.into(), ..Sample::default() };
        assert!(check_available(&sample(SampleStatus::Available)).is_ok());
        assert!(check_available(&sample(SampleStatus::InUse)).is_ok());
        let refusal = check_available(&sample(SampleStatus::Quarantined)).unwrap_err();
        assert_eq!((refusal.reason(), refusal.metadata("status")), (Reason::SampleUnavailable, Some("quarantined")));
        for gone in [SampleStatus::Registered, SampleStatus::Consumed, SampleStatus::Disposed, SampleStatus::Lost] {
            assert!(check_available(&sample(gone)).is_err(), "{gone:?}");
        }
    }
}
