//! People: who is entered, changed and shut out; and who stays.

use std::time::Duration;

use contract::auth::v1::{
    CreateUserRequest, DisableUserRequest, DisableUserResponse, EnableUserRequest, GetCurrentUserRequest,
    GetUserRequest, ListUsersRequest, RefreshTokenRequest, Role, UpdateUserRequest, User,
    auth_service_client::AuthServiceClient,
};
use prost_types::FieldMask;
use spectra_tests::{PASSWORD, Person, TestLab, reason, refused};
use tonic::{Response, Status};

fn update(user: User, path: &str) -> UpdateUserRequest {
    let update_mask = Some(FieldMask { paths: vec![path.to_owned()] });
    UpdateUserRequest { user: Some(user), update_mask, request_id: String::new() }
}

async fn change(admin: &Person, user: User, path: &str) -> User {
    admin.users().update_user(update(user, path)).await.unwrap().into_inner().user.unwrap()
}

async fn disable(admin: &Person, id: &str) -> Result<Response<DisableUserResponse>, Status> {
    admin.users().disable_user(DisableUserRequest { id: id.to_owned(), ..Default::default() }).await
}

/// Whether a refresh of the person's tokens still works; why not, otherwise.
async fn refresh(lab: &TestLab, person: &Person) -> Result<(), String> {
    let request = RefreshTokenRequest { refresh_token: person.tokens.refresh_token.clone() };
    let answer = AuthServiceClient::new(lab.channel.clone()).refresh_token(request).await;
    answer.map(drop).map_err(|status| reason(&status).0)
}

