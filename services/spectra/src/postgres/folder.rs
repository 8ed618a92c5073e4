//! The data folder of a lab, and the short-lived folder of the server's socket.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use super::{
    account::{self, Account},
    error::{self, Error},
};

/// The socket folders' parent. Not TMPDIR, whose length nobody bounds: a socket's path has 107 bytes at most.
const SOCKETS_PARENT: &str = "/tmp";
const SOCKETS_PREFIX: &str = "spectra-";
/// A log longer than this at a start is set aside as `postgres.log.1`.
const LOG_LIMIT_BYTES: u64 = 16 << 20;
/// As much of the end of the log as is looked at for the last lines.
const LOG_TAIL_BYTES: u64 = 16 << 10;

/// Where a lab's data goes unless told otherwise: `/var/lib/spectra` for root (PostgreSQL then runs as another user,
/// who cannot get into root's home), else `$XDG_DATA_HOME/spectra` or `~/.local/share/spectra`.
#[expect(clippy::disallowed_methods, reason = "the program is what reads the environment")]
pub fn default_data_folder() -> PathBuf {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if account::is_root() {
        return "/var/lib/spectra".into();
    }
    let share = absolute("XDG_DATA_HOME")
        .or_else(|| Some(absolute("HOME").or_else(account::home)?.join(".local/share")))
        .unwrap_or_else(|| "/var/lib".into());
    share.join("spectra")
}

/// A cluster in the making.
#[derive(Debug)]
pub(super) struct Staging {
    /// Where initdb makes it.
    pub(super) cluster: PathBuf,
    /// The file to give initdb as the password's.
    pub(super) password: PathBuf,
}

/// A lab's data folder, held by this program alone.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    // Locked. Closed on exec, so that no child keeps the lock.
    _lock: File,
}

impl DataFolder {
    /// The cluster in the data folder `data` and the major version that made it, where there is one.
    pub(super) fn cluster_major(data: &Path) -> Result<Option<(PathBuf, u32)>, Error> {
        let cluster = data.join("postgres");
        let file = cluster.join("PG_VERSION");
        match fs::read_to_string(&file) {
            Ok(text) => Ok(Some((
                cluster,
                text.trim().parse().map_err(|_| error::file("use", file)(io::Error::other("it holds no version")))?,
            ))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error::file("read", file)(error)),
        }
    }

