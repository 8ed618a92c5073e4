//! The keys that tokens are signed and verified with: each for one type of token and one algorithm (RFC 8725, 3.1).

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use contract::auth::v1::Jwk;
use jsonwebtoken::{DecodingKey, EncodingKey};
use tokio::sync::{Notify, watch};

use super::token::{Access, Service};
use crate::error::{Error, Result};

/// Verified tokens that are remembered.
const REMEMBERED: u64 = 10_000;
/// A key that nobody knows may be asked for once in so long (a forger could ask all the time).
const ASKING_PERIOD: Duration = Duration::from_secs(5);

/// How tokens are signed (RFC 7518, 3.1; RFC 8037, 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256: one secret signs and verifies.
    Hs256,
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::EdDsa, Self::Es256, Self::Rs256];

    /// As `alg` has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// As `alg` has it, to the letter.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }

    /// As the library has it.
    #[must_use]
    pub const fn jose(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
        }
    }
}

/// Which type of token a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Access tokens of people.
    Access,
    /// Tokens by which services prove themselves.
    Service,
}

impl Purpose {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Access, Self::Service];

    /// `typ` of the tokens' header.
    #[must_use]
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Service => "svc+jwt",
        }
    }
}

/// A key that signs. It is held by Auth alone, unless one secret does it all.
pub struct SigningKey {
    /// What its tokens are.
    pub purpose: Purpose,
    /// Names it in its tokens' header; a shared secret has no name.
    pub kid: Option<String>,
    /// How it signs.
    pub algorithm: Algorithm,
    /// The key.
    pub key: EncodingKey,
}

/// A key that verifies.
pub struct VerifyingKey {
    purpose: Purpose,
    kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

impl VerifyingKey {
    /// A published key.
    ///
    /// # Errors
    /// INTERNAL where it is of no type that is known here.
    pub fn from_wire(jwk: &Jwk) -> Result<Self> {
        let unknown = || Error::internal(format!("the published key {} is of no known type", jwk.kid));
        let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.typ() == jwk.typ).ok_or_else(unknown)?;
        let algorithm = Algorithm::parse(&jwk.alg).ok_or_else(unknown)?;
        let key = match algorithm {
            Algorithm::EdDsa => DecodingKey::from_ed_components(&jwk.x),
            Algorithm::Es256 => DecodingKey::from_ec_components(&jwk.x, &jwk.y),
            Algorithm::Rs256 => DecodingKey::from_rsa_components(&jwk.n, &jwk.e),
            // A secret is never published.
            Algorithm::Hs256 => return Err(unknown()),
        };
        Ok(Self { purpose, kid: Some(jwk.kid.clone()), algorithm, key: key.map_err(Error::internal)? })
    }
}

/// The keys in force, and what they have verified: a key that goes takes with it what it was trusted for.
#[derive(Default)]
pub(super) struct Ring {
    signing: Vec<SigningKey>,
    verifying: Vec<VerifyingKey>,
    pub(super) access: Remembered<Access>,
    pub(super) service: Remembered<Service>,
}

/// Claims by the hash of the token that was verified to hold them.
pub(super) struct Remembered<C>(pub(super) moka::sync::Cache<[u8; 32], Arc<C>>);

impl<C: Send + Sync + 'static> Default for Remembered<C> {
    fn default() -> Self {
        Self(moka::sync::Cache::new(REMEMBERED))
    }
}

impl Ring {
    pub(super) fn signing(&self, purpose: Purpose) -> Option<&SigningKey> {
        self.signing.iter().find(|key| key.purpose == purpose)
    }

    pub(super) fn verifying(&self, purpose: Purpose, kid: Option<&str>) -> Option<&VerifyingKey> {
        self.verifying.iter().find(|key| key.purpose == purpose && key.kid.as_deref() == kid)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.verifying.is_empty()
    }

    fn names(&self) -> Vec<(Purpose, Option<&str>)> {
        self.verifying.iter().map(|key| (key.purpose, key.kid.as_deref())).collect()
    }
}

