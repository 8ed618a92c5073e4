//! Sessions that were ended before their tokens: read from the database, told to every verifier.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use spectra_runtime::{Error, Reason, Result, auth::revocation::Revocations};
use tokio::sync::broadcast;
use uuid::Uuid;

/// News that a slow listener may be behind; with more, it is told everything again.
const BACKLOG: usize = 64;

/// Sessions, and when the last of their access tokens is over.
pub type Ended = Vec<(Uuid, DateTime<Utc>)>;

/// What this process knows, and who listens.
pub struct Hub {
    /// `None` until the database was read for the first time.
    known: Mutex<Option<HashMap<Uuid, DateTime<Utc>>>>,
    news: broadcast::Sender<Arc<Ended>>,
    /// The verifier of the service itself.
    own: Arc<Revocations>,
}

impl Hub {
    pub fn new(own: Arc<Revocations>) -> Self {
        Self { known: Mutex::default(), news: broadcast::Sender::new(BACKLOG), own }
    }

    /// Whether everything has to be read, not only what is recent.
    pub fn is_new(&self) -> bool {
        self.known.lock().expect("no holder of this lock panics").is_none()
    }

    /// Takes in what the database has, and tells what was not known. Telling nothing is a sign of life.
    pub fn learn(&self, read: Ended, now: DateTime<Utc>, sign_of_life: bool) {
        let mut known = self.known.lock().expect("no holder of this lock panics");
        let known = known.get_or_insert_default();
        known.retain(|_, over_at| *over_at > now);
        let news: Ended = read.into_iter().filter(|(id, over_at)| known.insert(*id, *over_at).is_none()).collect();
        self.own.hear(news.iter().copied(), now);
        if sign_of_life || !news.is_empty() {
            // Nobody listening is no mistake.
            let _ = self.news.send(Arc::new(news));
        }
    }

    /// All that is known, and the news from here on.
    ///
    /// # Errors
    /// DATABASE_UNAVAILABLE where nothing is known yet.
    pub fn listen(&self) -> Result<(Ended, broadcast::Receiver<Arc<Ended>>)> {
        let known = self.known.lock().expect("no holder of this lock panics");
        let known = known.as_ref().ok_or_else(|| {
            Error::unavailable(Reason::DatabaseUnavailable, "ended sessions have not been read yet; try again")
        })?;
        Ok((known.iter().map(|(id, over_at)| (*id, *over_at)).collect(), self.news.subscribe()))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use spectra_runtime::Clock;

    use super::*;

    #[test]
    fn a_listener_is_told_everything_first_and_then_each_session_once() {
        let hub = Hub::new(Arc::default());
        assert!(hub.listen().is_err() && hub.is_new());
        let now = Clock::default().now();
        let (first, second, over_at) = (Uuid::now_v7(), Uuid::now_v7(), now + TimeDelta::hours(1));
        hub.learn(vec![(first, over_at)], now, false);
        let (all, mut news) = hub.listen().unwrap();
        assert_eq!(all, [(first, over_at)]);
        hub.learn(vec![(first, over_at), (second, over_at)], now, false);
        hub.learn(vec![(second, over_at)], now, false);
        hub.learn(Vec::new(), now, true);
        assert_eq!(*news.try_recv().unwrap(), [(second, over_at)]);
        assert!(news.try_recv().unwrap().is_empty());
        assert!(news.try_recv().is_err());
        // What matters no more is forgotten.
        hub.learn(Vec::new(), over_at, false);
        assert!(hub.listen().unwrap().0.is_empty());
    }
}
