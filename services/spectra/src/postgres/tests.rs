use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command, time::Duration};

use rustix::process::Signal;
use tempfile::TempDir;

use super::{
    account::Account,
    error::{last_lines, tells_disk_full},
    programs::Version,
    *,
};

/// A folder that other accounts may pass through, as the server's does when the tests run as root.
fn folder() -> TempDir {
    folder_of_mode(0o755)
}

fn folder_of_mode(mode: u32) -> TempDir {
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(mode)).tempdir().unwrap()
}

/// Puts a shell script where a program is looked for. Another process writes it: a file open for writing here could be
/// inherited by a child of another test at the wrong moment, and would then not run ("text file busy").
fn script(folder: &Path, name: &str, body: &str) {
    let path = folder.join(name);
    let write = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 755 "$1""#;
    assert!(Command::new("sh").args(["-c", write, "sh"]).arg(path).arg(body).status().unwrap().success());
}

fn fake(version: &str, initdb: &str) -> TempDir {
    let programs = folder();
    script(programs.path(), "postgres", &format!("echo 'postgres (PostgreSQL) {version}'"));
    script(programs.path(), "initdb", initdb);
    programs
}

fn only(programs: &TempDir) -> Search {
    Search::Only(programs.path().into())
}

/// PostgreSQL as it is on this machine.
#[expect(clippy::disallowed_methods, reason = "where it is here is for whoever runs the tests to say")]
fn here() -> Search {
    Search::new(std::env::var_os("SPECTRA_PG_BIN").map(std::path::PathBuf::from).as_deref())
}

async fn start(data: &Path) -> Result<Cluster, Error> {
    Cluster::start_with(&here(), data, |_| {}).await
}

