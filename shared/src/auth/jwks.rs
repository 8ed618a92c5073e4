//! Keeps a verifier's keys as Auth publishes them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use contract::auth::v1::{GetJwksRequest, auth_service_client::AuthServiceClient};

use super::keys::{Keys, VerifyingKey};
use crate::{
    error::{Error, Reason, Result},
    server::{Drain, Peer},
};

/// Between two looks. Auth publishes a key for longer than that before it signs with it.
pub const PERIOD: Duration = Duration::from_secs(5);
/// After a look that failed.
const PAUSE: Duration = Duration::from_millis(500);
/// What is mended within so long is not worth a word.
const QUIET: Duration = Duration::from_secs(10);
/// How long Auth may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks again and again until the drain closes. While Auth is away, the keys that are known stay in force.
pub async fn follow(keys: Arc<Keys>, auth: Peer, drain: Drain) {
    keys.follow();
    let (mut told, mut fetched_at) = (false, Instant::now());
    loop {
        let wait = match fetch(&auth).await {
            Ok(published) => {
                // Auth makes its first keys a moment after it answers.
                let wait = if published.is_empty() { PAUSE } else { PERIOD };
                keys.set(Vec::new(), published);
                (told, fetched_at) = (false, Instant::now());
                wait
            }
            Err(error) => {
                keys.looked();
                // While everything starts, nobody needs to be told.
                if fetched_at.elapsed() > QUIET && !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "the keys of tokens cannot be fetched; trying again");
                }
                PAUSE
            }
        };
        tokio::select! {
            () = drain.closed() => return,
            () = keys.wanted() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn fetch(auth: &Peer) -> Result<Vec<VerifyingKey>> {
    let unreachable = || Error::unavailable(Reason::AuthUnreachable, "the Auth service cannot be reached");
    let mut request = tonic::Request::new(GetJwksRequest {});
    request.set_timeout(PATIENCE);
    let mut client = AuthServiceClient::new(auth.clone());
    let answer = tokio::time::timeout(PATIENCE, client.get_jwks(request)).await;
    let answer = answer.map_err(|_| unreachable().caused_by("no answer"))?;
    let jwks = answer.map_err(|status| Error::from_peer(&status, unreachable))?.into_inner();
    jwks.keys.iter().map(VerifyingKey::from_wire).collect()
}
