//! What must never be revealed: not in a response, not in the log, not by `Debug`.

use crate::support::{
    Answer, Browser, Condition, TestApp,
    test_app::{PASSWORD, days, minutes},
};
use axum::{
    body::Body,
    http::{Request, header},
};
use std::{
    collections::BTreeSet,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokenlife::paths::{ACCOUNT, HOME, LOGIN, SIGN_UP, api};
use tracing::{Dispatch, Level, dispatcher::DefaultGuard};

const WRONG_PASSWORD: &str = "cerulean heron naps";
const IN_A_QUERY: &str = "S0meth1ngPr1vate";

/// All responses of a long scenario, and all secrets that were used in it.
#[derive(Default)]
struct Life {
    answers: Vec<Answer>,
    secrets: BTreeSet<String>,
}

impl Life {
    async fn stage() -> TestApp {
        TestApp::with_config(|config| config.limits.sign_in_per_account = "10/h".parse().expect("a rate")).await
    }

    /// Signs up, opens pages, refreshes in every way, sends invalid requests, meets a thief, an outage and a panic, and
    /// signs out.
    async fn of(app: &TestApp) -> Self {
        let mut life = Self::default();
        let mut ada = app.signed_in("ada").await;
        let email = ada.email.clone();
        life.know(&ada);
        for day in 0..5 {
            for path in [HOME, ACCOUNT, LOGIN, SIGN_UP, "/nowhere", "/robots.txt", api::LOGIN] {
                life.add(ada.get(&format!("{path}?q={IN_A_QUERY}")).await, &ada);
            }
            life.add(ada.call(api::CURRENT, &[]).await, &ada);
            life.add(ada.call(api::CHANGE_DISPLAY_NAME, &[("display_name", "Ada")]).await, &ada);
            life.add(ada.submit(api::CHANGE_DISPLAY_NAME, &[("display_name", "")]).await, &ada);
            life.add(ada.call(api::RATE_PASSWORD, &[("password", WRONG_PASSWORD)]).await, &ada);
            app.advance(minutes(61 + day));
            life.add(ada.call(api::REFRESH, &[]).await, &ada);
        }
        let mut thief = ada.clone();
        for password in [WRONG_PASSWORD, ""] {
            let fields = [("email", email.as_str()), ("display_name", "Ada"), ("password", password)];
            for function in [api::LOGIN, api::SIGN_UP] {
                life.add(app.browser().call(function, &fields).await, &ada);
                life.add(app.browser().submit(function, &fields).await, &ada);
            }
        }
        for condition in [Condition::Down, Condition::Panics, Condition::Fine] {
            app.store_is(condition);
            let mut without_access = ada.clone();
            without_access.delete("accessToken");
            life.add(without_access.get(ACCOUNT).await, &without_access);
            ada.delete("accessToken");
            life.add(ada.call(api::REFRESH, &[]).await, &ada);
            life.add(app.browser().submit(api::LOGIN, &[("email", &email), ("password", PASSWORD)]).await, &ada);
        }
        life.add(ada.get(ACCOUNT).await, &ada);
        app.delivered(ada.session_id()).await;
        app.advance(days(1));
        life.add(thief.get(ACCOUNT).await, &thief);
        life.add(ada.get(ACCOUNT).await, &ada);
        let mut forger = app.browser();
        forger.set("accessToken", &format!("{}x", thief.cookie("accessToken").unwrap_or("a.b.c")));
        forger.set("refreshToken", "x");
        life.add(forger.get(HOME).await, &forger);
        life.add(ada.call(api::LOGIN, &[("email", &email), ("password", PASSWORD)]).await, &ada);
        for _ in 0..11 {
            life.add(app.browser().call(api::LOGIN, &[("email", &email), ("password", WRONG_PASSWORD)]).await, &ada);
        }
        life.add(ada.submit(api::LOGOUT, &[]).await, &ada);
        life.secrets.extend([PASSWORD, WRONG_PASSWORD].map(str::to_owned));
        for user in app.store.list_users(None, 10).await.expect("the store responds") {
            life.secrets.insert(user.password.as_phc().to_owned());
        }
        let master = std::fs::read_to_string(app.files.path().join("master.key")).expect("a file");
        life.secrets.insert(master.trim().to_owned());
        life.secrets.insert(app.state.keyring.web_client_secret().to_owned());
        life
    }

    fn add(&mut self, answer: Answer, browser: &Browser<'_>) {
        for line in answer.set_cookies() {
            self.learn(line.split(['=', ';']).nth(1).unwrap_or_default());
        }
        self.answers.push(answer);
        self.know(browser);
    }

    fn know(&mut self, browser: &Browser<'_>) {
        for name in ["accessToken", "refreshToken"] {
            self.learn(browser.cookie(name).unwrap_or_default());
        }
    }

    /// A token is secret, and so is its signature or MAC.
    fn learn(&mut self, value: &str) {
        // The token life holds two times.
        if value.len() > 40 {
            self.secrets.insert(value.to_owned());
            self.secrets.insert(value[value.len() - 40..].to_owned());
        }
    }

    #[track_caller]
    fn assert_absent_in(&self, text: &str, what: &str) {
        for secret in &self.secrets {
            assert!(!text.contains(secret.as_str()), "{secret} is in {what}: {text}");
        }
    }
}

#[tokio::test]
async fn no_response_contains_a_secret() {
    let app = Life::stage().await;
    let life = Life::of(&app).await;
    assert!(life.secrets.len() > 20 && life.answers.len() > 70, "{} {}", life.secrets.len(), life.answers.len());
    for answer in &life.answers {
        life.assert_absent_in(&answer.body, "a body");
        for (name, value) in answer.headers.iter().filter(|(name, _)| *name != header::SET_COOKIE) {
            life.assert_absent_in(&String::from_utf8_lossy(value.as_bytes()), name.as_str());
        }
    }
}

/// A log kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Records everything that is logged on this thread, until the returned guard is dropped.
    fn record(&self) -> (DefaultGuard, Dispatch) {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(Level::TRACE).with_ansi(false);
        let ours = Dispatch::new(subscriber.with_writer(move || writer.clone()).finish());
        // With a second one, `tracing` queries all of them for the interest in an event, and not just that of the
        // thread that logs it first.
        let second = Dispatch::new(tracing_subscriber::registry());
        (tracing::dispatcher::set_default(&ours), second)
    }

    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(bytes).expect("UTF-8")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_names_the_events_and_no_secret() {
    let log = Log::default();
    // All of this test runs on this thread.
    let recording = log.record();
    let app = Life::stage().await;
    let life = Life::of(&app).await;
    drop(recording);
    let text = log.text();
    let events: Vec<&str> = text.lines().filter(|line| line.contains("tokenlife::security: event=")).collect();
    for event in [
        "account_created",
        "session_begun",
        "sign_in_failed",
        "session_ended",
        "refresh_token_reused",
        "refresh_refused",
        "rate_limited",
    ] {
        assert!(events.iter().any(|line| line.contains(event)), "{event} is not in the log: {events:#?}");
    }
    // Keys are made in the background, outside any request.
    for event in events.iter().filter(|line| !line.contains("signing_key_")) {
        assert!(event.contains("request{id="), "which request was it? {event}");
    }
    assert!(text.contains("path=/account ") && !text.contains(IN_A_QUERY), "the path is logged, its query is not");
    for line in text.lines() {
        life.assert_absent_in(line, "the log");
    }
}

#[tokio::test]
async fn no_debug_output_contains_a_secret() {
    let app = TestApp::new().await;
    let mut life = Life::default();
    let user = app.account("ada@example.com").await;
    let ada = app.browser_of(user).await;
    life.know(&ada);
    life.secrets.extend([PASSWORD.to_owned(), app.state.keyring.web_client_secret().to_owned()]);
    let users = app.store.list_users(None, 10).await.expect("the store responds");
    life.secrets.insert(users[0].password.as_phc().to_owned());
    let token = app.state.sessions.present_refresh(ada.cookie("refreshToken").expect("a token"));
    let refreshed = app.state.sessions.refresh(&app.state.web_client, token, IpAddr::from([192, 0, 2, 1])).await;
    let refreshed = refreshed.expect("tokens");
    for token in [refreshed.tokens.access.as_str(), refreshed.tokens.refresh.as_str()] {
        life.learn(token);
    }
    let keys = app.store.list_signing_keys().await.expect("the store responds");
    let visitor = tokenlife::server::auth::visitor::Change::Issue(Box::new(refreshed.clone()));
    life.assert_absent_in(&format!("{:?} {users:?} {refreshed:?} {keys:?} {visitor:?}", app.state), "Debug");
}

#[tokio::test]
async fn clients_cannot_forge_a_line_of_the_log() {
    let app = TestApp::new().await;
    let log = Log::default();
    let recording = log.record();
    let request = Request::get("/nowhere%0aINFO%20forged")
        .header(
            header::USER_AGENT,
            header::HeaderValue::from_bytes(b"agent\xe2\x80\xae\t\xc2\x9b31m").expect("a value"),
        )
        .header("x-request-id", "forged-id")
        .header("x-forwarded-for", "6.6.6.6");
    app.browser().send(request.body(Body::empty()).expect("a request")).await.assert_status(404);
    let email = "a\r\n2026-11-23T12:00:00Z  INFO forged\u{1b}[31m@example.com";
    app.browser().call(api::LOGIN, &[("email", email), ("password", "x")]).await.assert_status(401);
    app.browser().call(api::LOGIN, &[("email", &"x".repeat(10_000)), ("password", "x")]).await.assert_status(401);
    drop(recording);
    let text = log.text();
    assert!(text.contains("path=/nowhere%0aINFO%20forged"), "{text}");
    for forged in ["\n2026-11-23T12:00:00Z  INFO forged", "\u{1b}", "\u{202e}", "\u{9b}", "forged-id", "6.6.6.6"] {
        assert!(!text.contains(forged), "{forged:?} in {text}");
    }
    assert!(text.lines().all(|line| line.len() < 2000), "long values are cut");
}
