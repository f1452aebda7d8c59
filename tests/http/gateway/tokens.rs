//! Whose token an upstream gets.

use super::{
    PREFIX, app_before, app_with, fetch, route, script,
    upstream::{self, RequestKind},
};
use crate::support::{
    Answer, Browser, Condition, TestApp,
    browser::ALL_COOKIES,
    browser::navigation,
    forger::{Forger, Parts},
};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{Method, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokenlife::{
    paths::{ACCOUNT, api},
    server::config::{RouteConfig, TokenPolicy},
};
use uuid::Uuid;

async fn received(app: &TestApp, browser: &mut Browser<'_>) -> RequestKind {
    RequestKind::read(&fetch(app, browser, PREFIX).await.assert_status(200).body)
}

async fn fetch_with(app: &TestApp, browser: &mut Browser<'_>, authorization: &[&str]) -> Answer {
    let mut request = script(app, Method::GET, PREFIX);
    for value in authorization {
        request = request.header(header::AUTHORIZATION, *value);
    }
    browser.send(request.body(Body::empty()).expect("a request")).await
}

#[track_caller]
fn assert_unauthenticated(answer: &Answer, challenge: &str) {
    assert_eq!(answer.status, 401, "{}", answer.body);
    assert_eq!(answer.body, r#"{"code":"unauthenticated"}"#);
    assert_eq!(answer.header("www-authenticate"), challenge);
}

#[tokio::test]
async fn an_upstream_gets_a_token_for_itself_only() {
    let service = upstream::echo().await;
    let app = app_before(service).await;
    let mut ada = app.signed_in("ada").await;
    let received = received(&app, &mut ada).await;
    let Parts { header, claims, signed, signature } = Parts::of(received.token());
    let key_id = app.store.list_signing_keys().await.expect("the store responds")[0].id.clone();
    assert_eq!(header, json!({"typ": "at+jwt", "alg": "EdDSA", "kid": key_id}));
    let (session, now) = (app.session(ada.session_id()).await, app.now().as_seconds());
    let expected = json!({
        "iss": app.origin, "aud": format!("http://{service}"), "sub": session.user_id.as_uuid(), "client_id": "web",
        "sid": session.id.as_uuid(), "iat": now, "nbf": now, "exp": now + 300, "jti": claims["jti"],
    });
    assert_eq!(claims, expected);
    assert!(claims["jti"].as_str().is_some_and(|id| Uuid::parse_str(id).is_ok()));
    let public = UnparsedPublicKey::new(&ED25519, Forger::with_our_key(&app).await.public_key());
    public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).expect("base64url")).expect("our signature");
    assert_eq!(received.header("cookie"), "");
}

#[tokio::test]
async fn an_upstreams_token_is_not_accepted_here() {
    let app = app_before(upstream::echo().await).await;
    let mut ada = app.signed_in("ada").await;
    let token = received(&app, &mut ada).await.token().to_owned();

    let mut service = app.browser();
    service.set("accessToken", &token);
    service.get(ACCOUNT).await.assert_status(303);
    assert_unauthenticated(&fetch(&app, &mut service, PREFIX).await, "Bearer");
    let answer = fetch_with(&app, &mut app.browser(), &[&format!("Bearer {token}")]).await;
    assert_unauthenticated(&answer, "Bearer error=\"invalid_token\"");
}

#[tokio::test]
async fn a_token_is_reused_until_shortly_before_its_expiry() {
    let app = app_before(upstream::echo().await).await;
    let mut ada = app.signed_in("ada").await;
    let first = received(&app, &mut ada).await.token().to_owned();
    app.advance(Duration::from_secs(239));
    assert_eq!(received(&app, &mut ada).await.token(), first);
    app.advance(Duration::from_secs(1));
    let second = received(&app, &mut ada).await.token().to_owned();
    assert_ne!(second, first);
    assert_eq!(Parts::of(&second).claims["exp"], app.now().as_seconds() + 300);

    let mut grace = app.signed_in("grace").await;
    assert_ne!(Parts::of(received(&app, &mut grace).await.token()).claims["sub"], Parts::of(&second).claims["sub"]);
}

