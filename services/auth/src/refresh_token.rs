//! Refresh tokens: good once, each the parent of the next. A spent one that comes back is a lost reply or a theft.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use spectra_runtime::{Error, Reason, Result, error::Kind};
use uuid::Uuid;

use crate::session::Session;

/// Tells scanners for leaked secrets, and people, what it is.
const PREFIX: &str = "slr_";
/// Bytes of the secret: 256 bits.
const SECRET_BYTES: usize = 32;
/// For so long after its first use, a spent token may be used again by a client whose reply was lost.
const GRACE: TimeDelta = TimeDelta::seconds(10);

/// A refresh token as its holder has it: `slr_<organization>_<secret>`. The organization stands in clear, so that the
/// token can be looked up behind row security.
#[derive(Debug)]
pub struct RefreshToken {
    org_id: Uuid,
    text: SecretString,
}

impl RefreshToken {
    /// A new one, which nobody can guess.
    pub fn generate(org_id: Uuid) -> Result<Self> {
        let mut secret = [0; SECRET_BYTES];
        aws_lc_rs::rand::fill(&mut secret).map_err(Error::internal)?;
        Ok(Self::of(org_id, &secret))
    }

    fn of(org_id: Uuid, secret: &[u8; SECRET_BYTES]) -> Self {
        let text = format!("{PREFIX}{}_{}", org_id.simple(), URL_SAFE_NO_PAD.encode(secret));
        Self { org_id, text: text.into() }
    }

    /// One that came back.
    ///
    /// # Errors
    /// TOKEN_INVALID for what this service never gave out.
    pub fn parse(text: String) -> Result<Self> {
        let text = SecretString::from(text);
        let token = read(text.expose_secret()).ok_or_else(invalid)?;
        // Each token has one spelling.
        if token.text.expose_secret() != text.expose_secret() {
            return Err(invalid());
        }
        Ok(token)
    }

    /// The organization that it says it is of.
    pub fn org_id(&self) -> Uuid {
        self.org_id
    }

    /// What is stored of it.
    pub fn sha256(&self) -> [u8; 32] {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, self.text.expose_secret().as_bytes()).as_ref());
        sha256
    }

    /// The text, to be given to its holder.
    pub fn into_text(self) -> String {
        self.text.expose_secret().to_owned()
    }
}

fn read(text: &str) -> Option<RefreshToken> {
    let (org_id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
    Some(RefreshToken::of(Uuid::try_parse(org_id).ok()?, &secret.try_into().ok()?))
}

/// What is stored when a token is issued.
#[derive(Debug)]
pub struct Issued {
    pub session_id: Uuid,
    /// The spent token that it was given for; `None` for the first of a session.
    pub parent_id: Option<Uuid>,
    pub sha256: [u8; 32],
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// What is known of a token that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    pub id: Uuid,
    pub session_id: Uuid,
    /// When it was first used.
    pub consumed_at: Option<DateTime<Utc>>,
    /// When another was given in its place, because the reply that brought it was lost.
    pub replaced_at: Option<DateTime<Utc>>,
}

/// Why a token that came back could not simply be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its session was ended.
    Revoked,
    /// Its time, or its session's, is over.
    Expired,
    /// It was used a moment ago: the reply may have been lost.
    Repeated,
    /// It was spent: two hold what one should hold.
    Reused,
}

impl Returned {
    /// Judges a token that could not be used. A spent one is never taken for merely expired: however late it comes, it
    /// tells of two holders.
    pub fn verdict(&self, session: &Session, at: DateTime<Utc>) -> Verdict {
        if session.ended_at.is_some() {
            return Verdict::Revoked;
        }
        if session.expires_at <= at {
            return Verdict::Expired;
        }
        match (self.consumed_at, self.replaced_at) {
            // Unspent in a session that goes on, and yet of no use: its own time is over.
            (None, None) => Verdict::Expired,
            (Some(consumed_at), None) if at - consumed_at < GRACE => Verdict::Repeated,
            _ => Verdict::Reused,
        }
    }
}

