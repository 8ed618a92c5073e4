//! `spectra doctor`: looks at all that a laboratory stands on, and says what to do about what is not right.

pub mod database;

use std::{fmt, fs, path::Path};

use chrono::{DateTime, Utc};
use spectra_auth::people::demo_accounts_present;
use spectra_runtime::{Clock, auth::keys::Algorithm, error::Kind, server::tls};
use x509_parser::pem::Pem;

use crate::{
    keys,
    settings::{Profile, Settings},
};

/// Days before a certificate expires from which on it is told.
const CERTIFICATE_DAYS: i64 = 21;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As it is to be.
    Fine,
    /// Works, and somebody should know.
    Note,
    /// To be mended.
    Bad,
}

/// What was found about one thing.
#[derive(Debug)]
pub struct Finding {
    /// How it stands.
    pub standing: Standing,
    /// What was looked at.
    pub about: &'static str,
    /// What was found and, where it is not fine, what to do.
    pub found: String,
}

impl Finding {
    fn fine(about: &'static str, found: impl Into<String>) -> Self {
        Self { standing: Standing::Fine, about, found: found.into() }
    }

    fn note(about: &'static str, found: impl Into<String>) -> Self {
        Self { standing: Standing::Note, about, found: found.into() }
    }

    fn bad(about: &'static str, found: impl Into<String>) -> Self {
        Self { standing: Standing::Bad, about, found: found.into() }
    }

