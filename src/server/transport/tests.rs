//! Tests over real connections, with limits of a fraction of a second.

mod http2;
mod stopping;

use super::*;
use crate::server::{edge::limits::RequestLimits, edge::limits::limited};
use axum::{
    Extension,
    body::{Body, Bytes, HttpBody},
    http::{Request, StatusCode, header},
    routing::{get, post},
};
use hyper::body::Frame;
use std::{
    pin::Pin,
    task::{Context, Poll},
    thread,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::Instant,
};

const SHORT: Duration = Duration::from_millis(250);
const LONG: Duration = Duration::from_secs(30);

/// Far more than anything here should take, and far less than [`LONG`].
const PATIENCE: Duration = Duration::from_secs(5);

fn patient() -> ServeSettings {
    ServeSettings {
        max_connections: 16,
        max_header_bytes: 8 * 1024,
        header_timeout: LONG,
        idle_timeout: LONG,
        write_timeout: LONG,
        drain_delay: Duration::ZERO,
        shutdown_timeout: LONG,
    }
}

struct Server {
    address: SocketAddr,
    stop: watch::Sender<Stop>,
    readiness: Readiness,
    task: JoinHandle<Ended>,
    /// Releases the handler of `/wait`, and the connection that `/upgrade` holds.
    release: Arc<Notify>,
    /// Reports that the handler of `/wait` or `/hold` runs, or that the response of `/endless` was dropped.
    events: mpsc::UnboundedReceiver<&'static str>,
}

impl Server {
    async fn start(settings: ServeSettings) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let release = Arc::new(Notify::new());
        let waiting = {
            let (release, sender) = (Arc::clone(&release), sender.clone());
            move || {
                let (release, sender) = (Arc::clone(&release), sender.clone());
                async move {
                    let _ = sender.send("waiting");
                    release.notified().await;
                    "done"
                }
            }
        };
        let upgrade = {
            let release = Arc::clone(&release);
            move |request: Request<Body>| {
                let release = Arc::clone(&release);
                async move {
                    let upgraded = hyper::upgrade::on(request);
                    tokio::spawn(async move {
                        let _held = upgraded.await.unwrap();
                        release.notified().await;
                    });
                    (StatusCode::SWITCHING_PROTOCOLS, [(header::CONNECTION, "upgrade"), (header::UPGRADE, "x")])
                }
            }
        };
        let until_closing = |Extension(closing): Extension<Closing>| async move {
            closing.begun().await;
            "closing"
        };
        let hold = {
            let sender = sender.clone();
            |body: Body| async move {
                let _ = sender.send("holding");
                future::pending::<()>().await;
                drop(body);
            }
        };
        let router = Router::new()
            .route("/hold", post(hold))
            .route("/upgrade", get(upgrade))
            .route("/until_closing", get(until_closing))
            .route("/", get(|Extension(PeerAddress(peer)): Extension<PeerAddress>| async move { peer.to_string() }))
            .route("/wait", get(waiting))
            .route("/read", post(|body: Bytes| async move { format!("{} bytes", body.len()) }))
            .route("/refuse", post(|| async { "refused unread" }))
            .route("/endless", get(move || async move { Body::new(Endless(sender.clone())) }));
        let limits = RequestLimits {
            max_body_bytes: 64 * 1024,
            max_header_bytes: settings.max_header_bytes,
            body_timeout: SHORT,
            response_timeout: LONG,
            overdue: StatusCode::SERVICE_UNAVAILABLE,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stop_receiver) = watch::channel(Stop::No);
        let readiness = Readiness::default();
        let task = tokio::spawn(serve(
            listener,
            limited(router, limits),
            settings,
            Arc::new(Workers::here()),
            readiness.clone(),
            stop_receiver,
        ));
        Self { address, stop, readiness, task, release, events }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    async fn event(&mut self) -> &'static str {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("something happens").unwrap()
    }

    async fn ended(self) -> Ended {
        tokio::time::timeout(PATIENCE, self.task).await.expect("the server stops").unwrap()
    }
}

/// A response without an end; reports when it is dropped.
struct Endless(mpsc::UnboundedSender<&'static str>);

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything until the server closes; how long that took.
    async fn read_to_end(&mut self) -> (String, Duration) {
        let begun = Instant::now();
        let mut bytes = Vec::new();
        tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await.expect("the server closes").unwrap();
        (String::from_utf8(bytes).unwrap(), begun.elapsed())
    }

    /// One response with `Content-Length`.
    async fn response(&mut self) -> String {
        let mut text = String::new();
        loop {
            let mut buffer = [0; 1024];
            let read = tokio::time::timeout(PATIENCE, self.0.read(&mut buffer)).await.expect("a response").unwrap();
            assert!(read > 0, "closed after {text:?}");
            text.push_str(str::from_utf8(&buffer[..read]).unwrap());
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a known length");
            if body.len() >= length.parse().unwrap() {
                return text;
            }
        }
    }
}

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

