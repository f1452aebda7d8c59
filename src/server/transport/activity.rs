//! The state of a connection that its time limits depend on.
//!
//! Written by the socket, the requests and the responses, read by the watchdog. With HTTP/1 all of them are in one
//! task; with HTTP/2 each request has a task of its own.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

#[derive(Debug, Default)]
pub(super) struct Activity {
    bytes_read: AtomicU64,
    requests: AtomicU64,
    in_flight: AtomicUsize,
    is_http2: AtomicBool,
    has_unread_body: AtomicBool,
    is_upgraded: AtomicBool,
}

impl Activity {
    pub(super) fn read(&self, bytes: usize) {
        self.bytes_read.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Relaxed)
    }

    /// A request begins.
    pub(super) fn begin(&self, is_http2: bool, has_body: bool) {
        self.is_http2.store(is_http2, Relaxed);
        self.has_unread_body.store(has_body && !is_http2, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
    }

    /// The response to a request has been handed over completely, or dropped.
    pub(super) fn end(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// How many requests have begun so far.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(Relaxed) > 0
    }

    pub(super) fn is_http2(&self) -> bool {
        self.is_http2.load(Relaxed)
    }

    /// From now on the connection no longer carries HTTP.
    pub(super) fn upgrade(&self) {
        self.is_upgraded.store(true, Relaxed);
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.is_upgraded.load(Relaxed)
    }

    pub(super) fn body_was_read(&self) {
        self.has_unread_body.store(false, Relaxed);
    }

    /// Whether the client may still be sending a body that will not be read.
    pub(super) fn has_unread_body(&self) -> bool {
        self.has_unread_body.load(Relaxed)
    }
}
