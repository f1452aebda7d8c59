//! Evidence that a response arrived: the first request with an access token of a new generation.
//!
//! Recording it must not slow that request, so a background task writes the marks in batches, each in one transaction.
//! A lost mark costs little: until the next rotation a refresh token one generation behind keeps getting the same
//! successor.

use crate::server::{
    clock::Timestamp,
    domain::{
        access_token::AccessToken,
        session::{Generation, SessionId},
    },
    store::SessionStore,
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::mpsc, time::sleep};
use tracing::warn;

/// How long marks are collected before they are written.
const GATHER: Duration = Duration::from_millis(50);
/// How many marks wait at most; further ones are dropped, see above.
const MAX_WAITING: usize = 4096;
/// How many marks are written at once.
const MAX_BATCH: usize = 512;
/// How often sessions whose token has expired are dropped from memory.
const SWEEP: Duration = Duration::from_mins(1);
/// How long to wait after a failed write.
const RETRY_AFTER: Duration = Duration::from_secs(1);

type DeliveryMark = (SessionId, Generation);

/// Records which generations have been delivered.
#[derive(Debug)]
pub struct Delivery {
    deliveries: mpsc::Sender<DeliveryMark>,
    recorded: Mutex<Recorded>,
}

/// What needs no second mark: the newest generation seen of each session, and until when its token lives.
#[derive(Debug)]
struct Recorded {
    sessions: HashMap<SessionId, (Generation, Timestamp)>,
    sweep_at: Timestamp,
}

/// The receiving end, to be run by [`write_deliveries`].
pub type Deliveries = mpsc::Receiver<DeliveryMark>;

impl Delivery {
    #[must_use]
    pub fn new() -> (Self, Deliveries) {
        let (deliveries, receiver) = mpsc::channel(MAX_WAITING);
        let known = Recorded { sessions: HashMap::new(), sweep_at: Timestamp::from_millis(0) };
        (Self { deliveries, recorded: Mutex::new(known) }, receiver)
    }

    /// Records that this token's generation has been delivered, unless that is known.
    pub fn record_delivery(&self, token: &AccessToken, now: Timestamp) {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if recorded.sessions.get(&token.session_id).is_some_and(|(generation, _)| *generation >= token.generation) {
            return;
        }
        if self.deliveries.try_send((token.session_id, token.generation)).is_err() {
            return;
        }
        if now >= recorded.sweep_at {
            recorded.sessions.retain(|_, (_, expires_at)| *expires_at > now);
            recorded.sweep_at = now + SWEEP;
        }
        recorded.sessions.insert(token.session_id, (token.generation, token.expires_at));
    }
}

/// Writes marks until the sender is dropped.
pub async fn write_deliveries(deliveries: &mut Deliveries, store: &dyn SessionStore) {
    let mut batch = Vec::new();
    while deliveries.recv_many(&mut batch, MAX_BATCH).await > 0 {
        sleep(GATHER).await;
        while batch.len() < MAX_BATCH
            && let Ok(mark) = deliveries.try_recv()
        {
            batch.push(mark);
        }
        while let Err(error) = store.mark_delivered(&batch).await {
            warn!(
                error = &error as &dyn std::error::Error,
                deliveries = batch.len(),
                "cannot record deliveries; retrying"
            );
            sleep(RETRY_AFTER).await;
        }
        batch.clear();
    }
}
