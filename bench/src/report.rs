//! The table and the file.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use serde::Serialize;

use crate::{
    Result,
    cases::{Case, Of},
    measure::Plan,
    usage::Cpu,
};

/// Share of the processors that other programs may use without a remark.
pub(crate) const QUIET: f64 = 0.1;
const MIB: f64 = 1024.0 * 1024.0;

/// One measurement.
#[derive(Serialize, Clone, Copy, Default)]
pub(crate) struct Measured {
    per_second: f64,
    /// Median and 99th percentile of the latency.
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_ms: Option<f64>,
    /// Processor time for each call or transaction.
    product_cpu_us: f64,
    postgres_cpu_us: f64,
    load_cpu_us: f64,
    /// Share of the machine's processors that programs used which have nothing to do with it.
    others_share: f64,
}

impl Measured {
    /// So many calls at this speed, for so much processor time within this time.
    pub(crate) fn new(per_second: f64, count: f64, cpu: Cpu, time: Duration) -> Self {
        let each = |time: Duration| if count > 0.0 { time.as_secs_f64() * 1e6 / count } else { 0.0 };
        Self {
            per_second,
            p50_ms: None,
            p99_ms: None,
            product_cpu_us: each(cpu.product),
            postgres_cpu_us: each(cpu.postgres),
            load_cpu_us: each(cpu.load),
            others_share: cpu.others_share(time),
        }
    }

    /// With median and 99th percentile of its latency.
    pub(crate) fn with_latency(self, ms: (f64, f64)) -> Self {
        Self { p50_ms: Some(ms.0), p99_ms: Some(ms.1), ..self }
    }
}

/// What was measured side by side, and only this is compared.
#[derive(Default)]
pub(crate) struct Round {
    pub(crate) product: Measured,
    pub(crate) base: Measured,
    pub(crate) envelope: Option<Measured>,
}

impl Round {
    fn all(&self) -> impl Iterator<Item = &Measured> {
        [&self.product, &self.base].into_iter().chain(&self.envelope)
    }

    /// The most that other programs used of the machine in one of its measurements.
    pub(crate) fn others_share(&self) -> f64 {
        self.all().map(|one| one.others_share).fold(0.0, f64::max)
    }
}

/// A case's measurements.
pub(crate) struct Row {
    key: &'static str,
    title: &'static str,
    of: Of,
    goal: f64,
    later: f64,
    pub(crate) rounds: Vec<Round>,
    /// Answers that were not OK, or wrong, and how many of each.
    pub(crate) failures: BTreeMap<String, u64>,
}

impl Row {
    pub(crate) fn new(case: &Case) -> Self {
        Self {
            key: case.key,
            title: case.title,
            of: case.of,
            goal: case.goal,
            later: case.later,
            rounds: Vec::new(),
            failures: BTreeMap::new(),
        }
    }

    fn ratio(&self, product: &Measured, base: &Measured) -> f64 {
        match self.of {
            Of::Speeds => product.per_second / base.per_second,
            Of::Times => base.per_second / product.per_second,
            Of::Medians => product.p50_ms.unwrap_or(f64::NAN) / base.p50_ms.unwrap_or(f64::NAN),
            Of::Processor => product.product_cpu_us / base.product_cpu_us,
        }
    }
}

/// Resident memory of the program, in bytes.
pub(crate) struct Memory {
    /// Ready, before any work.
    pub(crate) idle: u64,
    /// The most there was after a measurement.
    pub(crate) loaded: u64,
    /// What of it is pages of the program's file.
    pub(crate) file: u64,
}

/// The results.
#[derive(Serialize)]
pub(crate) struct Report {
    rounds: usize,
    seconds: u64,
    callers: usize,
    connections: usize,
    took_s: f64,
    memory_idle_mib: f64,
    memory_loaded_mib: f64,
    memory_file_mib: f64,
    cases: Vec<Summary>,
}

#[derive(Serialize)]
struct Summary {
    case: &'static str,
    title: &'static str,
    ratio: f64,
    ratio_least: f64,
    ratio_most: f64,
    /// What the ratio is of; but of speeds, a small one is the good one.
    of: Of,
    goal: f64,
    later: f64,
    met: bool,
    /// Against the same statements as the product sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    envelope_ratio: Option<f64>,
    /// The rounds' medians.
    product: Measured,
    base: Measured,
    #[serde(skip_serializing_if = "Option::is_none")]
    envelope: Option<Measured>,
    /// The most that other programs used of the machine in any of its measurements.
    others_share: f64,
    failures: BTreeMap<String, u64>,
}

impl Summary {
    fn new(row: Row) -> Option<Self> {
        let rounds = &row.rounds;
        let mut ratios: Vec<f64> = rounds.iter().map(|round| row.ratio(&round.product, &round.base)).collect();
        ratios.sort_by(f64::total_cmp);
        let ratio = median(&ratios)?;
        let envelope: Vec<Measured> = rounds.iter().filter_map(|round| round.envelope).collect();
        let envelope_ratios: Vec<f64> =
            rounds.iter().zip(&envelope).map(|(round, envelope)| row.ratio(&round.product, envelope)).collect();
        Some(Self {
            case: row.key,
            title: row.title,
            ratio,
            ratio_least: *ratios.first()?,
            ratio_most: *ratios.last()?,
            of: row.of,
            goal: row.goal,
            later: row.later,
            met: if row.of == Of::Speeds { ratio >= row.goal } else { ratio <= row.goal },
            envelope_ratio: median(&envelope_ratios),
            product: medians(&rounds.iter().map(|round| round.product).collect::<Vec<_>>())?,
            base: medians(&rounds.iter().map(|round| round.base).collect::<Vec<_>>())?,
            envelope: medians(&envelope),
            others_share: rounds.iter().map(Round::others_share).fold(0.0, f64::max),
            failures: row.failures,
        })
    }
}

