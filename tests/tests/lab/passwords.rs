//! Passwords that people choose, and the sessions that end with the old ones.

use contract::auth::v1::{
    ChangePasswordRequest, CreateUserRequest, ListSessionsRequest, ListSessionsResponse, RefreshTokenRequest,
    ResetUserPasswordRequest, RevokeSessionRequest, Role, User, auth_service_client::AuthServiceClient,
};
use spectra_tests::{PASSWORD, Person, TestLab, reason, refused};
use uuid::Uuid;

/// Another one that is good enough.
const OTHER_PASSWORD: &str = "the fox counts eleven doors";

fn new_password(current: &str, new: &str) -> ChangePasswordRequest {
    ChangePasswordRequest { current_password: current.to_owned(), new_password: new.to_owned() }
}

fn reset(id: &str, new_password: &str) -> ResetUserPasswordRequest {
    ResetUserPasswordRequest { id: id.to_owned(), new_password: new_password.to_owned(), reason: "lost".to_owned() }
}

async fn goes_on(lab: &TestLab, person: &Person) -> bool {
    let request = RefreshTokenRequest { refresh_token: person.tokens.refresh_token.clone() };
    AuthServiceClient::new(lab.channel.clone()).refresh_token(request).await.is_ok()
}

async fn opens(lab: &TestLab, email: &str, password: &str) -> bool {
    Person::sign_in_with(&lab.channel, email, password).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_ones_password_ends_every_session_but_this_one() {
    let lab = TestLab::start().await;
    let user = lab.person("admin").await.new_user(Role::Engineer).await;
    let sign_in = async |password: &str| Person::sign_in_with(&lab.channel, &user.email, password).await.unwrap();
    let (here, there) = (sign_in(PASSWORD).await, sign_in(PASSWORD).await);

    for (current, new, wanted) in [
        ("not the current one", OTHER_PASSWORD, "CREDENTIALS_INVALID"),
        (PASSWORD, "short", "PASSWORD_WEAK"),
        (PASSWORD, "password1234", "PASSWORD_WEAK"),
        (PASSWORD, "NovaNewcomer2026", "PASSWORD_WEAK"),
        (PASSWORD, PASSWORD, "PASSWORD_WEAK"),
        (PASSWORD, &"x".repeat(257), "FIELD_INVALID"),
    ] {
        assert_eq!(refused(here.auth().change_password(new_password(current, new)).await), wanted, "{new}");
    }
    here.auth().change_password(new_password(PASSWORD, OTHER_PASSWORD)).await.unwrap();
    assert!(goes_on(&lab, &here).await && !goes_on(&lab, &there).await);
    assert!(opens(&lab, &user.email, OTHER_PASSWORD).await && !opens(&lab, &user.email, PASSWORD).await);
    // The ended session's access token is good for nothing here.
    let refusal = there.auth().change_password(new_password(OTHER_PASSWORD, PASSWORD)).await;
    assert_eq!(refused(refusal), "TOKEN_REVOKED");
    assert!(opens(&lab, &user.email, OTHER_PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_change_a_password_at_once_one_does() {
    let lab = TestLab::start().await;
    let user = lab.person("admin").await.new_user(Role::Engineer).await;
    let person = Person::sign_in_with(&lab.channel, &user.email, PASSWORD).await.unwrap();
    let words = ["copper kettle on ice one", "copper kettle on ice two", "copper kettle on ice three"];
    let changes = words.map(|word| {
        let person = person.clone();
        async move { person.auth().change_password(new_password(PASSWORD, word)).await }
    });
    let answers = futures::future::join_all(changes).await;
    let changed: Vec<_> = words.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).collect();
    assert_eq!(changed.len(), 1, "{answers:?}");
    assert!(opens(&lab, &user.email, changed[0].0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_of_the_current_password_are_throttled_with_those_at_the_door() {
    let lab = TestLab::start().await;
    let user = lab.person("admin").await.new_user(Role::Engineer).await;
    let person = Person::sign_in_with(&lab.channel, &user.email, PASSWORD).await.unwrap();
    for number in 0..10 {
        let guess = new_password(&format!("guess {number}"), OTHER_PASSWORD);
        assert_eq!(refused(person.auth().change_password(guess).await), "CREDENTIALS_INVALID");
    }
    assert_eq!(refused(person.auth().change_password(new_password(PASSWORD, OTHER_PASSWORD)).await), "THROTTLED");
    let login = Person::sign_in_with(&lab.channel, &user.email, PASSWORD).await;
    assert_eq!(reason(&login.err().unwrap()).0, "THROTTLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_resets_a_password_but_not_their_own() {
    let lab = TestLab::start().await;
    let admin = lab.person("admin").await;
    let user = admin.new_user(Role::Engineer).await;
    let person = Person::sign_in_with(&lab.channel, &user.email, PASSWORD).await.unwrap();
    assert_eq!(refused(admin.users().reset_user_password(reset(&user.id, "password1234")).await), "PASSWORD_WEAK");
    assert!(goes_on(&lab, &person).await);
    let person = Person::sign_in_with(&lab.channel, &user.email, PASSWORD).await.unwrap();
    admin.users().reset_user_password(reset(&user.id, OTHER_PASSWORD)).await.unwrap();
    assert!(!goes_on(&lab, &person).await);
    assert!(opens(&lab, &user.email, OTHER_PASSWORD).await && !opens(&lab, &user.email, PASSWORD).await);
    // Asked for again, it is as it was.
    admin.users().reset_user_password(reset(&user.id, OTHER_PASSWORD)).await.unwrap();
    assert!(opens(&lab, &user.email, OTHER_PASSWORD).await);

    let me = admin.auth().get_current_user(contract::auth::v1::GetCurrentUserRequest {}).await.unwrap();
    let own = reset(&me.into_inner().user.unwrap().id, OTHER_PASSWORD);
    assert_eq!(refused(admin.users().reset_user_password(own).await), "FIELD_INVALID");
    let theirs = lab.stranger("admin").await;
    assert_eq!(
        refused(theirs.users().reset_user_password(reset(&user.id, OTHER_PASSWORD)).await),
        "RESOURCE_NOT_FOUND"
    );
}

/// Neither in events, nor by the request_id, nor anywhere else: a hash that guesses can be tried against at no cost.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_kept_nowhere_but_as_argon2() {
    let lab = TestLab::start().await;
    let admin = lab.person("admin").await;
    let user = admin.new_user(Role::Engineer).await;
    admin.users().reset_user_password(reset(&user.id, OTHER_PASSWORD)).await.unwrap();
    let person = Person::sign_in_with(&lab.channel, &user.email, OTHER_PASSWORD).await.unwrap();
    person.auth().change_password(new_password(OTHER_PASSWORD, PASSWORD)).await.unwrap();

    let owner = lab.database.owner().await;
    let kept = "SELECT count(*) FROM auth.request WHERE method ~ 'CreateUser|Password'";
    assert_eq!(owner.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), 0);
    for password in [PASSWORD, OTHER_PASSWORD] {
        for (table, column) in [("events.event", "body"), ("auth.request", "reply")] {
            let held = format!("SELECT count(*) FROM {table} WHERE position($1::text::bytea IN {column}) > 0");
            assert_eq!(owner.query_one(&held, &[&password]).await.unwrap().get::<_, i64>(0), 0, "{table}");
        }
    }
    let hash = "SELECT password_hash FROM auth.user WHERE email = $1";
    let hash: String = owner.query_one(hash, &[&user.email]).await.unwrap().get(0);
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    // And a refusal does not repeat it.
    let user = User { email: "x@new.lab".to_owned(), display_name: "X".to_owned(), ..user };
    let weak = CreateUserRequest { user: Some(user), password: "qwertyuiop12".to_owned() };
    let refusal = admin.users().create_user(weak).await.unwrap_err();
    assert_eq!(reason(&refusal).0, "PASSWORD_WEAK");
    assert!(!format!("{refusal:?}").contains("qwertyuiop12"), "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_ones_own_sessions_and_ends_another() {
    let lab = TestLab::start().await;
    let (here, there) = (lab.person("engineer").await, lab.person("engineer").await);
    let (colleague, theirs) = (lab.person("pi").await, lab.stranger("engineer").await);
    let list = async |person: &Person| -> ListSessionsResponse {
        person.auth().list_sessions(ListSessionsRequest::default()).await.unwrap().into_inner()
    };
    let sessions = list(&here).await.sessions;
    assert_eq!(sessions.iter().map(|session| session.current).collect::<Vec<_>>(), [true, false]);
    assert!(sessions.iter().all(|session| session.address == "127.0.0.1"), "{sessions:?}");
    assert!(sessions.iter().all(|session| session.user_agent.starts_with("tonic/")), "{sessions:?}");
    assert_eq!(list(&there).await.sessions[1].id, sessions[1].id);

    let revoke = |id: &str| RevokeSessionRequest { id: id.to_owned(), request_id: String::new() };
    let told = async |person: &Person, id: &str| {
        let status = person.auth().revoke_session(revoke(id)).await.unwrap_err();
        let mut metadata = std::collections::BTreeMap::from_iter(reason(&status).1);
        metadata.remove("request_id");
        format!("{:?} {} {metadata:?}", status.code(), status.message()).replace(id, "<id>")
    };
    let random = Uuid::now_v7().to_string();
    for somebody in [&colleague, &theirs] {
        let answer = told(somebody, &random).await;
        assert!(answer.starts_with("NotFound"), "{answer}");
        assert_eq!(told(somebody, &sessions[1].id).await, answer);
    }

    here.auth().revoke_session(revoke(&sessions[1].id)).await.unwrap();
    here.auth().revoke_session(revoke(&sessions[1].id)).await.unwrap();
    assert!(goes_on(&lab, &here).await && !goes_on(&lab, &there).await);
    assert_eq!(list(&here).await.sessions.len(), 1);
    let owner = lab.database.owner().await;
    let revoked = "SELECT count(*) FROM events.event WHERE resource = 'session' AND action = 'revoke'";
    assert_eq!(owner.query_one(revoked, &[]).await.unwrap().get::<_, i64>(0), 1);
}
