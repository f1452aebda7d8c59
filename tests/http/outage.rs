//! The store fails: the application reports it, and no user is signed out.

use crate::support::{
    Answer, Browser, Condition, TestApp,
    browser::ALL_COOKIES,
    html,
    test_app::{PASSWORD, days, hours, minutes, until},
};
use futures::future::{join, join_all};
use std::time::Duration;
use tokenlife::{
    paths::{ACCOUNT, HOME, LOGIN, SIGN_UP, api, health},
    server::domain::{email::EmailKey, session::EndReason},
};

/// `503`, without any change of the session.
#[track_caller]
fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.set_cookies().is_empty(), "{:?}", answer.set_cookies());
    assert_eq!(answer.header("location"), "");
    let wait = answer.header("retry-after").parse::<u32>();
    assert!(wait.is_ok_and(|seconds| (1..=60).contains(&seconds)), "Retry-After: {:?}", answer.header("retry-after"));
}

async fn without_access_token<'a>(app: &'a TestApp, name: &str) -> Browser<'a> {
    let mut browser = app.signed_in(name).await;
    browser.delete("accessToken");
    browser.delete("tokenLife");
    browser
}

#[tokio::test]
async fn a_page_that_has_to_refresh_is_unavailable() {
    let app = TestApp::new().await;
    let mut ada = without_access_token(&app, "ada").await;
    let token = ada.cookie("refreshToken").map(str::to_owned);
    app.store_is(Condition::Down);
    for path in [HOME, ACCOUNT, LOGIN, "/nowhere"] {
        let page = ada.get(path).await;
        assert_unavailable(&page);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        page.assert_shows("Not available at the moment").assert_shows("This does not sign you out.");
    }
    let call = ada.call(api::REFRESH, &[]).await;
    assert_unavailable(&call);
    assert_eq!(call.body, r#"{"code":"unavailable"}"#);
    assert_eq!(ada.cookie("refreshToken").map(str::to_owned), token);

    app.store_is(Condition::Fine);
    let page = ada.get(ACCOUNT).await.assert_status(200).assert_shows(&ada.email);
    assert_eq!(page.issued(), ALL_COOKIES);
}

#[tokio::test]
async fn with_a_valid_access_token_pages_report_that_the_account_cannot_be_reached() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    app.store_is(Condition::Down);
    for path in [ACCOUNT, HOME, LOGIN, SIGN_UP] {
        let page = ada.get(path).await;
        assert!(!page.body.contains(">Create account</a>"), "{path}: not as if signed out");
        if path == ACCOUNT || path == HOME {
            assert!(page.body.contains("This is not available right now.") && page.body.contains("Try again"));
        }
        // Only what cannot be shown without the store is not available.
        if path == ACCOUNT {
            assert_unavailable(&page);
        } else {
            assert!(page.assert_status(200).set_cookies().is_empty());
        }
    }
    let call = ada.call(api::CURRENT, &[]).await;
    assert_unavailable(&call);
    assert_eq!(call.body, r#"{"code":"unavailable"}"#);
    ada.call(api::RATE_PASSWORD, &[("password", "x")]).await.assert_status(200);
    app.store_is(Condition::Fine);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn visitors_without_a_session_notice_nothing_on_pages() {
    let app = TestApp::new().await;
    app.store_is(Condition::Down);
    for (path, status) in
        [(HOME, 200), (LOGIN, 200), (SIGN_UP, 200), (ACCOUNT, 303), ("/nowhere", 404), ("/robots.txt", 200)]
    {
        app.browser().get(path).await.assert_status(status);
    }
    assert_eq!(app.browser().call(api::CURRENT, &[]).await.assert_status(200).body, "null");
    app.browser().call(api::REFRESH, &[]).await.assert_status(401);
    assert_eq!(app.watched.calls(), [] as [&str; 0]);
}

#[tokio::test]
async fn forms_come_back_with_what_was_typed_and_the_cookies_stay() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let jar = ada.cookie_header();
    let fields = [("email", "ada@example.com"), ("display_name", "Ada L."), ("password", PASSWORD)];
    app.store_is(Condition::Down);
    for (function, field, typed) in [
        (api::LOGIN, Some("email"), "ada@example.com"),
        (api::SIGN_UP, Some("display_name"), "Ada L."),
        (api::CHANGE_DISPLAY_NAME, Some("display_name"), "Ada L."),
        (api::LOGOUT, None, ""),
    ] {
        for browser in [&mut ada, &mut app.browser()] {
            if function == api::LOGOUT && browser.cookie_names().is_empty() {
                continue;
            }
            let is_signed_in = !browser.cookie_names().is_empty();
            let page = browser.submit(function, &fields).await;
            if function == api::CHANGE_DISPLAY_NAME && !is_signed_in {
                page.assert_status(401).assert_shows("Sign in in a new tab").assert_shows("Ada L.");
                continue;
            }
            assert_unavailable(&page);
            let is_told = ["This is not available right now.", "Not available at the moment"];
            assert!(is_told.iter().any(|reported| page.body.contains(reported)), "{function}: {}", page.body);
            assert!(!page.body.contains(PASSWORD));
            if let Some(field) = field {
                assert_eq!(html::field_value(&page.body, field).as_deref(), Some(typed));
            }
            let call = browser.call(function, &fields).await;
            assert_unavailable(&call);
            assert_eq!(call.body, r#"{"code":"unavailable"}"#);
        }
    }
    assert_eq!(ada.cookie_header(), jar);
    app.store_is(Condition::Fine);
    assert!(ada.is_signed_in().await, "signing out did not happen, and did not pretend to");
    ada.submit(api::LOGOUT, &[]).await.assert_leads_to(HOME);
    assert!(!ada.is_signed_in().await);
}

#[tokio::test]
async fn an_intermittent_store_signs_no_user_out() {
    let app = TestApp::new().await;
    let mut people = Vec::new();
    for number in 0..4 {
        people.push(app.signed_in(&format!("p{number}")).await);
    }
    for round in 0..30_usize {
        app.advance(minutes(20));
        app.store_is([Condition::Fine, Condition::Down, Condition::LosesAnswers][round % 3]);
        let tries = people.iter_mut().enumerate().map(|(number, person)| async move {
            match (round + number) % 4 {
                0 => person.get(HOME).await,
                1 => person.get(ACCOUNT).await,
                2 => person.call(api::REFRESH, &[]).await,
                _ => person.submit(api::CHANGE_DISPLAY_NAME, &[("display_name", "Test User")]).await,
            }
        });
        for answer in join_all(tries).await {
            let to_sign_in = answer.header("location").starts_with(LOGIN);
            assert!(answer.status != 401 && !to_sign_in && answer.deleted().is_empty(), "round {round}: {answer:?}");
            assert!(answer.status.as_u16() <= 303 || answer.status == 503, "round {round}: {answer:?}");
        }
    }
    app.store_is(Condition::Fine);
    for person in &mut people {
        assert!(person.is_signed_in().await);
        assert!(app.session(person.session_id()).await.ended.is_none());
    }
}

#[tokio::test]
async fn a_rotation_whose_commit_was_not_reported_is_found_again() {
    let app = TestApp::new().await;
    let mut ada = without_access_token(&app, "ada").await;
    app.store_is(Condition::LosesAnswers);
    for _ in 0..3 {
        assert_unavailable(&ada.call(api::REFRESH, &[]).await);
        assert_unavailable(&ada.get(ACCOUNT).await);
    }
    app.advance(days(2));
    app.store_is(Condition::Fine);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn a_sign_out_whose_commit_was_not_reported_is_found_later() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    app.store_is(Condition::LosesAnswers);
    assert_unavailable(&ada.call(api::LOGOUT, &[]).await);
    app.store_is(Condition::Fine);
    assert_eq!(ada.call(api::LOGOUT, &[]).await.assert_status(200).deleted(), ALL_COOKIES);
    assert!(!ada.is_signed_in().await);
}

#[tokio::test]
async fn a_store_that_hangs_is_not_waited_for_forever() {
    let app = TestApp::with_config(|config| config.http.request_timeout = Duration::from_secs(2)).await;
    let user = app.account("ada@example.com").await;
    let mut ada = app.browser_of(user).await;
    let mut bea = app.browser_of(user).await;
    bea.delete("accessToken");
    app.store_is(Condition::Hangs);
    let tries = [&ada, &bea].map(|browser| {
        let (mut for_page, mut for_call) = (browser.clone(), browser.clone());
        for_call.delete("accessToken");
        async move { join(for_page.get(ACCOUNT), for_call.call(api::REFRESH, &[])).await }
    });
    for (page, call) in join_all(tries).await {
        assert_unavailable(&page);
        assert_unavailable(&call);
    }
    app.browser().get(HOME).await.assert_status(200);
    app.store_is(Condition::Fine);
    assert!(ada.is_signed_in().await && bea.is_signed_in().await);
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_next_request_succeeds() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let mut bea = without_access_token(&app, "bea").await;
    app.store_is(Condition::Panics);
    for page in [
        ada.get(ACCOUNT).await,
        ada.get(HOME).await,
        ada.submit(api::CHANGE_DISPLAY_NAME, &[("display_name", "Ada")]).await,
        app.browser().submit(api::LOGIN, &[("email", "a@b.example"), ("password", "x")]).await,
    ] {
        assert!(page.set_cookies().is_empty());
        let page = page.assert_status(500).assert_shows("Something went wrong").assert_hides("set to panic");
        let id = page.header("x-request-id").to_owned();
        page.assert_shows(&id);
    }
    let call = ada.call(api::CURRENT, &[]).await.assert_status(500);
    assert_eq!((call.body.as_str(), call.set_cookies().len()), (r#"{"code":"internal"}"#, 0));
    assert_unavailable(&bea.get(ACCOUNT).await);
    assert_unavailable(&bea.call(api::REFRESH, &[]).await);
    app.store_is(Condition::Fine);
    assert!(ada.is_signed_in().await && bea.is_signed_in().await);
}

#[tokio::test]
async fn health_reports_whether_the_store_can_be_reached() {
    let app = TestApp::new().await;
    app.browser().get(health::READY).await.assert_status(200);
    app.store_is(Condition::Down);
    app.browser().get(health::LIVE).await.assert_status(200);
    assert_unavailable(&app.browser().get(health::READY).await);
    app.store_is(Condition::Fine);
    app.browser().get(health::READY).await.assert_status(200);
}

#[tokio::test]
async fn sessions_that_ended_during_the_outage_are_found_after_it() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let key = EmailKey::of(&ada.email).expect("an address");
    app.store_is(Condition::Down);
    assert_unavailable(&ada.call(api::CURRENT, &[]).await);
    app.store.disable_user(&key, app.now()).await.expect("the command line reaches the store");
    app.advance(minutes(10));
    app.background_asks(["sessions_ended_since"]).await;
    app.store_is(Condition::Fine);
    // Only the background finds out: this function does not query the store for its caller.
    tokio::time::timeout(Duration::from_secs(2), async {
        let token = ada.cookie("accessToken").expect("a token").to_owned();
        while app.state.sessions.authenticate(&token).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("within a second");
    ada.call(api::CHANGE_DISPLAY_NAME, &[("display_name", "Eve")]).await.assert_status(401);
}

#[tokio::test]
async fn a_clock_that_ran_ahead_revives_no_ended_session() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    app.store.end_session(ada.session_id(), app.now(), EndReason::SignedOut).await.expect("ended elsewhere");
    app.advance(minutes(10));
    app.in_touch().await;
    ada.call(api::CHANGE_DISPLAY_NAME, &[("display_name", "Eve")]).await.assert_status(401);
    // As on a machine that resumes with a wrong clock.
    app.advance(hours(2));
    app.in_touch().await;
    app.clock.rewind(hours(2));
    app.in_touch().await;
    ada.call(api::CHANGE_DISPLAY_NAME, &[("display_name", "Eve")]).await.assert_status(401);
}

#[tokio::test]
async fn a_server_that_could_not_poll_queries_the_store_before_it_accepts_a_session() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let mut bea = app.signed_in("bea").await;
    app.store_is(Condition::OutOfTouch);
    app.watched.calls();
    let change = [("display_name", "Test User")];
    ada.call(api::CHANGE_DISPLAY_NAME, &change).await.assert_status(200);
    assert_eq!(app.watched.calls(), ["change_display_name"], "what was polled a moment ago is trusted");

    app.store.end_session(bea.session_id(), app.now(), EndReason::SignedOut).await.expect("ended elsewhere");
    app.advance(Duration::from_secs(3));
    ada.call(api::CHANGE_DISPLAY_NAME, &change).await.assert_status(200);
    assert_eq!(app.watched.calls(), ["find_session", "change_display_name"]);
    bea.call(api::CHANGE_DISPLAY_NAME, &change).await.assert_status(401);
    assert_eq!(app.watched.calls(), ["find_session"]);
    bea.call(api::CHANGE_DISPLAY_NAME, &change).await.assert_status(401);
    assert_eq!(app.watched.calls(), [] as [&str; 0], "that is known from now on");
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn in_a_long_outage_no_session_is_trusted_and_no_user_signed_out() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let jar = ada.cookie_header();
    for condition in [Condition::Down, Condition::Hangs] {
        app.store_is(condition);
        app.advance(minutes(5));
        app.watched.calls();
        // No data needed, none shown: as usual.
        for (path, status) in [(HOME, 200), (LOGIN, 200), ("/nowhere", 404)] {
            let page = ada.get(path).await.assert_status(status);
            assert!(!page.body.contains(">Create account</a>") && !page.body.contains(&ada.email), "{path}");
        }
        ada.call(api::RATE_PASSWORD, &[("password", "x")]).await.assert_status(200);
        assert!(app.watched.calls().iter().all(|what| *what == "find_session"), "queried once, and no more");
        // The rest is not available; a query for the caller's session is enough.
        assert_unavailable(&ada.get(ACCOUNT).await);
        assert_unavailable(&ada.call(api::CURRENT, &[]).await);
        assert_unavailable(&ada.call(api::CHANGE_DISPLAY_NAME, &[("display_name", "Eve")]).await);
        assert!(!app.watched.calls().contains(&"change_display_name"));
    }
    assert_eq!(ada.cookie_header(), jar);
    app.store_is(Condition::Fine);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn a_background_task_that_panics_is_restarted() {
    let app = TestApp::new().await;
    let ada = app.signed_in("ada").await;
    let (user, id) = (app.session(ada.session_id()).await.user_id, ada.session_id());
    app.store_is(Condition::Panics);
    // The first use of a token is to be recorded, and the next poll is due soon.
    let token = ada.cookie("accessToken").expect("a token").to_owned();
    let panics = app.background_asks(["mark_delivered", "sessions_ended_since"]);
    let ((), seen) = join(panics, app.state.sessions.authenticate(&token)).await;
    assert!(seen.is_ok());
    app.store_is(Condition::Fine);
    let mut bea = app.browser_of(user).await;
    bea.get(ACCOUNT).await.assert_status(200);
    app.delivered(bea.session_id()).await;
    app.store.end_session(id, app.now(), EndReason::SignedOut).await.expect("ended elsewhere");
    until("the background polls again", async || app.state.sessions.authenticate(&token).await.is_err()).await;
}
