//! Which headers pass, which do not, and which an upstream receives.

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

/// The request that an upstream receives if a client sends these headers.
async fn received_with(headers: &[(&'static str, &str)]) -> RequestKind {
    let app = app_before(upstream::echo().await).await;
    let mut ada = app.signed_in("ada").await;
    ada.set("theme", "dark");
    let mut request = script(&app, Method::GET, PREFIX).body(Body::empty()).expect("a request");
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_str(value).expect("a header value"));
    }
    RequestKind::read(&ada.send(request).await.assert_status(200).body)
}

/// The response that a client gets if an upstream responds with these headers.
async fn answer_with(token: TokenPolicy, status: u16, headers: &[(&'static str, &'static str)]) -> Answer {
    let app = app_with(vec![route(PREFIX, upstream::constant(status, headers, "body").await, token)]).await;
    let mut ada = app.signed_in("ada").await;
    fetch(&app, &mut ada, PREFIX).await.assert_status(status)
}

#[tokio::test]
async fn an_upstream_receives_where_a_request_came_from() {
    let service = upstream::echo().await;
    let app = TestApp::with_config(|config| {
        config.http.public_url = "https://example.com".parse().expect("a URL");
        config.gateway.routes = vec![route(PREFIX, service, TokenPolicy::None)];
    })
    .await;
    for (peer, node) in [("203.0.113.9", "203.0.113.9"), ("2001:db8::5", "\"[2001:db8::5]\"")] {
        let answer = fetch(&app, &mut app.browser().at(peer), &format!("{PREFIX}/1")).await.assert_status(200);
        let received = RequestKind::read(&answer.body);
        assert_eq!(received.target(), "/1");
        assert_eq!(received.header("host"), service.to_string());
        assert_eq!(received.header("x-forwarded-for"), peer);
        assert_eq!(received.header("x-forwarded-proto"), "https");
        assert_eq!(received.header("x-forwarded-host"), "example.com");
        assert_eq!(received.header("x-forwarded-prefix"), PREFIX);
        assert_eq!(received.header("forwarded"), format!("for={node};host=\"example.com\";proto=https"));
        assert_eq!(received.header("via"), "1.1 tokenlife");
        assert_eq!(received.header("x-request-id"), answer.header("x-request-id"));
        assert_eq!(received.header("traceparent").len(), 55);
    }
}

#[tokio::test]
async fn a_prefix_that_is_not_stripped_is_not_sent() {
    let service = upstream::echo().await;
    let kept = RouteConfig { strip_prefix: false, ..route(PREFIX, service, TokenPolicy::None) };
    let app = app_with(vec![kept]).await;
    let received = RequestKind::read(&fetch(&app, &mut app.browser(), &format!("{PREFIX}/1?q=%20")).await.body);
    assert_eq!((received.target(), received.header("x-forwarded-prefix")), ("/api/notes/1?q=%20", ""));
}

