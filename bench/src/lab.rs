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

use crate::{Arguments, Result, say};

/// How long the program may take to stop: it stops PostgreSQL as well.
const STOP_LIMIT: Duration = Duration::from_secs(60);
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
    /// Its process.
    pub(crate) process: u32,
}

/// The running program and its folder, which goes with it.
pub(crate) struct Lab {
    child: Child,
    folder: TempDir,
    site: Site,
}

impl Lab {
    /// Starts `spectra up`; it is not ready yet.
    pub(crate) fn spawn(arguments: &Arguments) -> Result<Self> {
        let program = match &arguments.program {
            Some(program) => program.clone(),
            None => std::env::current_exe()?.with_file_name("spectra"),
        };
        if !program.exists() {
            let build = "cargo build --release --workspace --bins";
            return Err(format!("{} is not there: build it first ({build})", program.display()).into());
        }
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
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("SPECTRA_LISTEN", address.to_string())
            .env("SPECTRA_ADMIN_LISTEN", admin.to_string())
            .env("SPECTRA_WORKERS", arguments.workers.to_string())
            // A run may last longer than a token.
            .env("ACCESS_TOKEN_EXPIRE_MINUTES", "1440")
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
        let site = Site { address, data, folder: folder.path().to_owned(), process };
        Ok(Self { child, folder, site })
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
