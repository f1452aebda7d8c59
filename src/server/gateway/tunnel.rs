//! WebSockets (RFC 6455): after the handshake, bytes are copied both ways until either side closes, both are idle, the
//! session ends, or the server stops. The content is not inspected.

use super::{session_watch::SessionWatch, slots::Slot};
use crate::server::{
    edge::websocket::{is_websocket_upgrade, lists},
    transport::Closing,
};
use axum::http::{HeaderMap, HeaderValue, Method, Response, Version, header, request::Parts};
use hyper::{
    body::Incoming,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use std::{
    future::pending,
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf, split},
    time::{sleep, timeout},
};
use tracing::{Instrument as _, debug};

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");

const BUFFER: usize = 8 * 1024;
/// How long the other direction may take to end after the first has ended.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The client's request to upgrade to a WebSocket.
pub(super) struct Handshake(OnUpgrade);

impl Handshake {
    /// The upgrade of a request, if it is a WebSocket handshake. No other protocol is forwarded.
    ///
    /// `Connection` has to name it too (RFC 9110 §7.8): otherwise a proxy in front has forwarded the header
    /// unintentionally, and would parse the bytes of the WebSocket as responses.
    pub(super) fn of(head: &mut Parts) -> Option<Self> {
        let is_handshake = head.method == Method::GET
            && head.version == Version::HTTP_11
            && is_websocket_upgrade(&head.headers)
            && lists(&head.headers, &header::CONNECTION, "upgrade");
        is_handshake.then(|| head.extensions.remove::<OnUpgrade>()).flatten().map(Self)
    }

    /// Sets the headers of the handshake, in the request or in the response.
    pub(super) fn announce(headers: &mut HeaderMap) {
        headers.insert(header::CONNECTION, UPGRADE);
        headers.insert(header::UPGRADE, WEBSOCKET);
    }
}

/// Joins the two connections once both have switched protocols.
pub(super) fn join(
    Handshake(client): Handshake,
    response: Response<Incoming>,
    session: Option<SessionWatch>,
    closing: Option<Closing>,
    slot: Slot,
    idle_timeout: Duration,
) {
    let upstream = hyper::upgrade::on(response);
    let work = async move {
        let (client, upstream) = match futures::future::try_join(client, upstream).await {
            Ok(both) => both,
            Err(error) => return debug!(%error, "a WebSocket upgrade failed"),
        };
        let why = carry(client, upstream, session, closing, idle_timeout).await;
        debug!(why, "a WebSocket has ended");
        drop(slot);
    };
    tokio::spawn(work.in_current_span());
}

async fn carry(
    client: Upgraded,
    upstream: Upgraded,
    session: Option<SessionWatch>,
    closing: Option<Closing>,
    idle_timeout: Duration,
) -> &'static str {
    let (from_client, to_client) = split(TokioIo::new(client));
    let (from_upstream, to_upstream) = split(TokioIo::new(upstream));
    let reads = AtomicU64::new(0);
    let both = async {
        let up = std::pin::pin!(pump(from_client, to_upstream, &reads));
        let down = std::pin::pin!(pump(from_upstream, to_client, &reads));
        match futures::future::select(up, down).await {
            futures::future::Either::Left((_, down)) => drop(timeout(CLOSE_TIMEOUT, down).await),
            futures::future::Either::Right((_, up)) => drop(timeout(CLOSE_TIMEOUT, up).await),
        }
    };
    let over = async {
        match session {
            Some(session) => session.await,
            None => pending().await,
        }
    };
    let stopped = async {
        match closing {
            Some(closing) => closing.begun().await,
            None => pending().await,
        }
    };
    tokio::select! {
        () = both => "one side closed it",
        () = over => "the session has ended",
        () = stopped => "the server is stopping",
        () = idle(&reads, idle_timeout) => "both sides have been idle for too long",
    }
}

async fn pump<T: AsyncRead + AsyncWrite>(
    mut from: ReadHalf<T>,
    mut to: WriteHalf<T>,
    reads: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let bytes = from.read(&mut buffer).await?;
        if bytes == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..bytes]).await?;
        reads.fetch_add(1, Relaxed);
    }
}

/// Completes when nothing has been copied for `idle_timeout`, or for up to twice as long.
async fn idle(reads: &AtomicU64, idle_timeout: Duration) {
    let mut before = reads.load(Relaxed);
    loop {
        sleep(idle_timeout).await;
        let now = reads.load(Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}
