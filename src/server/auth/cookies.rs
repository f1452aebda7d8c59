//! The three cookies: their names, their attributes, reading and writing them. No other module does.

mod others;

use crate::{model::TokenLife, server::service::tokens::IssuedTokens};
use axum::http::{HeaderMap, HeaderValue, header::COOKIE};
use cookie::{Cookie, SameSite, time::Duration as MaxAge};

/// The names on plain `http`, which is only for local use.
const BARE: [&str; 3] = ["accessToken", "refreshToken", TokenLife::cookie_name(false)];
/// The names on `https`: `__Host-` (RFC 6265bis §4.1.3.2) keeps other hosts from setting them, `Http-` scripts.
const PREFIXED: [&str; 3] = ["__Host-Http-accessToken", "__Host-Http-refreshToken", TokenLife::cookie_name(true)];

/// Reads and writes the cookies of one origin.
#[derive(Clone, Copy, Debug)]
pub struct SessionCookies {
    https: bool,
}

/// What a request carries under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    Absent,
    Value(String),
    /// Several different values: another party has set one of them, so none is accepted.
    Ambiguous,
}

impl Presented {
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Ambiguous => None,
        }
    }

    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// The cookies of this application in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedCookies {
    pub access: Presented,
    pub refresh: Presented,
    pub life: Presented,
    /// Cookies under names this origin no longer uses, left over from plain `http`.
    pub outdated: Vec<&'static str>,
}

impl PresentedCookies {
    /// Whether the request carries none of the three cookies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.access.is_absent() && self.refresh.is_absent() && self.life.is_absent()
    }
}

impl SessionCookies {
    #[must_use]
    pub const fn new(https: bool) -> Self {
        Self { https }
    }

    const fn names(self) -> [&'static str; 3] {
        if self.https { PREFIXED } else { BARE }
    }

    /// Reads a request's cookies.
    ///
    /// Other cookies may hold anything, bytes beyond ASCII included: they are skipped one by one and never make
    /// ours unreadable (RFC 6265bis §5.6 is as lenient with what it stores).
    #[must_use]
    pub fn read(self, headers: &HeaderMap) -> PresentedCookies {
        let [access, refresh, life] = self.names();
        let mut outdated = Vec::new();
        if self.https {
            outdated.extend(BARE.into_iter().filter(|name| !find(headers, name).is_absent()));
        }
        PresentedCookies {
            access: find(headers, access),
            refresh: find(headers, refresh),
            life: find(headers, life),
            outdated,
        }
    }

    /// The three `Set-Cookie` headers that issue tokens.
    #[must_use]
    pub fn issue(self, tokens: &IssuedTokens) -> Vec<HeaderValue> {
        let [access, refresh, _] = self.names();
        let access_life = MaxAge::seconds(tokens.life.seconds());
        let refresh_life = MaxAge::seconds(i64::try_from(tokens.refresh_life.as_secs()).unwrap_or(i64::MAX));
        let mut headers = header(&self.cookie(access, tokens.access.as_str().to_owned(), access_life, true));
        headers.extend(header(&self.cookie(refresh, tokens.refresh.as_str().to_owned(), refresh_life, true)));
        headers.extend(self.renew_life(tokens.life, tokens.life.seconds()));
        headers
    }

    /// The `Set-Cookie` header that renews the token life alone, valid for the remaining seconds.
    #[must_use]
    pub fn renew_life(self, life: TokenLife, seconds_left: i64) -> Vec<HeaderValue> {
        let [_, _, name] = self.names();
        header(&self.cookie(name, life.to_string(), MaxAge::seconds(seconds_left), false))
    }

    /// The `Set-Cookie` headers that delete all three, with the attributes they were set with.
    #[must_use]
    pub fn clear(self) -> Vec<HeaderValue> {
        self.delete([true; 3])
    }

    /// The `Set-Cookie` headers that delete those that a request carries.
    #[must_use]
    pub fn clear_presented(self, presented: &PresentedCookies) -> Vec<HeaderValue> {
        self.delete([&presented.access, &presented.refresh, &presented.life].map(|cookie| !cookie.is_absent()))
    }

