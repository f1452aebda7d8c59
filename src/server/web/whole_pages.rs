//! Pages are rendered to their end, even when the client has disconnected.
//!
//! Leptos follows a page's resources from tasks of its own. Dropping a page that is half rendered disposes of what such
//! a task is still working with, and it panics (`reactive_graph` 0.2.16: "already been
//! disposed", "expected context"). No user is harmed, but the log fills with panics whenever a client disconnects early.

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use std::{
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::runtime::Handle;
use tracing::Instrument as _;

/// How long a page without a reader may still take. The store's own time limits are shorter.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs `render` as a task of its own, and reads what is left of the page once the client no longer does.
pub async fn render_whole(render: impl Future<Output = Response> + Send + 'static) -> Response {
    let task = async { render.await.map(|body| Body::new(WholeBody { rest: Some(body) })) };
    match tokio::spawn(task.in_current_span()).await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(page) => page,
        Err(Ok(panic)) => resume_unwind(panic),
        // The runtime is being shut down, and this task with it.
        Err(Err(_cancelled)) => std::future::pending().await,
    }
}

/// A body that is read to its end.
struct WholeBody {
    rest: Option<Body>,
}

impl HttpBody for WholeBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        let polled = Pin::new(rest).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.rest = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for WholeBody {
    fn drop(&mut self) {
        if let (Some(mut rest), Ok(runtime)) = (self.rest.take(), Handle::try_current()) {
            let read_on = async move { while rest.frame().await.is_some_and(|frame| frame.is_ok()) {} };
            runtime.spawn(async move { tokio::time::timeout(PATIENCE, read_on).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt as _, stream};
    use tokio::{sync::oneshot, task::yield_now};

    /// A page of three pieces, and word of whether it was rendered to its end.
    fn page() -> (impl Future<Output = Response> + Send + 'static, oneshot::Receiver<()>) {
        let (ended, word) = oneshot::channel();
        let pieces = stream::iter(["a", "b", "c"]).then(async |piece| {
            yield_now().await;
            Ok::<_, axum::Error>(piece)
        });
        let end = stream::once(async move {
            ended.send(()).expect("the test waits for it");
            Ok("")
        });
        let render = async {
            yield_now().await;
            Response::new(Body::from_stream(pieces.chain(end)))
        };
        (render, word)
    }

    #[tokio::test]
    async fn a_page_comes_as_it_is() {
        let (render, _word) = page();
        let body = render_whole(render).await.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "abc");
    }

    #[tokio::test]
    async fn a_page_is_rendered_to_its_end_without_a_reader() {
        let (render, word) = page();
        let mut body = render_whole(render).await.into_body();
        body.frame().await.unwrap().unwrap();
        drop(body);
        word.await.unwrap();
    }

    #[tokio::test]
    async fn a_page_is_rendered_to_its_end_when_nobody_waits_for_its_head() {
        let (render, word) = page();
        let mut asking = Box::pin(render_whole(render));
        assert!(futures::poll!(&mut asking).is_pending());
        drop(asking);
        word.await.unwrap();
    }

    #[tokio::test]
    #[should_panic(expected = "as it was")]
    async fn a_panic_is_passed_on() {
        render_whole(async { panic!("as it was") }).await;
    }
}
