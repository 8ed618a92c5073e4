//! Who can sign in.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use spectra_runtime::{Error, Reason, Result, auth::Role, error::Kind};
use uuid::Uuid;

/// The name of the noun in errors and events.
pub const RESOURCE: &str = "user";

/// A person of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: Uuid,
    pub email: String,
    pub display_name: String,
    pub role: Role,
    pub disabled_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub revision: i64,
}

impl User {
    /// Whether the person may sign in and stay signed in.
    pub const fn is_active(&self) -> bool {
        self.disabled_at.is_none()
    }
}

/// Refuses what no person may be called, whoever wrote it.
pub fn check_names(email: &str, display_name: &str) -> Result<()> {
    let wanted = |field: &str| Err(Error::field(format!("user.{field}"), "is wanted"));
    if email.is_empty() {
        return wanted("email");
    }
    if display_name.trim().is_empty() {
        return wanted("display_name");
    }
    Ok(())
}

/// A person and what their password is checked by; without it, nobody signs in with one.
#[derive(Debug)]
pub struct Account {
    pub user: User,
    pub password_hash: Option<SecretString>,
}

/// An organization without an active admin could never get another one.
pub fn last_admin(id: Uuid) -> Error {
    let message = "this is the organization's last active admin: make somebody else one first";
    Error::precondition(Reason::StateConflict, message)
        .about(RESOURCE, id)
        .with("from", "admin")
        .with("to", "")
        .with("allowed", "")
}

/// Unknown, wrong or disabled: which of them is nobody's business.
pub fn credentials_invalid() -> Error {
    Error::new(Kind::Unauthenticated, Reason::CredentialsInvalid, "the e-mail address or the password is not right")
}
