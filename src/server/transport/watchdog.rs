//! Ends a connection whose client exceeds a time limit.

use super::{ServeSettings, activity::Activity};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep};

/// Polled after the connection itself, in the same task, so that it observes every change there.
pub(super) struct Watchdog {
    activity: Arc<Activity>,
    header_timeout: Duration,
    idle_timeout: Duration,
    waiting_for: WaitingFor,
    since: Instant,
    /// How many requests and bytes there were when the current idle time began.
    requests: u64,
    bytes: u64,
    timer: Pin<Box<Sleep>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitingFor {
    FirstHead,
    NextRequest,
    RestOfHead,
    /// Requests are in flight. They have limits of their own, and so have clients that do not read the responses.
    Us,
    /// A graceful shutdown of the connection has begun.
    TheEnd,
}

/// What to do with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    /// It may be closed gracefully: nothing is in flight.
    Close,
    /// It is to be dropped: the client has exceeded a limit.
    Drop,
}

impl Watchdog {
    pub(super) fn new(activity: Arc<Activity>, settings: &ServeSettings) -> Self {
        let now = Instant::now();
        Self {
            activity,
            header_timeout: settings.header_timeout,
            idle_timeout: settings.idle_timeout,
            waiting_for: WaitingFor::FirstHead,
            since: now,
            requests: 0,
            bytes: 0,
            timer: Box::pin(tokio::time::sleep_until(now + settings.header_timeout)),
        }
    }

    /// A graceful shutdown has begun. With nothing in flight, it may take as long as a head.
    pub(super) fn closing(&mut self) {
        self.enter(WaitingFor::TheEnd);
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Expired> {
        self.observe();
        loop {
            let deadline = self.deadline();
            if self.timer.deadline() != deadline {
                self.timer.as_mut().reset(deadline);
            }
            std::task::ready!(self.timer.as_mut().poll(cx));
            match self.waiting_for {
                // Nothing has expired. With HTTP/2 a response can end unobserved, in its own task: check again later.
                WaitingFor::Us => self.since = Instant::now(),
                WaitingFor::NextRequest => return Poll::Ready(Expired::Close),
                WaitingFor::FirstHead | WaitingFor::RestOfHead | WaitingFor::TheEnd => {
                    return Poll::Ready(Expired::Drop);
                }
            }
        }
    }

    fn observe(&mut self) {
        let (requests, bytes) = (self.activity.requests(), self.activity.bytes_read());
        let is_newly_idle = requests != self.requests || self.waiting_for == WaitingFor::Us;
        if is_newly_idle {
            // A client that sends the next head before it has the response gets the longer of the two limits for it.
            (self.requests, self.bytes) = (requests, bytes);
        }
        let waiting_for = if self.activity.is_busy() {
            WaitingFor::Us
        } else if self.waiting_for == WaitingFor::TheEnd {
            WaitingFor::TheEnd
        } else if requests == 0 {
            WaitingFor::FirstHead
        } else if self.activity.is_http2() || bytes == self.bytes {
            // HTTP/2 frames other than requests (PING, SETTINGS) do not end the idle time.
            WaitingFor::NextRequest
        } else {
            WaitingFor::RestOfHead
        };
        if waiting_for != self.waiting_for || (is_newly_idle && waiting_for != WaitingFor::Us) {
            self.enter(waiting_for);
        }
    }

    fn enter(&mut self, waiting_for: WaitingFor) {
        self.waiting_for = waiting_for;
        self.since = Instant::now();
    }

    fn deadline(&self) -> Instant {
        match self.waiting_for {
            WaitingFor::FirstHead | WaitingFor::RestOfHead | WaitingFor::TheEnd => self.since + self.header_timeout,
            WaitingFor::NextRequest | WaitingFor::Us => self.since + self.idle_timeout,
        }
    }
}
