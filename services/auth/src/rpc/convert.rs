//! People, organizations and sessions between the domain and the wire, both ways side by side.

pub mod audit_event;

use contract::auth::v1 as wire;
use spectra_runtime::{
    Error, Result,
    auth::Role,
    wire::{etag, timestamp},
};
use uuid::Uuid;

use crate::{
    session::Session,
    store::organization::Organization,
    user::{User, check_names},
};

pub fn user_to_wire(user: User) -> wire::User {
    wire::User {
        id: user.id.to_string(),
        email: user.email,
        display_name: user.display_name,
        role: user.role.to_wire().into(),
        disabled_at: user.disabled_at.map(timestamp),
        created_at: Some(timestamp(user.created_at)),
        updated_at: Some(timestamp(user.updated_at)),
        etag: etag(user.revision),
    }
}

/// Takes the fields that `has` names from what a client sent; the server's own are left alone.
pub fn apply_user(user: &mut User, from: wire::User, has: impl Fn(&str) -> bool) -> Result<()> {
    if has("email") {
        user.email = from.email.to_lowercase();
    }
    if has("display_name") {
        user.display_name = from.display_name;
    }
    if has("role") {
        user.role = role_from_wire(from.role)?;
    }
    check_names(&user.email, &user.display_name)
}

/// The role that a client named in `user.role`.
pub fn role_from_wire(role: i32) -> Result<Role> {
    let named = Role::ALL.iter().copied().find(|known| i32::from(known.to_wire()) == role);
    named.ok_or_else(|| Error::field("user.role", "is wanted"))
}

pub fn organization_to_wire(organization: Organization) -> wire::Organization {
    wire::Organization {
        id: organization.id.to_string(),
        slug: organization.slug,
        name: organization.name,
        time_zone: organization.time_zone,
        created_at: Some(timestamp(organization.created_at)),
        updated_at: Some(timestamp(organization.updated_at)),
        etag: etag(organization.revision),
    }
}

/// Takes the fields that `has` names from what a client sent; the server's own are left alone.
pub fn apply_organization(
    organization: &mut Organization,
    from: wire::Organization,
    has: impl Fn(&str) -> bool,
) -> Result<()> {
    if has("name") {
        organization.name = from.name;
    }
    if has("time_zone") {
        organization.time_zone = from.time_zone;
    }
    organization.check()
}

/// A session, as the one with the id `current` sees it.
pub fn session_to_wire(session: Session, current: Uuid) -> wire::Session {
    wire::Session {
        current: session.id == current,
        id: session.id.to_string(),
        created_at: Some(timestamp(session.created_at)),
        last_used_at: Some(timestamp(session.last_used_at)),
        expires_at: Some(timestamp(session.expires_at)),
        address: session.address.unwrap_or_default(),
        user_agent: session.user_agent.unwrap_or_default(),
    }
}
