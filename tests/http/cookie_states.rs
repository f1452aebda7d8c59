//! Every state a browser's cookies can be in, for a page and for a script's call: access token × refresh token ×
//! token life.

use crate::support::{
    Answer, Browser, TestApp,
    browser::ALL_COOKIES,
    test_app::{days, minutes},
};
use tokenlife::paths::{ACCOUNT, HOME, api};

/// How many times a session's refresh token has been replaced.
async fn rotations(app: &TestApp, browser: &Browser<'_>) -> u32 {
    app.session(browser.session_id()).await.generation.number() - 1
}

#[track_caller]
fn assert_shows_account(answer: Answer) -> Answer {
    answer.assert_status(200).assert_shows("@example.com")
}

#[tokio::test]
async fn state_1_all_good() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    let page = assert_shows_account(alice.get(ACCOUNT).await);
    assert!(page.set_cookies().is_empty());
    let call = assert_shows_account(alice.call(api::CURRENT, &[]).await);
    assert!(call.set_cookies().is_empty());
    assert_eq!(rotations(&app, &alice).await, 0);
}

#[tokio::test]
async fn state_2_the_access_token_has_expired() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    app.advance(minutes(61));
    assert_eq!(alice.cookie_names(), ["refreshToken"]);

    let page = assert_shows_account(alice.get(ACCOUNT).await);
    assert_eq!(page.issued(), ALL_COOKIES);
    assert_eq!(rotations(&app, &alice).await, 1);

    app.advance(minutes(61));
    let refresh = alice.call(api::REFRESH, &[]).await.assert_status(200);
    assert_eq!(refresh.issued(), ALL_COOKIES);
    assert_shows_account(alice.call(api::CURRENT, &[]).await);
    assert_eq!(rotations(&app, &alice).await, 2);
}

#[tokio::test]
async fn state_3_the_token_life_is_forged() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    alice.delete("accessToken");
    alice.set("tokenLife", "1795000000.1999999999");

    let call = alice.call(api::CURRENT, &[]).await.assert_status(401);
    assert_eq!(call.body, r#"{"code":"unauthenticated"}"#);
    assert!(call.set_cookies().is_empty());
    alice.call(api::REFRESH, &[]).await.assert_status(200);
    assert_shows_account(alice.call(api::CURRENT, &[]).await);

    alice.delete("accessToken");
    alice.set("tokenLife", "1795000000.1999999999");
    let page = assert_shows_account(alice.get(ACCOUNT).await);
    assert_eq!(page.issued(), ALL_COOKIES);
}

#[tokio::test]
async fn state_4_the_token_life_is_gone_or_garbage() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    let right = alice.cookie("tokenLife").expect("a token life").to_owned();
    for garbage in [None, Some("NaN"), Some("-1"), Some("1e309"), Some("1.2"), Some("x")] {
        match garbage {
            Some(value) => alice.set("tokenLife", value),
            None => alice.delete("tokenLife"),
        }
        let page = assert_shows_account(alice.get(ACCOUNT).await);
        assert_eq!(page.issued(), ["tokenLife"], "{garbage:?}");
        assert_eq!(alice.cookie("tokenLife"), Some(right.as_str()));
    }
    assert_eq!(rotations(&app, &alice).await, 0);
}

#[tokio::test]
async fn state_5_the_refresh_token_is_gone() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    alice.delete("refreshToken");
    assert_shows_account(alice.get(ACCOUNT).await);
    assert_shows_account(alice.call(api::CURRENT, &[]).await);
    assert!(alice.call(api::REFRESH, &[]).await.assert_status(401).set_cookies().is_empty());
    app.advance(minutes(60));
    alice.get(ACCOUNT).await.assert_leads_to("/login");
    alice.get(HOME).await.assert_status(200).assert_hides("@example.com");
    alice.call(api::CURRENT, &[]).await.assert_status(200).assert_shows("null");
}

#[tokio::test]
async fn state_6_only_a_token_life_is_left() {
    let app = TestApp::new().await;
    let mut anonymous = app.browser();
    anonymous.set("tokenLife", "1795000000.1999999999");
    let page = anonymous.get(HOME).await.assert_status(200);
    assert_eq!(page.deleted(), ["tokenLife"]);
    anonymous.set("tokenLife", "1795000000.1999999999");
    anonymous.call(api::CURRENT, &[]).await.assert_status(200).assert_shows("null");
    anonymous.call(api::REFRESH, &[]).await.assert_status(401);
}

#[tokio::test]
async fn state_7_the_refresh_token_was_spent_a_moment_ago() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    let mut other_tab = alice.clone();
    app.advance(minutes(61));
    alice.get(ACCOUNT).await.assert_status(200);
    alice.get(ACCOUNT).await.assert_status(200);
    app.delivered(alice.session_id()).await;

    app.advance(std::time::Duration::from_secs(30));
    assert_shows_account(other_tab.get(ACCOUNT).await);
    assert_eq!(other_tab.cookie("refreshToken"), alice.cookie("refreshToken"));
    assert_eq!(rotations(&app, &alice).await, 1);
}

#[tokio::test]
async fn state_8_the_refresh_token_was_spent_long_ago() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    let mut thief = alice.clone();
    let mut second_copy = alice.clone();
    app.advance(minutes(61));
    alice.get(ACCOUNT).await.assert_status(200);
    alice.get(ACCOUNT).await.assert_status(200);
    app.delivered(alice.session_id()).await;

    app.advance(minutes(1));
    let late = second_copy.call(api::REFRESH, &[]).await.assert_status(503);
    assert!(late.set_cookies().is_empty());
    assert!(alice.is_signed_in().await, "a late packet ends nothing");

    app.advance(minutes(5));
    let answer = thief.get(ACCOUNT).await.assert_leads_to("/login");
    assert!(answer.deleted().is_empty(), "this response may arrive after the user has signed in again");
    second_copy.call(api::REFRESH, &[]).await.assert_status(401);
    assert!(!alice.is_signed_in().await, "a copy was used, so the session ends for both");
}

