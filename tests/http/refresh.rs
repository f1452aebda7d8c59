//! Staying signed in.

use crate::support::{
    TestApp,
    browser::{ALL_COOKIES, navigation},
    test_app::{PASSWORD, days, hours, minutes},
};
use axum::{
    body::Body,
    http::{Method, Request, header},
};
use futures::future::join_all;
use std::time::Duration;
use tokenlife::{
    model::TokenLife,
    paths::{ACCOUNT, HOME, LOGIN, api, done},
    server::domain::session::EndReason,
};

#[tokio::test]
async fn thirty_days_count_from_sign_in_and_rotation_never_extends_them() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    for day in 1..30 {
        app.advance(days(1));
        let page = alice.get(ACCOUNT).await.assert_status(200);
        let refresh =
            page.set_cookies().into_iter().find(|line| line.starts_with("refreshToken=")).expect("a new refresh token");
        assert!(refresh.ends_with(&format!("Max-Age={}", (30 - day) * 24 * 3600)), "{refresh}");
    }
    app.advance(hours(23) + minutes(59));
    let last = alice.get(ACCOUNT).await.assert_status(200);
    assert!(last.set_cookies()[0].ends_with("; Max-Age=60"), "the access token does not outlive the session");
    let last_jar = alice.clone();
    app.advance(minutes(1));
    assert!(alice.cookie_names().is_empty());
    assert!(!alice.is_signed_in().await);

    let mut hoarder = last_jar.clone();
    hoarder.set("refreshToken", last.set_cookies()[1].split(['=', ';']).nth(1).expect("a value"));
    let page = hoarder.get(ACCOUNT).await.assert_leads_to("/login");
    assert!(page.set_cookies().is_empty());
}

#[tokio::test]
async fn parallel_refreshes_of_one_token_all_get_the_same_successor() {
    let app = TestApp::new().await;
    let alice = app.signed_in("alice").await;
    app.advance(minutes(61));
    for round in 1..=5_u32 {
        let token_before = alice.session_id();
        let tries = (0..40).map(|number| {
            let browser = alice.clone();
            async move {
                let request = if number % 2 == 0 {
                    browser.script_call(api::REFRESH, &[])
                } else {
                    Request::get(ACCOUNT).header(header::ACCEPT, "text/html").body(Body::empty()).expect("a request")
                };
                browser.send_only(request).await.assert_status(200)
            }
        });
        let answers = join_all(tries).await;
        let mut successors: Vec<String> = answers.iter().map(|answer| answer.set_cookies()[1].clone()).collect();
        successors.dedup();
        assert_eq!(successors.len(), 1, "round {round}");
        assert_eq!(app.session(token_before).await.generation.number(), 2, "one new generation, whatever the round");
    }
}

#[tokio::test]
async fn a_lost_response_is_repeated_without_a_time_limit() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    app.advance(minutes(61));
    let lost = alice.send_only(alice.script_call(api::REFRESH, &[])).await.assert_status(200);
    app.advance(days(10));
    let found = alice.get(ACCOUNT).await.assert_status(200);
    assert_eq!(found.set_cookies()[1].split(';').next(), lost.set_cookies()[1].split(';').next());
    assert!(alice.is_signed_in().await);
}

#[tokio::test]
async fn tabs_that_retry_after_a_lost_response_do_not_harm_each_other() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    app.advance(minutes(61));
    alice.send_only(alice.script_call(api::REFRESH, &[])).await.assert_status(200);
    app.advance(days(1));
    let mut slow_tab = alice.clone();
    alice.get(ACCOUNT).await.assert_status(200);
    alice.get(ACCOUNT).await.assert_status(200);
    app.delivered(alice.session_id()).await;
    app.advance(Duration::from_secs(20));
    slow_tab.get(ACCOUNT).await.assert_status(200);
    assert_eq!(slow_tab.cookie("refreshToken"), alice.cookie("refreshToken"));
}

#[tokio::test]
async fn a_refresh_with_a_fresh_access_token_has_no_effect() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    let session = alice.session_id();
    app.advance(minutes(58));
    app.in_touch().await;
    app.watched.calls();
    let life = alice.cookie("tokenLife").expect("a token life").to_owned();
    let answer = alice.call(api::REFRESH, &[]).await.assert_status(200);
    assert_eq!((answer.set_cookies().len(), app.watched.calls().len()), (0, 0));
    let reported: TokenLife = serde_json::from_str(&answer.body).expect("times");
    assert_eq!(reported.to_string(), life);

    alice.delete("tokenLife");
    assert_eq!(alice.call(api::REFRESH, &[]).await.assert_status(200).issued(), ["tokenLife"]);
    assert_eq!(app.session(session).await.generation.number(), 1);

    app.advance(minutes(1));
    assert_eq!(alice.call(api::REFRESH, &[]).await.assert_status(200).issued(), ALL_COOKIES);
    assert_eq!(app.session(session).await.generation.number(), 2);
}

#[tokio::test]
async fn whichever_response_arrives_last_the_jar_holds_a_live_token() {
    let app = TestApp::new().await;
    let alice = app.signed_in("alice").await;
    app.advance(minutes(61));
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(alice.send_only(alice.script_call(api::REFRESH, &[])).await.assert_status(200));
        app.advance(Duration::from_secs(5));
    }
    for last in 0..answers.len() {
        let mut jar = alice.clone();
        for offset in 1..=answers.len() {
            jar.keep(&answers[(last + offset) % answers.len()]);
        }
        jar.delete("accessToken");
        jar.call(api::REFRESH, &[]).await.assert_status(200);
        assert!(jar.is_signed_in().await);
    }
}

