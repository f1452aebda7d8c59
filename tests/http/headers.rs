//! The headers of every response, whatever produced it.

use crate::support::{Answer, Browser, Condition, TestApp, html, test_app::minutes};
use axum::{
    body::Body,
    http::{Method, Request, header, request::Builder},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::collections::{BTreeMap, HashSet};
use tokenlife::paths::{ACCOUNT, HOME, LOGIN, SIGN_UP, api, health};

const JSON: &str = "application/json";
const PAGE: &str = "text/html";

/// Every kind of response, collected on one walk through the application.
struct Walk<'a> {
    app: &'a TestApp,
    seen: Vec<(String, Answer)>,
}

impl<'a> Walk<'a> {
    async fn through(app: &'a TestApp) -> Self {
        let mut walk = Self { app, seen: Vec::new() };
        walk.pages_and_files().await;
        walk.functions().await;
        walk.refusals().await;
        walk.faults().await;
        walk
    }

    async fn see(&mut self, browser: &mut Browser<'_>, request: Builder, body: &str, status: u16) {
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        let what = format!("{} {} {:?}", request.method(), request.uri().path(), request.headers().get("accept"));
        let what = what.chars().take(200).collect::<String>();
        let answer = browser.send(request).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.body);
        self.seen.push((what, answer));
    }

    async fn pages_and_files(&mut self) {
        let mut anonymous = self.app.browser();
        let mut ada = self.app.signed_in("ada").await;
        for (status, path) in [
            (200, HOME),
            (200, LOGIN),
            (200, SIGN_UP),
            (303, ACCOUNT),
            (303, "/account/nowhere"),
            (404, "/nowhere"),
            (404, "/api/nowhere"),
            (404, "/metrics"),
            (404, "/docs"),
            (303, api::LOGIN),
            (405, api::REFRESH),
            (200, "/pkg/tokenlife.css"),
            (200, "/robots.txt"),
            (404, "/missing.css"),
            (404, "/pkg/missing.js"),
            (404, "/.git/config"),
            (404, "/account/x.css"),
            (200, health::LIVE),
            (200, health::READY),
            (404, "/health/nowhere"),
        ] {
            for accept in [PAGE, JSON] {
                let status = if path == api::LOGIN && accept == JSON { 405 } else { status };
                self.see(&mut anonymous, Request::get(path).header("accept", accept), "", status).await;
                self.see(&mut anonymous, Request::head(path).header("accept", accept), "", status).await;
            }
        }
        for (status, path) in [(200, HOME), (200, LOGIN), (200, ACCOUNT), (404, "/account/nowhere"), (404, "/nowhere")]
        {
            self.see(&mut ada, Request::get(path).header("accept", PAGE), "", status).await;
        }
        let not_modified = Request::get("/robots.txt").header("if-modified-since", "Fri, 31 Dec 2100 23:59:59 GMT");
        self.see(&mut anonymous, not_modified, "", 304).await;
        self.see(&mut anonymous, Request::get("/robots.txt").header("range", "bytes=0-3"), "", 206).await;
        self.see(&mut anonymous, Request::get("/robots.txt").header("range", "bytes=900-"), "", 416).await;
        self.app.advance(minutes(61));
        self.see(&mut ada, Request::get(ACCOUNT).header("sec-purpose", "prefetch"), "", 204).await;
        self.see(&mut ada, Request::get(ACCOUNT).header("accept", PAGE), "", 200).await;
        assert_eq!(self.seen.last().expect("the page").1.issued().len(), 3);
    }

    async fn functions(&mut self) {
        let mut ada = self.app.signed_in("bea").await;
        for (function, status) in [
            (api::CURRENT, 200),
            (api::REFRESH, 200),
            (api::RATE_PASSWORD, 200),
            (api::RATE_PASSWORD, 429),
            (api::CHANGE_DISPLAY_NAME, 422),
            (api::SIGN_UP, 422),
            (api::LOGIN, 422),
            (api::LOGOUT, 200),
            (api::CHANGE_DISPLAY_NAME, 401),
            (api::REFRESH, 401),
        ] {
            self.see(&mut ada, form(function, JSON), "", status).await;
        }
        for (function, status) in
            [(api::LOGIN, 422), (api::SIGN_UP, 422), (api::LOGOUT, 303), (api::CHANGE_DISPLAY_NAME, 303)]
        {
            self.see(&mut ada, form(function, PAGE), "", status).await;
        }
        self.see(&mut ada, form(api::LOGIN, PAGE), "email=a%40b.example&password=x", 401).await;
    }

    async fn refusals(&mut self) {
        let mut anonymous = self.app.browser();
        let (long, large) = ("x".repeat(9000), "x".repeat(80_000));
        for accept in [PAGE, JSON] {
            let at = |method: Method, path: &str| Request::builder().method(method).uri(path).header("accept", accept);
            self.see(&mut anonymous, at(Method::POST, api::LOGIN).header("sec-fetch-site", "cross-site"), "", 403)
                .await;
            for method in [Method::TRACE, Method::CONNECT, Method::POST] {
                self.see(&mut anonymous, at(method, LOGIN), "", 405).await;
            }
            self.see(&mut anonymous, at(Method::POST, "/robots.txt"), "", 405).await;
            self.see(&mut anonymous, at(Method::DELETE, health::LIVE), "", 405).await;
            self.see(&mut anonymous, at(Method::POST, "/nowhere"), "", 404).await;
            self.see(&mut anonymous, form(api::LOGIN, accept), &large, 413).await;
            self.see(&mut anonymous, at(Method::GET, &format!("/{long}")), "", 414).await;
            self.see(&mut anonymous, at(Method::POST, api::LOGIN), "", 415).await;
            self.see(&mut anonymous, at(Method::GET, HOME).header("cookie", &large), "", 431).await;
            self.see(&mut anonymous, form(api::LOGIN, accept), "email=%ff&password[x]=1", 400).await;
        }
    }

    async fn faults(&mut self) {
        let mut cleo = self.app.signed_in("cleo").await;
        self.app.in_touch().await;
        let mut without_access = cleo.clone();
        for name in ["accessToken", "__Host-Http-accessToken"] {
            without_access.delete(name);
        }
        for (condition, status) in [(Condition::Down, 503), (Condition::Panics, 500), (Condition::Fine, 500)] {
            if condition == Condition::Fine {
                break_the_database(self.app).await;
            }
            self.app.store_is(condition);
            self.see(&mut cleo, Request::get(ACCOUNT).header("accept", PAGE), "", status).await;
            self.see(&mut cleo, form(api::CURRENT, JSON), "", status).await;
            self.see(
                &mut cleo,
                form(api::LOGIN, PAGE),
                "email=a%40b.example&password=x",
                if condition == Condition::Fine { 401 } else { status },
            )
            .await;
            // A panic while redeeming is an outage: the outcome is unknown.
            let status = if condition == Condition::Panics { 503 } else { status };
            self.see(&mut without_access, Request::get(ACCOUNT).header("accept", PAGE), "", status).await;
            self.see(&mut without_access, form(api::REFRESH, JSON), "", status).await;
            if condition == Condition::Down {
                self.see(&mut cleo, Request::get(health::READY), "", 503).await;
            }
        }
    }
}

