//! The HTTP server: accepts, serves and closes connections, each within its limits.
//!
//! `axum::serve` sets no time limits at all (0.8.9 installs no timer), so that a few clients that send their headers
//! byte by byte could occupy it indefinitely. This loop does, on `hyper_util`'s connection for HTTP/1.1 and HTTP/2.
//!
//! Shutdown has two phases. While draining, the server reports that it is not ready (`/health/ready` is `503`,
//! responses carry `Connection: close`) but still serves requests, so that load balancers can switch without a failed
//! request. Then it stops accepting, closes idle connections, and lets the requests in flight finish. [`Closing`]
//! notifies responses that do not end by themselves.

mod activity;
mod connection;
mod framing;
pub mod min_rate;
mod readiness;
mod socket;
mod streams;
mod watchdog;
mod workers;

use axum::Router;
use hyper_util::{rt::TokioTimer, server::conn::auto};
pub use readiness::Readiness;
use std::{
    future, io,
    net::{self, SocketAddr},
    sync::Arc,
    time::Duration,
};
use streams::Streams;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};
pub use workers::Workers;

/// How long aborting connections may take; a blocked worker would delay the shutdown indefinitely.
const CUT_OFF_TIMEOUT: Duration = Duration::from_secs(2);

/// How long to wait after the system ran out of file descriptors. Retrying at once would be a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The hard limit for a head is this many times the one beyond which `request_limits` responds with an error page.
const HARD_HEADER_FACTOR: usize = 4;

/// hyper panics below this.
const MIN_HEADER_BUFFER: usize = 8 * 1024;

/// Concurrent requests on one HTTP/2 connection.
const MAX_STREAMS: u32 = 100;

/// Streams that a client has opened and reset before they are accepted ("rapid reset", CVE-2023-44487), and streams
/// that it made us reset; beyond these limits the connection is closed.
const MAX_RESET_STREAMS: usize = 20;
const MAX_ERROR_STREAMS: usize = 100;

/// The flow-control windows (RFC 9113 §5.2), in bytes: of one HTTP/2 stream, and of a connection. The latter is the sum
/// of all streams': else a few uploads that wait for a slow upstream would block all others of the connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = MAX_STREAMS * STREAM_WINDOW;

/// The send buffer of one HTTP/2 stream, in bytes.
const SEND_BUFFER: usize = 64 * 1024;

/// How often an idle HTTP/2 client is sent a PING, and how long it may take to acknowledge it.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// The peer address of the connection: the client's, or a proxy's. In each request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// The limits of connections.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// How many sockets may be open, upgraded ones included; more wait in the system's listen backlog.
    pub max_connections: usize,
    /// The longest request head that is read at all is four times this, in bytes. See `RequestLimits` for the exact
    /// limit.
    pub max_header_bytes: usize,
    /// How long a client may take for the head of a request, from its first byte (or from connecting) on.
    pub header_timeout: Duration,
    /// How long a connection may be idle between two requests. Longer than the limit of a proxy in front (nginx: 60 s),
    /// or the proxy sends requests on connections that are just being closed.
    pub idle_timeout: Duration,
    /// How long a client may keep us from sending, as defined by `MinRate`.
    pub write_timeout: Duration,
    /// How long requests are still served after the server has become unready.
    pub drain_delay: Duration,
    /// How long the requests in flight may take to finish after that.
    pub shutdown_timeout: Duration,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_header_bytes: 16 * 1024,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

/// Whether, and how, the server is to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    #[default]
    No,
    /// When the requests in flight have finished.
    Gracefully,
    AtOnce,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All connections had closed.
    Gracefully,
    /// This many connections were still open.
    CutOff { connections: usize },
}

/// The phase of the shutdown; observed by every connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// Requests are served, but their responses announce that the connection closes.
    Draining,
    Closing,
}

/// Waits until this phase is reached; forever if the server no longer exists.
async fn reached(wanted: Phase, phase: &mut watch::Receiver<Phase>) {
    if phase.wait_for(|phase| *phase >= wanted).await.is_err() {
        future::pending::<()>().await;
    }
}

/// Completes when no more connections are accepted and the open ones are to close. In each request's extensions, for
/// responses that would never end by themselves, and for upgraded connections.
#[derive(Clone, Debug)]
pub struct Closing(watch::Receiver<Phase>);

impl Closing {
    /// Waits until closing has begun.
    pub async fn begun(mut self) {
        reached(Phase::Closing, &mut self.0).await;
    }
}

/// Stops gracefully on the first SIGTERM or SIGINT (Ctrl-C), at once on the second.
///
/// # Errors
///
/// If the handlers cannot be installed.
#[cfg(unix)]
pub fn stop_on_signals() -> io::Result<watch::Receiver<Stop>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (sender, receiver) = watch::channel(Stop::No);
    tokio::spawn(async move {
        for stop in [Stop::Gracefully, Stop::AtOnce] {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal = name, ?stop, "stop requested");
            sender.send_replace(stop);
        }
    });
    Ok(receiver)
}

