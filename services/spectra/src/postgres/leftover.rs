//! What a killed program leaves behind: a server that still runs, a pid file that points at a stranger, a socket folder.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Signal, kill_process};
use tokio::{
    process::Command,
    time::{Instant, sleep},
};

use super::{
    account::Account,
    error::{self, Error},
    folder::DataFolder,
    server::{FAST_LIMIT, IMMEDIATE_LIMIT, process},
};

const POLL: Duration = Duration::from_millis(50);

/// Clears `folder`, which this program holds, of whatever an earlier one left running on it.
pub(super) async fn clear(folder: &DataFolder, account: &Account, report: impl Fn(&str)) -> Result<(), Error> {
    let cluster = folder.cluster();
    let pid_file = cluster.join("postmaster.pid");
    if let Some(pid) = first_line_pid(&pid_file)? {
        if runs_server_of(pid, &cluster).await {
            report(&format!("stopping the PostgreSQL server (process {pid}) that an earlier spectra left running"));
            stop(pid, &cluster).await?;
        } else {
            disown(&pid_file, account)?;
        }
    }
    folder.remove_old_sockets();
    Ok(())
}

fn first_line_pid(pid_file: &Path) -> Result<Option<u32>, Error> {
    match fs::read_to_string(pid_file) {
        Ok(text) => Ok(text.lines().next().and_then(|line| line.trim().parse().ok())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error::file("read", pid_file)(error)),
    }
}

/// Whether the process is a PostgreSQL server on the folder `cluster`: after a crash of the machine, or in a container,
/// the number may belong to anything.
async fn runs_server_of(pid: u32, cluster: &Path) -> bool {
    let cluster = cluster.to_string_lossy();
    let line = command_line(pid).await.unwrap_or_default();
    line.contains("postgres") && line.split('\0').any(|argument| argument == cluster)
}

/// The command line of a process, its arguments parted by NUL; none when there is no such process.
async fn command_line(pid: u32) -> Option<String> {
    let proc = PathBuf::from(format!("/proc/{pid}/cmdline"));
    if Path::new("/proc/self/cmdline").exists() {
        return Some(String::from_utf8_lossy(&fs::read(proc).ok()?).into_owned());
    }
    // Where there is no /proc (macOS), arguments with spaces in them fall apart.
    let mut ps = Command::new("ps");
    ps.args(["-o", "command=", "-p", &pid.to_string()]).stdin(Stdio::null()).kill_on_drop(true);
    let output = ps.output().await.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().replace(' ', "\0"))
}

async fn stop(pid: u32, cluster: &Path) -> Result<(), Error> {
    let still = || Error::StillRunning { pid };
    for (signal, limit) in [(Signal::INT, FAST_LIMIT), (Signal::QUIT, IMMEDIATE_LIMIT)] {
        let deadline = Instant::now() + limit;
        // An error: it has ended since, which the loop sees, or it is not ours to stop, which the end of the loop says.
        let _ = kill_process(process(pid).ok_or_else(still)?, signal);
        while Instant::now() < deadline {
            if !runs_server_of(pid, cluster).await {
                return Ok(());
            }
            sleep(POLL).await;
        }
    }
    Err(still())
}

/// Makes a pid file whose process is not a server of ours one that PostgreSQL takes for stale. PostgreSQL would refuse
/// to start while any process of its account has that number, except its parent: so this program's is put there. The
/// file is not removed, since PostgreSQL reads from it which shared memory must be free of the old server's processes.
fn disown(pid_file: &Path, account: &Account) -> Result<(), Error> {
    let text = fs::read_to_string(pid_file).map_err(error::file("read", pid_file))?;
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    // A new file in its place: what the server's account may have put there is not written through.
    let new = pid_file.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(error::file("create", &new))?;
    file.write_all(format!("{}\n{rest}", std::process::id()).as_bytes()).map_err(error::file("write", &new))?;
    account.own(&new)?;
    fs::rename(&new, pid_file).map_err(error::file("write", pid_file))
}