    /// What a laptop may have and a laboratory may not.
    fn unfit(about: &'static str, profile: Profile, found: impl Into<String>) -> Self {
        match profile {
            Profile::Production => Self::bad(about, found),
            Profile::Development => Self::note(about, found),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = match self.standing {
            Standing::Fine => "ok",
            Standing::Note => "note",
            Standing::Bad => "BAD",
        };
        write!(f, "{standing:4}  {:20}  {}", self.about, self.found)
    }
}

/// Everything that was found, in the order in which it is to be mended.
pub async fn examine(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![profile(settings), names(settings)];
    findings.extend(tls(settings));
    let database = database::examine(settings).await;
    let reached = database.iter().all(|finding| finding.about != database::REACH || finding.standing == Standing::Fine);
    findings.extend(database);
    if reached {
        findings.push(keys(settings).await);
        findings.push(demo(settings).await);
    }
    findings
}

fn profile(settings: &Settings) -> Finding {
    match settings.profile {
        Profile::Production => Finding::fine("profile", "production"),
        Profile::Development => Finding::note(
            "profile",
            "development, which is for a laptop: a laboratory sets SPECTRA_PROFILE=production, and is then held to more",
        ),
    }
}

fn names(settings: &Settings) -> Finding {
    match settings.unknown.as_slice() {
        [] => Finding::fine("settings", "all names are known"),
        names => {
            let names = names.join(", ");
            Finding::bad("settings", format!("{names}: no such setting; `spectra config` lists what there is"))
        }
    }
}

fn tls(settings: &Settings) -> Vec<Finding> {
    const ABOUT: &str = "TLS";
    let Some(files) = &settings.tls else {
        let behind = "plain text, and SPECTRA_BEHIND_TLS_MESH says that a mesh encrypts what goes between processes";
        return vec![if settings.behind_tls_mesh {
            Finding::note(ABOUT, behind)
        } else {
            Finding::unfit(
                ABOUT,
                settings.profile,
                "plain text: set SPECTRA_TLS_CERTIFICATE and SPECTRA_TLS_KEY where others share the network",
            )
        }];
    };
    if let Err(trouble) = tls::client(files) {
        return vec![Finding::bad(ABOUT, trouble)];
    }
    let now = Clock::default().now();
    let mut findings = vec![validity(&files.certificate, now)];
    match &files.authority {
        Some(authority) => findings.push(validity(authority, now)),
        None => findings.push(Finding::note(
            ABOUT,
            "without SPECTRA_TLS_AUTHORITY services let in whoever reaches them: only the edge should be reachable",
        )),
    }
    findings
}

/// Until when a file's first certificate is good.
fn validity(file: &Path, now: DateTime<Utc>) -> Finding {
    const ABOUT: &str = "TLS certificate";
    let read = || {
        let pem = fs::read(file).ok()?;
        let pem = Pem::iter_from_buffer(&pem).next()?.ok()?;
        DateTime::from_timestamp(pem.parse_x509().ok()?.validity().not_after.timestamp(), 0)
    };
    let file = file.display();
    let Some(expires_at) = read() else {
        return Finding::bad(ABOUT, format!("{file} holds no certificate that can be read"));
    };
    let (days, on) = ((expires_at - now).num_days(), expires_at.format("%Y-%m-%d"));
    if expires_at <= now {
        Finding::bad(
            ABOUT,
            format!("{file} expired on {on}: put a new one in its place, which is read without a restart"),
        )
    } else if days < CERTIFICATE_DAYS {
        Finding::note(ABOUT, format!("{file} expires in {days} days, on {on}: renew it"))
    } else {
        Finding::fine(ABOUT, format!("{file} is good until {on}"))
    }
}

/// The keys that tokens are signed with, and whether Auth's secret opens them.
async fn keys(settings: &Settings) -> Finding {
    const ABOUT: &str = "signing keys";
    if settings.jwt_algorithm == Algorithm::Hs256 {
        return Finding::unfit(
            ABOUT,
            settings.profile,
            "HS256: every service holds the secret that signs; set JWT_ALGORITHM to EdDSA, ES256 or RS256",
        );
    }
    let database = match keys::database(settings) {
        Ok(database) => database,
        Err(trouble) => return Finding::bad(ABOUT, trouble.0),
    };
    let Ok(secret) = keys::secret_bytes(settings) else {
        return Finding::note(
            ABOUT,
            "JWT_SECRET is not set here: where Auth runs, this looks whether it opens the keys",
        );
    };
    match spectra_auth::keys::signing(&database, secret, &Clock::default()).await {
        Ok(kids) if kids.is_empty() => Finding::note(ABOUT, "none yet: Auth makes the first ones when it starts"),
        Ok(kids) => Finding::fine(ABOUT, format!("{} sign now", kids.join(", "))),
        Err(error) if error.kind() == Kind::Unavailable => Finding::bad(ABOUT, error.to_string()),
        Err(_) => Finding::bad(
            ABOUT,
            "JWT_SECRET does not open the keys in the database: give Auth the one they were made with, or revoke them \
             (`spectra keys list`, `spectra keys revoke`), which signs everybody out",
        ),
    }
}

async fn demo(settings: &Settings) -> Finding {
    const ABOUT: &str = "demo accounts";
    let present = match keys::database(settings) {
        Ok(database) => demo_accounts_present(&database).await.map_err(|error| error.to_string()),
        Err(trouble) => Err(trouble.0),
    };
    match present {
        Ok(false) => Finding::fine(ABOUT, "there are none"),
        Ok(true) => Finding::unfit(
            ABOUT,
            settings.profile,
            "anybody may sign in with a password that everybody knows: a laboratory begins with a database of its own",
        ),
        Err(why) => Finding::bad(ABOUT, why),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_certificate_is_told_before_it_expires() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("certificate.pem");
        let mut params = rcgen::CertificateParams::new(vec!["lab.example".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2030, 6, 15);
        let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        fs::write(&file, certificate.pem()).unwrap();
        let expires_at: DateTime<Utc> = "2030-06-15T00:00:00Z".parse().unwrap();
        for (days, standing) in [(90, Standing::Fine), (20, Standing::Note), (-1, Standing::Bad)] {
            let finding = validity(&file, expires_at - TimeDelta::days(days));
            assert_eq!(finding.standing, standing, "{finding}");
            assert!(finding.found.contains("2030-06-15"), "{finding}");
        }
        fs::write(&file, "no certificate").unwrap();
        assert_eq!(validity(&file, expires_at).standing, Standing::Bad);
    }
}
