//! The notes page, whose notes an upstream keeps.

use crate::support::{Answer, TestApp, html};
use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::{Method, StatusCode},
    response::IntoResponse,
};
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokenlife::{
    paths::{self, api},
    server::config::RouteConfig,
};
use tokio::net::TcpListener;

/// An upstream that holds two notes, and responds to changes as configured.
#[derive(Clone)]
struct Service {
    address: SocketAddr,
    received: Arc<Mutex<Vec<(Method, String, Value)>>>,
    answer: Arc<Mutex<(StatusCode, Value)>>,
}

impl Service {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let service = Self { address, received: Arc::default(), answer: Arc::default() };
        let router = Router::new().fallback(answer).with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        service
    }

    fn answers(&self, status: u16, body: Value) {
        *self.answer.lock().expect("a lock") = (StatusCode::from_u16(status).expect("a status"), body);
    }

    /// The changes that were requested.
    fn received(&self) -> Vec<(Method, String, Value)> {
        std::mem::take(&mut self.received.lock().expect("a lock"))
    }

    async fn app(&self) -> TestApp {
        let upstream = format!("http://{}", self.address).parse().expect("an address");
        let route = RouteConfig {
            prefix: paths::NOTES_SERVICE.to_owned(),
            upstream: Some(upstream),
            audience: Some("notes".to_owned()),
            ..RouteConfig::default()
        };
        TestApp::with_config(|config| config.gateway.routes = vec![route]).await
    }
}

