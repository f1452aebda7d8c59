//! A page that still shows one user while another has signed in: none of its requests are carried out.

use crate::support::{Answer, Browser, TestApp, browser::ALL_COOKIES, html, test_app::minutes};
use axum::http::HeaderValue;
use tokenlife::{
    model::{EXPECTED_USER_FIELD, EXPECTED_USER_HEADER},
    paths::{ACCOUNT, api},
    server::domain::user::UserId,
};

const RENAME: (&str, &str) = ("display_name", "Alice was here");
const BOB_STAYS: &str = "Test User";

/// Two users, and a browser in which Bob is signed in.
async fn alice_and_bob(app: &TestApp) -> (UserId, UserId, Browser<'_>) {
    let (alice, bob) = (app.account("alice@example.com").await, app.account("bob@example.com").await);
    (alice, bob, app.browser_of(bob).await)
}

/// Calls a function, as a script on a page that shows `shown`.
async fn call_for(browser: &mut Browser<'_>, shown: &str, function: &str) -> Answer {
    let mut request = browser.script_call(function, &[RENAME]);
    let shown = HeaderValue::from_bytes(shown.as_bytes()).expect("a header value");
    request.headers_mut().insert(EXPECTED_USER_HEADER, shown);
    browser.send(request).await
}

#[tokio::test]
async fn a_call_for_another_user_is_refused_before_anything_is_done() {
    let app = TestApp::new().await;
    let (alice, _, mut browser) = alice_and_bob(&app).await;
    for function in [api::CURRENT, api::CHANGE_DISPLAY_NAME] {
        for shown in [&alice.to_string(), "", "garbage", "ÿ"] {
            let answer = call_for(&mut browser, shown, function).await.assert_status(409);
            assert_eq!((answer.body.as_str(), answer.set_cookies().len()), (r#"{"code":"other_user"}"#, 0));
        }
    }
    browser.get(ACCOUNT).await.assert_status(200).assert_shows(BOB_STAYS);
}

#[tokio::test]
async fn a_call_for_the_signed_in_user_or_for_no_particular_user_is_carried_out() {
    let app = TestApp::new().await;
    let (_, bob, mut browser) = alice_and_bob(&app).await;
    call_for(&mut browser, &bob.to_string(), api::CHANGE_DISPLAY_NAME).await.assert_status(200);
    browser.call(api::CHANGE_DISPLAY_NAME, &[RENAME]).await.assert_status(200);
}

#[tokio::test]
async fn a_call_for_a_user_when_no_user_is_signed_in_is_refused_as_usual() {
    let app = TestApp::new().await;
    let (alice, ..) = alice_and_bob(&app).await;
    call_for(&mut app.browser(), &alice.to_string(), api::CHANGE_DISPLAY_NAME).await.assert_status(401);
    let fields = [RENAME, (EXPECTED_USER_FIELD, &alice.to_string())];
    app.browser().submit(api::CHANGE_DISPLAY_NAME, &fields).await.assert_status(401).assert_shows(RENAME.1);
}

#[tokio::test]
async fn it_is_detected_after_a_refresh_too() {
    let app = TestApp::new().await;
    let (alice, _, mut browser) = alice_and_bob(&app).await;
    app.advance(minutes(61));
    call_for(&mut browser, &alice.to_string(), api::CHANGE_DISPLAY_NAME).await.assert_status(401);
    browser.call(api::REFRESH, &[]).await.assert_status(200);
    call_for(&mut browser, &alice.to_string(), api::CHANGE_DISPLAY_NAME).await.assert_status(409);
    browser.get(ACCOUNT).await.assert_shows(BOB_STAYS);
}

#[tokio::test]
async fn a_plain_form_for_another_user_gets_a_page_that_explains_it() {
    let app = TestApp::new().await;
    let (alice, bob, mut browser) = alice_and_bob(&app).await;
    let mut of_alice = app.browser_of(alice).await;
    let page = of_alice.get(ACCOUNT).await.assert_status(200);
    let hidden = html::tags(&page.body).into_iter().find(|tag| tag.attribute("name") == Some(EXPECTED_USER_FIELD));
    let shown = hidden.expect("the form names the user of its page").attribute("value").expect("an id").to_owned();
    assert_eq!(shown, alice.to_string());

    let fields = [RENAME, (EXPECTED_USER_FIELD, &shown)];
    let page = browser.submit(api::CHANGE_DISPLAY_NAME, &fields).await.assert_status(409);
    page.assert_shows("Another user has signed in").assert_hides(RENAME.1);
    app.advance(minutes(61));
    let renewed = browser.submit(api::CHANGE_DISPLAY_NAME, &fields).await.assert_status(409);
    assert_eq!(renewed.issued(), ALL_COOKIES, "what was rotated on the way arrives");
    browser.get(ACCOUNT).await.assert_shows(BOB_STAYS);

    let fields = [RENAME, (EXPECTED_USER_FIELD, &bob.to_string())];
    browser.submit(api::CHANGE_DISPLAY_NAME, &fields).await.assert_status(303);
}

#[tokio::test]
async fn signing_out_applies_to_the_signed_in_user() {
    let app = TestApp::new().await;
    let (alice, _, mut browser) = alice_and_bob(&app).await;
    let page = app.browser_of(alice).await.get("/").await;
    let fields = html::tags(&page.body).into_iter().filter(|tag| tag.name == "input");
    assert_eq!(fields.count(), 0, "the form on the page of one user would sign out any other");
    browser.submit(api::LOGOUT, &[]).await.assert_status(303);
    assert!(!browser.is_signed_in().await);
}