fn form(path: &str, accept: &str) -> Builder {
    let request = Request::post(path).header(header::ACCEPT, accept);
    request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").header("sec-fetch-site", "same-origin")
}

/// Removes a table under the running application.
async fn break_the_database(app: &TestApp) {
    app.database.run("ALTER TABLE sessions RENAME TO gone").await;
}

#[track_caller]
fn only<'a>(answer: &'a Answer, name: &str, what: &str) -> &'a str {
    let values: Vec<_> = answer.headers.get_all(name).iter().collect();
    assert_eq!(values.len(), 1, "{name} of {what}: {values:?}");
    values[0].to_str().expect("ASCII")
}

fn directives(policy: &str) -> BTreeMap<&str, Vec<&str>> {
    policy
        .split(';')
        .map(|directive| directive.split_whitespace().collect::<Vec<_>>())
        .map(|words| (words[0], words[1..].to_vec()))
        .collect()
}

fn assert_policy(what: &str, answer: &Answer) {
    let is_page = answer.header("content-type").starts_with(PAGE);
    let policy = directives(only(answer, "content-security-policy", what));
    assert_eq!(policy["default-src"], ["'none'"], "{what}");
    assert_eq!(policy["frame-ancestors"], ["'none'"], "{what}");
    if !is_page {
        assert_eq!(policy.len(), 2, "what is no page may load nothing: {what}");
        return;
    }
    for (directive, allowed) in [
        ("base-uri", "'none'"),
        ("object-src", "'none'"),
        ("form-action", "'self'"),
        ("style-src", "'self'"),
        ("img-src", "'self'"),
        ("connect-src", "'self'"),
        ("font-src", "'self'"),
    ] {
        assert_eq!(policy[directive], [allowed], "{directive} of {what}");
    }
    let [nonce, rest @ ..] = policy["script-src"].as_slice() else { panic!("no script-src: {what}") };
    assert_eq!(rest, ["'strict-dynamic'", "'wasm-unsafe-eval'"], "{what}");
    let word = nonce.strip_prefix("'nonce-").and_then(|word| word.strip_suffix('\'')).expect("a nonce");
    assert!(URL_SAFE_NO_PAD.decode(word).expect("base64url").len() >= 16, "128 bits: {what}");
    assert_fits_policy(what, &answer.body, word);
}

