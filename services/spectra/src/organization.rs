//! `spectra organization create`: a laboratory of one's own, and its first admin.

use std::io::{IsTerminal as _, stdin};

use secrecy::SecretString;
use spectra_auth::people::{Opening, open_organization};

use crate::{Result, Trouble, keys, migrate, settings::Settings};

/// What was done.
///
/// # Errors
/// One sentence on what keeps it from being done.
pub async fn create(settings: &Settings, opening: Opening) -> Result<String> {
    let url = settings.database_url.as_ref().ok_or_else(|| Trouble::new("DATABASE_URL is not set"))?;
    migrate::check(url).await?;
    let (slug, email) = (opening.slug.clone(), opening.email.clone());
    let id = open_organization(&keys::database(settings)?, opening).await?;
    Ok(format!("entered {slug} ({id}): {email} signs in to it as its admin, and enters everybody else"))
}

/// The password, from a line of the standard input: what stands on a command line, everybody on the machine can read.
///
/// # Errors
/// Where there is no such line.
#[expect(clippy::print_stderr, reason = "a command talks to the person who ran it")]
pub fn password() -> Result<SecretString> {
    if stdin().is_terminal() {
        eprintln!("Password of the first admin (it is shown as you type):");
    }
    let mut line = String::new();
    stdin().read_line(&mut line).map_err(|error| Trouble(format!("the password cannot be read: {error}")))?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(Trouble::new("a password is wanted, as a line on the standard input")),
        password => Ok(password.to_owned().into()),
    }
}
