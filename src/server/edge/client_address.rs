//! The client's network address: for rate limits, the session list and the log.
//!
//! Any client can send `X-Forwarded-For`. It is read only when the connection itself comes from a configured proxy,
//! and then from the right: every trusted proxy has appended the address it saw, so the rightmost address that is
//! not such a proxy is the client; entries to the left of it are unverified. `Forwarded` (RFC 7239) and all other
//! `X-Forwarded-*` headers are never read: the public URL is a setting.
//!
//! Inside [`client_address`], every request has a [`ClientAddress`] extension.

use crate::server::transport::PeerAddress;
use axum::{
    extract::Request,
    http::{Extensions, HeaderMap, HeaderName},
    response::Response,
};
use ipnet::IpNet;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most entries of `X-Forwarded-For` that are read; no deployment chains more proxies.
const MAX_HOPS: usize = 32;

/// The address a request came from, as far as it can be trusted. IPv4 is never written as IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The address of a request, by its extensions.
    #[must_use]
    pub fn of(extensions: &Extensions) -> IpAddr {
        extensions.get::<Self>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0)
    }
}

/// The proxies whose `X-Forwarded-For` and `X-Request-Id` are trusted; none by default.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// The client behind a connection from `peer` that sent these headers.
    ///
    /// An entry that is no address ends the walk: the last address before it is the best that is known. If every
    /// entry is a trusted proxy, the leftmost is the client.
    #[must_use]
    pub fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer.to_canonical();
        if self.trusts(client) {
            let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
            let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
            for entry in entries.take(MAX_HOPS) {
                let Some(address) = parse_entry(entry) else { break };
                client = address;
                if !self.trusts(client) {
                    break;
                }
            }
        }
        ClientAddress(client)
    }
}

/// An address, with a port if the proxy writes one: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
fn parse_entry(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

/// Gives a request its [`ClientAddress`].
pub async fn client_address<F: Future<Output = Response>>(
    proxies: &TrustedProxies,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let client = proxies.client_of(peer_of(&request), request.headers());
    request.extensions_mut().insert(client);
    next(request).await
}

/// The peer of the connection. Without one (a request made in a test) it is an address that is never trusted.
pub(super) fn peer_of(request: &Request) -> IpAddr {
    request.extensions().get::<PeerAddress>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{
        Extension, Router,
        body::Body,
        http::HeaderValue,
        middleware::{self, Next},
        routing::get,
    };
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    fn proxies() -> TrustedProxies {
        let networks = ["10.0.0.0/8", "192.0.2.7/32", "2001:db8:ffff::/48"].map(|network| network.parse().unwrap());
        TrustedProxies::new(&networks)
    }

    fn client(peer: &str, forwarded_for: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded_for {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        proxies().client_of(peer.parse().unwrap(), &headers).0.to_string()
    }

    #[test]
    fn the_peer_is_the_client_without_a_trusted_proxy() {
        assert_eq!(client("198.51.100.1", &[]), "198.51.100.1");
        assert_eq!(client("198.51.100.1", &["203.0.113.9"]), "198.51.100.1", "the client itself sent it");
        assert_eq!(client("198.51.100.1", &["10.0.0.1, 127.0.0.1"]), "198.51.100.1");
    }

    #[test]
    fn a_trusted_proxy_names_the_client() {
        for (lines, expected) in [
            (&["203.0.113.9"][..], "203.0.113.9"),
            (&["203.0.113.9, 10.1.1.1"], "203.0.113.9"),
            (&["203.0.113.9,192.0.2.7 ,\t10.1.1.1"], "203.0.113.9"),
            (&["203.0.113.9", "10.1.1.1"], "203.0.113.9"),
            (&["2001:db8::5"], "2001:db8::5"),
            (&["2001:db8::5, 2001:db8:ffff::1"], "2001:db8::5"),
            (&["203.0.113.9:5512"], "203.0.113.9"),
            (&["[2001:db8::5]:443"], "2001:db8::5"),
            (&["[2001:db8::5]"], "2001:db8::5"),
            (&["::ffff:203.0.113.9"], "203.0.113.9"),
            (&[], "10.0.0.1"),
            (&["10.9.9.9, 10.1.1.1"], "10.9.9.9"),
        ] {
            assert_eq!(client("10.0.0.1", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_the_client_itself_sent_is_not_trusted() {
        for (lines, expected) in [
            (&["1.1.1.1, 203.0.113.9"][..], "203.0.113.9"),
            (&["10.0.0.5, 203.0.113.9, 10.1.1.1"], "203.0.113.9"),
            (&["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
            (&["192.0.2.7", "203.0.113.9"], "203.0.113.9"),
        ] {
            assert_eq!(client("10.0.0.1", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn an_unreadable_entry_ends_the_walk() {
        for (lines, expected) in [
            (&["unknown"][..], "10.0.0.1"),
            (&["203.0.113.9, nonsense, 10.1.1.1"], "10.1.1.1"),
            (&["203.0.113.9,, 10.1.1.1"], "10.1.1.1"),
            (&[""], "10.0.0.1"),
            (&["é, 10.1.1.1"], "10.1.1.1"),
            (&["203.0.113.9 10.1.1.1"], "10.0.0.1"),
            (&["010.1.1.1"], "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", lines), expected, "{lines:?}");
        }
        let endless = vec!["10.1.1.1"; 10_000].join(",");
        assert_eq!(client("10.0.0.1", &[&format!("203.0.113.9,{endless}")]), "10.1.1.1");
    }

    #[test]
    fn ipv4_written_as_ipv6_is_the_same_address() {
        assert_eq!(client("::ffff:198.51.100.1", &[]), "198.51.100.1");
        assert_eq!(client("::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
    }

    #[tokio::test]
    async fn handlers_find_the_address() {
        let show = |Extension(ClientAddress(address)): Extension<ClientAddress>| async move { address.to_string() };
        let app =
            Router::new().route("/", get(show)).layer(middleware::from_fn(async |request: Request, next: Next| {
                client_address(&proxies(), request, |request| next.run(request)).await
            }));
        let get_from = |peer: Option<&str>| {
            let mut request = Request::get("/").header(X_FORWARDED_FOR, "203.0.113.9").body(Body::empty()).unwrap();
            if let Some(peer) = peer {
                request.extensions_mut().insert(PeerAddress(peer.parse().unwrap()));
            }
            let app = app.clone();
            async move {
                let body = app.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
                String::from_utf8(body.to_bytes().to_vec()).unwrap()
            }
        };
        assert_eq!(get_from(Some("10.0.0.1:1234")).await, "203.0.113.9");
        assert_eq!(get_from(Some("198.51.100.1:1234")).await, "198.51.100.1");
        assert_eq!(get_from(None).await, "0.0.0.0");
    }
}
