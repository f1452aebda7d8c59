//! Sessions that ended while their access tokens still live: what makes a token that proves itself refusable.
//!
//! Held in memory, so that no request pays a query. What this server ends it knows at once. Of what others end (other
//! servers, the command line) it is told by the database, where the database can; and twice a second it looks by
//! itself, so that no lost message matters for longer. While it could not look, it does not know: then
//! [`EndedSessions::is_current`] says so, and each request asks the store. An entry is dropped when every access token
//! of its session has expired.

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

/// How often the store is asked what has ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// How long an answer may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);
/// After how long without an answer the set is not believed any more.
const STALE_AFTER: Duration = Duration::from_secs(2);
/// How far back each look goes, so that no row is missed that another server wrote by another clock.
const OVERLAP: Duration = Duration::from_secs(90);
/// How long to wait before listening anew to a database that was lost.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// Who listened for so long had a connection.
const LISTENED: Duration = Duration::from_secs(10);

/// The ended sessions whose access tokens may still be about.
#[derive(Debug)]
pub struct EndedSessions {
    sessions: RwLock<HashMap<SessionId, Timestamp>>,
    /// Everything that had ended by then is known, in Unix milliseconds.
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

    /// Whether the set holds everything that had ended until a moment ago. A clock that has jumped, either way, makes
    /// it doubtful too.
    #[must_use]
    pub fn is_current(&self, now: Timestamp) -> bool {
        let known_until = Timestamp::from_millis(self.known_until.load(Ordering::Acquire));
        now.since(known_until) <= STALE_AFTER && known_until.since(now) <= STALE_AFTER
    }

    pub fn insert(&self, ended: EndedSession) {
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).insert(ended.id, ended.at);
    }

    /// Learns from the store what has ended since shortly before `since`, and forgets what cannot matter any more.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; what is known stays.
    pub async fn reload(&self, store: &dyn SessionStore, since: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let ended = store.sessions_ended_since(since.before(OVERLAP)).await?;
        let oldest = now.before(self.access_ttl + OVERLAP);
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.extend(ended.into_iter().map(|session| (session.id, session.at)));
        sessions.retain(|_, ended_at| *ended_at >= oldest);
        self.known_until.store(now.as_millis(), Ordering::Release);
        Ok(())
    }

    /// Fills the set at start: everything that ended within the life of an access token.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn rebuild(&self, store: &dyn SessionStore, now: Timestamp) -> Result<(), StoreError> {
        self.reload(store, now.before(self.access_ttl), now).await
    }

    /// Looks again and again, for as long as the server runs.
    pub async fn run_poll_loop(&self, store: &dyn SessionStore, clock: &dyn Clock) {
        let mut ticks = interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut learned_until = Timestamp::from_millis(self.known_until.load(Ordering::Acquire));
        let mut outage = Outage::default();
        loop {
            ticks.tick().await;
            let now = clock.now();
            // After the life of an access token without a look there is nothing older to learn. While the clock was
            // ahead of now, what matters again now may have been forgotten.
            let reaches_back = now.before(self.access_ttl);
            let since = if now < learned_until { reaches_back } else { learned_until.max(reaches_back) };
            let looked = timeout(LOOK_TIMEOUT, self.reload(store, since, now)).await;
            let looked = looked.unwrap_or_else(|_| Err(StoreError::timed_out()));
            if looked.is_ok() {
                learned_until = now;
            }
            outage.record(&looked, "cannot learn which sessions ended elsewhere; requests ask the store themselves");
        }
    }

    /// Has the database tell, until the store is closed. Whatever is missed, the next look finds.
    pub async fn run_subscription_loop(&self, store: &dyn SessionStore, clock: &dyn Clock) {
        let mut outage = Outage::default();
        let listener = |id| self.insert(EndedSession { id, at: clock.now() });
        loop {
            let begun = clock.now();
            let subscribed = store.subscribe_ended(&listener).await;
            if subscribed.is_ok() {
                return;
            }
            if clock.now().since(begun) > LISTENED {
                outage = Outage::default();
            }
            outage.record(
                &subscribed,
                "not told which sessions end elsewhere, but looking every half second; listening anew",
            );
            sleep(LISTEN_AGAIN_AFTER).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

    #[test]
    fn the_set_is_believed_for_two_seconds_whichever_way_the_clock_goes() {
        let ended = EndedSessions::new(Duration::from_hours(1));
        assert!(!ended.is_current(NOW), "nobody has looked yet");
        ended.known_until.store(NOW.as_millis(), Ordering::Release);
        assert!(
            ended.is_current(NOW) && ended.is_current(NOW + STALE_AFTER) && ended.is_current(NOW.before(STALE_AFTER))
        );
        let more = STALE_AFTER + Duration::from_millis(1);
        assert!(!ended.is_current(NOW + more) && !ended.is_current(NOW.before(more)));
    }
}
