//! What the database is, and how the program gets to it.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant, SystemTime},
};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use spectra_runtime::{Clock, db::Link};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{Finding, Standing};
use crate::{
    migrate::{self, role},
    settings::{SERVICES, Settings},
};

/// Whether the database is reached.
pub(super) const REACH: &str = "database";

/// Tables that are read before an organization is known, or for all of them, by the auth role alone: row security does
/// not fence them.
pub const UNFENCED: [&str; 6] = [
    "auth.login_attempt",
    "auth.login_directory",
    "auth.organization",
    "auth.revocation",
    "auth.signing_key",
    "public.__diesel_schema_migrations",
];

/// The oldest PostgreSQL that will do, as `server_version_num` has it.
const OLDEST: i32 = 150_000;
/// Time to connect.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds that the clocks may differ without a word, and those from which on tokens are refused (their leeway).
const CLOCK_NOTE_S: f64 = 1.0;
const CLOCK_BAD_S: f64 = 30.0;
/// Seconds from which on an open transaction is told.
const OLD_TRANSACTION_S: f64 = 60.0;

pub(super) async fn examine(settings: &Settings) -> Vec<Finding> {
    let url = settings.database_url.as_ref();
    let Some(url) = url.or_else(|| settings.service_database_urls.values().next()) else {
        return vec![Finding::bad(REACH, "DATABASE_URL is not set: the doctor looks at the database behind it")];
    };
    let client = match connect(url).await {
        Ok(client) => client,
        Err(why) => return vec![Finding::bad(REACH, format!("cannot be reached ({why}): check DATABASE_URL"))],
    };
    match look(settings, url, &client).await {
        Ok(findings) => findings,
        Err(error) => vec![Finding::bad(REACH, format!("did not answer: {error}"))],
    }
}

async fn look(settings: &Settings, url: &SecretString, client: &Client) -> Result<Vec<Finding>, tokio_postgres::Error> {
    let pooler = pooler(url, client).await?;
    if pooler.standing == Standing::Bad {
        // What else is asked may be answered by one connection or another.
        return Ok(vec![pooler]);
    }
    let mut findings = vec![version(client).await?, pooler];
    findings.extend(encryption(settings, url));
    findings.push(login(settings, client).await?);
    for (service, url) in &settings.service_database_urls {
        findings.push(own_login(service, url).await?);
    }
    findings.push(roles(settings, client).await?);
    findings.push(schema(url).await);
    findings.push(row_security(client).await?);
    findings.push(triggers(client).await?);
    findings.push(durability(client).await?);
    findings.push(connections(settings, client).await?);
    findings.push(clock(client).await?);
    findings.push(transactions(client).await?);
    Ok(findings)
}

async fn connect(url: &SecretString) -> Result<Client, String> {
    let link = Link::new(url.expose_secret())?;
    tokio::time::timeout(PATIENCE, link.client()).await.map_err(|_| "it does not answer".to_owned())?
}

async fn version(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    let row = client
        .query_one("SELECT current_setting('server_version_num')::int, current_setting('server_version')", &[])
        .await?;
    let (number, name): (i32, String) = (row.get(0), row.get(1));
    Ok(if number >= OLDEST {
        Finding::fine(REACH, format!("PostgreSQL {name}"))
    } else {
        Finding::bad(REACH, format!("PostgreSQL {name}: 15 or newer is needed"))
    })
}

fn encryption(settings: &Settings, url: &SecretString) -> Option<Finding> {
    const ABOUT: &str = "way to the database";
    let link = Link::new(url.expose_secret()).ok()?;
    Some(if link.is_encrypted() {
        Finding::fine(ABOUT, "TLS, and the server's name is checked")
    } else if link.is_local() {
        Finding::fine(ABOUT, "in the clear, and on this machine only")
    } else if settings.behind_tls_mesh {
        Finding::note(ABOUT, "in the clear, and SPECTRA_BEHIND_TLS_MESH says that a mesh encrypts it")
    } else {
        Finding::unfit(
            ABOUT,
            settings.profile,
            "in the clear: add ?sslmode=require&sslrootcert=/path/of/authority.pem to DATABASE_URL, or set SPECTRA_BEHIND_TLS_MESH where a mesh encrypts it",
        )
    })
}

async fn is_bound(client: &Client) -> Result<(String, bool), tokio_postgres::Error> {
    let row = client
        .query_one(
            "SELECT rolname::text, NOT (rolsuper OR rolbypassrls) FROM pg_roles WHERE rolname = current_user",
            &[],
        )
        .await?;
    Ok((row.get(0), row.get(1)))
}

async fn login(settings: &Settings, client: &Client) -> Result<Finding, tokio_postgres::Error> {
    const ABOUT: &str = "database login";
    let (name, bound) = is_bound(client).await?;
    Ok(if bound {
        Finding::fine(ABOUT, format!("{name} is bound by row security"))
    } else {
        Finding::unfit(
            ABOUT,
            settings.profile,
            format!("{name} is a superuser, whom row security does not bind: services should have another login"),
        )
    })
}

