//! What passes, what does not, and what a service is told.

use super::{
    PREFIX, app_before, app_with, fetch, route, script,
    upstream::{self, RequestKind},
};
use crate::support::{Answer, TestApp};
use axum::{
    body::Body,
    http::{HeaderValue, Method, Request},
};
use std::net::SocketAddr;
use tokenlife::server::{
    config::{RouteConfig, TokenPolicy},
    transport::PeerAddress,
};

/// What a service is asked if a client sends these headers.
async fn asked_with(headers: &[(&'static str, &str)]) -> RequestKind {
    let app = app_before(upstream::echo().await).await;
    let mut ada = app.signed_in("ada").await;
    ada.set("theme", "dark");
    let mut request = script(&app, Method::GET, PREFIX).body(Body::empty()).expect("a request");
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_str(value).expect("a header value"));
    }
    RequestKind::read(&ada.send(request).await.assert_status(200).body)
}

/// What a client gets if a service answers with these headers.
async fn answer_with(token: TokenPolicy, status: u16, headers: &[(&'static str, &'static str)]) -> Answer {
    let app = app_with(vec![route(PREFIX, upstream::constant(status, headers, "body").await, token)]).await;
    let mut ada = app.signed_in("ada").await;
    fetch(&app, &mut ada, PREFIX).await.assert_status(status)
}

#[tokio::test]
async fn a_service_learns_where_a_request_came_from() {
    let service = upstream::echo().await;
    let app = TestApp::with_config(|config| {
        config.http.public_url = "https://example.com".parse().expect("a URL");
        config.gateway.routes = vec![route(PREFIX, service, TokenPolicy::None)];
    })
    .await;
    for (peer, node) in [("203.0.113.9", "203.0.113.9"), ("2001:db8::5", "\"[2001:db8::5]\"")] {
        let answer = fetch(&app, &mut app.browser().at(peer), &format!("{PREFIX}/1")).await.assert_status(200);
        let asked = RequestKind::read(&answer.body);
        assert_eq!(asked.target(), "/1");
        assert_eq!(asked.header("host"), service.to_string());
        assert_eq!(asked.header("x-forwarded-for"), peer);
        assert_eq!(asked.header("x-forwarded-proto"), "https");
        assert_eq!(asked.header("x-forwarded-host"), "example.com");
        assert_eq!(asked.header("x-forwarded-prefix"), PREFIX);
        assert_eq!(asked.header("forwarded"), format!("for={node};host=\"example.com\";proto=https"));
        assert_eq!(asked.header("via"), "1.1 tokenlife");
        assert_eq!(asked.header("x-request-id"), answer.header("x-request-id"));
        assert_eq!(asked.header("traceparent").len(), 55);
    }
}

#[tokio::test]
async fn a_prefix_that_stays_is_not_told() {
    let service = upstream::echo().await;
    let kept = RouteConfig { strip_prefix: false, ..route(PREFIX, service, TokenPolicy::None) };
    let app = app_with(vec![kept]).await;
    let asked = RequestKind::read(&fetch(&app, &mut app.browser(), &format!("{PREFIX}/1?q=%20")).await.body);
    assert_eq!((asked.target(), asked.header("x-forwarded-prefix")), ("/api/notes/1?q=%20", ""));
}

