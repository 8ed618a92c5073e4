//! The audit trail of what people were not let do: refusals of permission and of the lockout.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use contract::common::v1::Refusal;
use futures::FutureExt as _;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::Response;
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;
use tracing::Instrument as _;
use uuid::Uuid;

use super::{Context, stack::Next};
use crate::{
    auth::{Caller, Request},
    db::{Db, Event, Tx, Value},
    error::{Reason, name},
    telemetry::is_lockout,
};

/// Refusals of one person that are recorded at once, and then one each second: whoever tries a thousand times does not
/// fill the trail with it.
const BURST: NonZeroU32 = NonZeroU32::new(20).unwrap();
const PER_SECOND: NonZeroU32 = NonZeroU32::MIN;
/// How long recording one may keep its answer back.
const TIME: Duration = Duration::from_secs(2);

/// Records refusals in a service's part of the event log.
pub(super) struct Refusals {
    db: Db,
    rate: DefaultKeyedRateLimiter<Uuid>,
}

impl Refusals {
    pub(super) fn new(db: Db) -> Self {
        Self { db, rate: RateLimiter::keyed(Quota::per_second(PER_SECOND).allow_burst(BURST)) }
    }

    /// Records it, in a transaction of its own. Where that cannot be done, the call is refused all the same.
    async fn record(&self, context: Context, refusal: Refusal) {
        let Some((claims, token)) = context.person else { return };
        if self.rate.check_key(&claims.sub).is_err() {
            tracing::warn!(user = %claims.sub, method = refusal.method, "refused too often to be recorded each time");
            return;
        }
        self.rate.retain_recent();
        // The caller's own time may be up by now.
        let request = Request { deadline: Request::internal(TIME).deadline, ..context.request };
        let caller = Caller::person(&claims, token, request);
        let recorded = self.db.write(&caller, async move |tx: &mut Tx| {
            tx.record(Event::new("call", &refusal.method, "refuse").after(&refusal));
            Ok(Value(()))
        });
        if let Err(error) = recorded.await {
            tracing::warn!(%error, "a refusal could not be recorded");
        }
    }
}

/// Records what people were refused; calls that our services pass on are recorded where they came in.
pub(super) fn layer(next: Next, refusals: Arc<Refusals>) -> Next {
    Arc::new(move |request| {
        let context = request.extensions().get::<Context>();
        let Some(context) = context.filter(|context| context.person.is_some() && context.service.is_none()).cloned()
        else {
            return next(request);
        };
        let (refusals, response) = (Arc::clone(&refusals), next(request));
        async move {
            let response = response.await;
            if let Some(refusal) = read(&context, &response) {
                // A task of its own: whoever gives up waiting does not keep it out of the trail.
                let record = async move { refusals.record(context, refusal).await };
                let _ = tokio::spawn(record.in_current_span()).await;
            }
            response
        }
        .boxed()
    })
}

/// What the answer refuses, if that is for the trail.
fn read(context: &Context, response: &Response<Body>) -> Option<Refusal> {
    let code = Code::from_bytes(response.headers().get("grpc-status")?.as_bytes());
    if !matches!(code, Code::PermissionDenied | Code::FailedPrecondition) {
        return None;
    }
    let status = Status::from_header_map(response.headers())?;
    let info = status.get_details_error_info()?;
    if info.reason != name(Reason::PermissionDenied) && !is_lockout(&info.reason) {
        return None;
    }
    let mut metadata = info.metadata;
    // The event has it already.
    metadata.remove("request_id");
    Some(Refusal {
        method: context.method.path.trim_start_matches('/').to_owned(),
        reason: info.reason,
        message: status.message().to_owned(),
        metadata: metadata.into_iter().collect(),
    })
}
