//! The `spectra` program.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use spectra::{
    Result, Trouble, doctor, healthcheck, keys, migrate, organization,
    screen::tell,
    seed, serve,
    settings::{Profile, Settings},
    up,
};
use spectra_auth::people::Opening;
use spectra_runtime::telemetry;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// SPECTRA-Lab: samples, instruments, calibrations and runs of a laboratory, over gRPC.
///
/// `spectra up` starts a whole laboratory on this machine, with a database of its own and demo accounts.
/// Settings come from the environment; `spectra config` shows them all.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the whole laboratory here: database, services, demo data. Ctrl-C stops it all.
    Up {
        /// Folder that keeps the database and the secrets between starts.
        #[arg(long, value_name = "FOLDER")]
        data: Option<PathBuf>,
    },
    /// Run services against an existing database (DATABASE_URL, JWT_SECRET) until SIGTERM.
    Serve {
        /// auth, samples, calibration, runs, edge; all of them where none is named.
        services: Vec<String>,
    },
    /// Apply, revert or list the migrations of the database at DATABASE_URL.
    Migrate {
        #[command(subcommand)]
        step: Migrate,
    },
    /// Fill the database at DATABASE_URL with the demo laboratory. Running it again changes nothing.
    Seed {
        /// Seconds to wait for the database and its schema, if they are not there yet.
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        wait: u16,
    },
    /// Enter laboratories (organizations) in the database at DATABASE_URL.
    Organization {
        #[command(subcommand)]
        step: Organization,
    },
    /// Ask a running process whether it serves; exit code 0 if so.
    Healthcheck {
        /// Where it listens, such as 127.0.0.1:3012; what SPECTRA_LISTEN says where left out.
        url: Option<String>,
        /// A gRPC service such as spectra.samples.v1.SamplesService; the process as a whole where left out.
        #[arg(long, default_value = "")]
        service: String,
    },
    /// Administer the keys that tokens are signed with (JWT_ALGORITHM other than HS256), and services' credentials.
    Keys {
        #[command(subcommand)]
        step: Keys,
    },
    /// Look at all that the laboratory stands on: settings, certificates, database, keys. A line each, with what to do;
    /// exit code 1 where something is to be mended.
    Doctor,
    /// Show every setting: its value, where it comes from, what it does. Secrets are masked.
    Config,
}

#[derive(Subcommand)]
enum Migrate {
    /// Apply what is pending.
    Up {
        /// Seconds to wait for the database, if it cannot be reached yet.
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        wait: u16,
    },
    /// Revert the last one: what its tables hold is lost.
    Down,
    /// List all, and whether each is applied.
    Status,
    /// Show the last one that is applied.
    Version,
}

#[derive(Subcommand)]
enum Organization {
    /// Enter a laboratory and its first admin, whose password is read from a line of the standard input.
    Create {
        /// Short name: a letter, then letters, digits and -.
        slug: String,
        /// Name as people read it.
        #[arg(long)]
        name: String,
        /// IANA time zone in which times are shown.
        #[arg(long, value_name = "ZONE", default_value = "UTC")]
        time_zone: String,
        /// E-mail address by which the first admin signs in.
        #[arg(long, value_name = "E-MAIL")]
        admin: String,
        /// The first admin's name.
        #[arg(long, value_name = "NAME")]
        admin_name: String,
    },
}

#[derive(Subcommand)]
enum Keys {
    /// List the signing keys: the newest first.
    List,
    /// Make new keys. They sign once every service knows them; what the former ones signed stays good until it expires.
    Rotate {
        /// Seconds until they sign. Services learn of them within 15; who keeps /.well-known/jwks.json does within 60.
        #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(15..=86_400))]
        after: u32,
    },
    /// Take a key away at once, with every token that it has signed: for one that others may have got hold of.
    Revoke {
        /// Its name, as `list` shows it.
        // One in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
    /// Print the credential by which a service without JWT_SECRET proves itself, for its SPECTRA_SERVICE_CREDENTIAL_FILE.
    Credential {
        /// samples, calibration or runs.
        #[arg(value_parser = ["samples", "calibration", "runs"])]
        service: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            #[expect(clippy::print_stderr, reason = "a command talks to the person who ran it")]
            {
                eprintln!("spectra: {trouble}");
            }
            ExitCode::FAILURE
        }
    }
}

