//! Every URL of the application, once: pages and server functions, shared by both sides and by the tests.

use serde::{Deserialize, Serialize};

pub const HOME: &str = "/";
pub const LOGIN: &str = "/login";
pub const SIGN_UP: &str = "/signup";
pub const ACCOUNT: &str = "/account";
pub const SESSIONS: &str = "/account/sessions";
pub const NOTES: &str = "/notes";

/// Where the browser without JavaScript comes back to when a form has done its work: to the form's page, which reads in
/// its query what to say, by [`says`].
pub mod done {
    pub const DISPLAY_NAME_SAVED: &str = "/account?saved=display_name";
    pub const SESSION_ENDED: &str = "/account/sessions?ended=one";
    pub const OTHER_SESSIONS_ENDED: &str = "/account/sessions?ended=others";
}

/// Where the gateway passes on to the service that keeps the notes.
pub const NOTES_SERVICE: &str = "/api/notes";
/// The stream by which that service tells of changes.
pub const NOTES_CHANGES: &str = "/api/notes/changes";

/// The server functions. Each is `POST`, form-encoded, so that a plain form reaches it.
pub mod api {
    pub const LOGIN: &str = "/api/session/login";
    pub const REFRESH: &str = "/api/session/refresh";
    pub const LOGOUT: &str = "/api/session/logout";
    pub const CURRENT: &str = "/api/session/current";
    pub const SIGN_UP: &str = "/api/account/sign_up";
    pub const CHANGE_DISPLAY_NAME: &str = "/api/account/change_display_name";
    pub const RATE_PASSWORD: &str = "/api/account/rate_password";
    pub const LIST_SESSIONS: &str = "/api/account/sessions";
    pub const END_SESSION: &str = "/api/account/end_session";
    pub const END_OTHER_SESSIONS: &str = "/api/account/end_other_sessions";
    pub const LIST_REUSES: &str = "/api/account/reuses";
    pub const DISMISS_REUSE: &str = "/api/account/dismiss_reuse";
    pub const ADD_NOTE: &str = "/api/note/add";
    pub const CHANGE_NOTE: &str = "/api/note/change";
    pub const DELETE_NOTE: &str = "/api/note/delete";
    /// All of them.
    pub const ALL: [&str; 15] = [
        LOGIN,
        REFRESH,
        LOGOUT,
        CURRENT,
        SIGN_UP,
        CHANGE_DISPLAY_NAME,
        RATE_PASSWORD,
        LIST_SESSIONS,
        END_SESSION,
        END_OTHER_SESSIONS,
        LIST_REUSES,
        DISMISS_REUSE,
        ADD_NOTE,
        CHANGE_NOTE,
        DELETE_NOTE,
    ];
}

/// The token service for registered clients, and what is published about it.
pub mod oauth {
    pub const TOKEN: &str = "/oauth/token";
    pub const REVOKE: &str = "/oauth/revoke";
    pub const INTROSPECT: &str = "/oauth/introspect";
    pub const JWKS: &str = "/.well-known/jwks.json";
    pub const METADATA: &str = "/.well-known/oauth-authorization-server";
}

pub mod health {
    pub const LIVE: &str = "/health/live";
    pub const READY: &str = "/health/ready";
}

/// Whether a page is only for somebody who is signed in.
///
/// The session layer answers an anonymous visitor of such a page with `303` to the sign-in page, before anything
/// is rendered; everything below a private path is private too.
#[must_use]
pub fn is_private(path: &str) -> bool {
    let is_below = |page| path.strip_prefix(page).is_some_and(|rest: &str| rest.is_empty() || rest.starts_with('/'));
    is_below(ACCOUNT) || is_below(NOTES)
}

/// The page that shows a server function's form, for the browser without JavaScript.
///
/// A rejected form is shown again on this page, and somebody who opens the function's URL by hand is sent to it.
#[must_use]
pub fn form_page(server_function: &str) -> Option<&'static str> {
    match server_function {
        api::LOGIN => Some(LOGIN),
        api::SIGN_UP => Some(SIGN_UP),
        api::CHANGE_DISPLAY_NAME | api::DISMISS_REUSE => Some(ACCOUNT),
        api::END_SESSION | api::END_OTHER_SESSIONS => Some(SESSIONS),
        api::ADD_NOTE | api::CHANGE_NOTE | api::DELETE_NOTE => Some(NOTES),
        api::LOGOUT => Some(HOME),
        _ => None,
    }
}

const KEEP: &str = "keep";

/// The address of a server function for a form that must not be carried out, because nobody has sent it yet. The answer
/// is a page that has it, to be sent after signing in.
#[must_use]
pub fn keeping(server_function: &str) -> String {
    with_parameter(server_function, KEEP, "form")
}

/// Whether a query is that of an address made by [`keeping`].
#[must_use]
pub fn is_keeping(query: &str) -> bool {
    parameter(query, KEEP).is_some()
}

