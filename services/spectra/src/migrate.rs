//! The database's schema: applied, reverted, listed.

use std::time::Duration;

use diesel::{
    migration::{Migration, MigrationSource as _},
    pg::Pg,
};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use secrecy::{ExposeSecret as _, SecretString};
use spectra_runtime::db::Link;
use tokio::time::{Instant, sleep, timeout};

use crate::{Result, Trouble, settings::SERVICES};

/// The migrations that this program was built with.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// What a migration is called that a newer program has applied.
const UNKNOWN: &str = "(unknown to this program)";

/// Key of the advisory lock that lets one program migrate at a time.
const LOCK: i64 = 0x5350_4543_5452_4101;

/// A migration, and whether the database has it.
pub struct Step {
    /// `<timestamp>_<service>_<change>`.
    pub name: String,
    /// Whether it is applied.
    pub applied: bool,
}

/// The role that a service works as.
#[must_use]
pub fn role(service: &str) -> String {
    format!("spectra_{service}")
}

/// Waits until the database is as wanted, `seconds` at most: what it lacks then, the next one who uses it says. Where
/// programs are started all at once, as in a cluster, the database is not the first, nor is the network.
pub async fn wait(seconds: u16, is_ready: impl AsyncFn() -> Result<()>) {
    const LOOK: Duration = Duration::from_secs(5);
    const PAUSE: Duration = Duration::from_secs(1);

    let end = Instant::now() + Duration::from_secs(seconds.into());
    while Instant::now() < end {
        match timeout(LOOK, is_ready()).await {
            Ok(Ok(())) => return,
            Ok(Err(trouble)) => tracing::info!(%trouble, "waiting"),
            Err(_) => tracing::info!("waiting for the database, which does not answer"),
        }
        sleep(PAUSE).await;
    }
}

/// Applies what is pending; the names of what was applied come back.
///
/// # Errors
/// A sentence with what Postgres said.
pub async fn up(url: &SecretString) -> Result<Vec<String>> {
    let mut conn = connect(url).await?;
    conn.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})")).await.map_err(said)?;
    make_roles(&mut conn).await?;
    harness(conn, |harness| {
        let versions = harness.run_pending_migrations(MIGRATIONS).map_err(Trouble::new)?;
        versions.iter().map(|version| name_of(&version.to_string())).collect()
    })
    .await
}

/// Reverts the last one; its name comes back, or `None` where there is none.
///
/// # Errors
/// A sentence with what Postgres said.
pub async fn down(url: &SecretString) -> Result<Option<String>> {
    let mut conn = connect(url).await?;
    conn.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})")).await.map_err(said)?;
    harness(conn, |harness| {
        if harness.applied_migrations().map_err(Trouble::new)?.is_empty() {
            return Ok(None);
        }
        let version = harness.revert_last_migration(MIGRATIONS).map_err(Trouble::new)?;
        name_of(&version.to_string()).map(Some)
    })
    .await
}

/// Every migration, in order, and whether it is applied.
///
/// # Errors
/// A sentence with what Postgres said.
pub async fn status(url: &SecretString) -> Result<Vec<Step>> {
    let conn = connect(url).await?;
    harness(conn, |harness| {
        let applied: Vec<String> =
            harness.applied_migrations().map_err(Trouble::new)?.iter().map(ToString::to_string).collect();
        let known: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().map_err(Trouble::new)?;
        let mut steps: Vec<Step> = known
            .iter()
            .map(|migration| Step {
                name: migration.name().to_string(),
                applied: applied.contains(&migration.name().version().to_string()),
            })
            .collect();
        let ours: Vec<String> = known.iter().map(|migration| migration.name().version().to_string()).collect();
        // Applied by a newer program.
        steps.extend(
            applied
                .into_iter()
                .filter(|version| !ours.contains(version))
                .map(|version| Step { name: format!("{version} {UNKNOWN}"), applied: true }),
        );
        steps.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(steps)
    })
    .await
}

