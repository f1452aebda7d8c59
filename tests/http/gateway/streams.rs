//! Streaming: frame by frame, both ways, and no longer than the session and the server.

use super::{PREFIX, app_before, app_with, route, script, upstream};
use crate::support::{Browser, TestApp, server::Server};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::{Method, Response, header},
};
use futures::{
    SinkExt as _, StreamExt as _,
    channel::{mpsc, oneshot},
};
use http_body_util::BodyExt as _;
use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};
use tokenlife::{
    paths::api,
    server::{config::TokenPolicy, domain::session::EndReason, transport::Ended},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Mutex,
    time::timeout,
};
use tower::ServiceExt as _;

/// An ended session may stream for a minute at most; the tests require much less.
const SOON: Duration = Duration::from_secs(5);

type Pieces = mpsc::Sender<Result<Bytes, Infallible>>;

/// An upstream that streams what the test sends.
async fn streaming() -> (SocketAddr, Pieces) {
    let (pieces, receiver) = mpsc::channel(0);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let router = Router::new().fallback(move || {
        let receiver = Arc::clone(&receiver);
        async move {
            let body = Body::from_stream(receiver.lock().await.take().expect("it is called once"));
            ([(header::CONTENT_TYPE, "text/event-stream")], body)
        }
    });
    (upstream::serve(router).await, pieces)
}

async fn say(pieces: &mut Pieces, text: &'static str) {
    pieces.send(Ok(Bytes::from_static(text.as_bytes()))).await.expect("the service listens");
}

async fn listen(app: &TestApp, browser: &Browser<'_>) -> Body {
    let mut request = script(app, Method::GET, PREFIX);
    if let Some(cookies) = browser.cookie_header() {
        request = request.header(header::COOKIE, cookies);
    }
    let response: Response<Body> =
        app.router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("the router responds");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    response.into_body()
}

async fn heard(body: &mut Body) -> String {
    let frame = timeout(SOON, body.frame()).await.expect("a frame in time").expect("a piece").expect("a piece");
    String::from_utf8(frame.into_data().expect("data").to_vec()).expect("text")
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    let (service, mut pieces) = streaming().await;
    let app = app_with(vec![route(PREFIX, service, TokenPolicy::None)]).await;
    let mut body = listen(&app, &app.browser()).await;
    for text in ["data: one\n\n", "data: two\n\n", "data: three\n\n"] {
        say(&mut pieces, text).await;
        assert_eq!(heard(&mut body).await, text);
    }
    drop(pieces);
    assert!(timeout(SOON, body.frame()).await.expect("it ends").is_none());
}

