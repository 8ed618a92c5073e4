//! The private PostgreSQL cluster that `spectra up` runs: made in the data folder on the first start, reached over a
//! unix socket only, stopped with the program.
//!
//! The data folder holds `postgres/` (the cluster), `postgres.log`, `password` (the superuser's), `lock` (held while
//! the program lives) and `socket` (where the server of the moment listens). Whatever else the program keeps for a lab
//! may lie beside them.

mod account;
mod error;
mod folder;
mod leftover;
mod programs;
mod server;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls, error::SqlState};

pub use error::Error;
pub use folder::default_data_folder;

use account::Account;
use folder::{DataFolder, SocketFolder};
use programs::{Programs, Search};
use server::{Launch, Server};

/// The oldest PostgreSQL that the migrations run on.
const OLDEST_MAJOR: u32 = 15;
/// The superuser, and the database, of the private cluster.
const NAME: &str = "spectra";

/// A running private cluster. Dropped without [`Cluster::stop`], it asks the server to shut down and does not wait.
pub struct Cluster {
    // Dropped in this order: the server before its socket folder, and the lock of the data folder last.
    server: Server,
    launch: Launch,
    url: String,
}

impl Cluster {
    /// Starts the cluster of the folder `data`, made first where there is none; `report` gets a short line a step.
    ///
    /// The programs are those in the folder `programs`, else the newest found on this machine. A server that an
    /// earlier, killed `spectra` left running on the folder is shut down first. A data folder serves one program at
    /// a time: [`Error::InUse`] names the process that has it.
    pub async fn start(programs: Option<&Path>, data: &Path, report: impl Fn(&str)) -> Result<Self, Error> {
        Self::start_with(&Search::new(programs), data, report).await
    }

    async fn start_with(search: &Search, data: &Path, report: impl Fn(&str)) -> Result<Self, Error> {
        let programs = search.find(DataFolder::cluster_major(data)?).await?;
        let account = Account::of_server()?;
        let folder = DataFolder::open(data, &account)?;
        leftover::clear(&folder, &account, &report).await?;
        if !folder.has_cluster() {
            report(&format!(
                "creating a private PostgreSQL {} cluster in {}",
                programs.version.major,
                folder.cluster().display()
            ));
            create(&programs, &account, &folder).await?;
        }
        let password = folder.password()?;
        let sockets = SocketFolder::create(&account)?;
        folder.remember_sockets(sockets.path())?;

        let mut login = Config::new();
        login.host_path(sockets.path()).user(NAME).password(&password).application_name("spectra up");
        login.connect_timeout(Duration::from_secs(5));
        let url =
            format!("postgres://{NAME}:{password}@{}/{NAME}", sockets.path().to_string_lossy().replace('/', "%2F"));

        report(&format!("starting PostgreSQL {}", programs.version));
        let launch = Launch { programs, account, login, sockets, folder };
        let server = launch.run().await?;
        let cluster = Self { server, launch, url };
        cluster.create_database().await?;
        Ok(cluster)
    }

    /// Where to connect, as the superuser: `postgres://spectra:PASSWORD@%2Ftmp%2Fspectra-abc/spectra`. It stays the
    /// same over [`Cluster::restart`].
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the server ends by itself and says how; dropping the future loses nothing.
    pub async fn died(&mut self) -> ExitStatus {
        self.server.ended().await
    }

    /// Starts the server again after it died (or stops it first), at the same URL.
    pub async fn restart(&mut self, report: impl Fn(&str)) -> Result<(), Error> {
        report(&format!("restarting PostgreSQL {}", self.launch.programs.version));
        self.server.stop().await?;
        self.server = self.launch.run().await?;
        Ok(())
    }

    /// Ends sessions and shuts the server down: a fast shutdown, after 20 s an immediate one, which loses nothing that
    /// was committed. Its socket folder is gone afterwards.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.server.stop().await
    }

    /// The database of the lab, made where it is not there yet: also after a first start that was interrupted.
    async fn create_database(&self) -> Result<(), Error> {
        let failed = |cause| Error::Database { cause };
        let client = connect(&self.launch.login, "postgres").await.map_err(failed)?;
        match client.batch_execute(&format!("CREATE DATABASE {NAME}")).await {
            Err(error) if error.code() == Some(&SqlState::DUPLICATE_DATABASE) => Ok(()),
            Err(error) if error.code() == Some(&SqlState::DISK_FULL) => {
                Err(Error::DiskFull { path: self.launch.folder.cluster() })
            }
            other => other.map_err(failed),
        }
    }
}

impl fmt::Debug for Cluster {
    // Without the URL, which holds the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("folder", &self.launch.folder.cluster()).finish_non_exhaustive()
    }
}

async fn connect(login: &Config, database: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = login.clone().dbname(database).connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// How long initdb may take; it writes some 40 MB and syncs them.
const CREATE_LIMIT: Duration = Duration::from_secs(180);

/// Makes the cluster in a folder beside its own and moves it there whole.
async fn create(programs: &Programs, account: &Account, folder: &DataFolder) -> Result<(), Error> {
    let staging = folder.stage(account)?;
    // Both sort by code point; the first also knows the letters beyond ASCII, but not every system has it.
    for locale in ["C.UTF-8", "C"] {
        let mut initdb = programs.command("initdb", account);
        initdb
            .args(["--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums", "--no-instructions"])
            .arg(format!("--username={NAME}"))
            .arg(format!("--locale={locale}"))
            .arg(format!("--pwfile={}", staging.password.display()))
            .arg(format!("--pgdata={}", staging.cluster.display()))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = timeout(CREATE_LIMIT, initdb.output())
            .await
            .map_err(|_| Error::Initdb { said: format!("it took more than {} s", CREATE_LIMIT.as_secs()) })?
            .map_err(|cause| Error::Program { program: programs.path("initdb"), cause })?;
        if output.status.success() {
            return folder.adopt(&staging);
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if error::tells_disk_full(&said) {
            folder.remove_staging();
            return Err(Error::DiskFull { path: folder.cluster() });
        }
        if !(locale == "C.UTF-8" && said.contains("invalid locale name")) {
            folder.remove_staging();
            return Err(Error::Initdb { said: error::last_lines(&said) });
        }
    }
    folder.remove_staging();
    Err(Error::Initdb { said: "it knows neither the locale C.UTF-8 nor C".into() })
}