#[tokio::test]
async fn requests_are_served_and_know_their_peer() {
    let server = Server::start(patient()).await;
    let mut client = server.connect().await;
    let local = client.0.local_addr().unwrap().to_string();
    for _ in 0..3 {
        client.send(GET).await;
        let response = client.response().await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with(&local), "{response}");
        assert!(!response.contains("server:"), "{response}");
    }
}

#[tokio::test]
async fn connections_are_assigned_round_robin_and_stay_on_their_worker() {
    let name = || async { thread::current().name().unwrap_or_default().to_owned() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(name));
    let workers = Arc::new(Workers::start().unwrap());
    let (_stop, stopped) = watch::channel(Stop::No);
    tokio::spawn(serve(listener, router, patient(), workers, Readiness::default(), stopped));
    let mut names = Vec::new();
    for _ in 0..thread::available_parallelism().unwrap().get() {
        let mut client = Client(TcpStream::connect(address).await.unwrap());
        let mut serving_worker = async || {
            client.send(GET).await;
            client.response().await.rsplit("\r\n").next().unwrap().to_owned()
        };
        let (first, second) = (serving_worker().await, serving_worker().await);
        assert_eq!(first, second);
        names.push(first);
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert!(names.len() == count && names.iter().all(|name| name.starts_with("worker-")), "{names:?}");
}

#[tokio::test]
async fn tasks_of_a_worker_end_with_it() {
    let workers = Workers::start().unwrap();
    let (held, ended) = tokio::sync::oneshot::channel::<()>();
    workers.next().spawn(async move {
        future::pending::<()>().await;
        drop(held);
    });
    drop(workers);
    assert!(tokio::time::timeout(PATIENCE, ended).await.expect("the end").is_err());
}

#[tokio::test]
async fn a_silent_client_is_dropped() {
    let server = Server::start(ServeSettings { header_timeout: SHORT, ..patient() }).await;
    let (text, took) = server.connect().await.read_to_end().await;
    assert_eq!(text, "");
    assert!(took >= SHORT / 2 && took < PATIENCE / 2, "{took:?}");
}

#[tokio::test]
async fn a_head_that_arrives_byte_by_byte_times_out() {
    for first in ["P", "GET / HTTP/1.1\r\nhost: a\r\n"] {
        let server = Server::start(ServeSettings { header_timeout: SHORT, ..patient() }).await;
        let (mut reader, mut writer) = server.connect().await.0.into_split();
        writer.write_all(first.as_bytes()).await.unwrap();
        let trickle = tokio::spawn(async move {
            while writer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SHORT / 10).await;
            }
        });
        let begun = Instant::now();
        let mut bytes = Vec::new();
        // The end may come as a reset, as we are still sending.
        let _ = tokio::time::timeout(PATIENCE, reader.read_to_end(&mut bytes)).await.expect("the server closes");
        assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
        trickle.abort();
    }
}

#[tokio::test]
async fn the_idle_time_may_be_longer_than_a_head_but_is_limited_too() {
    let settings = ServeSettings { header_timeout: SHORT, idle_timeout: SHORT * 3, ..patient() };
    let server = Server::start(settings).await;
    let mut client = server.connect().await;
    for _ in 0..2 {
        client.send(GET).await;
        client.response().await;
        tokio::time::sleep(SHORT * 3 / 2).await;
    }
    let (text, took) = client.read_to_end().await;
    assert_eq!(text, "");
    assert!(took < PATIENCE / 2, "{took:?}");
}

#[tokio::test]
async fn the_head_after_idle_time_has_its_own_limit() {
    let server = Server::start(ServeSettings { header_timeout: SHORT, ..patient() }).await;
    let mut client = server.connect().await;
    client.send(GET).await;
    client.response().await;
    tokio::time::sleep(SHORT * 2).await;
    client.send("GET / HT").await;
    let (text, took) = client.read_to_end().await;
    assert_eq!(text, "", "no response to an incomplete head");
    assert!(took >= SHORT / 2 && took < PATIENCE / 2, "{took:?}");
}

