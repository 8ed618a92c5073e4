//! The load generator: so many callers at once, each sending its next call when the last one is answered.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Uri};
use tokio::task::JoinSet;

use crate::{
    Result,
    lane::{Ended, Lane},
    usage::{Cpu, Processes},
    wire::{Failure, Line},
};

/// One answer in so many is read and compared with what was asked for.
const CHECKED_ONE_IN: u32 = 64;

/// A call that is ready to be sent.
pub(crate) struct Call {
    /// Its method, or its address in plain HTTP.
    pub(crate) address: Uri,
    /// Who calls, where that is known.
    pub(crate) bearer: Option<HeaderValue>,
    /// The framed request; `None` for a GET in plain HTTP.
    pub(crate) message: Option<Bytes>,
    /// What the workload knows it by.
    pub(crate) key: u64,
}

/// A kind of call, made over and over.
pub(crate) trait Workload: Send + Sync {
    /// The next call; `None` where there is nothing left to do.
    fn next(&self) -> Option<Call>;

    /// Whether the answer is the right one.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&self, _key: u64, _answer: Bytes) -> Result<()> {
        Ok(())
    }

    /// What others send meanwhile, all at once, and again when it is all answered; how does not matter.
    fn beside(&self) -> Vec<Call> {
        Vec::new()
    }
}

/// How hard and how long.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Callers at once.
    pub(crate) callers: usize,
    /// Connections that they share.
    pub(crate) connections: usize,
    /// Not counted: connections are opened and statements prepared.
    pub(crate) warm_up: Duration,
    /// Counted.
    pub(crate) time: Duration,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Calls that were answered with OK in the time that counts.
    pub(crate) count: u64,
    /// The time that counts.
    pub(crate) time: Duration,
    /// Processor time used in it.
    pub(crate) cpu: Cpu,
    /// How long each of those calls took, in microseconds, sorted.
    pub(crate) took_us: Vec<u32>,
    /// All other answers, at any time.
    pub(crate) failures: BTreeMap<Failure, u64>,
}

impl Outcome {
    /// Calls a second.
    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.time.as_secs_f64()
    }

    /// The time within which this share of the calls was answered, in milliseconds.
    pub(crate) fn percentile_ms(&self, share: f64) -> f64 {
        let last = self.took_us.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.took_us.get(at).map_or(0.0, |us| f64::from(*us) / 1000.0)
    }
}

/// Applies a workload to the product.
pub(crate) async fn apply(
    line: &Line,
    workload: &Arc<dyn Workload>,
    effort: Effort,
    processes: &Processes,
) -> Result<Outcome> {
    let begin = Instant::now() + effort.warm_up;
    let end = begin + effort.time;
    let mut callers = JoinSet::new();
    for number in 0..effort.connections {
        let lane = Lane::connect(line.address).await?;
        let share = effort.callers / effort.connections + usize::from(number < effort.callers % effort.connections);
        callers.spawn(work(lane, share, Arc::clone(workload), begin, end));
    }
    tokio::time::sleep_until(begin.into()).await;
    let mut others = JoinSet::new();
    others.spawn(disturb(line.clone(), Arc::clone(workload)));
    let before = processes.cpu()?;

    let mut outcome = Outcome::default();
    let mut after = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(end.into()), if after.is_none() => {
                after = Some((effort.time, processes.cpu()?));
            }
            done = callers.join_next() => match done {
                Some(share) => outcome.add(share?),
                None => break,
            },
        }
    }
    // Where the work ran out before the time did, the last answer ends it.
    let (time, cpu) = match after {
        Some(after) => after,
        None => (begin.elapsed(), processes.cpu()?),
    };
    outcome.time = time;
    outcome.cpu = cpu - before;
    outcome.took_us.sort_unstable();
    Ok(outcome)
}

/// What one caller did.
#[derive(Default)]
struct Share {
    took_us: Vec<u32>,
    failures: BTreeMap<Failure, u64>,
}

impl Outcome {
    fn add(&mut self, share: Share) {
        self.count += share.took_us.len() as u64;
        self.took_us.extend(share.took_us);
        for (failure, count) in share.failures {
            *self.failures.entry(failure).or_default() += count;
        }
    }
}

/// Goes on until it is dropped.
async fn disturb(line: Line, workload: Arc<dyn Workload>) {
    /// As many as together take a thousand streams at once.
    const CONNECTIONS: usize = 5;
    let mut lines = Vec::new();
    loop {
        let calls = workload.beside();
        if calls.is_empty() {
            return;
        }
        while lines.len() < CONNECTIONS {
            match line.again().await {
                Ok(another) => lines.push(another),
                Err(_) => tokio::task::yield_now().await,
            }
        }
        let mut answers = JoinSet::new();
        for (call, line) in calls.into_iter().zip(lines.iter().cycle()) {
            let mut line = line.clone();
            answers.spawn(async move {
                let Call { address, bearer, message, .. } = call;
                line.send(&address, bearer.as_ref(), message.unwrap_or_default()).await
            });
        }
        answers.join_all().await;
    }
}

/// What so many callers on one connection do.
async fn work(mut lane: Lane, callers: usize, workload: Arc<dyn Workload>, begin: Instant, end: Instant) -> Share {
    /// After a failure, so that a server that refuses is not flooded.
    const PAUSE: Duration = Duration::from_millis(5);
    /// How long the last answers may take.
    const LAST: Duration = Duration::from_secs(30);
    let mut share = Share::default();
    let mut ended = Vec::with_capacity(callers);
    let mut until_check = rand::random_range(0..CHECKED_ONE_IN);
    loop {
        while lane.flying() < callers
            && Instant::now() < end
            && let Some(call) = workload.next()
        {
            lane.call(call);
        }
        if lane.flying() == 0 {
            return share;
        }
        let advanced = tokio::time::timeout_at((end + LAST).into(), lane.advance(&mut ended)).await;
        if let Err(failure) = advanced.unwrap_or_else(|_| Err(Failure::Broken("no answer came".to_owned()))) {
            *share.failures.entry(failure).or_default() += (lane.flying() + ended.len()) as u64;
            return share;
        }
        let came = Instant::now();
        let mut is_refused = false;
        for Ended { key, sent, answer } in ended.drain(..) {
            let failure = match answer {
                Ok(answer) if until_check == 0 => {
                    until_check = CHECKED_ONE_IN;
                    workload.check(key, answer).err().map(|wrong| Failure::Broken(format!("a wrong answer: {wrong}")))
                }
                Ok(_) => None,
                Err(failure) => Some(failure),
            };
            until_check = until_check.saturating_sub(1);
            if let Some(failure) = failure {
                *share.failures.entry(failure).or_default() += 1;
                is_refused = true;
            } else if came >= begin && came < end {
                share.took_us.push(u32::try_from((came - sent).as_micros()).unwrap_or(u32::MAX));
            }
        }
        if is_refused {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
