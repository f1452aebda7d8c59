//! `POST /oauth/revoke` (RFC 7009).

use crate::support::{
    Condition, TestApp,
    browser::encode,
    oauth_client::{OAuthClient, assert_never_kept, assert_refused, form, send},
    test_app::{days, hours},
};
use tokenlife::{
    paths::{ACCOUNT, LOGIN, api, oauth},
    server::domain::session::EndReason,
};

/// Token type hints of a client; none of them changes anything.
const HINTS: [Option<&str>; 5] =
    [None, Some("access_token"), Some("refresh_token"), Some("client_credentials"), Some("foobar")];

async fn revoke(client: &OAuthClient<'_>, token: &str, hint: Option<&str>) -> crate::support::Answer {
    let fields = [("token", token), ("token_type_hint", hint.unwrap_or_default())];
    client.post(oauth::REVOKE, &fields[..if hint.is_some() { 2 } else { 1 }]).await
}

#[tokio::test]
async fn either_token_of_a_session_ends_it_whatever_the_hint() {
    let app = TestApp::new().await;
    let web = OAuthClient::web(&app);
    let user = app.account("ada@example.com").await;
    for hint in HINTS {
        for name in ["accessToken", "refreshToken"] {
            let mut ada = app.browser_of(user).await;
            let session = ada.session_id();
            let answer = revoke(&web, ada.cookie(name).expect("a token"), hint).await.assert_status(200);
            assert_eq!(answer.body, "");
            assert_never_kept(&answer);
            assert_eq!(app.session(session).await.ended.map(|ended| ended.reason), Some(EndReason::Revoked));
            ada.call(api::CHANGE_DISPLAY_NAME, &[("display_name", "Eve")]).await.assert_status(401);
            ada.get(ACCOUNT).await.assert_leads_to(LOGIN);
        }
    }
}

#[tokio::test]
async fn an_old_token_of_a_session_ends_it_too() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let old = ada.cookie("refreshToken").expect("a token").to_owned();
    ada.delete("accessToken");
    ada.call(api::REFRESH, &[]).await.assert_status(200);
    assert_ne!(ada.cookie("refreshToken"), Some(old.as_str()));
    revoke(&OAuthClient::web(&app), &old, None).await.assert_status(200);
    assert!(!ada.is_signed_in().await);
}

#[tokio::test]
async fn an_inactive_token_counts_as_revoked() {
    let app = TestApp::new().await;
    let web = OAuthClient::web(&app);
    let mut ada = app.signed_in("ada").await;
    let access = ada.cookie("accessToken").expect("a token").to_owned();
    let refresh = ada.cookie("refreshToken").expect("a token").to_owned();
    for garbage in [
        "dsahjdasdsa",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.TJVA95OrM7E2cBab30RMHrHDcEfxjoYZgeFONFh7HgQ",
        &format!("{access}x"),
        &refresh.replace('A', "B"),
        "\u{0}",
    ] {
        for hint in HINTS {
            assert_eq!(revoke(&web, garbage, hint).await.assert_status(200).body, "");
        }
    }
    assert!(ada.is_signed_in().await);
    app.advance(hours(2));
    revoke(&web, &access, None).await.assert_status(200);
    assert!(ada.is_signed_in().await, "an access token that has expired ends nothing");
    for _ in 0..2 {
        revoke(&web, ada.cookie("refreshToken").expect("a token"), None).await.assert_status(200);
    }
    app.advance(days(40));
    revoke(&web, &refresh, None).await.assert_status(200);
}

#[tokio::test]
async fn tokens_of_other_clients_are_not_touched() {
    let app = TestApp::new().await;
    let notes = OAuthClient::registered(&app, "notes").await;
    let mut ada = app.signed_in("ada").await;
    for name in ["accessToken", "refreshToken"] {
        for hint in HINTS {
            assert_refused(&revoke(&notes, ada.cookie(name).expect("a token"), hint).await, 400, "invalid_request");
        }
    }
    assert!(ada.is_signed_in().await);
    let own = notes.own_token().await;
    assert_refused(&revoke(&OAuthClient::web(&app), &own, None).await, 400, "invalid_request");
    assert_refused(&revoke(&notes, &own, None).await, 400, "unsupported_token_type");
}

#[tokio::test]
async fn a_request_needs_a_token_and_a_client() {
    let app = TestApp::new().await;
    let ada = app.signed_in("ada").await;
    let token = ada.cookie("refreshToken").expect("a token");
    let notes = OAuthClient::registered(&app, "notes").await;
    for fields in
        [vec![], vec![("token", "")], vec![("token_type_hint", "access_token")], vec![("token", "x"), ("token", "y")]]
    {
        assert_refused(&notes.post(oauth::REVOKE, &fields).await, 400, "invalid_request");
    }
    let body = encode(&[("token", token)]);
    assert_refused(&send(&app, form(oauth::REVOKE, &body), body).await, 401, "invalid_client");
    let wrong = OAuthClient { secret: "invalid".to_owned(), ..OAuthClient::web(&app) };
    assert_refused(&revoke(&wrong, token, None).await, 401, "invalid_client");
    assert!(ada.clone().is_signed_in().await);
}

#[tokio::test]
async fn a_store_that_is_down_is_reported_and_nothing_is_revoked() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    app.store_is(Condition::Down);
    for name in ["accessToken", "refreshToken"] {
        let answer = revoke(&OAuthClient::web(&app), ada.cookie(name).expect("a token"), None).await;
        assert_refused(&answer, 503, "temporarily_unavailable");
        assert!(!answer.header("retry-after").is_empty());
    }
    app.store_is(Condition::Fine);
    assert!(ada.is_signed_in().await);
}
