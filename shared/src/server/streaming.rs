//! From a decoded message to a handler that answers with a stream.

use std::{future::Future, sync::Arc};

use contract::Validate;
use futures::{Stream, StreamExt as _, stream::BoxStream};
use tonic::Status;

use super::unary::{open, permit, validate};
use crate::{
    auth::Caller,
    error::{Error, Result},
};

/// What a streaming method answers with.
pub type Streamed<T> = BoxStream<'static, Result<T, Status>>;

/// Runs a handler for a signed-in caller, whose answer comes bit by bit: access first, then validation, as for
/// [`super::unary`]. The stream ends at its first error, and when the process drains; it has no deadline.
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
    Fut: Future<Output = Result<S>>,
    S: Stream<Item = Result<Res>> + Send + 'static,
{
    let (context, message) = open(request)?;
    let id = Arc::clone(&context.request.id);
    let answer = async {
        let caller = permit(&context)?;
        validate(&message)?;
        handle(Arc::clone(app), caller, message).await
    };
    let items = answer.await.map_err(|error: Error| error.into_status(&id))?;
    let items = items.map(move |item| item.map_err(|error| error.into_status(&id)));
    Ok(tonic::Response::new(items.boxed()))
}
