//! Rejects heads that could be read in two ways, which request smuggling relies on (RFC 9112 §11.2).
//!
//! hyper tolerates some of them, as the standard allows: lines that end without a carriage return, `Content-Length`
//! beside `Transfer-Encoding` (it drops the former silently), the same length twice. A proxy in front may interpret
//! such a message differently. So the bytes are inspected before hyper reads them, and an ambiguous line is made
//! invalid; hyper then responds with `400` and closes the connection.

/// How much of a line is inspected, in bytes: the names and values that matter are shorter, or invalid.
const MAX_LINE: usize = 64;
/// Allowed nowhere in a head.
const INVALID: u8 = 0;

/// How far the requests of a connection have been read.
#[derive(Debug, Default)]
pub(super) struct Framing {
    place: Place,
    /// The beginning of the current line, and its last byte so far.
    line: Vec<u8>,
    last: u8,
    length: Option<u64>,
    is_chunked: bool,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    BeforeHead,
    Head,
    /// This many bytes of a body are left.
    Body(u64),
    /// No head follows that hyper would parse: HTTP/2, or a chunked body, after which the connection ends.
    Elsewhere,
}

impl Framing {
    /// Inspects the next bytes, before hyper reads them.
    pub(super) fn inspect(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            match &mut self.place {
                Place::Elsewhere => return,
                Place::Body(left) => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left = left.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
                    if *left == 0 {
                        self.place = Place::BeforeHead;
                    }
                    bytes = &mut bytes[here..];
                }
                Place::BeforeHead | Place::Head => {
                    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return self.keep(bytes) };
                    let (line, rest) = bytes.split_at_mut(end + 1);
                    self.keep(&line[..end]);
                    if !self.ends_line() {
                        line[end] = INVALID;
                        self.place = Place::Elsewhere;
                    }
                    self.line.clear();
                    self.last = 0;
                    bytes = rest;
                }
            }
        }
    }

    fn keep(&mut self, part: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        self.last = part.last().copied().unwrap_or(self.last);
    }

    /// Processes the line. `false` if it is ambiguous.
    fn ends_line(&mut self) -> bool {
        if self.last != b'\r' {
            return false;
        }
        let line = std::mem::take(&mut self.line);
        let is_truncated = line.len() == MAX_LINE;
        let is_valid = match (&self.place, line.strip_suffix(b"\r").unwrap_or(&line)) {
            // Empty lines before a request are ignored (RFC 9112 §2.2).
            (Place::BeforeHead, b"") => true,
            (Place::BeforeHead, b"PRI * HTTP/2.0") => {
                self.place = Place::Elsewhere;
                true
            }
            (Place::BeforeHead, _) => {
                (self.place, self.length, self.is_chunked) = (Place::Head, None, false);
                true
            }
            (_, b"") => {
                self.place = match self.length {
                    _ if self.is_chunked => Place::Elsewhere,
                    Some(length) if length > 0 => Place::Body(length),
                    _ => Place::BeforeHead,
                };
                true
            }
            (_, field) => self.accepts_field(field, is_truncated),
        };
        self.line = line;
        is_valid
    }

    /// Processes a field. One that frames the message has to be known in full: hyper also reads what follows where it
    /// was truncated.
    fn accepts_field(&mut self, field: &[u8], is_truncated: bool) -> bool {
        let colon = field.iter().position(|byte| *byte == b':').unwrap_or(field.len());
        let (name, value) = field.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or_default().trim_ascii();
        let is_framed = self.length.is_some() || self.is_chunked;
        if name.eq_ignore_ascii_case(b"content-length") {
            self.length = plain_number(value);
            self.length.is_some() && !is_framed && !is_truncated
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.is_chunked = true;
            value.eq_ignore_ascii_case(b"chunked") && !is_framed && !is_truncated
        } else {
            true
        }
    }
}

fn plain_number(digits: &[u8]) -> Option<u64> {
    let is_plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_plain.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes after inspection, which do not depend on how they are split into chunks.
    fn inspected(text: &str) -> String {
        let read = |size: usize| {
            let (mut framing, mut bytes) = (Framing::default(), text.as_bytes().to_vec());
            for chunk in bytes.chunks_mut(size) {
                framing.inspect(chunk);
            }
            String::from_utf8(bytes).unwrap()
        };
        let whole = read(text.len());
        for size in 1..text.len() {
            assert_eq!(read(size), whole, "in chunks of {size}");
        }
        whole
    }

    #[track_caller]
    fn assert_unchanged(text: &str) {
        assert_eq!(inspected(text), text);
    }

    #[test]
    fn valid_requests_pass_one_after_the_other() {
        let long =
            format!("GET /{} HTTP/1.1\r\nHost: a\r\nCookie: {}\r\n\r\n", "a".repeat(200), "content-length:1".repeat(9));
        assert_unchanged(&format!("{long}{long}"));
        assert_unchanged(
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nA: b\nGET / HTTP/1.1\r\nContent-Length:0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        );
        assert_unchanged("\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn bytes_outside_heads_stay_unchanged() {
        assert_unchanged("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\na\nb\n");
        assert_unchanged("POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3\na\nb\n");
    }

    #[test]
    fn ambiguous_lengths_are_made_invalid() {
        for fields in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\ncontent-LENGTH: 5",
            "Content-Length: 5\r\nX: y\r\nContent-Length: 5",
            "Content-Length: 5\r\nContent-Length: 6",
            "Content-Length: 5, 5",
            "Content-Length: +5",
            "Content-Length: 0x5",
            "Content-Length:",
            "Content-Length: 99999999999999999999999",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked, identity",
            "Transfer-Encoding: \u{b}chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            // Longer than what is inspected.
            &format!("Content-Length: {}5", "0".repeat(48)),
            &format!("Content-Length: {}5", "0".repeat(200)),
            &format!("Content-Length:{}5", " ".repeat(100)),
            &format!("Transfer-Encoding: chunked{}, identity", " ".repeat(100)),
        ] {
            let text = format!("POST / HTTP/1.1\r\n{fields}\r\n\r\nabcde");
            assert!(inspected(&text).contains("\r\0"), "{text:?}");
        }
    }

    #[test]
    fn lines_must_end_with_crlf() {
        for text in [
            "GET / HTTP/1.1\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nxGET / HTTP/1.1\nHost: a\r\n\r\n",
        ] {
            assert!(inspected(text).contains('\0'), "{text:?}");
        }
    }
}