fn start(command: Command) -> Result<()> {
    let settings = Settings::from_environment()?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if settings.workers > 0 {
        runtime.worker_threads(settings.workers);
    }
    let runtime = runtime.enable_all().build().map_err(Trouble::new)?;
    // Within the runtime, on which the exporter of traces keeps its connection.
    runtime
        .block_on(async { telemetry::init(&settings.telemetry) })
        .map_err(|error| Trouble(format!("SPECTRA_LOG or OTEL_EXPORTER_OTLP_ENDPOINT cannot be used: {error}")))?;
    let result = runtime.block_on(run(command, settings));
    runtime.block_on(async { telemetry::shutdown() });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    result
}

async fn run(command: Command, settings: Settings) -> Result<()> {
    if matches!(command, Command::Up { .. } | Command::Serve { .. }) && !settings.unknown.is_empty() {
        let names = settings.unknown.join(", ");
        tracing::warn!("{names}: no such setting; `spectra config` lists what there is");
    }
    match command {
        Command::Up { data } => {
            if settings.profile == Profile::Production {
                return Err(Trouble::new("`up` is for trying things out; run `serve` in production"));
            }
            up::run(settings, data).await
        }
        Command::Serve { services } => serve::run(settings, &services).await,
        Command::Migrate { step } => migrate(step, &settings).await,
        Command::Seed { wait } => {
            if let Some(url) = &settings.database_url {
                migrate::wait(wait, async || migrate::check(url).await).await;
            }
            seed::run(settings).await
        }
        Command::Healthcheck { url, service } => healthcheck::run(&settings, url, &service).await,
        Command::Organization { step } => enter(step, &settings).await,
        Command::Keys { step } => administer(step, &settings).await,
        Command::Doctor => look(&settings).await,
        Command::Config => {
            show(&settings);
            Ok(())
        }
    }
}

async fn migrate(step: Migrate, settings: &Settings) -> Result<()> {
    let url = settings.database_url.as_ref().ok_or_else(|| Trouble::new("DATABASE_URL is not set"))?;
    match step {
        Migrate::Up { wait } => {
            migrate::wait(wait, async || migrate::status(url).await.map(drop)).await;
            let applied = migrate::up(url).await?;
            applied.iter().for_each(|version| tell(format!("applied   {version}")));
            tell(format!("{} applied", applied.len()));
        }
        Migrate::Down => match migrate::down(url).await? {
            Some(version) => tell(format!("reverted  {version}")),
            None => tell("there is nothing to revert"),
        },
        Migrate::Status => {
            for step in migrate::status(url).await? {
                tell(format!("{}   {}", if step.applied { "applied" } else { "pending" }, step.name));
            }
        }
        Migrate::Version => {
            let applied = migrate::status(url).await?.into_iter().rfind(|step| step.applied);
            tell(applied.map_or_else(|| "none".to_owned(), |step| step.name));
        }
    }
    Ok(())
}

async fn enter(step: Organization, settings: &Settings) -> Result<()> {
    let Organization::Create { slug, name, time_zone, admin, admin_name } = step;
    let password = organization::password()?;
    let opening = Opening { slug, name, time_zone, email: admin, display_name: admin_name, password };
    tell(organization::create(settings, opening).await?);
    Ok(())
}

async fn administer(step: Keys, settings: &Settings) -> Result<()> {
    match step {
        Keys::List => tell(keys::list(settings).await?.trim_end()),
        Keys::Rotate { after } => tell(keys::rotate(settings, after).await?.trim_end()),
        Keys::Revoke { kid } => tell(keys::revoke(settings, &kid).await?),
        Keys::Credential { service } => tell(keys::credential(settings, &service)?),
    }
    Ok(())
}

async fn look(settings: &Settings) -> Result<()> {
    let findings = doctor::examine(settings).await;
    findings.iter().for_each(tell);
    match findings.iter().filter(|finding| finding.standing == doctor::Standing::Bad).count() {
        0 => Ok(()),
        count => Err(Trouble(format!("{count} to be mended"))),
    }
}

fn show(settings: &Settings) {
    for setting in &settings.shown {
        tell(format!("{:28} {:32} {:14} {}", setting.name, setting.value, setting.source, setting.help));
    }
    for name in &settings.unknown {
        tell(format!("{name:28} {:32} {:14} no such setting", "", "environment"));
    }
}
