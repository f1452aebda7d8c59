//! What counts as a WebSocket request, in one place: origin check, session layer and gateway agree on it.

use axum::http::{HeaderMap, HeaderName, header};

/// Whether a request asks to go on as a websocket (RFC 6455 §4.1), among whatever else its `Upgrade` names.
///
/// By this header alone: what is refused to websockets is refused to whatever looks like one on its way. To be joined
/// to a service takes more, see `gateway/tunnel.rs`.
#[must_use]
pub fn is_websocket_upgrade(headers: &HeaderMap) -> bool {
    lists(headers, &header::UPGRADE, "websocket")
}

/// Whether a header that is a list, in one line or in several, has this entry; case counts for nothing.
#[must_use]
pub fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let entries = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    entries.map(<[u8]>::trim_ascii).any(|entry| entry.eq_ignore_ascii_case(wanted.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn asks(lines: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::UPGRADE, HeaderValue::from_static(line));
        }
        is_websocket_upgrade(&headers)
    }

    #[test]
    fn a_websocket_is_one_however_it_is_written() {
        for lines in [&["websocket"][..], &["WebSocket"], &["h2c, websocket"], &["h2c", "\twebsocket ,"]] {
            assert!(asks(lines), "{lines:?}");
        }
    }

    #[test]
    fn everything_else_is_none() {
        for lines in [&[][..], &[""], &["h2c"], &["websocket2"], &["web socket"], &["websocket/13"]] {
            assert!(!asks(lines), "{lines:?}");
        }
    }
}
