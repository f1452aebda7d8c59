//! Sessions that ended while their access tokens are still valid: a denylist for self-contained tokens.
//!
//! Held in memory, so that no request costs a query. Sessions that this server ends are added at once. Those that
//! others end (other servers, the command line) arrive as notifications, where the database supports them; and the
//! store is polled twice a second, so that a lost notification delays an end no longer than that. While polling fails,
//! [`EndedSessions::is_current`] returns `false`, and each request queries the store. An entry is dropped when every
//! access token of its session has expired.

use super::outage::Outage;
use crate::server::{
    clock::{Clock, Timestamp},
    domain::session::SessionId,
    store::{EndedSession, SessionStore, StoreError},
};
use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How often the store is polled for ended sessions.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How long a poll may take.
const POLL_TIMEOUT: Duration = Duration::from_secs(1);
/// How long after the last successful poll the set is no longer trusted.
const STALE_AFTER: Duration = Duration::from_secs(2);
/// How far each poll overlaps the last, so that no row is missed that a server with another clock wrote.
const OVERLAP: Duration = Duration::from_secs(90);
/// How long to wait before subscribing again after the connection was lost.
const RESUBSCRIBE_AFTER: Duration = Duration::from_millis(500);
/// A subscription that lasted this long was connected.
const CONNECTED: Duration = Duration::from_secs(10);

/// The ended sessions whose access tokens may still be outstanding.
#[derive(Debug)]
pub struct EndedSessions {
    sessions: RwLock<HashMap<SessionId, Timestamp>>,
    /// Every session that had ended by then is known; Unix milliseconds.
    known_until: AtomicI64,
    /// How long an access token outlives its session at most.
    access_ttl: Duration,
}

impl EndedSessions {
    #[must_use]
    pub fn new(access_ttl: Duration) -> Self {
        Self { sessions: RwLock::default(), known_until: AtomicI64::new(0), access_ttl }
    }

    #[must_use]
    pub fn contains(&self, id: SessionId) -> bool {
        self.sessions.read().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }

    /// Whether the set holds every session that had ended until a moment ago. `false` too after the clock has jumped,
    /// in either direction.
    #[must_use]
    pub fn is_current(&self, now: Timestamp) -> bool {
        let known_until = Timestamp::from_millis(self.known_until.load(Ordering::Acquire));
        now.since(known_until) <= STALE_AFTER && known_until.since(now) <= STALE_AFTER
    }

    pub fn insert(&self, ended: EndedSession) {
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).insert(ended.id, ended.at);
    }

    /// Loads from the store which sessions have ended since shortly before `since`, and drops entries whose access
    /// tokens have expired.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached; the set then stays as it is.
    pub async fn reload(&self, store: &dyn SessionStore, since: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let ended = store.sessions_ended_since(since.before(OVERLAP)).await?;
        let oldest = now.before(self.access_ttl + OVERLAP);
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.extend(ended.into_iter().map(|session| (session.id, session.at)));
        sessions.retain(|_, ended_at| *ended_at >= oldest);
        self.known_until.store(now.as_millis(), Ordering::Release);
        Ok(())
    }

    /// Fills the set at startup: every session that ended within the life of an access token.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached.
    pub async fn rebuild(&self, store: &dyn SessionStore, now: Timestamp) -> Result<(), StoreError> {
        self.reload(store, now.before(self.access_ttl), now).await
    }

    /// Polls the store for as long as the server runs.
    pub async fn run_poll_loop(&self, store: &dyn SessionStore, clock: &dyn Clock) {
        let mut ticks = interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut polled_until = Timestamp::from_millis(self.known_until.load(Ordering::Acquire));
        let mut outage = Outage::default();
        loop {
            ticks.tick().await;
            let now = clock.now();
            // Nothing older than the life of an access token matters, even after a long time without a poll. While the
            // clock was ahead of now, entries that matter again now may have been dropped.
            let oldest = now.before(self.access_ttl);
            let since = if now < polled_until { oldest } else { polled_until.max(oldest) };
            let polled = timeout(POLL_TIMEOUT, self.reload(store, since, now)).await;
            let polled = polled.unwrap_or_else(|_| Err(StoreError::timed_out()));
            if polled.is_ok() {
                polled_until = now;
            }
            outage.record(&polled, "cannot poll for sessions ended by other servers; each request queries the store");
        }
    }

    /// Subscribes to the database's notifications until the store is closed. The next poll finds what they miss.
    pub async fn run_subscription_loop(&self, store: &dyn SessionStore, clock: &dyn Clock) {
        let mut outage = Outage::default();
        let listener = |id| self.insert(EndedSession { id, at: clock.now() });
        loop {
            let began = clock.now();
            let subscribed = store.subscribe_ended(&listener).await;
            if subscribed.is_ok() {
                return;
            }
            if clock.now().since(began) > CONNECTED {
                outage = Outage::default();
            }
            outage.record(
                &subscribed,
                "no notifications of sessions ended by other servers, polling every half second; subscribing again",
            );
            sleep(RESUBSCRIBE_AFTER).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    #[test]
    fn the_set_is_trusted_for_two_seconds_whichever_way_the_clock_jumps() {
        let ended = EndedSessions::new(Duration::from_hours(1));
        assert!(!ended.is_current(NOW), "not polled yet");
        ended.known_until.store(NOW.as_millis(), Ordering::Release);
        assert!(
            ended.is_current(NOW) && ended.is_current(NOW + STALE_AFTER) && ended.is_current(NOW.before(STALE_AFTER))
        );
        let more = STALE_AFTER + Duration::from_millis(1);
        assert!(!ended.is_current(NOW + more) && !ended.is_current(NOW.before(more)));
    }
}