/// The sign-in page, coming back to `destination` afterwards.
#[must_use]
pub fn login_returning_to(destination: &ReturnTo) -> String {
    with_return_to(LOGIN, destination)
}

/// A page that carries the place to go to afterwards in its query.
#[must_use]
pub fn with_return_to(page: &str, destination: &ReturnTo) -> String {
    if *destination == ReturnTo::default() {
        return page.to_owned();
    }
    with_parameter(page, RETURN_TO, destination.as_str())
}

/// An address with one more parameter in its query.
#[must_use]
pub fn with_parameter(address: &str, name: &str, value: &str) -> String {
    let separator = if address.contains('?') { '&' } else { '?' };
    let mut url = format!("{address}{separator}{name}=");
    push_encoded(&mut url, value, b"-_.~/");
    url
}

/// The address of something that lies right below another, under a name that may hold anything.
#[must_use]
pub fn below(address: &str, name: &str) -> String {
    let mut url = format!("{address}/");
    push_encoded(&mut url, name, b"-_.~");
    url
}

/// The first parameter of this name in a query, decoded once. A leading `?` does not matter.
#[must_use]
pub fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(found, _)| *found == name).and_then(|(_, value)| percent_decoded(value))
}

/// Whether a page's query says the same as the query of this address, one of [`done`].
#[must_use]
pub fn says(query: &str, done: &str) -> bool {
    let said = done.split_once('?').and_then(|(_, said)| said.split_once('='));
    said.is_some_and(|(name, value)| parameter(query, name).as_deref() == Some(value))
}

/// The query parameter that carries a [`ReturnTo`], and the parameter of the server functions that take one.
pub const RETURN_TO: &str = "return_to";

/// Where to go after sign-in: a page of this application, never another origin.
///
/// What a link or a form asks for is checked by [`ReturnTo::parse`]; anything doubtful becomes the account page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnTo(String);

impl ReturnTo {
    const MAX_BYTES: usize = 1024;

    /// Reads a destination somebody else may have written.
    ///
    /// Accepted is an absolute path of this origin with an optional query, `/…`. Refused are `//host` and `/\host`
    /// (browsers read both as another origin), backslashes and control characters anywhere, dot segments (they can
    /// turn the path into `//host`), server functions, and the pages that lead here. Non-ASCII bytes are
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

/// Decodes a part of a query or form once. Nothing if what comes out is no text.
#[must_use]
pub fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit()? << 4 | digit()?
            }
            plain => plain,
        });
    }
    String::from_utf8(decoded).ok()
}

fn push_encoded(url: &mut String, text: &str, plain: &[u8]) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            url.push(char::from(byte));
        } else {
            push_percent_encoded(url, byte);
        }
    }
}

fn push_percent_encoded(url: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    url.push('%');
    url.push(char::from(DIGITS[usize::from(byte >> 4)]));
    url.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
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

    #[test]
    fn a_parameter_survives_its_query() {
        let url = with_parameter(&with_parameter("/notes", "q", "a&b=c%20 ü/?#+"), "edit", "7");
        assert_eq!(url, "/notes?q=a%26b%3Dc%2520%20%C3%BC/%3F%23%2B&edit=7");
        let query = url.split_once('?').expect("a query").1;
        assert_eq!(parameter(query, "q").as_deref(), Some("a&b=c%20 ü/?#+"));
        assert_eq!((parameter(query, "edit").as_deref(), parameter(query, "x")), (Some("7"), None));
        assert_eq!(below("/api/notes", "../a?b"), "/api/notes/..%2Fa%3Fb");
    }

    #[test]
    fn a_form_that_is_only_kept_is_told_from_others() {
        let address = keeping("https://site.example/api/note/add");
        assert_eq!(address, "https://site.example/api/note/add?keep=form");
        assert!(is_keeping("keep=form"));
        assert!(!is_keeping("") && !is_keeping("keeper=form"));
    }

    #[test]
    fn a_page_is_told_what_has_been_done_and_nothing_else() {
        for (query, told) in [("ended=one", true), ("?x=1&ended=one", true), ("ended=others", false), ("", false)] {
            assert_eq!(says(query, done::SESSION_ENDED), told, "{query}");
        }
        assert!(!says("ended", done::SESSION_ENDED) && !says("saved=one", done::SESSION_ENDED));
        assert!(!says("", ACCOUNT) && !says("ended=one", SESSIONS), "these say nothing");
    }

    #[test]
    fn what_lies_below_the_account_page_is_private() {
        assert!(is_private("/account") && is_private("/account/") && is_private("/account/sessions"));
        assert!(is_private("/notes") && is_private("/notes/"));
        assert!(!is_private("/notesbook") && !is_private("/") && !is_private("/accounting") && !is_private("/login"));
    }
}