/// A service's own login is the service's role, or may do what it may, and no more.
async fn own_login(service: &str, url: &SecretString) -> Result<Finding, tokio_postgres::Error> {
    const ABOUT: &str = "service's login";
    let client = match connect(url).await {
        Ok(client) => client,
        Err(why) => return Ok(Finding::bad(ABOUT, format!("{service}: cannot connect ({why})"))),
    };
    let (name, bound) = is_bound(&client).await?;
    let others = others(service);
    let row = client
        .query_one(
            "SELECT pg_has_role(current_user, $1, 'USAGE'), \
                    EXISTS (SELECT 1 FROM unnest($2::text[]) other WHERE pg_has_role(current_user, other, 'MEMBER'))",
            &[&role(service), &others],
        )
        .await?;
    let (is_member, is_more): (bool, bool) = (row.get(0), row.get(1));
    Ok(if !bound {
        Finding::bad(ABOUT, format!("{service}: {name} is a superuser or bypasses row security"))
    } else if !is_member {
        Finding::bad(ABOUT, format!("{service}: run `GRANT {} TO {name}`", role(service)))
    } else if is_more {
        Finding::note(ABOUT, format!("{service}: {name} is a member of other services' roles too"))
    } else {
        Finding::fine(ABOUT, format!("{service}: {name} holds {} and no other", role(service)))
    })
}

fn others(service: &str) -> Vec<String> {
    SERVICES.into_iter().filter(|other| *other != service).map(role).collect()
}

async fn roles(settings: &Settings, client: &Client) -> Result<Finding, tokio_postgres::Error> {
    const ABOUT: &str = "service roles";
    // Those that DATABASE_URL's login has to be able to take on.
    let own = &settings.service_database_urls;
    let wanted: Vec<String> = SERVICES.into_iter().filter(|service| !own.contains_key(service)).map(role).collect();
    let rows = client
        .query(
            "SELECT wanted, CASE WHEN rolname IS NULL THEN 'is not there: run `spectra migrate up`' \
                                 WHEN rolsuper OR rolbypassrls THEN 'is not bound by row security' \
                                 WHEN NOT pg_has_role(current_user, oid, 'MEMBER') THEN 'is not granted to the login' END \
             FROM unnest($1::text[]) wanted LEFT JOIN pg_roles ON rolname = wanted",
            &[&wanted],
        )
        .await?;
    let faults: Vec<String> = rows
        .iter()
        .filter_map(|row| Some(format!("{} {}", row.get::<_, String>(0), row.get::<_, Option<String>>(1)?)))
        .collect();
    Ok(if faults.is_empty() {
        Finding::fine(ABOUT, "each service works as its own, bound by row security")
    } else {
        Finding::bad(ABOUT, faults.join("; "))
    })
}

async fn schema(url: &SecretString) -> Finding {
    const ABOUT: &str = "schema";
    match (migrate::check(url).await, migrate::status(url).await) {
        (Ok(()), Ok(steps)) => Finding::fine(ABOUT, steps.last().map_or_else(String::new, |step| step.name.clone())),
        (Err(trouble), _) | (_, Err(trouble)) => Finding::bad(ABOUT, trouble.0),
    }
}

async fn row_security(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    const ABOUT: &str = "row security";
    let rows = client.query(FENCED, &[]).await?;
    let open: Vec<String> = rows
        .iter()
        .filter(|row| !row.get::<_, bool>(1))
        .map(|row| row.get::<_, String>(0))
        .filter(|name| !UNFENCED.contains(&name.as_str()))
        .collect();
    Ok(if open.is_empty() {
        let fenced = rows.iter().filter(|row| row.get(1)).count();
        Finding::fine(ABOUT, format!("forced on all {fenced} tables that belong to organizations"))
    } else {
        Finding::bad(ABOUT, format!("{} can be read across organizations: SELECT spectra.tenant(..)", open.join(", ")))
    })
}

/// Every table of ours, and whether row security by organization is forced on it.
pub const FENCED: &str = "\
    SELECT n.nspname || '.' || c.relname, c.relrowsecurity AND c.relforcerowsecurity \
           AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid \
                       AND pg_get_expr(p.polqual, c.oid) LIKE '%app.org_id%' AND p.polwithcheck IS NOT NULL) \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('auth', 'samples', 'calibration', 'runs', 'events', 'public') \
    ORDER BY 1";

