//! Websockets (RFC 6455): after the handshake, bytes go both ways until either side ends it, both fall silent, the
//! session is over, or the server stops. What the bytes mean is not looked at.

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
/// How long the other direction may take to end after the first has.
const FAREWELL: Duration = Duration::from_secs(5);

/// The client's wish to go on as a websocket.
pub(super) struct Handshake(OnUpgrade);

impl Handshake {
    /// The wish in a request, if it is one. No other protocol is passed on.
    ///
    /// `Connection` has to name it too (RFC 9110 §7.8): else a proxy in front has passed on what it did not mean to, and
    /// would take the bytes of the websocket for answers.
    pub(super) fn of(head: &mut Parts) -> Option<Self> {
        let wants = head.method == Method::GET
            && head.version == Version::HTTP_11
            && is_websocket_upgrade(&head.headers)
            && lists(&head.headers, &header::CONNECTION, "upgrade");
        wants.then(|| head.extensions.remove::<OnUpgrade>()).flatten().map(Self)
    }

    /// Passes the wish on, or the consent back.
    pub(super) fn announce(headers: &mut HeaderMap) {
        headers.insert(header::CONNECTION, UPGRADE);
        headers.insert(header::UPGRADE, WEBSOCKET);
    }
}

/// Joins the two connections, as soon as both have switched.
pub(super) fn join(
    Handshake(client): Handshake,
    answer: Response<Incoming>,
    session: Option<SessionWatch>,
    closing: Option<Closing>,
    slot: Slot,
    idle_timeout: Duration,
) {
    let service = hyper::upgrade::on(answer);
    let work = async move {
        let (client, service) = match futures::future::try_join(client, service).await {
            Ok(both) => both,
            Err(error) => return debug!(%error, "a websocket did not come about"),
        };
        let why = carry(client, service, session, closing, idle_timeout).await;
        debug!(why, "a websocket has ended");
        drop(slot);
    };
    tokio::spawn(work.in_current_span());
}

async fn carry(
    client: Upgraded,
    service: Upgraded,
    session: Option<SessionWatch>,
    closing: Option<Closing>,
    idle_timeout: Duration,
) -> &'static str {
    let (from_client, to_client) = split(TokioIo::new(client));
    let (from_service, to_service) = split(TokioIo::new(service));
    let pieces = AtomicU64::new(0);
    let both = async {
        let up = std::pin::pin!(pump(from_client, to_service, &pieces));
        let down = std::pin::pin!(pump(from_service, to_client, &pieces));
        match futures::future::select(up, down).await {
            futures::future::Either::Left((_, down)) => drop(timeout(FAREWELL, down).await),
            futures::future::Either::Right((_, up)) => drop(timeout(FAREWELL, up).await),
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
        () = both => "one side ended it",
        () = over => "the session has ended",
        () = stopped => "the server stops",
        () = silence(&pieces, idle_timeout) => "both sides have been silent for too long",
    }
}

async fn pump<T: AsyncRead + AsyncWrite>(
    mut from: ReadHalf<T>,
    mut to: WriteHalf<T>,
    pieces: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let bytes = from.read(&mut buffer).await?;
        if bytes == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..bytes]).await?;
        pieces.fetch_add(1, Relaxed);
    }
}

/// Comes back when nothing has been carried for `idle_timeout`, or for up to twice as long.
async fn silence(pieces: &AtomicU64, idle_timeout: Duration) {
    let mut before = pieces.load(Relaxed);
    loop {
        sleep(idle_timeout).await;
        let now = pieces.load(Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}
