//! Sessions that ended while their access tokens still live: what makes a token that proves itself refusable.
//!
//! Held in memory, so that no request pays a query; fed at once by this server and, within half a second, by the
//! store, which other processes (the command line, later other servers) write to. An entry is dropped when every
//! access token of its session has expired.

use crate::server::{
    clock::{Clock, Timestamp},
    domain::session::SessionId,
    store::{EndedSession, Store, StoreError},
};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// How often the store is asked what else has ended.
const FEED_INTERVAL: Duration = Duration::from_millis(500);
/// How far back each look goes, so that a row written by a clock slightly behind is not missed.
const OVERLAP: Duration = Duration::from_secs(10);

/// The ended sessions whose access tokens may still be about.
#[derive(Debug)]
pub struct EndedSessions {
    sessions: RwLock<HashMap<SessionId, Timestamp>>,
    /// How long an access token outlives its session at most.
    access_ttl: Duration,
}

impl EndedSessions {
    #[must_use]
    pub fn new(access_ttl: Duration) -> Self {
        Self { sessions: RwLock::default(), access_ttl }
    }

    #[must_use]
    pub fn contains(&self, id: SessionId) -> bool {
        self.sessions.read().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }

    pub fn insert(&self, ended: EndedSession) {
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).insert(ended.id, ended.at);
    }

    /// Learns from the store what has ended since shortly before `since`, and forgets what cannot matter any more.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; what is known stays.
    pub async fn learn(&self, store: &dyn Store, since: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let ended = store.sessions_ended_since(since.before(OVERLAP)).await?;
        let oldest = now.before(self.access_ttl + OVERLAP);
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.extend(ended.into_iter().map(|session| (session.id, session.at)));
        sessions.retain(|_, ended_at| *ended_at >= oldest);
        Ok(())
    }

    /// Fills the set at start: everything that ended within the life of an access token.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn rebuild(&self, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
        self.learn(store, now.before(self.access_ttl), now).await
    }

    /// Keeps learning for as long as the server runs.
    pub async fn follow(self: Arc<Self>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) {
        let mut ticks = interval(FEED_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut learned_until = clock.now();
        let mut reachable = true;
        loop {
            ticks.tick().await;
            let now = clock.now();
            match self.learn(&*store, learned_until.min(now), now).await {
                Ok(()) => (learned_until, reachable) = (now, true),
                Err(error) if reachable => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot learn which sessions ended elsewhere; trying on"
                    );
                    reachable = false;
                }
                Err(_) => {}
            }
        }
    }
}
