//! WebSockets over real connections: through the accept loop, and no longer than the session and the server.

use super::{PREFIX, app_before, app_with, route, upstream};
use crate::support::{Browser, TestApp, server::Server};
use std::{net::SocketAddr, time::Duration};
use tokenlife::{
    paths::api,
    server::{config::TokenPolicy, transport::Ended},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const SOON: Duration = Duration::from_secs(5);
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// An upstream that accepts a WebSocket and echoes what it receives. It first sends the head it received.
async fn echoing() -> SocketAddr {
    upstream::raw(|mut connection, head| async move {
        let consent = format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-accept: {ACCEPT}\r\nset-cookie: accessToken=evil\r\n\r\n"
        );
        let _ = connection.write_all(consent.as_bytes()).await;
        let _ = connection.write_all(head.as_bytes()).await;
        let mut buffer = [0; 1024];
        while let Ok(bytes @ 1..) = connection.read(&mut buffer).await {
            let _ = connection.write_all(&buffer[..bytes]).await;
        }
    })
    .await
}

/// Begins a handshake; returns the head of the response, and the connection.
async fn handshake(server: &Server, origin: &str, browser: &Browser<'_>) -> (String, TcpStream) {
    let mut connection = server.connect().await;
    let cookies = browser.cookie_header().map(|cookies| format!("cookie: {cookies}\r\n")).unwrap_or_default();
    let head = format!(
        "GET {PREFIX}/live HTTP/1.1\r\nhost: {}\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-key: {KEY}\r\nsec-websocket-version: 13\r\norigin: {origin}\r\n{cookies}\r\n",
        server.address
    );
    connection.write_all(head.as_bytes()).await.expect("a connection");
    let head = timeout(SOON, upstream::read_head(&mut connection)).await.expect("a response");
    (head, connection)
}

#[track_caller]
fn assert_status(head: &str, status: u16) {
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
}

async fn expect(connection: &mut TcpStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    timeout(SOON, connection.read_exact(&mut read)).await.expect("it arrives").expect("it arrives");
    assert_eq!(read, bytes);
}

async fn assert_closed(connection: &mut TcpStream) {
    let mut rest = Vec::new();
    // The end may arrive as a reset.
    let _ = timeout(SOON, connection.read_to_end(&mut rest)).await.expect("it is closed");
}

#[tokio::test]
async fn bytes_go_both_ways() {
    let app = app_before(echoing().await).await;
    let server = Server::start(&app).await;
    let ada = app.signed_in("ada").await;
    let (head, mut connection) = handshake(&server, &app.origin, &ada).await;
    assert_status(&head, 101);
    assert!(head.contains("upgrade: websocket\r\n") && head.contains(&format!("sec-websocket-accept: {ACCEPT}\r\n")));
    assert!(!head.contains("evil"), "{head}");

    let seen = timeout(SOON, upstream::read_head(&mut connection)).await.expect("the head it saw").to_lowercase();
    assert!(seen.starts_with("get /live http/1.1\r\n"), "{seen}");
    assert!(seen.contains("upgrade: websocket\r\n") && seen.contains("connection: upgrade\r\n"), "{seen}");
    assert!(seen.contains("authorization: bearer ") && !seen.contains("cookie"), "{seen}");

    // Bytes that look like a request with two lengths are no longer parsed here.
    for piece in
        [&b"hello"[..], &[0x81, 0x02, 0xff, b'\n'], b"GET / HTTP/1.1\nContent-Length: 1\nContent-Length: 2\n\n"]
    {
        connection.write_all(piece).await.expect("it is open");
        expect(&mut connection, piece).await;
    }
}

#[tokio::test]
async fn only_our_own_pages_may_open_one() {
    let app = app_before(echoing().await).await;
    let server = Server::start(&app).await;
    let ada = app.signed_in("ada").await;
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", ""] {
        assert_status(&handshake(&server, origin, &ada).await.0, 403);
    }
}

