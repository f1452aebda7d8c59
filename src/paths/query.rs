//! Queries: reading and writing their parameters (RFC 3986 §2.1 and §3.4).
//!
//! Written by hand, because the browser uses it: `form_urlencoded` and `percent-encoding` would be loaded with every
//! page.

const KEEP: &str = "keep";

/// The address of a server function for a form that must not be carried out, because the user has not sent it yet. The
/// response is a page that holds the form, to be sent after signing in.
#[must_use]
pub fn keeping(server_function: &str) -> String {
    with_parameter(server_function, KEEP, "form")
}

/// Whether a query is that of an address made by [`keeping`].
#[must_use]
pub fn is_keeping(query: &str) -> bool {
    parameter(query, KEEP).is_some()
}

/// An address with one more parameter in its query.
#[must_use]
pub fn with_parameter(address: &str, name: &str, value: &str) -> String {
    let separator = if address.contains('?') { '&' } else { '?' };
    let mut url = format!("{address}{separator}{name}=");
    push_encoded(&mut url, value, b"-_.~/");
    url
}

/// The address with one more path segment, of arbitrary text.
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

/// Whether a page's query names the outcome that this address, one of [`done`](super::done), does.
#[must_use]
pub fn reports(query: &str, done: &str) -> bool {
    let outcome = done.split_once('?').and_then(|(_, query)| query.split_once('='));
    outcome.is_some_and(|(name, value)| parameter(query, name).as_deref() == Some(value))
}

/// Decodes a part of a query or form once. `None` if the result is not UTF-8.
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

pub(super) fn push_percent_encoded(url: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    url.push('%');
    url.push(char::from(DIGITS[usize::from(byte >> 4)]));
    url.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::{ACCOUNT, SESSIONS, done};

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
    fn a_form_that_is_only_kept_is_distinguished_from_others() {
        let address = keeping("https://site.example/api/note/add");
        assert_eq!(address, "https://site.example/api/note/add?keep=form");
        assert!(is_keeping("keep=form"));
        assert!(!is_keeping("") && !is_keeping("keeper=form"));
    }

    #[test]
    fn a_query_reports_its_own_outcome_only() {
        for (query, expected) in [("ended=one", true), ("?x=1&ended=one", true), ("ended=others", false), ("", false)] {
            assert_eq!(reports(query, done::SESSION_ENDED), expected, "{query}");
        }
        assert!(!reports("ended", done::SESSION_ENDED) && !reports("saved=one", done::SESSION_ENDED));
        assert!(!reports("", ACCOUNT) && !reports("ended=one", SESSIONS), "these name no outcome");
    }
}
