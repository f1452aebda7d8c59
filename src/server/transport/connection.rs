//! One connection, from accepting to closing.

use super::{
    Closing, PeerAddress, Phase, ServeSettings,
    activity::Activity,
    reached,
    socket::Socket,
    streams::{self, Streams},
    watchdog::{Expired, Watchdog},
};
use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, Method, Request, Response, StatusCode, Version, header, uri::Authority},
    response::IntoResponse,
};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    service::service_fn,
};
use hyper_util::{rt::TokioIo, server::conn::auto};
use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, watch},
};
use tower::Service;

/// A connection and what is needed to serve it.
pub(super) struct Accepted {
    pub(super) stream: net::TcpStream,
    pub(super) peer: PeerAddress,
    pub(super) slot: OwnedSemaphorePermit,
    pub(super) router: Router,
    pub(super) builder: auto::Builder<Streams>,
    pub(super) settings: Arc<ServeSettings>,
    pub(super) phase: watch::Receiver<Phase>,
}

/// Serves a connection until it ends, by itself or by its limits.
pub(super) async fn run(accepted: Accepted) {
    let Accepted { stream, peer, slot, router, builder, settings, mut phase } = accepted;
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => return tracing::error!(%error, "a new connection cannot be served"),
    };
    let activity = Arc::new(Activity::default());
    let mut watchdog = Watchdog::new(Arc::clone(&activity), &settings);
    let socket = Socket::new(stream, slot, Arc::clone(&activity), settings.write_timeout);
    let service = {
        let (activity, phase) = (Arc::clone(&activity), phase.clone());
        service_fn(move |request| response(request, peer, &router, &activity, &phase))
    };
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(socket), service));
    let mut is_closing = false;
    loop {
        let served = poll_fn(|cx| match connection.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(Ok(result)),
            Poll::Pending => watchdog.poll(cx).map(Err),
        });
        let may_close = async {
            reached(Phase::Draining, &mut phase).await;
            // An HTTP/2 client is notified (GOAWAY) without losing a request, so this happens at once.
            if !activity.is_http2() {
                reached(Phase::Closing, &mut phase).await;
            }
        };
        tokio::select! {
            biased;
            served = served => match served {
                Ok(Ok(())) => return,
                Ok(Err(error)) => return tracing::debug!(peer = %peer.0, error, "a connection ended early"),
                Err(Expired::Drop) => return tracing::debug!(peer = %peer.0, "a client was too slow"),
                Err(Expired::Close) => {
                    connection.as_mut().graceful_shutdown();
                    watchdog.closing();
                }
            },
            () = may_close, if !is_closing => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
                watchdog.closing();
            }
        }
    }
}

/// Passes a request to the router, and tracks both bodies.
fn response(
    request: Request<Incoming>,
    peer: PeerAddress,
    router: &Router,
    activity: &Arc<Activity>,
    phase: &watch::Receiver<Phase>,
) -> impl Future<Output = Result<Response<TrackedResponse>, Infallible>> + use<> {
    let is_http2 = request.version() >= Version::HTTP_2;
    let has_body = !request.body().is_end_stream();
    // Only hyper knows where a chunked body ends, so no head is parsed after it.
    let is_last = !is_http2 && request.headers().contains_key(header::TRANSFER_ENCODING);
    let has_target = has_unambiguous_target(&request);
    let exchange = Exchange::begin(Arc::clone(activity), is_http2, has_body);
    let mut request = request.map(|body| match (has_body, is_http2) {
        (false, _) => Body::empty(),
        (true, true) => Body::new(body),
        (true, false) => Body::new(TrackedRequest { inner: body, activity: Arc::clone(activity) }),
    });
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(Closing(phase.clone()));
    let response = has_target.then(|| router.clone().call(request));
    let phase = phase.clone();
    async move {
        let mut response = match response {
            Some(response) => response.await?,
            None => StatusCode::BAD_REQUEST.into_response(),
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            exchange.activity.upgrade();
        } else if !is_http2 && (is_last || !has_target || *phase.borrow() >= Phase::Draining) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|inner| TrackedResponse { inner, _exchange: exchange }))
    }
}

/// Whether a request identifies its target unambiguously.
///
/// The absolute and authority forms of a request target are for proxies only (RFC 9112 §3.2). HTTP/1.1 requires one
/// `Host`; with HTTP/2 it may only repeat the authority (RFC 9113 §8.3.1).
fn has_unambiguous_target<B>(request: &Request<B>) -> bool {
    let (uri, mut hosts) = (request.uri(), request.headers().get_all(header::HOST).iter());
    let (host, second) = (hosts.next(), hosts.next());
    let is_asterisk = request.method() == Method::OPTIONS && uri.path() == "*";
    if second.is_some() || !(uri.path().starts_with('/') || is_asterisk) {
        return false;
    }
    match (request.version(), uri.authority()) {
        (Version::HTTP_2, Some(authority)) => {
            host.is_none_or(|host| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()))
        }
        (Version::HTTP_11, None) => host.is_some_and(|host| Authority::try_from(host.as_bytes()).is_ok()),
        (version, None) => version < Version::HTTP_11 || host.is_some(),
        (_, Some(_)) => false,
    }
}

/// A request and its response, from the request's head to the end of the response.
struct Exchange {
    activity: Arc<Activity>,
}

impl Exchange {
    fn begin(activity: Arc<Activity>, is_http2: bool, has_body: bool) -> Self {
        activity.begin(is_http2, has_body);
        Self { activity }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.activity.end();
    }
}

/// The body of an HTTP/1 request; records when it has been read to its end.
struct TrackedRequest {
    inner: Incoming,
    activity: Arc<Activity>,
}

impl HttpBody for TrackedRequest {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if polled.is_ready() && self.inner.is_end_stream() || matches!(polled, Poll::Ready(None)) {
            self.activity.body_was_read();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of a response; keeps the exchange open until it has been handed over.
struct TrackedResponse {
    inner: Body,
    _exchange: Exchange,
}

impl HttpBody for TrackedResponse {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        streams::taken();
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            streams::handed(frame.data_ref().map_or(0, Bytes::len));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
