//! The steps of a sample that people take: the row is locked, the step checked against its status, the status changed
//! for a reason.

use std::sync::Arc;

use contract::{
    Mutation,
    samples::v1::{
        self as wire, DisposeSampleRequest, DisposeSampleResponse, QuarantineSampleRequest, QuarantineSampleResponse,
        ReleaseSampleRequest, ReleaseSampleResponse,
    },
};
use prost::Message;
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire::{check_etag, id},
};

use super::convert::sample as convert;
use crate::{
    App,
    sample::{RESOURCE, Step},
    store::sample::{sample_lock, sample_update},
};

/// What a client asks of a sample.
struct Asked<'a> {
    step: Step,
    id: &'a str,
    etag: &'a str,
    reason: &'a str,
}

pub async fn quarantine(
    app: Arc<App>,
    caller: Caller,
    request: QuarantineSampleRequest,
) -> Result<QuarantineSampleResponse> {
    let asked = Asked { step: Step::Quarantine, id: &request.id, etag: &request.etag, reason: &request.reason };
    take(&app, &caller, &request, asked, |sample| QuarantineSampleResponse { sample: Some(sample) }).await
}

pub async fn release(app: Arc<App>, caller: Caller, request: ReleaseSampleRequest) -> Result<ReleaseSampleResponse> {
    let asked = Asked { step: Step::Release, id: &request.id, etag: &request.etag, reason: &request.reason };
    take(&app, &caller, &request, asked, |sample| ReleaseSampleResponse { sample: Some(sample) }).await
}

pub async fn dispose(app: Arc<App>, caller: Caller, request: DisposeSampleRequest) -> Result<DisposeSampleResponse> {
    let asked = Asked { step: Step::Dispose, id: &request.id, etag: &request.etag, reason: &request.reason };
    take(&app, &caller, &request, asked, |sample| DisposeSampleResponse { sample: Some(sample) }).await
}

/// Takes the step, if the sample's status allows it.
async fn take<Req, Res>(
    app: &App,
    caller: &Caller,
    request: &Req,
    Asked { step, id: text, etag, reason }: Asked<'_>,
    reply: fn(wire::Sample) -> Res,
) -> Result<Res>
where
    Req: Mutation,
    Res: Message + Default,
{
    let id = id("id", text)?;

    let org_id = caller.org_id();
    app.db
        .mutate(caller, request, async move |tx: &mut Tx| {
            let mut sample = sample_lock(tx.conn(), org_id, id).await?;
            check_etag(etag, sample.revision, RESOURCE, id)?;
            let before = convert::to_wire(sample.clone());
            sample.take(step, reason)?;

            let sample = convert::to_wire(sample_update(tx.conn(), org_id, &sample).await?);
            tx.record(Event::new(RESOURCE, id, step.verb()).before(&before).after(&sample).reason(reason));
            Ok(reply(sample))
        })
        .await
}
