//! `spectra up`: the whole laboratory on one machine, from nothing.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use secrecy::SecretString;

use crate::{
    Result, Trouble, admin,
    lab::{Lab, Means},
    migrate,
    postgres::{self, Cluster},
    seed,
    serve::{bind, ended_by_signal, serve},
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
    let mut cluster = match &settings.database_url {
        Some(_) => None,
        None => Some(Cluster::start(&data, say).await.map_err(Trouble::new)?),
    };
    let result = run_on(&settings, &data, cluster.as_mut(), listener).await;
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
    listener: spectra_runtime::server::Listener,
) -> Result<()> {
    let database_url = match (&settings.database_url, &cluster) {
        (Some(url), _) => url.clone(),
        (None, Some(cluster)) => SecretString::from(cluster.url().to_owned()),
        (None, None) => return Err(Trouble::new("there is no database")),
    };
    let secret = match &settings.jwt_secret {
        Some(secret) => secret.clone(),
        None => kept_secret(data)?,
    };
    for version in migrate::up(&database_url).await? {
        say(&format!("applied migration {version}"));
    }
    let means = Means { database_url, secret, clocks: BTreeMap::new() };
    let here: Vec<&'static str> = SERVICES.into_iter().chain(["edge"]).collect();
    let lab = Lab::start(settings, &means, &here).await?;
    admin::serve(settings.admin_listen, lab.databases.clone(), lab.drain.clone()).await?;
    seed::demo(&lab, say).await?;
    announce(settings);

    let died = async {
        match cluster {
            Some(cluster) => cluster.died().await,
            None => std::future::pending().await,
        }
    };
    let mut trouble = None;
    let end = async {
        tokio::select! {
            () = ended_by_signal() => {}
            status = died => {
                trouble = Some(Trouble(format!("PostgreSQL ended ({status}); its log is {}", data.join("postgres.log").display())));
            }
        }
        say("stopping");
    };
    let edge = Arc::clone(&lab.edge);
    serve(lab, vec![(listener, edge)], end, Duration::ZERO).await;
    trouble.map_or(Ok(()), Err)
}

/// The secret of this data folder, made on the first start.
fn kept_secret(data: &Path) -> Result<SecretString> {
    let path = data.join("jwt_secret");
    let trouble = |error: std::io::Error| Trouble(format!("{} cannot be used: {error}", path.display()));
    if !path.exists() {
        fs::create_dir_all(data).map_err(trouble)?;
        let secret: String = std::iter::repeat_with(|| char::from(rand::random_range(b'!'..=b'~'))).take(48).collect();
        let new = path.with_extension("new");
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new).map_err(trouble)?;
        file.write_all(secret.as_bytes()).and_then(|()| file.sync_all()).map_err(trouble)?;
        // Renamed when it is whole: an interrupted start leaves no half secret.
        fs::rename(&new, &path).map_err(trouble)?;
    }
    fs::read_to_string(&path).map(SecretString::from).map_err(trouble)
}

#[expect(clippy::print_stdout, reason = "a command talks to the person who ran it")]
fn say(line: &str) {
    println!("spectra: {line}");
}

#[expect(clippy::print_stdout, reason = "a command talks to the person who ran it")]
fn announce(settings: &Settings) {
    let address = settings.listen;
    println!(
        r#"
  SPECTRA-Lab is running at  http://{address}   (gRPC and gRPC-web)
  health and metrics at      http://{admin}/health /health/db /metrics

  sign in as                 admin@demo.lab     admin123   everything
                             pi@demo.lab        pi123      approves and verifies
                             engineer@demo.lab  eng123     creates runs, edits samples
                             tech@demo.lab      tech123    executes runs
                             viewer@demo.lab    view123    reads

  try                        grpcurl -plaintext -d '{{"username":"engineer@demo.lab","password":"eng123"}}' \
                               {address} spectra.auth.v1.AuthService/Login

  Ctrl-C stops everything; what you enter is kept.
"#,
        admin = settings.admin_listen,
    );
}
