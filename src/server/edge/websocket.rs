//! What a websocket handshake is: defined once for the origin check, the session layer and the gateway.

use axum::http::{HeaderMap, HeaderName, header};

/// Whether a request's `Upgrade` lists `websocket` (RFC 6455 §4.1), alone or among others.
///
/// By this header alone: what is refused to websockets is refused to every request that looks like one. A tunnel to an
/// upstream requires more, see `gateway/tunnel.rs`.
#[must_use]
pub fn is_websocket_upgrade(headers: &HeaderMap) -> bool {
    lists(headers, &header::UPGRADE, "websocket")
}

/// Whether a list header, in one line or in several, has this entry, compared without case.
#[must_use]
pub fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let entries = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    entries.map(<[u8]>::trim_ascii).any(|entry| entry.eq_ignore_ascii_case(wanted.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn is_handshake(lines: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::UPGRADE, HeaderValue::from_static(line));
        }
        is_websocket_upgrade(&headers)
    }

    #[test]
    fn a_websocket_is_recognized_in_any_spelling() {
        for lines in [&["websocket"][..], &["WebSocket"], &["h2c, websocket"], &["h2c", "\twebsocket ,"]] {
            assert!(is_handshake(lines), "{lines:?}");
        }
    }

    #[test]
    fn other_upgrades_are_none() {
        for lines in [&[][..], &[""], &["h2c"], &["websocket2"], &["web socket"], &["websocket/13"]] {
            assert!(!is_handshake(lines), "{lines:?}");
        }
    }
}
