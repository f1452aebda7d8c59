//! What works beside the requests, for as long as the server runs. A task that panics begins anew.

use super::start::Application;
use crate::server::{
    clock::Clock,
    service::{
        clients::Clients,
        delivery::{self, Deliveries},
        ended::EndedSessions,
        secret_versions::SecretVersions,
        tokens::Tokens,
    },
    state::AppState,
    store::Store,
};
use futures::FutureExt;
use std::{error::Error, fmt, future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{interval, sleep},
};
use tracing::{error, warn};

/// How long a task that panicked rests.
const BEGIN_ANEW_AFTER: Duration = Duration::from_secs(1);
/// How often sessions are deleted whose time is up.
const CLEAN_UP: Duration = Duration::from_mins(10);
/// How long such a session is kept, for an investigation, and for its owner if it ended by reuse.
const KEEP_EXPIRED: Duration = Duration::from_hours(7 * 24);
const CLEAN_UP_BATCH: u32 = 500;

impl Application {
    /// Starts what works beside the requests: learning what ended elsewhere, noting what arrived, looking after
    /// clients, signing keys and the master secret, cleaning up.
    pub fn start_background(self) -> (AppState, BackgroundTasks) {
        let mut background = BackgroundTasks {
            parts: Parts {
                store: self.store,
                clock: Arc::clone(&self.state.clock),
                ended: self.ended,
                clients: Arc::clone(&self.state.clients),
                tokens: Arc::clone(&self.state.tokens),
                secrets: self.secrets,
                deliveries: Arc::new(Mutex::new(self.deliveries)),
            },
            tasks: JoinSet::new(),
        };
        background.start("looking for ended sessions", Parts::poll_ended);
        background.start("listening for ended sessions", Parts::subscribe_ended);
        background.start("noting what was delivered", Parts::write_deliveries);
        background.start("learning of clients", Parts::reload_clients);
        background.start("looking after the signing keys", Parts::maintain_signing_keys);
        background.start("looking after the master secret", Parts::record_secret_versions);
        background.start("cleaning up", Parts::clean_up);
        (self.state, background)
    }
}

/// The tasks that [`Application::start_background`] has started. They end when this is dropped.
#[must_use = "the tasks end when it is dropped"]
pub struct BackgroundTasks {
    parts: Parts,
    tasks: JoinSet<()>,
}

/// What the tasks work with.
#[derive(Clone)]
struct Parts {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ended: Arc<EndedSessions>,
    clients: Arc<Clients>,
    tokens: Arc<Tokens>,
    secrets: Arc<SecretVersions>,
    deliveries: Arc<Mutex<Deliveries>>,
}

impl BackgroundTasks {
    fn start<F>(&mut self, task: &'static str, begin: fn(Parts) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let parts = self.parts.clone();
        self.tasks.spawn(keep_running(task, BEGIN_ANEW_AFTER, move || begin(parts.clone())));
    }
}

impl fmt::Debug for BackgroundTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundTasks").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl Parts {
    async fn poll_ended(self) {
        self.ended.run_poll_loop(&*self.store, &*self.clock).await;
    }

    async fn subscribe_ended(self) {
        self.ended.run_subscription_loop(&*self.store, &*self.clock).await;
    }

    async fn write_deliveries(self) {
        delivery::write_deliveries(&mut *self.deliveries.lock().await, &*self.store).await;
    }

    async fn reload_clients(self) {
        self.clients.run_reload_loop().await;
    }

    async fn maintain_signing_keys(self) {
        self.tokens.keys().run_reload_loop(&*self.clock).await;
    }

    async fn record_secret_versions(self) {
        self.secrets.run_reload_loop(&*self.clock).await;
    }

    async fn clean_up(self) {
        let Self { store, clock, .. } = self;
        let mut ticks = interval(CLEAN_UP);
        loop {
            ticks.tick().await;
            loop {
                match store.delete_expired_sessions(clock.now().before(KEEP_EXPIRED), CLEAN_UP_BATCH).await {
                    Ok(deleted) if deleted == u64::from(CLEAN_UP_BATCH) => tokio::task::yield_now().await,
                    Ok(_) => break,
                    Err(error) => {
                        warn!(error = &error as &dyn Error, "could not delete expired sessions; trying again later");
                        break;
                    }
                }
            }
        }
    }
}

/// Runs a task until it ends by itself, and begins it anew when it panics. What it panicked with has been logged.
async fn keep_running<F>(task: &'static str, rest: Duration, mut begin: impl FnMut() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    while AssertUnwindSafe(begin()).catch_unwind().await.is_err() {
        error!(task, "a task in the background failed; it begins anew");
        sleep(rest).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn a_task_that_panics_begins_anew_until_it_ends_by_itself() {
        let begun = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&begun);
        keep_running("a test", Duration::ZERO, move || {
            let attempt = counter.fetch_add(1, Ordering::SeqCst);
            async move { assert!(attempt == 2, "panics on purpose") }
        })
        .await;
        assert_eq!(begun.load(Ordering::SeqCst), 3);
    }
}