#[tokio::test]
async fn identity_headers_of_a_client_are_not_forwarded() {
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
    let received = received_with(&spoofed).await;
    for (name, value) in spoofed {
        assert!(!received.headers(name).contains(&value), "{name}: {:?}", received.headers(name));
    }
    assert_eq!(received.header("x-forwarded-for"), "0.0.0.0", "a request of a test comes from nowhere");
    assert!(!received.header("traceparent").contains("0af7651916cd43dd8448eb211c80319c"));
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
    let received = RequestKind::read(&app.browser().send(request).await.assert_status(200).body);
    assert_eq!(received.header("x-forwarded-for"), "203.0.113.9");
    assert_eq!(received.header("x-request-id"), "from-the-proxy");
    assert!(received.header("traceparent").starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
    assert!(!received.header("traceparent").contains("b7ad6b7169203331"), "the parent is this server");
    assert_eq!(received.header("tracestate"), "vendor=1");
}

#[tokio::test]
async fn hop_by_hop_headers_are_not_forwarded() {
    let received = received_with(&[
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
        assert_eq!(received.headers(name), [""; 0], "{name}");
    }
    assert_eq!(received.header("x-public"), "1");
    assert!(received.token().len() > 100, "our own token cannot be named away");
    assert_eq!(received.header("x-forwarded-for"), "0.0.0.0");
}

#[tokio::test]
async fn other_cookies_pass_and_ours_do_not() {
    assert_eq!(received_with(&[]).await.header("cookie"), "theme=dark");
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
async fn a_response_sets_nothing_for_the_whole_origin() {
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
async fn a_response_to_a_user_is_private() {
    for (policy, sent, expected) in [
        (TokenPolicy::User, "public, max-age=60, s-maxage=600", "private, max-age=60"),
        (TokenPolicy::User, "PUBLIC,S-MaxAge=5", "private"),
        (TokenPolicy::User, "max-age=60", "private, max-age=60"),
        (TokenPolicy::User, "private, no-cache", "private, no-cache"),
        (TokenPolicy::User, "no-store", "private, no-store"),
        (TokenPolicy::UserOrAnonymous, "public", "private"),
        (TokenPolicy::None, "public, max-age=60", "public, max-age=60"),
        (TokenPolicy::Client, "public, max-age=60", "public, max-age=60"),
    ] {
        let answer = answer_with(policy, 200, &[("cache-control", sent)]).await;
        assert_eq!(answer.header("cache-control"), expected, "{policy:?} {sent}");
        // The response varies by cookie, or the next user to sign in would be shown it.
        let varies = answer.header("vary").contains("Cookie");
        assert_eq!(varies, matches!(policy, TokenPolicy::User | TokenPolicy::UserOrAnonymous), "{policy:?}");
    }
}

#[tokio::test]
async fn no_shared_cache_may_store_a_users_response() {
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
        for (name, sent) in targeted {
            assert_eq!(answer.header(name), if passes { sent } else { "" }, "{policy:?} {name}");
        }
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn an_error_of_the_upstream_is_passed_back() {
    for status in [400, 403, 404, 409, 422, 429, 500, 503] {
        let answer = answer_with(TokenPolicy::User, status, &[]).await;
        assert_eq!((answer.body.as_str(), answer.header("content-type")), ("body", ""), "{status}");
    }
}

#[tokio::test]
async fn only_the_methods_of_the_route_are_forwarded() {
    let service = upstream::echo().await;
    let methods = vec![Method::GET, Method::DELETE];
    let app = app_with(vec![RouteConfig { methods, ..route(PREFIX, service, TokenPolicy::None) }]).await;
    let delete = script(&app, Method::DELETE, PREFIX).body(Body::empty()).expect("a request");
    assert_eq!(RequestKind::read(&app.browser().send(delete).await.assert_status(200).body).method(), "DELETE");
    let post = script(&app, Method::POST, PREFIX).body(Body::from("{}")).expect("a request");
    assert_eq!(app.browser().send(post).await.assert_status(405).header("allow"), "GET, DELETE");
}

#[tokio::test]
async fn other_sites_do_not_reach_an_upstream() {
    let app = app_before(upstream::echo().await).await;
    let mut ada = app.signed_in("ada").await;
    let forged = Request::post(PREFIX).header("sec-fetch-site", "cross-site").body(Body::empty()).expect("a request");
    ada.send(forged).await.assert_status(403);
}

#[tokio::test]
async fn an_upstream_may_serve_what_looks_like_a_file_and_hides_no_page() {
    let service = upstream::echo().await;
    let app =
        app_with(vec![route("/files", service, TokenPolicy::None), route("/files/deep", service, TokenPolicy::None)])
            .await;
    let received = |answer: Answer| RequestKind::read(&answer.assert_status(200).body).target().to_owned();
    assert_eq!(received(fetch(&app, &mut app.browser(), "/files/a/report.pdf").await), "/a/report.pdf");
    assert_eq!(received(fetch(&app, &mut app.browser(), "/files/deep/x.css").await), "/x.css");
    assert_eq!(received(fetch(&app, &mut app.browser(), "/files").await), "/");
    fetch(&app, &mut app.browser(), "/filesystem").await.assert_status(404);
    fetch(&app, &mut app.browser(), "/files/../login").await.assert_status(400);
    fetch(&app, &mut app.browser(), "/robots.txt").await.assert_status(200);
    app.browser().get("/login").await.assert_status(200);
}