async fn answer(State(service): State<Service>, request: Request) -> impl IntoResponse {
    let (head, body) = request.into_parts();
    let target = head.uri.to_string();
    if head.method == Method::GET {
        let note = |id: &str, title: &str, version: i64| json!({ "id": id, "title": title, "text": "one\n<two>", "version": version, "changed_at": 0 });
        let mut notes = vec![note("b", "Books", 2), note("a", "Äpfel & Birnen", 1)];
        if target.contains("q=books") {
            notes.truncate(1);
        } else if target.contains("q=nothing") {
            notes.clear();
        }
        return (StatusCode::OK, axum::Json(json!({ "revision": 2, "notes": notes })));
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or(Bytes::new());
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    service.received.lock().expect("a lock").push((head.method, target, body));
    let (status, body) = service.answer.lock().expect("a lock").clone();
    (status, axum::Json(body))
}

fn assert_returns_to_notes(answer: Answer) {
    answer.assert_status(303).assert_leads_to(paths::NOTES);
}

#[tokio::test]
async fn the_page_shows_the_notes_of_its_user() {
    let app = Service::start().await.app().await;
    let mut ada = app.signed_in("ada").await;
    let page = ada.get(paths::NOTES).await.assert_status(200);
    let page = page.assert_shows("Äpfel &amp; Birnen").assert_shows("one\n&lt;two&gt;").assert_shows("Books");
    page.assert_shows(r#"href="/notes""#);
    let found = ada.get("/notes?q=books").await.assert_status(200);
    found.assert_shows("Books").assert_hides("Birnen");
    let found = ada.get("/notes?q=nothing").await.assert_status(200);
    found.assert_shows("No notes match your search.").assert_hides("Books");
    let open = ada.get("/notes?edit=a").await.assert_status(200);
    let open = open.assert_shows(">\none\n&lt;two></textarea>");
    open.assert_shows(r#"action="/api/note/change""#).assert_shows(r#"value="Äpfel &amp; Birnen""#);
}

#[tokio::test]
async fn plain_forms_reach_the_service() {
    let service = Service::start().await;
    let app = service.app().await;
    let mut ada = app.signed_in("ada").await;
    let stored = json!({ "id": "c", "title": "New", "text": "", "version": 3 });
    service.answers(201, stored.clone());
    assert_returns_to_notes(ada.submit(api::ADD_NOTE, &[("title", "New"), ("text", "a\r\nb")]).await);
    service.answers(200, stored);
    let change = [("id", "c"), ("version", "3"), ("title", "Other"), ("text", "")];
    assert_returns_to_notes(ada.submit(api::CHANGE_NOTE, &change).await);
    service.answers(204, Value::Null);
    assert_returns_to_notes(ada.submit(api::DELETE_NOTE, &[("id", "c"), ("version", "4")]).await);
    assert_eq!(
        service.received(),
        [
            (Method::POST, "/".to_owned(), json!({ "title": "New", "text": "a\r\nb" })),
            (Method::PUT, "/c".to_owned(), json!({ "title": "Other", "text": "", "version": 3 })),
            (Method::DELETE, "/c?version=4".to_owned(), Value::Null),
        ],
    );
    let elsewhere = [("id", "../admin?x"), ("version", "3")];
    ada.submit(api::DELETE_NOTE, &elsewhere).await.assert_status(400);
    assert_eq!(service.received(), [], "what is no id of a note goes nowhere");
}

#[tokio::test]
async fn a_refused_form_is_shown_again_with_what_was_typed() {
    let service = Service::start().await;
    let app = service.app().await;
    let mut ada = app.signed_in("ada").await;
    service.answers(422, json!({ "code": "validation", "detail": [{ "field": "title", "problem": "required" }] }));
    let refused =
        ada.submit(api::ADD_NOTE, &[("title", ""), ("text", "typed </textarea><b>")]).await.assert_status(422);
    refused
        .assert_shows("Enter a title.")
        .assert_shows("typed &lt;/textarea>&lt;b>")
        .assert_hides("<b>")
        .assert_shows("Books");

    service.answers(409, json!({ "code": "conflict" }));
    let change = [("id", "a"), ("version", "0"), ("title", "My title"), ("text", "my text")];
    let refused = ada.submit(api::CHANGE_NOTE, &change).await.assert_status(409);
    let refused = refused.assert_shows("The current version is shown above. Save to replace it with yours, or cancel.");
    let refused = refused.assert_shows("my text").assert_shows("Birnen");
    refused.assert_shows(r#"name="version" value="1""#);

    service.answers(409, json!({ "code": "conflict" }));
    let refused = ada.submit(api::DELETE_NOTE, &[("id", "a"), ("version", "0")]).await.assert_status(409);
    let refused = refused.assert_shows("Here is its current version, which you can still delete.");
    refused.assert_shows("Birnen").assert_shows(r#"name="version" value="1""#);

    service.answers(409, json!({ "code": "full", "detail": { "max": 200 } }));
    let refused = ada.submit(api::ADD_NOTE, &[("title", "One more")]).await.assert_status(409);
    refused.assert_shows("You can have at most 200. Delete one first.").assert_shows("One more");
}

#[tokio::test]
async fn a_refused_change_replaces_nothing_but_what_was_seen() {
    let service = Service::start().await;
    let app = service.app().await;
    let mut ada = app.signed_in("ada").await;
    // The note is at version 1 by now.
    let change = [("id", "a"), ("version", "0"), ("title", ""), ("text", "my text")];
    for (status, body) in [
        (422, json!({ "code": "validation", "detail": [{ "field": "title", "problem": "required" }] })),
        (503, json!({ "code": "unavailable" })),
    ] {
        service.answers(status, body);
        let refused = ada.submit(api::CHANGE_NOTE, &change).await.assert_status(status);
        let refused = refused.assert_shows(r#"name="id" value="a""#).assert_shows("my text");
        // While the note is open there is no form to delete it: this one is the form to change it.
        refused.assert_shows(r#"name="version" value="0""#).assert_hides(r#"name="version" value="1""#);
    }
}

#[tokio::test]
async fn the_focus_is_where_there_is_something_to_type_or_to_correct() {
    let focused = |page: &Answer| {
        let tags = html::tags(&page.body).into_iter().filter(|tag| tag.attribute("autofocus").is_some());
        tags.map(|tag| tag.attribute("id").unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let service = Service::start().await;
    let app = service.app().await;
    let mut ada = app.signed_in("ada").await;
    assert_eq!(focused(&ada.get(paths::NOTES).await), Vec::<String>::new());
    assert_eq!(focused(&ada.get("/notes?edit=a").await), ["note-a-title"]);
    let problem = |field: &str| json!({ "code": "validation", "detail": [{ "field": field, "problem": "required" }] });
    let code = |code: &str| json!({ "code": code });
    let change = [("id", "a"), ("version", "0"), ("title", "My title"), ("text", "my text")];
    for (path, status, body, place) in [
        (api::ADD_NOTE, 422, problem("title"), "new-note-title"),
        (api::ADD_NOTE, 422, problem("text"), "new-note-text"),
        (api::ADD_NOTE, 503, code("unavailable"), "new-note-form-message"),
        (api::CHANGE_NOTE, 422, problem("text"), "note-a-text"),
        (api::CHANGE_NOTE, 409, code("conflict"), "note-a-form-message"),
        (api::CHANGE_NOTE, 404, code("not_found"), "note-a-gone"),
        (api::DELETE_NOTE, 409, code("conflict"), "note-a-form-message"),
    ] {
        service.answers(status, body);
        assert_eq!(focused(&ada.submit(path, &change).await.assert_status(status)), [place]);
    }
}

#[tokio::test]
async fn what_was_typed_into_a_note_that_is_gone_can_be_added_as_another() {
    let service = Service::start().await;
    let app = service.app().await;
    let mut ada = app.signed_in("ada").await;
    service.answers(404, json!({ "code": "not_found" }));
    let change = [("id", "gone"), ("version", "2"), ("title", "My title"), ("text", "my text")];
    let page = ada.submit(api::CHANGE_NOTE, &change).await.assert_status(404);
    let page = page.assert_shows("This note was deleted elsewhere in the meantime.").assert_shows("Books");
    let page = page.assert_shows(r#"value="My title""#).assert_shows("my text").assert_shows("Add as a new note");
    page.assert_shows("Dismiss").assert_hides(r#"action="/api/note/change""#);

    // The form as shown on that page.
    service.received();
    service.answers(201, json!({ "id": "d", "title": "My title", "text": "my text", "version": 3 }));
    assert_returns_to_notes(ada.submit(api::ADD_NOTE, &change).await);
    let added = json!({ "title": "My title", "text": "my text" });
    assert_eq!(service.received(), [(Method::POST, "/".to_owned(), added)]);
}

#[tokio::test]
async fn to_delete_what_is_gone_is_no_error() {
    let service = Service::start().await;
    let app = service.app().await;
    let mut ada = app.signed_in("ada").await;
    service.answers(404, json!({ "code": "not_found" }));
    assert_returns_to_notes(ada.submit(api::DELETE_NOTE, &[("id", "gone"), ("version", "2")]).await);
}

#[tokio::test]
async fn a_note_that_is_open_is_shown_whatever_is_searched_for() {
    let service = Service::start().await;
    let app = service.app().await;
    let mut ada = app.signed_in("ada").await;
    let page = ada.get("/notes?q=books&edit=a").await.assert_status(200);
    page.assert_shows("Books").assert_shows(r#"value="Äpfel &amp; Birnen""#);
    let page = ada.get("/notes?q=books&edit=gone").await.assert_status(200);
    page.assert_shows("Books").assert_hides("Birnen").assert_hides("/api/note/change");
}

#[tokio::test]
async fn a_note_of_the_greatest_length_arrives_by_a_plain_form_too() {
    let service = Service::start().await;
    let app = service.app().await;
    let mut ada = app.signed_in("ada").await;
    let text = "🦦".repeat(4000);
    service.answers(201, json!({ "id": "c", "title": "Long", "text": text, "version": 3 }));
    assert_returns_to_notes(ada.submit(api::ADD_NOTE, &[("title", "Long"), ("text", &text)]).await);
    assert_eq!(service.received()[0].2["text"], text);
}

#[tokio::test]
async fn an_outage_of_the_upstream_is_reported_and_loses_nothing() {
    let service = Service::start().await;
    let app = service.app().await;
    let mut ada = app.signed_in("ada").await;
    service.answers(503, json!({ "code": "unavailable" }));
    let refused = ada.submit(api::ADD_NOTE, &[("title", "Kept"), ("text", "typed")]).await.assert_status(503);
    refused.assert_shows(r#"value="Kept""#).assert_shows("typed").assert_shows("The notes cannot be reached");

    let closed_port =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port").local_addr().expect("an address");
    let app = Service { address: closed_port, ..service }.app().await;
    let mut ada = app.signed_in("ada").await;
    let page = ada.get(paths::NOTES).await.assert_status(503);
    let page = page.assert_shows("The notes cannot be reached").assert_shows("Sign out").assert_shows("New note");
    page.assert_hides("There are no notes yet.");
    let change = [("id", "a"), ("version", "1"), ("title", "Kept"), ("text", "typed")];
    let refused = ada.submit(api::CHANGE_NOTE, &change).await.assert_status(503);
    let refused = refused.assert_shows("The notes cannot be reached").assert_shows(r#"value="Kept""#);
    refused.assert_shows(r#"action="/api/note/change""#).assert_hides("deleted elsewhere");
}

#[tokio::test]
async fn an_anonymous_visitor_sees_no_notes() {
    let service = Service::start().await;
    let app = service.app().await;
    let mut anonymous = app.browser();
    anonymous.get("/notes?q=x").await.assert_status(303).assert_leads_to("/login?return_to=/notes%3Fq%3Dx");
    let form = [("title", "a"), ("id", "a"), ("version", "1")];
    for path in [api::ADD_NOTE, api::CHANGE_NOTE, api::DELETE_NOTE] {
        let page = anonymous.submit(path, &form).await.assert_status(401);
        page.assert_shows(r#"href="/login?return_to=/notes""#).assert_shows(r#"name="title" value="a""#);
    }
    assert_eq!(service.received(), []);
    anonymous.get("/").await.assert_hides(r#"href="/notes""#);
}

#[tokio::test]
async fn without_the_service_there_is_no_such_page() {
    let app = TestApp::new().await;
    let mut ada = app.signed_in("ada").await;
    ada.get(paths::NOTES).await.assert_status(404).assert_hides(r#"href="/notes""#);
}
