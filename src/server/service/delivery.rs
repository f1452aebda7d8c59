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

type Note = (SessionId, Generation);

/// Notes which generations have arrived.
#[derive(Debug)]
pub struct Delivery {
    notes: mpsc::Sender<Note>,
    noted: Mutex<Noted>,
}

/// What needs no second note: the newest generation seen of each session, and until when its token lives.
#[derive(Debug)]
struct Noted {
    sessions: HashMap<SessionId, (Generation, Timestamp)>,
    sweep_at: Timestamp,
}

/// The receiving end, to be run by [`write_notes`].
pub type Notes = mpsc::Receiver<Note>;

impl Delivery {
    #[must_use]
    pub fn new() -> (Self, Notes) {
        let (notes, receiver) = mpsc::channel(MAX_WAITING);
        let known = Noted { sessions: HashMap::new(), sweep_at: Timestamp::from_millis(0) };
        (Self { notes, noted: Mutex::new(known) }, receiver)
    }

    /// Notes that this token's generation has arrived, unless that is known.
    pub fn saw(&self, token: &AccessToken, now: Timestamp) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.sessions.get(&token.session_id).is_some_and(|(generation, _)| *generation >= token.generation) {
            return;
        }
        if self.notes.try_send((token.session_id, token.generation)).is_err() {
            return;
        }
        if now >= noted.sweep_at {
            noted.sessions.retain(|_, (_, expires_at)| *expires_at > now);
            noted.sweep_at = now + SWEEP;
        }
        noted.sessions.insert(token.session_id, (token.generation, token.expires_at));
    }
}

/// Writes notes until the sender is gone.
pub async fn write_notes(notes: &mut Notes, store: &dyn SessionStore) {
    let mut batch = Vec::new();
    while notes.recv_many(&mut batch, MAX_BATCH).await > 0 {
        sleep(GATHER).await;
        while batch.len() < MAX_BATCH
            && let Ok(note) = notes.try_recv()
        {
            batch.push(note);
        }
        while let Err(error) = store.mark_delivered(&batch).await {
            warn!(
                error = &error as &dyn std::error::Error,
                notes = batch.len(),
                "cannot note what was delivered; trying on"
            );
            sleep(RETRY_AFTER).await;
        }
        batch.clear();
    }
}