#[tokio::test]
async fn an_anonymous_visitor_opens_none() {
    let app = app_before(echoing().await).await;
    let server = Server::start(&app).await;
    assert_status(&handshake(&server, &app.origin, &app.browser()).await.0, 401);
}

#[tokio::test]
async fn a_refresh_token_alone_is_redeemed_on_the_way() {
    let app = app_before(echoing().await).await;
    let server = Server::start(&app).await;
    let mut ada = app.signed_in("ada").await;
    ada.delete("accessToken");
    let (head, _connection) = handshake(&server, &app.origin, &ada).await;
    assert_status(&head, 101);
    assert_eq!(head.matches("set-cookie: ").count(), 3, "{head}");
}

#[tokio::test]
async fn an_upstream_may_decline() {
    let app = app_with(vec![route(PREFIX, upstream::constant(426, &[], "no").await, TokenPolicy::None)]).await;
    let server = Server::start(&app).await;
    let (head, mut connection) = handshake(&server, &app.origin, &app.browser()).await;
    assert_status(&head, 426);
    expect(&mut connection, b"no").await;
}

#[tokio::test]
async fn it_counts_as_a_request_for_as_long_as_it_is_open() {
    let service = echoing().await;
    let app = TestApp::with_config(|config| {
        let mut narrow = route(PREFIX, service, TokenPolicy::None);
        (narrow.max_connections, narrow.connect_timeout) = (8, Duration::from_millis(200));
        config.gateway.routes = vec![narrow];
    })
    .await;
    let server = Server::start(&app).await;
    let browser = app.browser();
    let (first, mut one) = handshake(&server, &app.origin, &browser).await;
    let (second, _two) = handshake(&server, &app.origin, &browser).await;
    for head in [first, second] {
        assert_status(&head, 101);
    }
    assert_status(&handshake(&server, &app.origin, &browser).await.0, 503);
    one.shutdown().await.expect("it is open");
    assert_closed(&mut one).await;
    assert_status(&handshake(&server, &app.origin, &browser).await.0, 101);
}

#[tokio::test]
async fn it_ends_with_the_session() {
    let app = app_before(echoing().await).await;
    let server = Server::start(&app).await;
    let mut ada = app.signed_in("ada").await;
    let (_, mut connection) = handshake(&server, &app.origin, &ada).await;
    upstream::read_head(&mut connection).await;
    ada.call(api::LOGOUT, &[]).await.assert_status(200);
    assert_closed(&mut connection).await;
}

#[tokio::test]
async fn it_ends_when_both_sides_are_idle() {
    let service = echoing().await;
    let app = TestApp::with_config(|config| {
        let mut quiet = route(PREFIX, service, TokenPolicy::None);
        quiet.idle_timeout = Duration::from_millis(200);
        config.gateway.routes = vec![quiet];
    })
    .await;
    let server = Server::start(&app).await;
    let (_, mut connection) = handshake(&server, &app.origin, &app.browser()).await;
    upstream::read_head(&mut connection).await;
    assert_closed(&mut connection).await;
}

#[tokio::test]
async fn it_ends_with_the_server() {
    let app = app_with(vec![route(PREFIX, echoing().await, TokenPolicy::None)]).await;
    let mut server = Server::start(&app).await;
    let (head, mut connection) = handshake(&server, &app.origin, &app.browser()).await;
    assert_status(&head, 101);
    upstream::read_head(&mut connection).await;
    server.ask_to_stop();
    assert_closed(&mut connection).await;
    assert_eq!(timeout(SOON, server.ended()).await, Ok(Ended::Gracefully));
}

#[tokio::test]
async fn when_one_side_closes_the_other_is_closed_too() {
    let service = upstream::raw(|mut connection, _| async move {
        let _ = connection.write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\nbye").await;
    });
    let app = app_with(vec![route(PREFIX, service.await, TokenPolicy::None)]).await;
    let server = Server::start(&app).await;
    let (head, mut connection) = handshake(&server, &app.origin, &app.browser()).await;
    assert_status(&head, 101);
    expect(&mut connection, b"bye").await;
    assert_closed(&mut connection).await;
}
