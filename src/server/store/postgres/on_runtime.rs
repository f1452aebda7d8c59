//! Work of a request that runs in the context of another runtime than that of its thread.

use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::runtime::Handle;

/// Polls a future, and drops it, as if on another runtime: the connections it opens, the timers it sets and the tasks
/// it spawns belong there.
pub(super) struct OnRuntime<'a, F> {
    work: Option<Pin<Box<F>>>,
    runtime: &'a Handle,
}

impl<'a, F> OnRuntime<'a, F> {
    pub(super) fn new(work: F, runtime: &'a Handle) -> Self {
        Self { work: Some(Box::pin(work)), runtime }
    }
}

impl<F: Future> Future for OnRuntime<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _context = self.runtime.enter();
        self.work.as_mut().map_or(Poll::Pending, |work| work.as_mut().poll(cx))
    }
}

impl<F> Drop for OnRuntime<'_, F> {
    fn drop(&mut self) {
        // A cancelled statement spawns a task that makes its connection usable again.
        let _context = self.runtime.enter();
        self.work = None;
    }
}