#[tokio::test]
async fn no_other_spelling_bypasses_a_route_that_requires_a_user() {
    let service = upstream::echo().await;
    let app = app_with(vec![
        route("/api/shop", service, TokenPolicy::None),
        route("/api/shop/admin", service, TokenPolicy::User),
    ])
    .await;
    let put = |path: &str| script(&app, Method::PUT, path).body(Body::from("{}")).expect("a request");
    assert_unauthenticated(&app.browser().send(put("/api/shop/admin/x")).await, "Bearer");
    for path in ["/api/shop/%61dmin/x", "/api/shop/%2561dmin/x", "/api/shop/admin;a=1/x", "/api/shop/Admin/x"] {
        app.browser().send(put(path)).await.assert_status(400).assert_shows("bad_request");
    }
    for path in ["/api/shop/x", "/api/shop/administrators", "/api/shop/x/admin"] {
        app.browser().send(put(path)).await.assert_status(200);
    }
}

#[tokio::test]
async fn it_lives_no_longer_than_an_access_token() {
    let service = upstream::echo().await;
    let app = TestApp::with_config(|config| {
        config.gateway.routes = vec![route(PREFIX, service, TokenPolicy::User)];
        config.auth.access_ttl = Duration::from_secs(5);
    })
    .await;
    let mut ada = app.signed_in("ada").await;
    let claims = Parts::of(received(&app, &mut ada).await.token()).claims;
    assert_eq!(claims["exp"], app.now().as_seconds() + 5);
}

#[tokio::test]
async fn routes_with_one_audience_share_a_token() {
    let (one, two) = (upstream::echo().await, upstream::echo().await);
    let audience = |route| RouteConfig { audience: Some("https://services.example".to_owned()), ..route };
    let routes =
        [route("/api/notes", one, TokenPolicy::User), route("/api/files", two, TokenPolicy::User)].map(audience);
    let app = app_with(routes.into()).await;
    let mut ada = app.signed_in("ada").await;
    let notes = RequestKind::read(&fetch(&app, &mut ada, "/api/notes").await.body);
    let files = RequestKind::read(&fetch(&app, &mut ada, "/api/files").await.body);
    assert_eq!(notes.token(), files.token());
    assert_eq!(Parts::of(notes.token()).claims["aud"], "https://services.example");
}

