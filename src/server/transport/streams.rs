//! The streams of HTTP/2: each request and its answer is a task of its own, which ends if the client does not take the
//! answer.
//!
//! How much of an answer may be sent is for the client to say, stream by stream, and hyper waits for its word without
//! an end. With HTTP/1 the socket shows who does not read; here only the demand for the next piece shows that the last
//! one went out. Dropping such a task resets its stream (RFC 9113 §5.4.2), and the others of the connection, which may
//! be other people's behind a proxy, go on.

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
    /// How the client takes the answer that this task sends.
    static SENDING: RefCell<Sending>;
}

struct Sending {
    min_rate: MinRate,
    /// The length of the piece that is waiting to go out.
    handed: Option<usize>,
}

/// A piece of the answer has been handed over for sending.
pub(super) fn handed(bytes: usize) {
    // With HTTP/1 there is no such task.
    let _ = SENDING.try_with(|sending| sending.borrow_mut().handed = Some(bytes));
}

/// The next piece is wanted: the last one has gone out.
pub(super) fn taken() {
    let _ = SENDING.try_with(|sending| {
        let Sending { min_rate, handed } = &mut *sending.borrow_mut();
        if let Some(bytes) = handed.take() {
            min_rate.moved(Instant::now, bytes);
        }
    });
}

/// Runs streams, each for as long as its client keeps the pace.
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
        tracing::debug!("a client does not read its answer, its stream is reset");
        Poll::Ready(())
    })
    .await;
}
