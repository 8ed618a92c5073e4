//! Who can sign in.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use spectra_runtime::{Error, Reason, auth::Role, error::Kind};
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
    pub revision: i64,
}

impl User {
    /// Whether the person may sign in and stay signed in.
    pub const fn is_active(&self) -> bool {
        self.disabled_at.is_none()
    }
}

/// A person and what their password is checked by; without it, nobody signs in with one.
#[derive(Debug)]
pub struct Account {
    pub user: User,
    pub password_hash: Option<SecretString>,
}

/// Unknown, wrong or disabled: which of them is nobody's business.
pub fn credentials_invalid() -> Error {
    Error::new(Kind::Unauthenticated, Reason::CredentialsInvalid, "the e-mail address or the password is not right")
}
