//! An id for every request, and one line in the access log.
//!
//! The id is in the span around everything that happens for the request, in the response's `X-Request-Id`, and on
//! error pages. The access log has target `tokenlife::access`, level info (health probes: debug). It never holds a
//! query, a cookie, a token or a body; values from clients are escaped and truncated.
//!
//! Inside `client_address` and around everything else.

use super::client_address::{ClientAddress, TrustedProxies, peer_of};
use crate::server::{random, telemetry::Untrusted};
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{net::IpAddr, sync::Arc};
use tokio::time::Instant;
use tracing::Instrument;

/// The trace a request belongs to (W3C Trace Context §3), accepted from trusted proxies only.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(super) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id taken from a proxy.
const MAX_ID_LENGTH: usize = 64;

/// The prefix of the load balancers' probes, too frequent for the log.
const HEALTH: &str = "/health/";

/// The id of a request: `[A-Za-z0-9_-]`, at most 64 characters. Not a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    fn generate() -> Self {
        Self(URL_SAFE_NO_PAD.encode(random::bytes::<12>()).into())
    }

    /// The id that a proxy has set, if it is valid and the only one.
    fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(X_REQUEST_ID).iter();
        let id = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
        let is_safe = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        (is_safe && (1..=MAX_ID_LENGTH).contains(&id.len())).then(|| Self(id.into()))
    }

    #[cfg(test)]
    pub(super) fn from_static(id: &'static str) -> Self {
        Self(id.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Assigns a request its id, traces it and logs it.
pub async fn request_id<F: Future<Output = Response>>(
    proxies: &TrustedProxies,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let given = if proxies.trusts(peer_of(&request)) {
        RequestId::from_headers(request.headers())
    } else {
        request.headers_mut().remove(TRACEPARENT);
        request.headers_mut().remove(TRACESTATE);
        None
    };
    let id = given.unwrap_or_else(RequestId::generate);
    let span = tracing::info_span!("request", id = id.as_str());
    request.extensions_mut().insert(id.clone());
    // Within the span: a filter may apply to it alone.
    let mut entry = span.in_scope(|| is_logged(request.uri().path()).then(|| AccessEntry::begin(&request)));
    let mut response = next(request).instrument(span.clone()).await;
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    if let Some(entry) = &mut entry {
        span.in_scope(|| entry.finish(response.status()));
    }
    response
}

/// Whether the access log is enabled for a request of this path.
fn is_logged(path: &str) -> bool {
    if path.starts_with(HEALTH) {
        tracing::enabled!(target: "tokenlife::access", tracing::Level::DEBUG)
    } else {
        tracing::enabled!(target: "tokenlife::access", tracing::Level::INFO)
    }
}

/// The access log entry of one request. Also written if the client disconnects before the response.
struct AccessEntry {
    begun: Instant,
    method: Method,
    path: String,
    client: Option<IpAddr>,
    user_agent: HeaderValue,
    span: tracing::Span,
    is_written: bool,
}

impl AccessEntry {
    fn begin(request: &Request) -> Self {
        Self {
            begun: Instant::now(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            client: request.extensions().get::<ClientAddress>().map(|client| client.0),
            user_agent: request
                .headers()
                .get(header::USER_AGENT)
                .cloned()
                .unwrap_or_else(|| HeaderValue::from_static("")),
            span: tracing::Span::current(),
            is_written: false,
        }
    }

    fn finish(&mut self, status: StatusCode) {
        self.is_written = true;
        self.write(status.as_u16(), "answered");
    }

    /// `duration_ms` runs until the head of the response; a streamed body may go on.
    fn write(&self, status: u16, outcome: &str) {
        let user_agent = String::from_utf8_lossy(self.user_agent.as_bytes());
        let duration_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let client = self.client.map(tracing::field::display);
        macro_rules! log {
            ($level:expr) => {
                tracing::event!(
                    target: "tokenlife::access",
                    $level,
                    method = %Untrusted(self.method.as_str()),
                    path = %Untrusted(&self.path),
                    status,
                    duration_ms,
                    client,
                    user_agent = %Untrusted(&user_agent),
                    outcome,
                )
            };
        }
        if self.path.starts_with(HEALTH) {
            log!(tracing::Level::DEBUG);
        } else {
            log!(tracing::Level::INFO);
        }
    }
}

impl Drop for AccessEntry {
    fn drop(&mut self) {
        if !self.is_written {
            // 499 is what nginx writes for it; no client ever sees this status.
            self.span.clone().in_scope(|| self.write(499, "client went away"));
        }
    }
}

#[cfg(test)]
mod tests;
