//! `spectra-bench`: how fast the whole product is, beside the bare database on the same machine in the same run.
//!
//! Machines are shared and noisy, so that a speed is a ratio inside one run: product and baseline take turns, three
//! rounds or more, and the median counts. See `bench/README.md`.

mod cases;
mod database;
mod lab;
mod lane;
mod load;
mod measure;
mod report;
mod seed;
mod usage;
mod wire;

use std::{error::Error, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::{lab::Lab, measure::Plan, report::Report};

/// A failure, said in one sentence.
pub(crate) type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Threads of the load generator, as many as pgbench is given.
const THREADS: usize = 2;

/// Measures the whole product beside the bare database: starts `spectra up` on a temporary folder, fills it, and lets
/// the product and pgbench take turns. Prints a table and writes bench/results.json. A missed goal is no failure; an
/// answer other than OK is.
#[derive(Parser)]
#[command(name = "spectra-bench", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Short measurements (1 s): to see that all works, not to compare.
    #[arg(long)]
    quick: bool,
    /// How often each case is measured; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,
    /// Length of one measurement.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: Option<u16>,
    /// Measure five processes, one a service and the edge, instead of one.
    #[arg(long)]
    mesh: bool,
    /// Measure only the cases whose names begin so: get, get-mixed, list, create, page, start, rest, guesses.
    #[arg(long, value_name = "CASE")]
    only: Option<String>,
    /// Keep the temporary folder, with the database and the product's log.
    #[arg(long)]
    keep: bool,
    /// Time to spend on measuring again what other programs disturbed (60, or 10 with --quick).
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u16>,
    /// Threads of the product's runtime; 0 for one a core.
    #[arg(long, default_value_t = 0)]
    workers: u16,
    /// Callers at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    callers: u16,
    /// HTTP/2 connections that the callers share.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    connections: u16,
    /// The program to measure; the one beside this program where left out.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Where the results go.
    #[arg(long, value_name = "FILE", default_value = "bench/results.json")]
    results: PathBuf,
    /// Folder of PostgreSQL's programs, as the product takes it.
    #[arg(long, env = "SPECTRA_PG_BIN", value_name = "FOLDER")]
    pg_bin: Option<PathBuf>,
}

impl Arguments {
    fn plan(&self) -> Plan {
        let patience = self.patience.unwrap_or(if self.quick { 10 } else { 60 });
        let seconds = self.seconds.unwrap_or(if self.quick { 1 } else { 4 });
        Plan {
            rounds: usize::from(self.rounds),
            seconds: u64::from(seconds),
            warm_up: Duration::from_millis(if self.quick { 200 } else { 500 }),
            callers: usize::from(self.callers),
            connections: usize::from(self.connections),
            patience: Duration::from_secs(u64::from(patience)),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(start(arguments)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(broken) if !broken => ExitCode::SUCCESS,
        Ok(_) => {
            eprintln!("spectra-bench: not every answer was as it should be: see above");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("spectra-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs it all and cleans up however it ends; whether an answer was wrong comes back.
async fn start(arguments: Arguments) -> Result<bool> {
    let mut lab = Lab::spawn(&arguments)?;
    let plan = arguments.plan();
    if arguments.mesh
        && let Err(error) = mesh(&mut lab, &arguments).await
    {
        lab.show_log();
        lab.stop(arguments.keep).await?;
        return Err(error);
    }
    let site = lab.site();
    let only = arguments.only.clone();
    // A task of its own, so that a panic, too, is followed by the clean-up.
    let mut work = tokio::spawn(async move { measure::run(&site, &plan, only.as_deref()).await });
    let outcome = tokio::select! {
        done = &mut work => done.unwrap_or_else(|panic| Err(panic.into())),
        name = interrupted() => Err(format!("ended by {name}").into()),
        status = lab.ended() => Err(format!("the program ended by itself ({status})").into()),
    };
    work.abort();
    if outcome.is_err() {
        lab.show_log();
    }
    let stopped = lab.stop(arguments.keep).await;
    let report: Report = outcome?;
    report.print();
    report.write(&arguments.results)?;
    stopped?;
    Ok(report.is_broken())
}

/// Five processes, once there is the database that they need.
async fn mesh(lab: &mut Lab, arguments: &Arguments) -> Result<()> {
    measure::ready(&lab.site()).await?;
    lab.spawn_mesh(arguments)
}

/// Comes with the signal that asks for the end.
async fn interrupted() -> &'static str {
    let came = async |kind| match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = came(SignalKind::interrupt()) => "Ctrl-C",
        () = came(SignalKind::terminate()) => "SIGTERM",
        () = came(SignalKind::hangup()) => "SIGHUP",
    }
}

/// Tells how far it is.
pub(crate) fn say(line: &str) {
    eprintln!("bench: {line}");
}
