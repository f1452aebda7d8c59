//! Which headers pass, in both directions, and what a service is told about where a request came from.

use crate::server::{auth::cookies::SessionCookies, config::PublicUrl};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use std::net::IpAddr;

/// What concerns one connection only (RFC 9110 §7.6.1), and what frames a message: hyper writes that anew.
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

/// What services believe about a request because they take it for the gateway's word, and what would have them take it
/// for another request. Only we say the first, and nobody the second.
const OURS_TO_SAY: [&str; 18] = [
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

/// The same, by how they begin.
const OURS_TO_SAY_ALL: [&str; 7] =
    ["proxy-", "x-auth-", "x-authenticated-", "x-forwarded", "x-original-", "x-remote-", "x-user"];

/// What an answer must not say: it speaks for the whole origin, which is not the service's.
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
    // For a proxy in front of us: it would fetch what they name from its own files.
    "x-accel-redirect",
    "x-lighttpd-send-file",
    "x-sendfile",
];

/// What shared caches go by before `Cache-Control`: targeted fields (RFC 9213) and what was there before them.
const OF_SHARED_CACHES: [&str; 4] = ["cdn-cache-control", "edge-control", "surrogate-control", "x-accel-expires"];

/// The same for those of one maker, by how they end.
const OF_SHARED_CACHES_ALL: &str = "-cdn-cache-control";

/// Who else may read an answer is for this application to say.
const OF_CROSS_ORIGIN: &str = "access-control-";

/// Room for what we add, on either way: it is a dozen.
const OURS: usize = 16;

/// The name by which this gateway adds itself to the way of a request (RFC 9110 §7.6.3).
const VIA: &str = "1.1 tokenlife";

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The headers of a request that pass as they are.
///
/// Names with an underscore do not: many services take `x_user_id` and `x-user-id` for the same.
pub(super) fn of_request(incoming: &HeaderMap) -> HeaderMap {
    let mut headers = end_to_end(incoming, |name| {
        !name.contains('_')
            && !OURS_TO_SAY.contains(&name)
            && !OURS_TO_SAY_ALL.iter().any(|start| name.starts_with(start))
    });
    headers.append(header::VIA, HeaderValue::from_static(VIA));
    headers
}

/// What of a page's request passes to the services that the page is made of.
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

/// The headers of an answer that pass. Of its cookies those that are not named like ours.
pub(super) fn of_response(incoming: &HeaderMap, cookies: SessionCookies) -> HeaderMap {
    let mut headers = end_to_end(incoming, |name| !OF_THE_ORIGIN.contains(&name) && !name.starts_with(OF_CROSS_ORIGIN));
    if let Some(length) = incoming.get(header::CONTENT_LENGTH) {
        // It tells a `HEAD` what there would be.
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
    let mut headers = HeaderMap::with_capacity(incoming.len() + OURS);
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

/// An answer that may depend on who asks is kept by the browser at most, and for them alone.
///
/// The service saw a bearer token, and knows that no shared cache stores an answer to that unless it says so (RFC 9111
/// §3.5). A cache in front of us sees no such token, and neither does the browser's own: it goes by the cookies.
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

/// What is the same about all requests: the address under which people see this application.
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

    /// Says where a request came from, in the old words and in those of RFC 7239.
    pub(super) fn describe(&self, client: IpAddr, prefix: Option<&str>, headers: &mut HeaderMap) {
        let node = match client {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("\"[{address}]\""),
        };
        let forwarded = format!("for={node};{}", self.host_and_proto);
        let said = [
            (header::FORWARDED, HeaderValue::try_from(forwarded).ok()),
            (X_FORWARDED_FOR, HeaderValue::try_from(client.to_string()).ok()),
            (X_FORWARDED_HOST, Some(self.host.clone())),
            (X_FORWARDED_PROTO, Some(self.proto.clone())),
            (X_FORWARDED_PREFIX, prefix.and_then(|prefix| HeaderValue::from_str(prefix).ok())),
        ];
        for (name, value) in said {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
    }
}
