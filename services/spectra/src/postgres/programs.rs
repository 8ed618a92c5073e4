//! Which PostgreSQL of this machine to run.

use std::{
    env, fmt, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::{Error, OLDEST_MAJOR, account::Account};

/// Where systems put PostgreSQL's programs, which are seldom on PATH: (the parent folder, the start of the name of the
/// version's folder, the programs' folder in it).
const USUAL_PLACES: [(&str, &str, &str); 4] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
];

/// The folders to look in.
#[derive(Debug)]
pub(super) enum Search {
    /// This folder and no other.
    Only(PathBuf),
    /// All of these.
    Among(Vec<PathBuf>),
}

/// PostgreSQL's programs.
#[derive(Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    pub(super) version: Version,
}

/// What `postgres --version` says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Version {
    pub(super) major: u32,
    number: String,
}

impl Search {
    /// This folder, else where systems put PostgreSQL, else PATH.
    #[expect(clippy::disallowed_methods, reason = "PATH is not a setting of ours")]
    pub(super) fn new(folder: Option<&Path>) -> Self {
        if let Some(folder) = folder {
            return Self::Only(folder.to_owned());
        }
        let mut folders = Vec::new();
        for (parent, prefix, programs) in USUAL_PLACES {
            let versions = fs::read_dir(parent).into_iter().flatten().flatten();
            folders.extend(
                versions
                    .filter(|version| version.file_name().to_string_lossy().starts_with(prefix))
                    .map(|version| version.path().join(programs)),
            );
        }
        folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        Self::Among(folders)
    }

    /// The programs to use: of the major version that made the cluster, where there is one, else the newest.
    pub(super) async fn find(&self, cluster: Option<(PathBuf, u32)>) -> Result<Programs, Error> {
        let mut found = Vec::new();
        match self {
            Self::Only(folder) => {
                for program in ["postgres", "initdb"] {
                    if !is_executable(&folder.join(program)) {
                        return Err(Error::Incomplete { folder: folder.clone(), program });
                    }
                }
                found.push(Programs { version: version(folder).await?, folder: folder.clone() });
            }
            Self::Among(folders) => {
                for folder in folders {
                    if !(is_executable(&folder.join("postgres")) && is_executable(&folder.join("initdb"))) {
                        continue;
                    }
                    // One broken installation does not hide a sound one.
                    if let Ok(version) = version(folder).await {
                        found.push(Programs { version, folder: folder.clone() });
                    }
                }
            }
        }
        // In the order given where versions are equal.
        found.sort_by_key(|programs| std::cmp::Reverse(programs.version.major));
        let newest = found.first().ok_or(Error::NotFound)?;
        if newest.version.major < OLDEST_MAJOR {
            let version = newest.version.to_string();
            return Err(Error::TooOld { version, folder: newest.folder.clone() });
        }
        match cluster {
            None => Ok(found.swap_remove(0)),
            Some((cluster, made)) => {
                let versions: Vec<_> = found.iter().map(|programs| programs.version.to_string()).collect();
                found.into_iter().find(|programs| programs.version.major == made).ok_or_else(|| Error::OtherMajor {
                    cluster,
                    made,
                    found: versions.join(", "),
                })
            }
        }
    }
}

impl Programs {
    /// Where `program` is.
    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    /// A command that runs `program` as `account`, with nothing of the caller's environment: PG* variables would
    /// change what it does, and the lab's secrets are none of its business. The locale keeps its words as this program
    /// looks for them.
    pub(super) fn command(&self, program: &str, account: &Account) -> Command {
        let mut command = Command::new(self.path(program));
        command.env_clear().envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("TZ", "UTC")]).current_dir("/");
        account.confine(&mut command);
        command
    }
}

impl Version {
    /// From `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `.. 18beta1`, `.. 9.6.24`.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let number = line.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        Some(Self { major: number[..digits].parse().ok()?, number: number.to_owned() })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.number)
    }
}

async fn version(folder: &Path) -> Result<Version, Error> {
    let program = folder.join("postgres");
    let output = Command::new(&program).arg("--version").env_clear().kill_on_drop(true).output().await;
    output
        .and_then(|output| {
            let said = String::from_utf8_lossy(&output.stdout);
            Version::parse(&said).ok_or_else(|| std::io::Error::other("it does not tell its version"))
        })
        .map_err(|cause| Error::Program { program, cause })
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