/// The keys of one verifier, which may be replaced while it works.
pub struct Keys {
    ring: ArcSwap<Ring>,
    /// Looks that were made for other keys, with or without success.
    looks: watch::Sender<u64>,
    /// Somebody looks when told.
    is_followed: AtomicBool,
    /// Told when somebody comes with a key that is not known.
    wanted: Notify,
    /// When that was last, and how many looks had been made by then.
    asked: Mutex<Option<(Instant, u64)>>,
}

impl Keys {
    /// None yet: whoever comes is told to try again later.
    #[must_use]
    pub fn none() -> Self {
        Self {
            ring: ArcSwap::default(),
            looks: watch::Sender::new(0),
            is_followed: AtomicBool::new(false),
            wanted: Notify::new(),
            asked: Mutex::default(),
        }
    }

    /// One secret that signs and verifies (HS256). The services' key is derived from it.
    #[must_use]
    pub fn shared(secret: &[u8]) -> Self {
        let keys = Self::none();
        let secrets = [
            (Purpose::Access, secret.to_vec()),
            (Purpose::Service, crate::secret::derive(secret, "service-token").to_vec()),
        ];
        let signing = |(purpose, secret): &(Purpose, Vec<u8>)| SigningKey {
            purpose: *purpose,
            kid: None,
            algorithm: Algorithm::Hs256,
            key: EncodingKey::from_secret(secret),
        };
        let verifying = |(purpose, secret): &(Purpose, Vec<u8>)| VerifyingKey {
            purpose: *purpose,
            kid: None,
            algorithm: Algorithm::Hs256,
            key: DecodingKey::from_secret(secret),
        };
        keys.set(secrets.iter().map(signing).collect(), secrets.iter().map(verifying).collect());
        keys
    }

    /// Puts these in the place of all others. The first signing key of a purpose is the one that signs.
    pub fn set(&self, signing: Vec<SigningKey>, verifying: Vec<VerifyingKey>) {
        let mut ring = Ring { signing, verifying, ..Ring::default() };
        let before = self.ring.load();
        if before.names() == ring.names() {
            // The same keys: what they verified stays so.
            ring.access = Remembered(before.access.0.clone());
            ring.service = Remembered(before.service.0.clone());
        }
        self.ring.store(Arc::new(ring));
        self.looked();
    }

    /// Takes note that somebody will look for other keys whenever they are wanted.
    pub fn follow(&self) {
        self.is_followed.store(true, Ordering::Relaxed);
    }

    /// Takes note that a look was made, also one in vain: nobody waits for it any more.
    pub fn looked(&self) {
        self.looks.send_modify(|looks| *looks += 1);
    }

    /// Comes when somebody wants a key that is not among these.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    pub(super) fn ring(&self) -> arc_swap::Guard<Arc<Ring>> {
        self.ring.load()
    }

    /// Has the keys fetched anew, and waits for it with all others who want that; unless it was done a moment ago, or
    /// nobody fetches any.
    pub(super) async fn ask(&self, patience: Duration) {
        if !self.is_followed.load(Ordering::Relaxed) {
            return;
        }
        let mut looks = self.looks.subscribe();
        let now = *looks.borrow_and_update();
        {
            let mut asked = self.asked.lock().expect("no holder of this lock panics");
            match *asked {
                Some((at, before)) if at.elapsed() < ASKING_PERIOD => {
                    if now != before {
                        return;
                    }
                }
                _ => {
                    *asked = Some((Instant::now(), now));
                    self.wanted.notify_one();
                }
            }
        }
        let _ = tokio::time::timeout(patience, looks.changed()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_key_is_fetched_once_for_all_who_want_it_and_not_again_for_a_while() {
        let keys = Keys::none();
        let patience = Duration::from_secs(60);
        let soon = Duration::from_secs(1);
        tokio::time::timeout(soon, keys.ask(patience)).await.expect("nobody fetches any: no wait");
        keys.follow();
        let fetched = async {
            keys.wanted().await;
            keys.set(Vec::new(), Vec::new());
        };
        futures::join!(keys.ask(patience), keys.ask(patience), fetched);
        // Nobody fetches any more; nobody waits either.
        tokio::time::timeout(soon, keys.ask(patience)).await.expect("no wait");
    }
}
