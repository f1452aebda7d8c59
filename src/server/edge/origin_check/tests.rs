use super::*;
use axum::{
    body::Body,
    routing::{any, get, post},
};
use std::sync::atomic::{AtomicUsize, Ordering};
use tower::ServiceExt;

const OURS: &str = "https://app.example";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap()))
        .fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        })
}

fn passes(method: &str, pairs: &[(&str, &str)]) -> bool {
    judge(&Method::from_bytes(method.as_bytes()).unwrap(), &headers(pairs), OURS) == Decision::Pass
}

/// The matrix of `Sec-Fetch-Site` × `Origin` × cookie, for every method that changes things.
#[test]
fn every_combination_of_site_origin_and_cookie() {
    const SITES: [(Option<&str>, Option<bool>); 8] = [
        (Some("same-origin"), Some(true)),
        (Some("none"), Some(true)),
        (Some("same-site"), Some(false)),
        (Some("cross-site"), Some(false)),
        (Some("Same-Origin"), Some(false)),
        (Some(""), Some(false)),
        (Some("same-origin, cross-site"), Some(false)),
        // Absent: the origin decides.
        (None, None),
    ];
    const ORIGINS: [(Option<&str>, Option<bool>); 12] = [
        (Some(OURS), Some(true)),
        (Some("null"), Some(false)),
        (Some(""), Some(false)),
        (Some("http://app.example"), Some(false)),
        (Some("https://app.example:443"), Some(false)),
        (Some("https://app.example/"), Some(false)),
        (Some("https://app.example.evil.example"), Some(false)),
        (Some("https://evil.example"), Some(false)),
        (Some("https://sub.app.example"), Some(false)),
        (Some("HTTPS://APP.EXAMPLE"), Some(false)),
        (Some("https://app.example\u{e9}"), Some(false)),
        // Absent: a cookie decides.
        (None, None),
    ];
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for (site, by_site) in SITES {
            for (origin, by_origin) in ORIGINS {
                for cookie in [None, Some("theme=dark")] {
                    let pairs: Vec<_> = [("sec-fetch-site", site), ("origin", origin), ("cookie", cookie)]
                        .into_iter()
                        .filter_map(|(name, value)| Some((name, value?)))
                        .collect();
                    let expected = by_site.or(by_origin).unwrap_or(cookie.is_none());
                    assert_eq!(passes(method, &pairs), expected, "{method} {pairs:?}");
                }
            }
        }
    }
}

#[test]
fn a_repeated_header_is_not_trusted() {
    assert!(!passes("POST", &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")]));
    assert!(!passes("POST", &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")]));
    assert!(!passes("POST", &[("origin", OURS), ("origin", OURS)]));
    assert!(!passes("POST", &[("origin", OURS), ("origin", "https://evil.example")]));
    assert!(!passes("POST", &[("sec-fetch-site", "\u{fe}")]));
}

#[test]
fn links_from_any_site_may_read() {
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert!(passes(method, &[("sec-fetch-site", "cross-site"), ("cookie", "a=1")]), "{method}");
        assert!(passes(method, &[("origin", "https://evil.example")]), "{method}");
    }
}

#[test]
fn unknown_methods_are_refused() {
    for method in ["TRACE", "CONNECT", "PROPFIND", "get", "FOO"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(judge(&method, &headers(&[("sec-fetch-site", "same-origin")]), OURS), Decision::UnknownMethod);
    }
}

#[test]
fn a_websocket_needs_the_exact_origin() {
    let upgrade = ("upgrade", "websocket");
    assert!(passes("GET", &[upgrade, ("origin", OURS)]));
    assert!(passes("GET", &[upgrade, ("origin", OURS), ("sec-fetch-site", "same-origin")]));
    for bad in [
        &[upgrade][..],
        &[upgrade, ("origin", "null")],
        &[upgrade, ("origin", "https://evil.example")],
        &[upgrade, ("origin", "https://sub.app.example")],
        &[upgrade, ("origin", OURS), ("origin", OURS)],
        &[upgrade, ("origin", OURS), ("sec-fetch-site", "cross-site")],
        &[upgrade, ("sec-fetch-site", "same-origin")],
        &[("upgrade", "WebSocket"), ("origin", "https://evil.example")],
        &[("upgrade", "h2c, websocket"), ("origin", "https://evil.example")],
        &[("upgrade", "h2c"), upgrade, ("origin", "https://evil.example")],
    ] {
        assert!(!passes("GET", bad), "{bad:?}");
    }
    assert!(passes("GET", &[("upgrade", "h2c"), ("origin", "https://evil.example")]), "no websocket");
}

async fn status(app: Router, method: &str, path: &str, pairs: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    *request.headers_mut() = headers(pairs);
    app.oneshot(request).await.unwrap()
}

#[tokio::test]
async fn a_refused_request_never_reaches_its_handler() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let count = || async {
        CALLS.fetch_add(1, Ordering::SeqCst);
        "done"
    };
    let app = Router::new().route("/api/session/login", post(count)).fallback(any(count));
    let app = app.layer(middleware::from_fn(async |request: Request, next: Next| {
        origin_check(OURS, request, |request| next.run(request)).await
    }));
    let cross_site = [("sec-fetch-site", "cross-site"), ("content-type", FORM)];
    for path in ["/api/session/login", "/anything"] {
        assert_eq!(status(app.clone(), "POST", path, &cross_site).await.status(), 403);
        let response = status(app.clone(), "TRACE", path, &[]).await;
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()[header::ALLOW], ALLOWED_METHODS);
    }
    assert_eq!(CALLS.load(Ordering::SeqCst), 0);
    assert_eq!(status(app, "POST", "/api/session/login", &[("origin", OURS)]).await.status(), 200);
    assert_eq!(CALLS.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn only_forms_reach_server_functions() {
    let app = form_only(
        Router::new()
            .route("/api/x", get(|| async { "read" }).post(|| async { "done" }))
            .route("/y", post(|| async {})),
    );
    for (content_types, expected) in [
        (&["application/x-www-form-urlencoded"][..], 200),
        (&["application/x-www-form-urlencoded; charset=utf-8"], 200),
        (&["application/x-www-form-urlencoded;charset=UTF-8"], 200),
        (&["Application/X-WWW-Form-URLEncoded ; charset=\"utf-8\""], 200),
        (&[], 415),
        (&[""], 415),
        (&["text/plain"], 415),
        (&["multipart/form-data; boundary=x"], 415),
        (&["application/json"], 415),
        (&["application/x-www-form-urlencodedx"], 415),
        (&["application/x-www-form-urlencoded, text/plain"], 415),
        (&["application/x-www-form-urlencoded; charset=utf-16"], 415),
        (&["application/x-www-form-urlencoded;"], 415),
        (&["application/x-www-form-urlencoded", "text/plain"], 415),
        (&["text/plain; a=application/x-www-form-urlencoded"], 415),
    ] {
        let pairs: Vec<_> = content_types.iter().map(|value| ("content-type", *value)).collect();
        let response = status(app.clone(), "POST", "/api/x", &pairs).await;
        assert_eq!(response.status(), expected, "{content_types:?}");
        assert_eq!(response.headers().contains_key(header::ACCEPT), expected == 415);
    }
    assert_eq!(status(app.clone(), "GET", "/api/x", &[]).await.status(), 200);
    assert_eq!(
        status(app, "POST", "/y", &[("content-type", "text/plain")]).await.status(),
        200,
        "not a server function"
    );
}
