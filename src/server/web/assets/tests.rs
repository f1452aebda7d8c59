use super::*;
use axum::routing::any;
use http_body_util::BodyExt;
use std::fs;
use tempfile::TempDir;

const HASH: &str = "Xb3-kQ_7aZ1mN0pR5tV8wY";
const YEAR: &str = "public, max-age=31536000, immutable";

fn site() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let hashed = |stem: &str, extension: &str| format!("pkg/{stem}.{HASH}.{extension}");
    let files = [
        (hashed("tokenlife", "js"), "script"),
        (hashed("tokenlife", "css"), "style"),
        (hashed("tokenlife", "wasm"), "wasm, plain and long"),
        (format!("{}.br", hashed("tokenlife", "wasm")), "wasm in br"),
        (format!("{}.gz", hashed("tokenlife", "wasm")), "wasm in gz"),
        ("pkg/__wasm_split.______________________.js".to_owned(), "split"),
        ("pkg/tokenlife.css".to_owned(), "style"),
        ("favicon.svg".to_owned(), "<svg/>"),
        ("robots.txt".to_owned(), "User-agent: *"),
        (".env".to_owned(), "SECRET=1"),
        (".git/config.txt".to_owned(), "SECRET=1"),
        (".well-known/security.txt".to_owned(), "Contact: x"),
        ("folder.d/file".to_owned(), "x"),
    ];
    for (path, content) in files {
        let path = root.path().join("site").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fs::write(root.path().join("outside.txt"), "SECRET=1").unwrap();
    root
}

async fn ask_with(method: &str, path: &str, accept_encoding: &str) -> (Response, String) {
    let root = site();
    let pages = Router::new().fallback(any(|| async { ([(header::SET_COOKIE, "session=1")], "a page") }));
    let app = assets(pages, &root.path().join("site"), "pkg");
    let request = Request::builder().method(method).uri(path).header(header::ACCEPT_ENCODING, accept_encoding);
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    (Response::from_parts(head, Body::empty()), text)
}

async fn ask(path: &str) -> (Response, String) {
    ask_with("GET", path, "identity").await
}

fn header_of<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_dot_in_the_last_segment_makes_an_asset() {
    for asset in ["/favicon.ico", "/pkg/a.css", "/pkg/snippets/x/inline0.js", "/account/x.css", "/.env", "/a.b/c.d"] {
        assert!(is_asset_path(asset), "{asset}");
    }
    for page in ["/", "/login", "/account", "/account/", "/a.b/c", "/api/notes/report.pdf", "/api/session/login", ""] {
        assert!(!is_asset_path(page), "{page}");
    }
}

#[tokio::test]
async fn hashed_files_are_kept_for_a_year() {
    for (extension, content_type) in
        [("js", "text/javascript; charset=utf-8"), ("css", "text/css; charset=utf-8"), ("wasm", "application/wasm")]
    {
        let (response, _) = ask(&format!("/pkg/tokenlife.{HASH}.{extension}")).await;
        assert_eq!(response.status(), 200, "{extension}");
        assert_eq!(header_of(&response, "cache-control"), YEAR, "{extension}");
        assert_eq!(header_of(&response, "content-type"), content_type);
        assert_eq!(header_of(&response, "vary"), "accept-encoding");
        assert!(!response.headers().contains_key(header::SET_COOKIE));
    }
}

