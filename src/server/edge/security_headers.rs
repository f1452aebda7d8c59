//! The security headers of every response, whatever it is: page, redirect, file or error.
//!
//! Outermost. The page renderer takes the [`CspNonce`] from the request's extensions and sets it on the inline
//! scripts.

use super::error_response::Proxied;
use crate::server::random;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::sync::{Arc, OnceLock};

/// For every response that is not a page: it may load nothing and be framed nowhere.
const CSP_OF_DATA: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// For the responses of upstreams: whatever they are, nothing in them may act as a page of this origin.
const CSP_OF_UPSTREAMS: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

/// Two years, the minimum for browsers' preload lists (RFC 6797).
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

const REFERRER_POLICY: HeaderValue = HeaderValue::from_static("same-origin");

/// The same on every response.
const ALWAYS: [(HeaderName, HeaderValue); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-embedder-policy"), HeaderValue::from_static("require-corp")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("origin-agent-cluster"), HeaderValue::from_static("?1")),
    // The powerful features that are not used. Only names that browsers know: others cause a console warning.
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), \
             geolocation=(), gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), \
             microphone=(), midi=(), payment=(), picture-in-picture=(), screen-wake-lock=(), serial=(), usb=(), \
             window-management=(), xr-spatial-tracking=()",
        ),
    ),
];

/// Headers that would disclose the software.
const NEVER: [HeaderName; 2] = [header::SERVER, HeaderName::from_static("x-powered-by")];

/// The nonce (128 random bits, base64url) that marks the scripts of a page as ours (CSP Level 3 §2.3.1).
///
/// Generated on first use: most responses are not pages.
#[derive(Clone, Debug, Default)]
pub struct CspNonce(Arc<OnceLock<String>>);

impl CspNonce {
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get_or_init(|| URL_SAFE_NO_PAD.encode(random::bytes::<16>()))
    }
}

/// The settings that the headers depend on.
#[derive(Clone, Debug)]
pub struct HeaderPolicy {
    is_https: bool,
    /// Everything of the pages' policy that follows the nonce.
    after_nonce: Arc<str>,
}

impl HeaderPolicy {
    /// `is_https`: whether the public URL is. `reload_port`: where `cargo leptos watch` listens, if it runs us.
    #[must_use]
    pub fn new(is_https: bool, reload_port: Option<u16>) -> Self {
        // Pages may be opened under either name of the host; 'self' does not cover another port.
        let reload =
            reload_port.map(|port| format!(" ws://127.0.0.1:{port} ws://localhost:{port}")).unwrap_or_default();
        let after_nonce = format!(
            "' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'{reload}; \
             font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; \
             frame-ancestors 'none'"
        );
        Self { is_https, after_nonce: after_nonce.into() }
    }

    fn csp_of_page(&self, nonce: &CspNonce) -> HeaderValue {
        HeaderValue::try_from(format!("default-src 'none'; script-src 'nonce-{}{}", nonce.as_str(), self.after_nonce))
            .unwrap_or(CSP_OF_DATA)
    }

    fn apply(&self, response: &mut Response, nonce: &CspNonce) {
        let is_proxied = response.extensions().get::<Proxied>().is_some();
        let headers = response.headers_mut();
        let csp = match is_page(headers) {
            _ if is_proxied => CSP_OF_UPSTREAMS,
            true => self.csp_of_page(nonce),
            false => CSP_OF_DATA,
        };
        headers.insert(header::CONTENT_SECURITY_POLICY, csp);
        for (name, value) in &ALWAYS {
            headers.insert(name, value.clone());
        }
        if self.is_https {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
        }
        // A page whose URL holds a secret may be stricter.
        if headers.get(header::REFERRER_POLICY).is_none_or(|policy| policy != "no-referrer") {
            headers.insert(header::REFERRER_POLICY, REFERRER_POLICY);
        }
        for name in &NEVER {
            headers.remove(name);
        }
        // Only the handler knows whether its response is the same for every user; never cacheable if it sets a cookie.
        if headers.contains_key(header::SET_COOKIE) || !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, NO_STORE);
        }
    }
}

fn is_page(headers: &HeaderMap) -> bool {
    let starts_with_html = |value: &HeaderValue| {
        value.as_bytes().get(..9).is_some_and(|essence| essence.eq_ignore_ascii_case(b"text/html"))
    };
    headers.get(header::CONTENT_TYPE).is_some_and(starts_with_html)
}

