//! Upstreams that are down, slow or malicious: each gives a clear response, and the others keep their speed.

use super::{
    PREFIX, app_before, app_with, fetch, route, script,
    upstream::{self, RequestKind},
};
use crate::support::{Answer, TestApp, server::Server};
use axum::{
    body::{Body, Bytes, HttpBody as _},
    http::{Method, Request, Response, header},
};
use futures::future::join_all;
use http_body_util::BodyExt as _;
use std::{
    future::pending,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokenlife::server::{
    config::{RouteConfig, TokenPolicy},
    transport::PeerAddress,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::Notify,
    time::{Instant, timeout},
};
use tower::ServiceExt as _;

const SHORT: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(10);

fn public(service: SocketAddr) -> RouteConfig {
    RouteConfig {
        connect_timeout: SHORT,
        response_timeout: SHORT,
        idle_timeout: SHORT,
        ..route(PREFIX, service, TokenPolicy::None)
    }
}

/// The same for responses that take long.
fn patient(route: RouteConfig) -> RouteConfig {
    RouteConfig { response_timeout: PATIENCE, idle_timeout: PATIENCE, ..route }
}

async fn app_of(service: SocketAddr) -> TestApp {
    app_with(vec![public(service)]).await
}

async fn get(app: &TestApp) -> Answer {
    fetch(app, &mut app.browser(), PREFIX).await
}

/// The response, whose body has not been read yet.
async fn open(app: &TestApp, path: &str) -> Response<Body> {
    let request = script(app, Method::GET, path).body(Body::empty()).expect("a request");
    app.router.clone().oneshot(request).await.expect("the router responds")
}

#[track_caller]
fn assert_unavailable(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.body, r#"{"code":"unavailable"}"#);
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
}

#[tokio::test]
async fn down() {
    let app = app_of(upstream::closed_port().await).await;
    assert_unavailable(&get(&app).await, 502);
    let page = app.browser().get(PREFIX).await.assert_status(502).assert_shows("Not available at the moment");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn taking_no_connection() {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let listener = socket.listen(1).expect("a listener");
    let address = listener.local_addr().expect("an address");
    // Until its backlog is full.
    let mut waiting = Vec::new();
    while let Ok(connected) = timeout(SHORT, TcpStream::connect(address)).await {
        waiting.push(connected.expect("a connection"));
    }
    let app = app_with(vec![RouteConfig { response_timeout: PATIENCE, ..public(address) }]).await;
    assert_unavailable(&get(&app).await, 504);
}

#[tokio::test]
async fn silent() {
    let app = app_of(upstream::hanging().await).await;
    let begun = Instant::now();
    assert_unavailable(&get(&app).await, 504);
    assert!(begun.elapsed() >= SHORT && begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn talking_nonsense() {
    let long: &'static str =
        Box::leak(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(1_000_000)).into_boxed_str());
    for nonsense in [
        &b"nonsense\r\n\r\n"[..],
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nx: a\r\n folded\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        long.as_bytes(),
    ] {
        let app = app_of(upstream::answering(nonsense).await).await;
        let answer = get(&app).await;
        assert_eq!(answer.status, 502, "{}", String::from_utf8_lossy(&nonsense[..nonsense.len().min(100)]));
        assert_unavailable(&answer, 502);
    }
}

#[tokio::test]
async fn breaking_off() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nthe beginning"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nd\r\nthe beginning\r\n",
    ] {
        let app = app_of(upstream::answering(answer).await).await;
        let response = open(&app, PREFIX).await;
        assert_eq!(response.status(), 200);
        assert!(response.into_body().collect().await.is_err(), "it cannot be mistaken for the complete response");
    }
}

#[tokio::test]
async fn falling_silent() {
    let service = upstream::raw(|mut connection, _| async move {
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nthe beginning").await;
        pending::<()>().await;
        drop(connection);
    });
    let app = app_of(service.await).await;
    let body = open(&app, PREFIX).await.into_body();
    assert!(timeout(PATIENCE, body.collect()).await.expect("it ends").is_err());
}

#[tokio::test]
async fn leading_elsewhere() {
    for location in ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:1/", "/admin"] {
        for status in [301, 302, 307, 308] {
            let app = app_of(upstream::constant(status, &[("location", location)], "").await).await;
            assert_eq!(get(&app).await.assert_status(status).header("location"), location);
        }
    }
}