#[tokio::test]
async fn an_anonymous_call_is_refused_before_the_upstream_is_called() {
    // If it were called, the response would be 502.
    let app = app_before(upstream::closed_port().await).await;
    assert_unauthenticated(&fetch(&app, &mut app.browser(), PREFIX).await, "Bearer");
    let page = app.browser().get(PREFIX).await.assert_status(401).assert_shows("Please sign in");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn an_ended_session_is_anonymous() {
    let app = app_before(upstream::echo().await).await;
    let mut ada = app.signed_in("ada").await;
    received(&app, &mut ada).await;
    let stolen = ada.clone();
    ada.submit("/api/session/logout", &[]).await.assert_status(303);
    let mut thief = stolen;
    assert_unauthenticated(&fetch(&app, &mut thief, PREFIX).await, "Bearer");
}

#[tokio::test]
async fn a_user_or_anonymous() {
    let app = app_with(vec![route(PREFIX, upstream::echo().await, TokenPolicy::UserOrAnonymous)]).await;
    assert_eq!(received(&app, &mut app.browser()).await.header("authorization"), "");
    let mut ada = app.signed_in("ada").await;
    let claims = Parts::of(received(&app, &mut ada).await.token()).claims;
    assert_eq!(claims["sid"], json!(ada.session_id().as_uuid()));
    // A visitor who may be signed in is not treated as anonymous: the script refreshes and retries.
    ada.delete("accessToken");
    assert_unauthenticated(&fetch(&app, &mut ada, PREFIX).await, "Bearer");
}

#[tokio::test]
async fn a_visitor_who_can_never_refresh_is_anonymous() {
    let app = app_with(vec![route(PREFIX, upstream::echo().await, TokenPolicy::UserOrAnonymous)]).await;
    let mut ada = app.signed_in("ada").await;
    let mut phone = ada.clone();
    ada.submit(api::LOGOUT, &[]).await.assert_status(303);
    phone.delete("accessToken");
    assert_eq!(received(&app, &mut phone).await.header("authorization"), "");
    let mut anonymous = app.browser();
    anonymous.set("refreshToken", "nonsense");
    assert_eq!(received(&app, &mut anonymous).await.header("authorization"), "");

    // What cannot be determined is not guessed.
    app.store_is(Condition::Down);
    fetch(&app, &mut phone, PREFIX).await.assert_status(503);
}

#[tokio::test]
async fn the_application_itself() {
    let app = app_with(vec![route(PREFIX, upstream::echo().await, TokenPolicy::Client)]).await;
    let of_anonymous = received(&app, &mut app.browser()).await;
    let claims = Parts::of(of_anonymous.token()).claims;
    assert_eq!((&claims["sub"], &claims["client_id"], claims.get("sid")), (&json!("web"), &json!("web"), None));
    let mut ada = app.signed_in("ada").await;
    let answer = fetch_with(&app, &mut ada, &["Bearer hers"]).await.assert_status(200);
    assert_eq!(RequestKind::read(&answer.body).token(), of_anonymous.token());
}

#[tokio::test]
async fn without_a_token_from_here_the_clients_own_is_forwarded() {
    let app = app_with(vec![route(PREFIX, upstream::echo().await, TokenPolicy::None)]).await;
    let mut ada = app.signed_in("ada").await;
    assert_eq!(received(&app, &mut ada).await.header("authorization"), "");
    let answer = fetch_with(&app, &mut ada, &["Basic b25lOnR3bw=="]).await.assert_status(200);
    assert_eq!(RequestKind::read(&answer.body).header("authorization"), "Basic b25lOnR3bw==");
}

#[tokio::test]
async fn an_access_token_may_come_without_cookies() {
    let app = app_before(upstream::echo().await).await;
    let ada = app.signed_in("ada").await;
    let bearer = format!("bEARER {}", ada.cookie("accessToken").expect("an access token"));
    let answer = fetch_with(&app, &mut app.browser(), &[&bearer]).await.assert_status(200);
    let claims = Parts::of(RequestKind::read(&answer.body).token()).claims;
    assert_eq!(claims["sid"], json!(ada.session_id().as_uuid()));
    for worthless in ["Bearer", "Bearer ", "Bearer x.y.z", "Basic b25lOnR3bw==", "", "é"] {
        let answer = fetch_with(&app, &mut app.browser(), &[worthless]).await;
        assert_unauthenticated(&answer, "Bearer error=\"invalid_token\"");
    }
}

#[tokio::test]
async fn two_credentials_are_refused() {
    let app = app_before(upstream::echo().await).await;
    let mut ada = app.signed_in("ada").await;
    let own = format!("Bearer {}", ada.cookie("accessToken").expect("an access token"));
    let grace = app.signed_in("grace").await;
    let other = format!("Bearer {}", grace.cookie("accessToken").expect("an access token"));
    fetch_with(&app, &mut ada, &[&own]).await.assert_status(200);
    fetch_with(&app, &mut ada, &[&other]).await.assert_status(400).assert_shows("bad_request");
    fetch_with(&app, &mut ada, &["Bearer nonsense"]).await.assert_status(400);
    fetch_with(&app, &mut ada, &[&own, &own]).await.assert_status(400);
    ada.delete("accessToken");
    fetch_with(&app, &mut ada, &[&other]).await.assert_status(400);
}

#[tokio::test]
async fn a_request_that_cannot_refresh_is_refreshed_here() {
    let app = app_before(upstream::echo().await).await;
    for (kind, headers) in [
        ("an event stream", [("accept", "text/event-stream"), ("sec-fetch-dest", "empty")]),
        ("a picture", [("accept", "image/*"), ("sec-fetch-dest", "image")]),
        ("no browser", [("accept", "*/*"), ("sec-fetch-dest", "")]),
    ] {
        let mut ada = app.signed_in("ada").await;
        ada.delete("accessToken");
        let mut request = Request::get(PREFIX).header("sec-fetch-site", "same-origin");
        for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(name, value);
        }
        let answer = ada.send(request.body(Body::empty()).expect("a request")).await.assert_status(200);
        assert_eq!(answer.issued(), ALL_COOKIES, "{kind}");
        assert_eq!(Parts::of(RequestKind::read(&answer.body).token()).claims["sid"], json!(ada.session_id().as_uuid()));
    }
    let mut ada = app.signed_in("ada").await;
    ada.delete("accessToken");
    assert_eq!(ada.get(PREFIX).await.assert_status(200).issued(), ALL_COOKIES);
}

