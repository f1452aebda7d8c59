//! The address people open.

use super::keys::{Value, Written, quoted};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};
use url::{Host, Url};

/// The origin under which browsers see the application: `https`, or `http` on this machine only.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    https: bool,
}

/// Why a text is no public URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicUrlError {
    #[error("not a URL ({0})")]
    NotAUrl(#[from] url::ParseError),
    #[error("neither http nor https")]
    Scheme,
    #[error("has a user name or password")]
    Credentials,
    #[error("has a path, query or fragment: the application owns its whole origin")]
    MoreThanAnOrigin,
    /// Browsers keep `Secure` cookies only for `https`, and make an exception for the loopback addresses.
    #[error("plain http, which is for this machine only: browsers would lose the cookies")]
    PlainHttp,
}

impl PublicUrl {
    /// `https://host`, with a port unless it is the scheme's own: what browsers send as `Origin` (RFC 6454 §6.2).
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether cookies are `Secure` and carry their prefixes.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// The absolute URL of a path of this application, whatever the path looks like.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!("{}{slash}{path}", self.origin)
    }

    /// What to open on this machine for a server that listens on `address`.
    pub(super) fn of_listener(address: SocketAddr) -> Self {
        let host = if address.ip().is_loopback() { address.ip() } else { IpAddr::from([127, 0, 0, 1]) };
        let address = SocketAddr::new(host, address.port());
        let origin =
            if address.port() == 80 { format!("http://{}", url_host(host)) } else { format!("http://{address}") };
        Self { origin, https: false }
    }
}

impl Default for PublicUrl {
    fn default() -> Self {
        Self::of_listener(SocketAddr::from(([127, 0, 0, 1], 3000)))
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text)?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(PublicUrlError::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PublicUrlError::Credentials);
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(PublicUrlError::MoreThanAnOrigin);
        }
        if !https && !url.host().is_some_and(|host| is_this_machine(&host)) {
            return Err(PublicUrlError::PlainHttp);
        }
        Ok(Self { origin: url.origin().ascii_serialization(), https })
    }
}

impl fmt::Debug for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl Value for PublicUrl {
    fn set(&mut self, written: &Written) -> Result<(), String> {
        *self = written.text()?.parse().map_err(|error: PublicUrlError| error.to_string())?;
        Ok(())
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.origin))
    }

    fn example(&self) -> &'static str {
        "the address people open, such as \"https://app.example.com\" (on this machine \"http://127.0.0.1:3000\")"
    }

    fn may_hold_a_secret(&self) -> bool {
        true
    }
}

/// The hosts that browsers trust without TLS (W3C Secure Contexts §3.1).
fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
    }
}

fn url_host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Result<String, PublicUrlError> {
        text.parse::<PublicUrl>().map(|url| url.origin().to_owned())
    }

    #[test]
    fn an_origin_is_kept_as_browsers_send_it() {
        assert_eq!(origin("https://App.Example.com").as_deref(), Ok("https://app.example.com"));
        assert_eq!(origin("https://app.example.com:443/").as_deref(), Ok("https://app.example.com"));
        assert_eq!(origin("https://app.example.com:8443").as_deref(), Ok("https://app.example.com:8443"));
        assert_eq!(origin("http://localhost:3000").as_deref(), Ok("http://localhost:3000"));
        assert_eq!(origin("http://[::1]:3000").as_deref(), Ok("http://[::1]:3000"));
        assert_eq!(origin("https://bücher.example").as_deref(), Ok("https://xn--bcher-kva.example"));
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for text in
            ["http://app.example.com", "http://192.168.1.2:3000", "http://0.0.0.0:3000", "http://localhost.example"]
        {
            assert_eq!(origin(text), Err(PublicUrlError::PlainHttp), "{text}");
        }
        for text in ["http://127.0.0.1:3000", "http://127.8.9.1", "http://[::1]", "http://a.localhost:80"] {
            assert!(origin(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn nothing_but_an_origin_is_accepted() {
        for text in ["https://a.example/app", "https://a.example/?q", "https://a.example/#top"] {
            assert_eq!(origin(text), Err(PublicUrlError::MoreThanAnOrigin), "{text}");
        }
        for text in ["https://me@a.example", "https://me:secret@a.example", "https://:secret@a.example"] {
            assert_eq!(origin(text), Err(PublicUrlError::Credentials), "{text}");
        }
        for text in ["ftp://a.example", "file:///etc", "javascript:alert(1)"] {
            assert_eq!(origin(text), Err(PublicUrlError::Scheme), "{text}");
        }
        for text in ["", "a.example", "https://", "https://a b"] {
            assert!(matches!(origin(text), Err(PublicUrlError::NotAUrl(_))), "{text}");
        }
    }

    #[test]
    fn a_path_never_changes_the_host() {
        let url: PublicUrl = "https://app.example.com".parse().unwrap();
        assert_eq!(url.join("/login?a=b"), "https://app.example.com/login?a=b");
        assert_eq!(url.join(".evil.example"), "https://app.example.com/.evil.example");
        assert_eq!(url.join("@evil.example"), "https://app.example.com/@evil.example");
        assert_eq!(url.join("//evil.example"), "https://app.example.com//evil.example");
    }

    #[test]
    fn the_default_follows_the_address_the_server_listens_on() {
        let of = |address: &str| PublicUrl::of_listener(address.parse().unwrap()).origin().to_owned();
        assert_eq!(of("127.0.0.1:3100"), "http://127.0.0.1:3100");
        assert_eq!(of("[::1]:3100"), "http://[::1]:3100");
        assert_eq!(of("0.0.0.0:8080"), "http://127.0.0.1:8080");
        assert_eq!(of("[::]:80"), "http://127.0.0.1");
        for address in ["127.0.0.1:3000", "[::1]:80", "10.0.0.1:443"] {
            assert_eq!(origin(&of(address)), Ok(of(address)), "it is what it would be parsed to");
        }
    }
}