#[tokio::test]
async fn full() {
    let release = Arc::new(Notify::new());
    let held = Arc::clone(&release);
    let slow = upstream::raw(move |mut connection, _| {
        let held = Arc::clone(&held);
        async move {
            held.notified().await;
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").await;
        }
    })
    .await;
    let hanging = RouteConfig { max_connections: 2, response_timeout: PATIENCE, ..public(slow) };
    let app = app_with(vec![hanging, route("/api/files", upstream::echo().await, TokenPolicy::None)]).await;

    // Two requests take both slots; the next two find none.
    let taking = futures::future::join(get(&app), get(&app));
    let refused = async {
        let (one, two, ()) = futures::future::join3(get(&app), get(&app), async {
            // Other routes are not affected.
            for _ in 0..10 {
                fetch(&app, &mut app.browser(), "/api/files").await.assert_status(200);
            }
        })
        .await;
        release.notify_waiters();
        [one, two]
    };
    let both = futures::future::join(taking, refused);
    let ((one, two), refused) = timeout(PATIENCE, both).await.expect("no request waits for long");
    one.assert_status(200).assert_shows("done");
    two.assert_status(200).assert_shows("done");
    for answer in &refused {
        assert_unavailable(answer, 503);
    }
}

#[tokio::test]
async fn closing_connections_between_two_requests() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let service = upstream::raw(move |mut connection, _| {
        let counted = Arc::clone(&counted);
        async move {
            counted.fetch_add(1, Relaxed);
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").await;
            // The next request on this connection is read, and gets no response.
            if !upstream::read_head(&mut connection).await.is_empty() {
                counted.fetch_add(1, Relaxed);
            }
        }
    });
    let app = app_with(vec![RouteConfig { response_timeout: PATIENCE, ..public(service.await) }]).await;
    get(&app).await.assert_status(200);
    get(&app).await.assert_status(200).assert_shows("done");
    assert_eq!(requests.load(Relaxed), 3, "a safe request is repeated");
    let post = script(&app, Method::POST, PREFIX).body(Body::from("{}")).expect("a request");
    assert_unavailable(&app.browser().send(post).await, 502);
    assert_eq!(requests.load(Relaxed), 4, "what may change something is not");
}

/// An upstream that sends `total` bytes as fast as possible, and counts them.
async fn generous(total: u64) -> (SocketAddr, Arc<AtomicU64>) {
    const PIECE: usize = 64 * 1024;
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let service = upstream::raw(move |mut connection, _| {
        let counted = Arc::clone(&counted);
        async move {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {total}\r\n\r\n");
            let _ = connection.write_all(head.as_bytes()).await;
            let piece = vec![b'x'; PIECE];
            while counted.load(Relaxed) < total && connection.write_all(&piece).await.is_ok() {
                counted.fetch_add(PIECE as u64, Relaxed);
            }
        }
    });
    (service.await, sent)
}

#[tokio::test]
async fn sending_a_gigabyte() {
    const TOTAL: u64 = 1 << 30;
    /// The capacity of sockets, both ends' buffers and a few frames.
    const ON_THE_WAY: u64 = 16 << 20;
    let (service, sent) = generous(TOTAL).await;
    let app = app_with(vec![RouteConfig { idle_timeout: PATIENCE, ..public(service) }]).await;
    let response = open(&app, PREFIX).await;
    assert_eq!(response.headers()[header::CONTENT_LENGTH], TOTAL.to_string());
    let (mut body, mut read, mut most) = (response.into_body(), 0, 0);
    while let Some(frame) = body.frame().await {
        read += frame.expect("it continues").into_data().expect("data").len() as u64;
        most = most.max(sent.load(Relaxed) - read.min(sent.load(Relaxed)));
    }
    assert_eq!(read, TOTAL);
    assert!(most < ON_THE_WAY, "{most} bytes were held");
}

