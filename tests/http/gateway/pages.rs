//! The short way: a page that is being rendered calls the services itself.

use super::{
    PREFIX, app_with, route,
    upstream::{self, RequestKind},
};
use crate::support::{Browser, TestApp, forger::Parts as Token};
use axum::http::{Method, Request, request::Parts};
use leptos::prelude::{Owner, provide_context};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokenlife::{
    api::{self, CallError},
    error::AppError,
    server::{
        auth::visitor::{Visitor, VisitorSession},
        config::TokenPolicy,
        edge::limits::Deadline,
        gateway::direct::DirectClient,
    },
    upstream::{UpstreamClient as _, UpstreamContext, UpstreamRequest, UpstreamResponse},
};
use tokio::time::Instant;

/// What is known about the request for a page by the time the page is rendered.
async fn page_of(app: &TestApp, browser: Option<&Browser<'_>>) -> Parts {
    let request = Request::builder()
        .method(Method::GET)
        .uri("/notes")
        .header("accept", "text/html")
        .header("accept-language", "de")
        .header("if-none-match", "\"of-the-page\"")
        .header("authorization", "Bearer nonsense")
        .header("cookie", "theme=dark; accessToken=secret");
    let mut page = request.body(()).expect("a request").into_parts().0;
    if let Some(browser) = browser {
        let session = app.session(browser.session_id()).await;
        let session = Some(VisitorSession { user_id: session.user_id, session_id: session.id, is_confirmed: true });
        page.extensions.insert(Visitor { session, ..Visitor::default() });
    }
    page
}

fn services(app: &TestApp, page: Parts) -> DirectClient {
    DirectClient::new(Arc::clone(&app.state.gateway), Arc::new(page))
}

fn get(path: &str) -> UpstreamRequest {
    UpstreamRequest { method: Method::GET, path: path.to_owned(), body: None }
}

fn text(answer: Result<UpstreamResponse, AppError>) -> String {
    String::from_utf8(answer.expect("an answer").body.to_vec()).expect("text")
}

