//! The one error of the product, and the one place where it becomes a gRPC status.

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

pub use contract::common::v1::ErrorReason as Reason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The `domain` of every ErrorInfo.
pub const DOMAIN: &str = "spectra-lab";

/// What the caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Mend the request.
    Invalid,
    /// Sign in, or refresh the token.
    Unauthenticated,
    /// Ask somebody with another role.
    Denied,
    /// Look elsewhere.
    NotFound,
    /// Choose another name.
    AlreadyExists,
    /// Change something else first.
    Precondition,
    /// Read again, then try again.
    Conflict,
    /// Begin anew.
    OutOfRange,
    /// Slow down.
    Exhausted,
    /// Try the same again later.
    Unavailable,
    /// Ask again with the same request_id: the outcome is unknown.
    Deadline,
    /// Use another method.
    Unimplemented,
    /// Tell the operator the request id.
    Internal,
}

impl Kind {
    const fn code(self) -> Code {
        match self {
            Self::Invalid => Code::InvalidArgument,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Denied => Code::PermissionDenied,
            Self::NotFound => Code::NotFound,
            Self::AlreadyExists => Code::AlreadyExists,
            Self::Precondition => Code::FailedPrecondition,
            Self::Conflict => Code::Aborted,
            Self::OutOfRange => Code::OutOfRange,
            Self::Exhausted => Code::ResourceExhausted,
            Self::Unavailable => Code::Unavailable,
            Self::Deadline => Code::DeadlineExceeded,
            Self::Unimplemented => Code::Unimplemented,
            Self::Internal => Code::Internal,
        }
    }
}