/// Serves `router` on `workers` until `stop` requests the end.
///
/// Sets `readiness` at the beginning, and clears it as soon as stopping begins. On return no connection is open, except
/// upgraded ones that were cut off; tasks that requests have detached may still run.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ServeSettings,
    workers: Arc<Workers>,
    readiness: Readiness,
    mut stop: watch::Receiver<Stop>,
) -> Ended {
    let ServeSettings { shutdown_timeout, drain_delay, max_connections, .. } = settings;
    let (phase, phase_receiver) = watch::channel(Phase::Serving);
    let mut acceptor = Acceptor {
        listener,
        router,
        builder: connection_builder(&settings),
        slots: Arc::new(Semaphore::new(settings.max_connections)),
        settings: Arc::new(settings),
        workers,
        phase: phase_receiver,
        connections: JoinSet::new(),
    };
    readiness.set(true);
    let draining = async {
        stop_requested(Stop::Gracefully, &mut stop).await;
        readiness.set(false);
        phase.send_replace(Phase::Draining);
        tokio::select! {
            () = tokio::time::sleep(drain_delay) => {}
            () = stop_requested(Stop::AtOnce, &mut stop) => {}
        }
    };
    tokio::select! {
        () = acceptor.run() => {}
        () = draining => {}
    }
    phase.send_replace(Phase::Closing);
    let Acceptor { listener, slots, mut connections, .. } = acceptor;
    drop(listener);
    let all_closed = async {
        while connections.join_next().await.is_some() {}
        // Upgraded connections are owned by other tasks by now, but still hold their slots.
        drop(slots.acquire_many(u32::try_from(max_connections).unwrap_or(u32::MAX)).await);
    };
    tokio::select! {
        biased;
        () = all_closed => return Ended::Gracefully,
        () = tokio::time::sleep(shutdown_timeout) => {}
        () = stop_requested(Stop::AtOnce, &mut stop) => {}
    }
    let cut_off = max_connections - slots.available_permits();
    tracing::warn!(connections = cut_off, "stopped with connections still open");
    if tokio::time::timeout(CUT_OFF_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!("a worker does not end");
    }
    Ended::CutOff { connections: cut_off }
}

/// Waits until this kind of stop, or a stronger one, is requested; forever if the sender no longer exists.
async fn stop_requested(wanted: Stop, stop: &mut watch::Receiver<Stop>) {
    if stop.wait_for(|requested| *requested >= wanted).await.is_err() {
        future::pending::<()>().await;
    }
}

fn connection_builder(settings: &ServeSettings) -> auto::Builder<Streams> {
    let max_head = settings.max_header_bytes.saturating_mul(HARD_HEADER_FACTOR).max(MIN_HEADER_BUFFER);
    let mut builder = auto::Builder::new(Streams { write_timeout: settings.write_timeout });
    builder
        .http1()
        .timer(TokioTimer::new())
        // hyper counts the idle time between two requests as reading the next head. The watchdog distinguishes them.
        .header_read_timeout(None)
        .half_close(false)
        .max_buf_size(max_head);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(max_head).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(MAX_ERROR_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

struct Acceptor {
    listener: TcpListener,
    router: Router,
    builder: auto::Builder<Streams>,
    slots: Arc<Semaphore>,
    settings: Arc<ServeSettings>,
    workers: Arc<Workers>,
    phase: watch::Receiver<Phase>,
    connections: JoinSet<()>,
}

impl Acceptor {
    async fn run(&mut self) {
        while let Some(slot) = self.slot().await {
            let (stream, peer) = self.accept().await;
            // Removes the connections that have ended; the set would grow otherwise.
            while self.connections.try_join_next().is_some() {}
            let accepted = connection::Accepted {
                stream,
                peer: PeerAddress(peer),
                slot,
                router: self.router.clone(),
                builder: self.builder.clone(),
                settings: Arc::clone(&self.settings),
                phase: self.phase.clone(),
            };
            self.connections.spawn_on(connection::run(accepted), self.workers.next());
        }
    }

    /// Waits until one more connection is allowed.
    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            return Some(slot);
        }
        tracing::warn!(max_connections = self.settings.max_connections, "all connections are in use, others wait");
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    async fn accept(&self) -> (net::TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => match prepared(stream) {
                    Ok(stream) => return (stream, peer),
                    Err(error) => tracing::debug!(%error, "a new connection has already closed"),
                },
                Err(error) if concerns_one_connection(&error) => tracing::debug!(%error, "a client disconnected"),
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Detaches a new connection from this runtime, for the one that will serve it.
fn prepared(stream: TcpStream) -> io::Result<net::TcpStream> {
    // Responses are written in whole chunks: waiting for more to send only delays them.
    stream.set_nodelay(true)?;
    stream.into_std()
}

/// Whether the next `accept` is likely to succeed (accept(2): errors of the connection that was about to be accepted).
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests;
