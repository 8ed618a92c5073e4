//! The server's process: started, watched until it answers, stopped.

use std::{
    os::unix::process::ExitStatusExt as _,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::Child,
    time::{Instant, sleep, timeout},
};
use tokio_postgres::{Config, error::SqlState};

use super::{
    account::Account,
    connect,
    error::{self, Error},
    folder::{DataFolder, SocketFolder},
    programs::Programs,
};

/// How long a start may take, recovery after a crash included.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a fast shutdown may take before it becomes an immediate one, and that before the server is killed.
pub(super) const FAST_LIMIT: Duration = Duration::from_secs(20);
pub(super) const IMMEDIATE_LIMIT: Duration = Duration::from_secs(10);
/// How often a starting server is asked whether it is ready: at first, and in the end, since it logs a refusal.
const FIRST_POLL: Duration = Duration::from_millis(20);
const LAST_POLL: Duration = Duration::from_millis(500);

/// For a laptop: little memory, nothing lost. fsync and full_page_writes stay on.
const SETTINGS: [&str; 10] = [
    "listen_addresses=",
    "max_connections=100",
    "shared_buffers=128MB",
    "cluster_name=spectra",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_line_prefix=%m [%p] %q%u@%d ",
    "logging_collector=off",
    // Of no use to short queries, and slow to start.
    "jit=off",
    "random_page_cost=1.1",
];

/// All that it takes to start the server, once or again.
pub(super) struct Launch {
    pub(super) programs: Programs,
    pub(super) account: Account,
    pub(super) login: Config,
    pub(super) sockets: SocketFolder,
    pub(super) folder: DataFolder,
}

impl Launch {
    /// Starts the server and waits until it answers.
    pub(super) async fn run(&self) -> Result<Server, Error> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            match self.attempt(deadline).await {
                // Processes of a server that was killed end a moment after it, and hold its memory until then.
                Err(Error::Died { tail, .. })
                    if tail.contains("pre-existing shared memory block") && Instant::now() < deadline =>
                {
                    sleep(LAST_POLL).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self, deadline: Instant) -> Result<Server, Error> {
        let (log, log_from) = self.folder.open_log()?;
        let also_log = log.try_clone().map_err(error::file("open", self.folder.log_file()))?;
        let mut command = self.programs.command("postgres", &self.account);
        command.arg("-D").arg(self.folder.cluster());
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.arg("-c").arg(format!("unix_socket_directories={}", self.sockets.path().display()));
        let child = command.stdin(Stdio::null()).stdout(log).stderr(also_log).spawn();
        let child = child.map_err(|cause| Error::Program { program: self.programs.path("postgres"), cause })?;
        let mut server = Server { child };
        match self.wait_until_ready(&mut server, log_from, deadline).await {
            Ok(()) => Ok(server),
            Err(error) => {
                server.stop().await?;
                Err(error)
            }
        }
    }

    async fn wait_until_ready(&self, server: &mut Server, log_from: u64, deadline: Instant) -> Result<(), Error> {
        let mut poll = FIRST_POLL;
        loop {
            if let Ok(Some(status)) = server.child.try_wait() {
                let (log, tail) = (self.folder.log_file(), self.folder.log_tail(log_from));
                return Err(if error::tells_disk_full(&tail) {
                    Error::DiskFull { path: self.folder.cluster() }
                } else {
                    Error::Died { status, log, tail }
                });
            }
            // It refuses connections, or has no socket yet, until it is ready.
            match connect(&self.login, "postgres").await {
                Ok(_) => return Ok(()),
                Err(error) if error.code() == Some(&SqlState::INVALID_PASSWORD) => {
                    return Err(Error::Password { password: self.folder.password_file() });
                }
                Err(_) if Instant::now() >= deadline => {
                    let (log, tail) = (self.folder.log_file(), self.folder.log_tail(log_from));
                    return Err(Error::NotReady { limit_s: START_LIMIT.as_secs(), log, tail });
                }
                Err(_) => {
                    sleep(poll).await;
                    poll = LAST_POLL.min(poll * 2);
                }
            }
        }
    }
}

/// The server's process. Dropped while it runs, it is asked to shut down.
pub(super) struct Server {
    pub(super) child: Child,
}

impl Server {
    /// Waits for its end.
    pub(super) async fn ended(&mut self) -> ExitStatus {
        // Waiting for one's own child fails only when someone else has reaped it; how it ended is then unknown.
        self.child.wait().await.unwrap_or_else(|_| ExitStatus::from_raw(1 << 8))
    }

    /// Shuts it down, ever more firmly; an ended one is fine.
    pub(super) async fn stop(&mut self) -> Result<(), Error> {
        for (signal, limit) in
            [(Signal::INT, FAST_LIMIT), (Signal::QUIT, IMMEDIATE_LIMIT), (Signal::KILL, IMMEDIATE_LIMIT)]
        {
            self.signal(signal);
            if timeout(limit, self.ended()).await.is_ok() {
                return Ok(());
            }
        }
        Err(Error::WillNotStop { pid: self.child.id().unwrap_or_default() })
    }

    fn signal(&self, signal: Signal) {
        // No id: it has ended and been waited for.
        if let Some(pid) = self.child.id().and_then(process) {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal(Signal::INT);
    }
}

/// A process id as the system calls take it.
pub(super) fn process(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}
