//! From a decoded message to a handler and back: access, validation, errors.

use std::{future::Future, sync::Arc};

use contract::{Access, Validate, Violation, common::v1::Actor};
use futures::{FutureExt as _, future::BoxFuture};
use tonic::Status;
use uuid::Uuid;

use super::Context;
use crate::{
    auth::{Caller, Request, Role},
    error::{Error, Kind, Reason, Result},
};

/// Runs a handler for a signed-in caller: the method's declared access first, then its declared validation.
///
/// The handler of a mutating method runs as a task of its own: a client that goes away never leaves half of it.
///
/// # Errors
/// A status with exactly one ErrorInfo.
pub async fn unary<A, Req, Res, Fut>(
    app: &Arc<A>,
    request: tonic::Request<Req>,
    handle: impl FnOnce(Arc<A>, Caller, Req) -> Fut,
) -> Result<tonic::Response<Res>, Status>
where
    Req: Validate,
    Res: Send + 'static,
    Fut: Future<Output = Result<Res>> + Send + 'static,
{
    let (context, message) = open(request)?;
    let id = Arc::clone(&context.request.id);
    let answer = async {
        let caller = permit(&context)?;
        validate(&message)?;
        run(context.method, handle(Arc::clone(app), caller, message).boxed()).await
    };
    answer.await.map(tonic::Response::new).map_err(|error: Error| error.into_status(&id))
}

/// Runs a handler that anybody may call. A method that is not declared public is refused.
///
/// # Errors
/// A status with exactly one ErrorInfo.
pub async fn public<A, Req, Res, Fut>(
    app: &Arc<A>,
    request: tonic::Request<Req>,
    handle: impl FnOnce(Arc<A>, Request, Req) -> Fut,
) -> Result<tonic::Response<Res>, Status>
where
    Req: Validate,
    Res: Send + 'static,
    Fut: Future<Output = Result<Res>> + Send + 'static,
{
    let (context, message) = open(request)?;
    let id = Arc::clone(&context.request.id);
    let answer = async {
        if context.method.access != Access::Public {
            return Err(Error::internal("a method with a permission was wired as public"));
        }
        validate(&message)?;
        run(context.method, handle(Arc::clone(app), context.request, message).boxed()).await
    };
    answer.await.map(tonic::Response::new).map_err(|error: Error| error.into_status(&id))
}

pub(super) fn open<Req>(request: tonic::Request<Req>) -> Result<(Context, Req), Status> {
    let (_, mut extensions, message) = request.into_parts();
    match extensions.remove::<Context>() {
        Some(context) => Ok((context, message)),
        // Nothing is served outside the stack.
        None => Err(Error::internal("a call came past the stack").into_status("")),
    }
}

/// The handler comes boxed: as it is, it would be moved from one future into the next, with room for it in each.
async fn run<Res: Send + 'static>(method: &contract::Method, handler: BoxFuture<'static, Result<Res>>) -> Result<Res> {
    if method.mutating || method.replay_never {
        let task = tokio::spawn(tracing::Instrument::in_current_span(handler));
        task.await.unwrap_or_else(|error| Err(Error::internal(error)))
    } else {
        handler.await
    }
}

/// The caller, if the method's declaration lets them in. What is not declared is denied.
pub(super) fn permit(context: &Context) -> Result<Caller> {
    let Context { request, method, person, service, .. } = context;
    match (&method.access, person, service) {
        (Access::Permission(permission), Some((claims, token)), None) => {
            if !claims.role.may(permission) {
                return Err(denied(permission, claims.role));
            }
            Ok(Caller::person(claims, Arc::clone(token), request.clone()))
        }
        // Another service of ours passes a person's call on: the person's role decides.
        (Access::Permission(permission), Some((claims, token)), Some(service)) => {
            if !claims.role.may(permission) {
                return Err(denied(permission, claims.role));
            }
            Ok(Caller::on_behalf(service.name(), claims, Arc::clone(token), request.clone()))
        }
        (Access::SignedIn, Some((claims, token)), _) => Ok(Caller::person(claims, Arc::clone(token), request.clone())),
        (Access::Internal { services, actor }, person, Some(service)) => {
            if !services.iter().any(|name| name == service.name()) {
                return Err(internal_only());
            }
            let by_itself = |org_id| Caller::service(service.name(), org_id, request.clone());
            match (actor, person, service.org) {
                (Actor::Required, Some((claims, token)), _) => {
                    Ok(Caller::on_behalf(service.name(), claims, Arc::clone(token), request.clone()))
                }
                (Actor::Required, None, _) => Err(token_missing()),
                (Actor::None, _, Some(org_id)) => Ok(by_itself(org_id)),
                // Bound to no organization, it sees no row of any.
                (Actor::NoneAnywhere, None, None) => Ok(by_itself(Uuid::nil())),
                _ => Err(internal_only()),
            }
        }
        (Access::Internal { .. }, Some(_), None) => Err(internal_only()),
        _ => Err(token_missing()),
    }
}

pub(super) fn token_missing() -> Error {
    Error::new(Kind::Unauthenticated, Reason::TokenMissing, "sign in first: no token came with the call")
}

fn internal_only() -> Error {
    Error::new(Kind::Denied, Reason::PermissionDenied, "only services of the laboratory may call this")
        .with("permission", "internal")
}

fn denied(permission: &str, role: Role) -> Error {
    let role = role.as_str();
    Error::new(Kind::Denied, Reason::PermissionDenied, format!("the role {role} does not hold {permission}"))
        .with("permission", permission)
        .with("role", role)
}

pub(super) fn validate(message: &impl Validate) -> Result<()> {
    message.validate().map_err(|error| {
        let violations = error.into_violations();
        Error::fields(
            Reason::FieldInvalid,
            violations.iter().map(|violation| (violation.field_path(), told(violation))),
        )
    })
}

/// What is wrong, for a person: some rules say nothing of themselves, or show a regular expression.
fn told(violation: &Violation) -> String {
    match violation.rule_id() {
        "string.uuid" | "string.uuid_empty" => "must be a UUID".to_owned(),
        "string.pattern" => "has a character or a form that is not allowed here".to_owned(),
        rule if rule.starts_with("timestamp.") => "must be an instant between the years 1970 and 9999".to_owned(),
        rule if violation.message().is_empty() => format!("breaks the rule {rule}"),
        _ => violation.message().to_owned(),
    }
}
