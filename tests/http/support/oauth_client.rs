//! A registered client of the token service.

use super::{Answer, TestApp, browser::encode};
use axum::{
    body::Body,
    http::{Request, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use tokenlife::{paths::oauth, server::service::clients::WEB};
use tower::ServiceExt as _;

pub struct OAuthClient<'a> {
    pub app: &'a TestApp,
    pub id: String,
    pub secret: String,
}

impl<'a> OAuthClient<'a> {
    /// One that has just been registered.
    pub async fn registered(app: &'a TestApp, id: &str) -> Self {
        let registered = app.state.clients.register(id, None, app.now()).await;
        Self { app, id: id.to_owned(), secret: registered.expect("a new client").as_str().to_owned() }
    }

    /// The client of the server functions.
    pub fn web(app: &'a TestApp) -> Self {
        Self { app, id: WEB.to_owned(), secret: app.state.keyring.web_client_secret().to_owned() }
    }

    pub fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.id, self.secret)))
    }

    /// Sends a form, and authenticates by the header.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        send(self.app, form(path, &encode(fields)).header(header::AUTHORIZATION, self.basic()), encode(fields)).await
    }

    pub async fn introspect(&self, token: &str) -> Value {
        let answer = self.post(oauth::INTROSPECT, &[("token", token)]).await.assert_status(200);
        serde_json::from_str(&answer.body).expect("JSON")
    }

    /// A token of its own.
    pub async fn own_token(&self) -> String {
        let answer = self.post(oauth::TOKEN, &[("grant_type", "client_credentials")]).await.assert_status(200);
        member(&answer, "access_token")
    }
}

/// A form without client authentication.
pub fn form(path: &str, body: &str) -> axum::http::request::Builder {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::CONTENT_LENGTH, body.len())
}

pub async fn send(app: &TestApp, request: axum::http::request::Builder, body: impl Into<Body>) -> Answer {
    let request = request.body(body.into()).expect("a request");
    Answer::read(app.router.clone().oneshot(request).await.expect("the router responds")).await
}

/// A member of a JSON response.
#[track_caller]
pub fn member(answer: &Answer, name: &str) -> String {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no JSON: {}", answer.body));
    body[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", answer.body)).to_owned()
}

/// The response is an error as in RFC 6749 §5.2: these members, no cookie, not cacheable.
#[track_caller]
pub fn assert_refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status.as_u16(), member(answer, "error").as_str()), (status, error), "{}", answer.body);
    assert!(!member(answer, "error_description").is_empty());
    assert_never_kept(answer);
    assert_eq!(answer.header("www-authenticate").starts_with("Basic realm="), status == 401);
}

#[track_caller]
pub fn assert_never_kept(answer: &Answer) {
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    assert!(answer.set_cookies().is_empty(), "{:?}", answer.set_cookies());
}