/// The lockout and the insert-only ledgers are held by triggers.
async fn triggers(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    const ABOUT: &str = "triggers";
    let rows = client
        .query(
            "SELECT t.tgrelid::regclass::text || ' ' || t.tgname, t.tgenabled NOT IN ('O', 'A') \
             FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname IN ('auth', 'samples', 'calibration', 'runs', 'events') ORDER BY 1",
            &[],
        )
        .await?;
    let off: Vec<String> = rows.iter().filter(|row| row.get(1)).map(|row| row.get(0)).collect();
    Ok(if off.is_empty() {
        Finding::fine(ABOUT, format!("all {} are in force, those of the lockout among them", rows.len()))
    } else {
        Finding::bad(
            ABOUT,
            format!(
                "switched off: {}; what was written meanwhile needs a look (ALTER TABLE .. ENABLE TRIGGER)",
                off.join(", ")
            ),
        )
    })
}

async fn durability(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    const ABOUT: &str = "durability";
    let rows = client
        .query(
            "SELECT name || '=' || setting FROM pg_settings \
             WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'",
            &[],
        )
        .await?;
    let off: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok(if off.is_empty() {
        Finding::fine(ABOUT, "what is acknowledged is on the disk")
    } else {
        Finding::bad(ABOUT, format!("{}: what was acknowledged can be lost", off.join(", ")))
    })
}

async fn connections(settings: &Settings, client: &Client) -> Result<Finding, tokio_postgres::Error> {
    const ABOUT: &str = "connections";
    let row = client
        .query_one(
            "SELECT current_setting('max_connections')::bigint \
                    - current_setting('superuser_reserved_connections')::bigint",
            &[],
        )
        .await?;
    let (allowed, services): (i64, i64) = (row.get(0), 4);
    let wanted = services * i64::from(settings.pool_size);
    Ok(if wanted <= allowed {
        Finding::fine(
            ABOUT,
            format!(
                "{allowed} allowed; {wanted} wanted by one process a service (SPECTRA_POOL_SIZE={})",
                settings.pool_size
            ),
        )
    } else {
        Finding::bad(
            ABOUT,
            format!("{allowed} allowed, {wanted} wanted: raise max_connections or lower SPECTRA_POOL_SIZE"),
        )
    })
}

/// Behind a pooler in transaction mode, connections that are open at once take turns on the server's: one of theirs is now
/// the one, now the other's. By simple queries, which need nothing that was prepared before.
async fn pooler(url: &SecretString, client: &Client) -> Result<Finding, tokio_postgres::Error> {
    const ABOUT: &str = "pooler";
    const TRIES: usize = 20;
    let Ok(second) = connect(url).await else {
        return Ok(Finding::note(ABOUT, "a second connection could not be had: not looked at"));
    };
    let (mut ours, mut others) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..TRIES {
        ours.insert(backend(client).await?);
        others.insert(backend(&second).await?);
    }
    Ok(if ours.len() > 1 || others.len() > 1 || !ours.is_disjoint(&others) {
        Finding::bad(
            ABOUT,
            "a pooler in transaction mode is between: an organization's binding would reach others' statements; use \
             session mode, or connect directly",
        )
    } else {
        Finding::fine(ABOUT, "none, or one in session mode")
    })
}

/// The server's process that answers.
async fn backend(client: &Client) -> Result<Option<String>, tokio_postgres::Error> {
    let answer = client.simple_query("SELECT pg_backend_pid()").await?;
    Ok(answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

async fn clock(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    const ABOUT: &str = "clock";
    let (asked_at, begun) = (Clock::default().now(), Instant::now());
    let theirs: SystemTime = client.query_one("SELECT clock_timestamp()", &[]).await?.get(0);
    let ours = asked_at + begun.elapsed() / 2;
    let apart_s = (DateTime::<Utc>::from(theirs) - ours).as_seconds_f64().abs();
    let found = format!("{apart_s:.1} s between this machine and the database");
    Ok(if apart_s < CLOCK_NOTE_S {
        Finding::fine(ABOUT, found)
    } else {
        let advice = "calibrations are judged by the database's clock, tokens by each machine's: keep both by NTP";
        let standing = if apart_s < CLOCK_BAD_S { Standing::Note } else { Standing::Bad };
        Finding { standing, about: ABOUT, found: format!("{found}: {advice}") }
    })
}

async fn transactions(client: &Client) -> Result<Finding, tokio_postgres::Error> {
    const ABOUT: &str = "open transactions";
    let row = client
        .query_opt(
            "SELECT extract(epoch FROM clock_timestamp() - xact_start)::float8, pid, coalesce(application_name, '') \
             FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() ORDER BY 1 DESC LIMIT 1",
            &[],
        )
        .await?;
    let oldest = row.map(|row| (row.get::<_, f64>(0), row.get::<_, i32>(1), row.get::<_, String>(2)));
    Ok(match oldest {
        Some((seconds, pid, name)) if seconds > OLD_TRANSACTION_S => Finding::note(
            ABOUT,
            format!(
                "process {pid} ({name}) has one open for {seconds:.0} s: watches and the audit log wait for it; end it, or \
                 `SELECT pg_terminate_backend({pid})`"
            ),
        ),
        _ => Finding::fine(ABOUT, "none that watches and the audit log would wait for"),
    })
}