#[tokio::test]
async fn what_a_client_says_about_itself_is_not_passed_on() {
    let spoofed = [
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-user", "root"),
        ("forwarded", "for=10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
        ("true-client-ip", "10.0.0.1"),
        ("x-client-ip", "10.0.0.1"),
        ("x-user-id", "root"),
        ("x-user", "root"),
        ("x-auth-request-email", "root@example.com"),
        ("remote-user", "root"),
        ("x-original-url", "/admin"),
        ("x-rewrite-url", "/admin"),
        ("x-http-method-override", "DELETE"),
        ("x-request-id", "spoofed"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "spoofed=1"),
        ("proxy-authorization", "Basic eDp5"),
        ("x_user_id", "root"),
        ("x_forwarded_for", "10.0.0.1"),
        ("authorization_", "root"),
    ];
    let asked = asked_with(&spoofed).await;
    for (name, value) in spoofed {
        assert!(!asked.headers(name).contains(&value), "{name}: {:?}", asked.headers(name));
    }
    assert_eq!(asked.header("x-forwarded-for"), "0.0.0.0", "a request of a test comes from nowhere");
    assert!(!asked.header("traceparent").contains("0af7651916cd43dd8448eb211c80319c"));
}

#[tokio::test]
async fn a_trusted_proxy_names_request_and_trace() {
    let service = upstream::echo().await;
    let app = TestApp::with_config(|config| {
        config.http.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
        config.gateway.routes = vec![route(PREFIX, service, TokenPolicy::None)];
    })
    .await;
    let mut request = Request::get(PREFIX)
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-request-id", "from-the-proxy")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
        .header("tracestate", "vendor=1")
        .body(Body::empty())
        .expect("a request");
    request.extensions_mut().insert(PeerAddress(SocketAddr::from(([10, 1, 2, 3], 4711))));
    let asked = RequestKind::read(&app.browser().send(request).await.assert_status(200).body);
    assert_eq!(asked.header("x-forwarded-for"), "203.0.113.9");
    assert_eq!(asked.header("x-request-id"), "from-the-proxy");
    assert!(asked.header("traceparent").starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
    assert!(!asked.header("traceparent").contains("b7ad6b7169203331"), "the parent is this server");
    assert_eq!(asked.header("tracestate"), "vendor=1");
}

#[tokio::test]
async fn what_concerns_one_connection_stays_there() {
    let asked = asked_with(&[
        ("connection", "close, x-private, Authorization, X-Forwarded-For"),
        ("connection", "cookie"),
        ("x-private", "1"),
        ("x-public", "1"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("trailer", "x-late"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQAoAAAAAIAAAAA"),
        ("proxy-connection", "close"),
    ])
    .await;
    for name in
        ["connection", "x-private", "keep-alive", "te", "trailer", "upgrade", "http2-settings", "proxy-connection"]
    {
        assert_eq!(asked.headers(name), [""; 0], "{name}");
    }
    assert_eq!(asked.header("x-public"), "1");
    assert!(asked.token().len() > 100, "our own token cannot be named away");
    assert_eq!(asked.header("x-forwarded-for"), "0.0.0.0");
}

#[tokio::test]
async fn other_cookies_pass_and_ours_do_not() {
    assert_eq!(asked_with(&[]).await.header("cookie"), "theme=dark");
    let lines = [
        ("set-cookie", "accessToken=evil; Path=/"),
        ("set-cookie", "theme=light; Path=/"),
        ("set-cookie", "__Host-Http-refreshToken=evil; Secure; Path=/"),
        ("set-cookie", "=tokenLife=1.2"),
        ("set-cookie", "lang=de"),
    ];
    let answer = answer_with(TokenPolicy::User, 200, &lines).await;
    assert_eq!(answer.set_cookies(), ["theme=light; Path=/", "lang=de"]);
}

#[tokio::test]
async fn an_answer_speaks_for_itself_only() {
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", "default-src *; script-src 'unsafe-inline'"),
        ("x-frame-options", "ALLOWALL"),
        ("x-content-type-options", "sniff"),
        ("strict-transport-security", "max-age=0"),
        ("referrer-policy", "unsafe-url"),
        ("clear-site-data", "\"*\""),
        ("service-worker-allowed", "/"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("alt-svc", "h3=\":443\""),
        ("report-to", "{}"),
        ("nel", "{}"),
        ("x-accel-redirect", "/etc/passwd"),
        ("server", "notes/1.0"),
        ("x-powered-by", "notes"),
        ("keep-alive", "timeout=5"),
        ("x-request-id", "theirs"),
        ("x-rate-limit", "5"),
        ("etag", "\"1\""),
    ];
    let answer = answer_with(TokenPolicy::User, 200, &headers).await;
    for gone in [
        "clear-site-data",
        "service-worker-allowed",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "alt-svc",
        "report-to",
        "nel",
        "x-accel-redirect",
        "server",
        "x-powered-by",
        "keep-alive",
        "strict-transport-security",
    ] {
        assert_eq!(answer.header(gone), "", "{gone}");
    }
    let csp = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    for (name, value) in [
        ("content-security-policy", csp),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("content-type", "text/html; charset=utf-8"),
        ("x-rate-limit", "5"),
        ("etag", "\"1\""),
    ] {
        let values: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(values, [value], "{name}");
    }
    assert_ne!(answer.header("x-request-id"), "theirs");
    assert_eq!(answer.body, "body");
}

#[tokio::test]
async fn an_answer_to_somebody_is_nobody_elses() {
    for (policy, said, expected) in [
        (TokenPolicy::User, "public, max-age=60, s-maxage=600", "private, max-age=60"),
        (TokenPolicy::User, "PUBLIC,S-MaxAge=5", "private"),
        (TokenPolicy::User, "max-age=60", "private, max-age=60"),
        (TokenPolicy::User, "private, no-cache", "private, no-cache"),
        (TokenPolicy::User, "no-store", "private, no-store"),
        (TokenPolicy::UserOrAnonymous, "public", "private"),
        (TokenPolicy::None, "public, max-age=60", "public, max-age=60"),
        (TokenPolicy::Client, "public, max-age=60", "public, max-age=60"),
    ] {
        let answer = answer_with(policy, 200, &[("cache-control", said)]).await;
        assert_eq!(answer.header("cache-control"), expected, "{policy:?} {said}");
        // The browser is told apart by its cookies, or the next person to sign in would be shown this answer.
        let varies = answer.header("vary").contains("Cookie");
        assert_eq!(varies, matches!(policy, TokenPolicy::User | TokenPolicy::UserOrAnonymous), "{policy:?}");
    }
}

#[tokio::test]
async fn no_shared_cache_is_told_to_keep_what_is_for_somebody() {
    let targeted = [
        ("cdn-cache-control", "max-age=600"),
        ("cloudflare-cdn-cache-control", "max-age=600"),
        ("surrogate-control", "max-age=600"),
        ("edge-control", "!no-store, max-age=600"),
        ("x-accel-expires", "600"),
    ];
    for (policy, passes) in [
        (TokenPolicy::User, false),
        (TokenPolicy::UserOrAnonymous, false),
        (TokenPolicy::None, true),
        (TokenPolicy::Client, true),
    ] {
        let answer = answer_with(policy, 200, &targeted).await;
        for (name, said) in targeted {
            assert_eq!(answer.header(name), if passes { said } else { "" }, "{policy:?} {name}");
        }
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn an_error_of_the_service_is_its_own() {
    for status in [400, 403, 404, 409, 422, 429, 500, 503] {
        let answer = answer_with(TokenPolicy::User, status, &[]).await;
        assert_eq!((answer.body.as_str(), answer.header("content-type")), ("body", ""), "{status}");
    }
}

#[tokio::test]
async fn only_the_methods_of_the_route_are_passed_on() {
    let service = upstream::echo().await;
    let methods = vec![Method::GET, Method::DELETE];
    let app = app_with(vec![RouteConfig { methods, ..route(PREFIX, service, TokenPolicy::None) }]).await;
    let delete = script(&app, Method::DELETE, PREFIX).body(Body::empty()).expect("a request");
    assert_eq!(RequestKind::read(&app.browser().send(delete).await.assert_status(200).body).method(), "DELETE");
    let post = script(&app, Method::POST, PREFIX).body(Body::from("{}")).expect("a request");
    assert_eq!(app.browser().send(post).await.assert_status(405).header("allow"), "GET, DELETE");
}

#[tokio::test]
async fn other_sites_do_not_reach_a_service() {
    let app = app_before(upstream::echo().await).await;
    let mut ada = app.signed_in("ada").await;
    let forged = Request::post(PREFIX).header("sec-fetch-site", "cross-site").body(Body::empty()).expect("a request");
    ada.send(forged).await.assert_status(403);
}

#[tokio::test]
async fn a_service_may_serve_what_looks_like_a_file_and_hides_no_page() {
    let service = upstream::echo().await;
    let app =
        app_with(vec![route("/files", service, TokenPolicy::None), route("/files/deep", service, TokenPolicy::None)])
            .await;
    let asked = |answer: Answer| RequestKind::read(&answer.assert_status(200).body).target().to_owned();
    assert_eq!(asked(fetch(&app, &mut app.browser(), "/files/a/report.pdf").await), "/a/report.pdf");
    assert_eq!(asked(fetch(&app, &mut app.browser(), "/files/deep/x.css").await), "/x.css");
    assert_eq!(asked(fetch(&app, &mut app.browser(), "/files").await), "/");
    fetch(&app, &mut app.browser(), "/filesystem").await.assert_status(404);
    fetch(&app, &mut app.browser(), "/files/../login").await.assert_status(400);
    fetch(&app, &mut app.browser(), "/robots.txt").await.assert_status(200);
    app.browser().get("/login").await.assert_status(200);
}
