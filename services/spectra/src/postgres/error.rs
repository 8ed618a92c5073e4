//! What can go wrong with the private cluster, each in one sentence that says what to do.

use std::{io, path::PathBuf, process::ExitStatus};

use super::OLDEST_MAJOR;

/// Why the private cluster did not start, or stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No PostgreSQL on this machine.
    #[error(
        "PostgreSQL {OLDEST_MAJOR} or newer was not found on this machine: install it (Debian, Ubuntu: `apt-get install \
         postgresql`), or set SPECTRA_PG_BIN to the folder that holds its programs initdb and postgres"
    )]
    NotFound,
    /// The folder named by SPECTRA_PG_BIN lacks a program.
    #[error(
        "{folder} (SPECTRA_PG_BIN) has no program {program}: set it to the folder that holds initdb and postgres of \
         PostgreSQL {OLDEST_MAJOR} or newer"
    )]
    Incomplete {
        /// The folder that was looked in.
        folder: PathBuf,
        /// The program that it lacks.
        program: &'static str,
    },
    /// Only a PostgreSQL that is too old.
    #[error(
        "PostgreSQL {version} in {folder} is too old: install PostgreSQL {OLDEST_MAJOR} or newer (Debian, Ubuntu: \
         `apt-get install postgresql`), or set SPECTRA_PG_BIN to the folder that holds its programs"
    )]
    TooOld {
        /// The newest version found.
        version: String,
        /// Where it was found.
        folder: PathBuf,
    },
    /// The cluster belongs to another major version, and that one is not installed.
    #[error(
        "the cluster in {cluster} was made by PostgreSQL {made}, but only {found} was found: install PostgreSQL {made} \
         (Debian, Ubuntu: `apt-get install postgresql-{made}`), or begin an empty lab in another data folder"
    )]
    OtherMajor {
        /// The cluster's folder.
        cluster: PathBuf,
        /// The major version that made it.
        made: u32,
        /// What this machine has instead.
        found: String,
    },
    /// Root, and no account to drop to.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has no user postgres or nobody to run it as: install \
         PostgreSQL from the system's packages, or start as another user"
    )]
    NoAccount,
    /// The account that PostgreSQL runs as cannot get into the data folder.
    #[error(
        "PostgreSQL runs as the user {account}, who may not enter {blocked}: choose a data folder outside it, such as \
         /var/lib/spectra"
    )]
    OutOfReach {
        /// The account's name.
        account: String,
        /// The folder that shuts it out.
        blocked: PathBuf,
    },
    /// Another program has the data folder.
    #[error(
        "another spectra ({}) is using the data folder {data}: stop it first, or give this one another data folder",
        pid.map_or_else(|| "of unknown process id".into(), |pid| format!("process {pid}"))
    )]
    InUse {
        /// The data folder.
        data: PathBuf,
        /// The process that has it, as far as it has said so.
        pid: Option<u32>,
    },
    /// No room on the disk.
    #[error("the disk that holds {path} is full: make room on it, then start again")]
    DiskFull {
        /// What was being written.
        path: PathBuf,
    },
    /// initdb failed.
    #[error("initdb could not create the PostgreSQL cluster: {said}")]
    Initdb {
        /// The last it wrote.
        said: String,
    },
    /// The server ended before it was ready.
    #[error("PostgreSQL ended while starting ({status}); the end of its log {log}:\n{tail}")]
    Died {
        /// How it ended.
        status: ExitStatus,
        /// The log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The server was not ready in time.
    #[error("PostgreSQL was not ready within {limit_s} s and was stopped; the end of its log {log}:\n{tail}")]
    NotReady {
        /// How long it had, in seconds.
        limit_s: u64,
        /// The log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The password file does not fit the cluster.
    #[error(
        "the password in {password} does not open the cluster beside it: put the one it was made with back, or begin an \
         empty lab in another data folder"
    )]
    Password {
        /// The password file.
        password: PathBuf,
    },
    /// A server that an earlier program left behind does not go away.
    #[error(
        "a PostgreSQL server (process {pid}) that an earlier spectra left behind does not stop: end it, then start again"
    )]
    StillRunning {
        /// The server's process.
        pid: u32,
    },
    /// The server does not end.
    #[error("PostgreSQL (process {pid}) does not stop, not even when killed: it is probably waiting for its disk")]
    WillNotStop {
        /// The server's process.
        pid: u32,
    },
    /// The server is up, but its database could not be made.
    #[error("PostgreSQL did not create the database spectra: {cause}")]
    Database {
        /// What it answered.
        cause: tokio_postgres::Error,
    },
    /// A program of PostgreSQL could not be run at all.
    #[error(
        "{program} does not run: {cause}; set SPECTRA_PG_BIN to the folder of a PostgreSQL {OLDEST_MAJOR} or newer that \
         does"
    )]
    Program {
        /// The program.
        program: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {action} {path}: {cause}")]
    File {
        /// What was tried: a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
}

/// The error of trying to `action` (a verb) the file or folder at `path`.
pub(super) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    let path = path.into();
    move |cause| match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull { path },
        _ => Error::File { action, path, cause },
    }
}

/// Whether what PostgreSQL wrote tells of a full disk. Shared memory can run out with the same words.
pub(super) fn tells_disk_full(said: &str) -> bool {
    said.lines().any(|line| {
        // The third is the hint to a write that was cut short.
        ["No space left on device", "Disk quota exceeded", "Check free disk space"].iter().any(|it| line.contains(it))
            && !line.contains("shared memory")
    })
}

/// The last lines of a log, enough to see why.
pub(super) fn last_lines(log: &str) -> String {
    let mut lines: Vec<_> = log.lines().map(str::trim_end).filter(|line| !line.is_empty()).rev().take(6).collect();
    lines.reverse();
    lines.join("\n")
}
