use super::*;
use axum::{
    Router,
    middleware::{self, Next},
    routing::{get, post},
};
use http_body_util::BodyExt;
use tower::ServiceExt;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn app() -> Router {
    let router = Router::new()
        .route("/forbidden", get(|| async { ErrorResponse::from(AppError::Forbidden) }))
        .route("/limited", get(|| async { ErrorResponse::from(AppError::RateLimited { retry_after_secs: 90 }) }))
        .route("/down", get(|| async { ErrorResponse::from(AppError::Unavailable) }))
        .route("/only-post", post(|| async { "ok" }))
        .route("/untyped", get(|| async { (StatusCode::BAD_REQUEST, Body::from("Could not find a server function")) }))
        .route("/json", get(|| async { (StatusCode::CONFLICT, [(header::CONTENT_TYPE, "application/json")], "{}") }))
        .route("/panic", get(panicking));
    router.layer(middleware::from_fn(async |request: Request, next: Next| {
        let pages = ErrorPages { stylesheet: "/pkg/tokenlife.css".to_owned() };
        error_pages(&pages, request, |request| catch_panics(next.run(request))).await
    }))
}

async fn panicking() -> &'static str {
    panic!("the secret is hunter2");
}

async fn fetch(path: &str, accept: &str) -> (Response, String) {
    let mut request = Request::get(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap();
    request.extensions_mut().insert(RequestId::from_static("test-id"));
    let response = app().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    (Response::from_parts(head, Body::empty()), text)
}

fn header_of(response: &Response, name: header::HeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_program_reads_the_error_of_the_server_functions() {
    for (path, status, json) in [
        ("/forbidden", 403, r#"{"code":"forbidden"}"#),
        ("/limited", 429, r#"{"code":"rate_limited","detail":{"retry_after_secs":90}}"#),
        ("/down", 503, r#"{"code":"unavailable"}"#),
        ("/only-post", 405, r#"{"code":"bad_request"}"#),
        ("/nowhere", 404, r#"{"code":"not_found"}"#),
        ("/untyped", 400, r#"{"code":"bad_request"}"#),
        ("/panic", 500, r#"{"code":"internal"}"#),
    ] {
        let (response, body) = fetch(path, "application/json").await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(header_of(&response, header::CONTENT_TYPE), "application/json", "{path}");
        assert_eq!(body, json, "{path}");
    }
}

#[tokio::test]
async fn a_browser_gets_a_page() {
    for (path, status, heading) in [
        ("/forbidden", 403, "This did not come from our own pages"),
        ("/limited", 429, "Too many attempts"),
        ("/down", 503, "Not available at the moment"),
        ("/only-post", 405, "That cannot be done here"),
        ("/nowhere", 404, "Page not found"),
        ("/untyped", 400, "That cannot be read"),
        ("/panic", 500, "Something went wrong"),
    ] {
        let (response, body) = fetch(path, BROWSER).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(header_of(&response, header::CONTENT_TYPE), "text/html; charset=utf-8", "{path}");
        assert!(body.contains(&format!("<h1>{heading}</h1>")), "{path}: {body}");
        assert!(body.contains("href=\"/pkg/tokenlife.css\"") && body.contains("test-id"), "{path}");
        assert!(!body.contains("<script") && !body.contains("style="), "{path}");
        assert!(!body.contains("hunter2") && !body.contains("server function"), "{path}");
    }
}

#[tokio::test]
async fn the_retry_delay_is_in_seconds() {
    let (limited, page) = fetch("/limited", BROWSER).await;
    assert_eq!(header_of(&limited, header::RETRY_AFTER), "90");
    assert!(page.contains("90 seconds"));
    let (down, _) = fetch("/down", "*/*").await;
    assert_eq!(header_of(&down, header::RETRY_AFTER), "1");
    let rounded = ErrorResponse::from(AppError::Unavailable).retry_after(Duration::from_millis(1200)).into_response();
    assert_eq!(header_of(&rounded, header::RETRY_AFTER), "2");
}

#[tokio::test]
async fn the_routers_allow_header_stays() {
    let (response, _) = fetch("/only-post", BROWSER).await;
    assert_eq!(header_of(&response, header::ALLOW), "POST");
}

#[tokio::test]
async fn errors_with_a_body_stay_unchanged() {
    let (response, body) = fetch("/json", BROWSER).await;
    assert_eq!((response.status().as_u16(), body.as_str()), (409, "{}"));
}

#[test]
fn replacing_a_response_keeps_its_cookies() {
    let response = Response::builder()
        .header(header::SET_COOKIE, "a=1")
        .header(header::SET_COOKIE, "b=2")
        .header(header::LOCATION, "/elsewhere")
        .header(header::CACHE_CONTROL, "public")
        .body(Body::from("done"))
        .unwrap();
    let replaced = ErrorResponse::from(AppError::TooLarge).replace(response);
    assert_eq!(replaced.status().as_u16(), 413);
    assert_eq!(replaced.headers().get_all(header::SET_COOKIE).iter().count(), 2);
    assert!(!replaced.headers().contains_key(header::LOCATION));
    assert!(!replaced.headers().contains_key(header::CACHE_CONTROL));
}
