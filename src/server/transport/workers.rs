//! The threads that serve, one for each core, each with a runtime of its own.
//!
//! A connection stays with the worker that it was given to, and so do its requests and the connections to the services
//! behind. If any thread might go on with any piece of a request, as on a runtime of many threads, they would mostly be
//! waking each other: passing on a short request took one and a half times as long. Only the connections to the database
//! are shared, and looked after by the main thread.

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

/// How many blocking threads all workers may have together, as many as a runtime of tokio by default.
const MAX_BLOCKING_THREADS: usize = 512;
/// And each of them, however many they are.
const MIN_BLOCKING_THREADS: usize = 16;

/// Tells its threads to end when it is dropped; what still runs there is given up.
#[derive(Debug)]
pub struct Workers {
    handles: Vec<Handle>,
    last: AtomicUsize,
    _running: Option<watch::Sender<()>>,
}

impl Workers {
    /// How many there are: one for each core that this process may use.
    #[must_use]
    pub fn count() -> usize {
        thread::available_parallelism().map_or(1, NonZero::get)
    }

    /// Starts them.
    ///
    /// # Errors
    ///
    /// The operating system gives no threads.
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

    /// Everything stays on the runtime that this is called on. For tests.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[must_use]
    pub fn here() -> Self {
        Self { handles: vec![Handle::current()], last: AtomicUsize::new(0), _running: None }
    }

    /// Whose turn it is.
    pub(super) fn next(&self) -> &Handle {
        &self.handles[self.last.fetch_add(1, Relaxed) % self.handles.len()]
    }
}
