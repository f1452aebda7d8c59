//! A browser: a cookie jar that obeys `Set-Cookie`, and the headers a real one sends.

use super::{Answer, TestApp};
use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, header},
};
use cookie::{Cookie, time::Duration as MaxAge};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use tokenlife::server::{
    clock::Timestamp, domain::session::SessionId, service::sessions::IssuedSession, transport::PeerAddress,
};
use tower::ServiceExt as _;

pub const ALL_COOKIES: [&str; 3] = ["accessToken", "refreshToken", "tokenLife"];

#[derive(Clone)]
pub struct Browser<'a> {
    app: &'a TestApp,
    jar: BTreeMap<String, (String, Option<Timestamp>)>,
    pub email: String,
    /// Its client address.
    peer: Option<SocketAddr>,
    /// Its `User-Agent`.
    user_agent: Option<&'static str>,
}

impl<'a> Browser<'a> {
    pub fn new(app: &'a TestApp) -> Self {
        Self { app, jar: BTreeMap::new(), email: String::new(), peer: None, user_agent: None }
    }

    /// The same browser with another client address.
    pub fn at(mut self, address: &str) -> Self {
        self.peer = Some(SocketAddr::new(address.parse().expect("an address"), 49_152));
        self
    }

    /// The same browser, with its cookies, in front of another instance.
    pub fn in_front_of<'b>(&self, app: &'b TestApp) -> Browser<'b> {
        Browser { app, jar: self.jar.clone(), email: self.email.clone(), peer: self.peer, user_agent: self.user_agent }
    }

    /// The same browser with another `User-Agent`.
    pub fn called(mut self, user_agent: &'static str) -> Self {
        self.user_agent = Some(user_agent);
        self
    }

    /// Opens a page, as from the address bar.
    pub async fn get(&mut self, path: &str) -> Answer {
        let request = navigation(Method::GET, path).header("sec-fetch-site", "none").body(Body::empty());
        self.send(request.expect("a request")).await
    }

    /// Sends a plain form, as without JavaScript.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = navigation(Method::POST, path)
            .header("sec-fetch-site", "same-origin")
            .header(header::ORIGIN, &self.app.origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(encode(fields)));
        self.send(request.expect("a request")).await
    }

    /// Calls a server function, as a script does.
    pub async fn call(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.script_call(path, fields);
        self.send(request).await
    }

    pub fn script_call(&self, path: &str, fields: &[(&str, &str)]) -> Request<Body> {
        Request::post(path)
            .header(header::ACCEPT, "application/json")
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "cors")
            .header("sec-fetch-dest", "empty")
            .header(header::ORIGIN, &self.app.origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(encode(fields)))
            .expect("a request")
    }

    /// Sends a request with this jar's cookies, and stores those of the response.
    pub async fn send(&mut self, request: Request<Body>) -> Answer {
        let answer = self.send_only(request).await;
        self.keep(&answer);
        answer
    }

    /// Sends a request with this jar's cookies; the response is lost in transit.
    pub async fn send_only(&self, mut request: Request<Body>) -> Answer {
        if let Some(cookies) = self.cookie_header() {
            request.headers_mut().insert(header::COOKIE, cookies.parse().expect("a header value"));
        }
        if let Some(user_agent) = self.user_agent {
            request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(user_agent));
        }
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(PeerAddress(peer));
        }
        let answered = self.app.router.clone().oneshot(request).await.expect("the router responds");
        Answer::read(answered).await
    }

    /// Puts the cookies of a response into the jar.
    pub fn keep(&mut self, answer: &Answer) {
        for line in answer.set_cookies() {
            let cookie = Cookie::parse(line).expect("a cookie");
            let max_age = cookie.max_age().map(MaxAge::whole_seconds);
            if max_age.is_some_and(|age| age <= 0) {
                self.jar.remove(cookie.name());
                continue;
            }
            let expires = max_age.map(|age| self.app.now() + Duration::from_secs(age.unsigned_abs()));
            self.jar.insert(cookie.name().to_owned(), (cookie.value().to_owned(), expires));
        }
    }

    /// Puts tokens into the jar that were issued without a request.
    pub fn take(&mut self, issued: &IssuedSession) {
        let life = issued.tokens.life;
        let access_ends = self.app.now() + Duration::from_secs(life.seconds().unsigned_abs());
        let refresh_ends = self.app.now() + issued.tokens.refresh_life;
        for (name, value, ends) in [
            ("accessToken", issued.tokens.access.as_str(), access_ends),
            ("refreshToken", issued.tokens.refresh.as_str(), refresh_ends),
            ("tokenLife", &life.to_string(), access_ends),
        ] {
            self.jar.insert(name.to_owned(), (value.to_owned(), Some(ends)));
        }
    }

    pub fn cookie_header(&self) -> Option<String> {
        let live = self.jar.iter().filter(|(_, (_, expires))| expires.is_none_or(|at| at > self.app.now()));
        let pairs: Vec<String> = live.map(|(name, (value, _))| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        let (value, expires) = self.jar.get(name)?;
        expires.is_none_or(|at| at > self.app.now()).then_some(value)
    }

    pub fn cookie_names(&self) -> Vec<&str> {
        self.jar.keys().map(String::as_str).filter(|name| self.cookie(name).is_some()).collect()
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.jar.insert(name.to_owned(), (value.to_owned(), None));
    }

    pub fn delete(&mut self, name: &str) {
        self.jar.remove(name);
    }

    /// The session this browser is signed in to.
    pub fn session_id(&self) -> SessionId {
        let token = self.cookie("refreshToken").expect("a refresh token");
        self.app.state.sessions.present_refresh(token).session_id().expect("a genuine token")
    }

    /// Whether a page that needs a session is shown.
    pub async fn is_signed_in(&mut self) -> bool {
        let answer = self.get("/account").await;
        match answer.status.as_u16() {
            200 => true,
            303 => false,
            other => panic!("{other}: {}", answer.body),
        }
    }
}

pub fn navigation(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::ACCEPT, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
        .header("sec-fetch-user", "?1")
}

pub fn encode(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
