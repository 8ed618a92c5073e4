//! The account that PostgreSQL runs as: the program's own, except that PostgreSQL refuses root.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, lchown},
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::error::{self, Error};

/// Who to be when started by root, the first that the machine has.
const INSTEAD_OF_ROOT: [&str; 3] = ["postgres", "_postgres", "nobody"];
const PASSWD: &str = "/etc/passwd";

/// The account that the server's processes run as and that owns the server's files.
#[derive(Debug, PartialEq)]
pub(super) struct Account {
    /// None: the program's own account.
    switch: Option<Entry>,
}

/// A line of passwd(5).
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) home: PathBuf,
}

impl Account {
    /// The program's own account, or a lesser one when that is root's.
    pub(super) fn of_server() -> Result<Self, Error> {
        if !is_root() {
            return Ok(Self { switch: None });
        }
        let passwd = fs::read_to_string(PASSWD).map_err(error::file("read", PASSWD))?;
        let entry = INSTEAD_OF_ROOT.into_iter().find_map(|name| entry(&passwd, |entry| entry.name == name));
        Ok(Self { switch: Some(entry.ok_or(Error::NoAccount)?) })
    }

    #[cfg(test)]
    pub(super) fn switched_to(entry: Entry) -> Self {
        Self { switch: Some(entry) }
    }

    /// Makes `command` run as this account, in a process group of its own: Ctrl-C at the terminal is for the program,
    /// which then stops the server in order.
    pub(super) fn confine(&self, command: &mut Command) {
        command.process_group(0);
        if let Some(entry) = &self.switch {
            command.uid(entry.uid).gid(entry.gid);
        }
    }

    /// Hands a file or folder over to this account.
    pub(super) fn own(&self, path: &Path) -> Result<(), Error> {
        match &self.switch {
            Some(entry) => lchown(path, Some(entry.uid), Some(entry.gid)).map_err(error::file("hand over", path)),
            None => Ok(()),
        }
    }

    /// Refuses a folder that this account cannot get to.
    pub(super) fn check_reach(&self, folder: &Path) -> Result<(), Error> {
        let Some(entry) = &self.switch else { return Ok(()) };
        for part in folder.ancestors() {
            let found = fs::metadata(part).map_err(error::file("look at", part))?;
            let may_enter = if found.uid() == entry.uid {
                0o100
            } else if found.gid() == entry.gid {
                0o010
            } else {
                0o001
            };
            if found.mode() & may_enter == 0 {
                return Err(Error::OutOfReach { account: entry.name.clone(), blocked: part.into() });
            }
        }
        Ok(())
    }
}

/// Whether the program runs as root.
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The home folder of the program's account, as the system knows it.
pub(super) fn home() -> Option<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    Some(entry(&fs::read_to_string(PASSWD).ok()?, |entry| entry.uid == uid)?.home)
}

/// The first line of a passwd(5) file that is wanted.
pub(super) fn entry(passwd: &str, wanted: impl Fn(&Entry) -> bool) -> Option<Entry> {
    passwd.lines().filter_map(parse).find(wanted)
}

fn parse(line: &str) -> Option<Entry> {
    // name:password:uid:gid:comment:home:shell
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let home = fields.nth(1)?.into();
    Some(Entry { name, uid, gid, home })
}
