//! What nginx tells the instances, and what it does about those that fail.

use super::{
    client::{ADDRESS, Client},
    instance::Instance,
    own_address,
    proxy::Proxy,
};
use axum::body::Body;
use hyper::{StatusCode, header};
use std::sync::atomic::Ordering;

fn form() -> hyper::Request<Body> {
    Client::request("POST", "/api/session/login").body(Body::from("a=b")).unwrap()
}

#[tokio::test]
#[ignore = "needs nginx; script/test runs it"]
async fn a_form_is_never_sent_twice() {
    let (mut failing, other) = (Instance::start().await, Instance::start().await);
    let proxy = Proxy::before(&[failing.address, other.address]).await;
    let answered = other.answer_all();
    let client = proxy.client();
    // Instances take turns. The failing one takes requests and goes without a word.
    tokio::spawn(async move {
        loop {
            failing.connection().await.head().await;
        }
    });
    let (mut lost, mut done) = (0, 0);
    for _ in 0..2 {
        match client.ask(form()).await.status {
            StatusCode::BAD_GATEWAY => lost += 1,
            StatusCode::OK => done += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((lost, done), (1, 1));
    assert_eq!(answered.load(Ordering::Relaxed), 1, "what was lost was not sent to the other instance");

    for _ in 0..2 {
        client.get("/").await.assert_status(200);
    }
    assert_eq!(answered.load(Ordering::Relaxed), 3, "a page was");
}

#[tokio::test]
#[ignore = "needs nginx; script/test runs it"]
async fn an_instance_that_is_down_is_passed_over() {
    let alive = Instance::start().await;
    let proxy = Proxy::before(&[own_address(), alive.address]).await;
    let answered = alive.answer_all();
    for _ in 0..4 {
        proxy.client().ask(form()).await.assert_status(200);
    }
    assert_eq!(answered.load(Ordering::Relaxed), 4);
}

#[tokio::test]
#[ignore = "needs nginx; script/test runs it"]
async fn connections_are_kept_and_answers_are_not() {
    let instance = Instance::start().await;
    let proxy = Proxy::before(&[instance.address]).await;
    let accepted = instance.count();
    let answered = instance.answer_all();
    let client = proxy.client();
    for _ in 0..10 {
        client.get("/").await.assert_status(200);
    }
    assert_eq!((accepted.load(Ordering::Relaxed), answered.load(Ordering::Relaxed)), (1, 10));
}

#[tokio::test]
#[ignore = "needs nginx; script/test runs it"]
async fn what_a_client_says_about_itself_is_replaced() {
    let mut instance = Instance::start().await;
    let proxy = Proxy::before(&[instance.address]).await;
    let client = proxy.client();
    let request = [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-real-ip", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("x-request-id", "made-up"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "made-up=1"),
        ("x_forwarded_for", "203.0.113.9"),
    ]
    .into_iter()
    .fold(Client::request("GET", "/a//b/../c%2F?q=1"), |request, (name, value)| request.header(name, value));
    tokio::spawn(async move { client.begin(request.body(Body::empty()).unwrap()).await });
    let head = instance.connection().await.head().await;
    assert!(head.starts_with("get /a//b/../c%2f?q=1 http/1.1\r\n"), "the path goes on as it came: {head}");
    assert!(head.contains(&format!("\r\nx-forwarded-for: {ADDRESS}\r\n")), "{head}");
    assert!(head.contains("\r\nhost: app.example.com\r\n") && head.contains("\r\nx-request-id: "), "{head}");
    assert!(!head.contains("connection:"), "the connection is kept: {head}");
    for gone in [
        "203.0.113.9",
        "evil.example",
        "made-up",
        "x-forwarded-proto",
        "forwarded: for",
        "x_forwarded",
        "traceparent",
        "tracestate",
    ] {
        assert!(!head.contains(gone), "{gone}: {head}");
    }
}

#[tokio::test]
#[ignore = "needs nginx; script/test runs it"]
async fn heads_are_as_long_as_an_instance_reads_them() {
    let instance = Instance::start().await;
    let proxy = Proxy::before(&[instance.address]).await;
    let answered = instance.answer_all();
    for (bytes, status) in [(15_000, 200), (17_000, 400)] {
        let long = Client::request("GET", "/").header(header::COOKIE, "a".repeat(bytes)).body(Body::empty());
        assert_eq!(proxy.client().ask(long.unwrap()).await.status, status, "{bytes}");
    }
    assert_eq!(answered.load(Ordering::Relaxed), 1);
}

#[tokio::test]
#[ignore = "needs nginx; script/test runs it"]
async fn plain_http_leads_to_https() {
    let proxy = Proxy::before(&[own_address()]).await;
    let stream = tokio::net::TcpStream::connect(proxy.http).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get("/login?return_to=/account").header(header::HOST, "evil.example");
    let answer = sender.send_request(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(answer.headers()[header::LOCATION], "https://app.example.com/login?return_to=/account");
}