/// Refuses a database whose schema this program cannot work with: an older one than its own, or a newer one that no
/// longer has what the program uses. A newer one that has it is fine: so releases are rolled out, and taken back.
///
/// # Errors
/// A sentence that names what is missing and the command that mends it.
pub async fn check(url: &SecretString) -> Result<()> {
    let steps = status(url).await?;
    let missing = steps.iter().filter(|step| !step.applied).count();
    if missing > 0 {
        return Err(Trouble(format!("the database lacks {missing} migrations: run `spectra migrate up` first")));
    }
    let Some(newest) = steps.last().filter(|step| step.name.ends_with(UNKNOWN)) else { return Ok(()) };
    let known: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().map_err(Trouble::new)?;
    let own = known.iter().map(|migration| migration.name().version().to_string()).max().unwrap_or_default();
    if oldest_schema(url).await?.is_some_and(|oldest| own >= oldest) {
        tracing::info!(newest = newest.name, "the database is of a newer program, and has what this one uses");
        return Ok(());
    }
    Err(Trouble(format!("the database has migration {}: use a newer program", newest.name)))
}

/// The last migration that a program has to know to run on this database; `None` where the database does not say.
async fn oldest_schema(url: &SecretString) -> Result<Option<String>> {
    #[derive(diesel::QueryableByName)]
    struct Oldest {
        #[diesel(sql_type = diesel::sql_types::Text)]
        version: String,
    }
    let mut conn = connect(url).await?;
    let is_told = "DO $$ BEGIN PERFORM 'spectra.oldest_schema()'::regprocedure; END $$";
    if conn.batch_execute(is_told).await.is_err() {
        return Ok(None);
    }
    let query = diesel::sql_query("SELECT spectra.oldest_schema() AS version");
    let oldest: Oldest = RunQueryDsl::get_result(query, &mut conn).await.map_err(said)?;
    Ok(Some(oldest.version))
}

/// Refuses a login that row security does not bind.
///
/// # Errors
/// A sentence that says what to do.
pub async fn check_login(url: &SecretString) -> Result<()> {
    #[derive(diesel::QueryableByName)]
    struct Login {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        unbound: bool,
    }
    let query =
        diesel::sql_query("SELECT rolsuper OR rolbypassrls AS unbound FROM pg_roles WHERE rolname = current_user");
    let login: Login = RunQueryDsl::get_result(query, &mut connect(url).await?).await.map_err(said)?;
    if login.unbound {
        return Err(Trouble::new(
            "the login of DATABASE_URL is a superuser, whom row security does not bind: in production, use one that is not",
        ));
    }
    Ok(())
}

/// The full name of a migration that this program was built with; the bare version of any other.
fn name_of(version: &str) -> Result<String> {
    let known: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().map_err(Trouble::new)?;
    let found = known.iter().find(|migration| migration.name().version().to_string() == version);
    Ok(found.map_or_else(|| version.to_owned(), |migration| migration.name().to_string()))
}

async fn connect(url: &SecretString) -> Result<AsyncPgConnection> {
    let mut conn = Link::new(url.expose_secret())
        .map_err(|why| Trouble(format!("DATABASE_URL {why}")))?
        .connect()
        .await
        .map_err(|error| Trouble(format!("the database cannot be reached ({error}): check DATABASE_URL")))?;
    // The table of what is applied has no schema in its name; a login called like one of our schemas would find another.
    // A new foreign key looks at the rows that are there, and row security binds an owner who is no superuser: bound to
    // no organization, it finds none instead of failing. What is there already, a migration checks itself.
    let session = "SET search_path = public; SET app.org_id = '00000000-0000-0000-0000-000000000000'";
    conn.batch_execute(session).await.map_err(said)?;
    Ok(conn)
}

/// Roles belong to the cluster, not to the database: made here, and only granted to in migrations.
async fn make_roles(conn: &mut AsyncPgConnection) -> Result<()> {
    for service in SERVICES {
        let role = role(service);
        // Another database of the same cluster may be making it at this moment.
        let make = format!(
            "DO $$ BEGIN \
               IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}') THEN \
                 CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE; \
               END IF; \
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
             GRANT {role} TO CURRENT_USER;"
        );
        conn.batch_execute(&make).await.map_err(said)?;
    }
    Ok(())
}

async fn harness<T: Send + 'static>(
    conn: AsyncPgConnection,
    work: impl FnOnce(&mut AsyncMigrationHarness<AsyncPgConnection>) -> Result<T> + Send + 'static,
) -> Result<T> {
    // The harness blocks on its own connection.
    tokio::task::spawn_blocking(move || {
        let mut harness = AsyncMigrationHarness::new(conn);
        work(&mut harness)
    })
    .await
    .map_err(Trouble::new)?
}

fn said(error: diesel::result::Error) -> Trouble {
    Trouble(format!("Postgres said: {error}"))
}
