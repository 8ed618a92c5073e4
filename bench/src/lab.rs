//! The product: the real program as a child process, on a temporary folder.

use std::{
    fs::{self, File, Permissions},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::{Arguments, Result, database::Database, say};

/// How long the program may take to stop: it stops PostgreSQL as well.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// The services that can be apart.
const SERVICES: [&str; 4] = ["auth", "samples", "calibration", "runs"];
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Lines of the log that are shown when something went wrong.
const SHOWN_LINES: usize = 30;

/// Where the product is, for those who talk to it.
#[derive(Clone)]
pub(crate) struct Site {
    /// Where it takes calls.
    pub(crate) address: SocketAddr,
    /// Its data folder.
    pub(crate) data: PathBuf,
    /// A folder for files of ours.
    pub(crate) folder: PathBuf,
    /// Its processes.
    pub(crate) processes: Vec<u32>,
}

/// The running program and its folder, which goes with it.
pub(crate) struct Lab {
    child: Child,
    /// One process a service and the edge, where they are apart.
    mesh: Vec<Child>,
    folder: TempDir,
    site: Site,
}

impl Lab {
    /// Starts `spectra up`; it is not ready yet.
    pub(crate) fn spawn(arguments: &Arguments) -> Result<Self> {
        let program = program(arguments)?;
        // Not under /tmp, which may be memory: fsync is to reach a disk. PostgreSQL's account passes through.
        let folder = tempfile::Builder::new()
            .prefix("spectra-bench-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in("/var/tmp")?;
        let (data, address, admin) = (folder.path().join("data"), free_address()?, free_address()?);
        let log = File::create(log_file(folder.path()))?;
        let mut command = Command::new(&program);
        command
            .args(["up", "--data"])
            .arg(&data)
            // Nothing of the caller's settings: a DATABASE_URL would be written to.
            .env_clear()
            .env("PATH", PATH)
            .env("SPECTRA_LISTEN", address.to_string())
            .env("SPECTRA_ADMIN_LISTEN", admin.to_string())
            .envs(shared_settings(arguments))
            // Ctrl-C at the terminal is for us, who then stop it in order.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        if let Some(folder) = &arguments.pg_bin {
            command.env("SPECTRA_PG_BIN", folder);
        }
        say(&format!("starting {} up on {}", program.display(), folder.path().display()));
        let child = command.spawn().map_err(|error| format!("{} does not start: {error}", program.display()))?;
        let process = child.id().ok_or("the program ended at once")?;
        let site = Site { address, data, folder: folder.path().to_owned(), processes: vec![process] };
        Ok(Self { child, mesh: Vec::new(), folder, site })
    }

    /// Starts five processes more on its database, and has those measured: the first one, which runs the database, is
    /// left idle.
    pub(crate) fn spawn_mesh(&mut self, arguments: &Arguments) -> Result<()> {
        let program = program(arguments)?;
        let secret = |name: &str| fs::read_to_string(self.site.data.join(name)).map(|text| text.trim().to_owned());
        let socket = Database::of(&self.site)?.url()?;
        let mut settings = vec![
            ("PATH".to_owned(), PATH.to_owned()),
            ("DATABASE_URL".to_owned(), socket),
            ("JWT_SECRET".to_owned(), secret("jwt_secret")?),
            ("SPECTRA_FORMER_LISTEN".to_owned(), "none".to_owned()),
        ];
        settings.extend(shared_settings(arguments));
        let mut processes = Vec::new();
        for service in SERVICES {
            let (address, name) = (free_address()?, service.to_uppercase());
            settings.push((format!("SPECTRA_{name}_LISTEN"), address.to_string()));
            settings.push((format!("SPECTRA_{name}_URL"), format!("http://{address}")));
        }
        self.site.address = free_address()?;
        settings.push(("SPECTRA_LISTEN".to_owned(), self.site.address.to_string()));
        for service in SERVICES.into_iter().chain(["edge"]) {
            let log = File::options().append(true).open(log_file(self.folder.path()))?;
            let child = Command::new(&program)
                .args(["serve", service])
                .env_clear()
                .envs(settings.iter().cloned())
                .env("SPECTRA_ADMIN_LISTEN", free_address()?.to_string())
                .process_group(0)
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .kill_on_drop(true)
                .spawn()?;
            processes.push(child.id().ok_or("a process ended at once")?);
            self.mesh.push(child);
        }
        self.site.processes = processes;
        Ok(())
    }

    /// Where it is.
    pub(crate) fn site(&self) -> Site {
        self.site.clone()
    }

    /// Comes when the program ends by itself.
    pub(crate) async fn ended(&mut self) -> String {
        self.child.wait().await.map_or_else(|error| error.to_string(), |status: ExitStatus| status.to_string())
    }

    /// Shows the end of the program's log.
    pub(crate) fn show_log(&self) {
        let text = fs::read_to_string(log_file(self.folder.path())).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        for line in &lines[lines.len().saturating_sub(SHOWN_LINES)..] {
            eprintln!("  spectra | {line}");
        }
    }

    /// Stops the program and its PostgreSQL, and removes the folder.
    pub(crate) async fn stop(mut self, keep: bool) -> Result<()> {
        for child in self.mesh.iter_mut() {
            child.kill().await?;
        }
        if let Some(process) = self.child.id().and_then(process) {
            let _ = kill_process(process, Signal::TERM);
        }
        let stopped = timeout(STOP_LIMIT, self.child.wait()).await;
        if stopped.is_err() {
            self.child.kill().await?;
        }
        self.stop_database();
        if keep {
            say(&format!("kept {}", self.folder.keep().display()));
        } else {
            // What PostgreSQL still writes as it dies can come in between.
            for _ in 0..20 {
                if !self.folder.path().exists() || fs::remove_dir_all(self.folder.path()).is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        match stopped {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("the program did not stop within {STOP_LIMIT:?} and was killed").into()),
        }
    }

    /// The server of a program that died goes on without it.
    fn stop_database(&self) {
        let Ok(file) = fs::read_to_string(self.site.data.join("postgres/postmaster.pid")) else { return };
        if let Some(server) = file.lines().next().and_then(|line| line.trim().parse().ok()).and_then(process) {
            let _ = kill_process(server, Signal::QUIT);
        }
        // Its socket, whose folder the program made and could not remove.
        let sockets = fs::read_to_string(self.site.data.join("socket")).unwrap_or_default();
        if Path::new(sockets.trim()).file_name().is_some_and(|name| name.to_string_lossy().starts_with("spectra-")) {
            let _ = fs::remove_dir_all(sockets.trim());
        }
    }
}

fn program(arguments: &Arguments) -> Result<PathBuf> {
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("spectra"),
    };
    if program.exists() {
        return Ok(program);
    }
    let build = "cargo build --release --workspace --bins";
    Err(format!("{} is not there: build it first ({build})", program.display()).into())
}

/// What each process of the product is told.
fn shared_settings(arguments: &Arguments) -> [(String, String); 4] {
    [
        ("SPECTRA_WORKERS", arguments.workers.to_string()),
        // A run may last longer than a token.
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "1440".to_owned()),
        // One person calls as often as a whole laboratory would: counted, and never refused.
        ("SPECTRA_CALLS_PER_PERSON", "1000000".to_owned()),
        ("SPECTRA_CALLS_PER_ORGANIZATION", "1000000".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

fn process(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("spectra.log")
}

/// An address that nobody listens at, for now.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