/// Not a token of ours.
pub fn invalid() -> Error {
    Error::new(Kind::Unauthenticated, Reason::TokenInvalid, "the refresh token is not valid; sign in again")
}

/// Not used in time.
pub fn expired() -> Error {
    Error::new(Kind::Unauthenticated, Reason::TokenExpired, "the refresh token has expired; sign in again")
}

/// Used twice.
pub fn reused() -> Error {
    let message = "the refresh token was used before, so its session was ended; sign in again";
    Error::new(Kind::Unauthenticated, Reason::TokenReused, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_read_as_it_was_written(org_id: [u8; 16], secret: [u8; 32]) {
            let org_id = Uuid::from_bytes(org_id);
            let token = RefreshToken::of(org_id, &secret);
            let sha256 = token.sha256();
            let text = token.into_text();
            let read = RefreshToken::parse(text.clone()).unwrap();
            prop_assert_eq!(read.org_id(), org_id);
            prop_assert_eq!(read.sha256(), sha256);
            prop_assert_eq!(read.into_text(), text);
        }

        #[test]
        fn whatever_is_read_has_one_spelling(text in "(slr_)?[0-9a-fA-F-]{0,40}_?[A-Za-z0-9_=-]{0,48}") {
            if let Ok(token) = RefreshToken::parse(text.clone()) {
                prop_assert_eq!(token.into_text(), text);
            }
        }
    }

    #[test]
    fn what_was_never_given_out_is_refused() {
        let good = RefreshToken::of(Uuid::max(), &[7; 32]).into_text();
        let other_bits = format!("{}d", &good[..good.len() - 1]);
        for text in [
            "",
            "slr_",
            "slr__",
            &good[4..],
            &good[..good.len() - 1],
            &format!("{good}A"),
            &format!("{good}="),
            &format!(" {good}"),
            &good.to_uppercase(),
            &good.replace(&"f".repeat(32), &"F".repeat(32)),
            &good.replace(&"f".repeat(32), &Uuid::max().to_string()),
            &other_bits,
        ] {
            let refusal = RefreshToken::parse(text.to_owned()).unwrap_err();
            assert_eq!(refusal.reason(), Reason::TokenInvalid, "{text}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = RefreshToken::generate(Uuid::max()).unwrap();
        let shown = format!("{token:?}");
        let text = token.into_text();
        assert!(!shown.contains(&text) && !shown.contains(&text[37..]), "{shown}");
        assert_ne!(RefreshToken::generate(Uuid::max()).unwrap().into_text(), text);
    }

    #[test]
    fn a_token_that_comes_back_is_judged_by_its_session_first() {
        let used_at = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let session = Session::begin(Uuid::nil(), DateTime::UNIX_EPOCH, None, None);
        let mut ended = session.clone();
        ended.ended_at = Some(used_at);
        let unspent = Returned { id: Uuid::nil(), session_id: session.id, consumed_at: None, replaced_at: None };
        let consumed = Returned { consumed_at: Some(used_at), ..unspent.clone() };
        let replaced = Returned { replaced_at: Some(used_at), ..unspent.clone() };
        let after = |seconds: i64| used_at + TimeDelta::milliseconds(seconds * 1000 - 1);

        for token in [&unspent, &consumed, &replaced] {
            assert_eq!(token.verdict(&ended, used_at), Verdict::Revoked);
            assert_eq!(token.verdict(&session, session.expires_at), Verdict::Expired);
        }
        assert_eq!(unspent.verdict(&session, after(9 * 3600)), Verdict::Expired);
        // Another replica's clock may be a little ahead of ours.
        assert_eq!(consumed.verdict(&session, after(0)), Verdict::Repeated);
        assert_eq!(consumed.verdict(&session, after(10)), Verdict::Repeated);
        assert_eq!(consumed.verdict(&session, used_at + GRACE), Verdict::Reused);
        assert_eq!(consumed.verdict(&session, after(9 * 3600)), Verdict::Reused);
        assert_eq!(replaced.verdict(&session, after(1)), Verdict::Reused);
    }
}