/// Sets the security headers of a response, and inserts a fresh [`CspNonce`] into its request.
///
/// Inner layers and handlers cannot weaken them: their values are replaced. A response without `Cache-Control` is
/// `no-store`, and so is every response that sets a cookie.
pub async fn security_headers<F: Future<Output = Response>>(
    policy: &HeaderPolicy,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let nonce = CspNonce::default();
    request.extensions_mut().insert(nonce.clone());
    let mut response = next(request).await;
    policy.apply(&mut response, &nonce);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{
        Extension, Router,
        body::Body,
        middleware::{self, Next},
        response::{AppendHeaders, Html, IntoResponse, Redirect},
        routing::{get, post},
    };
    use http_body_util::BodyExt;
    use std::collections::HashSet;
    use tower::ServiceExt;

    async fn weak() -> Response {
        let weaker = [
            ("content-security-policy", "default-src *"),
            ("content-security-policy", "script-src 'unsafe-inline'"),
            ("x-frame-options", "ALLOWALL"),
            ("referrer-policy", "unsafe-url"),
            ("server", "tokenlife/0.1"),
            ("x-powered-by", "axum"),
            ("permissions-policy", "camera=*"),
        ];
        (AppendHeaders(weaker), "weak").into_response()
    }

    fn app(policy: HeaderPolicy) -> Router {
        let cached = [("cache-control", "public, max-age=31536000, immutable")];
        let router = Router::new()
            .route("/", get(|Extension(nonce): Extension<CspNonce>| async move { Html(nonce.as_str().to_owned()) }))
            .route("/json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], "{}") }))
            .route("/redirect", get(|| async { Redirect::to("/") }))
            .route("/weak", get(weak))
            .route("/cached", get(move || async move { (cached, "body{}") }))
            .route("/cookie", get(move || async move { (cached, [("set-cookie", "a=1")], "ok") }))
            .route("/private", get(|| async { ([(header::REFERRER_POLICY, "no-referrer")], Html("")) }))
            .route("/post", post(|| async {}));
        router.layer(middleware::from_fn(move |request: Request, next: Next| {
            let policy = policy.clone();
            async move { security_headers(&policy, request, |request| next.run(request)).await }
        }))
    }

    async fn fetch_with(policy: HeaderPolicy, path: &str) -> (HeaderMap, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let (head, body) = app(policy).oneshot(request).await.unwrap().into_parts();
        (head.headers, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
    }

    async fn fetch(path: &str) -> (HeaderMap, String) {
        fetch_with(HeaderPolicy::new(true, None), path).await
    }

    fn only<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
        let values: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(values.len(), 1, "{name}: {values:?}");
        values[0]
    }

    #[tokio::test]
    async fn every_response_has_them() {
        for path in ["/", "/json", "/redirect", "/weak", "/cached", "/cookie", "/private", "/post", "/nowhere"] {
            let (headers, _) = fetch(path).await;
            for (name, value) in ALWAYS {
                assert_eq!(only(&headers, name.as_str()), value.to_str().unwrap(), "{path}");
            }
            assert_eq!(only(&headers, "strict-transport-security"), "max-age=63072000; includeSubDomains", "{path}");
            assert!(only(&headers, "content-security-policy").starts_with("default-src 'none'; "), "{path}");
            assert!(only(&headers, "content-security-policy").ends_with("frame-ancestors 'none'"), "{path}");
            only(&headers, "referrer-policy");
            only(&headers, "cache-control");
            assert!(!headers.contains_key("server") && !headers.contains_key("x-powered-by"), "{path}");
        }
    }

    #[tokio::test]
    async fn a_page_has_its_own_nonce_in_its_policy() {
        let (headers, nonce) = fetch("/").await;
        let expected = format!(
            "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
             img-src 'self'; connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; \
             base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
        );
        assert_eq!(only(&headers, "content-security-policy"), expected);
        assert_eq!(nonce.len(), 22, "128 bits in base64url");
    }

    #[tokio::test]
    async fn no_nonce_repeats() {
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            assert!(seen.insert(CspNonce::default().as_str().to_owned()));
        }
    }

    #[tokio::test]
    async fn other_responses_may_load_nothing() {
        for path in ["/json", "/redirect", "/weak", "/cached", "/nowhere"] {
            assert_eq!(fetch(path).await.0["content-security-policy"], CSP_OF_DATA, "{path}");
        }
    }

    #[tokio::test]
    async fn plain_http_has_no_hsts() {
        let (headers, _) = fetch_with(HeaderPolicy::new(false, None), "/").await;
        assert!(!headers.contains_key("strict-transport-security"));
    }

    #[tokio::test]
    async fn only_the_reload_port_may_be_connected_to() {
        let (headers, _) = fetch_with(HeaderPolicy::new(false, Some(3001)), "/").await;
        let csp = only(&headers, "content-security-policy");
        assert!(csp.contains("connect-src 'self' ws://127.0.0.1:3001 ws://localhost:3001; "), "{csp}");
    }

    #[tokio::test]
    async fn nothing_is_stored_unless_declared_cacheable() {
        for (path, expected) in [
            ("/", "no-store"),
            ("/json", "no-store"),
            ("/redirect", "no-store"),
            ("/nowhere", "no-store"),
            ("/cached", "public, max-age=31536000, immutable"),
            ("/cookie", "no-store"),
        ] {
            assert_eq!(only(&fetch(path).await.0, "cache-control"), expected, "{path}");
        }
    }

    #[tokio::test]
    async fn a_page_may_send_no_referrer() {
        assert_eq!(only(&fetch("/private").await.0, "referrer-policy"), "no-referrer");
        assert_eq!(only(&fetch("/").await.0, "referrer-policy"), "same-origin");
    }
}
