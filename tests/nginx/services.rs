//! A service behind the application behind nginx: what flows, flows all the way.

use super::{
    PATIENCE,
    application::Application,
    client::{Client, Version},
    instance::Instance,
    proxy::Proxy,
    sign_in::{cookies_of, sign_up},
};
use axum::body::Body;
use http_body_util::BodyExt as _;
use hyper::header;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

#[tokio::test]
#[ignore = "needs nginx; script/test runs it"]
async fn events_arrive_as_they_happen() {
    let mut service = Instance::start().await;
    let application = Application::before(service.address).await;
    let proxy = Proxy::before(&[application.address]).await;
    let client = proxy.client();
    let (_, cookies) = cookies_of(&sign_up(&client).await);
    let request = Client::request("GET", "/api/notes/changes")
        .header(header::COOKIE, cookies)
        .header(header::ACCEPT, "text/event-stream")
        .body(Body::empty());
    let asking = tokio::spawn(async move { client.begin(request.unwrap()).await });
    let mut connection = service.connection().await;
    let head = connection.head().await;
    assert!(head.starts_with("get /changes http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nauthorization: bearer ") && !head.contains("__host-"), "{head}");
    assert!(head.contains("\r\nx-forwarded-proto: https\r\n"), "{head}");
    connection.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let mut answer = asking.await.unwrap();
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        connection.write(&format!("{:x}\r\n{event}\r\n", event.len())).await;
        let frame = timeout(PATIENCE, answer.frame()).await.expect("it is held back").unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), event);
    }
}

#[tokio::test]
#[ignore = "needs nginx; script/test runs it"]
async fn a_websocket_reaches_the_service() {
    let mut service = Instance::start().await;
    let application = Application::before(service.address).await;
    let proxy = Proxy::before(&[application.address]).await;
    let client = proxy.client();
    let (_, cookies) = cookies_of(&sign_up(&client).await);
    let mut browser = client.connect(Version::Http1).await;
    let head = format!(
        "GET /api/notes/live HTTP/1.1\r\nhost: app.example.com\r\norigin: https://app.example.com\r\n\
         cookie: {cookies}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    browser.write_all(head.as_bytes()).await.unwrap();
    let mut connection = service.connection().await;
    assert!(connection.head().await.contains("\r\nauthorization: bearer "));
    connection
        .write(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello",
        )
        .await;
    let mut read = Vec::new();
    while !read.ends_with(b"hello") {
        let count = timeout(PATIENCE, browser.read_buf(&mut read)).await.expect("no answer").unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&read));
    }
    assert!(read.starts_with(b"HTTP/1.1 101 "));
    browser.write_all(b"and back").await.unwrap();
    connection.read_through("and back").await.unwrap();
}