#[tokio::test]
async fn without_a_reader_it_stops_sending() {
    let (service, sent) = generous(1 << 30).await;
    let app = app_with(vec![RouteConfig { idle_timeout: PATIENCE, ..public(service) }]).await;
    let mut body = open(&app, PREFIX).await.into_body();
    body.frame().await.expect("a piece").expect("a piece");
    // It sends until all buffers are full; then it waits.
    let mut before = u64::MAX;
    while before != sent.load(Relaxed) {
        before = sent.load(Relaxed);
        tokio::time::sleep(SHORT).await;
    }
    assert!(before < 32 << 20, "{before} bytes were taken");
}

#[tokio::test]
async fn a_client_that_disconnects_frees_its_slot() {
    let gone = Arc::new(Notify::new());
    let noticed = Arc::clone(&gone);
    let service = upstream::raw(move |mut connection, _| {
        let noticed = Arc::clone(&noticed);
        async move {
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n").await;
            let _ = connection.read_u8().await;
            noticed.notify_one();
        }
    });
    let app = app_with(vec![RouteConfig { max_connections: 1, idle_timeout: PATIENCE, ..public(service.await) }]).await;
    for _ in 0..3 {
        let response = open(&app, PREFIX).await;
        assert_eq!(response.status(), 200);
        drop(response);
        timeout(PATIENCE, gone.notified()).await.expect("the service notices");
    }
}

/// An upstream whose responses have begun and do not end.
async fn endless() -> SocketAddr {
    upstream::raw(|mut connection, _| async move {
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n").await;
        let _ = connection.read_u8().await;
    })
    .await
}

#[tokio::test]
async fn one_address_gets_no_more_than_its_share() {
    let app = app_with(vec![patient(RouteConfig { max_connections: 8, ..public(endless().await) })]).await;
    let open_at = async |address: &str| {
        let mut request = script(&app, Method::GET, PREFIX).body(Body::empty()).expect("a request");
        request.extensions_mut().insert(PeerAddress(SocketAddr::new(address.parse().expect("an address"), 49_152)));
        app.router.clone().oneshot(request).await.expect("the router responds")
    };
    let mut streams = Vec::new();
    for address in ["192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2"] {
        streams.push(open_at(address).await);
    }
    assert!(streams.iter().all(|answer| answer.status() == 200));
    for address in ["192.0.2.1", "2001:db8::3"] {
        assert_unavailable(&Answer::read(open_at(address).await).await, 503);
    }
    assert_eq!(open_at("192.0.2.2").await.status(), 200);
    drop(streams);
    assert_eq!(open_at("192.0.2.1").await.status(), 200);
}

#[tokio::test]
async fn one_user_gets_no_more_than_their_share_however_many_sessions_they_have() {
    let private = RouteConfig { token: TokenPolicy::User, max_connections: 8, ..public(endless().await) };
    let app = app_with(vec![patient(private)]).await;
    let (ada, grace) = (app.account("ada@example.com").await, app.account("grace@example.com").await);
    let mut streams = Vec::new();
    for (person, expected) in [(ada, 200), (ada, 200), (ada, 503), (grace, 200)] {
        let cookies = app.browser_of(person).await.cookie_header().expect("cookies");
        let request = script(&app, Method::GET, PREFIX).header(header::COOKIE, cookies).body(Body::empty());
        let answer = app.router.clone().oneshot(request.expect("a request")).await.expect("the router responds");
        assert_eq!(answer.status(), expected);
        streams.push(answer);
    }
}

