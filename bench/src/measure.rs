//! The measurements: each case in turn, product and baselines in turn, round by round.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{
    Result,
    cases::{self, Base, Case},
    database::{Database, Script},
    lab::Site,
    load::{self, Effort, Outcome, Workload},
    report::{Measured, Memory, QUIET, Report, Round, Row},
    say, seed,
    wire::Line,
};

/// How long the program may take until it serves: it makes a database first.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// Runs a second that StartRun is given, many more than it can do on two cores with a disk.
const RUNS_A_SECOND: u64 = 1_200;

/// How the measurements are made.
pub(crate) struct Plan {
    /// How often each case is measured.
    pub(crate) rounds: usize,
    /// Length of a measurement.
    pub(crate) seconds: u64,
    /// Time before it that is not counted.
    pub(crate) warm_up: Duration,
    /// Callers at once.
    pub(crate) callers: usize,
    /// Connections that they share.
    pub(crate) connections: usize,
    /// Time to spend on what other programs disturb, in all.
    pub(crate) patience: Duration,
}

/// All measurements, on a program that was just started.
pub(crate) async fn run(site: &Site, plan: &Plan, only: Option<&str>) -> Result<Report> {
    let begun = Instant::now();
    let mut line = ready(site).await?;
    let database = Database::of(site)?;
    let idle = database.processes.memory()?;
    say(&format!("ready after {:.1} s; entering {} samples", begun.elapsed().as_secs_f64(), seed::SAMPLES));

    let client = database.connect().await?;
    // A run more for the warm-up of each round.
    let runs = (plan.rounds as u64 * (plan.seconds + 1) * RUNS_A_SECOND).min(seed::SAMPLES / 2);
    let world = seed::fill(&mut line, &client, runs).await?;
    let cases: Vec<Case> = cases::all(&mut line, &world)
        .await?
        .into_iter()
        .filter(|case| only.is_none_or(|only| case.key.starts_with(only)))
        .collect();
    if cases.is_empty() {
        return Err(format!("no case begins with {}", only.unwrap_or_default()).into());
    }
    say(&format!("filled after {:.1} s", begun.elapsed().as_secs_f64()));

    let mut bench = Bench { plan, line, database, folder: &site.folder, patience: plan.patience };
    let mut rows: Vec<Row> = cases.iter().map(Row::new).collect();
    let mut loaded = idle;
    for round in 0..plan.rounds {
        for (case, row) in cases.iter().zip(&mut rows) {
            bench.case(case, row, round).await?;
            loaded = loaded.max(bench.database.processes.memory()?);
        }
        say(&format!("round {} of {} after {:.0} s", round + 1, plan.rounds, begun.elapsed().as_secs_f64()));
    }
    let file = bench.database.processes.file_memory()?;
    Ok(Report::new(plan, rows, Memory { idle, loaded, file }, begun.elapsed()))
}

/// Waits until the program says that it serves.
pub(crate) async fn ready(site: &Site) -> Result<Line> {
    const PAUSE: Duration = Duration::from_millis(100);
    /// `HealthCheckResponse { status: SERVING }`.
    const SERVING: &[u8] = &[0x08, 0x01];
    let deadline = Instant::now() + READY_LIMIT;
    while Instant::now() < deadline {
        let attempt = async {
            let mut line = Line::connect(site.address).await?;
            let method = line.method("grpc.health.v1.Health/Check")?;
            let answer = line.send(&method, None, crate::wire::frame(&())).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((answer == SERVING).then_some(line))
        };
        // It may accept connections before it answers.
        if let Ok(Ok(Some(line))) = tokio::time::timeout(Duration::from_secs(2), attempt).await {
            return Ok(line);
        }
        sleep(PAUSE).await;
    }
    Err(format!("the program was not ready within {READY_LIMIT:?}").into())
}

struct Bench<'a> {
    plan: &'a Plan,
    line: Line,
    database: Database,
    folder: &'a Path,
    /// Time left to spend on what other programs disturb.
    patience: Duration,
}

/// Who is measured.
#[derive(Clone, Copy)]
enum Turn {
    Product,
    Base,
    Envelope,
}

impl Bench<'_> {
    /// One round of a case, made again where other programs disturbed it, as long as there is patience.
    async fn case(&mut self, case: &Case, row: &mut Row, number: usize) -> Result<()> {
        loop {
            let begun = Instant::now();
            let round = self.round(case, &mut row.failures, number).await?;
            let others = round.others_share();
            self.patience = self.patience.saturating_sub(if others > QUIET { begun.elapsed() } else { Duration::ZERO });
            if others <= QUIET || self.patience.is_zero() {
                row.rounds.push(round);
                return Ok(());
            }
            say(&format!("{}: other programs used {:.0}% of this machine; once more", case.key, others * 100.0));
            self.wait_for_quiet().await?;
        }
    }

    /// Waits until other programs leave the machine alone.
    async fn wait_for_quiet(&mut self) -> Result<()> {
        const LOOK: Duration = Duration::from_millis(300);
        while !self.patience.is_zero() {
            let (before, begun) = (self.database.processes.cpu()?, Instant::now());
            sleep(LOOK).await;
            let others = (self.database.processes.cpu()? - before).others_share(begun.elapsed());
            self.patience = self.patience.saturating_sub(begun.elapsed());
            if others <= QUIET {
                break;
            }
        }
        Ok(())
    }

    /// Product and baselines in turn; who begins changes from round to round.
    async fn round(&self, case: &Case, failures: &mut BTreeMap<String, u64>, number: usize) -> Result<Round> {
        let mut turns = vec![Turn::Product, Turn::Base];
        if case.envelope.is_some() {
            turns.push(Turn::Envelope);
        }
        if number % 2 == 1 {
            turns.reverse();
        }
        let mut round = Round::default();
        for turn in turns {
            match (turn, &case.base, &case.envelope) {
                (Turn::Product, ..) => round.product = self.product(&case.product, failures).await?,
                (Turn::Base, Base::Product(workload), _) => round.base = self.product(workload, failures).await?,
                (Turn::Base, Base::Database(script), _) => round.base = self.database(script).await?,
                (Turn::Envelope, _, Some(script)) => round.envelope = Some(self.database(script).await?),
                (Turn::Envelope, _, None) => {}
            }
        }
        Ok(round)
    }

    async fn product(&self, workload: &Arc<dyn Workload>, failures: &mut BTreeMap<String, u64>) -> Result<Measured> {
        let effort = Effort {
            callers: self.plan.callers,
            connections: self.plan.connections,
            warm_up: self.plan.warm_up,
            time: Duration::from_secs(self.plan.seconds),
        };
        let outcome: Outcome = load::apply(&self.line, workload, effort, &self.database.processes).await?;
        for (failure, count) in &outcome.failures {
            *failures.entry(failure.to_string()).or_default() += count;
        }
        let latency_ms = (outcome.percentile_ms(0.5), outcome.percentile_ms(0.99));
        Ok(Measured::new(outcome.rate(), outcome.count as f64, outcome.cpu, outcome.time).with_latency(latency_ms))
    }

    async fn database(&self, script: &Script) -> Result<Measured> {
        let (before, begun) = (self.database.processes.cpu()?, Instant::now());
        let done = self.database.pgbench(script, self.folder, self.plan.seconds).await?;
        // Its sessions end a moment after it.
        sleep(Duration::from_millis(100)).await;
        let cpu = self.database.processes.cpu()? - before;
        Ok(Measured::new(done.rate, done.count, cpu, begun.elapsed()))
    }
}
