//! From a decoded message to a handler that answers with a stream.

use std::{future::Future, sync::Arc, time::Duration};

use contract::Validate;
use futures::{
    FutureExt as _, Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use tonic::Status;

use super::{
    Context,
    quota::OpenStream,
    unary::{open, permit, validate},
};
use crate::{
    auth::Caller,
    error::{Error, Result},
};

/// Between two looks at whether whoever listens may go on doing so.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

/// What a streaming method answers with.
pub type Streamed<T> = BoxStream<'static, Result<T, Status>>;

/// Runs a handler for a signed-in caller, whose answer comes bit by bit: access first, then validation, as for
/// [`super::unary`]. The stream ends at its first error, when the process drains, and when the person's token expires or
/// their session is ended; it has no deadline.
///
/// # Errors
/// A status with exactly one ErrorInfo, at once or at the stream's end.
pub async fn streaming<A, Req, Res, Fut, S>(
    app: &Arc<A>,
    request: tonic::Request<Req>,
    handle: impl FnOnce(Arc<A>, Caller, Req) -> Fut,
) -> Result<tonic::Response<Streamed<Res>>, Status>
where
    Req: Validate,
    Res: Send + 'static,
    Fut: Future<Output = Result<S>>,
    S: Stream<Item = Result<Res>> + Send + 'static,
{
    let (context, message) = open(request)?;
    let id = Arc::clone(&context.request.id);
    let answer = async {
        let caller = permit(&context)?;
        validate(&message)?;
        let open = context.person.as_ref().map(|(claims, _)| OpenStream::begin(claims.sub)).transpose()?;
        Ok((handle(Arc::clone(app), caller, message).await?, open))
    };
    let (items, open) = answer.await.map_err(|error: Error| error.into_status(&id))?;
    let items = stream::unfold(Some((items.boxed(), over_with(context).boxed(), open)), |going_on| async move {
        let (mut items, mut over, open) = going_on?;
        let item = tokio::select! {
            item = items.next() => item?,
            error = &mut over => Err(error),
        };
        let going_on = item.is_ok().then_some((items, over, open));
        Some((item, going_on))
    });
    let items = items.map(move |item| item.map_err(|error| error.into_status(&id)));
    Ok(tonic::Response::new(items.boxed()))
}

/// Comes when whoever was let in would not be let in any more.
async fn over_with(context: Context) -> Error {
    let (Some(verifier), Some((claims, _))) = (context.verifier, context.person) else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(LOOK_PERIOD).await;
        if let Err(error) = verifier.still(&claims) {
            return error;
        }
    }
}
