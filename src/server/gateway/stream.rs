//! The request and response bodies of an exchange, forwarded frame by frame with backpressure.

use super::{GatewayError, session_watch::SessionWatch, slots::Slot};
use crate::server::transport::Closing;
use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    http::{HeaderMap, Response, header},
};
use hyper::body::{Frame, Incoming, SizeHint};
use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep};

/// The longest request body that is read before the upstream is called, in bytes.
const SHORT: usize = 64 * 1024;

/// Reads a request body completely if it is known to be short, so that a slow client holds no slot meanwhile. A longer
/// one, or one of unknown length, is streamed.
pub(super) async fn read_if_short(body: Body) -> Result<Body, GatewayError> {
    match body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()) {
        Some(1..=SHORT) => to_bytes(body, SHORT).await.map(Body::from).map_err(|_| GatewayError::RequestBrokeOff),
        _ => Ok(body),
    }
}

/// The state of a request body sent to the upstream. Its trailers are dropped: an upstream might treat them as headers
/// that were checked.
pub(super) struct Sent {
    is_incomplete: Arc<AtomicBool>,
}

struct SentBody {
    inner: Body,
    is_incomplete: Arc<AtomicBool>,
}

impl Sent {
    /// The body to send, and its state.
    pub(super) fn track(body: Body) -> (Body, Self) {
        let sent = Self { is_incomplete: Arc::default() };
        if body.is_end_stream() {
            return (Body::empty(), sent);
        }
        (Body::new(SentBody { inner: body, is_incomplete: Arc::clone(&sent.is_incomplete) }), sent)
    }

    /// Whether the client stopped sending before the end, or a limit stopped it.
    pub(super) fn is_incomplete(&self) -> bool {
        self.is_incomplete.load(Relaxed)
    }
}

impl HttpBody for SentBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = without_trailers(Pin::new(&mut self.inner).poll_frame(cx));
        if matches!(polled, Poll::Ready(Some(Err(_)))) {
            self.is_incomplete.store(true, Relaxed);
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

/// Whether a response is an event stream (HTML §9.2), which has no end of its own.
///
/// A client reconnects to one by itself and sends the id of its last event, so it may be closed at shutdown. Other
/// streaming responses may end by themselves, so shutdown waits for them.
fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

/// The body of a response, sent to the client. It ends early if the upstream is idle for too long or the session ends,
/// and an event stream when the server stops.
pub(super) struct Streamed {
    inner: Incoming,
    idle_timeout: Duration,
    /// The deadline of the current idle time; set once the body has been idle.
    idle: Option<Pin<Box<Sleep>>>,
    is_idle: bool,
    /// Whether it has not ended with the first poll, as most responses do.
    is_long: bool,
    session: Option<SessionWatch>,
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// The span of the request, which has been logged as completed by now.
    span: tracing::Span,
    _slot: Slot,
}

impl Streamed {
    pub(super) fn body(
        response: Response<Incoming>,
        session: Option<SessionWatch>,
        closing: Option<Closing>,
        slot: Slot,
        idle_timeout: Duration,
    ) -> Body {
        if response.body().is_end_stream() {
            return Body::empty();
        }
        let closing = closing.filter(|_| is_event_stream(response.headers()));
        let closing = closing.map(|closing| Box::pin(closing.begun()) as Pin<Box<dyn Future<Output = ()> + Send>>);
        let inner = response.into_body();
        Body::new(Self {
            inner,
            idle_timeout,
            idle: None,
            is_idle: false,
            is_long: false,
            session,
            closing,
            span: tracing::Span::current(),
            _slot: slot,
        })
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let idle = self.idle.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.idle_timeout)));
        if !std::mem::replace(&mut self.is_idle, true) {
            idle.as_mut().reset(Instant::now() + self.idle_timeout);
        }
        idle.as_mut().poll(cx)
    }

    /// Ends a response in a way that the client cannot mistake for its regular end.
    fn ended(&self, kind: io::ErrorKind, why: &'static str) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.span.in_scope(|| tracing::info!(why, "a response of an upstream was aborted"));
        Poll::Ready(Some(Err(io::Error::new(kind, why))))
    }
}

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if this.closing.as_mut().is_some_and(|closing| closing.as_mut().poll(cx).is_ready()) {
            this.span.in_scope(|| tracing::debug!("an event stream ends because the server stops"));
            return Poll::Ready(None);
        }
        let polled = without_trailers(Pin::new(&mut this.inner).poll_frame(cx));
        let may_go_on = this.is_long || polled.is_pending();
        this.is_long = true;
        if may_go_on && this.session.as_mut().is_some_and(|session| Pin::new(session).poll(cx).is_ready()) {
            return this.ended(io::ErrorKind::ConnectionAborted, "the session has ended");
        }
        match polled {
            Poll::Pending if this.poll_idle(cx).is_ready() => {
                this.ended(io::ErrorKind::TimedOut, "the upstream has been idle for too long")
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Err(error))) => {
                this.span.in_scope(|| tracing::warn!(%error, "an upstream aborted its response"));
                Poll::Ready(Some(Err(io::Error::other(error))))
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.is_idle = false;
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn without_trailers<E>(polled: Poll<Option<Result<Frame<Bytes>, E>>>) -> Poll<Option<Result<Frame<Bytes>, E>>> {
    match polled {
        Poll::Ready(Some(Ok(frame))) if frame.is_trailers() => Poll::Ready(None),
        other => other,
    }
}
