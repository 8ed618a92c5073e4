//! RefreshToken: one conditional update decides who spends a token. A spent one that comes back within moments asks for
//! its lost reply; later, or when that reply was used, it ends the session.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use contract::auth::v1::{RefreshTokenRequest, RefreshTokenResponse};
use spectra_runtime::{
    Error, Result,
    auth::{Caller, Request},
    db::{Event, Tx, Value},
};
use uuid::Uuid;

use crate::{
    App,
    refresh_token::{Issued, RefreshToken, Verdict, expired, invalid, reused},
    session::{EndReason, RESOURCE, revoked},
    store::{
        refresh_token::{refresh_token_consume, refresh_token_insert, refresh_token_lock, refresh_token_replace_child},
        session::{session_end, session_get, session_touch},
        user::user_get,
    },
    user::User,
};

/// How the person proved themselves when the session began (RFC 8176).
const AMR: &[&str] = &["pwd"];

pub async fn handle(app: Arc<App>, request: Request, message: RefreshTokenRequest) -> Result<RefreshTokenResponse> {
    let token = RefreshToken::parse(message.refresh_token)?;
    let org_id = token.org_id();
    let next = RefreshToken::generate(org_id)?;
    let rotation = Rotation { org_id, spent: token.sha256(), next: next.sha256(), at: app.clock.now_us() };

    // Whose token it is, only the transaction finds out.
    let caller = Caller::service("auth", org_id, request);
    let Value(outcome) = app.db.write(&caller, async move |tx: &mut Tx| rotation.run(tx).await.map(Value)).await?;
    let (session_id, user) = match outcome {
        Outcome::Rotated { session_id, user } => (session_id, user),
        Outcome::Ended(refusal) => return Err(refusal),
    };

    Ok(RefreshTokenResponse {
        access_token: app.tokens.issue_access(org_id, user.id, user.role, session_id, AMR)?,
        refresh_token: next.into_text(),
        token_type: "bearer".to_owned(),
        expires_in: app.expires_in(),
    })
}

/// A token that is to be spent for the next one; of both, only the hashes.
struct Rotation {
    org_id: Uuid,
    spent: [u8; 32],
    next: [u8; 32],
    at: DateTime<Utc>,
}

/// What is committed.
enum Outcome {
    /// The next token is in its place.
    Rotated { session_id: Uuid, user: User },
    /// The session is at its end. The call is refused all the same, but only after the commit: an error would undo it.
    Ended(Error),
}

/// What the token that came back is worth.
enum Worth {
    /// The next one may be its child.
    Child { parent_id: Uuid, session_id: Uuid },
    /// Two hold what one should hold.
    Nothing { session_id: Uuid },
}

impl Rotation {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome> {
        let Self { org_id, at, .. } = *self;
        let (parent_id, session_id) = match self.worth(tx).await? {
            Worth::Child { parent_id, session_id } => (parent_id, session_id),
            Worth::Nothing { session_id } => {
                return self.end(tx, session_id, EndReason::Reuse, "reuse", reused()).await;
            }
        };
        // Locks the session, which may have been ended since the token was spent.
        let session = session_touch(tx.conn(), org_id, session_id, at).await?.ok_or_else(revoked)?;
        let user = user_get(tx.conn(), org_id, session.user_id)
            .await?
            .ok_or_else(|| Error::internal("a session has no user"))?;
        if !user.is_active() {
            return self.end(tx, session_id, EndReason::Disabled, "revoke", revoked()).await;
        }
        let next = Issued {
            session_id,
            parent_id: Some(parent_id),
            sha256: self.next,
            created_at: at,
            expires_at: session.token_expires_at(at),
        };
        refresh_token_insert(tx.conn(), org_id, &next).await?;
        tx.record(Event::new(RESOURCE, session_id, "refresh").on_behalf_of(user.id));
        Ok(Outcome::Rotated { session_id, user })
    }

    async fn worth(&self, tx: &mut Tx) -> Result<Worth> {
        let Self { org_id, ref spent, at, .. } = *self;
        if let Some((parent_id, session_id)) = refresh_token_consume(tx.conn(), org_id, spent, at).await? {
            return Ok(Worth::Child { parent_id, session_id });
        }
        // New statements, whose snapshots come after the wait for whoever spent it.
        let token = refresh_token_lock(tx.conn(), org_id, spent).await?.ok_or_else(invalid)?;
        let session_id = token.session_id;
        let session = session_get(tx.conn(), org_id, session_id).await?;
        match token.verdict(&session, at) {
            Verdict::Revoked => Err(revoked()),
            Verdict::Expired => Err(expired()),
            Verdict::Repeated if refresh_token_replace_child(tx.conn(), org_id, token.id, at).await? => {
                Ok(Worth::Child { parent_id: token.id, session_id })
            }
            Verdict::Repeated | Verdict::Reused => Ok(Worth::Nothing { session_id }),
        }
    }

    /// Ends the session, and every token of it with it.
    async fn end(
        &self,
        tx: &mut Tx,
        session_id: Uuid,
        reason: EndReason,
        action: &'static str,
        refusal: Error,
    ) -> Result<Outcome> {
        if !session_end(tx.conn(), self.org_id, session_id, self.at, reason).await? {
            return Err(revoked());
        }
        tracing::warn!(%session_id, reason = reason.as_str(), "a session is ended at the use of its refresh token");
        tx.record(Event::new(RESOURCE, session_id, action));
        Ok(Outcome::Ended(refusal))
    }
}
