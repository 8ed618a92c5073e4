//! Sessions that were ended before their tokens: read from the database, told to every verifier.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use spectra_runtime::{Error, Reason, Result, auth::revocation::Revocations};
use tokio::sync::broadcast;
use uuid::Uuid;

/// For so long the last reading counts as what is. Listeners of a process that cannot read are refused, and go to another.
const FRESH: Duration = Duration::from_secs(10);
/// After so long without a reading, what is recent is not enough: less than `revocation_list_recent` looks back.
const RECENT: Duration = Duration::from_secs(240);
/// News that a slow listener may be behind; with more, it is told everything again.
const BACKLOG: usize = 64;

/// Sessions, and when the last of their access tokens is over.
pub type Ended = Vec<(Uuid, DateTime<Utc>)>;

/// What the database said.
struct Known {
    sessions: HashMap<Uuid, DateTime<Utc>>,
    read_at: Instant,
}

/// What this process knows, and who listens.
pub struct Hub {
    /// `None` until the database was read for the first time.
    known: Mutex<Option<Known>>,
    news: broadcast::Sender<Arc<Ended>>,
    /// The verifier of the service itself.
    own: Arc<Revocations>,
}

impl Hub {
    pub fn new(own: Arc<Revocations>) -> Self {
        Self { known: Mutex::default(), news: broadcast::Sender::new(BACKLOG), own }
    }

    /// Whether everything has to be read at this instant, not only what is recent.
    pub fn wants_all(&self, at: Instant) -> bool {
        let known = self.known.lock().expect("no holder of this lock panics");
        known.as_ref().is_none_or(|known| at.duration_since(known.read_at) > RECENT)
    }

    /// Takes in what the database had at an instant, and tells what was not known. Telling nothing is a sign of life.
    pub fn learn(&self, read: Ended, read_at: Instant, now: DateTime<Utc>, sign_of_life: bool) {
        let mut known = self.known.lock().expect("no holder of this lock panics");
        let known = known.get_or_insert_with(|| Known { sessions: HashMap::new(), read_at });
        known.read_at = read_at;
        known.sessions.retain(|_, over_at| *over_at > now);
        let news = read.into_iter().filter(|(id, over_at)| known.sessions.insert(*id, *over_at).is_none());
        let news: Ended = news.collect();
        self.own.hear(news.iter().copied(), now);
        if sign_of_life || !news.is_empty() {
            // Nobody listening is no mistake.
            let _ = self.news.send(Arc::new(news));
        }
    }

    /// All that is known, and the news from here on.
    ///
    /// # Errors
    /// DATABASE_UNAVAILABLE where nothing is known at this instant, or only what was.
    pub fn listen(&self, at: Instant) -> Result<(Ended, broadcast::Receiver<Arc<Ended>>)> {
        let known = self.known.lock().expect("no holder of this lock panics");
        let known = known.as_ref().filter(|known| at.duration_since(known.read_at) <= FRESH).ok_or_else(|| {
            Error::unavailable(Reason::DatabaseUnavailable, "ended sessions cannot be read at the moment; try again")
        })?;
        Ok((known.sessions.iter().map(|(id, over_at)| (*id, *over_at)).collect(), self.news.subscribe()))
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
        let at = Instant::now();
        assert!(hub.listen(at).is_err() && hub.wants_all(at));
        let now = Clock::default().now();
        let (first, second, over_at) = (Uuid::now_v7(), Uuid::now_v7(), now + TimeDelta::hours(1));
        hub.learn(vec![(first, over_at)], at, now, false);
        let (all, mut news) = hub.listen(at).unwrap();
        assert_eq!(all, [(first, over_at)]);
        hub.learn(vec![(first, over_at), (second, over_at)], at, now, false);
        hub.learn(vec![(second, over_at)], at, now, false);
        hub.learn(Vec::new(), at, now, true);
        assert_eq!(*news.try_recv().unwrap(), [(second, over_at)]);
        assert!(news.try_recv().unwrap().is_empty());
        assert!(news.try_recv().is_err());
        // What matters no more is forgotten.
        hub.learn(Vec::new(), at, over_at, false);
        assert!(hub.listen(at).unwrap().0.is_empty());
    }

    #[test]
    fn what_was_read_long_ago_is_not_told_as_what_is_and_then_everything_is_read() {
        let hub = Hub::new(Arc::default());
        let (at, now) = (Instant::now(), Clock::default().now());
        hub.learn(Vec::new(), at, now, false);
        assert!(hub.listen(at + FRESH).is_ok() && hub.listen(at + 2 * FRESH).is_err());
        assert!(!hub.wants_all(at + RECENT) && hub.wants_all(at + 2 * RECENT));
        let missed = (Uuid::now_v7(), now + TimeDelta::hours(1));
        hub.learn(vec![missed], at + 2 * RECENT, now, false);
        assert_eq!(hub.listen(at + 2 * RECENT).unwrap().0, [missed]);
    }
}
