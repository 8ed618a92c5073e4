//! Processor time and memory of the processes, from `/proc`.

use std::{fs, io, ops::Sub, time::Duration};

/// `USER_HZ`: what `/proc` counts processor time in, the same on every Linux that Rust's tier-one targets run.
const TICKS_A_SECOND: u64 = 100;
/// Positions of fields of `/proc/<pid>/stat` after the name, which is skipped for the spaces it may have.
const PARENT: usize = 1;
const USER: usize = 11;
const SYSTEM: usize = 12;
const CHILDREN_USER: usize = 13;
const CHILDREN_SYSTEM: usize = 14;

/// The processes whose time is told apart.
#[derive(Clone)]
pub(crate) struct Processes {
    /// The program: one process, or five.
    pub(crate) product: Vec<u32>,
    /// PostgreSQL's first process; the others are its children.
    pub(crate) postmaster: u32,
}

/// Processor time used so far, or between two moments.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// The program.
    pub(crate) product: Duration,
    /// All processes of its PostgreSQL.
    pub(crate) postgres: Duration,
    /// The load generator: this process, and those that it waited for (pgbench).
    pub(crate) load: Duration,
    /// Everybody on this machine, and what the machine itself was denied by its host.
    pub(crate) machine: Duration,
}

impl Cpu {
    /// Share of the machine's processors that none of ours used, within this time.
    pub(crate) fn others_share(self, time: Duration) -> f64 {
        let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        let others = self.machine.saturating_sub(self.product + self.postgres + self.load);
        others.as_secs_f64() / time.as_secs_f64() / cores
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            product: self.product.saturating_sub(earlier.product),
            postgres: self.postgres.saturating_sub(earlier.postgres),
            load: self.load.saturating_sub(earlier.load),
            machine: self.machine.saturating_sub(earlier.machine),
        }
    }
}

impl Processes {
    /// Processor time used so far.
    pub(crate) fn cpu(&self) -> io::Result<Cpu> {
        let own = stat(std::process::id())?;
        let product = self.product.iter().map(|process| Ok(stat(*process)?.used)).sum::<io::Result<u64>>()?;
        let postgres = loop {
            let server = stat(self.postmaster)?;
            let children: u64 = children(self.postmaster)?.iter().map(|stat| stat.used).sum();
            // A backend that ended in between is in neither sum: look again.
            if stat(self.postmaster)?.waited == server.waited {
                break server.used + server.waited + children;
            }
        };
        Ok(Cpu {
            product: time(product),
            postgres: time(postgres),
            load: time(own.used + own.waited),
            machine: time(machine()?),
        })
    }

    /// Resident memory of the program now, of all its processes, in bytes.
    pub(crate) fn memory(&self) -> io::Result<u64> {
        self.product.iter().map(|process| kept(*process, "VmRSS:")).sum()
    }

    /// The share of it that is pages of the program's file, which the system takes back when it needs them.
    pub(crate) fn file_memory(&self) -> io::Result<u64> {
        self.product.iter().map(|process| kept(*process, "RssFile:")).sum()
    }
}

/// A line of `/proc/<pid>/status` that tells memory, in bytes.
fn kept(process: u32, what: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix(what)?.trim().strip_suffix(" kB"));
    let kilobytes: u64 = kilobytes.and_then(|text| text.trim().parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    Ok(kilobytes * 1024)
}

/// A line of `/proc/<pid>/stat`: the parent, and ticks used by the process and by the children it waited for.
struct Stat {
    parent: u32,
    used: u64,
    waited: u64,
}

fn stat(process: u32) -> io::Result<Stat> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields: Vec<u64> = text
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect())
        .unwrap_or_default();
    let field = |at: usize| fields.get(at).copied().unwrap_or(0);
    Ok(Stat {
        parent: u32::try_from(field(PARENT)).unwrap_or(0),
        used: field(USER) + field(SYSTEM),
        waited: field(CHILDREN_USER) + field(CHILDREN_SYSTEM),
    })
}

/// Ticks of `/proc/stat` in programs and in the kernel for them, and stolen by the machine's host.
fn machine() -> io::Result<u64> {
    const COUNTED: [usize; 4] = [0, 1, 2, 7];
    let text = fs::read_to_string("/proc/stat")?;
    let fields: Vec<u64> = text
        .lines()
        .next()
        .map(|line| line.split_whitespace().skip(1).map(|field| field.parse().unwrap_or(0)).collect())
        .unwrap_or_default();
    Ok(COUNTED.iter().filter_map(|at| fields.get(*at)).sum())
}

fn children(parent: u32) -> io::Result<Vec<Stat>> {
    let processes = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        // One that ends meanwhile is no error.
        .filter_map(|process: u32| stat(process).ok());
    Ok(processes.filter(|stat| stat.parent == parent).collect())
}

fn time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_A_SECOND)
}
