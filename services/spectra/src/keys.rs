//! `spectra keys`: the keys that tokens are signed with, and what services prove themselves by.

use std::fmt::Write as _;

use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};
use spectra_auth::keys::{self, Listed};
use spectra_runtime::{
    Clock,
    auth::{keys::Algorithm, service::derived_credential},
    db::{self, Db},
};

use crate::{Result, Trouble, migrate::role, settings::Settings};

/// The keys, a line each.
///
/// # Errors
/// One sentence on what keeps it from being told.
pub async fn list(settings: &Settings) -> Result<String> {
    let listed = keys::list(&database(settings)?).await?;
    if listed.is_empty() {
        return Ok("there is no key yet: Auth makes the first one when it starts\n".to_owned());
    }
    Ok(table(&listed))
}

/// The new keys, a line each.
///
/// # Errors
/// One sentence on what keeps it from being done.
pub async fn rotate(settings: &Settings, after_s: u32) -> Result<String> {
    if settings.jwt_algorithm == Algorithm::Hs256 {
        return Err(Trouble::new(
            "JWT_ALGORITHM is HS256, which has no keys but JWT_SECRET: change that for all services at once",
        ));
    }
    let (secret, clock) = (secret(settings)?, Clock::default());
    let (secret, after) = (secret.expose_secret().as_bytes(), TimeDelta::seconds(after_s.into()));
    let made = keys::rotate(&database(settings)?, secret, settings.jwt_algorithm, &clock, after).await?;
    Ok(table(&made))
}

/// What was done.
///
/// # Errors
/// One sentence on what keeps it from being done.
pub async fn revoke(settings: &Settings, kid: &str) -> Result<String> {
    if keys::revoke(&database(settings)?, kid).await? {
        Ok(format!("revoked {kid}: within a minute, nobody accepts a token that it signed"))
    } else {
        Err(Trouble(format!("there is no key {kid}; `spectra keys list` shows all")))
    }
}

/// The credential of a service.
///
/// # Errors
/// One sentence where the secret is not set.
pub fn credential(settings: &Settings, service: &str) -> Result<String> {
    Ok(derived_credential(secret(settings)?.expose_secret().as_bytes(), service))
}

fn secret(settings: &Settings) -> Result<&SecretString> {
    settings.jwt_secret.as_ref().ok_or_else(|| Trouble::new("JWT_SECRET is not set; it must be the one that Auth has"))
}

/// Its bytes.
pub(crate) fn secret_bytes(settings: &Settings) -> Result<&[u8]> {
    secret(settings).map(|secret| secret.expose_secret().as_bytes())
}

pub(crate) fn database(settings: &Settings) -> Result<Db> {
    let own = settings.service_database_urls.get("auth");
    let url = own.or(settings.database_url.as_ref()).ok_or_else(|| Trouble::new("DATABASE_URL is not set"))?;
    let settings = db::Settings {
        url: url.clone(),
        role: own.is_none().then(|| role("auth")),
        pool_size: 1,
        wait: settings.pool_wait,
        echo: settings.sql_echo,
    };
    Ok(Db::new("auth", settings))
}

fn table(keys: &[Listed]) -> String {
    keys.iter().fold(String::new(), |mut lines, key| {
        let Listed { kid, typ, algorithm, active_at } = key;
        let _ = writeln!(
            lines,
            "{kid}   {typ:7}   {algorithm:5}   signs from {}",
            active_at.format("%Y-%m-%d %H:%M:%S UTC")
        );
        lines
    })
}
