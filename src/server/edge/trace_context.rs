//! Trace context (W3C Trace Context): correlates what the upstreams record about a request.

use super::request_id::{RequestId, TRACEPARENT, TRACESTATE};
use crate::server::random;
use aws_lc_rs::digest;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::Write as _;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The length of `00-<trace id>-<parent id>-<flags>`.
const LENGTH: usize = 55;
/// Whether to record is left to the upstreams.
const SAMPLED: &str = "01";

/// Adds the request's id and its trace to the headers for an upstream.
///
/// That is the trace of a trusted proxy in front (`request_id` has removed that of others), else one derived from the
/// request's id, so that everything that happens for one request is one trace.
pub fn describe(id: &RequestId, incoming: &HeaderMap, outgoing: &mut HeaderMap) {
    let given = incoming.get(TRACEPARENT).and_then(|value| value.to_str().ok()).filter(|value| is_parent(value));
    let (trace, flags) = match given {
        Some(parent) => (parent[3..35].to_owned(), &parent[53..]),
        None => (trace_id(id), SAMPLED),
    };
    let parent = format!("00-{trace}-{}-{flags}", hex(&random::bytes::<8>()));
    if let Ok(value) = HeaderValue::try_from(parent) {
        outgoing.insert(TRACEPARENT, value);
    }
    if let (Some(_), Some(state)) = (given, incoming.get(TRACESTATE)) {
        outgoing.insert(TRACESTATE, state.clone());
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        outgoing.insert(X_REQUEST_ID, value);
    }
}

fn trace_id(id: &RequestId) -> String {
    let digest = digest::digest(&digest::SHA256, id.as_str().as_bytes());
    hex(digest.as_ref().get(..16).unwrap_or_default())
}

/// Whether a value is a parent in the format of version 00, whose ids are not zero.
fn is_parent(value: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_id = |text: &str| is_hex(text) && text.bytes().any(|byte| byte != b'0');
    let parts: Vec<&str> = value.split('-').collect();
    value.len() == LENGTH
        && matches!(parts.as_slice(), ["00", trace, parent, flags]
            if (trace.len(), parent.len()) == (32, 16) && is_id(trace) && is_id(parent) && is_hex(flags))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(parent: Option<&str>) -> HeaderMap {
        let mut incoming = HeaderMap::from_iter([(TRACESTATE, HeaderValue::from_static("vendor=1"))]);
        if let Some(parent) = parent {
            incoming.insert(TRACEPARENT, HeaderValue::from_str(parent).unwrap());
        }
        let mut outgoing = HeaderMap::new();
        describe(&RequestId::from_static("Abc123"), &incoming, &mut outgoing);
        outgoing
    }

    #[test]
    fn one_request_is_one_trace() {
        let (one, two) = (described(None), described(None));
        let trace = |headers: &HeaderMap| headers[TRACEPARENT].to_str().unwrap()[..36].to_owned();
        assert!(is_parent(one[TRACEPARENT].to_str().unwrap()), "{one:?}");
        assert_eq!(trace(&one), trace(&two));
        assert_ne!(one[TRACEPARENT], two[TRACEPARENT], "each call is a span of its own");
        assert_eq!(one[X_REQUEST_ID], "Abc123");
        assert!(!one.contains_key(TRACESTATE), "of another trace");
    }

    #[test]
    fn a_trace_is_continued() {
        let headers = described(Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"));
        let parent = headers[TRACEPARENT].to_str().unwrap();
        assert!(parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && parent.ends_with("-00"), "{parent}");
        assert_eq!(headers[TRACESTATE], "vendor=1");
    }

    #[test]
    fn an_invalid_parent_is_ignored() {
        for wrong in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-00",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-00",
            "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-00",
        ] {
            assert!(!is_parent(wrong), "{wrong}");
        }
    }
}
