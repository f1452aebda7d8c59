use super::*;
use crate::server::transport::PeerAddress;
use axum::{
    Extension, Router,
    body::Body,
    middleware::{self, Next},
    routing::get,
};
use std::{
    fmt::{self, Write},
    sync::Mutex,
    time::Duration,
};
use tower::ServiceExt;
use tracing::{
    field::{Field, Visit},
    span,
};

/// Collects what is logged: one text per event, with its level, its span's id and its fields.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>, Arc<Mutex<String>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("tokenlife") || metadata.is_span()
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut text = String::new();
        attributes.record(&mut Fields(&mut text));
        *self.1.lock().unwrap() = text;
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = format!("{} {}", event.metadata().level(), event.metadata().target());
        event.record(&mut Fields(&mut text));
        self.0.lock().unwrap().push(text);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Log {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn app() -> Router {
    let router = Router::new()
        .route("/", get(|Extension(id): Extension<RequestId>| async move { id.as_str().to_owned() }))
        .route("/health/live", get(|| async { "ok" }))
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_mins(1)).await }));
    let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]);
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let proxies = proxies.clone();
        async move { request_id(&proxies, request, |request| next.run(request)).await }
    }))
}

fn request(path: &str, peer: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    for (name, value) in headers {
        let name = HeaderName::try_from(*name).unwrap();
        request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    request.extensions_mut().insert(PeerAddress(format!("{peer}:1").parse().unwrap()));
    request.extensions_mut().insert(ClientAddress(peer.parse().unwrap()));
    request
}

async fn id_for(peer: &str, given: &[&str]) -> String {
    let headers: Vec<_> = given.iter().map(|id| ("x-request-id", *id)).collect();
    let response = app().oneshot(request("/", peer, &headers)).await.unwrap();
    response.headers()[X_REQUEST_ID].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_request_gets_an_id_of_its_own() {
    let (one, other) = (id_for("198.51.100.1", &[]).await, id_for("198.51.100.1", &[]).await);
    assert_eq!(one.len(), 16);
    assert_ne!(one, other);
}

#[tokio::test]
async fn the_id_of_a_trusted_proxy_is_kept() {
    assert_eq!(id_for("10.0.0.1", &["Req-1_a"]).await, "Req-1_a");
    assert_ne!(id_for("198.51.100.1", &["Req-1_a"]).await, "Req-1_a", "not from an untrusted peer");
    let long = "a".repeat(65);
    for bad in [&["a b"][..], &[""], &["a\u{e9}"], &[&long], &["a", "b"], &["<script>"], &["a.b"]] {
        assert_eq!(id_for("10.0.0.1", bad).await.len(), 16, "{bad:?}");
    }
}

#[tokio::test]
async fn handlers_see_the_id_of_the_response() {
    let response = app().oneshot(request("/", "198.51.100.1", &[])).await.unwrap();
    let id = response.headers()[X_REQUEST_ID].clone();
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    assert_eq!(id.as_bytes(), body);
}

#[tokio::test]
async fn one_line_per_request_without_secrets() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let headers = [
        ("user-agent", "Mozilla\u{1b}[31m/5.0"),
        ("cookie", "refreshToken=secret-cookie"),
        ("authorization", "Bearer secret-bearer"),
        ("x-request-id", "abc"),
    ];
    // An escape is not a legal header byte; Latin-1 and C1 controls are.
    let mut request = request("/nowhere?token=secret-query", "10.0.0.1", &headers[1..]);
    let user_agent = HeaderValue::from_bytes("Mozilla\u{9b}31m\u{202e}/5.0".as_bytes()).unwrap();
    request.headers_mut().insert(header::USER_AGENT, user_agent);
    app().oneshot(request).await.unwrap();

    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    for part in
        ["INFO tokenlife::access", "method=GET", "path=/nowhere", "status=404", "duration_ms=", "client=10.0.0.1"]
    {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(line.contains(r"user_agent=Mozilla\u{9b}31m\u{202e}/5.0"), "{line}");
    assert!(!line.contains("secret") && !line.contains('?'), "{line}");
    assert_eq!(*log.1.lock().unwrap(), " id=\"abc\"");
}

#[tokio::test]
async fn probes_are_quiet() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    app().oneshot(request("/health/live", "198.51.100.1", &[])).await.unwrap();
    assert!(log.lines()[0].starts_with("DEBUG tokenlife::access"), "{:?}", log.lines());
}

#[tokio::test]
async fn a_client_that_disconnects_is_logged_too() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let response = app().oneshot(request("/slow", "198.51.100.1", &[]));
    assert!(tokio::time::timeout(Duration::from_millis(10), response).await.is_err());
    let lines = log.lines();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("status=499") && lines[0].contains("client went away"), "{lines:?}");
}