/// Nothing in the page needs more than its policy allows, and nothing comes from elsewhere.
fn assert_fits_policy(what: &str, page: &str, nonce: &str) {
    for tag in html::tags(page) {
        if tag.name == "script" || tag.attribute("rel") == Some("modulepreload") {
            assert_eq!(tag.attribute("nonce"), Some(nonce), "{tag:?} in {what}");
        }
        assert!(!matches!(tag.name.as_str(), "style" | "base" | "iframe" | "object" | "embed"), "{tag:?} in {what}");
        for (name, value) in &tag.attributes {
            assert!(name != "style" && !name.starts_with("on") && name != "srcdoc", "{tag:?} in {what}");
            if matches!(name.as_str(), "href" | "src" | "action" | "formaction" | "poster" | "data") {
                let is_here = value.starts_with('#') || value.starts_with('/') && !value.starts_with("//");
                assert!(is_here, "{tag:?} in {what}");
            }
        }
    }
}

fn assert_protected(what: &str, answer: &Answer, is_https: bool) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(only(answer, name, what), value, "{name} of {what}");
    }
    let strict = answer.headers.get("strict-transport-security").map(|value| value.to_str().expect("ASCII"));
    assert_eq!(strict, is_https.then_some("max-age=63072000; includeSubDomains"), "{what}");
    for name in ["server", "x-powered-by", "via", "x-aspnet-version"] {
        assert!(!answer.headers.contains_key(name), "{name} of {what}");
    }
    assert_policy(what, answer);
    let is_file = (what.contains("/pkg/tokenlife.css") || what.contains("/robots.txt")) && answer.status.as_u16() < 400;
    let caching = only(answer, "cache-control", what);
    assert_eq!(caching, if is_file { "no-cache" } else { "no-store" }, "{what}");
    assert!(!is_file || answer.set_cookies().is_empty(), "{what}");
    if !answer.body.is_empty() {
        let content_type = only(answer, "content-type", what);
        let is_text = content_type.starts_with("text/");
        assert!(content_type == JSON || is_text && content_type.ends_with("; charset=utf-8"), "{what}: {content_type}");
    }
    assert!(!answer.status.is_server_error() || answer.set_cookies().is_empty(), "an error signs no user out: {what}");
}

