//! The two bodies of an exchange, passed on piece by piece as fast as the slower side takes them.

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

/// The longest body that is waited for before the service is asked, in bytes.
const SHORT: usize = 64 * 1024;

/// Reads the body of a request to its end if it is known to be short, so that a slow client holds no slot meanwhile. A
/// longer one, or one of unknown length, is passed on as it comes.
pub(super) async fn read_if_short(body: Body) -> Result<Body, GatewayError> {
    match body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()) {
        Some(1..=SHORT) => to_bytes(body, SHORT).await.map(Body::from).map_err(|_| GatewayError::RequestBrokeOff),
        _ => Ok(body),
    }
}

/// The body of a request, on its way to the service. Its trailers stay behind: a service might take them for headers
/// that have been looked at.
pub(super) struct Sent {
    broke_off: Arc<AtomicBool>,
}

struct SentBody {
    inner: Body,
    broke_off: Arc<AtomicBool>,
}

impl Sent {
    /// The body to send, and a view of what became of it.
    pub(super) fn track(body: Body) -> (Body, Self) {
        let sent = Self { broke_off: Arc::default() };
        if body.is_end_stream() {
            return (Body::empty(), sent);
        }
        (Body::new(SentBody { inner: body, broke_off: Arc::clone(&sent.broke_off) }), sent)
    }

    /// Whether the client stopped sending in the middle, or was stopped by a limit.
    pub(super) fn broke_off(&self) -> bool {
        self.broke_off.load(Relaxed)
    }
}

impl HttpBody for SentBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = without_trailers(Pin::new(&mut self.inner).poll_frame(cx));
        if matches!(polled, Poll::Ready(Some(Err(_)))) {
            self.broke_off.store(true, Relaxed);
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

/// Whether an answer is a stream of events (HTML §9.2), which goes on until somebody ends it.
///
/// Who listens to one comes again by themselves, and tells which event was the last. Of other answers that stream nobody
/// knows how they go on; they may end, so they are waited for.
fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

/// The body of an answer, on its way to the client. It ends early if the service falls silent, or the session ends, and
/// a stream of events when the server stops.
pub(super) struct Streamed {
    inner: Incoming,
    idle_timeout: Duration,
    /// When the silence will have lasted for too long; set while there is one.
    silence: Option<Pin<Box<Sleep>>>,
    is_silent: bool,
    /// Whether it has not ended with the first look at it, as most answers do.
    is_long: bool,
    session: Option<SessionWatch>,
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// The request's, which is over by now as far as the log goes.
    span: tracing::Span,
    _slot: Slot,
}

impl Streamed {
    pub(super) fn body(
        answer: Response<Incoming>,
        session: Option<SessionWatch>,
        closing: Option<Closing>,
        slot: Slot,
        idle_timeout: Duration,
    ) -> Body {
        if answer.body().is_end_stream() {
            return Body::empty();
        }
        let closing = closing.filter(|_| is_event_stream(answer.headers()));
        let closing = closing.map(|closing| Box::pin(closing.begun()) as Pin<Box<dyn Future<Output = ()> + Send>>);
        let inner = answer.into_body();
        Body::new(Self {
            inner,
            idle_timeout,
            silence: None,
            is_silent: false,
            is_long: false,
            session,
            closing,
            span: tracing::Span::current(),
            _slot: slot,
        })
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let silence = self.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.idle_timeout)));
        if !std::mem::replace(&mut self.is_silent, true) {
            silence.as_mut().reset(Instant::now() + self.idle_timeout);
        }
        silence.as_mut().poll(cx)
    }

    /// Ends an answer in a way that the client cannot take for its regular end.
    fn ended(&self, kind: io::ErrorKind, why: &'static str) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.span.in_scope(|| tracing::info!(why, "an answer of a service behind was broken off"));
        Poll::Ready(Some(Err(io::Error::new(kind, why))))
    }
}

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if this.closing.as_mut().is_some_and(|closing| closing.as_mut().poll(cx).is_ready()) {
            this.span.in_scope(|| tracing::debug!("a stream of events ends with the server"));
            return Poll::Ready(None);
        }
        let polled = without_trailers(Pin::new(&mut this.inner).poll_frame(cx));
        let may_go_on = this.is_long || polled.is_pending();
        this.is_long = true;
        if may_go_on && this.session.as_mut().is_some_and(|session| Pin::new(session).poll(cx).is_ready()) {
            return this.ended(io::ErrorKind::ConnectionAborted, "the session has ended");
        }
        match polled {
            Poll::Pending if this.poll_silence(cx).is_ready() => {
                this.ended(io::ErrorKind::TimedOut, "the service has been silent for too long")
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Err(error))) => {
                this.span.in_scope(|| tracing::warn!(%error, "a service behind broke off its answer"));
                Poll::Ready(Some(Err(io::Error::other(error))))
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.is_silent = false;
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
