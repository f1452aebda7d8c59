//! Where to go after signing in: a page of this application, never another origin.

use super::{
    ACCOUNT, LOGIN, SIGN_UP,
    query::{parameter, push_percent_encoded, with_parameter},
};
use serde::{Deserialize, Serialize};

/// The query parameter that carries a [`ReturnTo`], and the parameter of the server functions that take one.
pub const RETURN_TO: &str = "return_to";

/// Where to go after sign-in: a page of this application, never another origin.
///
/// The value of a link or a form is checked by [`ReturnTo::parse`]; one that is refused becomes the account page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnTo(String);

impl ReturnTo {
    const MAX_BYTES: usize = 1024;

    /// Reads an untrusted destination.
    ///
    /// Accepted is an absolute path of this origin with an optional query, `/…`. Refused are `//host` and `/\host`
    /// (browsers read both as another origin), backslashes and control characters anywhere, dot segments (they can
    /// turn the path into `//host`), server functions, and the pages that redirect here. Non-ASCII bytes are
    /// percent-encoded, so that the result is always a valid `Location` (RFC 9110 §10.2.2).
    #[must_use]
    pub fn parse(wanted: Option<&str>) -> Self {
        wanted.and_then(Self::try_parse).unwrap_or_default()
    }

    /// The destination in a page's query, as [`with_return_to`] wrote it. A leading `?` does not matter.
    #[must_use]
    pub fn of_query(query: &str) -> Self {
        Self::parse(parameter(query, RETURN_TO).as_deref())
    }

    fn try_parse(wanted: &str) -> Option<Self> {
        if wanted.len() > Self::MAX_BYTES || !wanted.starts_with('/') {
            return None;
        }
        if wanted.contains(|c: char| c == '\\' || c.is_control()) {
            return None;
        }
        let without_fragment = wanted.split('#').next().unwrap_or_default();
        let path = without_fragment.split('?').next().unwrap_or_default();
        let decoded_dots = path.to_ascii_lowercase().replace("%2e", ".");
        if path.contains("//") || decoded_dots.split('/').any(|segment| segment == "." || segment == "..") {
            return None;
        }
        let leads_here = path == LOGIN || path == SIGN_UP || path == "/api" || path.starts_with("/api/");
        if leads_here {
            return None;
        }
        let mut url = String::with_capacity(without_fragment.len());
        for byte in without_fragment.bytes() {
            match byte {
                b' ' | b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'^' | b'|' | 0x7f.. => {
                    push_percent_encoded(&mut url, byte);
                }
                printable => url.push(char::from(printable)),
            }
        }
        Some(Self(url))
    }

    /// The destination as an ASCII path, fit for a `Location` header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ReturnTo {
    fn default() -> Self {
        Self(ACCOUNT.to_owned())
    }
}

/// The sign-in page, with `destination` to return to.
#[must_use]
pub fn login_returning_to(destination: &ReturnTo) -> String {
    with_return_to(LOGIN, destination)
}

/// A page with the destination to go to afterwards in its query.
#[must_use]
pub fn with_return_to(page: &str, destination: &ReturnTo) -> String {
    if *destination == ReturnTo::default() {
        return page.to_owned();
    }
    with_parameter(page, RETURN_TO, destination.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(wanted: &str) -> String {
        ReturnTo::parse(Some(wanted)).as_str().to_owned()
    }

    #[test]
    fn a_page_of_ours_is_kept_with_its_query() {
        assert_eq!(parsed("/account/sessions?sort=seen&page=2"), "/account/sessions?sort=seen&page=2");
        assert_eq!(parsed("/"), "/");
    }

    #[test]
    fn another_origin_becomes_the_account_page() {
        let attempts = [
            "",
            "account",
            "https://evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/%0d%0a\r\nx",
            "/.//evil.example",
            "/..//evil.example",
            "/%2e%2e//evil.example",
            "/a/%2E%2E//evil.example",
            "javascript:alert(1)",
            "/\u{7f}",
            "/login",
            "/login?return_to=/x",
            "/signup",
            "/api/session/logout",
            "/\u{0}",
        ];
        for attempt in attempts {
            assert_eq!(parsed(attempt), ACCOUNT, "{attempt:?}");
        }
        assert_eq!(parsed(&format!("/{}", "a".repeat(2000))), ACCOUNT);
        assert_eq!(ReturnTo::parse(None).as_str(), ACCOUNT);
    }

    #[test]
    fn the_result_is_always_ascii() {
        assert_eq!(parsed("/notes/é?q=ü ü"), "/notes/%C3%A9?q=%C3%BC%20%C3%BC");
        assert_eq!(parsed("/notes#top"), "/notes");
    }

    #[test]
    fn the_sign_in_page_carries_the_destination_encoded_once() {
        let destination = ReturnTo::parse(Some("/notes?q=a&b=%20"));
        assert_eq!(login_returning_to(&destination), "/login?return_to=/notes%3Fq%3Da%26b%3D%2520");
        assert_eq!(login_returning_to(&ReturnTo::default()), "/login");
    }

    #[test]
    fn a_destination_survives_its_query() {
        for wanted in ["/notes?q=a&b=%20", "/account?tab=a%26b", "/notes/%C3%A9?a=1%2B1", "/a+b"] {
            let destination = ReturnTo::parse(Some(wanted));
            let url = login_returning_to(&destination);
            let query = url.split_once('?').expect("a query").1;
            assert_eq!(ReturnTo::of_query(query), destination, "{wanted}");
            assert_eq!(ReturnTo::of_query(&format!("?x=1&{query}&{RETURN_TO}=/other")), destination, "{wanted}");
        }
        for nothing in [
            "",
            "?",
            "return_to",
            "return_to=",
            "return_to=%",
            "return_to=%zz",
            "return_to=%ff",
            "Return_to=/x",
            "return_to=%2F%2Fevil.example",
        ] {
            assert_eq!(ReturnTo::of_query(nothing), ReturnTo::default(), "{nothing}");
        }
    }
}