    /// Like [`Self::clear_presented`], but keeps the refresh token.
    #[must_use]
    pub fn clear_besides_refresh(self, presented: &PresentedCookies) -> Vec<HeaderValue> {
        self.delete([!presented.access.is_absent(), false, !presented.life.is_absent()])
    }

    fn delete(self, which: [bool; 3]) -> Vec<HeaderValue> {
        let [access, refresh, life] = self.names();
        [(access, true), (refresh, true), (life, false)]
            .into_iter()
            .zip(which)
            .filter(|(_, delete)| *delete)
            .flat_map(|((name, http_only), _)| header(&self.cookie(name, String::new(), MaxAge::ZERO, http_only)))
            .collect()
    }

    /// The `Set-Cookie` headers that delete cookies under outdated names.
    #[must_use]
    pub fn clear_outdated(self, names: &[&'static str]) -> Vec<HeaderValue> {
        names
            .iter()
            .flat_map(|name| header(&Self { https: false }.cookie(name, String::new(), MaxAge::ZERO, true)))
            .collect()
    }

    fn cookie(self, name: &'static str, value: String, max_age: MaxAge, http_only: bool) -> Cookie<'static> {
        Cookie::build((name, value))
            .path("/")
            .same_site(SameSite::Lax)
            .secure(self.https)
            .http_only(http_only)
            .max_age(max_age)
            .build()
    }
}

fn header(cookie: &Cookie<'_>) -> Vec<HeaderValue> {
    // A value we wrote is ASCII; should it ever not be, no cookie is better than half of one.
    HeaderValue::try_from(cookie.to_string()).into_iter().collect()
}

fn find(headers: &HeaderMap, name: &str) -> Presented {
    let mut found = Presented::Absent;
    for header in headers.get_all(COOKIE) {
        for pair in header.as_bytes().split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            let Some(value) = pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) else {
                continue;
            };
            let Some(value) = plain(value) else { continue };
            match &found {
                Presented::Absent => found = Presented::Value(value.to_owned()),
                Presented::Value(first) if first == value => {}
                Presented::Value(_) | Presented::Ambiguous => found = Presented::Ambiguous,
            }
        }
    }
    found
}