async fn me(person: &Person) -> User {
    person.auth().get_current_user(GetCurrentUserRequest {}).await.unwrap().into_inner().user.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_entered_signs_in_and_is_seen_by_colleagues_only() {
    let lab = TestLab::start().await;
    let (admin, viewer) = (lab.person("admin").await, lab.person("viewer").await);
    let user = |email: &str, name: &str, role: Role| User {
        email: email.to_owned(),
        display_name: name.to_owned(),
        role: role.into(),
        ..Default::default()
    };
    let create = |user: User, password: &str| CreateUserRequest { user: Some(user), password: password.to_owned() };

    let request = create(user("Marie@New.Lab", "Marie Curie", Role::Engineer), PASSWORD);
    let marie = admin.users().create_user(request.clone()).await.unwrap().into_inner().user.unwrap();
    assert_eq!((marie.email.as_str(), marie.role()), ("marie@new.lab", Role::Engineer));
    let herself = Person::sign_in_with(&lab.channel, "MARIE@new.lab", PASSWORD).await.unwrap();
    assert_eq!(me(&herself).await, marie);
    let seen = viewer.users().get_user(GetUserRequest { id: marie.id.clone() }).await.unwrap().into_inner().user;
    assert_eq!(seen.unwrap(), marie);

    let list = |filter: &str, order_by: &str| ListUsersRequest {
        filter: filter.to_owned(),
        order_by: order_by.to_owned(),
        page_size: 4,
        ..Default::default()
    };
    let names = async |person: &Person, request: ListUsersRequest| {
        let page = person.users().list_users(request).await.unwrap().into_inner();
        (page.users.into_iter().map(|user| user.email).collect::<Vec<_>>(), page.next_page_token)
    };
    let first = list("", "email desc");
    let (page, next_page_token) = names(&viewer, first.clone()).await;
    assert_eq!(page, ["viewer@demo.lab", "tech@demo.lab", "pi@demo.lab", "marie@new.lab"]);
    let (page, end) = names(&viewer, ListUsersRequest { page_token: next_page_token, ..first }).await;
    assert_eq!((page, end.as_str()), (vec!["engineer@demo.lab".to_owned(), "admin@demo.lab".to_owned()], ""));
    let (page, _) = names(&viewer, list("role = ENGINEER AND display_name:curie AND disabled = false", "")).await;
    assert_eq!(page, ["marie@new.lab"]);

    // Another organization sees nothing of her, but that her address is taken: people sign in by it.
    let theirs = lab.stranger("admin").await;
    assert_eq!(refused(theirs.users().get_user(GetUserRequest { id: marie.id }).await), "RESOURCE_NOT_FOUND");
    assert_eq!(refused(theirs.users().create_user(request.clone()).await), "RESOURCE_EXISTS");
    assert_eq!(refused(admin.users().create_user(request).await), "RESOURCE_EXISTS");

    for (email, name, role) in [
        ("", "Nova", Role::Viewer),
        ("no address", "Nova", Role::Viewer),
        ("nova@new.lab", " ", Role::Viewer),
        ("nova@new.lab", "Nova", Role::Unspecified),
    ] {
        let answer = admin.users().create_user(create(user(email, name, role), PASSWORD)).await;
        assert_eq!(refused(answer), "FIELD_INVALID", "{email:?} {name:?} {role:?}");
    }
    let pi = lab.person("pi").await;
    let answer = pi.users().create_user(create(user("nova@new.lab", "Nova", Role::Viewer), PASSWORD)).await;
    assert_eq!(refused(answer), "PERMISSION_DENIED");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_ends_the_sessions_and_another_address_moves_the_door() {
    let lab = TestLab::start().await;
    let admin = lab.person("admin").await;
    let read = admin.new_user(Role::Engineer).await;
    let person = Person::sign_in_with(&lab.channel, &read.email, PASSWORD).await.unwrap();

    let renamed = change(&admin, User { display_name: "Nova Nobel".to_owned(), ..read.clone() }, "display_name").await;
    assert_ne!(renamed.etag, read.etag);
    assert_eq!(refused(admin.users().update_user(update(read, "role")).await), "ETAG_MISMATCH");
    refresh(&lab, &person).await.unwrap();

    let person = Person::sign_in_with(&lab.channel, &renamed.email, PASSWORD).await.unwrap();
    let demoted = change(&admin, User { role: Role::Viewer.into(), ..renamed }, "role").await;
    assert_eq!(refresh(&lab, &person).await.unwrap_err(), "TOKEN_REVOKED");
    let owner = lab.database.owner().await;
    let ended = "SELECT DISTINCT end_reason FROM auth.session WHERE user_id::text = $1 AND ended_at IS NOT NULL";
    assert_eq!(owner.query_one(ended, &[&demoted.id]).await.unwrap().get::<_, String>(0), "role_changed");

    let taken = User { email: "admin@other.lab".to_owned(), ..demoted.clone() };
    assert_eq!(refused(admin.users().update_user(update(taken, "email")).await), "RESOURCE_EXISTS");
    let moved = change(&admin, User { email: "Nova@Moved.Lab".to_owned(), ..demoted.clone() }, "email").await;
    assert_eq!(moved.email, "nova@moved.lab");
    let old = Person::sign_in_with(&lab.channel, &demoted.email, PASSWORD).await;
    assert_eq!(reason(&old.err().unwrap()).0, "CREDENTIALS_INVALID");
    let person = Person::sign_in_with(&lab.channel, &moved.email, PASSWORD).await.unwrap();
    assert_eq!(me(&person).await.role(), Role::Viewer);

    for (path, wanted) in [("disabled_at", "FIELD_READ_ONLY"), ("password_hash", "FIELD_INVALID")] {
        assert_eq!(refused(admin.users().update_user(update(moved.clone(), path)).await), wanted);
    }
    // What was read can be sent back whole.
    change(&admin, moved, "*").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_person_is_out_until_enabled_and_twice_changes_nothing() {
    let lab = TestLab::start().await;
    let admin = lab.person("admin").await;
    let user = admin.new_user(Role::Technician).await;
    let person = Person::sign_in_with(&lab.channel, &user.email, PASSWORD).await.unwrap();
    let owner = lab.database.owner().await;
    let events = async || {
        let of = "SELECT count(*) FROM events.event WHERE resource = 'user'";
        owner.query_one(of, &[]).await.unwrap().get::<_, i64>(0)
    };

    let disabled = disable(&admin, &user.id).await.unwrap().into_inner().user.unwrap();
    assert!(disabled.disabled_at.is_some());
    let after = events().await;
    assert_eq!(disable(&admin, &user.id).await.unwrap().into_inner().user.unwrap(), disabled);
    assert_eq!(events().await, after);
    assert_eq!(refresh(&lab, &person).await.unwrap_err(), "TOKEN_REVOKED");
    assert_eq!(refused(person.auth().get_current_user(GetCurrentUserRequest {}).await), "TOKEN_REVOKED");
    let shut = Person::sign_in_with(&lab.channel, &user.email, PASSWORD).await;
    assert_eq!(reason(&shut.err().unwrap()).0, "CREDENTIALS_INVALID");

    let enable = EnableUserRequest { id: user.id.clone(), etag: user.etag, ..Default::default() };
    assert_eq!(refused(admin.users().enable_user(enable.clone()).await), "ETAG_MISMATCH");
    let enable = EnableUserRequest { etag: disabled.etag, ..enable };
    let enabled = admin.users().enable_user(enable).await.unwrap().into_inner().user.unwrap();
    assert!(enabled.disabled_at.is_none());
    assert_eq!(refresh(&lab, &person).await.unwrap_err(), "TOKEN_REVOKED", "what was ended stays ended");
    Person::sign_in_with(&lab.channel, &user.email, PASSWORD).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_stays() {
    let lab = TestLab::start().await;
    let admin = lab.person("admin").await;
    let myself = me(&admin).await;
    let refusal = disable(&admin, &myself.id).await.unwrap_err();
    let (why, metadata) = reason(&refusal);
    assert_eq!((refusal.code(), why.as_str()), (tonic::Code::FailedPrecondition, "STATE_CONFLICT"));
    assert_eq!((metadata["resource"].as_str(), &metadata["id"]), ("user", &myself.id));
    let demoted = User { role: Role::Pi.into(), ..myself.clone() };
    assert_eq!(refused(admin.users().update_user(update(demoted.clone(), "role")).await), "STATE_CONFLICT");
    me(&admin).await;

    // A disabled admin does not count; an active one does.
    let other = admin.new_user(Role::Admin).await;
    disable(&admin, &other.id).await.unwrap();
    assert_eq!(refused(disable(&admin, &myself.id).await), "STATE_CONFLICT");
    let enable = EnableUserRequest { id: other.id, ..Default::default() };
    admin.users().enable_user(enable).await.unwrap();
    change(&admin, demoted, "role").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_admins_who_demote_each_other_leave_one() {
    let lab = TestLab::start().await;
    let mut admin = lab.person("admin").await;
    let owner = lab.database.owner().await;
    let active = "SELECT count(*) FROM auth.user JOIN auth.organization o ON o.id = org_id \
                  WHERE o.slug = 'demo' AND role = 'admin' AND disabled_at IS NULL";
    for _ in 0..12 {
        let other = admin.new_user(Role::Admin).await;
        let second = Person::sign_in_with(&lab.channel, &other.email, PASSWORD).await.unwrap();
        let mine = me(&admin).await;
        let (one, two) = futures::future::join(disable(&admin, &other.id), disable(&second, &mine.id)).await;
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        assert_eq!(owner.query_one(active, &[]).await.unwrap().get::<_, i64>(0), 1);
        if two.is_ok() {
            admin = second;
        }
    }
}

/// The rule is the database's: the second of two transactions waits for the first, and is refused. The same without the
/// lock shows that this test would notice.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_is_kept_by_a_lock_that_the_second_waits_for() {
    let lab = TestLab::start().await;
    let admin = lab.person("admin").await;
    admin.new_user(Role::Admin).await;
    let owner = lab.database.owner().await;
    let admins = "SELECT id::text FROM auth.user WHERE role = 'admin' AND email NOT LIKE '%@other.lab' ORDER BY email";
    let ids: Vec<String> = owner.query(admins, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(ids.len(), 2);
    let demote = |id: &str| format!("UPDATE auth.user SET role = 'viewer' WHERE id = '{id}'");
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";

    for locked in [true, false] {
        if !locked {
            let body = "SELECT replace(pg_get_functiondef('auth.guard_last_admin'::regproc), 'FOR NO KEY UPDATE', '')";
            let without: String = owner.query_one(body, &[]).await.unwrap().get(0);
            owner.batch_execute(&without).await.unwrap();
        }
        let (first, second) = (lab.database.owner().await, lab.database.owner().await);
        first.batch_execute(&format!("BEGIN; {}", demote(&ids[0]))).await.unwrap();
        let statement = demote(&ids[1]);
        let second = tokio::spawn(async move { second.batch_execute(&statement).await });
        while !second.is_finished() && owner.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        first.batch_execute("COMMIT").await.unwrap();
        let outcome = second.await.unwrap();
        assert_eq!(outcome.is_err(), locked, "{outcome:?}");
        if let Err(refusal) = outcome {
            assert_eq!(refusal.as_db_error().unwrap().constraint(), Some("user_last_admin"));
        }
        owner.batch_execute(&format!("UPDATE auth.user SET role = 'admin' WHERE id = '{}'", ids[0])).await.unwrap();
    }

    // All at once, or by removal, is no way around it either; the second is an admin no more since the lock was missing.
    for what in ["UPDATE auth.user SET role = 'viewer'", "UPDATE auth.user SET disabled_at = now()"] {
        let refusal = owner.batch_execute(what).await.unwrap_err();
        assert_eq!(refusal.as_db_error().unwrap().constraint(), Some("user_last_admin"), "{what}");
    }
    owner.batch_execute(&format!("DELETE FROM auth.login_directory WHERE user_id = '{}'", ids[0])).await.unwrap();
    let refusal = owner.batch_execute(&format!("DELETE FROM auth.user WHERE id = '{}'", ids[0])).await.unwrap_err();
    assert_eq!(refusal.as_db_error().unwrap().constraint(), Some("user_last_admin"));
}
