//! One piece of work, awaited by all callers that need its outcome.

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
    under_way: RefCell<Weak<Shared<T>>>,
}

/// The outcome of a flight, to be awaited.
#[derive(Debug)]
pub struct Passenger<T>(Rc<Shared<T>>);

/// The duty to do the work and to report it. If it is dropped before, its passengers get `T::default()`.
#[derive(Debug)]
pub struct Pilot<T: Clone + Default>(Rc<Shared<T>>);

struct Shared<T> {
    outcome: RefCell<Option<T>>,
    waiting: RefCell<Vec<Waker>>,
}

impl<T: Clone + Default> SingleFlight<T> {
    /// No work in progress.
    #[must_use]
    pub const fn new() -> Self {
        Self { under_way: RefCell::new(Weak::new()) }
    }

    /// Joins the flight under way, or starts one: then the caller is its pilot.
    pub fn join(&self) -> (Passenger<T>, Option<Pilot<T>>) {
        let mut under_way = self.under_way.borrow_mut();
        if let Some(shared) = under_way.upgrade().filter(|shared| shared.outcome.borrow().is_none()) {
            return (Passenger(shared), None);
        }
        let shared = Rc::new(Shared { outcome: RefCell::new(None), waiting: RefCell::default() });
        *under_way = Rc::downgrade(&shared);
        (Passenger(Rc::clone(&shared)), Some(Pilot(shared)))
    }
}

impl<T: Clone + Default> Default for SingleFlight<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone + Default> Pilot<T> {
    /// Reports the outcome. Who comes later starts a new flight.
    pub fn land(self, outcome: T) {
        self.0.land(outcome);
    }
}

impl<T: Clone + Default> Drop for Pilot<T> {
    fn drop(&mut self) {
        self.0.land(T::default());
    }
}

impl<T> Shared<T> {
    fn land(&self, outcome: T) {
        self.outcome.borrow_mut().get_or_insert(outcome);
        for waker in self.waiting.take() {
            waker.wake();
        }
    }
}

impl<T: Clone> Future for Passenger<T> {
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
        f.debug_struct("Shared").field("landed", &self.outcome.borrow().is_some()).finish_non_exhaustive()
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

    fn poll<T: Clone>(passenger: &mut Passenger<T>, waker: &Waker) -> Poll<T> {
        pin!(passenger).poll(&mut Context::from_waker(waker))
    }

    #[test]
    fn ten_callers_share_one_flight() {
        let flight = SingleFlight::<u8>::new();
        let (first, pilot) = flight.join();
        let mut passengers = vec![first];
        for _ in 1..10 {
            let (passenger, second_pilot) = flight.join();
            assert!(second_pilot.is_none());
            passengers.push(passenger);
        }
        let woken = Arc::new(CountingWaker::default());
        let waker = Waker::from(Arc::clone(&woken));
        assert!(passengers.iter_mut().all(|passenger| poll(passenger, &waker).is_pending()));

        pilot.expect("the first caller flies").land(7);

        assert_eq!(woken.0.load(Ordering::Relaxed), 10);
        assert!(passengers.iter_mut().all(|passenger| poll(passenger, &waker) == Poll::Ready(7)));
    }

    #[test]
    fn after_landing_the_next_caller_flies() {
        let flight = SingleFlight::<u8>::new();
        let (_first, pilot) = flight.join();
        pilot.expect("a pilot").land(1);
        assert!(flight.join().1.is_some());
    }

    #[test]
    fn a_lost_pilot_strands_nobody() {
        let flight = SingleFlight::<u8>::new();
        let (mut passenger, pilot) = flight.join();
        drop(pilot);
        assert_eq!(poll(&mut passenger, Waker::noop()), Poll::Ready(0));
        assert!(flight.join().1.is_some());
    }
}
