//! Limits on the size of requests and on the time for bodies and responses.
//!
//! Inside `error_pages`, around everything that reads bodies. Each route of the gateway has limits of its own.

use super::error_response::ErrorResponse;
use crate::{error::AppError, server::transport::min_rate::MinRate};
use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, Version, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use hyper::body::{Frame, SizeHint};
use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep};

/// The limits of one request.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// The longest body, in bytes; `413` beyond it, at once if `Content-Length` announces it.
    pub max_body_bytes: u64,
    /// The longest head, in bytes: `431`; `414` if the address alone is half of it.
    pub max_header_bytes: usize,
    /// How long the client may keep us waiting for its body, as defined by `MinRate`; `408` beyond it.
    pub body_timeout: Duration,
    /// How long the head of the response may take after the last of the request's body. A streamed response may go on
    /// for longer.
    pub response_timeout: Duration,
    /// The status of the response when that time has passed.
    pub overdue: StatusCode,
}

/// When the response is due: `response_timeout` after the last progress of the request's body. In the request's
/// extensions.
#[derive(Clone, Debug)]
pub struct Deadline {
    watch: Arc<BodyWatch>,
    response_timeout: Duration,
}

impl Deadline {
    /// Of a request whose body has already been received.
    #[must_use]
    pub fn within(response_timeout: Duration) -> Self {
        Self { watch: Arc::new(BodyWatch::new()), response_timeout }
    }

    /// The current deadline: each chunk of the body that arrives postpones it.
    #[must_use]
    pub fn instant(&self) -> Instant {
        self.watch.last_progress() + self.response_timeout
    }

    async fn passed(&self) {
        while Instant::now() < self.instant() {
            tokio::time::sleep_until(self.instant()).await;
        }
    }
}

/// Puts [`request_limits`] around a router.
pub fn limited(router: Router, limits: RequestLimits) -> Router {
    router.layer(middleware::from_fn(move |request: Request, next: Next| async move {
        request_limits(&limits, request, |request| next.run(request)).await
    }))
}

/// Applies the limits to a request.
pub async fn request_limits<F: Future<Output = Response>>(
    limits: &RequestLimits,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let can_close = request.version() < Version::HTTP_2;
    let refuse = |exceeded: LimitExceeded, replaced: Response| {
        let mut refusal = exceeded.error_response().replace(replaced);
        // The rest of the body need not be read. HTTP/2 resets the stream by itself and has no such header.
        if can_close {
            refusal.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        refusal
    };
    if let Some(exceeded) = limits.exceeded_by_head(request.uri(), request.headers()) {
        return refuse(exceeded, Response::default());
    }
    let watch = Arc::new(BodyWatch::new());
    let has_body = !request.body().is_end_stream();
    let mut request = if has_body { request.map(|body| limits.watch(body, &watch)) } else { request };
    let deadline = Deadline { watch: Arc::clone(&watch), response_timeout: limits.response_timeout };
    request.extensions_mut().insert(deadline.clone());
    let response = tokio::select! {
        biased;
        response = next(request) => response,
        () = deadline.passed() => {
            tracing::warn!(timeout = ?limits.response_timeout, "the response to a request took too long");
            ErrorResponse::from_status(limits.overdue).into_response()
        }
    };
    // However the handler responded to a truncated body, the client gets the reason.
    match watch.exceeded() {
        Some(exceeded) => refuse(exceeded, response),
        None => response,
    }
}

impl RequestLimits {
    fn exceeded_by_head(&self, uri: &Uri, headers: &HeaderMap) -> Option<LimitExceeded> {
        let uri_bytes = uri.path_and_query().map_or(0, |target| target.as_str().len());
        // Name, colon, space, value, line end.
        let header_bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if uri_bytes > self.max_header_bytes / 2 {
            Some(LimitExceeded::LongAddress)
        } else if uri_bytes + header_bytes > self.max_header_bytes {
            Some(LimitExceeded::LargeHead)
        } else if announced.is_some_and(|bytes| bytes > self.max_body_bytes) {
            Some(LimitExceeded::LargeBody)
        } else {
            None
        }
    }

    fn watch(&self, body: Body, watch: &Arc<BodyWatch>) -> Body {
        Body::new(WatchedBody {
            inner: body,
            bytes_left: self.max_body_bytes,
            min_rate: MinRate::new(self.body_timeout),
            timer: None,
            watch: Arc::clone(watch),
        })
    }
}

/// The limit that a request has exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LimitExceeded {
    LongAddress,
    LargeHead,
    LargeBody,
    SlowBody,
}

impl LimitExceeded {
    fn error_response(self) -> ErrorResponse {
        match self {
            Self::LongAddress => ErrorResponse::from_status(StatusCode::URI_TOO_LONG),
            Self::LargeHead => ErrorResponse::from_status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            Self::LargeBody => ErrorResponse::from(AppError::TooLarge),
            Self::SlowBody => ErrorResponse::from_status(StatusCode::REQUEST_TIMEOUT),
        }
    }
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LongAddress => "the address is too long",
            Self::LargeHead => "the head is too large",
            Self::LargeBody => "the body is too large",
            Self::SlowBody => "the body arrives too slowly",
        })
    }
}

impl std::error::Error for LimitExceeded {}

/// The state of a body while the handler reads it.
#[derive(Debug)]
struct BodyWatch(Mutex<(Instant, Option<LimitExceeded>)>);

impl BodyWatch {
    fn new() -> Self {
        Self(Mutex::new((Instant::now(), None)))
    }

    fn last_progress(&self) -> Instant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn exceeded(&self) -> Option<LimitExceeded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn progressed(&self, now: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = now;
    }

    fn broken(&self, exceeded: LimitExceeded) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(exceeded);
    }
}

/// A body that ends with an error when it grows too large or arrives too slowly.
struct WatchedBody {
    inner: Body,
    bytes_left: u64,
    min_rate: MinRate,
    timer: Option<Pin<Box<Sleep>>>,
    watch: Arc<BodyWatch>,
}

impl WatchedBody {
    fn broken(&mut self, exceeded: LimitExceeded) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.watch.broken(exceeded);
        self.inner = Body::empty();
        Poll::Ready(Some(Err(axum::Error::new(exceeded))))
    }

    fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.min_rate.wait(Instant::now());
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    }
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                let now = Instant::now();
                this.min_rate.moved(|| now, bytes);
                this.watch.progressed(now);
                match this.bytes_left.checked_sub(u64::try_from(bytes).unwrap_or(u64::MAX)) {
                    Some(bytes_left) => this.bytes_left = bytes_left,
                    None => return this.broken(LimitExceeded::LargeBody),
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Pending if this.poll_timeout(cx).is_ready() => this.broken(LimitExceeded::SlowBody),
            other => other,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests;
