use super::*;
use axum::{
    Extension, Router,
    http::Method,
    routing::{get, post},
};
use std::collections::VecDeque;
use tower::ServiceExt;

const LIMITS: RequestLimits = RequestLimits {
    max_body_bytes: 100,
    max_header_bytes: 1000,
    body_timeout: Duration::from_millis(200),
    response_timeout: Duration::from_millis(300),
    overdue: StatusCode::SERVICE_UNAVAILABLE,
};

fn app(limits: RequestLimits) -> Router {
    // A handler that returns an unspecific error for a truncated body, as server functions do.
    let read = |body: Body| async move {
        match axum::body::to_bytes(body, usize::MAX).await {
            Ok(bytes) => (StatusCode::OK, format!("{} bytes", bytes.len())),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("internal text: {error}")),
        }
    };
    let rotate = |body: Body| async move {
        let _ = axum::body::to_bytes(body, usize::MAX).await;
        ([(header::SET_COOKIE, "refreshToken=next")], "ok")
    };
    let time_left = |Extension(deadline): Extension<Deadline>, body: Body| async move {
        let _ = axum::body::to_bytes(body, usize::MAX).await;
        deadline.instant().saturating_duration_since(Instant::now()).as_millis().to_string()
    };
    let router = Router::new()
        .route("/time_left", post(time_left))
        .route("/", get(|| async { "ok" }).post(read))
        .route("/rotate", post(rotate))
        .route("/never", get(std::future::pending::<()>));
    limited(router, limits)
}

/// A body of the given chunks, each after a pause.
struct Pieces(VecDeque<(Duration, usize)>, Pin<Box<Sleep>>);

impl Pieces {
    fn body(pieces: impl IntoIterator<Item = (u64, usize)>) -> Body {
        let pieces: VecDeque<_> = pieces.into_iter().map(|(ms, bytes)| (Duration::from_millis(ms), bytes)).collect();
        let first = pieces.front().map_or(Duration::ZERO, |piece| piece.0);
        Body::new(Self(pieces, Box::pin(tokio::time::sleep(first))))
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        std::task::ready!(self.1.as_mut().poll(cx));
        let Some((_, bytes)) = self.0.pop_front() else { return Poll::Ready(None) };
        if let Some((pause, _)) = self.0.front() {
            self.1 = Box::pin(tokio::time::sleep(*pause));
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![0; bytes])))))
    }
}

async fn respond(method: Method, path: &str, body: Body, version: Version) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::builder().method(method).uri(path).version(version).body(body).unwrap();
    // What hyper does for a body of known size.
    if let Some(length) = request.body().size_hint().exact() {
        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let (head, body) = app(LIMITS).oneshot(request).await.unwrap().into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn post_to(path: &str, body: Body) -> (StatusCode, HeaderMap, String) {
    respond(Method::POST, path, body, Version::HTTP_11).await
}

#[tokio::test(start_paused = true)]
async fn a_body_within_the_limits_passes() {
    let (status, headers, body) = post_to("/", Body::from(vec![0; 100])).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "100 bytes"));
    assert!(!headers.contains_key(header::CONNECTION));
    let (_, _, body) = post_to("/", Pieces::body([(0, 40), (20, 40), (20, 20)])).await;
    assert_eq!(body, "100 bytes");
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_unread() {
    let (status, headers, body) = post_to("/", Body::from(vec![0; 101])).await;
    assert_eq!((status, body.as_str()), (StatusCode::PAYLOAD_TOO_LARGE, r#"{"code":"too_large"}"#));
    assert_eq!(headers[header::CONNECTION], "close");
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_refused_with_that_reason() {
    let (status, headers, body) = post_to("/", Pieces::body((0..1000).map(|_| (0, 60)))).await;
    assert_eq!((status, body.as_str()), (StatusCode::PAYLOAD_TOO_LARGE, r#"{"code":"too_large"}"#));
    assert_eq!(headers[header::CONNECTION], "close");
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_times_out() {
    let (status, headers, body) = post_to("/", Pieces::body([(0, 10), (10_000, 10)])).await;
    assert_eq!((status, body.as_str()), (StatusCode::REQUEST_TIMEOUT, r#"{"code":"bad_request"}"#));
    assert_eq!(headers[header::CONNECTION], "close");
}

#[tokio::test(start_paused = true)]
async fn a_trickling_body_times_out_too() {
    let begun = Instant::now();
    let (status, _, _) = post_to("/", Pieces::body((0..100).map(|_| (20, 1)))).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert!(begun.elapsed() < Duration::from_millis(300), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn http2_gets_no_connection_header() {
    let (status, headers, _) = respond(Method::POST, "/", Body::from(vec![0; 101]), Version::HTTP_2).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(!headers.contains_key(header::CONNECTION));
}

#[tokio::test]
async fn cookies_of_a_rotation_outlive_the_refusal() {
    let (status, headers, _) = post_to("/rotate", Pieces::body([(0, 101)])).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(headers[header::SET_COOKIE], "refreshToken=next");
}

#[tokio::test(start_paused = true)]
async fn a_missing_response_times_out() {
    let (status, headers, body) = respond(Method::GET, "/never", Body::empty(), Version::HTTP_11).await;
    assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, r#"{"code":"unavailable"}"#));
    assert!(headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test(start_paused = true)]
async fn reading_a_long_body_does_not_count_as_response_time() {
    let limits = RequestLimits { body_timeout: Duration::from_secs(10), ..LIMITS };
    let request = Request::post("/").body(Pieces::body((0..8).map(|_| (80, 12)))).unwrap();
    let response = app(limits).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "640 ms of reading, 300 ms for the response");
}

#[tokio::test(start_paused = true)]
async fn the_time_for_a_response_begins_at_the_end_of_the_body() {
    let limits = RequestLimits { body_timeout: Duration::from_secs(10), ..LIMITS };
    let request = Request::post("/time_left").body(Pieces::body((0..8).map(|_| (80, 12)))).unwrap();
    let response = app(limits).oneshot(request).await.unwrap();
    let left = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert_eq!(left, "300", "of 300 ms, after 640 ms of reading");
}

#[tokio::test]
async fn heads_have_limits() {
    let long_path = format!("/?{}", "a".repeat(499));
    let (status, headers, _) = respond(Method::GET, &long_path, Body::empty(), Version::HTTP_11).await;
    assert_eq!((status, &headers[header::CONNECTION]), (StatusCode::URI_TOO_LONG, &HeaderValue::from_static("close")));

    for (cookie_bytes, expected) in [(900, StatusCode::OK), (1000, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)] {
        let request = Request::get("/").header(header::COOKIE, "a".repeat(cookie_bytes)).body(Body::empty()).unwrap();
        assert_eq!(app(LIMITS).oneshot(request).await.unwrap().status(), expected);
    }
}
