//! Watches: what happens to the resources of one kind, as it happens, resumable from any replica.
//!
//! A watch reads the event log on from a position, delivers at least once and in order, and gives with each message the
//! sealed position at which to resume. It begins with a sign of life, and gives one whenever nothing happened for a
//! while. The position is good for the same method, organization and filter only.

use std::{collections::VecDeque, pin::pin, time::Duration};

use contract::Watch;
use futures::{Stream, stream};
use prost_reflect::DynamicMessage;
use prost_types::Any;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    auth::Caller,
    db::{Db, LogEntry, LogPosition},
    error::{Error, Kind, Reason, Result},
    list::{Filter, ResumeSeal, Sealer},
};

/// A sign of life comes at least so often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Between two looks at the log, where this process has not written to it.
const LOOK_PERIOD: Duration = Duration::from_millis(250);

/// One message of a watch.
#[derive(Debug)]
pub struct Message {
    /// What happened; `None` for a sign of life.
    pub entry: Option<LogEntry>,
    /// Where to resume.
    pub resume_token: String,
}

struct State {
    db: Db,
    org_id: Uuid,
    resource: &'static str,
    filter: Filter,
    seal: ResumeSeal,
    position: LogPosition,
    ready: VecDeque<LogEntry>,
    /// When something was said last; `None` before the first message.
    said_at: Option<Instant>,
}

/// Watches resources of one kind.
///
/// # Errors
/// RESUME_TOKEN_INVALID, RESUME_TOKEN_EXPIRED, DATABASE_UNAVAILABLE; the stream ends with the same.
pub async fn watch<Request: Watch>(
    db: &Db,
    sealer: &Sealer,
    caller: &Caller,
    request: &Request,
    resource: &'static str,
    filter: Filter,
) -> Result<impl Stream<Item = Result<Message>> + Send + use<Request>> {
    let (db, org_id) = (db.clone(), caller.org_id());
    let seal = sealer.seal_resume(org_id, request)?;
    let position = match request.resume_token() {
        "" => db.log_end(org_id).await?,
        token => seal.open(token).ok_or_else(token_invalid)?,
    };
    let state = State { db, org_id, resource, filter, seal, position, ready: VecDeque::new(), said_at: None };
    Ok(stream::try_unfold(state, |mut state| async move {
        let message = state.next().await?;
        Ok(Some((message, state)))
    }))
}

impl State {
    async fn next(&mut self) -> Result<Message> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(self.say(entry.position, Some(entry)));
            }
            let said_at = match self.said_at {
                Some(at) if at.elapsed() < HEARTBEAT => at,
                _ => return Ok(self.say(self.position, None)),
            };
            let db = self.db.clone();
            let mut changed = pin!(db.changed().notified());
            // From here on nothing is missed, however long the look takes.
            changed.as_mut().enable();
            if self.look().await? {
                continue;
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(LOOK_PERIOD) => {}
                () = tokio::time::sleep_until(said_at + HEARTBEAT) => {}
            }
        }
    }

    /// Reads on; whether there is something to say, or more to read.
    async fn look(&mut self) -> Result<bool> {
        let stretch = self.db.log_after(self.org_id, self.resource, self.position).await?;
        let stretch = stretch.ok_or_else(token_expired)?;
        self.position = stretch.read_to;
        for entry in stretch.entries {
            if self.concerns(&entry)? {
                self.ready.push_back(entry);
            }
        }
        Ok(stretch.more || !self.ready.is_empty())
    }

    /// Whether the filter holds for the resource as it was or as it is: whoever has it in view learns that it left.
    fn concerns(&self, entry: &LogEntry) -> Result<bool> {
        for any in [&entry.change.before, &entry.change.after].into_iter().flatten() {
            if self.filter.holds(&dynamic(any)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn say(&mut self, position: LogPosition, entry: Option<LogEntry>) -> Message {
        self.said_at = Some(Instant::now());
        Message { entry, resume_token: self.seal.close(position) }
    }
}

/// The resource in an event, as the message that its type names.
///
/// # Errors
/// INTERNAL for a type that the contract does not have, or bytes that are not of it.
pub fn dynamic(any: &Any) -> Result<DynamicMessage> {
    let name = any.type_url.rsplit('/').next().unwrap_or_default();
    let descriptor = contract::DESCRIPTOR_POOL
        .get_message_by_name(name)
        .ok_or_else(|| Error::internal(format!("an event holds a {name}, which the contract does not have")))?;
    DynamicMessage::decode(descriptor, any.value.as_slice()).map_err(Error::internal)
}

fn token_invalid() -> Error {
    let fault = ("resume_token".to_owned(), "was not given out for this very watch".to_owned());
    Error::fields(Reason::ResumeTokenInvalid, [fault])
}

fn token_expired() -> Error {
    let message = "what happened since then is not known here any more: read everything, and watch without a token";
    Error::new(Kind::OutOfRange, Reason::ResumeTokenExpired, message)
}
