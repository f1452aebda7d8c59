//! Which headers pass, in both directions, and the headers that describe the origin of a request to an upstream.

use crate::server::{auth::cookies::SessionCookies, config::PublicUrl};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use std::net::IpAddr;

/// Headers of a single connection (RFC 9110 §7.6.1), and those that frame a message, which hyper writes itself.
const OF_THE_CONNECTION: [&str; 11] = [
    "connection",
    "content-length",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that upstreams trust because a gateway sets them, and headers that would make them treat the request as
/// another one. The gateway alone sets the former, and removes the latter.
const RESERVED: [&str; 18] = [
    "authorization",
    "cookie",
    "expect",
    "expected-user",
    "forwarded",
    "host",
    "remote-user",
    "traceparent",
    "tracestate",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-real-ip",
    "x-request-id",
    "x-rewrite-url",
];

/// The same, by prefix.
const RESERVED_PREFIXES: [&str; 7] =
    ["proxy-", "x-auth-", "x-authenticated-", "x-forwarded", "x-original-", "x-remote-", "x-user"];

/// Response headers that would apply to the whole origin, which is not the upstream's.
const OF_THE_ORIGIN: [&str; 18] = [
    "alt-svc",
    "clear-site-data",
    "content-security-policy-report-only",
    "expect-ct",
    "nel",
    "public-key-pins",
    "report-to",
    "reporting-endpoints",
    "secure-session-registration",
    "sec-session-registration",
    "service-worker-allowed",
    "set-cookie",
    "set-login",
    "strict-transport-security",
    "supports-loading-mode",
    // For a proxy in front: it would serve the file that they name.
    "x-accel-redirect",
    "x-lighttpd-send-file",
    "x-sendfile",
];

/// Headers that shared caches prefer to `Cache-Control`: targeted fields (RFC 9213) and their predecessors.
const OF_SHARED_CACHES: [&str; 4] = ["cdn-cache-control", "edge-control", "surrogate-control", "x-accel-expires"];

/// The same for those of single vendors, by suffix.
const OF_SHARED_CACHES_ALL: &str = "-cdn-cache-control";

/// CORS headers: this application decides which other origins may read a response.
const OF_CROSS_ORIGIN: &str = "access-control-";

/// Capacity for the headers added here, a dozen in either direction.
const ADDED: usize = 16;

/// The gateway's entry in `Via` (RFC 9110 §7.6.3).
const VIA: &str = "1.1 tokenlife";

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The headers of a request that pass as they are.
///
/// Names with an underscore do not: many servers treat `x_user_id` and `x-user-id` as the same.
pub(super) fn of_request(incoming: &HeaderMap) -> HeaderMap {
    let mut headers = end_to_end(incoming, |name| {
        !name.contains('_')
            && !RESERVED.contains(&name)
            && !RESERVED_PREFIXES.iter().any(|start| name.starts_with(start))
    });
    headers.append(header::VIA, HeaderValue::from_static(VIA));
    headers
}

/// The headers of a page's request that pass to the upstreams that the page calls.
pub(super) fn of_page(incoming: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in [header::ACCEPT_LANGUAGE, header::USER_AGENT] {
        if let Some(value) = incoming.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    headers.insert(header::VIA, HeaderValue::from_static(VIA));
    headers
}

/// The headers of a response that pass. Its cookies pass unless they are named like this application's.
pub(super) fn of_response(incoming: &HeaderMap, cookies: SessionCookies) -> HeaderMap {
    let mut headers = end_to_end(incoming, |name| !OF_THE_ORIGIN.contains(&name) && !name.starts_with(OF_CROSS_ORIGIN));
    if let Some(length) = incoming.get(header::CONTENT_LENGTH) {
        // The response to a `HEAD` has no body to derive it from.
        headers.insert(header::CONTENT_LENGTH, length.clone());
    }
    for line in incoming.get_all(header::SET_COOKIE) {
        if cookies.is_others(line) {
            headers.append(header::SET_COOKIE, line.clone());
        }
    }
    headers
}

fn end_to_end(incoming: &HeaderMap, passes: impl Fn(&str) -> bool) -> HeaderMap {
    let named: Vec<&[u8]> = incoming
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .collect();
    let mut headers = HeaderMap::with_capacity(incoming.len() + ADDED);
    for (name, value) in incoming {
        let text = name.as_str();
        let is_of_the_connection =
            OF_THE_CONNECTION.contains(&text) || named.iter().any(|named| named.eq_ignore_ascii_case(text.as_bytes()));
        if !is_of_the_connection && passes(text) {
            headers.append(name.clone(), value.clone());
        }
    }
    headers
}

/// Restricts the caching of a response that may depend on the user to the browser's own cache, keyed by cookies.
///
/// The upstream received a bearer token, so by default no shared cache would store its response (RFC 9111 §3.5). A
/// cache in front of this application sees no such token, and neither does the browser's own: they see cookies.
pub(super) fn keep_from_shared_caches(headers: &mut HeaderMap) {
    let is_targeted = |name: &str| OF_SHARED_CACHES.contains(&name) || name.ends_with(OF_SHARED_CACHES_ALL);
    let targeted: Vec<HeaderName> = headers.keys().filter(|name| is_targeted(name.as_str())).cloned().collect();
    for name in targeted {
        headers.remove(name);
    }
    headers.append(header::VARY, HeaderValue::from_static("Cookie"));
    let directives: Vec<&str> =
        headers.get_all(header::CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok()).collect();
    if directives.is_empty() {
        return;
    }
    let all = directives.join(",");
    let kept = all.split(',').map(str::trim).filter(|directive| {
        let name = directive.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
        !matches!(name.as_str(), "" | "public" | "private" | "s-maxage" | "proxy-revalidate")
    });
    let private: Vec<&str> = ["private"].into_iter().chain(kept).collect();
    let value = HeaderValue::try_from(private.join(", ")).unwrap_or(HeaderValue::from_static("no-store"));
    headers.insert(header::CACHE_CONTROL, value);
}

/// The part that is the same for all requests: the public origin of this application.
#[derive(Clone, Debug)]
pub(super) struct Forwarded {
    proto: HeaderValue,
    host: HeaderValue,
    host_and_proto: String,
}

impl Forwarded {
    pub(super) fn by(public_url: &PublicUrl) -> Self {
        let proto = if public_url.is_https() { "https" } else { "http" };
        let host = public_url.origin().split_once("://").map_or("", |(_, host)| host);
        Self {
            proto: HeaderValue::from_static(proto),
            host: HeaderValue::from_str(host).unwrap_or(HeaderValue::from_static("")),
            host_and_proto: format!("host=\"{host}\";proto={proto}"),
        }
    }

    /// Sets where a request came from, in `X-Forwarded-*` and in `Forwarded` (RFC 7239).
    pub(super) fn describe(&self, client: IpAddr, prefix: Option<&str>, headers: &mut HeaderMap) {
        let node = match client {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("\"[{address}]\""),
        };
        let forwarded = format!("for={node};{}", self.host_and_proto);
        let values = [
            (header::FORWARDED, HeaderValue::try_from(forwarded).ok()),
            (X_FORWARDED_FOR, HeaderValue::try_from(client.to_string()).ok()),
            (X_FORWARDED_HOST, Some(self.host.clone())),
            (X_FORWARDED_PROTO, Some(self.proto.clone())),
            (X_FORWARDED_PREFIX, prefix.and_then(|prefix| HeaderValue::from_str(prefix).ok())),
        ];
        for (name, value) in values {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
    }
}
