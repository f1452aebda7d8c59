//! Maps the path of a request to the URL at the upstream.
//!
//! A path is decoded once, checked, and encoded again. An ambiguous path is refused, not corrected: the result is below
//! the upstream's base path however a parser reads it, and however often it decodes it.

use crate::server::config::UpstreamUrl;
use axum::http::{
    Uri,
    uri::{PathAndQuery, Scheme},
};

/// How often a path may be encoded. Once is normal, twice is a common mistake; decoding more often would take time
/// quadratic in the length of the path.
const MAX_ROUNDS: usize = 3;

/// Maps the paths below a prefix to those of the upstream.
#[derive(Clone, Debug)]
pub struct Mapping {
    prefix: Box<str>,
    strip_prefix: bool,
    upstream: UpstreamUrl,
    /// The paths below the prefix, without it and in lower case, at which another route begins.
    others: Vec<Vec<u8>>,
}

/// Why a path is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("the path is not below the prefix")]
    Elsewhere,
    /// A percent sign without two hexadecimal digits (RFC 3986 §2.1).
    #[error("the path is not properly percent-encoded")]
    Encoding,
    #[error("the path is encoded too often")]
    TooOften,
    /// `//`
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `.`, `..`, and what some servers treat as such: with parameters (`..;x`), or encoded twice.
    #[error("the path has a dot segment")]
    DotSegment,
    /// A slash, a backslash or a control character in a segment, encoded once or twice.
    #[error("the path has a hidden character")]
    HiddenCharacter,
    /// This route was chosen by the path as sent, but the upstream may read it as one below a longer prefix.
    #[error("the path could be another route's")]
    AnotherRoute,
}

impl Mapping {
    #[must_use]
    pub fn new(prefix: &str, strip_prefix: bool, upstream: UpstreamUrl) -> Self {
        Self { prefix: prefix.into(), strip_prefix, upstream, others: Vec::new() }
    }

    /// Excludes the paths below these prefixes of other routes, even if they are encoded differently: an upstream of
    /// both routes may be public here and protected there.
    #[must_use]
    pub fn beside<'a>(mut self, prefixes: impl IntoIterator<Item = &'a str>) -> Self {
        let others = prefixes.into_iter().filter_map(|prefix| self.below(prefix)).filter(|rest| !rest.is_empty());
        self.others = others.map(|rest| rest.to_ascii_lowercase().into_bytes()).collect();
        self
    }

    #[must_use]
    pub const fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The prefix, if it is stripped.
    #[must_use]
    pub fn stripped_prefix(&self) -> Option<&str> {
        self.strip_prefix.then_some(&*self.prefix)
    }

    #[must_use]
    pub const fn upstream(&self) -> &UpstreamUrl {
        &self.upstream
    }

    /// Whether a path, as sent, is the prefix or below it.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        self.below(path).is_some()
    }

    /// The URL at the upstream for a request URI. The query is passed on unchanged.
    ///
    /// # Errors
    ///
    /// [`AddressError`] if the path is not below the prefix, is ambiguous, or belongs to another route.
    pub fn target(&self, uri: &Uri) -> Result<Uri, AddressError> {
        let path = uri.path();
        let rest = self.below(path).ok_or(AddressError::Elsewhere)?;
        let mut target = String::with_capacity(self.upstream.base().len() + path.len() + 16);
        target.push_str(self.upstream.base());
        if !self.strip_prefix {
            target.push_str(&self.prefix);
        }
        let read = write_plainly(rest, &mut target)?;
        if self.others.iter().any(|other| lies_below(&read, other)) {
            return Err(AddressError::AnotherRoute);
        }
        if target.is_empty() {
            target.push('/');
        }
        if let Some(query) = uri.query() {
            target.push('?');
            target.push_str(query);
        }
        let target = PathAndQuery::try_from(target).map_err(|_| AddressError::Encoding)?;
        let address = Uri::builder().scheme(Scheme::HTTP).authority(self.upstream.authority().clone());
        address.path_and_query(target).build().map_err(|_| AddressError::Encoding)
    }

    /// The part after the prefix: empty, or a path.
    fn below<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(&*self.prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Writes `path`, which is empty or begins with a slash, decoded once and encoded again. Returns how a lenient parser
/// reads it: fully decoded, without parameters and empty segments, in lower case.
fn write_plainly(path: &str, out: &mut String) -> Result<Vec<u8>, AddressError> {
    let mut read = Vec::with_capacity(path.len());
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        out.push('/');
        if segment.is_empty() && segments.peek().is_some() {
            return Err(AddressError::EmptySegment);
        }
        let (decoded, is_proper) = decode(segment.as_bytes());
        if !is_proper {
            return Err(AddressError::Encoding);
        }
        let deepest = fully_decoded(decoded.clone())?;
        let name = name_of(&deepest);
        if !name.is_empty() {
            read.push(b'/');
            read.extend(name.to_ascii_lowercase());
        }
        for byte in decoded {
            push_encoded(byte, out);
        }
    }
    Ok(read)
}

fn lies_below(path: &[u8], prefix: &[u8]) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// A segment decoded until it no longer changes. It has to be acceptable at each step.
fn fully_decoded(mut segment: Vec<u8>) -> Result<Vec<u8>, AddressError> {
    for _ in 0..MAX_ROUNDS {
        check_segment(&segment)?;
        let (next, _) = decode(&segment);
        if next.len() == segment.len() {
            return Ok(segment);
        }
        segment = next;
    }
    Err(AddressError::TooOften)
}

fn check_segment(segment: &[u8]) -> Result<(), AddressError> {
    if matches!(name_of(segment), b"." | b"..") {
        return Err(AddressError::DotSegment);
    }
    if segment.iter().any(|byte| matches!(byte, b'/' | b'\\') || byte.is_ascii_control()) {
        return Err(AddressError::HiddenCharacter);
    }
    Ok(())
}

/// A segment without its parameters (`name;a=1`), which many servers remove, and without surrounding whitespace.
fn name_of(segment: &[u8]) -> &[u8] {
    segment.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

/// Decodes once. A percent sign without two digits stays, and the result is not proper.
fn decode(text: &[u8]) -> (Vec<u8>, bool) {
    let (mut decoded, mut is_proper, mut rest) = (Vec::with_capacity(text.len()), true, text);
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let encoded = match after {
            [high, low, ..] if *byte == b'%' => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        if let Some((high, low)) = encoded {
            decoded.push(high << 4 | low);
            rest = &after[2..];
        } else {
            is_proper &= *byte != b'%';
            decoded.push(*byte);
        }
    }
    (decoded, is_proper)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Characters allowed in a segment are not encoded (RFC 3986 §3.3, `pchar`).
fn push_encoded(byte: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
        out.push(char::from(byte));
    } else {
        out.push('%');
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
    }
}

#[cfg(test)]
mod tests;