#[tokio::test]
async fn state_9_the_session_was_ended_elsewhere() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    let mut other_tab = alice.clone();
    alice.submit(api::LOGOUT, &[]).await.assert_leads_to("/");
    other_tab.call(api::CURRENT, &[]).await.assert_status(401);
    other_tab.call(api::REFRESH, &[]).await.assert_status(401);
    let page = other_tab.get(ACCOUNT).await.assert_leads_to("/login");
    assert_eq!(page.deleted(), ["accessToken", "tokenLife"]);
}

#[tokio::test]
async fn state_10_the_tokens_belong_to_different_sessions() {
    let app = TestApp::new().await;
    let alice = app.signed_in("alice").await;
    let bob = app.signed_in("bob").await;
    let mut mixed = bob.clone();
    mixed.set("accessToken", alice.cookie("accessToken").expect("a token"));
    mixed.call(api::CURRENT, &[]).await.assert_status(200).assert_shows("null");
    let page = mixed.get(ACCOUNT).await.assert_leads_to("/login");
    assert_eq!(page.deleted(), ALL_COOKIES);
    let sessions = [alice.session_id(), bob.session_id()];
    for browser in [&alice, &bob] {
        assert!(browser.clone().is_signed_in().await, "{}: neither session has ended", browser.email);
    }

    let mut mixed = bob;
    mixed.set("accessToken", alice.cookie("accessToken").expect("a token"));
    mixed.submit(api::LOGOUT, &[]).await.assert_leads_to(HOME);
    for session in sessions {
        assert!(app.session(session).await.ended.is_some(), "signing out ends whatever the tokens are of");
    }
}

#[tokio::test]
async fn state_11_one_name_comes_with_two_values() {
    let app = TestApp::new().await;
    let alice = app.signed_in("alice").await;
    let (access, refresh) =
        (alice.cookie("accessToken").expect("a token"), alice.cookie("refreshToken").expect("a token"));
    for (cookies, shown) in [
        (format!("accessToken={access}; accessToken=x; refreshToken={refresh}; refreshToken=y"), 303),
        (format!("accessToken={access}; refreshToken={refresh}; refreshToken=y"), 200),
        (format!("accessToken=x; accessToken={access}; refreshToken={refresh}"), 200),
        (format!("accessToken={access}; accessToken={access}"), 200),
    ] {
        let request = axum::http::Request::get(ACCOUNT).header("accept", "text/html").header("cookie", &cookies);
        app.browser().send(request.body(axum::body::Body::empty()).expect("a request")).await.assert_status(shown);
    }
}

#[tokio::test]
async fn state_12_the_access_token_was_tampered_with() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    let mut changed = alice.cookie("accessToken").expect("a token").to_owned();
    changed.replace_range(200..201, if &changed[200..201] == "A" { "B" } else { "A" });
    alice.set("accessToken", &changed);
    let page = assert_shows_account(alice.get(ACCOUNT).await);
    assert_eq!(page.issued(), ALL_COOKIES);

    alice.set("accessToken", &changed);
    alice.call(api::CURRENT, &[]).await.assert_status(401);
    alice.call(api::REFRESH, &[]).await.assert_status(200);
    assert_shows_account(alice.call(api::CURRENT, &[]).await);
}

#[tokio::test]
async fn state_13_the_browsers_clock_is_a_day_off() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    // A clock that runs ahead makes the browser drop the short-lived cookies at once.
    alice.delete("accessToken");
    alice.delete("tokenLife");
    assert_shows_account(alice.get(ACCOUNT).await);
    assert_eq!(rotations(&app, &alice).await, 1);
    // A clock that runs behind makes it send them long after their expiry.
    let (access, life) = (
        alice.cookie("accessToken").expect("a token").to_owned(),
        alice.cookie("tokenLife").expect("a life").to_owned(),
    );
    app.advance(days(1));
    alice.set("accessToken", &access);
    alice.set("tokenLife", &life);
    assert_shows_account(alice.get(ACCOUNT).await);
    assert_eq!(rotations(&app, &alice).await, 2);
}

#[tokio::test]
async fn state_14_cookies_of_an_older_format_or_another_name() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    browser.set("accessToken", "an.old.format");
    browser.set("refreshToken", "an-old-format");
    let page = browser.get(HOME).await.assert_status(200);
    assert_eq!(page.deleted(), ["accessToken", "refreshToken"]);
    assert!(browser.get(HOME).await.set_cookies().is_empty());

    let production =
        TestApp::with_config(|config| config.http.public_url = "https://example.com".parse().expect("a URL")).await;
    let mut browser = production.browser();
    for name in ALL_COOKIES {
        browser.set(name, "left over");
    }
    assert_eq!(
        browser.get(HOME).await.assert_status(200).deleted(),
        [] as [&str; 0],
        "not visible ASCII, so not issued here"
    );
    for name in ALL_COOKIES {
        browser.set(name, "left-over");
    }
    assert_eq!(browser.get(HOME).await.assert_status(200).deleted(), ALL_COOKIES);
    assert!(browser.get(HOME).await.set_cookies().is_empty());
}
