//! Direct calls: a page that is being rendered calls the upstreams itself.

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

/// The request for a page as it is known when the page is rendered.
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
    String::from_utf8(answer.expect("a response").body.to_vec()).expect("text")
}

#[tokio::test]
async fn a_page_calls_on_behalf_of_its_user() {
    let app = app_with(vec![route(PREFIX, upstream::echo().await, TokenPolicy::User)]).await;
    let ada = app.signed_in("ada").await;
    let services = services(&app, page_of(&app, Some(&ada)).await);
    let received = RequestKind::read(&text(services.call(get("/api/notes/1?q=x")).await));
    assert_eq!((received.method(), received.target()), ("GET", "/1?q=x"));
    assert_eq!(Token::of(received.token()).claims["sid"], json!(ada.session_id().as_uuid()));
    assert_eq!(received.header("accept"), "application/json");
    assert_eq!(received.header("accept-language"), "de");
    assert_eq!(received.header("if-none-match"), "", "a precondition on the page does not apply to this");
    assert_eq!(received.header("cookie"), "theme=dark");

    let body = Some(r#"{"text":"x"}"#.to_owned().into_bytes().into());
    let received = services.call(UpstreamRequest { method: Method::PUT, path: "/api/notes/1".to_owned(), body }).await;
    let received = RequestKind::read(&text(received));
    assert_eq!((received.method(), received.body()), ("PUT", r#"{"text":"x"}"#));
    assert_eq!(received.header("content-type"), "application/json");
    let again = RequestKind::read(&text(services.call(get(PREFIX)).await));
    assert_eq!(again.token(), received.token(), "one token for the whole page");
}

#[tokio::test]
async fn the_same_function_calls_directly() {
    let app = app_with(vec![route(PREFIX, upstream::echo().await, TokenPolicy::User)]).await;
    let ada = app.signed_in("ada").await;
    let services = services(&app, page_of(&app, Some(&ada)).await);
    let owner = Owner::new();
    let call = owner.with(|| {
        provide_context(UpstreamContext(Arc::new(services)));
        api::post::<Value>("/api/notes", &json!({ "text": "x" }))
    });
    let received = call.await.expect("a response");
    assert_eq!((&received["method"], &received["body"]), (&json!("POST"), &json!(r#"{"text":"x"}"#)));
    assert_eq!(api::get::<Value>("/api/notes").await, Err(CallError::App(AppError::Internal)), "for no page");
}

#[tokio::test]
async fn a_page_for_an_anonymous_visitor_calls_anonymously() {
    let echo = upstream::echo().await;
    let app = app_with(vec![
        route(PREFIX, echo, TokenPolicy::User),
        route("/api/offers", echo, TokenPolicy::UserOrAnonymous),
        route("/api/public", echo, TokenPolicy::None),
        route("/api/prices", echo, TokenPolicy::Client),
    ])
    .await;
    let services = services(&app, page_of(&app, None).await);
    assert_eq!(services.call(get(PREFIX)).await, Err(AppError::Unauthenticated));
    for path in ["/api/offers", "/api/public"] {
        assert_eq!(RequestKind::read(&text(services.call(get(path)).await)).header("authorization"), "", "{path}");
    }
    let received = RequestKind::read(&text(services.call(get("/api/prices")).await));
    assert_eq!(Token::of(received.token()).claims["sub"], "web");
}

#[tokio::test]
async fn a_page_does_not_call_on_behalf_of_a_session_that_may_have_ended() {
    let echo = upstream::echo().await;
    let app = app_with(vec![
        route(PREFIX, echo, TokenPolicy::User),
        route("/api/offers", echo, TokenPolicy::UserOrAnonymous),
        route("/api/public", echo, TokenPolicy::None),
    ])
    .await;
    let ada = app.signed_in("ada").await;
    let mut page = page_of(&app, Some(&ada)).await;
    let visitor = page.extensions.get_mut::<Visitor>().expect("a visitor");
    visitor.session.as_mut().expect("a session").is_confirmed = false;
    let services = services(&app, page);
    for path in [PREFIX, "/api/offers"] {
        assert_eq!(services.call(get(path)).await, Err(AppError::Unavailable), "{path}");
    }
    RequestKind::read(&text(services.call(get("/api/public")).await));
}

#[tokio::test]
async fn a_visitor_who_may_refresh_is_not_anonymous_to_a_page() {
    let echo = upstream::echo().await;
    let routes = [(PREFIX, TokenPolicy::User), ("/api/offers", TokenPolicy::UserOrAnonymous)];
    let app = app_with(routes.map(|(prefix, token)| route(prefix, echo, token)).into()).await;
    let mut page = page_of(&app, None).await;
    page.extensions.insert(Visitor { may_refresh: true, ..Visitor::default() });
    let services = services(&app, page);
    for path in [PREFIX, "/api/offers"] {
        assert_eq!(services.call(get(path)).await, Err(AppError::Unauthenticated), "{path}");
    }
}

#[tokio::test]
async fn errors_are_the_same_as_through_the_gateway() {
    let app = app_with(vec![
        route(PREFIX, upstream::closed_port().await, TokenPolicy::None),
        route("/api/notes/admin", upstream::closed_port().await, TokenPolicy::None),
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
async fn a_page_waits_no_longer_than_its_deadline() {
    let app = app_with(vec![route(PREFIX, upstream::hanging().await, TokenPolicy::None)]).await;
    let mut page = page_of(&app, None).await;
    page.extensions.insert(Deadline::within(Duration::from_millis(100)));
    let begun = Instant::now();
    assert_eq!(services(&app, page).call(get(PREFIX)).await, Err(AppError::Unavailable));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
