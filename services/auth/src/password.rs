//! Passwords: argon2id (RFC 9106), a few at a time, off the threads that answer calls.

pub mod policy;

use std::{sync::Arc, time::Instant};

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version, password_hash};
use secrecy::{ExposeSecret as _, SecretString};
use spectra_runtime::{Error, Reason, Result, error::Kind};
use tokio::sync::Semaphore;

/// Memory in KiB, passes and lanes: the first choice of OWASP's password storage cheat sheet.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Nobody's hash, of the same cost as everybody's: an unknown account takes as long to refuse as a wrong password. It
/// is no output of argon2 for any known password, and a match would let nobody in.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGF0IGFsbC4uLg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and checks passwords, so many at once.
pub struct Passwords {
    places: Arc<Semaphore>,
}

impl Passwords {
    pub fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS))) }
    }

    /// Whether the password is the one that was hashed. Without a hash the same work is done, and the answer is no.
    ///
    /// # Errors
    /// DEADLINE_EXCEEDED where no place came free before the caller stopped waiting.
    pub async fn verify(&self, password: SecretString, hash: Option<SecretString>, deadline: Instant) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.into());
        let matches = self.work(deadline, move || verify(&password, &hash)).await?;
        Ok(matches && known)
    }

    /// The PHC string to store for a password that somebody chose, which stands in this field of the request; `about`
    /// is what they are called.
    ///
    /// # Errors
    /// PASSWORD_WEAK; DEADLINE_EXCEEDED where no place came free before the caller stopped waiting.
    pub async fn hash_chosen(
        &self,
        (field, password): (&'static str, SecretString),
        about: [String; 2],
        deadline: Instant,
    ) -> Result<SecretString> {
        let work = move || {
            policy::check(field, &password, &about.each_ref().map(String::as_str))?;
            hash(&password)
        };
        self.work(deadline, work).await
    }

    /// The PHC string to store for a password, whatever it is.
    ///
    /// # Errors
    /// DEADLINE_EXCEEDED where no place came free before the caller stopped waiting.
    pub async fn hash(&self, password: SecretString, deadline: Instant) -> Result<SecretString> {
        self.work(deadline, move || hash(&password)).await
    }

    async fn work<T: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = tokio::time::timeout_at(deadline.into(), Arc::clone(&self.places).acquire_owned())
            .await
            .map_err(|_| Error::new(Kind::Deadline, Reason::DeadlineExceeded, "time ran out before the work began"))?
            .map_err(Error::internal)?;
        let work = move || {
            // Given back by the work itself: a caller who goes away does not make room while it still runs.
            let _place = place;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
    }
}

fn verify(password: &SecretString, hash: &SecretString) -> Result<bool> {
    match argon2()?.verify_password(password.expose_secret().as_bytes(), hash.expose_secret()) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(Error::internal(error)),
    }
}

fn hash(password: &SecretString) -> Result<SecretString> {
    let hash = argon2()?.hash_password(password.expose_secret().as_bytes()).map_err(Error::internal)?;
    Ok(hash.to_string().into())
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(Error::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_and_no_other_is() {
        let passwords = Passwords::new(2);
        let hash = passwords.hash("correct horse".into(), soon()).await.unwrap();
        assert!(passwords.verify("correct horse".into(), Some(hash.clone()), soon()).await.unwrap());
        assert!(!passwords.verify("correct hors".into(), Some(hash.clone()), soon()).await.unwrap());
        assert!(!passwords.verify("".into(), Some(hash), soon()).await.unwrap());
        assert!(!passwords.verify("correct horse".into(), None, soon()).await.unwrap());
    }

    #[test]
    fn nobodys_hash_costs_what_everybodys_costs() {
        let stored = hash(&"x".into()).unwrap();
        let cost = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(cost(stored.expose_secret()), cost(NOBODY));
        assert_eq!(stored.expose_secret().len(), NOBODY.len());
        assert!(!verify(&"x".into(), &NOBODY.into()).unwrap());
    }

    #[tokio::test]
    async fn who_cannot_wait_for_a_place_is_told_so() {
        let passwords = Passwords::new(1);
        let _taken = Arc::clone(&passwords.places).acquire_owned().await.unwrap();
        let refusal = passwords.verify("x".into(), None, Instant::now()).await.unwrap_err();
        assert_eq!(refusal.reason(), Reason::DeadlineExceeded);
    }
}
