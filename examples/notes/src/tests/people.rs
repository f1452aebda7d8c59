//! The people whose notes these are, and what they hear.

use super::issuer::{AUDIENCE, Issuer, NAME, SigningKey};
use crate::{
    bearer::TokenCheck,
    feed::Feed,
    keys::Keys,
    routes::{self, Service},
    store::Store,
};
use axum::{
    Router,
    body::{Body, BodyDataStream},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::time::timeout;
use tower::ServiceExt as _;

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running service. Its database goes when it goes.
pub struct Stage {
    pub router: Router,
    pub feed: Arc<Feed>,
    pub keys: Arc<Keys>,
    _folder: TempDir,
}

/// Somebody with a token. The notes they name are found again by their title.
pub struct Person {
    pub router: Router,
    pub token: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

/// A stream of changes that somebody listens to.
pub struct Stream(BodyDataStream);

impl Stage {
    /// A service that believes `issuer`, and asks it for keys once in a `pause` at most.
    pub async fn new(issuer: &Issuer, pause: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("notes.sqlite3")).await.unwrap();
        let keys = Arc::new(Keys::new(issuer.url.clone(), pause));
        let tokens = Arc::new(TokenCheck::new(NAME, AUDIENCE, Arc::clone(&keys)));
        let feed = Arc::new(Feed::default());
        let router = routes::router(Service { tokens, store, feed: Arc::clone(&feed) });
        Self { router, feed, keys, _folder: folder }
    }

    pub fn holder_of(&self, token: impl Into<String>) -> Person {
        Person { router: self.router.clone(), token: token.into() }
    }
}

/// A service, and two people who have nothing to do with each other.
pub async fn alice_and_bob() -> (Stage, Person, Person) {
    let key = SigningKey::new("key");
    let stage = Stage::new(&Issuer::with(&[&key]).await, Duration::ZERO).await;
    let (alice, bob) = (stage.holder_of(key.token_of("alice")), stage.holder_of(key.token_of("bob")));
    (stage, alice, bob)
}

impl Person {
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, None).await
    }

    /// Writes a note and returns it.
    pub async fn write(&self, title: &str, text: &str) -> Value {
        self.post("/", json!({ "title": title, "text": text })).await.assert_status(201).body
    }

    /// The titles of what is there, or of what is found.
    pub async fn titles(&self, query: &str) -> Vec<String> {
        let list = self.get(&format!("/{query}")).await.assert_status(200).body;
        let notes = list["notes"].as_array().unwrap();
        notes.iter().map(|note| note["title"].as_str().unwrap().to_owned()).collect()
    }

    /// Listens to changes.
    pub async fn listen(&self) -> Result<Stream, Answer> {
        let request = Request::get("/changes").header(header::AUTHORIZATION, self.authorization());
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        if response.status() != StatusCode::OK {
            return Err(Answer::of(response).await);
        }
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Ok(Stream(response.into_body().into_data_stream()))
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, self.authorization())
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())));
        self.send(request.unwrap()).await
    }
}

impl Answer {
    async fn of(response: axum::response::Response) -> Self {
        let (head, body) = response.into_parts();
        assert_eq!(head.headers[header::CACHE_CONTROL], "no-store");
        let body = body.collect().await.unwrap().to_bytes();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        Self { status: head.status, headers: head.headers, body }
    }

    #[track_caller]
    pub fn assert_status(self, expected: u16) -> Self {
        assert_eq!(self.status, expected, "{}", self.body);
        self
    }

    /// The answer is a refusal, with this code.
    #[track_caller]
    pub fn assert_refusal(self, status: u16, code: &str) -> Self {
        let answer = self.assert_status(status);
        assert_eq!(answer.body["code"], code, "{}", answer.body);
        answer
    }

    pub fn challenge(&self) -> Option<&str> {
        self.headers.get(header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok())
    }
}

impl Stream {
    /// The revision that is told next. Nothing if the stream has ended.
    pub async fn next(&mut self) -> Option<i64> {
        let event = timeout(PATIENCE, self.0.next()).await.expect("nothing was told").transpose().unwrap()?;
        let event = String::from_utf8(event.to_vec()).unwrap();
        assert!(event.starts_with("event: revision\n") && event.ends_with("\nretry: 1000\n\n"), "{event}");
        Some(event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap().parse().unwrap())
    }

    /// Whether nothing is told for now.
    pub async fn is_silent(&mut self) -> bool {
        tokio::task::yield_now().await;
        timeout(Duration::ZERO, self.0.next()).await.is_err()
    }
}
