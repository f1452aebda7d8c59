//! What flows through nginx flows at once, in both directions.

use super::{
    PATIENCE,
    client::{Client, Version},
    instance::Instance,
    proxy::Proxy,
};
use axum::body::{Body, Bytes};
use futures::{StreamExt as _, channel::mpsc};
use http_body_util::BodyExt as _;
use std::convert::Infallible;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

#[tokio::test]
#[ignore = "needs nginx; script/test runs it"]
async fn an_answer_arrives_piece_by_piece() {
    let mut instance = Instance::start().await;
    let proxy = Proxy::before(&[instance.address]).await;
    let client = proxy.client();
    let asking =
        tokio::spawn(async move { client.begin(Client::request("GET", "/").body(Body::empty()).unwrap()).await });
    let mut connection = instance.connection().await;
    connection.head().await;
    connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let mut answer = asking.await.unwrap();
    for piece in ["one", "two"] {
        connection.write(&format!("3\r\n{piece}\r\n")).await;
        let frame = timeout(PATIENCE, answer.frame()).await.expect("it is held back").unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
}

#[tokio::test]
#[ignore = "needs nginx; script/test runs it"]
async fn a_body_leaves_piece_by_piece() {
    let mut instance = Instance::start().await;
    let proxy = Proxy::before(&[instance.address]).await;
    let client = proxy.client();
    let (pieces, body) = mpsc::unbounded::<Bytes>();
    let body = Body::from_stream(body.map(Ok::<_, Infallible>));
    tokio::spawn(async move { client.begin(Client::request("POST", "/").body(body).unwrap()).await });
    pieces.unbounded_send(Bytes::from_static(b"one")).unwrap();
    let mut connection = instance.connection().await;
    connection.head().await;
    connection.read_through("one").await.unwrap();
    pieces.unbounded_send(Bytes::from_static(b"two")).unwrap();
    connection.read_through("two").await.unwrap();
}

#[tokio::test]
#[ignore = "needs nginx; script/test runs it"]
async fn a_websocket_is_opened() {
    let mut instance = Instance::start().await;
    let proxy = Proxy::before(&[instance.address]).await;
    let mut browser = proxy.client().connect(Version::Http1).await;
    let head = "GET /api/notes/live HTTP/1.1\r\nhost: app.example.com\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    browser.write_all(head.as_bytes()).await.unwrap();

    let mut connection = instance.connection().await;
    let head = connection.head().await;
    assert!(head.contains("\r\nconnection: upgrade\r\n") && head.contains("\r\nupgrade: websocket\r\n"), "{head}");
    connection
        .write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello")
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
