//! The threads that serve connections, one per core, each with a runtime of its own.
//!
//! A connection stays on the worker that it was assigned to, and so do its requests and the connections to upstreams.
//! If any thread might continue any part of a request, as on a multi-thread runtime, they would mostly wake each other:
//! forwarding a short request took one and a half times as long. Only the database connections are shared, and driven
//! by the main thread.

use std::{
    io,
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};
use tokio::{
    runtime::{Builder, Handle},
    sync::watch,
};

/// How many blocking threads all workers may have together, as many as a tokio runtime has by default.
const MAX_BLOCKING_THREADS: usize = 512;
/// How many each of them may have at least, however many workers there are.
const MIN_BLOCKING_THREADS: usize = 16;

/// Ends its threads when it is dropped; tasks that still run there are dropped.
#[derive(Debug)]
pub struct Workers {
    handles: Vec<Handle>,
    last: AtomicUsize,
    _running: Option<watch::Sender<()>>,
}

impl Workers {
    /// The number of workers: one per core that this process may use.
    #[must_use]
    pub fn count() -> usize {
        thread::available_parallelism().map_or(1, NonZero::get)
    }

    /// Starts the workers.
    ///
    /// # Errors
    ///
    /// If the operating system cannot create a thread or a runtime's resources.
    pub fn start() -> io::Result<Self> {
        let count = Self::count();
        let blocking = (MAX_BLOCKING_THREADS / count).max(MIN_BLOCKING_THREADS);
        let (running, still_running) = watch::channel(());
        let mut handles = Vec::with_capacity(count);
        for number in 1..=count {
            let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(blocking).build()?;
            handles.push(runtime.handle().clone());
            let mut still_running = still_running.clone();
            let work = move || runtime.block_on(async { while still_running.changed().await.is_ok() {} });
            thread::Builder::new().name(format!("worker-{number}")).spawn(work)?;
        }
        Ok(Self { handles, last: AtomicUsize::new(0), _running: Some(running) })
    }

    /// A single worker: the current runtime. For tests.
    ///
    /// # Panics
    ///
    /// If called outside of a runtime.
    #[must_use]
    pub fn here() -> Self {
        Self { handles: vec![Handle::current()], last: AtomicUsize::new(0), _running: None }
    }

    /// The next worker, round-robin.
    pub(super) fn next(&self) -> &Handle {
        &self.handles[self.last.fetch_add(1, Relaxed) % self.handles.len()]
    }
}
