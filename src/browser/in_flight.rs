//! The pending calls. A form that was sent may still be refused, and must then still be on the page.

use super::dom;
use futures::{channel::oneshot, future};
use std::{
    cell::{Cell, RefCell},
    pin::pin,
    time::Duration,
};

/// A page whose session is over waits no longer than this for pending responses.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

thread_local! {
    static UNDER_WAY: Cell<u32> = const { Cell::new(0) };
    static WAITING: RefCell<Vec<oneshot::Sender<()>>> = const { RefCell::new(Vec::new()) };
}

/// A pending call, until it is dropped.
pub(super) struct Call(());

impl Call {
    pub(super) fn begin() -> Self {
        UNDER_WAY.set(UNDER_WAY.get() + 1);
        Self(())
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        UNDER_WAY.set(UNDER_WAY.get() - 1);
        if UNDER_WAY.get() == 0 {
            // Dropping the senders wakes the waiting tasks.
            WAITING.take();
        }
    }
}

/// Waits until no call is pending and the page shows the outcome of the last one.
pub(super) async fn all_ended() {
    if UNDER_WAY.get() > 0 {
        let (at_the_end, ended) = oneshot::channel();
        WAITING.with_borrow_mut(|waiting| waiting.push(at_the_end));
        future::select(ended, pin!(dom::sleep(LONGEST_WAIT))).await;
    }
    dom::sleep(Duration::ZERO).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_last_call_wakes_the_waiting() {
        let (first, second) = (Call::begin(), Call::begin());
        let (at_the_end, mut ended) = oneshot::channel::<()>();
        WAITING.with_borrow_mut(|waiting| waiting.push(at_the_end));
        drop(second);
        assert_eq!(ended.try_recv(), Ok(None));
        drop(first);
        assert!(ended.try_recv().is_err());
    }
}
