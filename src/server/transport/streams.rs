//! The streams of HTTP/2: each request and its response is a task of its own, which ends if the client does not read
//! the response.
//!
//! The client controls how much of a response may be sent, stream by stream (RFC 9113 §5.2), and hyper waits for window
//! updates without a limit. With HTTP/1 the socket shows that a client does not read; here only the demand for the next
//! chunk shows that the last one was sent. Dropping such a task resets its stream (RFC 9113 §5.4.2), and the others of
//! the connection, which may be other users' behind a proxy, continue.

use crate::server::transport::min_rate::MinRate;
use hyper::rt::Executor;
use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep};

tokio::task_local! {
    /// How fast the client reads the response that this task sends.
    static SENDING: RefCell<Sending>;
}

struct Sending {
    min_rate: MinRate,
    /// The length of the chunk that is waiting to be sent.
    handed: Option<usize>,
}

/// A chunk of the response has been handed over for sending.
pub(super) fn handed(bytes: usize) {
    // With HTTP/1 there is no such task, and nothing to record.
    let _ = SENDING.try_with(|sending| sending.borrow_mut().handed = Some(bytes));
}

/// The next chunk is requested: the last one has been sent.
pub(super) fn taken() {
    let _ = SENDING.try_with(|sending| {
        let Sending { min_rate, handed } = &mut *sending.borrow_mut();
        if let Some(bytes) = handed.take() {
            min_rate.moved(Instant::now, bytes);
        }
    });
}

/// Runs streams, each as long as its client keeps the minimum rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams {
    pub(super) write_timeout: Duration,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let sending = Sending { min_rate: MinRate::new(self.write_timeout), handed: None };
        tokio::spawn(SENDING.scope(RefCell::new(sending), while_taken(stream)));
    }
}

async fn while_taken(stream: impl Future<Output = ()>) {
    let mut stream = pin!(stream);
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let Some(deadline) = SENDING.with(|sending| {
            let Sending { min_rate, handed } = &mut *sending.borrow_mut();
            handed.map(|_| min_rate.wait(Instant::now()))
        }) else {
            return Poll::Pending;
        };
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        ready!(timer.as_mut().poll(cx));
        tracing::debug!("a client does not read its response, its stream is reset");
        Poll::Ready(())
    })
    .await;
}
