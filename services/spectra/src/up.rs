//! `spectra up`: the whole laboratory on one machine, from nothing.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::Router;
use futures::FutureExt as _;
use secrecy::SecretString;
use spectra_runtime::server::Listener;

use crate::{
    Result, Trouble, admin,
    lab::{Lab, Means},
    migrate,
    postgres::{self, Cluster},
    screen::tell,
    seed,
    serve::{admin_address, bind, edge, ended_by_signal, secured, serve},
    settings::{SERVICES, Settings},
};

/// Starts everything, tells where it is, and stops it all on Ctrl-C.
///
/// # Errors
/// One sentence on what keeps it from starting.
pub async fn run(settings: Settings, data: Option<PathBuf>) -> Result<()> {
    // Asked for first: a port that is taken should not cost the making of a database.
    let listener = bind("SPECTRA_LISTEN", settings.listen).await?;
    let data = data.or_else(|| settings.data.clone()).unwrap_or_else(postgres::default_data_folder);
    // Listened to from here on: whoever gives up during the first start leaves nothing running behind.
    let interrupted = ended_by_signal().boxed().shared();
    let mut cluster = match &settings.database_url {
        Some(_) => None,
        None => tokio::select! {
            started = Cluster::start(settings.pg_bin.as_deref(), &data, say) => Some(started.map_err(Trouble::new)?),
            () = interrupted.clone() => return Err(Trouble::new("interrupted before the database was up")),
        },
    };
    let result = run_on(&settings, &data, cluster.as_mut(), listener, interrupted).await;
    if let Some(cluster) = cluster {
        say("stopping PostgreSQL");
        cluster.stop().await.map_err(Trouble::new)?;
    }
    if result.is_ok() {
        say("stopped; what was entered is kept for the next start");
    }
    result
}

async fn run_on(
    settings: &Settings,
    data: &Path,
    cluster: Option<&mut Cluster>,
    listener: Listener,
    interrupted: impl Future<Output = ()> + Clone,
) -> Result<()> {
    let (lab, pages) = tokio::select! {
        lab = prepare(settings, data, cluster.as_deref()) => lab?,
        () = interrupted.clone() => return Err(Trouble::new("interrupted before the laboratory was up")),
    };
    let listener = secured(&lab, listener, false);
    let listeners = edge(settings, &lab, listener, pages, say).await;
    let database = match cluster {
        Some(_) => data.join("database_url").display().to_string(),
        None => "as DATABASE_URL says".to_owned(),
    };
    announce(settings, &database);

    let died = async {
        match cluster {
            Some(cluster) => cluster.died().await,
            None => std::future::pending().await,
        }
    };
    let mut trouble = None;
    let end = async {
        tokio::select! {
            () = interrupted => {}
            status = died => {
                let log = data.join("postgres.log");
                trouble = Some(Trouble(format!("PostgreSQL ended ({status}); its log is {}", log.display())));
            }
        }
        say("stopping");
    };
    serve(lab, listeners, end, Duration::ZERO).await;
    trouble.map_or(Ok(()), Err)
}

/// Everything up to the moment at which calls are taken.
async fn prepare(settings: &Settings, data: &Path, cluster: Option<&Cluster>) -> Result<(Lab, Router)> {
    let database_url = match (&settings.database_url, cluster) {
        (Some(url), _) => url.clone(),
        (None, Some(cluster)) => SecretString::from(cluster.url().to_owned()),
        (None, None) => return Err(Trouble::new("there is no database")),
    };
    let secret = match &settings.jwt_secret {
        Some(secret) => secret.clone(),
        None => kept_secret(data)?,
    };
    if cluster.is_some() {
        // For `spectra migrate`, psql and backups, while the laboratory runs.
        keep(&data.join("database_url"), secrecy::ExposeSecret::expose_secret(&database_url))?;
    }
    for version in migrate::up(&database_url).await? {
        say(&format!("applied migration {version}"));
    }
    let means = Means { database_url, secret: Some(secret), clocks: BTreeMap::new() };
    let here: Vec<&'static str> = SERVICES.into_iter().chain(["edge"]).collect();
    let lab = Lab::start(settings, &means, &here).await?;
    let pages = admin::serve(admin_address(settings, settings.listen), &lab).await?;
    // Somebody has worked with it: what was entered then is not what is entered here.
    if let Err(trouble) = seed::demo(&lab, say).await {
        say(&format!("the demo laboratory is left as it is: {trouble}"));
    }
    Ok((lab, pages))
}

/// The secret of this data folder, made on the first start.
fn kept_secret(data: &Path) -> Result<SecretString> {
    let path = data.join("jwt_secret");
    if !path.exists() {
        let secret: String = std::iter::repeat_with(|| char::from(rand::random_range(b'!'..=b'~'))).take(48).collect();
        keep(&path, &secret)?;
    }
    fs::read_to_string(&path).map(SecretString::from).map_err(|error| unusable(&path, &error))
}

/// Writes a file that only this user reads, whole or not at all.
fn keep(path: &Path, text: &str) -> Result<()> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        let new = path.with_extension("new");
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble(format!("{} cannot be used: {error}", path.display()))
}

fn say(line: &str) {
    tell(format!("spectra: {line}"));
}

fn announce(settings: &Settings, database: &str) {
    let address = settings.listen;
    tell(format!(
        r#"
  SPECTRA-Lab is running at  {scheme}://{address}   (a browser, gRPC, gRPC-web, curl)
  health and metrics at      http://{admin}/health /health/db /metrics

  sign in as                 admin@demo.lab     admin123   everything
                             pi@demo.lab        pi123      approves recipes, reviews certificates
                             engineer@demo.lab  eng123     creates runs, edits samples
                             tech@demo.lab      tech123    executes runs
                             viewer@demo.lab    view123    reads
                             (the same @other.lab: a second organization, which sees none of it)

  database                   {database}

  try                        grpcurl -plaintext -d '{{"username":"engineer@demo.lab","password":"eng123"}}' \
                               {address} spectra.auth.v1.AuthService/Login

  Ctrl-C stops everything; what you enter is kept.
"#,
        scheme = if settings.tls.is_some() { "https" } else { "http" },
        admin = admin_address(settings, settings.listen),
    ));
}