/// Why a call was refused. Built by a kind's constructor and refined by `with_..`.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    reason: Reason,
    message: Cow<'static, str>,
    metadata: Vec<(Cow<'static, str>, String)>,
    violations: Vec<(String, String)>,
    resource: Option<(&'static str, String)>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Violations that one error names; a client takes 16 KiB of trailers at most.
const VIOLATIONS: usize = 20;
/// Characters of one text in an error.
const TEXT_CHARS: usize = 300;

/// What handlers and stores return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of this kind; the message is shown to people, so it names no internals.
    pub fn new(kind: Kind, reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            reason,
            message: message.into(),
            metadata: Vec::new(),
            violations: Vec::new(),
            resource: None,
            retry_after: None,
            source: None,
        }))
    }

    /// A field breaks a rule: FIELD_INVALID with a BadRequest that names it.
    pub fn field(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::fields(Reason::FieldInvalid, [(field.into(), rule.into())])
    }

    /// Fields break rules: INVALID_ARGUMENT with a BadRequest that names each as (path, what is wrong).
    pub fn fields(reason: Reason, violations: impl IntoIterator<Item = (String, String)>) -> Self {
        let violations: Vec<_> = violations.into_iter().collect();
        let message = match violations.as_slice() {
            [(field, rule)] => format!("{field}: {rule}"),
            [(field, rule), rest @ ..] => format!("{field}: {rule} (and {} more)", rest.len()),
            [] => "the request breaks a rule".to_owned(),
        };
        let mut error = Self::new(Kind::Invalid, reason, message);
        error.0.violations = violations;
        error
    }

    /// No such resource in the caller's organization.
    pub fn not_found(resource: &'static str, id: impl fmt::Display) -> Self {
        Self::new(Kind::NotFound, Reason::ResourceNotFound, format!("there is no {resource} {id}")).about(resource, id)
    }

    /// A value that must be unique is taken.
    pub fn exists(resource: &'static str, field: &'static str, value: impl fmt::Display) -> Self {
        let message = format!("the {field} {value} is taken by another {resource}");
        let mut error = Self::new(Kind::AlreadyExists, Reason::ResourceExists, message)
            .with("resource", resource)
            .with("field", field)
            .with("value", &value);
        error.0.resource = Some((resource, value.to_string()));
        error
    }

    /// The resource changed since the client read it.
    pub fn stale(resource: &'static str, id: impl fmt::Display, etag: impl fmt::Display) -> Self {
        let message = format!("{resource} {id} has changed since it was read: read it again");
        Self::new(Kind::Conflict, Reason::EtagMismatch, message).about(resource, id).with("etag", etag)
    }

    /// A domain rule forbids it now.
    pub fn precondition(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Precondition, reason, message)
    }

    /// A state machine does not allow the step.
    pub fn state(resource: &'static str, id: impl fmt::Display, from: &str, to: &str, allowed: &[&str]) -> Self {
        let ways = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
        Self::precondition(
            Reason::StateConflict,
            format!("the {resource} is {from} and cannot become {to}; it can become {ways}"),
        )
        .about(resource, id)
        .with("from", from)
        .with("to", to)
        .with("allowed", allowed.join(","))
    }

    /// Something that this call needs cannot be reached; worth trying again after a second.
    pub fn unavailable(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unavailable, reason, message).retry_after(Duration::from_secs(1))
    }

    /// A fault of ours. The source is logged, never sent.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Kind::Internal, Reason::Internal, "something went wrong here; the request id helps to find it")
            .caused_by(source)
    }

    /// Adds a key of the ErrorInfo's metadata.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'static, str>>, value: impl fmt::Display) -> Self {
        self.0.metadata.push((key.into(), value.to_string()));
        self
    }

    /// Names the resource in a ResourceInfo and in the metadata.
    #[must_use]
    pub fn about(mut self, resource: &'static str, id: impl fmt::Display) -> Self {
        self.0.resource = Some((resource, id.to_string()));
        self.with("resource", resource).with("id", id)
    }

    /// The error of an item of a list, as the list's own: what it says of a field, it says of `path.field`, such as
    /// `requests[3].sample.name`.
    #[must_use]
    pub fn within(mut self, path: &str) -> Self {
        let inner = &mut *self.0;
        for (field, _) in &mut inner.violations {
            *field = format!("{path}.{field}");
        }
        for (_, field) in inner.metadata.iter_mut().filter(|(key, _)| key == "field") {
            *field = format!("{path}.{field}");
        }
        let between = if inner.violations.is_empty() { ": " } else { "." };
        inner.message = format!("{path}{between}{}", inner.message).into();
        self
    }

    /// Says when another try is worth it.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Keeps what led to it, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Its machine-readable reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// A key of its metadata.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.0.metadata.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The status that is sent, and the only place where one is made. Internal causes are logged here, once.
    #[must_use]
    pub fn into_status(self, request_id: &str) -> Status {
        let inner = *self.0;
        if let Some(source) = &inner.source {
            let causes = chain(source.as_ref());
            if inner.kind == Kind::Internal {
                tracing::error!(request_id, causes, "internal error");
            } else {
                tracing::warn!(request_id, causes, reason = inner.reason.as_str_name(), "refused for a cause");
            }
        }

        let reason = name(inner.reason);
        let mut metadata: std::collections::HashMap<String, String> =
            inner.metadata.into_iter().map(|(key, value)| (key.into_owned(), short(value))).collect();
        metadata.insert("request_id".to_owned(), request_id.to_owned());
        let subject = metadata
            .get("instrument_id")
            .map(|id| format!("instrument/{id}"))
            .or_else(|| metadata.get("sample_id").map(|id| format!("sample/{id}")))
            .or_else(|| inner.resource.as_ref().map(|(kind, id)| format!("{kind}/{id}")))
            .unwrap_or_default();

        let message = short(inner.message.into_owned());
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
        if inner.kind == Kind::Precondition {
            details.add_precondition_failure_violation(reason, subject, message.as_str());
        }
        for (field, rule) in inner.violations.into_iter().take(VIOLATIONS) {
            details.add_bad_request_violation(short(field), short(rule));
        }
        if let Some((kind, id)) = inner.resource {
            details.set_resource_info(kind, short(id), "", "");
        }
        if let Some(after) = inner.retry_after {
            details.set_retry_info(Some(after));
        }
        Status::with_error_details(inner.kind.code(), message, details)
    }

    /// The error that another service of ours sent, to be passed on with its reason; `unreachable` where the call
    /// did not get through to a handler.
    #[must_use]
    pub fn from_peer(status: &Status, unreachable: impl FnOnce() -> Self) -> Self {
        let Some(info) = status.get_details_error_info().filter(|info| info.domain == DOMAIN) else {
            return unreachable().caused_by(status.to_string());
        };
        let Some(reason) = Reason::from_str_name(&format!("ERROR_REASON_{}", info.reason)) else {
            return Self::internal(status.to_string());
        };
        let kind = match status.code() {
            Code::InvalidArgument => Kind::Invalid,
            Code::Unauthenticated => Kind::Unauthenticated,
            Code::PermissionDenied => Kind::Denied,
            Code::NotFound => Kind::NotFound,
            Code::AlreadyExists => Kind::AlreadyExists,
            Code::FailedPrecondition => Kind::Precondition,
            Code::Aborted => Kind::Conflict,
            Code::ResourceExhausted => Kind::Exhausted,
            Code::DeadlineExceeded => Kind::Deadline,
            Code::Unavailable => return unreachable().caused_by(status.to_string()),
            _ => return Self::internal(status.to_string()),
        };
        let mut error = Self::new(kind, reason, status.message().to_owned());
        error.0.metadata =
            info.metadata.into_iter().filter(|(key, _)| key != "request_id").map(|(k, v)| (k.into(), v)).collect();
        if let Some(request) = status.get_details_bad_request() {
            error.0.violations = request.field_violations.into_iter().map(|one| (one.field, one.description)).collect();
        }
        error
    }
}

/// A reason as it stands on the wire: without its prefix.
#[must_use]
pub fn name(reason: Reason) -> &'static str {
    reason.as_str_name().trim_start_matches("ERROR_REASON_")
}

/// A text that fits into an error, whatever a client sent.
fn short(text: String) -> String {
    match text.char_indices().nth(TEXT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", name(self.0.reason), self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        match &self.0.source {
            Some(source) => write!(f, " ({})", chain(source.as_ref())),
            None => Ok(()),
        }
    }
}

impl StdError for Error {}

/// Of what cannot fail.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