    /// Makes the folder where it is missing, and takes it for this program.
    pub(super) fn open(data: &Path, account: &Account) -> Result<Self, Error> {
        if !data.exists() {
            // Refused, if it is to be, before anything is made.
            let data = &std::path::absolute(data).map_err(error::file("find", data))?;
            if let Some(parent) = data.ancestors().find_map(|parent| parent.canonicalize().ok()) {
                account.check_reach(&parent)?;
            }
            DirBuilder::new().recursive(true).mode(0o755).create(data).map_err(error::file("create", data))?;
            // Under root the server's account passes through it; for others it is the owner's alone.
            let mode = if account::is_root() { 0o711 } else { 0o700 };
            fs::set_permissions(data, Permissions::from_mode(mode)).map_err(error::file("create", data))?;
        }
        let path = data.canonicalize().map_err(error::file("find", data))?;
        account.check_reach(&path)?;
        let lock = lock(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// The cluster itself: PostgreSQL's data directory.
    pub(super) fn cluster(&self) -> PathBuf {
        self.path.join("postgres")
    }

    pub(super) fn has_cluster(&self) -> bool {
        self.cluster().join("PG_VERSION").exists()
    }

    /// Prepares the making of a cluster by `account`: an empty folder beside the cluster's own, with the new superuser's
    /// password in a file that initdb reads. What an interrupted start left there is removed.
    pub(super) fn stage(&self, account: &Account) -> Result<Staging, Error> {
        let folder = self.staging();
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(error::file("remove", &folder))?;
        }
        create_private(&folder).map_err(error::file("create", &folder))?;
        let bytes: [u8; 32] = rand::random();
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let (kept, password) = (self.password_file(), folder.join("password"));
        for file in [&kept, &password] {
            write_private(file, &text).map_err(error::file("write", file))?;
        }
        self.sync()?;
        // Handed over last: from then on its owner could put other things in the place of these.
        account.own(&password)?;
        account.own(&folder)?;
        Ok(Staging { cluster: folder.join("cluster"), password })
    }

    pub(super) fn remove_staging(&self) {
        // What cannot be removed now is in nobody's way, and the next start tries again.
        let _ = fs::remove_dir_all(self.staging());
    }

    /// Makes the staged cluster the cluster of this data folder.
    pub(super) fn adopt(&self, staging: &Staging) -> Result<(), Error> {
        let cluster = self.cluster();
        fs::rename(&staging.cluster, &cluster).map_err(error::file("create", &cluster))?;
        self.sync()?;
        self.remove_staging();
        Ok(())
    }

    /// The superuser's password.
    pub(super) fn password(&self) -> Result<String, Error> {
        let file = self.password_file();
        let password = fs::read_to_string(&file).map_err(error::file("read", &file))?;
        let password = password.trim();
        // It is put into a URL as it is, and this program writes nothing else.
        if password.is_empty() || !password.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::Password { password: file });
        }
        Ok(password.to_owned())
    }

    pub(super) fn password_file(&self) -> PathBuf {
        self.path.join("password")
    }

    /// Writes down where the server listens, for the next start should this one be killed.
    pub(super) fn remember_sockets(&self, sockets: &Path) -> Result<(), Error> {
        let file = self.path.join("socket");
        write_private(&file, &sockets.to_string_lossy()).map_err(error::file("write", file))
    }

    /// Removes the socket folder of an earlier start that could not do so itself. Its server must have ended.
    pub(super) fn remove_old_sockets(&self) {
        if let Ok(path) = fs::read_to_string(self.path.join("socket")) {
            drop(SocketFolder { path: path.into() });
        }
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// The server's log, opened to be added to, and its length so far.
    pub(super) fn open_log(&self) -> Result<(File, u64), Error> {
        let path = self.log_file();
        if fs::metadata(&path).is_ok_and(|log| log.len() > LOG_LIMIT_BYTES) {
            fs::rename(&path, self.path.join("postgres.log.1")).map_err(error::file("set aside", &path))?;
        }
        let log = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        let log = log.map_err(error::file("write", &path))?;
        let length = log.metadata().map_err(error::file("read", &path))?.len();
        Ok((log, length))
    }

    /// The last lines of the log, of those written after `from`.
    pub(super) fn log_tail(&self, from: u64) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut log = File::open(self.log_file())?;
            let length = log.metadata()?.len();
            log.seek(SeekFrom::Start(from.max(length.saturating_sub(LOG_TAIL_BYTES))))?;
            let mut tail = Vec::new();
            log.read_to_end(&mut tail)?;
            Ok(tail)
        };
        match read() {
            Ok(tail) if !tail.is_empty() => error::last_lines(&String::from_utf8_lossy(&tail)),
            Ok(_) => "(it wrote nothing)".into(),
            Err(error) => format!("(cannot be read: {error})"),
        }
    }

    fn staging(&self) -> PathBuf {
        self.path.join("postgres.new")
    }

    fn sync(&self) -> Result<(), Error> {
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(error::file("write", &self.path))
    }
}

/// The private folder that the server's socket is in; removed when dropped.
#[derive(Debug)]
pub(super) struct SocketFolder {
    path: PathBuf,
}

impl SocketFolder {
    pub(super) fn create(account: &Account) -> Result<Self, Error> {
        loop {
            let path = Path::new(SOCKETS_PARENT).join(format!("{SOCKETS_PREFIX}{:08x}", rand::random::<u32>()));
            match create_private(&path) {
                Ok(()) => {
                    let sockets = Self { path };
                    account.own(&sockets.path)?;
                    return Ok(sockets);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error::file("create", path)(error)),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFolder {
    fn drop(&mut self) {
        let ours = self.path.parent() == Some(Path::new(SOCKETS_PARENT))
            && self.path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SOCKETS_PREFIX));
        if ours {
            // Gone already, or in nobody's way. (A symbolic link in its place is removed, not followed.)
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Takes the folder's lock and writes this process's id into it.
fn lock(data: &Path) -> Result<File, Error> {
    let path = data.join("lock");
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = open.map_err(error::file("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
            return Err(Error::InUse { data: data.into(), pid });
        }
        Err(TryLockError::Error(error)) => return Err(error::file("lock", path)(error)),
    }
    let write = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    write.map_err(error::file("write", path))?;
    Ok(file)
}

fn create_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)
}

/// Writes a file that only its owner reads, whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, path)
}