#[tokio::test]
async fn a_form_sent_after_the_token_died_is_carried_out() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    app.advance(days(3));
    let answer = alice.submit(api::CHANGE_DISPLAY_NAME, &[("display_name", "Alice Liddell")]).await;
    let answer = answer.assert_leads_to(done::DISPLAY_NAME_SAVED);
    assert_eq!(answer.issued(), ALL_COOKIES);
    alice.get(ACCOUNT).await.assert_status(200).assert_shows("Alice Liddell");
}

#[tokio::test]
async fn requests_that_may_change_nothing_redeem_nothing() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    app.advance(minutes(61));
    let session = alice.session_id();
    let passive = [
        Request::head(ACCOUNT),
        Request::get(ACCOUNT).header("sec-purpose", "prefetch"),
        Request::get(ACCOUNT).header("sec-purpose", "prefetch;prerender"),
        Request::get(ACCOUNT).header("purpose", "prefetch"),
        Request::get(ACCOUNT).header("sec-fetch-dest", "image"),
        Request::get("/pkg/tokenlife.css"),
        Request::get("/pkg/missing.0123456789012345678901.js"),
        Request::get("/robots.txt"),
        Request::get("/account/style.css"),
        Request::get("/health/live"),
        Request::get("/health/ready"),
    ];
    for request in passive {
        let request = request.body(Body::empty()).expect("a request");
        let what = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
        let answer = alice.send(request).await;
        assert!(answer.set_cookies().is_empty(), "{what}");
        assert_eq!(app.session(session).await.generation.number(), 1, "{what}");
    }
    assert!(alice.is_signed_in().await);
}

#[tokio::test]
async fn a_page_rendered_ahead_never_treats_a_signed_in_user_as_anonymous() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    app.advance(minutes(61));
    for path in [HOME, LOGIN, "/nowhere"] {
        for purpose in ["prefetch", "prefetch;prerender"] {
            let ahead = navigation(Method::GET, path).header("sec-purpose", purpose);
            let ahead = ahead.body(Body::empty()).expect("a request");
            let answer = alice.send(ahead).await.assert_status(204);
            assert!(answer.set_cookies().is_empty() && answer.body.is_empty());
            let stranger = navigation(Method::GET, path).header("sec-purpose", purpose);
            let page = app.browser().send(stranger.body(Body::empty()).expect("a request")).await;
            assert_ne!(page.status, 204, "{path}: there is no user to be mistaken for an anonymous visitor");
        }
    }
    alice.get(HOME).await.assert_status(200).assert_shows("Welcome back");
}

#[tokio::test]
async fn a_late_page_deletes_no_newer_cookie() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    let (email, old_tab) = (alice.email.clone(), alice.clone());
    app.store.end_session(alice.session_id(), app.now(), EndReason::EndedByOwner).await.expect("ended elsewhere");
    app.advance(minutes(61));
    let late = old_tab.clone().get(ACCOUNT).await.assert_leads_to(LOGIN);
    alice.submit(api::LOGIN, &[("email", &email), ("password", PASSWORD)]).await.assert_leads_to(ACCOUNT);
    alice.keep(&late);
    app.advance(minutes(61));
    assert!(alice.is_signed_in().await);
}

#[tokio::test]
async fn signing_out_prevails_over_a_late_refresh() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    let mut late = alice.clone();
    app.advance(minutes(61));
    let answer = alice.call(api::LOGOUT, &[]).await.assert_status(200);
    assert_eq!(answer.deleted(), ALL_COOKIES);
    late.call(api::REFRESH, &[]).await.assert_status(401);
    assert!(!late.is_signed_in().await && !alice.is_signed_in().await);
}

#[tokio::test]
async fn signing_in_again_ends_the_session_it_replaces() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    let mut copy = alice.clone();
    let email = alice.email.clone();
    let answer = alice.submit(api::LOGIN, &[("email", &email), ("password", PASSWORD)]).await;
    answer.assert_leads_to(ACCOUNT);
    assert!(alice.is_signed_in().await);
    assert!(!copy.is_signed_in().await);
}

#[tokio::test]
async fn a_disabled_account_is_refused_within_a_second_although_its_token_is_valid() {
    let app = TestApp::new().await;
    let mut alice = app.signed_in("alice").await;
    let key = tokenlife::server::domain::email::EmailKey::of(&alice.email).expect("an address");
    assert!(app.store.disable_user(&key, app.now()).await.expect("the store responds"));
    tokio::time::timeout(Duration::from_secs(1), async {
        while alice.call(api::CURRENT, &[]).await.status != 401 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        while alice.get(HOME).await.body.contains("Sign out") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("within a second");
    assert!(!alice.is_signed_in().await);
}

#[tokio::test]
async fn the_cookies_are_set_in_the_head_of_a_streamed_page() {
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    let app = TestApp::new().await;
    let alice = app.signed_in("alice").await;
    app.advance(minutes(61));
    let request = Request::get(ACCOUNT)
        .header(header::ACCEPT, "text/html")
        .header(header::COOKIE, format!("refreshToken={}", alice.cookie("refreshToken").expect("a token")))
        .body(Body::empty())
        .expect("a request");
    let response = app.router.clone().oneshot(request).await.expect("a response");
    assert_eq!(response.headers().get_all(header::SET_COOKIE).iter().count(), 3);
    assert!(response.headers().get(header::CONTENT_LENGTH).is_none(), "the body is a stream");
    let mut body = response.into_body();
    let first = body.frame().await.expect("a frame").expect("no error").into_data().expect("data");
    assert!(String::from_utf8_lossy(&first).starts_with("<!DOCTYPE html>"));
}
