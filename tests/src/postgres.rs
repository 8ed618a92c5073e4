//! One Postgres for the test process, and a database of its own for each test, cloned from a migrated template.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use secrecy::SecretString;
use spectra::migrate;
use spectra_runtime::{auth::Role, db::Db};
use tokio::sync::{Mutex, OnceCell};
use tokio_postgres::NoTls;

/// The server, which ends with this process: it waits on a pipe that only we hold.
struct Server {
    folder: PathBuf,
    _keeper: Child,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();
static CLONING: Mutex<()> = Mutex::const_new(());
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database of one test.
pub struct Database {
    /// How the program reaches it, as the owner.
    pub url: SecretString,
    connect: String,
}

impl Database {
    /// A connection as the owner of everything, past the services: to look, and to break things on purpose.
    pub async fn owner(&self) -> tokio_postgres::Client {
        connect(&self.connect).await
    }

    /// The database as a service sees it.
    #[must_use]
    pub fn of(&self, service: &'static str) -> Db {
        one_connection(service, &self.url)
    }
}

/// A fresh database with the schema, two organizations and their people.
pub async fn database() -> Database {
    let server = SERVER.get_or_init(start).await;
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let socket = server.folder.display().to_string();
    {
        // One at a time: a template must have no other user while it is copied.
        let _alone = CLONING.lock().await;
        let admin = connect(&format!("host={socket} user=spectra dbname=postgres")).await;
        admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE lab")).await.expect("a clone of the template");
    }
    Database { url: url(&server.folder, &name), connect: format!("host={socket} user=spectra dbname={name}") }
}

/// The schema and the people on another server.
pub(crate) async fn fill(url: &str) -> Database {
    let secret = SecretString::from(url.to_owned());
    migrate::up(&secret).await.expect("the migrations");
    people(&secret).await;
    Database { url: secret, connect: url.to_owned() }
}

fn url(folder: &Path, name: &str) -> SecretString {
    let socket = folder.display().to_string().replace('/', "%2F");
    format!("postgres://spectra@{socket}/{name}").into()
}

async fn connect(settings: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(settings, NoTls).await.expect("the test's Postgres");
    tokio::spawn(connection);
    client
}

/// Runs a program as a user that Postgres accepts, as its pooler does: not root.
#[must_use]
pub fn as_postgres(program: &Path) -> Command {
    let root = fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    if root {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort_by_key(|bin| {
        bin.parent().and_then(Path::file_name).and_then(|version| version.to_str()?.parse::<u32>().ok())
    });
    found.pop().expect("PostgreSQL is installed (scripts/setup.sh test)")
}

async fn start() -> Server {
    let bin = programs();
    let made = as_postgres(Path::new("mktemp")).args(["-d", "/tmp/spectra-test-XXXXXX"]).output().expect("mktemp");
    let folder = PathBuf::from(String::from_utf8(made.stdout).expect("a path").trim());
    let cluster = folder.join("cluster");
    let made = as_postgres(&bin.join("initdb"))
        .args(["--auth=trust", "--username=spectra", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"])
        .arg(&cluster)
        .output()
        .expect("initdb");
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

    // The keeper reads a pipe that closes when this process is gone, however it went.
    let script = format!(
        "'{bin}/postgres' -D '{cluster}' -c listen_addresses= -c unix_socket_directories='{folder}' \
         -c fsync=off -c synchronous_commit=off -c max_connections=400 >'{folder}/log' 2>&1 & \
         server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf '{folder}'",
        bin = bin.display(),
        cluster = cluster.display(),
        folder = folder.display(),
    );
    let keeper = as_postgres(Path::new("sh"))
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .process_group_of_its_own()
        .spawn()
        .expect("the keeper of the test's Postgres");

    let socket = format!("host={} user=spectra dbname=postgres", folder.display());
    for _ in 0..200 {
        if let Ok((client, connection)) = tokio_postgres::connect(&socket, NoTls).await {
            tokio::spawn(connection);
            client.batch_execute("CREATE DATABASE lab").await.expect("the template");
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let template = url(&folder, "lab");
    migrate::up(&template).await.expect("the migrations");
    people(&template).await;
    // The pool closes its connections in the background; a template must have no other user.
    connect(&socket)
        .await
        .batch_execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'lab'")
        .await
        .expect("nobody is connected to the template");
    Server { folder, _keeper: keeper }
}

/// The database as a service sees it, by one connection.
fn one_connection(service: &'static str, url: &SecretString) -> Db {
    let settings = spectra_runtime::db::Settings {
        url: url.clone(),
        role: Some(migrate::role(service)),
        pool_size: 1,
        wait: Duration::from_secs(10),
        echo: false,
    };
    Db::new(service, settings)
}

/// Both organizations and their people, hashed once for all tests.
async fn people(template: &SecretString) {
    let db = one_connection("auth", template);
    for slug in ["demo", "other"] {
        let org_id = spectra_auth::people::seed_organization(&db, slug, slug, "UTC").await.expect("an organization");
        for (local, role, password) in crate::people::PEOPLE {
            let role = Role::parse(role).expect("a role");
            let email = format!("{local}@{slug}.lab");
            spectra_auth::people::seed_user(&db, org_id, &email, local, role, &password.to_owned().into())
                .await
                .expect("a person");
        }
    }
}

trait OwnGroup {
    fn process_group_of_its_own(&mut self) -> &mut Self;
}

impl OwnGroup for Command {
    /// So that a Ctrl-C in the terminal lets it clean up.
    fn process_group_of_its_own(&mut self) -> &mut Self {
        std::os::unix::process::CommandExt::process_group(self, 0)
    }
}
