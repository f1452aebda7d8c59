use super::*;
use proptest::{prelude::*, sample::select};
use url::Url;

const BASE: &str = "http://127.0.0.1:4000/base";

fn mapping(strip_prefix: bool, upstream: &str) -> Mapping {
    Mapping::new("/api/notes", strip_prefix, upstream.parse().unwrap())
}

fn target(path: &str) -> Result<String, AddressError> {
    let uri = path.parse::<Uri>().unwrap();
    mapping(true, BASE).target(&uri).map(|target| target.to_string())
}

#[test]
fn a_path_is_mapped_to_the_upstream() {
    for (path, expected) in [
        ("/api/notes", "http://127.0.0.1:4000/base"),
        ("/api/notes/", "http://127.0.0.1:4000/base/"),
        ("/api/notes/1/tags", "http://127.0.0.1:4000/base/1/tags"),
        ("/api/notes?q=a%2Fb&x=..", "http://127.0.0.1:4000/base?q=a%2Fb&x=.."),
        ("/api/notes/%7Eme/%41%c3%a9 ", "http://127.0.0.1:4000/base/~me/A%C3%A9"),
        ("/api/notes/a;v=1/b:c@d,e!", "http://127.0.0.1:4000/base/a;v=1/b:c@d,e!"),
        ("/api/notes/100%25", "http://127.0.0.1:4000/base/100%25"),
        ("/api/notes/100%252525", "http://127.0.0.1:4000/base/100%252525"),
        ("/api/notes/%252541", "http://127.0.0.1:4000/base/%252541"),
        ("/api/notes/...", "http://127.0.0.1:4000/base/..."),
        ("/api/notes/a%3Fb%23c", "http://127.0.0.1:4000/base/a%3Fb%23c"),
    ] {
        assert_eq!(target(path.trim_end()).as_deref(), Ok(expected), "{path}");
    }
    let uri = Uri::from_static("/api/notes");
    let at = |strip, upstream| mapping(strip, upstream).target(&uri).unwrap().to_string();
    assert_eq!(at(true, "http://a:1"), "http://a:1/");
    assert_eq!(at(false, "http://a:1/"), "http://a:1/api/notes");
    assert_eq!(at(false, "http://a:1/v1/"), "http://a:1/v1/api/notes");
}

#[test]
fn an_ambiguous_path_is_refused() {
    use AddressError::{DotSegment, Elsewhere, EmptySegment, Encoding, HiddenCharacter, TooOften};
    for (path, expected) in [
        ("/api/notes/..", DotSegment),
        ("/api/notes/../admin", DotSegment),
        ("/api/notes/%2e%2E/admin", DotSegment),
        ("/api/notes/.%2e/admin", DotSegment),
        ("/api/notes/./x", DotSegment),
        ("/api/notes/..;x=1/admin", DotSegment),
        ("/api/notes/..%3bx/admin", DotSegment),
        ("/api/notes/%20../admin", DotSegment),
        ("/api/notes/%252e%252e/admin", DotSegment),
        ("/api/notes/%25252e%25252e/admin", DotSegment),
        ("/api/notes/%2525252e%2525252e/admin", TooOften),
        ("/api/notes/a%25252541", TooOften),
        ("/api/notes/..%2fadmin", HiddenCharacter),
        ("/api/notes/..%5cadmin", HiddenCharacter),
        ("/api/notes/a%252fb", HiddenCharacter),
        ("/api/notes/a%00b", HiddenCharacter),
        ("/api/notes/a%0d%0aX-Evil:1", HiddenCharacter),
        ("/api/notes//evil.example/", EmptySegment),
        ("/api/notes/a//b", EmptySegment),
        ("/api/notes/%", Encoding),
        ("/api/notes/%zz", Encoding),
        ("/api/notes/%2", Encoding),
        ("/api/notesx", Elsewhere),
        ("/api/notes%2fx", Elsewhere),
        ("/api/../api/notes", Elsewhere),
        ("//api/notes", Elsewhere),
        ("/API/notes", Elsewhere),
    ] {
        assert_eq!(target(path), Err(expected), "{path}");
    }
}