/// A value as we write them: not empty, visible ASCII. Some clients quote (RFC 6265 §4.1.1).
fn plain(value: &[u8]) -> Option<&str> {
    let unquoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
    let visible = !unquoted.is_empty() && unquoted.iter().all(u8::is_ascii_graphic);
    visible.then(|| std::str::from_utf8(unquoted).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::domain::{
        access_token::PlainAccessToken,
        refresh_token::{RefreshToken, RefreshTokenKey, RefreshTokenKeys},
        session::{Generation, SessionId},
    };
    use std::time::Duration;
    use uuid::Uuid;

    const HTTP: SessionCookies = SessionCookies::new(false);
    const HTTPS: SessionCookies = SessionCookies::new(true);

    fn read(cookies: SessionCookies, lines: &[&[u8]]) -> PresentedCookies {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line).expect("a header value"));
        }
        cookies.read(&headers)
    }

    fn value(text: &str) -> Presented {
        Presented::Value(text.to_owned())
    }

    fn tokens() -> IssuedTokens {
        let token = RefreshToken { session_id: SessionId::from_uuid(Uuid::nil()), generation: Generation::FIRST };
        IssuedTokens {
            access: PlainAccessToken::new("a".repeat(620)),
            refresh: RefreshTokenKeys::new(vec![RefreshTokenKey::new(1, &[0; 32])]).seal(token),
            life: TokenLife { issued_at: 1_790_000_000, expires_at: 1_790_003_600 },
            refresh_life: Duration::from_hours(30 * 24),
        }
    }

    fn lines(headers: &[HeaderValue]) -> Vec<&str> {
        headers.iter().map(|header| header.to_str().expect("ASCII")).collect()
    }

    #[test]
    fn malformed_cookies_do_not_hide_ours() {
        let presented =
            read(HTTP, &[b"x=\xc3\xa9; =; ;a; accessToken=AT ;\t refreshToken=RT", b"tokenLife=\"1.2\"; y=\xff\xfe"]);
        assert_eq!(
            presented,
            PresentedCookies { access: value("AT"), refresh: value("RT"), life: value("1.2"), outdated: vec![] }
        );
        let many = "n=v; ".repeat(200) + "accessToken=AT";
        assert_eq!(read(HTTP, &[many.as_bytes()]).access, value("AT"));
    }

    #[test]
    fn only_the_exact_name_counts() {
        for line in [
            "AccessToken=x",
            "accesstoken=x",
            " accessToken =x",
            "__Host-accessToken=x",
            "xaccessToken=x",
            "accessTokenx=x",
            "accessToken",
        ] {
            assert_eq!(read(HTTP, &[line.as_bytes()]).access, Presented::Absent, "{line}");
        }
        let wrong = read(HTTPS, &[b"__Host-refreshToken=x; __host-http-refreshToken=x; __Secure-accessToken=x"]);
        assert!(wrong.is_empty() && wrong.outdated.is_empty());
    }

    #[test]
    fn two_values_are_none_and_one_value_twice_is_one() {
        assert_eq!(read(HTTP, &[b"accessToken=a; accessToken=b"]).access, Presented::Ambiguous);
        assert_eq!(read(HTTP, &[b"accessToken=a", b"accessToken=b; accessToken=a"]).access, Presented::Ambiguous);
        assert_eq!(read(HTTP, &[b"accessToken=a; accessToken=a"]).access, value("a"));
    }

    #[test]
    fn values_that_are_not_visible_ascii_count_as_absent() {
        for line in [&b"accessToken="[..], b"accessToken=\xc3\xa9", b"accessToken=a b", b"accessToken=\"\""] {
            assert_eq!(read(HTTP, &[line]).access, Presented::Absent, "{line:?}");
        }
    }

    #[test]
    fn bare_names_on_https_are_outdated() {
        let presented = read(HTTPS, &[b"accessToken=a; __Host-Http-accessToken=b"]);
        assert_eq!((presented.access, presented.outdated.clone()), (value("b"), vec!["accessToken"]));
        assert_eq!(
            lines(&HTTPS.clear_outdated(&presented.outdated)),
            ["accessToken=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"]
        );
    }

    #[test]
    fn the_cookies_are_written_as_specified() {
        let access = "a".repeat(620);
        let issued = HTTP.issue(&tokens());
        assert_eq!(lines(&issued)[0], format!("accessToken={access}; HttpOnly; SameSite=Lax; Path=/; Max-Age=3600"));
        assert!(lines(&issued)[1].ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000"));
        assert_eq!(lines(&issued)[2], "tokenLife=1790000000.1790003600; SameSite=Lax; Path=/; Max-Age=3600");
        let secure = HTTPS.issue(&tokens());
        assert_eq!(
            lines(&secure)[0],
            format!("__Host-Http-accessToken={access}; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=3600")
        );
        assert!(lines(&secure)[1].starts_with("__Host-Http-refreshToken="));
        assert_eq!(
            lines(&secure)[2],
            "__Host-tokenLife=1790000000.1790003600; SameSite=Lax; Secure; Path=/; Max-Age=3600"
        );
    }

    #[test]
    fn deleting_uses_the_same_attributes() {
        assert_eq!(
            lines(&HTTPS.clear()),
            [
                "__Host-Http-accessToken=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0",
                "__Host-Http-refreshToken=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0",
                "__Host-tokenLife=; SameSite=Lax; Secure; Path=/; Max-Age=0",
            ]
        );
    }

    #[test]
    fn all_three_stay_under_a_kilobyte() {
        let issued = HTTPS.issue(&tokens());
        let pairs: Vec<&str> = lines(&issued).into_iter().filter_map(|line| line.split(';').next()).collect();
        let sent_back = pairs.join("; ");
        assert!(sent_back.len() < 1024, "{} bytes: {sent_back}", sent_back.len());
    }
}