#[tokio::test]
async fn every_response_carries_the_security_headers() {
    for is_https in [true, false] {
        let app = TestApp::with_config(|config| {
            config.limits.password_rating_per_address = "1/h".parse().expect("a rate");
            let url = if is_https { "https://example.com" } else { "http://127.0.0.1:3000" };
            config.http.public_url = url.parse().expect("a URL");
        });
        let app = app.await;
        let walk = Walk::through(&app).await;
        let statuses: HashSet<u16> = walk.seen.iter().map(|(_, answer)| answer.status.as_u16()).collect();
        for status in [200, 204, 206, 303, 304, 400, 401, 403, 404, 405, 413, 414, 415, 416, 422, 429, 431, 500, 503] {
            assert!(statuses.contains(&status), "no response had the status {status}");
        }
        for (what, answer) in &walk.seen {
            assert_protected(&format!("{} {what}", answer.status), answer, is_https);
        }
        let ids: HashSet<&str> = walk.seen.iter().map(|(what, answer)| only(answer, "x-request-id", what)).collect();
        assert!(ids.len() == walk.seen.len() && ids.iter().all(|id| id.len() == 16));
        let nonces: Vec<&str> = walk.seen.iter().filter_map(|(_, answer)| answer.nonce()).collect();
        assert_eq!(nonces.iter().collect::<HashSet<_>>().len(), nonces.len());
    }
}

#[tokio::test]
async fn no_nonce_comes_twice() {
    let app = TestApp::new().await;
    let mut nonces = HashSet::new();
    for _ in 0..1000 {
        let foreign = Request::post(api::LOGIN).header("accept", PAGE).header("sec-fetch-site", "cross-site");
        let page = app.browser().send(foreign.body(Body::empty()).expect("a request")).await;
        assert!(nonces.insert(page.assert_status(403).nonce().expect("a page").to_owned()));
    }
}

#[tokio::test]
async fn on_https_every_cookie_is_secure_and_bound_to_this_host() {
    let app = TestApp::on_https().await;
    let mut lines = Vec::new();
    let mut ada = app.signed_in("ada").await;
    app.advance(minutes(61));
    lines.extend(ada.get(ACCOUNT).await.assert_status(200).set_cookies());
    app.advance(minutes(61));
    lines.extend(ada.call(api::REFRESH, &[]).await.assert_status(200).set_cookies());
    ada.delete("__Host-tokenLife");
    lines.extend(ada.get(HOME).await.assert_status(200).set_cookies());
    ada.set("__Host-Http-accessToken", "nonsense");
    lines.extend(ada.get(HOME).await.assert_status(200).set_cookies());
    let mut copy = ada.clone();
    lines.extend(ada.submit(api::LOGOUT, &[]).await.assert_leads_to(HOME).set_cookies());
    assert!(ada.cookie_names().is_empty());
    lines.extend(copy.get(ACCOUNT).await.assert_leads_to(LOGIN).set_cookies());
    assert_eq!(copy.cookie_names(), ["__Host-Http-refreshToken"], "a late response deletes no new one");
    assert_eq!(lines.len(), 3 + 3 + 1 + 3 + 3 + 2);
    for line in lines {
        let cookie = cookie::Cookie::parse(&line).expect("a cookie");
        let readable = cookie.name() == "__Host-tokenLife";
        assert!(readable || matches!(cookie.name(), "__Host-Http-accessToken" | "__Host-Http-refreshToken"), "{line}");
        assert_eq!((cookie.secure(), cookie.path(), cookie.domain()), (Some(true), Some("/"), None), "{line}");
        assert_eq!(cookie.same_site(), Some(cookie::SameSite::Lax), "{line}");
        assert_eq!(cookie.http_only().unwrap_or_default(), !readable, "{line}");
        assert!(cookie.max_age().is_some() && line.len() < 4096, "{line}");
    }
}

#[tokio::test]
async fn only_the_exact_names_count() {
    for (app, right) in [(TestApp::on_https().await, "__Host-Http-"), (TestApp::new().await, "")] {
        let ada = app.signed_in("ada").await;
        let token = |name: &str| ada.cookie(&format!("{right}{name}")).expect("a token").to_owned();
        let (access, refresh) = (token("accessToken"), token("refreshToken"));
        for prefix in ["", "__Host-", "__Host-Http-", "__host-http-", "__HOST-HTTP-", "__Secure-", "__Http-"] {
            let mut other = app.browser();
            other.set(&format!("{prefix}accessToken"), &access);
            other.set(&format!("{prefix}refreshToken"), &refresh);
            assert_eq!(other.is_signed_in().await, prefix == right, "{prefix:?} where {right:?} is right");
        }
    }
}
