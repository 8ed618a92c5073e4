//! People and organizations, from the domain to the wire.

use contract::auth::v1 as wire;
use spectra_runtime::wire::timestamp;

use crate::{store::organization::Organization, user::User};

pub fn user_to_wire(user: User) -> wire::User {
    wire::User {
        id: user.id.to_string(),
        email: user.email,
        display_name: user.display_name,
        role: user.role.to_wire().into(),
        disabled_at: user.disabled_at.map(timestamp),
        created_at: Some(timestamp(user.created_at)),
    }
}

pub fn organization_to_wire(organization: Organization) -> wire::Organization {
    wire::Organization {
        id: organization.id.to_string(),
        slug: organization.slug,
        name: organization.name,
        time_zone: organization.time_zone,
    }
}
