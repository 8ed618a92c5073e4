//! The end of a process: told once, felt by every stream and listener.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};

use crate::error::{Error, Reason};

/// How long calls may go on once their listener has closed; a moment before connections are cut.
pub(super) const LAST_CALL: Duration = Duration::from_secs(15);

/// Tells a process's parts that it is about to end. Clones are told together.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    /// Health says NOT_SERVING; calls are still taken.
    leaving: CancellationToken,
    /// Streams end, listeners close.
    closing: CancellationToken,
}

impl Drain {
    /// Says that the process will end: load balancers look elsewhere.
    pub fn leave(&self) {
        self.leaving.cancel();
    }

    /// Ends streams and listeners.
    pub fn close(&self) {
        self.leaving.cancel();
        self.closing.cancel();
    }

    /// Comes when the process has said that it will end.
    pub async fn left(&self) {
        self.leaving.cancelled().await;
    }

    /// Comes when streams and listeners are to end.
    pub async fn closed(&self) {
        self.closing.cancelled().await;
    }

    /// Comes when what is still worked on will not be waited for any longer.
    pub async fn last_call(&self) {
        self.closing.cancelled().await;
        tokio::time::sleep(LAST_CALL).await;
    }
}

/// A body that ends with UNAVAILABLE / DRAINING when the process closes.
pub(super) fn until(body: Body, drain: &Drain) -> Body {
    Body::new(Until { body, closed: Box::pin(drain.closing.clone().cancelled_owned()), over: false })
}

pin_project! {
    struct Until {
        #[pin]
        body: Body,
        closed: Pin<Box<WaitForCancellationFutureOwned>>,
        over: bool,
    }
}

impl http_body::Body for Until {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
        if *this.over {
            return Poll::Ready(None);
        }
        match this.body.poll_frame(context) {
            Poll::Pending => {}
            ready => return ready,
        }
        if this.closed.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        *this.over = true;
        let error = Error::unavailable(Reason::Draining, "the server is shutting down; connect again");
        let mut trailers = HeaderMap::new();
        error.into_status("").add_header(&mut trailers)?;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