#[tokio::test]
async fn a_page_calls_in_the_name_of_whoever_it_is_for() {
    let app = app_with(vec![route(PREFIX, upstream::echo().await, TokenPolicy::User)]).await;
    let ada = app.signed_in("ada").await;
    let services = services(&app, page_of(&app, Some(&ada)).await);
    let asked = RequestKind::read(&text(services.call(get("/api/notes/1?q=x")).await));
    assert_eq!((asked.method(), asked.target()), ("GET", "/1?q=x"));
    assert_eq!(Token::of(asked.token()).claims["sid"], json!(ada.session_id().as_uuid()));
    assert_eq!(asked.header("accept"), "application/json");
    assert_eq!(asked.header("accept-language"), "de");
    assert_eq!(asked.header("if-none-match"), "", "what was said about the page is not about this");
    assert_eq!(asked.header("cookie"), "theme=dark");

    let body = Some(r#"{"text":"x"}"#.to_owned().into_bytes().into());
    let asked = services.call(UpstreamRequest { method: Method::PUT, path: "/api/notes/1".to_owned(), body }).await;
    let asked = RequestKind::read(&text(asked));
    assert_eq!((asked.method(), asked.body()), ("PUT", r#"{"text":"x"}"#));
    assert_eq!(asked.header("content-type"), "application/json");
    let again = RequestKind::read(&text(services.call(get(PREFIX)).await));
    assert_eq!(again.token(), asked.token(), "one token for the whole page");
}

#[tokio::test]
async fn the_same_function_finds_the_short_way() {
    let app = app_with(vec![route(PREFIX, upstream::echo().await, TokenPolicy::User)]).await;
    let ada = app.signed_in("ada").await;
    let services = services(&app, page_of(&app, Some(&ada)).await);
    let owner = Owner::new();
    let call = owner.with(|| {
        provide_context(UpstreamContext(Arc::new(services)));
        api::post::<Value>("/api/notes", &json!({ "text": "x" }))
    });
    let asked = call.await.expect("an answer");
    assert_eq!((&asked["method"], &asked["body"]), (&json!("POST"), &json!(r#"{"text":"x"}"#)));
    assert_eq!(api::get::<Value>("/api/notes").await, Err(CallError::App(AppError::Internal)), "for no page");
}

#[tokio::test]
async fn a_page_for_nobody_gets_what_nobody_gets() {
    let echo = upstream::echo().await;
    let app = app_with(vec![
        route(PREFIX, echo, TokenPolicy::User),
        route("/api/news", echo, TokenPolicy::UserOrAnonymous),
        route("/api/public", echo, TokenPolicy::None),
        route("/api/prices", echo, TokenPolicy::Client),
    ])
    .await;
    let services = services(&app, page_of(&app, None).await);
    assert_eq!(services.call(get(PREFIX)).await, Err(AppError::Unauthenticated));
    for path in ["/api/news", "/api/public"] {
        assert_eq!(RequestKind::read(&text(services.call(get(path)).await)).header("authorization"), "", "{path}");
    }
    let asked = RequestKind::read(&text(services.call(get("/api/prices")).await));
    assert_eq!(Token::of(asked.token()).claims["sub"], "web");
}

#[tokio::test]
async fn a_page_does_not_call_in_the_name_of_a_session_that_may_have_ended() {
    let echo = upstream::echo().await;
    let app = app_with(vec![
        route(PREFIX, echo, TokenPolicy::User),
        route("/api/news", echo, TokenPolicy::UserOrAnonymous),
        route("/api/public", echo, TokenPolicy::None),
    ])
    .await;
    let ada = app.signed_in("ada").await;
    let mut page = page_of(&app, Some(&ada)).await;
    let visitor = page.extensions.get_mut::<Visitor>().expect("a visitor");
    visitor.session.as_mut().expect("a session").is_confirmed = false;
    let services = services(&app, page);
    for path in [PREFIX, "/api/news"] {
        assert_eq!(services.call(get(path)).await, Err(AppError::Unavailable), "{path}");
    }
    RequestKind::read(&text(services.call(get("/api/public")).await));
}

#[tokio::test]
async fn who_could_refresh_is_not_taken_for_nobody_by_a_page() {
    let echo = upstream::echo().await;
    let routes = [(PREFIX, TokenPolicy::User), ("/api/news", TokenPolicy::UserOrAnonymous)];
    let app = app_with(routes.map(|(prefix, token)| route(prefix, echo, token)).into()).await;
    let mut page = page_of(&app, None).await;
    page.extensions.insert(Visitor { may_refresh: true, ..Visitor::default() });
    let services = services(&app, page);
    for path in [PREFIX, "/api/news"] {
        assert_eq!(services.call(get(path)).await, Err(AppError::Unauthenticated), "{path}");
    }
}

#[tokio::test]
async fn what_goes_wrong_has_the_same_names_as_by_the_gateway() {
    let app = app_with(vec![
        route(PREFIX, upstream::nobody().await, TokenPolicy::None),
        route("/api/notes/admin", upstream::nobody().await, TokenPolicy::None),
        route("/api/broken", upstream::constant(401, &[], "").await, TokenPolicy::Client),
        route(
            "/api/large",
            upstream::constant(200, &[], Box::leak("x".repeat(5_000_000).into())).await,
            TokenPolicy::None,
        ),
    ])
    .await;
    let services = services(&app, page_of(&app, None).await);
    for (path, expected) in [
        (PREFIX, AppError::Unavailable),
        ("/api/broken", AppError::Unavailable),
        ("/api/large", AppError::Unavailable),
        ("/api/elsewhere", AppError::NotFound),
        ("/api/notes/../x", AppError::BadRequest),
        ("/api/notes/%61dmin", AppError::BadRequest),
        ("not a path", AppError::NotFound),
    ] {
        assert_eq!(services.call(get(path)).await, Err(expected), "{path}");
    }
}

#[tokio::test]
async fn a_page_waits_no_longer_than_it_has_time() {
    let app = app_with(vec![route(PREFIX, upstream::hanging().await, TokenPolicy::None)]).await;
    let mut page = page_of(&app, None).await;
    page.extensions.insert(Deadline::within(Duration::from_millis(100)));
    let begun = Instant::now();
    assert_eq!(services(&app, page).call(get(PREFIX)).await, Err(AppError::Unavailable));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