impl Report {
    pub(crate) fn new(plan: &Plan, rows: Vec<Row>, memory: Memory, took: Duration) -> Self {
        Self {
            rounds: plan.rounds,
            seconds: plan.seconds,
            callers: plan.callers,
            connections: plan.connections,
            took_s: took.as_secs_f64(),
            memory_idle_mib: memory.idle as f64 / MIB,
            memory_loaded_mib: memory.loaded as f64 / MIB,
            memory_file_mib: memory.file as f64 / MIB,
            cases: rows.into_iter().filter_map(Summary::new).collect(),
        }
    }

    /// Whether an answer was not OK, or wrong, or a case had no answer at all.
    pub(crate) fn is_broken(&self) -> bool {
        self.cases.iter().any(|case| !case.failures.is_empty() || case.product.per_second == 0.0)
    }

    /// Writes the file.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()).into())
    }

    /// Prints the tables.
    pub(crate) fn print(&self) {
        let Self { callers, connections, rounds, seconds, took_s, .. } = self;
        println!();
        println!(
            "{callers} callers on {connections} connections; {rounds} rounds of {seconds} s a measurement; medians; \
             {took_s:.0} s in all"
        );
        self.print_speeds();
        self.print_processor();
        println!();
        println!(
            "resident memory of the program: idle {:.1} MiB, under load {:.1} MiB (goal 40, 80); {:.1} MiB of it are pages \
             of the program's file",
            self.memory_idle_mib, self.memory_loaded_mib, self.memory_file_mib
        );
        if self.cases.iter().any(|case| case.others_share > QUIET) {
            println!(
                "NOTE  other programs used much of this machine meanwhile (column `others`): who has more processes gets \
                 more of what is left, so that these ratios say little"
            );
        }
        for case in &self.cases {
            for (failure, count) in &case.failures {
                println!("FAILED  {}: {count} x {failure}", case.case);
            }
        }
    }

    fn print_speeds(&self) {
        println!();
        println!(
            "{:53} {:>9} {:>7} {:>7} {:>10} {:>6} {:>11} {:>6} {:>6} {:7} {:>10} {:>6}",
            "case",
            "product/s",
            "p50 ms",
            "p99 ms",
            "baseline/s",
            "ratio",
            "(rounds)",
            "goal",
            "later",
            "",
            "envelope/s",
            "ratio"
        );
        for case in &self.cases {
            let bound = |goal: f64| format!("{}{goal}", if case.of == Of::Speeds { "" } else { "<=" });
            let envelope = case.envelope.map_or(String::new(), |envelope| format!("{:.0}", envelope.per_second));
            println!(
                "{:53} {:>9.0} {:>7.2} {:>7.2} {:>10.0} {:>6.2} {:>11} {:>6} {:>6} {:7} {:>10} {:>6} {:>6.0}%",
                case.title,
                case.product.per_second,
                case.product.p50_ms.unwrap_or_default(),
                case.product.p99_ms.unwrap_or_default(),
                case.base.per_second,
                case.ratio,
                format!("{:.2}-{:.2}", case.ratio_least, case.ratio_most),
                bound(case.goal),
                bound(case.later),
                if case.met { "met" } else { "missed" },
                envelope,
                case.envelope_ratio.map_or(String::new(), |ratio| format!("{ratio:.2}")),
                case.others_share * 100.0,
            );
        }
    }

    fn print_processor(&self) {
        println!();
        println!(
            "{:53} {:>8} {:>8} {:>8} {:>12} {:>8} {:>12} {:>8}",
            "processor time a call, in microseconds",
            "product",
            "postgres",
            "load",
            "base: postgr",
            "load",
            "env.: postgr",
            "load"
        );
        for case in &self.cases {
            let (product, base) = (&case.product, &case.base);
            let (postgres, load) = case.envelope.map_or((String::new(), String::new()), |envelope| {
                (format!("{:.1}", envelope.postgres_cpu_us), format!("{:.1}", envelope.load_cpu_us))
            });
            println!(
                "{:53} {:>8.1} {:>8.1} {:>8.1} {:>12.1} {:>8.1} {postgres:>12} {load:>8}",
                case.title,
                product.product_cpu_us,
                product.postgres_cpu_us,
                product.load_cpu_us,
                base.postgres_cpu_us,
                base.load_cpu_us,
            );
        }
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

/// Each figure's own median.
fn medians(rounds: &[Measured]) -> Option<Measured> {
    let of = |figure: fn(&Measured) -> f64| median(&rounds.iter().map(figure).collect::<Vec<_>>());
    let latency = |figure: fn(&Measured) -> Option<f64>| {
        rounds.iter().map(figure).collect::<Option<Vec<_>>>().and_then(|values| median(&values))
    };
    Some(Measured {
        per_second: of(|one| one.per_second)?,
        p50_ms: latency(|one| one.p50_ms),
        p99_ms: latency(|one| one.p99_ms),
        product_cpu_us: of(|one| one.product_cpu_us)?,
        postgres_cpu_us: of(|one| one.postgres_cpu_us)?,
        load_cpu_us: of(|one| one.load_cpu_us)?,
        others_share: of(|one| one.others_share)?,
    })
}
