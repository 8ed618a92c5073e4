//! How often somebody may fail to sign in: by the account that is tried, and by the network it is tried from.
//!
//! An attempt is counted before the password is hashed and given back unless the password was wrong, so that a burst of guesses costs
//! no more hashes than are allowed. Unknown accounts are counted as known ones are: the answer tells nobody who is there.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{SHA256, digest};
use spectra_runtime::{
    Error, Reason, Result,
    auth::{Caller, Request},
    db::{Tx, Value},
    error::Kind,
};
use uuid::Uuid;

use crate::{
    App,
    store::login_attempt::{attempt_count, attempts_forget, attempts_give_back},
};

/// What attempts are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    pub sha256: [u8; 32],
    pub limit: Limit,
}

/// So many failures at once, and one more each time that this much has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub burst: u32,
    pub every: Duration,
}

const ACCOUNT: Limit = Limit { burst: 10, every: Duration::from_secs(90) };
/// Many people may share one address.
const NETWORK: Limit = Limit { burst: 100, every: Duration::from_secs(9) };

/// How long giving an attempt back may take.
const GIVE_BACK_TIME: Duration = Duration::from_secs(5);

/// The account, and the network if it is known: a /24 of IPv4, a /64 of IPv6.
fn subjects(email: &str, address: Option<IpAddr>) -> Vec<Subject> {
    let hash = |kind: &str, text: &str| {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, format!("{kind} {text}").as_bytes()).as_ref());
        sha256
    };
    let network = address.map(|address| match address {
        IpAddr::V4(address) => IpAddr::V4((u32::from(address) & 0xffff_ff00).into()),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (u128::MAX << 64)).into()),
    });
    let account = Subject { sha256: hash("account", email), limit: ACCOUNT };
    let network = network.map(|network| Subject { sha256: hash("network", &network.to_string()), limit: NETWORK });
    std::iter::once(account).chain(network).collect()
}

/// An attempt to sign in that has been counted.
pub struct Attempt {
    by: Caller,
    subjects: Vec<Subject>,
}

impl Attempt {
    /// Counts it.
    ///
    /// # Errors
    /// THROTTLED, which says when the next one is allowed.
    pub async fn begin(app: &App, request: &Request, email: &str) -> Result<Self> {
        let subjects = subjects(email, request.address);
        let by = Caller::service(crate::NAME, Uuid::nil(), request.clone());
        let counted = &subjects;
        let count = app.db.write(&by, async move |tx: &mut Tx| {
            for subject in counted {
                attempt_count(tx.conn(), subject).await?.map_err(throttled)?;
            }
            tx.unchanged();
            Ok(Value(()))
        });
        count.await?;
        Ok(Self { by, subjects })
    }

    /// Gives it back: the password was right, or nobody looked at it. The caller's time may be up by now.
    pub async fn give_back(self, app: &App) -> Result<()> {
        let Self { by, subjects } = self;
        let request = Request { deadline: Instant::now() + GIVE_BACK_TIME, ..by.request().clone() };
        let by = Caller::service(crate::NAME, by.org_id(), request);
        let give_back = app.db.write(&by, async move |tx: &mut Tx| {
            attempts_give_back(tx.conn(), &subjects).await?;
            attempts_forget(tx.conn()).await?;
            tx.unchanged();
            Ok(Value(()))
        });
        give_back.await.map(|Value(())| ())
    }
}

fn throttled(wait: Duration) -> Error {
    Error::new(Kind::Exhausted, Reason::Throttled, "too many attempts to sign in; wait a moment").retry_after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_counted_as_one_and_an_account_apart_from_it() {
        let of = |address: &str| subjects("a@demo.lab", Some(address.parse().unwrap()));
        assert_eq!(of("192.0.2.7"), of("192.0.2.250"));
        assert_ne!(of("192.0.2.7")[1], of("192.0.3.7")[1]);
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_eq!(of("192.0.2.7")[0], of("2001:db8::1")[0]);
        assert_eq!(subjects("a@demo.lab", None).len(), 1);
    }
}
