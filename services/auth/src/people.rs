//! Organizations and people that are put in from outside the service's calls: by the program that seeds a demo.

use std::time::Duration;

use secrecy::SecretString;
use spectra_runtime::{
    Error, Result,
    auth::{Caller, Request, Role},
    db::{Db, Event, Tx, Value},
};
use uuid::Uuid;

use crate::{
    password::{Passwords, policy},
    rpc::convert,
    store::{
        login_directory::{
            Entry, login_directory_get, login_directory_has_domain, login_directory_has_organization,
            login_directory_insert,
        },
        organization::{self, organization_id_by_slug, organization_insert},
        user::user_insert,
    },
    user,
};

/// Domains of the demo's addresses, whose passwords everybody knows.
const DEMO_DOMAINS: &[&str] = &["demo.lab", "other.lab"];
/// Time that one of these steps may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A new organization, and who signs in to it first.
pub struct Opening {
    /// Short name, such as `demo`.
    pub slug: String,
    /// Name as people read it.
    pub name: String,
    /// IANA time zone, such as Europe/Berlin.
    pub time_zone: String,
    /// E-mail address of the first admin.
    pub email: String,
    /// The admin's name.
    pub display_name: String,
    /// Chosen by them; checked as any other.
    pub password: SecretString,
}

/// Enters an organization, then its first admin. Its id. One that nobody can sign in to yet gets its admin, so that what was
/// broken off goes on when it is asked for again.
///
/// # Errors
/// FIELD_INVALID, PASSWORD_WEAK; RESOURCE_EXISTS where the slug or the address is taken; DATABASE_UNAVAILABLE.
pub async fn open_organization(db: &Db, opening: Opening) -> Result<Uuid> {
    let Opening { slug, name, time_zone, email, display_name, password } = opening;
    let email = &email.to_lowercase();
    if !is_slug(&slug) {
        return Err(Error::field("organization.slug", "must begin with a letter and go on with a-z, 0-9 and -"));
    }
    organization::check(&name, &time_zone)?;
    user::check_names(email, &display_name)?;
    policy::check("password", &password, &[email, &display_name])?;
    if db.before_sign_in(async |conn| login_directory_get(conn, email).await).await?.is_some() {
        return Err(Error::exists(user::RESOURCE, "email", email));
    }
    let org_id = seed_organization(db, &slug, &name, &time_zone).await?;
    if db.before_sign_in(async |conn| login_directory_has_organization(conn, org_id).await).await? {
        return Err(Error::exists(organization::RESOURCE, "slug", &slug));
    }
    seed_user(db, org_id, email, &display_name, Role::Admin, &password).await?;
    Ok(org_id)
}

/// As the database's constraint has it.
fn is_slug(text: &str) -> bool {
    let letters = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.len() <= 63 && text.chars().all(letters)
}

/// Makes sure that there is an organization with this slug; one that is there is left as it is. Its id.
///
/// # Errors
/// DATABASE_UNAVAILABLE; INTERNAL for a slug that the database does not take.
pub async fn seed_organization(db: &Db, slug: &str, name: &str, time_zone: &str) -> Result<Uuid> {
    if let Some(id) = organization_id(db, slug).await? {
        return Ok(id);
    }
    let id = Uuid::now_v7();
    let Value(inserted) = db
        .write(&seed(id), async |tx: &mut Tx| {
            let inserted = organization_insert(tx.conn(), id, slug, name, time_zone).await?;
            if let Some(organization) = &inserted {
                let after = convert::organization_to_wire(organization.clone());
                tx.record(Event::new(organization::RESOURCE, id, "create").after(&after));
            } else {
                tx.unchanged();
            }
            Ok(Value(inserted.is_some()))
        })
        .await?;
    if inserted {
        return Ok(id);
    }
    // Somebody else made it since it was looked for.
    organization_id(db, slug).await?.ok_or_else(|| Error::not_found(organization::RESOURCE, slug))
}

/// Makes sure that there is a person with this e-mail address; one that is there is left as it is, the password too.
/// Their id.
///
/// # Errors
/// RESOURCE_EXISTS where the address is of another organization's; DATABASE_UNAVAILABLE.
pub async fn seed_user(
    db: &Db,
    org_id: Uuid,
    email: &str,
    display_name: &str,
    role: Role,
    password: &SecretString,
) -> Result<Uuid> {
    let email = &email.to_lowercase();
    if let Some(id) = user_id(db, org_id, email).await? {
        return Ok(id);
    }
    let caller = seed(org_id);
    let hash = Passwords::new(1).hash(password.clone(), caller.request().deadline).await?;
    let Value(inserted) = db
        .write(&caller, async |tx: &mut Tx| {
            let Some(user) = user_insert(tx.conn(), org_id, (email, display_name), role, &hash).await? else {
                tx.unchanged();
                return Ok(Value(None));
            };
            let user_id = user.id;
            if !login_directory_insert(tx.conn(), email, Entry { org_id, user_id }).await? {
                return Err(Error::exists(user::RESOURCE, "email", email));
            }
            tx.record(Event::new(user::RESOURCE, user_id, "create").after(&convert::user_to_wire(user)));
            Ok(Value(Some(user_id)))
        })
        .await?;
    match inserted {
        Some(id) => Ok(id),
        // Somebody else made them since they were looked for.
        None => user_id(db, org_id, email).await?.ok_or_else(|| Error::not_found(user::RESOURCE, email)),
    }
}

/// Whether anybody could sign in with one of the demo's passwords, which everybody knows.
///
/// # Errors
/// DATABASE_UNAVAILABLE.
pub async fn demo_accounts_present(db: &Db) -> Result<bool> {
    for domain in DEMO_DOMAINS {
        if db.before_sign_in(async |conn| login_directory_has_domain(conn, domain).await).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn organization_id(db: &Db, slug: &str) -> Result<Option<Uuid>> {
    db.before_sign_in(async |conn| organization_id_by_slug(conn, slug).await).await
}

async fn user_id(db: &Db, org_id: Uuid, email: &str) -> Result<Option<Uuid>> {
    let entry = db.before_sign_in(async |conn| login_directory_get(conn, email).await).await?;
    match entry {
        Some(entry) if entry.org_id != org_id => Err(Error::exists(user::RESOURCE, "email", email)),
        entry => Ok(entry.map(|entry| entry.user_id)),
    }
}

fn seed(org_id: Uuid) -> Caller {
    Caller::service("seed", org_id, Request::internal(PATIENCE))
}