#[test]
fn a_path_that_the_upstream_may_read_as_another_routes_is_refused() {
    let open = mapping(true, BASE).beside(["/api/notes/admin", "/api/notes", "/api", "/api/notes/a/b", "/files"]);
    for path in [
        "/api/notes/%61dmin",
        "/api/notes/%61dmin/x",
        "/api/notes/a%64min/",
        "/api/notes/%2561dmin/x",
        "/api/notes/%252561dmin/x",
        "/api/notes/admin;a=1/x",
        "/api/notes/admin%3Ba=1/x",
        "/api/notes/admin%253Ba=1/x",
        "/api/notes/admin;",
        "/api/notes/admin%20/x",
        "/api/notes/;a=1/admin/x",
        "/api/notes/ADMIN/x",
        "/api/notes/%41dmin/x",
        "/api/notes/admin/x",
        "/api/notes/a;x/b",
        "/api/notes/a/%62/c",
    ] {
        assert_eq!(open.target(&path.parse().unwrap()), Err(AddressError::AnotherRoute), "{path}");
    }
    for path in ["/api/notes", "/api/notes/", "/api/notes/administrators", "/api/notes/x/admin", "/api/notes/a/c"] {
        assert!(open.target(&path.parse().unwrap()).is_ok(), "{path}");
    }
}

/// Pieces of paths that parsers may read differently.
const PIECES: [&str; 50] = [
    "/",
    "//",
    "\\",
    ".",
    "..",
    "...",
    ";",
    "?",
    "#",
    "@",
    ":",
    "%",
    "%2e",
    "%2E",
    "%252e",
    "%25252e",
    "%2525252e",
    "%2f",
    "%252F",
    "%5c",
    "%255c",
    "%00",
    "%0a",
    "%0d",
    "%20",
    "%23",
    "%3f",
    "%3b",
    "%25",
    "%c0%ae",
    "%e0%80%af",
    "%u002e",
    "é",
    "~",
    "&",
    "=",
    "admin",
    "Admin",
    "/%61dmin",
    "/admin;",
    "/a%2564min",
    "api",
    "notes",
    "/api/notes",
    "/../",
    "/..;/",
    "evil.example",
    "http:",
    "127.0.0.1:4001",
    "zz",
];

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![8 => select(&PIECES[..]).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)]
}

/// Decodes percent-encoding until none is left.
fn fully_decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    loop {
        let mut next = Vec::new();
        let mut rest = &bytes[..];
        while let Some((byte, after)) = rest.split_first() {
            let digits =
                after.first_chunk::<2>().filter(|digits| *byte == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
            if let Some(digits) = digits {
                next.push(u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap());
                rest = &after[2..];
            } else {
                next.push(*byte);
                rest = after;
            }
        }
        if next == bytes {
            return bytes;
        }
        bytes = next;
    }
}

/// How the most lenient parser resolves a path: it decodes it, treats backslashes as slashes and ignores parameters.
fn resolved(path: &str) -> Vec<Vec<u8>> {
    let mut place = Vec::new();
    for segment in fully_decoded(path).split(|byte| matches!(byte, b'/' | b'\\')) {
        let name = segment.split(|byte| matches!(byte, b';' | 0)).next().unwrap_or_default().trim_ascii();
        match name {
            b"" | b"." => {}
            b".." => drop(place.pop()),
            name => place.push(name.to_vec()),
        }
    }
    place
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_path_leaves_its_prefix(pieces in prop::collection::vec(piece(), 0..8), strip in any::<bool>()) {
        let path = format!("/api/notes{}", pieces.concat());
        let Ok(uri) = path.parse::<Uri>() else { return Ok(()) };
        let mapping = mapping(strip, BASE).beside(["/api/notes/admin"]);
        let Ok(target) = mapping.target(&uri) else { return Ok(()) };
        let below = if strip { &["base"][..] } else { &["base", "api", "notes"] };

        // As a standard URL parser reads it, and as the most lenient one does.
        let url = Url::parse(&target.to_string()).expect("a URL");
        prop_assert_eq!(url.origin().ascii_serialization(), "http://127.0.0.1:4000");
        prop_assert_eq!(url.path(), target.path(), "nothing is left to normalise");
        let place = resolved(target.path());
        prop_assert!(place.len() >= below.len() && place.iter().zip(below).all(|(is, should)| is == should.as_bytes()), "{path} became {target}");
        let is_anothers = place.get(below.len()).is_some_and(|name| name.eq_ignore_ascii_case(b"admin"));
        prop_assert!(!is_anothers, "{path} became {target}");
    }
}
