//! Work of a request that belongs to another runtime than the one of its thread.

use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::runtime::Handle;

/// Polls a future, and drops it, as if on another runtime: the connections it opens, the timers it sets and the tasks it
/// leaves behind belong there.
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

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _at_home = self.runtime.enter();
        self.work.as_mut().map_or(Poll::Pending, |work| work.as_mut().poll(context))
    }
}

impl<F> Drop for OnRuntime<'_, F> {
    fn drop(&mut self) {
        // A statement that is given up leaves behind a task that makes its connection usable again.
        let _at_home = self.runtime.enter();
        self.work = None;
    }
}
