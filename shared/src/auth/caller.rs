//! A verified caller.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use http::HeaderValue;
use uuid::Uuid;

use super::{Role, token};

/// One call, as the stack took it in.
#[derive(Debug, Clone)]
pub struct Request {
    /// UUID that ties together the logs, events and errors of one call, across services.
    pub id: Arc<str>,
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// W3C `traceparent` of the call, to be passed on.
    pub traceparent: Option<Arc<str>>,
    /// Where it came from, as the listener saw it.
    pub address: Option<IpAddr>,
    /// What it was made with, as that names itself.
    pub user_agent: Option<HeaderValue>,
}

impl Request {
    /// A request of our own making, such as a worker's round.
    #[must_use]
    pub fn internal(time: Duration) -> Self {
        Self {
            id: Uuid::now_v7().to_string().into(),
            deadline: Instant::now() + time,
            traceparent: None,
            address: None,
            user_agent: None,
        }
    }
}

/// Who calls: a person, a service on a person's behalf, or a service by itself. Always in one organization.
#[derive(Debug, Clone)]
pub struct Caller(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    org_id: Uuid,
    user: Option<User>,
    /// `user:<id>` or `service:<name>`.
    actor: String,
    on_behalf_of: Option<String>,
    request: Request,
}

#[derive(Debug)]
struct User {
    id: Uuid,
    role: Role,
    session_id: Uuid,
    /// Their access token, to be passed on to other services.
    token: Arc<str>,
}

impl Caller {
    /// A person.
    #[must_use]
    pub fn person(claims: &token::Access, token: Arc<str>, request: Request) -> Self {
        Self::new(claims.org, Some((claims, token)), None, request)
    }

    /// A service on behalf of a person: the organization is the person's.
    #[must_use]
    pub fn on_behalf(service: &str, claims: &token::Access, token: Arc<str>, request: Request) -> Self {
        Self::new(claims.org, Some((claims, token)), Some(service), request)
    }

    /// A service by itself, in one organization.
    #[must_use]
    pub fn service(service: &str, org_id: Uuid, request: Request) -> Self {
        Self::new(org_id, None, Some(service), request)
    }

    fn new(org_id: Uuid, user: Option<(&token::Access, Arc<str>)>, service: Option<&str>, request: Request) -> Self {
        let user =
            user.map(|(claims, token)| User { id: claims.sub, role: claims.role, session_id: claims.sid, token });
        let person = user.as_ref().map(|user| format!("user:{}", user.id));
        let (actor, on_behalf_of) = match (service, person) {
            (Some(service), person) => (format!("service:{service}"), person),
            (None, Some(person)) => (person, None),
            (None, None) => (String::new(), None),
        };
        Self(Arc::new(Inner { org_id, user, actor, on_behalf_of, request }))
    }

    /// The organization that everything happens in.
    #[must_use]
    pub fn org_id(&self) -> Uuid {
        self.0.org_id
    }

    /// The person who calls, or behind the service that does; nil for a service by itself.
    #[must_use]
    pub fn user_id(&self) -> Uuid {
        self.0.user.as_ref().map_or(Uuid::nil(), |user| user.id)
    }

    /// The person's role; `None` for a service by itself.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.0.user.as_ref().map(|user| user.role)
    }

    /// The person's session; nil for a service by itself.
    #[must_use]
    pub fn session_id(&self) -> Uuid {
        self.0.user.as_ref().map_or(Uuid::nil(), |user| user.session_id)
    }

    /// Who acts: `user:<id>` or `service:<name>`.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.0.actor
    }

    /// The person that a service acts for.
    #[must_use]
    pub fn on_behalf_of(&self) -> Option<&str> {
        self.0.on_behalf_of.as_deref()
    }

    /// Id of the call.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.0.request.id
    }

    /// The call.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.0.request
    }

    /// The person's access token.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.0.user.as_ref().map(|user| &*user.token)
    }

    /// Time left until the caller stops waiting; `None` where it is over.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.0.request.deadline.checked_duration_since(Instant::now())
    }
}
