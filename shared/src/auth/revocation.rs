//! Sessions that were ended before their access tokens: every verifier is told by a stream from Auth, and refuses.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use contract::auth::v1::{
    Revocation, WatchRevocationsRequest, WatchRevocationsResponse, auth_service_client::AuthServiceClient,
};
use tonic::Streaming;
use uuid::Uuid;

use super::{Caller, Request, service::ServiceTokens};
use crate::{
    clock::Clock,
    error::{Error, Kind, Reason, Result},
    server::{Credentials, Drain, Peer},
    wire,
};

/// Without news of Auth for so long, nothing is written any more: somebody may have been shut out meanwhile.
const WRITES_GO_ON: Duration = Duration::from_secs(60);
/// Without news for so long, nothing is read any more either.
const READS_GO_ON: Duration = Duration::from_secs(300);
/// Auth says something every five seconds; a stream that is silent for longer is broken.
const SILENCE: Duration = Duration::from_secs(12);
/// Pause before the next attempt to connect.
const PAUSE: Duration = Duration::from_millis(500);

/// What one verifier knows of sessions that were ended.
pub struct Revocations {
    /// Ended sessions, and when the last of their access tokens is over.
    ended: ArcSwap<HashMap<Uuid, DateTime<Utc>>>,
    began_at: Instant,
    /// Milliseconds since `began_at` at which Auth was last heard, plus one; 0 for never.
    heard_ms: AtomicU64,
}

impl Default for Revocations {
    fn default() -> Self {
        Self { ended: ArcSwap::default(), began_at: Instant::now(), heard_ms: AtomicU64::new(0) }
    }
}

impl Revocations {
    /// Whether a call of this session may go on.
    ///
    /// # Errors
    /// TOKEN_REVOKED where the session was ended; AUTH_UNREACHABLE where that has been unknown for too long.
    pub fn check(&self, session_id: Uuid, writes: bool) -> Result<()> {
        let limit = if writes { WRITES_GO_ON } else { READS_GO_ON };
        if self.silence().is_none_or(|silence| silence > limit) {
            let message = "whether your session goes on is not known, since the Auth service cannot be reached; \
                           try again in a moment";
            return Err(Error::unavailable(Reason::AuthUnreachable, message));
        }
        if self.ended.load().contains_key(&session_id) {
            let message = "the session has ended; sign in again";
            return Err(Error::new(Kind::Unauthenticated, Reason::TokenRevoked, message));
        }
        Ok(())
    }

