//! What the service does by itself, beside answering calls: it keeps its keys in force, and tells of ended sessions.

use std::{sync::Arc, time::Duration};

use spectra_runtime::{
    Result,
    auth::{Caller, Request},
    db::{Tx, Value},
    server::Drain,
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    App, keys,
    store::revocation::{revocation_forget, revocation_list, revocation_list_recent},
};

/// Between two looks for ended sessions; one that this process ended is seen at once.
const REVOCATIONS_PERIOD: Duration = Duration::from_secs(1);
/// Listeners hear something at least so often.
const SIGN_OF_LIFE: Duration = Duration::from_secs(4);
/// Between two looks at the keys.
const KEYS_PERIOD: Duration = Duration::from_secs(5);
/// At least between two looks, however much happens.
const GATHERING: Duration = Duration::from_millis(20);
/// After a look that failed.
const PAUSE: Duration = Duration::from_millis(500);
/// Between two rounds of forgetting, and the time that one may take.
const FORGETTING: (Duration, Duration) = (Duration::from_secs(3600), Duration::from_secs(30));

/// The worker, to be run beside the service.
pub struct Worker(Arc<App>);

impl Worker {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self(app)
    }

    /// Works until the drain closes.
    pub async fn run(self, drain: Drain) {
        let app = &*self.0;
        tokio::select! {
            () = drain.closed() => {}
            ((), (), ()) = async { futures::join!(keep_keys(app), tell_revocations(app), forget(app)) } => {}
        }
    }
}

async fn keep_keys(app: &App) {
    let Some(signing) = &app.signing else { return };
    let mut trouble = Trouble::new("the keys of tokens cannot be read");
    app.keys.follow();
    let mut known = Vec::new();
    loop {
        let read = signing.read(&app.db, &app.clock).await;
        let wait = if read.is_ok() { KEYS_PERIOD } else { PAUSE };
        trouble.tell(read.map(|set| {
            // Whoever adds a key can sign for anybody: that there is another one stands in the log.
            let kids: Vec<_> = set.published.iter().map(|key| key.kid.clone()).collect();
            if kids != known {
                tracing::info!(?kids, former = ?known, "other keys of tokens are in force");
                known = kids;
            }
            app.published.store(Arc::new(set.published));
            app.keys.set(set.signing, set.verifying);
        }));
        // Whoever waits for another key need not, where the look was in vain.
        app.keys.looked();
        tokio::select! {
            () = app.keys.wanted() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn tell_revocations(app: &App) {
    let mut trouble = Trouble::new("ended sessions cannot be read");
    let mut told_at = Instant::now();
    loop {
        let read_at = std::time::Instant::now();
        let all = app.hub.wants_all(read_at);
        let read =
            app.db.before_sign_in(
                async move |conn| {
                    if all { revocation_list(conn).await } else { revocation_list_recent(conn).await }
                },
            );
        let read = read.await;
        let wait = if read.is_ok() { REVOCATIONS_PERIOD } else { PAUSE };
        trouble.tell(read.map(|ended| {
            let sign_of_life = told_at.elapsed() >= SIGN_OF_LIFE;
            if sign_of_life {
                told_at = Instant::now();
            }
            app.hub.learn(ended, read_at, app.clock.now(), sign_of_life);
        }));
        tokio::select! {
            () = app.db.changed().notified() => tokio::time::sleep(GATHERING).await,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn forget(app: &App) {
    let (period, time) = FORGETTING;
    let mut trouble = Trouble::new("old revocations cannot be forgotten");
    loop {
        tokio::time::sleep(period).await;
        let by = Caller::service(crate::NAME, Uuid::nil(), Request::internal(time));
        let forgotten = app.db.write(&by, async |tx: &mut Tx| {
            revocation_forget(tx.conn()).await?;
            tx.unchanged();
            Ok(Value(()))
        });
        trouble.tell(forgotten.await.map(drop));
        if let Some(signing) = &app.signing {
            trouble.tell(keys::forget(&app.db, &signing.seal, &app.clock).await);
        }
    }
}

/// A fault that lasts is told once, not at every round.
struct Trouble {
    what: &'static str,
    told: bool,
}

impl Trouble {
    fn new(what: &'static str) -> Self {
        Self { what, told: false }
    }

    fn tell(&mut self, outcome: Result<()>) {
        match outcome {
            Ok(()) => self.told = false,
            Err(error) if !std::mem::replace(&mut self.told, true) => {
                tracing::warn!(?error, "{}; trying again", self.what);
            }
            Err(_) => {}
        }
    }
}
