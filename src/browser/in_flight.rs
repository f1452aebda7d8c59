//! The calls under way. What somebody has sent may still be refused, and must then find its form on the page.

use super::dom;
use futures::{channel::oneshot, future};
use std::{
    cell::{Cell, RefCell},
    pin::pin,
    time::Duration,
};

/// A page that is nobody's any more does not wait longer than this for an answer.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

thread_local! {
    static UNDER_WAY: Cell<u32> = const { Cell::new(0) };
    static WAITING: RefCell<Vec<oneshot::Sender<()>>> = const { RefCell::new(Vec::new()) };
}

/// A call under way, until it is dropped.
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
            // Those who wait hear that nobody can tell them anything any more.
            WAITING.take();
        }
    }
}

/// Waits until no call is under way and the page shows what has come of the last one.
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
    fn the_last_one_to_end_is_heard() {
        let (first, second) = (Call::begin(), Call::begin());
        let (at_the_end, mut ended) = oneshot::channel::<()>();
        WAITING.with_borrow_mut(|waiting| waiting.push(at_the_end));
        drop(second);
        assert_eq!(ended.try_recv(), Ok(None));
        drop(first);
        assert!(ended.try_recv().is_err());
    }
}