    /// Time since Auth was last heard; `None` where it never was.
    #[must_use]
    pub fn silence(&self) -> Option<Duration> {
        let heard_ms = self.heard_ms.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.began_at.elapsed().saturating_sub(Duration::from_millis(heard_ms)))
    }

    /// Takes in what Auth says: sessions that ended, or only that it is there.
    pub fn hear(&self, ended: impl IntoIterator<Item = (Uuid, DateTime<Utc>)>, now: DateTime<Utc>) {
        let mut ended = ended.into_iter().peekable();
        if ended.peek().is_some() {
            let mut all = HashMap::clone(&self.ended.load());
            all.retain(|_, over_at| *over_at > now);
            all.extend(ended);
            self.ended.store(Arc::new(all));
        }
        let elapsed_ms = u64::try_from(self.began_at.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.heard_ms.store(elapsed_ms + 1, Ordering::Relaxed);
    }

    /// Listens to Auth until the drain closes; a stream that breaks is taken up again, from the beginning.
    pub async fn follow(self: Arc<Self>, auth: Peer, tokens: ServiceTokens, clock: Clock, drain: Drain) {
        let mut told = false;
        loop {
            let failed = tokio::select! {
                () = drain.closed() => return,
                failed = self.listen(&auth, &tokens, &clock, &mut told) => failed,
            };
            // While everything starts, nobody needs to be told.
            let heard_lately = self.silence().unwrap_or_else(|| self.began_at.elapsed()) < SILENCE;
            if !heard_lately && !std::mem::replace(&mut told, true) {
                tracing::warn!(error = %failed, "ended sessions are not heard of; connecting to Auth again");
            }
            tokio::select! {
                () = drain.closed() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// One stream, up to its end.
    async fn listen(&self, auth: &Peer, tokens: &ServiceTokens, clock: &Clock, told: &mut bool) -> Error {
        let mut stream = match open(auth, tokens).await {
            Ok(stream) => stream,
            Err(error) => return error,
        };
        loop {
            let message = match tokio::time::timeout(SILENCE, stream.message()).await {
                Ok(Ok(Some(message))) => message,
                Ok(Ok(None)) => return unreachable().caused_by("the stream ended"),
                Ok(Err(status)) => return Error::from_peer(&status, unreachable),
                Err(_) => return unreachable().caused_by("the stream went silent"),
            };
            match message.revocations.iter().map(parse).collect::<Result<Vec<_>>>() {
                Ok(ended) => self.hear(ended, clock.now()),
                Err(error) => return error,
            }
            if std::mem::take(told) {
                tracing::info!("ended sessions are heard of again");
            }
        }
    }
}

async fn open(auth: &Peer, tokens: &ServiceTokens) -> Result<Streaming<WatchRevocationsResponse>> {
    let by = Caller::service(tokens.service(), Uuid::nil(), Request::internal(SILENCE));
    // No organization: sessions of all of them are told.
    let credentials = Credentials::on_behalf(&by, tokens).await?;
    let mut client = AuthServiceClient::with_interceptor(auth.clone(), credentials);
    let opened = tokio::time::timeout(SILENCE, client.watch_revocations(WatchRevocationsRequest {})).await;
    let response = opened.map_err(|_| unreachable().caused_by("no answer"))?;
    response.map(tonic::Response::into_inner).map_err(|status| Error::from_peer(&status, unreachable))
}

fn parse(revocation: &Revocation) -> Result<(Uuid, DateTime<Utc>)> {
    let over_at = revocation.expires_at.ok_or_else(|| Error::internal("a revocation without its end"))?;
    Ok((wire::id("session_id", &revocation.session_id)?, wire::instant("expires_at", &over_at)?))
}

fn unreachable() -> Error {
    Error::unavailable(Reason::AuthUnreachable, "the Auth service cannot be reached")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn before_auth_was_heard_nobody_is_let_in_and_an_ended_session_never_again() {
        let revocations = Revocations::default();
        let (ended, other, now) = (Uuid::now_v7(), Uuid::now_v7(), Clock::default().now());
        assert_eq!(revocations.check(other, false).unwrap_err().reason(), Reason::AuthUnreachable);
        revocations.hear([(ended, now + TimeDelta::hours(1))], now);
        assert!(revocations.check(other, true).is_ok());
        assert_eq!(revocations.check(ended, false).unwrap_err().reason(), Reason::TokenRevoked);
        // Hearing of nobody, or of somebody else, changes nothing for those who were ended.
        revocations.hear([], now);
        revocations.hear([(Uuid::now_v7(), now + TimeDelta::hours(1))], now);
        assert_eq!(revocations.check(ended, true).unwrap_err().reason(), Reason::TokenRevoked);
    }

    #[test]
    fn silence_stops_writes_first_and_then_reads() {
        let long_ago = |silence| {
            let revocations = Revocations { began_at: Instant::now() - silence, ..Revocations::default() };
            revocations.heard_ms.store(1, Ordering::Relaxed);
            let may = |writes| revocations.check(Uuid::now_v7(), writes).is_ok();
            (may(false), may(true))
        };
        assert_eq!(long_ago(Duration::from_secs(50)), (true, true));
        assert_eq!(long_ago(Duration::from_secs(61)), (true, false));
        assert_eq!(long_ago(Duration::from_secs(301)), (false, false));
    }
}
