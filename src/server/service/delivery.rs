//! Evidence that an answer arrived: the first time an access token of a new generation is seen.
//!
//! Noting it must not slow the request that brings it, so the note goes to a background task, which writes what has
//! gathered in one transaction. A note that is lost costs little: until the next rotation a token one behind keeps
//! getting the same successor.

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

/// How long notes gather before they are written.
const GATHER: Duration = Duration::from_millis(50);
/// How many notes wait at most; more are dropped, see above.
const MAX_WAITING: usize = 4096;
/// How many notes are written at once.
const MAX_BATCH: usize = 512;
/// How often sessions whose token has expired are forgotten.
const SWEEP: Duration = Duration::from_mins(1);
/// How long a database that refused is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);

type DeliveryMark = (SessionId, Generation);

/// Deliveries which generations have arrived.
#[derive(Debug)]
pub struct Delivery {
    deliveries: mpsc::Sender<DeliveryMark>,
    recorded: Mutex<Recorded>,
}

/// What needs no second note: the newest generation seen of each session, and until when its token lives.
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

    /// Deliveries that this token's generation has arrived, unless that is known.
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

/// Writes notes until the sender is gone.
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
                "cannot note what was delivered; trying on"
            );
            sleep(RETRY_AFTER).await;
        }
        batch.clear();
    }
}
