//! The signing keys in the database: for the service, which signs with them, and for whoever administers them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use spectra_runtime::{
    Clock, Result,
    auth::{
        Caller, Request,
        keys::{Algorithm, Purpose},
    },
    db::{Db, Tx, Value},
};
use uuid::Uuid;

use crate::{
    signing_key::{KeySet, PUBLISHED_AHEAD, Seal, generate, take_stock},
    store::signing_key::{Row, signing_key_delete, signing_key_insert, signing_key_list, signing_key_lock},
};

/// Time that one of these steps may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the service signs, where it is not with a shared secret.
pub struct Signing {
    /// Opens keys at rest.
    pub seal: Seal,
    /// What new keys are.
    pub algorithm: Algorithm,
}

impl Signing {
    /// The keys in force. The first one is made here, and one of another algorithm where that was set anew.
    pub(crate) async fn read(&self, db: &Db, clock: &Clock) -> Result<KeySet> {
        let now = clock.now_us();
        let rows = db.before_sign_in(signing_key_list).await?;
        if self.is_wanting(&rows, now) {
            self.make_what_is_wanting(db, now).await?;
            let rows = db.before_sign_in(signing_key_list).await?;
            return take_stock(&self.seal, &rows, now);
        }
        take_stock(&self.seal, &rows, now)
    }

    /// Where the key that signed has been revoked, those that come do not sign yet.
    fn is_wanting(&self, rows: &[Row], now: DateTime<Utc>) -> bool {
        let is_right = |purpose| newest(rows, purpose).is_some_and(|row| self.is_right(row, now));
        Purpose::ALL.into_iter().any(|purpose| !is_right(purpose) || !signs(rows, purpose, now))
    }

    /// Whether it will do: of this algorithm, or of another one that does not sign yet. Two processes that are set to
    /// different ones, as while they are replaced, would answer each other's keys without end.
    fn is_right(&self, row: &Row, now: DateTime<Utc>) -> bool {
        row.algorithm == self.algorithm.as_str() || row.active_at > now
    }

    async fn make_what_is_wanting(&self, db: &Db, now: DateTime<Utc>) -> Result<()> {
        let by = administrator();
        let made = db.write(&by, async |tx: &mut Tx| {
            signing_key_lock(tx.conn()).await?;
            let rows = signing_key_list(tx.conn()).await?;
            for purpose in Purpose::ALL {
                let active_at = match newest(&rows, purpose) {
                    // Nobody would be signed in until one signs.
                    _ if !signs(&rows, purpose, now) => now,
                    Some(row) if self.is_right(row, now) => continue,
                    // Verifiers learn of it first.
                    _ => now + PUBLISHED_AHEAD,
                };
                let row = generate(&self.seal, purpose, self.algorithm, now, active_at)?;
                tracing::info!(kid = row.kid, typ = row.typ, algorithm = row.algorithm, "made a signing key");
                signing_key_insert(tx.conn(), &row).await?;
            }
            tx.unchanged();
            Ok(Value(()))
        });
        made.await.map(drop)
    }
}

/// A signing key, for people.
pub struct Listed {
    /// Its name.
    pub kid: String,
    /// `typ` of its tokens.
    pub typ: String,
    /// How it signs.
    pub algorithm: String,
    /// From when on it signs.
    pub active_at: DateTime<Utc>,
}

/// All signing keys, the newest first.
///
/// # Errors
/// DATABASE_UNAVAILABLE.
pub async fn list(db: &Db) -> Result<Vec<Listed>> {
    let rows = db.before_sign_in(signing_key_list).await?;
    Ok(rows.into_iter().map(listed).collect())
}

/// Names of the keys that sign at the moment, opened with this secret.
///
/// # Errors
/// INTERNAL where the secret does not open them; DATABASE_UNAVAILABLE.
pub async fn signing(db: &Db, secret: &[u8], clock: &Clock) -> Result<Vec<String>> {
    let rows = db.before_sign_in(signing_key_list).await?;
    let set = take_stock(&Seal::new(secret)?, &rows, clock.now())?;
    Ok(set.signing.into_iter().filter_map(|key| key.kid).collect())
}

/// Makes a new key for each type of token. It signs after `ahead`, when every verifier knows it; the former ones stay
/// good for what they have signed.
///
/// # Errors
/// DATABASE_UNAVAILABLE.
pub async fn rotate(
    db: &Db,
    secret: &[u8],
    algorithm: Algorithm,
    clock: &Clock,
    ahead: TimeDelta,
) -> Result<Vec<Listed>> {
    let (seal, now) = (Seal::new(secret)?, clock.now_us());
    let active_at = now + ahead;
    let by = administrator();
    let made = db.write(&by, async move |tx: &mut Tx| {
        signing_key_lock(tx.conn()).await?;
        let mut made = Vec::new();
        for purpose in Purpose::ALL {
            let row = generate(&seal, purpose, algorithm, now, active_at)?;
            signing_key_insert(tx.conn(), &row).await?;
            made.push(listed(row));
        }
        tx.unchanged();
        Ok(Value(made))
    });
    made.await.map(|Value(made)| made)
}

/// Takes a key away, with every token that it has signed: for one that others may have got hold of. Whether there was
/// one. Where none is left, the service makes a new one.
///
/// # Errors
/// DATABASE_UNAVAILABLE.
pub async fn revoke(db: &Db, kid: &str) -> Result<bool> {
    let by = administrator();
    let deleted = db.write(&by, async move |tx: &mut Tx| {
        let deleted = signing_key_delete(tx.conn(), kid).await?;
        tx.unchanged();
        Ok(Value(deleted))
    });
    deleted.await.map(|Value(deleted)| deleted)
}

/// Forgets the keys whose last token has expired.
pub(crate) async fn forget(db: &Db, seal: &Seal, clock: &Clock) -> Result<()> {
    let rows = db.before_sign_in(signing_key_list).await?;
    for kid in take_stock(seal, &rows, clock.now())?.over {
        revoke(db, &kid).await?;
        tracing::info!(kid, "forgot a signing key");
    }
    Ok(())
}

fn newest(rows: &[Row], purpose: Purpose) -> Option<&Row> {
    rows.iter().find(|row| row.typ == purpose.typ())
}

/// Whether there is a key that signs by now.
fn signs(rows: &[Row], purpose: Purpose, now: DateTime<Utc>) -> bool {
    rows.iter().any(|row| row.typ == purpose.typ() && row.active_at <= now)
}

fn listed(row: Row) -> Listed {
    let Row { kid, typ, algorithm, active_at, .. } = row;
    Listed { kid, typ, algorithm, active_at }
}

fn administrator() -> Caller {
    Caller::service(crate::NAME, Uuid::nil(), Request::internal(PATIENCE))
}
