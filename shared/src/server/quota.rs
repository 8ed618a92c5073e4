//! How often a person, and all of an organization together, may call a service: a token bucket for each, in the process.
//! And how many streams a person may have open there, each of which looks at the log over and over.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use uuid::Uuid;

use crate::{
    auth::token::Access,
    error::{Error, Kind, Reason, Result},
};

/// Seconds whose calls may come all at once.
const BURST_S: u32 = 5;
/// Calls between two looks for buckets that are full again, and need not be kept.
const FORGET_EVERY: u32 = 10_000;

/// Streams that one person may have open at one process.
const STREAMS: usize = 200;

static OPEN: LazyLock<Mutex<HashMap<Uuid, usize>>> = LazyLock::new(Mutex::default);

/// One of a person's open streams, for as long as it is held.
pub(super) struct OpenStream(Uuid);

impl OpenStream {
    /// # Errors
    /// QUOTA.
    pub(super) fn begin(person: Uuid) -> Result<Self> {
        let mut open = OPEN.lock().expect("no holder of this lock panics");
        let streams = open.entry(person).or_default();
        if *streams >= STREAMS {
            let message = "you have too many streams open; end some";
            return Err(Error::new(Kind::Exhausted, Reason::Quota, message)
                .with("quota", "streams_per_person")
                .with("limit", STREAMS)
                .retry_after(Duration::from_secs(1)));
        }
        *streams += 1;
        metrics::gauge!("spectra_streams_open").increment(1.0);
        Ok(Self(person))
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        metrics::gauge!("spectra_streams_open").decrement(1.0);
        let mut open = OPEN.lock().expect("no holder of this lock panics");
        if let Some(streams) = open.get_mut(&self.0) {
            *streams -= 1;
            if *streams == 0 {
                open.remove(&self.0);
            }
        }
    }
}

/// Calls a second to one service.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Of one person; `None` for no limit.
    pub person: Option<NonZeroU32>,
    /// Of all of an organization; `None` for no limit.
    pub organization: Option<NonZeroU32>,
}

/// Counts the calls to one service.
pub(super) struct Quotas {
    person: Option<Buckets>,
    organization: Option<Buckets>,
    calls: AtomicU32,
}

struct Buckets {
    /// Name of the quota, as refusals tell it.
    name: &'static str,
    rate: NonZeroU32,
    levels: DefaultKeyedRateLimiter<Uuid>,
}

impl Quotas {
    pub(super) fn new(rates: Rates) -> Self {
        let buckets = |name, rate: NonZeroU32| {
            let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_S - 1));
            Buckets { name, rate, levels: RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst)) }
        };
        Self {
            person: rates.person.map(|rate| buckets("calls_per_person", rate)),
            organization: rates.organization.map(|rate| buckets("calls_per_organization", rate)),
            calls: AtomicU32::new(0),
        }
    }

    /// Counts a call of this person.
    ///
    /// # Errors
    /// QUOTA, which says when the next call is taken.
    pub(super) fn count(&self, claims: &Access) -> Result<()> {
        if self.calls.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            [&self.person, &self.organization].into_iter().flatten().for_each(|buckets| buckets.levels.retain_recent());
        }
        self.person.as_ref().map_or(Ok(()), |buckets| buckets.take(claims.sub))?;
        self.organization.as_ref().map_or(Ok(()), |buckets| buckets.take(claims.org))
    }
}

impl Buckets {
    fn take(&self, key: Uuid) -> Result<()> {
        self.levels.check_key(&key).map_err(|until| {
            let message = "you call more often than this laboratory takes; slow down";
            Error::new(Kind::Exhausted, Reason::Quota, message)
                .with("quota", self.name)
                .with("limit_per_second", self.rate)
                .retry_after(until.wait_time_from(DefaultClock::default().now()))
        })
    }
}
