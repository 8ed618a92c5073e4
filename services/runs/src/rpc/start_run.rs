//! StartRun: Samples gives the sample, Calibration decides whether every instrument is fit for use now, and one
//! transaction pins its grants into the run. The start is the instant of that decision.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use contract::runs::v1::{StartRunRequest, StartRunResponse};
use spectra_runtime::{
    Error, Reason, Result,
    auth::Caller,
    db::{Event, Tx, Value},
    wire,
};
use uuid::Uuid;

use super::convert;
use crate::{
    App,
    claim::{Claim, itself},
    clients::Use,
    method::{Method, Params},
    run::{RESOURCE, Run, State, Step},
    store::{
        run::{run_lock, run_start},
        run_equipment::busy_instrument,
        sample_claim::{claim_stands, claim_take},
    },
};

/// How long one attempt waits for another of the same run to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// Before the first look at whether it has; each further one comes after twice the time, up to the longest.
const PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// A call that fails sooner has broken, and was not given up waiting for.
const AT_ONCE: Duration = Duration::from_secs(1);

pub async fn handle(app: Arc<App>, caller: Caller, request: StartRunRequest) -> Result<StartRunResponse> {
    let id = wire::id("id", &request.id)?;
    let until = Instant::now() + PATIENCE;
    let mut pause = PAUSE;
    loop {
        // Looked at in each turn: the other attempt may be this very request, sent a second time.
        if let Some(reply) = app.db.replay(&caller, &request).await? {
            return Ok(reply);
        }
        match take_claim(&app, &caller, &request, id).await {
            Ok(Some((run, claim))) => return attempt(&app, &caller, &request, run, claim).await,
            Ok(None) if Instant::now() < until => {
                tokio::time::sleep(pause).await;
                pause = LONGEST_PAUSE.min(2 * pause);
            }
            Ok(None) => return Err(under_way(id)),
            Err(error) => return app.db.replay(&caller, &request).await?.ok_or(error),
        }
    }
}

/// The run, if it can be started, with its claim put on record; `None` while another attempt works on that.
async fn take_claim(app: &App, caller: &Caller, request: &StartRunRequest, id: Uuid) -> Result<Option<(Run, Claim)>> {
    let org_id = caller.org_id();
    let taken = app.db.write(caller, async move |tx: &mut Tx| {
        let run = run_lock(tx.conn(), org_id, id).await?;
        wire::check_etag(&request.etag, run.revision, RESOURCE, id)?;
        run.check(Step::Start)?;
        let claim = claim_take(tx.conn(), org_id, id, run.sample_id, None).await?;
        tx.unchanged();
        Ok(Value(claim.map(|claim| (run, claim))))
    });
    taken.await.map(|Value(taken)| taken)
}

/// One attempt to start the run. Where it fails, the sample is given back.
async fn attempt(
    app: &App,
    caller: &Caller,
    request: &StartRunRequest,
    run: Run,
    claim: Claim,
) -> Result<StartRunResponse> {
    let begun = Instant::now();
    if let Err(refusal) = app.clients.claim_sample(caller, run.sample_id, run.id).await {
        let by = itself(caller);
        let undone = match refusal.reason() {
            // Samples may have done it all the same. Where the call broke at once, it does so no more; where it hangs,
            // it may do so yet, and the claim stays for its lease.
            Reason::SamplesUnreachable if begun.elapsed() < AT_ONCE => app.abandon(&by, claim).await,
            Reason::SamplesUnreachable | Reason::DeadlineExceeded | Reason::Internal => Ok(()),
            // The run does not have it.
            Reason::SampleUnavailable | Reason::ResourceNotFound => app.forget(&by, claim).await,
            // That the caller's token ended says nothing of what an earlier attempt has claimed.
            _ => app.abandon(&by, claim).await,
        };
        log_left(undone, run.id);
        return Err(refusal);
    }

    let started = start(app, caller, request, &run, &claim).await;
    if let Err(error) = &started {
        let by = itself(caller);
        let undone = match error.reason() {
            // Nothing to undo it with; what became of the start, the reconciler will see.
            Reason::DatabaseUnavailable => Ok(()),
            // Whether it was committed may not be known, and another attempt may have taken the claim over.
            _ => app.give_back(&by, claim).await,
        };
        log_left(undone, run.id);
    }
    started
}

async fn start(
    app: &App,
    caller: &Caller,
    request: &StartRunRequest,
    run: &Run,
    claim: &Claim,
) -> Result<StartRunResponse> {
    let id = run.id;
    let demands = Method::find(&run.method)?.demands(&Params::stored(run.params.clone()))?;
    // An attempt of its own each time: fitness is decided anew, whatever grant an earlier one has left unused.
    let asked = Use { run, demands: &demands, attempt_id: Uuid::now_v7() };
    let authorization = app.clients.authorize_use(caller, &asked).await?;

    let (org_id, operator_id) = (caller.org_id(), caller.user_id());
    let started = app.db.mutate(caller, request, async move |tx: &mut Tx| {
        let run = run_lock(tx.conn(), org_id, id).await?;
        wire::check_etag(&request.etag, run.revision, RESOURCE, id)?;
        run.check(Step::Start)?;
        if !claim_stands(tx.conn(), org_id, claim).await? {
            return Err(under_way(id));
        }
        let before = convert::to_wire(run.clone());

        let run = convert::to_wire(run_start(tx.conn(), org_id, &run, operator_id, authorization).await?);
        tx.record(Event::new(RESOURCE, id, Step::Start.verb()).before(&before).after(&run));
        Ok(StartRunResponse { run: Some(run) })
    });
    match started.await {
        Err(error) if error.reason() == Reason::InstrumentBusy => Err(name_instrument(app, caller, run, error).await),
        started => started,
    }
}

/// Says which instrument it is that another run has: the index that refused the start does not tell.
async fn name_instrument(app: &App, caller: &Caller, run: &Run, refusal: Error) -> Error {
    let busy = app.db.read(caller, async |conn| busy_instrument(conn, caller.org_id(), run).await).await;
    // It may be free again by now.
    let instrument_id = busy.ok().flatten().unwrap_or(run.instrument_id);
    refusal.with("instrument_id", instrument_id)
}

/// Another attempt to start the run has not ended yet, or has died less than its lease ago.
fn under_way(id: Uuid) -> Error {
    let message = "another attempt to start this run is under way; look at the run in a moment";
    Error::precondition(Reason::StateConflict, message)
        .about(RESOURCE, id)
        .with("from", State::Queued.as_str())
        .with("to", State::Running.as_str())
        .with("allowed", "")
}

fn log_left(undone: Result<()>, run_id: Uuid) {
    if let Err(error) = undone {
        tracing::warn!(?error, %run_id, "a start that failed left its sample to the reconciler");
    }
}
