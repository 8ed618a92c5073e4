//! The product's PostgreSQL from behind: to fill it, and to have pgbench ask it the same questions.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;
use tokio_postgres::{Client, Config, NoTls};
use uuid::Uuid;

use crate::{Result, lab::Site, usage::Processes};

/// The superuser, and the database.
const NAME: &str = "spectra";
/// Connections that pgbench opens, and threads that serve them.
const CLIENTS: &str = "16";
const THREADS: &str = "2";

/// The running server.
pub(crate) struct Database {
    socket: PathBuf,
    port: String,
    password: String,
    pgbench: PathBuf,
    /// Its processes and the program's.
    pub(crate) processes: Processes,
}

/// What pgbench sends over and over.
pub(crate) struct Script {
    /// Transactions; one is chosen at random each time.
    pub(crate) transactions: Vec<String>,
    /// Settings of its sessions, as `PGOPTIONS` has them.
    pub(crate) options: String,
}

impl Script {
    /// As the superuser, whom row security does not bind.
    pub(crate) fn bare(transactions: impl IntoIterator<Item = String>) -> Self {
        Self { transactions: transactions.into_iter().collect(), options: String::new() }
    }

    /// As the service's role, whom it does, on sessions bound to an organization as the product's are.
    pub(crate) fn bound(transactions: impl IntoIterator<Item = String>, organization: &str) -> Self {
        let options = format!("-c role=spectra_samples -c app.org_id={organization} {GENERIC_PLANS}");
        Self { transactions: transactions.into_iter().collect(), options }
    }
}

/// Setting under which a statement is planned once a session, as on the product's connections.
pub(crate) const GENERIC_PLANS: &str = "-c plan_cache_mode=force_generic_plan";

impl Database {
    /// The server of a lab that is ready.
    pub(crate) fn of(site: &Site) -> Result<Self> {
        let read = |name: &str| {
            let path = site.data.join(name);
            fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
        };
        let file = read("postgres/postmaster.pid")?;
        let lines: Vec<&str> = file.lines().map(str::trim).collect();
        let [process, _, _, port, socket, ..] = lines[..] else {
            return Err("postmaster.pid is shorter than expected".into());
        };
        let postmaster: u32 = process.parse()?;
        // The programs of the very server that runs.
        let program = fs::read_link(format!("/proc/{postmaster}/exe"))?;
        let pgbench = program.with_file_name("pgbench");
        if !pgbench.exists() {
            return Err(format!("{} is not there: install PostgreSQL's pgbench", pgbench.display()).into());
        }
        Ok(Self {
            socket: socket.into(),
            port: port.to_owned(),
            password: read("password")?.trim().to_owned(),
            pgbench,
            processes: Processes { product: site.processes.clone(), postmaster },
        })
    }

    /// A connection as the superuser.
    pub(crate) async fn connect(&self) -> Result<Client> {
        let mut config = Config::new();
        config.host_path(&self.socket).port(self.port.parse()?).user(NAME).dbname(NAME).password(&self.password);
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Where a process of the product finds it.
    pub(crate) fn url(&self) -> Result<String> {
        let socket = self.socket.to_str().ok_or("the socket's folder is no text")?.replace('/', "%2F");
        Ok(format!("postgres://{NAME}:{}@{socket}:{}/{NAME}", self.password, self.port))
    }

    /// Transactions a second that pgbench gets done within so many seconds.
    pub(crate) async fn pgbench(&self, script: &Script, folder: &Path, seconds: u64) -> Result<Done> {
        let mut command = Command::new(&self.pgbench);
        for (index, transaction) in script.transactions.iter().enumerate() {
            let file = folder.join(format!("transaction-{index}.sql"));
            fs::write(&file, transaction)?;
            command.arg("-f").arg(file);
        }
        let output = command
            .args(["--no-vacuum", "--protocol=prepared", "--client", CLIENTS, "--jobs", THREADS])
            .arg(format!("--time={seconds}"))
            // For the names and ids of what it enters: different in every measurement, the ids growing with time.
            .arg(format!("--define=series={}", rand::random_range(1..=999_999_999_u32)))
            .arg(format!("--define=now={}", Uuid::now_v7().as_u64_pair().0))
            .arg("--define=n=0")
            .args(["--host"])
            .arg(&self.socket)
            .args(["--port", &self.port, "--username", NAME, NAME])
            .env("PGPASSWORD", &self.password)
            .env("PGOPTIONS", &script.options)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let failed = number(&said, "number of failed transactions: ");
        match (number(&said, "tps = "), number(&said, "number of transactions actually processed: ")) {
            (Some(rate), Some(count)) if output.status.success() && failed.unwrap_or(0.0) == 0.0 => {
                Ok(Done { rate, count })
            }
            _ => Err(format!("pgbench failed ({}): {}{}", output.status, said.trim(), complained.trim()).into()),
        }
    }
}

/// What pgbench did.
pub(crate) struct Done {
    /// Transactions a second, without the time to connect.
    pub(crate) rate: f64,
    /// Transactions.
    pub(crate) count: f64,
}

/// The number after a text.
fn number(text: &str, before: &str) -> Option<f64> {
    let (_, after) = text.split_once(before)?;
    after.split(|c: char| !(c.is_ascii_digit() || c == '.')).next()?.parse().ok()
}