async fn client(cluster: &Cluster) -> Client {
    // By the URL, as the services do.
    let (client, connection) = tokio_postgres::connect(cluster.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn signal(pid: u32, signal: Signal) {
    rustix::process::kill_process(server::process(pid).unwrap(), signal).unwrap();
}

fn alive(pid: u32) -> bool {
    rustix::process::test_kill_process(server::process(pid).unwrap()).is_ok()
}

async fn gone(pid: u32) {
    tokio::time::timeout(Duration::from_secs(20), async {
        while alive(pid) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the server ends");
}

fn postmaster(cluster: &Cluster) -> u32 {
    cluster.server.child.id().expect("the server runs")
}

#[tokio::test]
async fn data_outlives_a_stop_and_a_folder_serves_one_program() {
    let data = folder();
    let lab = data.path().join("lab");
    let cluster = start(&lab).await.unwrap();
    client(&cluster).await.batch_execute("CREATE TABLE wafer (id int); INSERT INTO wafer VALUES (7)").await.unwrap();

    let refused = start(&lab).await.unwrap_err();
    let us = std::process::id();
    assert!(matches!(refused, Error::InUse { pid: Some(pid), .. } if pid == us), "{refused}");
    assert!(refused.to_string().starts_with(&format!("another spectra (process {us}) is using the data folder ")));

    let (pid, sockets) = (postmaster(&cluster), cluster.launch.sockets.path().to_owned());
    assert!(sockets.join(".s.PGSQL.5432").exists());
    cluster.stop().await.unwrap();
    assert!(!alive(pid) && !sockets.exists());

    let cluster = start(&lab).await.unwrap();
    let client = client(&cluster).await;
    assert_eq!(client.query_one("SELECT id FROM wafer", &[]).await.unwrap().get::<_, i32>(0), 7);
    let shown = async |what| client.query_one(what, &[]).await.unwrap().get::<_, String>(0);
    for (what, value) in [
        ("SHOW listen_addresses", ""),
        ("SHOW server_encoding", "UTF8"),
        ("SHOW data_checksums", "on"),
        ("SHOW fsync", "on"),
        ("SELECT rolpassword FROM pg_authid WHERE rolname = 'spectra'", "SCRAM-SHA-256"),
    ] {
        let found = shown(what).await;
        assert!(found == value || !value.is_empty() && found.starts_with(value), "{what}: {found}");
    }
    for private in ["password", "lock", "socket", "postgres.log"] {
        let mode = fs::metadata(lab.join(private)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{private}");
    }
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_server_is_noticed_and_started_again_at_the_same_url() {
    let data = folder();
    let mut cluster = start(data.path()).await.unwrap();
    let url = cluster.url().to_owned();
    let held = client(&cluster).await;
    held.batch_execute("CREATE TABLE wafer (id int)").await.unwrap();

    // One of its processes outlives it for a while and holds its memory.
    let session: i32 = held.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    signal(session as u32, Signal::STOP);
    signal(postmaster(&cluster), Signal::KILL);
    assert!(!cluster.died().await.success());
    let log = data.path().join("postgres.log");
    let let_go = async {
        while !fs::read_to_string(&log).unwrap().contains("pre-existing shared memory block") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        signal(session as u32, Signal::CONT);
    };
    let (restarted, ()) = tokio::join!(cluster.restart(|_| {}), let_go);
    restarted.unwrap();
    assert_eq!(cluster.url(), url);
    client(&cluster).await.query("SELECT id FROM wafer", &[]).await.unwrap();
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_left_by_a_killed_program_is_stopped_first() {
    let data = folder();
    let Cluster { server, launch, url: _ } = start(data.path()).await.unwrap();
    let left = server.child.id().unwrap();
    let sockets = launch.sockets.path().to_owned();
    // As kill -9 of the program leaves it: nobody stops the server or removes its socket folder, the lock is gone.
    std::mem::forget(server);
    std::mem::forget(launch.sockets);
    drop(launch.folder);

    let reported = std::cell::RefCell::new(Vec::new());
    let report = |line: &str| reported.borrow_mut().push(line.to_owned());
    let cluster = Cluster::start_with(&here(), data.path(), report).await.unwrap();
    let line = format!("stopping the PostgreSQL server (process {left}) that an earlier spectra left running");
    assert!(reported.borrow().contains(&line), "{reported:?}");
    assert_ne!(postmaster(&cluster), left);
    assert!(!sockets.exists());
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_pid_file_that_names_a_stranger_is_stale() {
    let data = folder();
    start(data.path()).await.unwrap().stop().await.unwrap();

    let account = Account::of_server().unwrap();
    let mut stranger = tokio::process::Command::new("sleep");
    stranger.arg("600").kill_on_drop(true);
    account.confine(&mut stranger);
    let mut stranger = stranger.spawn().unwrap();
    let cluster = data.path().join("postgres").canonicalize().unwrap();
    let pid_file = cluster.join("postmaster.pid");
    let pid = stranger.id().unwrap();
    fs::write(&pid_file, format!("{pid}\n{}\n1700000000\n5432\n/tmp\n\n  5432001 1\n", cluster.display())).unwrap();
    account.own(&pid_file).unwrap();

    start(data.path()).await.unwrap().stop().await.unwrap();
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger was left alone");
}

#[tokio::test]
async fn dropped_it_shuts_down() {
    let data = folder();
    let cluster = start(data.path()).await.unwrap();
    let pid = postmaster(&cluster);
    let sockets = cluster.launch.sockets.path().to_owned();
    drop(cluster);
    gone(pid).await;
    assert!(!sockets.exists());
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused() {
    let (data, programs) = (folder(), fake("14.11 (Debian 14.11-1)", ""));
    let refused = Cluster::start_with(&only(&programs), data.path(), |_| {}).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        format!(
            "PostgreSQL 14.11 in {} is too old: install PostgreSQL 15 or newer (Debian, Ubuntu: `apt-get install \
             postgresql`), or set SPECTRA_PG_BIN to the folder that holds its programs",
            programs.path().display()
        )
    );
}

#[tokio::test]
async fn no_server_at_all_is_refused() {
    let (data, empty) = (folder(), folder());
    let nowhere = Search::Among(vec![empty.path().into(), "/nowhere".into()]);
    let refused = Cluster::start_with(&nowhere, &data.path().join("lab"), |_| {}).await.unwrap_err();
    assert!(matches!(refused, Error::NotFound), "{refused}");
    assert!(!data.path().join("lab").exists());

    let refused = Cluster::start_with(&only(&empty), data.path(), |_| {}).await.unwrap_err();
    assert!(matches!(refused, Error::Incomplete { program: "postgres", .. }), "{refused}");
    script(empty.path(), "postgres", "");
    let refused = Cluster::start_with(&only(&empty), data.path(), |_| {}).await.unwrap_err();
    assert!(matches!(refused, Error::Incomplete { program: "initdb", .. }), "{refused}");
}

#[tokio::test]
async fn the_newest_is_taken_but_a_cluster_keeps_its_version() {
    let (old, new) = (fake("15.4", ""), fake("17.2", ""));
    let among = Search::Among(vec![old.path().into(), new.path().into()]);
    assert_eq!(among.find(None).await.unwrap().version.to_string(), "17.2");
    let cluster = |made| Some((PathBuf::from("/lab/postgres"), made));
    assert_eq!(among.find(cluster(15)).await.unwrap().version.to_string(), "15.4");
    let refused = among.find(cluster(16)).await.unwrap_err().to_string();
    assert!(refused.contains("was made by PostgreSQL 16, but only 17.2, 15.4 was found"), "{refused}");
}

#[tokio::test]
async fn an_interrupted_first_start_leaves_nothing_half_made() {
    let data = folder();
    // It fills the folder it was told to, then fails.
    let half = r#"for a; do case $a in --pgdata=*) mkdir -p "${a#*=}" && echo 15 > "${a#*=}/PG_VERSION";; esac; done"#;
    let broken = fake("15.9", &format!("{half}; echo 'initdb: error: out of luck' >&2; exit 1"));
    let refused = Cluster::start_with(&only(&broken), data.path(), |_| {}).await.unwrap_err().to_string();
    assert_eq!(refused, "initdb could not create the PostgreSQL cluster: initdb: error: out of luck");
    assert!(!data.path().join("postgres").exists());

    // As a kill in the middle leaves it.
    fs::create_dir_all(data.path().join("postgres.new/cluster/base")).unwrap();
    start(data.path()).await.unwrap().stop().await.unwrap();
    assert!(!data.path().join("postgres.new").exists());
}

#[tokio::test]
async fn a_full_disk_is_called_that() {
    let data = folder();
    let full = fake("15.9", "echo 'initdb: error: could not write file \"x\": No space left on device' >&2; exit 1");
    let refused = Cluster::start_with(&only(&full), data.path(), |_| {}).await.unwrap_err().to_string();
    let cluster = data.path().canonicalize().unwrap().join("postgres");
    assert_eq!(
        refused,
        format!("the disk that holds {} is full: make room on it, then start again", cluster.display())
    );
    assert!(tells_disk_full("FATAL:  could not write lock file \"postmaster.pid\": No space left on device"));
    assert!(tells_disk_full(
        "could not extend file \"base/1/2691\": wrote only 4096 of 8192\nHINT:  Check free disk space."
    ));
    assert!(!tells_disk_full(
        "FATAL:  could not resize shared memory segment \"/x\" to 9 bytes: No space left on device"
    ));
}

#[tokio::test]
async fn a_server_that_dies_while_starting_says_why() {
    let data = folder();
    start(data.path()).await.unwrap().stop().await.unwrap();
    let settings = data.path().join("postgres/postgresql.conf");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}\nwork_mem = 'a lot'\n")).unwrap();
    let refused = start(data.path()).await.unwrap_err();
    assert!(refused.to_string().contains("invalid value for parameter \"work_mem\": \"a lot\""), "{refused}");
}

#[tokio::test]
async fn a_wrong_password_file_is_named() {
    let data = folder();
    start(data.path()).await.unwrap().stop().await.unwrap();
    fs::write(data.path().join("password"), "stale").unwrap();
    let refused = start(data.path()).await.unwrap_err();
    assert!(matches!(refused, Error::Password { .. }), "{refused}");
    let running = data.path().join("postgres/postmaster.pid");
    assert!(!running.exists(), "the server is stopped again");
}

#[tokio::test]
async fn a_folder_out_of_the_servers_reach_is_refused() {
    let private = folder_of_mode(0o700);
    let line = "lab:x:65533:65533::/:/bin/false";
    let account = Account::switched_to(account::entry(line, |_| true).unwrap());
    let lab = private.path().join("lab");
    fs::create_dir(&lab).unwrap();
    let refused = account.check_reach(&lab).unwrap_err().to_string();
    assert!(refused.starts_with("PostgreSQL runs as the user lab, who may not enter "), "{refused}");
    account.check_reach(folder().path()).unwrap();
}

#[test]
fn accounts_are_read_from_passwd() {
    let passwd = "root:x:0:0:root:/root:/bin/bash\n\n# a comment\nbroken\nnobody:*:-2:-2::/:/x\n\
                  postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n";
    let found = account::entry(passwd, |entry| entry.name == "postgres").unwrap();
    assert_eq!((found.uid, found.gid, found.home), (101, 104, PathBuf::from("/var/lib/postgresql")));
    assert_eq!(account::entry(passwd, |entry| entry.name == "nobody"), None);
}

#[test]
fn versions_are_read() {
    let major = |line| Version::parse(line).map(|version| (version.major, version.to_string()));
    let read = |major, number: &str| Some((major, number.to_owned()));
    assert_eq!(major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), read(15, "15.18"));
    assert_eq!(major("postgres (PostgreSQL) 18beta1"), read(18, "18beta1"));
    assert_eq!(major("postgres (PostgreSQL) 9.6.24"), read(9, "9.6.24"));
    assert_eq!(major("postgres: command not found"), None);
}

#[test]
fn the_last_lines_of_a_log_are_its_last() {
    let log: String = (1..=9).map(|n| format!("line {n}\n\n")).collect();
    assert_eq!(last_lines(&log), "line 4\nline 5\nline 6\nline 7\nline 8\nline 9");
    assert_eq!(last_lines(""), "");
}
