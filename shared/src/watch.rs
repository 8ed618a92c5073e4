//! Watches: what happens to the resources of one kind, as it happens, resumable from any replica.
//!
//! A watch reads the event log on from a position, delivers at least once and in order, and gives with each message the
//! sealed position at which to resume. It begins with a sign of life, and gives one whenever nothing happened for a
//! while. The position is good for the same method, organization and filter only.

use std::{collections::VecDeque, pin::pin, time::Duration};

use contract::{Watch, common::v1::Change};
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
pub struct Message<T> {
    /// What happened; `None` for a sign of life.
    pub event: Option<T>,
    /// Where to resume.
    pub resume_token: String,
}

struct State<T, Read> {
    db: Db,
    org_id: Uuid,
    resources: &'static [&'static str],
    read: Read,
    seal: ResumeSeal,
    position: LogPosition,
    /// What is to be said next, and where to resume after it.
    ready: VecDeque<(T, LogPosition)>,
    /// When something was said last; `None` before the first message.
    said_at: Option<Instant>,
}

/// Watches resources of these kinds. What an entry of the log tells, if anything, `read` says.
///
/// # Errors
/// RESUME_TOKEN_INVALID, RESUME_TOKEN_EXPIRED, DATABASE_UNAVAILABLE; the stream ends with the same.
pub async fn watch<Request, T, Read>(
    db: &Db,
    sealer: &Sealer,
    caller: &Caller,
    request: &Request,
    resources: &'static [&'static str],
    read: Read,
) -> Result<impl Stream<Item = Result<Message<T>>> + Send + use<Request, T, Read>>
where
    Request: Watch,
    T: Send,
    Read: Fn(LogEntry) -> Result<Vec<T>> + Send,
{
    let (db, org_id) = (db.clone(), caller.org_id());
    let seal = sealer.seal_resume(org_id, request);
    let position = match request.resume_token() {
        "" => db.log_end(org_id).await?,
        token => seal.open(token).ok_or_else(token_invalid)?,
    };
    let state = State { db, org_id, resources, read, seal, position, ready: VecDeque::new(), said_at: None };
    Ok(stream::try_unfold(state, |mut state| async move {
        let message = state.next().await?;
        Ok(Some((message, state)))
    }))
}

impl<T, Read: Fn(LogEntry) -> Result<Vec<T>>> State<T, Read> {
    async fn next(&mut self) -> Result<Message<T>> {
        loop {
            if let Some((event, position)) = self.ready.pop_front() {
                return Ok(self.say(position, Some(event)));
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
        let stretch = self.db.log_after(self.org_id, self.resources, self.position).await?;
        let stretch = stretch.ok_or_else(token_expired)?;
        for entry in stretch.entries {
            let (before, behind) = (self.position, entry.position);
            self.position = behind;
            let mut events = (self.read)(entry)?.into_iter().peekable();
            while let Some(event) = events.next() {
                // Whoever is cut off within an entry is told the whole of it again.
                let resume_at = if events.peek().is_some() { before } else { behind };
                self.ready.push_back((event, resume_at));
            }
        }
        self.position = stretch.read_to;
        Ok(stretch.more || !self.ready.is_empty())
    }

    fn say(&mut self, position: LogPosition, event: Option<T>) -> Message<T> {
        self.said_at = Some(Instant::now());
        Message { event, resume_token: self.seal.close(position) }
    }
}

impl Filter {
    /// Whether it holds for the resource as it was or as it is: whoever has it in view learns that it left.
    ///
    /// # Errors
    /// INTERNAL for a resource that the contract does not have.
    pub fn concerns(&self, change: &Change) -> Result<bool> {
        for any in [&change.before, &change.after].into_iter().flatten() {
            if self.holds(&dynamic(any)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A resource as the message that its type names.
fn dynamic(any: &Any) -> Result<DynamicMessage> {
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