#[tokio::test]
async fn an_upload_is_forwarded_piece_by_piece() {
    let (heard, mut arrivals) = mpsc::unbounded();
    let router = Router::new().fallback(move |request: Request| {
        let heard = heard.clone();
        async move {
            assert!(!request.headers().contains_key(header::CONTENT_LENGTH));
            let mut body = request.into_body();
            while let Some(Ok(frame)) = body.frame().await {
                heard.unbounded_send(frame.into_data().expect("data")).expect("the test listens");
            }
            "all of it"
        }
    });
    let app = app_with(vec![route(PREFIX, upstream::serve(router).await, TokenPolicy::None)]).await;
    let (mut pieces, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(0);
    let request = script(&app, Method::POST, PREFIX).body(Body::from_stream(receiver)).expect("a request");
    let mut browser = app.browser();
    let sending = async {
        for text in ["one", "two", "three"] {
            say(&mut pieces, text).await;
            let next = timeout(SOON, arrivals.next()).await.expect("it arrives");
            assert_eq!(next.as_deref(), Some(text.as_bytes()));
        }
        drop(pieces);
    };
    let (answer, ()) = futures::future::join(browser.send(request), sending).await;
    answer.assert_status(200).assert_shows("all of it");
}

#[tokio::test]
async fn a_stream_ends_with_the_session() {
    let (service, mut pieces) = streaming().await;
    let app = app_before(service).await;
    let mut ada = app.signed_in("ada").await;
    let mut body = listen(&app, &ada).await;
    say(&mut pieces, "data: private\n\n").await;
    assert_eq!(heard(&mut body).await, "data: private\n\n");
    ada.call(api::LOGOUT, &[]).await.assert_status(200);
    let end = timeout(SOON, body.frame()).await.expect("it ends");
    assert!(end.expect("not as if it were complete").is_err());
}

#[tokio::test]
async fn a_stream_ends_with_a_session_that_another_server_ended() {
    let (service, mut pieces) = streaming().await;
    let app = app_before(service).await;
    let ada = app.signed_in("ada").await;
    let mut body = listen(&app, &ada).await;
    say(&mut pieces, "data: private\n\n").await;
    heard(&mut body).await;
    app.store.end_session(ada.session_id(), app.now(), EndReason::SignedOut).await.expect("the store responds");
    assert!(timeout(SOON, body.frame()).await.expect("it ends").expect("an error").is_err());
}

#[tokio::test]
async fn a_stream_ends_when_the_session_expires_and_not_when_the_access_token_does() {
    let (service, mut pieces) = streaming().await;
    let app = TestApp::with_config(|config| {
        config.gateway.routes = vec![route(PREFIX, service, TokenPolicy::User)];
        config.auth.access_ttl = Duration::from_secs(5);
    })
    .await;
    let ada = app.signed_in("ada").await;
    let mut body = listen(&app, &ada).await;
    app.advance(Duration::from_mins(1));
    assert!(timeout(SOON, body.frame()).await.is_err(), "the session continues");
    say(&mut pieces, "data: still here\n\n").await;
    assert_eq!(heard(&mut body).await, "data: still here\n\n");
    app.advance(Duration::from_hours(30 * 24));
    assert!(timeout(SOON, body.frame()).await.expect("it ends").expect("an error").is_err());
}

/// A connection on which a response has begun, read up to the end of its head.
async fn begun(server: &Server, path: &str) -> TcpStream {
    let mut connection = server.connect().await;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
    connection.write_all(request.as_bytes()).await.expect("it is open");
    let head = timeout(SOON, upstream::read_head(&mut connection)).await.expect("a response");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    connection
}

async fn rest(mut connection: TcpStream) -> String {
    let mut rest = String::new();
    timeout(SOON, connection.read_to_string(&mut rest)).await.expect("it ends").expect("text");
    rest
}

#[tokio::test]
async fn events_end_with_the_server_and_other_responses_are_waited_for() {
    let (events, _endless) = streaming().await;
    let (sender, receiver) = oneshot::channel::<&str>();
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let slow = Router::new().fallback(move || {
        let receiver = Arc::clone(&receiver);
        async move {
            let late = receiver.lock().await.take().expect("it is called once");
            let pieces = futures::stream::once(async { Ok("begun, ") }).chain(futures::stream::once(late));
            ([(header::CONTENT_TYPE, "text/plain")], Body::from_stream(pieces))
        }
    });
    let routes = [(PREFIX, events), ("/api/slow", upstream::serve(slow).await)];
    let app = app_with(routes.map(|(prefix, service)| route(prefix, service, TokenPolicy::None)).into()).await;
    let mut server = Server::start(&app).await;
    let (events, slow) = (begun(&server, PREFIX).await, begun(&server, "/api/slow").await);
    server.ask_to_stop();
    assert_eq!(rest(events).await, "0\r\n\r\n", "as if it were complete: the browser comes again");
    sender.send("and ended").expect("the client still reads");
    assert_eq!(rest(slow).await, "7\r\nbegun, \r\n9\r\nand ended\r\n0\r\n\r\n");
    assert_eq!(timeout(SOON, server.ended()).await, Ok(Ended::Gracefully));
}