#[tokio::test]
async fn a_short_body_that_does_not_arrive_holds_no_slot() {
    let service = upstream::echo().await;
    let app = TestApp::with_config(|config| {
        config.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        config.gateway.routes = vec![RouteConfig { max_connections: 1, ..public(service) }];
    })
    .await;
    let server = Server::start(&app).await;
    let post = |client: u8, bytes: usize| {
        format!(
            "POST {PREFIX} HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 192.0.2.{client}\r\nconnection: close\r\n\
             expect: 100-continue\r\ncontent-length: {bytes}\r\n\r\n"
        )
    };
    let mut slow = server.connect().await;
    slow.write_all(post(1, 5).as_bytes()).await.expect("it is open");
    // The body is being read by now.
    upstream::read_head(&mut slow).await;
    let mut quick = server.connect().await;
    quick.write_all(format!("{}hello", post(2, 5)).as_bytes()).await.expect("it is open");
    let mut answer = String::new();
    timeout(PATIENCE, quick.read_to_string(&mut answer)).await.expect("a response").expect("a response");
    assert!(answer.contains("HTTP/1.1 200 OK\r\n") && answer.contains("hello"), "{answer}");
    slow.write_all(b"later").await.expect("it is open");
    let mut answer = String::new();
    timeout(PATIENCE, slow.read_to_string(&mut answer)).await.expect("a response").expect("a response");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("later"), "{answer}");
}

#[tokio::test]
async fn a_body_beyond_the_routes_limit() {
    let service = upstream::echo().await;
    let app = app_with(vec![RouteConfig { max_body_bytes: 100_000, ..public(service) }]).await;
    let post = |body: Body| script(&app, Method::POST, PREFIX).body(body).expect("a request");
    let fits = app.browser().send(post(Body::from("a".repeat(100_000)))).await.assert_status(200);
    assert_eq!(RequestKind::read(&fits.body).body().len(), 100_000, "more than a form may have");
    app.browser().send(post(Body::from("a".repeat(100_001)))).await.assert_status(413).assert_shows("too_large");
    // A body of unknown length.
    let pieces = futures::stream::iter(vec![Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'a'; 60_000])); 2]);
    app.browser().send(post(Body::from_stream(pieces))).await.assert_status(413).assert_shows("too_large");
}

#[tokio::test]
async fn a_thousand_calls_of_an_upstream_that_hangs_do_not_affect_the_others() {
    let hanging = upstream::hanging().await;
    let routes = vec![
        RouteConfig { max_connections: 8, ..public(hanging) },
        route("/api/files", upstream::echo().await, TokenPolicy::None),
    ];
    let app = app_with(routes).await;
    let hung = join_all((0..1000).map(|_| get(&app)));
    let others = async {
        let begun = Instant::now();
        for _ in 0..20 {
            fetch(&app, &mut app.browser(), "/api/files").await.assert_status(200);
        }
        begun.elapsed()
    };
    let (hung, took) = timeout(PATIENCE, futures::future::join(hung, others)).await.expect("all get a response");
    assert!(hung.iter().all(|answer| matches!(answer.status.as_u16(), 503 | 504)));
    assert!(took < PATIENCE / 2, "{took:?}");
}

#[tokio::test]
async fn the_head_of_a_response_without_a_body() {
    let service = upstream::raw(|mut connection, head| async move {
        let length = if head.starts_with("HEAD") { "" } else { "12345" };
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{length}");
        let _ = connection.write_all(answer.as_bytes()).await;
    });
    let app = app_of(service.await).await;
    let head = Request::head(PREFIX).body(Body::empty()).expect("a request");
    let answered = app.router.clone().oneshot(head).await.expect("the router responds");
    assert_eq!(answered.headers()[header::CONTENT_LENGTH], "5");
    assert!(answered.into_body().is_end_stream());
}

#[tokio::test]
async fn a_healthy_upstream_is_not_affected() {
    let app = app_before(upstream::echo().await).await;
    let mut ada = app.signed_in("ada").await;
    let put = script(&app, Method::PUT, "/api/notes/1?x=%2F")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{\"text\":\"é\"}"))
        .expect("a request");
    let received = RequestKind::read(&ada.send(put).await.assert_status(200).body);
    assert_eq!((received.method(), received.target(), received.body()), ("PUT", "/1?x=%2F", "{\"text\":\"é\"}"));
    assert_eq!(received.header("content-type"), "application/json");
}
