//! The cookies of upstreams: they pass in both directions. Those of this application never do.

use super::{BARE, PREFIXED, SessionCookies};
use axum::http::{HeaderMap, HeaderValue, header::COOKIE};

impl SessionCookies {
    /// A request's cookies without ours, whatever origin ours are for.
    #[must_use]
    pub fn of_others(self, headers: &HeaderMap) -> Option<HeaderValue> {
        let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let others: Vec<&[u8]> =
            pairs.map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty() && !is_ours(name_of(pair))).collect();
        if others.is_empty() { None } else { HeaderValue::from_bytes(&others.join(&b"; "[..])).ok() }
    }

    /// Whether a `Set-Cookie` line of an upstream may pass: the cookie has a name, and not one of ours.
    ///
    /// Without a name the browser sends back the bare value, which could be `accessToken=…` (RFC 6265bis §5.6).
    #[must_use]
    pub fn is_others(self, set_cookie: &HeaderValue) -> bool {
        let pair = set_cookie.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        let name = name_of(pair);
        !name.is_empty() && !is_ours(name)
    }
}

/// What precedes the equals sign; empty if there is none (RFC 6265bis §5.6).
fn name_of(pair: &[u8]) -> &[u8] {
    let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(0);
    pair.get(..end).unwrap_or_default().trim_ascii()
}

/// Compares without case: an upstream may be less strict than we are.
fn is_ours(name: &[u8]) -> bool {
    BARE.iter().chain(&PREFIXED).any(|ours| name.eq_ignore_ascii_case(ours.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOKIES: [SessionCookies; 2] = [SessionCookies::new(false), SessionCookies::new(true)];

    fn others(lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_str(line).expect("a header value"));
        }
        let [http, https] = COOKIES.map(|cookies| cookies.of_others(&headers));
        assert_eq!(http, https);
        http.map(|value| value.to_str().expect("ASCII").to_owned())
    }

    #[test]
    fn our_cookies_are_never_forwarded() {
        assert_eq!(others(&["accessToken=a; refreshToken=b; tokenLife=c"]), None);
        assert_eq!(others(&["__Host-Http-accessToken=a;__Host-Http-refreshToken=b", "__Host-tokenLife=c"]), None);
        assert_eq!(others(&["ACCESSTOKEN=a; accessToken =b;\taccessToken\t=c; =; "]).as_deref(), Some("="));
        assert_eq!(others(&["theme=dark; accessToken=a", "x=1"]).as_deref(), Some("theme=dark; x=1"));
        assert_eq!(others(&[]), None);
    }

    #[test]
    fn an_upstream_sets_no_cookie_of_ours() {
        let passes = |line: &str| {
            let [http, https] =
                COOKIES.map(|cookies| cookies.is_others(&HeaderValue::from_str(line).expect("a value")));
            assert_eq!(http, https);
            http
        };
        for line in ["theme=dark", "theme=; Max-Age=0", "accessTokens=x", "x=accessToken=y; Path=/"] {
            assert!(passes(line), "{line}");
        }
        for line in [
            "accessToken=x; Path=/",
            " accessToken =x",
            "AccessToken=x",
            "__Host-Http-refreshToken=x; Secure",
            "__host-tokenlife=1.2",
            "=accessToken=x",
            "accessToken",
            "; accessToken=x",
            "",
        ] {
            assert!(!passes(line), "{line}");
        }
    }
}