#[tokio::test]
async fn a_request_that_can_refresh_or_must_change_nothing_is_not() {
    let app = app_before(upstream::echo().await).await;
    let mut ada = app.signed_in("ada").await;
    ada.delete("accessToken");
    assert_unauthenticated(&fetch(&app, &mut ada, PREFIX).await, "Bearer");
    let head = navigation(Method::HEAD, PREFIX).body(Body::empty()).expect("a request");
    assert!(ada.send(head).await.assert_status(401).set_cookies().is_empty());
    let prefetch = navigation(Method::GET, PREFIX).header("sec-purpose", "prefetch").body(Body::empty());
    assert!(ada.send(prefetch.expect("a request")).await.assert_status(401).set_cookies().is_empty());
    assert_eq!(app.session(ada.session_id()).await.generation.number(), 1);
}

#[tokio::test]
async fn a_late_picture_deletes_no_cookies() {
    let app = app_before(upstream::echo().await).await;
    let mut anonymous = app.browser();
    anonymous.set("refreshToken", "nonsense");
    let picture = Request::get(PREFIX).header("sec-fetch-dest", "image").body(Body::empty()).expect("a request");
    assert!(anonymous.send(picture).await.assert_status(401).set_cookies().is_empty());
}

#[tokio::test]
async fn a_request_meant_for_another_user_is_not_forwarded() {
    let app = app_with(vec![route(PREFIX, upstream::echo().await, TokenPolicy::UserOrAnonymous)]).await;
    let (mut ada, grace) = (app.signed_in("ada").await, app.signed_in("grace").await);
    let meant_for = |id: String| script(&app, Method::PUT, PREFIX).header("expected-user", id).body(Body::empty());
    let id_of = async |browser: &Browser<'_>| app.session(browser.session_id()).await.user_id.to_string();
    let hers = meant_for(id_of(&ada).await).expect("a request");
    assert_eq!(RequestKind::read(&ada.send(hers).await.assert_status(200).body).header("expected-user"), "");
    let not_hers = meant_for(id_of(&grace).await).expect("a request");
    assert_eq!(ada.send(not_hers).await.assert_status(409).body, r#"{"code":"other_user"}"#);
    let nobodys = meant_for(id_of(&grace).await).expect("a request");
    app.browser().send(nobodys).await.assert_status(200);
}

/// An upstream that refuses every token, and records them.
async fn refusing() -> (std::net::SocketAddr, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let router = Router::new().fallback(move |request: Request| {
        let token = request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().expect("ASCII").to_owned());
        notes.lock().expect("notes").push(token.unwrap_or_default());
        async { (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")], "no") }
    });
    (upstream::serve(router).await, seen)
}

#[tokio::test]
async fn an_upstream_that_refuses_a_valid_token_is_at_fault_and_no_refresh_follows() {
    let (service, seen) = refusing().await;
    let app = app_before(service).await;
    let mut ada = app.signed_in("ada").await;
    for _ in 0..2 {
        let answer = fetch(&app, &mut ada, PREFIX).await.assert_status(502).assert_shows("unavailable");
        assert_eq!(answer.header("www-authenticate"), "");
        assert!(answer.set_cookies().is_empty());
    }
    let seen = seen.lock().expect("notes").clone();
    assert_eq!(seen.len(), 2, "called once each time");
    assert_ne!(seen[0], seen[1], "the second time with a fresh token");
}

#[tokio::test]
async fn an_upstream_may_refuse_an_anonymous_call() {
    let (service, _) = refusing().await;
    let app = app_with(vec![route(PREFIX, service, TokenPolicy::UserOrAnonymous)]).await;
    let answer = fetch(&app, &mut app.browser(), PREFIX).await.assert_status(401).assert_shows("no");
    assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
}
