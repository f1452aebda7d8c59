//! One piece of work, awaited by all callers that need its outcome.
//!
//! By hand: `futures::future::Shared` would make the core of the WASM 1.8 KB larger (Brotli, futures 0.3).

use std::{
    cell::RefCell,
    fmt,
    future::Future,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
};

/// Lets callers wait for the work in progress instead of starting their own.
#[derive(Debug)]
pub struct SingleFlight<T> {
    in_progress: RefCell<Weak<Shared<T>>>,
}

/// The outcome of the work, to be awaited.
#[derive(Debug)]
pub struct Follower<T>(Rc<Shared<T>>);

/// The duty to do the work and to report it. If it is dropped before, its followers get `T::default()`.
#[derive(Debug)]
pub struct Leader<T: Clone + Default>(Rc<Shared<T>>);

struct Shared<T> {
    outcome: RefCell<Option<T>>,
    waiting: RefCell<Vec<Waker>>,
}

impl<T: Clone + Default> SingleFlight<T> {
    /// No work in progress.
    #[must_use]
    pub const fn new() -> Self {
        Self { in_progress: RefCell::new(Weak::new()) }
    }

    /// Joins the work in progress, or starts it: then the caller is its leader.
    pub fn join(&self) -> (Follower<T>, Option<Leader<T>>) {
        let mut in_progress = self.in_progress.borrow_mut();
        if let Some(shared) = in_progress.upgrade().filter(|shared| shared.outcome.borrow().is_none()) {
            return (Follower(shared), None);
        }
        let shared = Rc::new(Shared { outcome: RefCell::new(None), waiting: RefCell::default() });
        *in_progress = Rc::downgrade(&shared);
        (Follower(Rc::clone(&shared)), Some(Leader(shared)))
    }
}

impl<T: Clone + Default> Default for SingleFlight<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone + Default> Leader<T> {
    /// Reports the outcome. Later callers start anew.
    pub fn finish(self, outcome: T) {
        self.0.finish(outcome);
    }
}

impl<T: Clone + Default> Drop for Leader<T> {
    fn drop(&mut self) {
        self.0.finish(T::default());
    }
}

impl<T> Shared<T> {
    fn finish(&self, outcome: T) {
        self.outcome.borrow_mut().get_or_insert(outcome);
        for waker in self.waiting.take() {
            waker.wake();
        }
    }
}

impl<T: Clone> Future for Follower<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if let Some(outcome) = self.0.outcome.borrow().as_ref() {
            return Poll::Ready(outcome.clone());
        }
        self.0.waiting.borrow_mut().push(context.waker().clone());
        Poll::Pending
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("finished", &self.outcome.borrow().is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::Wake,
    };

    #[derive(Default)]
    struct CountingWaker(AtomicUsize);

    impl Wake for CountingWaker {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll<T: Clone>(follower: &mut Follower<T>, waker: &Waker) -> Poll<T> {
        pin!(follower).poll(&mut Context::from_waker(waker))
    }

    #[test]
    fn ten_callers_share_one_piece_of_work() {
        let work = SingleFlight::<u8>::new();
        let (first, leader) = work.join();
        let mut followers = vec![first];
        for _ in 1..10 {
            let (follower, second_leader) = work.join();
            assert!(second_leader.is_none());
            followers.push(follower);
        }
        let woken = Arc::new(CountingWaker::default());
        let waker = Waker::from(Arc::clone(&woken));
        assert!(followers.iter_mut().all(|follower| poll(follower, &waker).is_pending()));

        leader.expect("the first caller leads").finish(7);

        assert_eq!(woken.0.load(Ordering::Relaxed), 10);
        assert!(followers.iter_mut().all(|follower| poll(follower, &waker) == Poll::Ready(7)));
    }

    #[test]
    fn after_the_end_the_next_caller_leads() {
        let work = SingleFlight::<u8>::new();
        let (_first, leader) = work.join();
        leader.expect("a leader").finish(1);
        assert!(work.join().1.is_some());
    }

    #[test]
    fn a_dropped_leader_leaves_no_follower_waiting() {
        let work = SingleFlight::<u8>::new();
        let (mut follower, leader) = work.join();
        drop(leader);
        assert_eq!(poll(&mut follower, Waker::noop()), Poll::Ready(0));
        assert!(work.join().1.is_some());
    }
}