#[tokio::test]
async fn other_files_are_asked_for_again() {
    for (path, content_type) in [
        ("/pkg/tokenlife.css", "text/css; charset=utf-8"),
        ("/pkg/__wasm_split.______________________.js", "text/javascript; charset=utf-8"),
        ("/favicon.svg", "image/svg+xml; charset=utf-8"),
        ("/robots.txt", "text/plain; charset=utf-8"),
        ("/.well-known/security.txt", "text/plain; charset=utf-8"),
    ] {
        let (response, _) = ask(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(header_of(&response, "cache-control"), "no-cache", "{path}");
        assert_eq!(header_of(&response, "content-type"), content_type, "{path}");
        assert!(response.headers().contains_key(header::LAST_MODIFIED), "{path}");
        assert!(!response.headers().contains_key(header::ETAG), "{path}");
        assert!(!response.headers().contains_key(header::SET_COOKIE), "{path}");
    }
}

#[tokio::test]
async fn the_same_file_is_not_sent_again() {
    let root = site();
    let app = assets(Router::new(), &root.path().join("site"), "/pkg/");
    let first = app.clone().oneshot(Request::get("/robots.txt").body(Body::empty()).unwrap()).await.unwrap();
    let request =
        Request::get("/robots.txt").header(header::IF_MODIFIED_SINCE, &first.headers()[header::LAST_MODIFIED]);
    let second = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(second.status(), 304);
    assert_eq!(header_of(&second, "cache-control"), "no-cache");
    assert!(!second.headers().contains_key(header::ETAG));
}

#[tokio::test]
async fn compressed_twins_are_preferred() {
    let path = format!("/pkg/tokenlife.{HASH}.wasm");
    for (accepted, encoding, content) in [
        ("gzip, deflate, br, zstd", "br", "wasm in br"),
        ("gzip", "gzip", "wasm in gz"),
        ("br;q=0, gzip", "gzip", "wasm in gz"),
        ("identity", "", "wasm, plain and long"),
        ("", "", "wasm, plain and long"),
    ] {
        let (response, body) = ask_with("GET", &path, accepted).await;
        assert_eq!(header_of(&response, "content-encoding"), encoding, "{accepted}");
        assert_eq!(body, content, "{accepted}");
        assert_eq!(header_of(&response, "content-type"), "application/wasm");
        assert_eq!(header_of(&response, "cache-control"), YEAR);
    }
    let (response, _) = ask_with("GET", "/robots.txt", "br").await;
    assert_eq!((response.status().as_u16(), header_of(&response, "content-encoding")), (200, ""), "no twin");
}

#[tokio::test]
async fn what_is_missing_or_hidden_is_not_found_without_asking_the_pages() {
    for path in [
        "/pkg/missing.js",
        "/account/x.css",
        "/.env",
        "/.git/config.txt",
        "/%2eenv.txt",
        "/%2Egit/config.txt",
        "/../outside.txt",
        "/pkg/../../outside.txt",
        "/pkg/..%2f..%2foutside.txt",
        "/pkg/%2e%2e/%2e%2e/outside.txt",
        "/..%5coutside.txt",
        "/pkg//..//..//outside.txt",
        "/robots.txt%00.css",
        "/folder.d",
    ] {
        let (response, body) = ask(path).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(body, r#"{"code":"not_found"}"#, "{path}");
        assert!(!response.headers().contains_key(header::SET_COOKIE), "{path}");
        assert!(!response.headers().contains_key(header::CACHE_CONTROL), "{path}: a deploy may bring it");
    }
}

#[tokio::test]
async fn files_are_only_read() {
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let (response, _) = ask_with(method, "/robots.txt", "").await;
        assert_eq!((response.status().as_u16(), header_of(&response, "allow")), (405, "GET, HEAD"), "{method}");
    }
    let (response, body) = ask_with("HEAD", "/robots.txt", "").await;
    assert_eq!((response.status().as_u16(), body.as_str()), (200, ""));
    assert_eq!(header_of(&response, "content-length"), "13");
}

#[tokio::test]
async fn pages_are_left_to_the_application() {
    for path in ["/", "/login", "/account/", "/api/notes/report.pdf", "/folder.d/file"] {
        assert_eq!(ask(path).await.1, "a page", "{path}");
    }
}

#[test]
fn a_hash_is_22_characters_before_the_extension() {
    for hashed in [
        "tokenlife.Xb3-kQ_7aZ1mN0pR5tV8wY.js",
        "a/__wasm_split.Xb3-kQ_7aZ1mN0pR5tV8wY.js",
        "x.Xb3-kQ_7aZ1mN0pR5tV8wY.wasm.br",
    ] {
        assert!(has_hashed_name(hashed), "{hashed}");
    }
    for other in [
        "tokenlife.js",
        "Xb3-kQ_7aZ1mN0pR5tV8wY.js",
        "tokenlife.Xb3-kQ_7aZ1mN0pR5tV8wY",
        "tokenlife.Xb3-kQ_7aZ1mN0pR5tV8w.js",
        "tokenlife.Xb3-kQ_7aZ1mN0pR5tV8wYY.js",
        "tokenlife.Xb3 kQ_7aZ1mN0pR5tV8wY.js",
        "__wasm_split.______________________.js",
        "Xb3-kQ_7aZ1mN0pR5tV8wY.d/inline0.js",
    ] {
        assert!(!has_hashed_name(other), "{other}");
    }
}
