//! How many attempts are allowed, and how large a request may be.

use crate::support::{Answer, Browser, FullQueue, TestApp, browser::encode, test_app::PASSWORD};
use axum::{
    body::Body,
    http::{Request, Version, header},
};
use std::time::Duration;
use tokenlife::paths::{ACCOUNT, HOME, api};

const ADA: &str = "ada@example.com";
const FORM: &str = "application/x-www-form-urlencoded";

async fn app_with(per_address: &str, per_account: &str) -> TestApp {
    TestApp::with_config(|config| {
        config.limits.sign_in_per_address = per_address.parse().expect("a rate");
        config.limits.sign_in_per_account = per_account.parse().expect("a rate");
    })
    .await
}

async fn try_to_sign_in(browser: &mut Browser<'_>, email: &str, password: &str) -> Answer {
    browser.call(api::LOGIN, &[("email", email), ("password", password)]).await
}

/// An attempt without hashing: attempts are counted, not errors.
async fn try_in_vain(browser: &mut Browser<'_>, email: &str) -> Answer {
    try_to_sign_in(browser, email, "").await
}

#[track_caller]
fn assert_wait(answer: &Answer, seconds: u32) {
    assert_eq!(answer.status, 429, "{}", answer.body);
    assert_eq!(answer.header("retry-after"), seconds.to_string());
    let expected = format!(r#"{{"code":"rate_limited","detail":{{"retry_after_secs":{seconds}}}}}"#);
    assert_eq!(answer.body, expected);
    assert!(answer.set_cookies().is_empty());
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[tokio::test]
async fn one_address_may_try_only_so_often_whatever_the_account() {
    let app = app_with("5/min", "100/min").await;
    app.account(ADA).await;
    let mut stranger = app.browser().at("203.0.113.9");
    for number in 0..5 {
        try_in_vain(&mut stranger, &format!("user{number}@example.com")).await.assert_status(422);
    }
    assert_wait(&try_in_vain(&mut stranger, "user5@example.com").await, 12);
    assert_wait(&try_to_sign_in(&mut stranger, ADA, PASSWORD).await, 12);

    let mut ada = app.browser().at("203.0.113.10");
    try_to_sign_in(&mut ada, ADA, PASSWORD).await.assert_status(200);
    app.advance(seconds(12));
    try_to_sign_in(&mut stranger, ADA, PASSWORD).await.assert_status(200);
    assert_wait(&try_in_vain(&mut stranger, ADA).await, 12);
}

#[tokio::test]
async fn one_account_may_be_tried_only_so_often_from_one_address() {
    let app = app_with("1000/min", "3/min").await;
    app.account(ADA).await;
    let hers = [ADA, "ADA@Example.com", " ada@example.com. "];
    let nobodys = ["x@example.com", "X@example.com", "ｘ@example.com"];
    let mut reported = Vec::new();
    for spellings in [hers, nobodys] {
        let mut stranger = app.browser().at("203.0.113.9");
        let mut answers = Vec::new();
        for spelling in spellings {
            let answer = try_to_sign_in(&mut stranger, spelling, "wrong").await.assert_status(401);
            answers.push(answer.essence(spelling));
        }
        let refusal = try_to_sign_in(&mut stranger, spellings[1], PASSWORD).await;
        assert_wait(&refusal, 20);
        answers.push(refusal.essence(spellings[1]));
        reported.push(answers);
    }
    assert_eq!(reported[0], reported[1], "whether there is an account makes no difference");
    let mut elsewhere = app.browser().at("198.51.100.1");
    try_to_sign_in(&mut elsewhere, ADA, PASSWORD).await.assert_status(200);

    let mut stranger = app.browser().at("203.0.113.9");
    for _ in 0..200 {
        try_in_vain(&mut stranger, ADA).await.assert_status(429);
    }
    app.advance(seconds(20));
    try_to_sign_in(&mut stranger, ADA, PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn many_attackers_throttle_each_other_and_never_the_owner_at_home() {
    let app = app_with("1000/min", "3/min").await;
    app.account(ADA).await;
    let mut on_runtime = app.browser().at("198.51.100.1");
    try_to_sign_in(&mut on_runtime, ADA, PASSWORD).await.assert_status(200);
    let mut tries = 0;
    'attack: for stranger in 1..=20 {
        let mut stranger = app.browser().at(&format!("203.0.113.{stranger}"));
        for _ in 0..3 {
            if try_in_vain(&mut stranger, ADA).await.status == 429 {
                break 'attack;
            }
            tries += 1;
        }
    }
    assert_eq!(tries, 29, "ten times what one may, the owner's own try included");
    let mut travelling = app.browser().at("192.0.2.77");
    assert_wait(&try_to_sign_in(&mut travelling, ADA, PASSWORD).await, 2);
    try_to_sign_in(&mut on_runtime, ADA, PASSWORD).await.assert_status(200);
    assert!(on_runtime.is_signed_in().await);

    app.advance(seconds(20));
    try_to_sign_in(&mut travelling, ADA, PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn no_number_of_failures_locks_an_account_for_good() {
    let app = app_with("1000/min", "10/min").await;
    app.account(ADA).await;
    let mut ada = app.browser();
    for _ in 0..500 {
        try_in_vain(&mut ada, ADA).await;
        app.advance(seconds(1));
    }
    app.advance(seconds(6));
    try_to_sign_in(&mut ada, ADA, PASSWORD).await.assert_status(200);
}

#[tokio::test]
async fn spoofed_addresses_in_headers_have_no_effect() {
    let app = app_with("5/min", "1000/min").await;
    let mut answered = 0;
    for number in 0..200_u32 {
        let stranger = app.browser().at("203.0.113.9");
        let mut request = stranger.script_call(api::LOGIN, &[("email", ADA), ("password", "")]);
        let claimed = format!("10.{}.{}.{}", number % 7, number / 7, number);
        for name in ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip", "x-client-ip"] {
            let value = if name == "forwarded" { format!("for={claimed}") } else { claimed.clone() };
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
        let status = stranger.send_only(request).await.status.as_u16();
        assert!(matches!(status, 422 | 429), "{status}");
        answered += u32::from(status == 422);
    }
    assert_eq!(answered, 5);
}

#[tokio::test]
async fn behind_a_trusted_proxy_every_client_counts_alone() {
    let app = TestApp::with_config(|config| {
        config.limits.sign_in_per_address = "2/min".parse().expect("a rate");
        config.http.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
    })
    .await;
    let statuses = async |forwarded_for: &str, times: usize| {
        let mut seen = Vec::new();
        for _ in 0..times {
            let proxy = app.browser().at("10.0.0.1");
            let mut request = proxy.script_call(api::LOGIN, &[("email", ADA), ("password", "")]);
            request.headers_mut().insert("x-forwarded-for", forwarded_for.parse().expect("a value"));
            seen.push(proxy.send_only(request).await.status.as_u16());
        }
        seen
    };
    assert_eq!(statuses("203.0.113.1", 3).await, [422, 422, 429]);
    assert_eq!(statuses("203.0.113.2", 3).await, [422, 422, 429]);
    assert_eq!(statuses("198.51.100.7, 203.0.113.2", 1).await, [429], "what the client claims is hearsay");
    assert_eq!(statuses("2001:db8:1:2::1", 2).await, [422, 422]);
    assert_eq!(statuses("2001:db8:1:2:ffff::2", 1).await, [429], "one subscriber has a whole /64");
    assert_eq!(statuses("2001:db8:1:3::1", 1).await, [422]);
}

#[tokio::test]
async fn a_throttled_request_costs_nothing() {
    let app = app_with("1000/min", "1/min").await;
    try_in_vain(&mut app.browser(), ADA).await.assert_status(422);
    let _nobody_can_hash = FullQueue::of(&app.state.accounts.hasher).await;
    app.watched.calls();
    for _ in 0..50 {
        try_to_sign_in(&mut app.browser(), ADA, PASSWORD).await.assert_status(429);
    }
    assert_eq!(app.watched.calls(), [] as [&str; 0]);
}

#[tokio::test]
async fn while_too_many_passwords_are_checked_only_those_who_sign_in_have_to_wait() {
    let app = TestApp::new().await;
    app.account(ADA).await;
    let mut bea = app.signed_in("bea").await;
    let queue = FullQueue::of(&app.state.accounts.hasher).await;
    let fields = [("email", ADA), ("password", PASSWORD)];
    let call = app.browser().call(api::LOGIN, &fields).await.assert_status(503);
    assert_eq!((call.body.as_str(), call.header("retry-after")), (r#"{"code":"unavailable"}"#, "1"));
    let page = app.browser().submit(api::LOGIN, &fields).await.assert_status(503);
    assert_eq!(page.assert_shows("<h1>Sign in</h1>").header("retry-after"), "1");
    bea.get(ACCOUNT).await.assert_status(200);
    bea.call(api::REFRESH, &[]).await.assert_status(200);
    app.browser().get(HOME).await.assert_status(200);
    drop(queue);
    app.browser().submit(api::LOGIN, &fields).await.assert_leads_to(ACCOUNT);
}

#[tokio::test]
async fn staying_signed_in_is_not_limited() {
    let app = app_with("1/h", "1/h").await;
    let mut ada = app.signed_in("ada").await;
    for _ in 0..100 {
        ada.call(api::REFRESH, &[]).await.assert_status(200);
    }
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn one_address_may_create_only_so_many_accounts() {
    let app = TestApp::with_config(|config| config.limits.sign_up_per_address = "2/h".parse().expect("a rate")).await;
    let sign_up = async |peer: &str, number: usize| {
        let email = format!("user{number}@example.com");
        let fields = [("email", email.as_str()), ("display_name", "Test User"), ("password", PASSWORD)];
        app.browser().at(peer).call(api::SIGN_UP, &fields).await
    };
    sign_up("203.0.113.9", 1).await.assert_status(200);
    sign_up("203.0.113.9", 2).await.assert_status(200);
    assert_wait(&sign_up("203.0.113.9", 3).await, 1800);
    sign_up("203.0.113.10", 4).await.assert_status(200);
    app.advance(seconds(1800));
    sign_up("203.0.113.9", 5).await.assert_status(200);
    assert_wait(&sign_up("203.0.113.9", 6).await, 1800);
    assert_eq!(app.store.list_users(None, 10).await.expect("the store responds").len(), 4);
}

#[tokio::test]
async fn one_address_may_have_only_so_many_passwords_rated() {
    let app =
        TestApp::with_config(|config| config.limits.password_rating_per_address = "2/min".parse().expect("a rate"))
            .await;
    let mut stranger = app.browser().at("203.0.113.9");
    for _ in 0..2 {
        let rated = stranger.call(api::RATE_PASSWORD, &[("password", PASSWORD)]).await.assert_status(200);
        assert_eq!(rated.body, r#"{"score":4,"problem":null}"#);
    }
    assert_wait(&stranger.call(api::RATE_PASSWORD, &[("password", PASSWORD)]).await, 30);
    app.browser().at("203.0.113.10").call(api::RATE_PASSWORD, &[]).await.assert_status(200);
}

fn post(path: &str, length: Option<u64>, body: String) -> Request<Body> {
    let request = Request::post(path).header("sec-fetch-site", "same-origin").header(header::CONTENT_TYPE, FORM);
    let request = length.into_iter().fold(request, |request, length| request.header(header::CONTENT_LENGTH, length));
    request.body(Body::from(body)).expect("a request")
}

#[tokio::test]
async fn a_body_may_have_sixty_four_kibibytes() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    let of_length = |length: usize| format!("display_name={}", "x".repeat(length - "display_name=".len()));
    let fits = ada.send(post(api::CHANGE_DISPLAY_NAME, None, of_length(65_536))).await.assert_status(422);
    assert_eq!(fits.header("connection"), "");
    for function in [api::LOGIN, api::SIGN_UP, api::CHANGE_DISPLAY_NAME, api::RATE_PASSWORD] {
        for accept in ["text/html", "application/json"] {
            for (length, body) in [
                (None, of_length(65_537)),
                (Some(65_537), of_length(65_537)),
                (Some(1 << 40), String::new()),
                (None, of_length(5_000_000)),
            ] {
                let mut request = post(function, length, body);
                request.headers_mut().insert(header::ACCEPT, accept.parse().expect("a value"));
                app.watched.calls();
                let answer = ada.send(request).await.assert_status(413);
                assert_eq!(answer.header("connection"), "close", "the rest is not worth reading");
                assert_eq!(answer.header("content-type").starts_with("text/html"), accept == "text/html");
                assert_eq!(answer.body.contains(r#"{"code":"too_large"}"#), accept != "text/html");
                assert!(answer.set_cookies().is_empty());
                assert_eq!(app.watched.calls(), [] as [&str; 0], "{function}");
            }
        }
    }
    let mut over_http2 = post(api::LOGIN, Some(65_537), String::new());
    *over_http2.version_mut() = Version::HTTP_2;
    assert_eq!(ada.send(over_http2).await.assert_status(413).header("connection"), "", "HTTP/2 knows no such header");
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn a_body_may_have_as_much_as_the_settings_say() {
    let app = TestApp::with_config(|config| config.http.max_body_bytes = 8 * 1024 * 1024).await;
    let body = format!("display_name={}", "x".repeat(3 * 1024 * 1024));
    for accept in ["text/html", "application/json"] {
        let mut request = post(api::CHANGE_DISPLAY_NAME, None, body.clone());
        request.headers_mut().insert(header::ACCEPT, accept.parse().expect("a value"));
        app.signed_in("ada").await.send(request).await.assert_status(422);
    }
}

#[tokio::test]
async fn a_head_may_have_sixteen_kibibytes() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    for length in [8_000, 15_000] {
        ada.set("other", &"x".repeat(length));
        ada.get(ACCOUNT).await.assert_status(200);
    }
    for length in [16_384, 64_000, 1_000_000] {
        ada.set("other", &"x".repeat(length));
        let page = ada.get(ACCOUNT).await.assert_status(431).assert_shows("Delete this site’s cookies");
        assert!(page.set_cookies().is_empty() && page.header("connection") == "close");
        assert_eq!(ada.call(api::CURRENT, &[]).await.assert_status(431).body, r#"{"code":"bad_request"}"#);
    }
    ada.delete("other");
    for number in 0..10_000 {
        ada.set(&format!("c{number}"), "x");
    }
    ada.get(HOME).await.assert_status(431);
    for number in 0..10_000 {
        ada.delete(&format!("c{number}"));
    }
    ada.get(&format!("{ACCOUNT}?{}", encode(&[("q", &"x".repeat(8_100))]))).await.assert_status(200);
    for length in [8_200, 60_000] {
        ada.get(&format!("{ACCOUNT}?{}", encode(&[("q", &"x".repeat(length))]))).await.assert_status(414);
        ada.get(&format!("/{}", "x".repeat(length))).await.assert_status(414);
    }
    assert!(ada.is_signed_in().await);
}
