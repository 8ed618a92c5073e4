//! Signing in, staying in and signing out.

use contract::auth::v1::{
    GetCurrentUserRequest, LoginRequest, LogoutRequest, RefreshTokenRequest, Role,
    auth_service_client::AuthServiceClient,
};
use spectra_tests::{Person, TestLab, refused};
use tonic_types::StatusExt as _;

/// Wrong passwords that come at once for one account.
const GUESSES: usize = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_gives_what_the_previous_generation_gave() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    assert_eq!(engineer.tokens.token_type, "bearer");
    assert_eq!(engineer.tokens.expires_in, 900);
    let me = engineer.auth().get_current_user(GetCurrentUserRequest {}).await.unwrap().into_inner();
    let user = me.user.unwrap();
    assert_eq!((user.email.as_str(), user.role()), ("engineer@demo.lab", Role::Engineer));
    assert_eq!(me.organization.unwrap().slug, "demo");
    assert!(me.permissions.contains(&"samples.write".to_owned()) && me.permissions.is_sorted());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_unknown_user_and_upper_case() {
    let lab = TestLab::start().await;
    let auth = AuthServiceClient::new(lab.channel.clone());
    let login = |username: &str, password: &str| {
        let request = LoginRequest { username: username.to_owned(), password: password.to_owned(), otp: String::new() };
        let mut auth = auth.clone();
        async move { auth.login(request).await }
    };
    let wrong = login("engineer@demo.lab", "eng124").await.unwrap_err();
    let unknown = login("nobody@demo.lab", "eng123").await.unwrap_err();
    assert_eq!(wrong.message(), unknown.message(), "which of the two it was is not told");
    assert_eq!(spectra_tests::reason(&wrong).0, "CREDENTIALS_INVALID");
    assert_eq!(spectra_tests::reason(&unknown).0, "CREDENTIALS_INVALID");
    login("Engineer@Demo.Lab", "eng123").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_throttled_before_they_cost_a_hash_and_nobody_else_is() {
    let lab = TestLab::start().await;
    let login = |username: &str, password: &str| {
        let request = LoginRequest { username: username.to_owned(), password: password.to_owned(), otp: String::new() };
        let mut auth = AuthServiceClient::new(lab.channel.clone());
        async move { auth.login(request).await }
    };
    // An account that there is, and one that there is not: alike.
    for account in ["engineer@demo.lab", "nobody@demo.lab"] {
        let guesses = (0..GUESSES).map(|number| login(account, &format!("guess{number}")));
        let mut told = std::collections::BTreeMap::new();
        for answer in futures::future::join_all(guesses).await {
            let status = answer.unwrap_err();
            *told.entry(spectra_tests::reason(&status).0).or_insert(0) += 1;
            if status.code() == tonic::Code::ResourceExhausted {
                let wait = status.get_details_retry_info().and_then(|info| info.retry_delay).expect("RetryInfo");
                assert!((1..=90).contains(&wait.as_secs()), "{wait:?}");
            }
        }
        // An answer about the password is one that a hash was computed for. So many at once may also be too many for
        // the database's connections.
        assert!((1..=10).contains(&told.remove("CREDENTIALS_INVALID").unwrap_or_default()), "{told:?}");
        assert!(told.remove("THROTTLED").unwrap_or_default() > 0, "{told:?}");
        told.retain(|why, _| !["OVERLOADED", "DATABASE_UNAVAILABLE"].contains(&why.as_str()));
        assert!(told.is_empty(), "{told:?}");
    }
    let right = login("engineer@demo.lab", "eng123").await.unwrap_err();
    assert_eq!(spectra_tests::reason(&right).0, "THROTTLED", "the right guess is not told either");
    // What we could not look at counts as no guess.
    for _ in 0..15 {
        let credentials =
            LoginRequest { username: "tech@demo.lab".to_owned(), password: "tech123".to_owned(), otp: String::new() };
        let mut hurried = tonic::Request::new(credentials);
        hurried.set_timeout(std::time::Duration::from_millis(12));
        let _ = AuthServiceClient::new(lab.channel.clone()).login(hurried).await;
    }
    let patient = async {
        while login("tech@demo.lab", "tech123").await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), patient).await.expect("all were given back");
    // From the same network, people sign in as before, and as often as they like.
    for _ in 0..20 {
        login("pi@demo.lab", "pi123").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refresh_token_used_a_hundred_times_at_once_leaves_one_live_token() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let request = RefreshTokenRequest { refresh_token: engineer.tokens.refresh_token.clone() };
    let calls = (0..100).map(|_| {
        let mut auth = AuthServiceClient::new(lab.channel.clone());
        let request = request.clone();
        async move { auth.refresh_token(request).await }
    });
    let answers = futures::future::join_all(calls).await;
    let mut given = Vec::new();
    for answer in answers {
        match answer {
            Ok(tokens) => given.push(tokens.into_inner().refresh_token),
            Err(status) => assert_ne!(status.code(), tonic::Code::Internal, "{status:?}"),
        }
    }
    assert!(!given.is_empty());
    let owner = lab.database.owner().await;
    let live = "SELECT count(*) FROM auth.refresh_token t JOIN auth.session s ON s.id = t.session_id \
                WHERE t.consumed_at IS NULL AND t.replaced_at IS NULL AND s.ended_at IS NULL";
    assert_eq!(owner.query_one(live, &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_token_ends_the_family_and_a_lost_reply_does_not() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let mut auth = AuthServiceClient::new(lab.channel.clone());
    let first = engineer.tokens.refresh_token.clone();
    let refresh = |token: &str| RefreshTokenRequest { refresh_token: token.to_owned() };

    // The reply was lost: asked again at once, the first token gives a pair once more.
    auth.refresh_token(refresh(&first)).await.unwrap();
    let second = auth.refresh_token(refresh(&first)).await.unwrap().into_inner().refresh_token;
    let third = auth.refresh_token(refresh(&second)).await.unwrap().into_inner().refresh_token;

    // The first one again, now that its child has been used: somebody else has it.
    assert_eq!(refused(auth.refresh_token(refresh(&first)).await), "TOKEN_REUSED");
    assert_eq!(refused(auth.refresh_token(refresh(&third)).await), "TOKEN_REVOKED");
    let me = engineer.auth().get_current_user(GetCurrentUserRequest {}).await;
    assert_eq!(refused(me), "TOKEN_REVOKED");
    assert_eq!(refused(auth.refresh_token(refresh("slr_nonsense")).await), "TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_and_leaves_one_event() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let owner = lab.database.owner().await;
    let events = "SELECT count(*) FROM events.event WHERE service = 'auth'";
    let before: i64 = owner.query_one(events, &[]).await.unwrap().get(0);
    let request = LogoutRequest { request_id: uuid::Uuid::now_v7().to_string() };
    engineer.auth().logout(request).await.unwrap();
    let after: i64 = owner.query_one(events, &[]).await.unwrap().get(0);
    assert_eq!(after - before, 1);

    let refresh = RefreshTokenRequest { refresh_token: engineer.tokens.refresh_token.clone() };
    assert_eq!(refused(AuthServiceClient::new(lab.channel.clone()).refresh_token(refresh).await), "TOKEN_REVOKED");
    let other = Person::sign_in(&lab.channel, "engineer@demo.lab").await;
    other.auth().get_current_user(GetCurrentUserRequest {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_signs_in_no_more_and_stays_in_no_longer() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let owner = lab.database.owner().await;
    owner.batch_execute("UPDATE auth.user SET disabled_at = now() WHERE email = 'engineer@demo.lab'").await.unwrap();
    let mut auth = AuthServiceClient::new(lab.channel.clone());
    let login =
        LoginRequest { username: "engineer@demo.lab".to_owned(), password: "eng123".to_owned(), otp: String::new() };
    assert_eq!(refused(auth.login(login).await), "CREDENTIALS_INVALID");
    let refresh = RefreshTokenRequest { refresh_token: engineer.tokens.refresh_token.clone() };
    assert_eq!(refused(auth.refresh_token(refresh).await), "TOKEN_REVOKED");
    assert_eq!(refused(engineer.auth().get_current_user(GetCurrentUserRequest {}).await), "TOKEN_REVOKED");
}
