//! A person's stay, from sign-in to its end, and how long it may last.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use spectra_runtime::{Error, Reason, error::Kind};
use uuid::Uuid;

/// The name of the noun in errors and events.
pub const RESOURCE: &str = "session";
/// A session ends this long after sign-in, however much it is used.
const LIFE: TimeDelta = TimeDelta::days(7);
/// A refresh token that is not used for this long is good no more.
const IDLE: TimeDelta = TimeDelta::hours(8);

/// Characters that are kept of what software calls itself.
const LONGEST_NAME: usize = 200;

/// A person's stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: Uuid,
    pub user_id: Uuid,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// Where the person signed in from, if it was seen.
    pub address: Option<String>,
    /// What they signed in with, if it said so.
    pub user_agent: Option<String>,
}

impl Session {
    /// A stay that begins now.
    pub fn begin(user_id: Uuid, at: DateTime<Utc>, address: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.map(|name| name.trim().chars().take(LONGEST_NAME).collect::<String>());
        Self {
            id: Uuid::now_v7(),
            user_id,
            created_at: at,
            last_used_at: at,
            expires_at: at + LIFE,
            ended_at: None,
            address: address.map(|address| address.to_string()),
            user_agent: user_agent.filter(|name| !name.is_empty()),
        }
    }

    /// When a refresh token that is issued now expires: never after the session itself.
    pub fn token_expires_at(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        self.expires_at.min(at + IDLE)
    }
}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The person signed out.
    Logout,
    /// A spent refresh token was used: it is in two hands.
    Reuse,
    /// The person ended it from another one.
    Revoked,
    /// The account was disabled.
    Disabled,
    /// The password is another one.
    PasswordChanged,
    /// The role is another one, which the session's tokens do not know.
    RoleChanged,
}

impl EndReason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Reuse => "reuse",
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::PasswordChanged => "password_changed",
            Self::RoleChanged => "role_changed",
        }
    }
}

/// The session of the token is over before its time.
pub fn revoked() -> Error {
    Error::new(Kind::Unauthenticated, Reason::TokenRevoked, "the session has ended; sign in again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lives_eight_hours_and_never_outlives_its_session() {
        let begun_at = DateTime::UNIX_EPOCH;
        let session = Session::begin(Uuid::nil(), begun_at, None, None);
        assert_eq!(session.token_expires_at(begun_at), begun_at + TimeDelta::hours(8));
        assert_eq!(Session::begin(Uuid::nil(), begun_at, None, Some(" ")).user_agent, None);
        let wordy = Session::begin(Uuid::nil(), begun_at, None, Some(&"x".repeat(1000)));
        assert_eq!(wordy.user_agent.map(|name| name.len()), Some(200));
        let late = session.expires_at - TimeDelta::hours(1);
        assert_eq!(session.token_expires_at(late), session.expires_at);
    }
}