#[tokio::test]
async fn a_slow_response_does_not_count_as_idle_time() {
    let settings = ServeSettings { header_timeout: SHORT, idle_timeout: SHORT, write_timeout: SHORT, ..patient() };
    let mut server = Server::start(settings).await;
    let mut client = server.connect().await;
    client.send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await;
    server.event().await;
    tokio::time::sleep(SHORT * 2).await;
    server.release.notify_one();
    assert!(client.response().await.ends_with("done"));
}

#[tokio::test]
async fn a_missing_body_times_out_with_a_response() {
    let server = Server::start(patient()).await;
    let mut client = server.connect().await;
    client.send("POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc").await;
    let (text, _) = client.read_to_end().await;
    assert!(text.starts_with("HTTP/1.1 408 Request Timeout\r\n") && text.contains("connection: close\r\n"), "{text}");
}

#[tokio::test]
async fn a_refusal_arrives_while_the_body_is_still_being_sent() {
    let server = Server::start(patient()).await;
    let upload = format!("POST /refuse HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", 60_000);
    let too_large = format!("POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", 600_000);
    for (head, size, expected) in [(upload, 60_000, "200 OK"), (too_large, 600_000, "413 Payload Too Large")] {
        let mut client = server.connect().await;
        client.send(&head).await;
        // The response precedes the body: a socket closed now would be reset by what follows.
        tokio::time::sleep(Duration::from_millis(20)).await;
        for _ in 0..size / 10_000 {
            client.0.write_all(&[b'x'; 10_000]).await.expect("the server still reads it");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        client.0.shutdown().await.unwrap();
        let (text, _) = client.read_to_end().await;
        assert!(text.starts_with(&format!("HTTP/1.1 {expected}")), "{text}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let mut server = Server::start(ServeSettings { write_timeout: SHORT, ..patient() }).await;
    let mut client = server.connect().await;
    client.send("GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(server.event().await, "dropped");
}

#[tokio::test]
async fn a_client_that_reads_is_not() {
    let mut server = Server::start(ServeSettings { write_timeout: SHORT, ..patient() }).await;
    let mut client = server.connect().await;
    client.send("GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let begun = Instant::now();
    let mut buffer = vec![0; 64 * 1024];
    while begun.elapsed() < SHORT * 3 {
        assert!(client.0.read(&mut buffer).await.unwrap() > 0);
    }
    assert!(server.events.try_recv().is_err());
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let server = Server::start(patient()).await;
    let cookie = |bytes: usize| format!("GET / HTTP/1.1\r\nhost: a\r\ncookie: {}\r\n\r\n", "a".repeat(bytes));
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "a: b\r\n".repeat(101));
    for (request, expected) in [
        (cookie(7_000), "200 OK"),
        // With an error page,
        (cookie(9_000), "431 Request Header Fields Too Large"),
        // and without, when it is not even read.
        (cookie(64_000), "431 Request Header Fields Too Large"),
        (cookie(1_000_000), "431 Request Header Fields Too Large"),
        (many, "431 Request Header Fields Too Large"),
        (format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(5_000)), "414 URI Too Long"),
    ] {
        let (mut reader, mut writer) = server.connect().await.0.into_split();
        let writing = tokio::spawn(async move {
            let _ = writer.write_all(request.as_bytes()).await;
            writer
        });
        let mut buffer = [0; 1024];
        let read = tokio::time::timeout(PATIENCE, reader.read(&mut buffer)).await.expect("a response").unwrap();
        let status = str::from_utf8(&buffer[..read]).unwrap().lines().next().unwrap_or_default();
        assert_eq!(status, format!("HTTP/1.1 {expected}"));
        drop(writing.await);
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let server = Server::start(ServeSettings { max_connections: 2, ..patient() }).await;
    let (mut first, mut second, mut third) = (server.connect().await, server.connect().await, server.connect().await);
    for client in [&mut first, &mut second] {
        client.send(GET).await;
        client.response().await;
    }
    third.send(GET).await;
    assert!(tokio::time::timeout(SHORT, third.0.readable()).await.is_err(), "not before a connection has closed");
    drop(first);
    assert!(third.response().await.starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn only_errors_of_the_server_itself_make_it_pause() {
    // ECONNABORTED, EPROTO-like resets, and then EMFILE.
    assert!(concerns_one_connection(&io::ErrorKind::ConnectionAborted.into()));
    assert!(concerns_one_connection(&io::ErrorKind::ConnectionReset.into()));
    assert!(!concerns_one_connection(&io::Error::from_raw_os_error(24)));
}
