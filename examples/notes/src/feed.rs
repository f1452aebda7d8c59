//! Who hears of changes: the open pages of the notes' owner.
//!
//! What is told is only at which revision the notes stand. Whoever has seen an older one fetches them anew, so nothing
//! is lost when several changes melt into one, or when a listener was away.

use crate::{bearer::Owner, error::Error, store::Revision};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// So many streams one owner may listen to at once.
pub const MAX_STREAMS: usize = 20;

/// The listeners of all owners. Nothing stays of an owner to whom nobody listens.
#[derive(Debug, Default)]
pub struct Feed(Mutex<Listened>);

#[derive(Debug, Default)]
struct Listened {
    owners: HashMap<Owner, watch::Sender<Revision>>,
    closed: bool,
}

/// One listener.
#[derive(Debug)]
pub struct Subscription {
    owner: Owner,
    newest: watch::Receiver<Revision>,
    feed: Arc<Feed>,
}

impl Feed {
    /// Tells the listeners of `owner` that their notes have come to `revision`.
    pub fn announce(&self, owner: &Owner, revision: Revision) {
        if let Some(sender) = self.lock().owners.get(owner) {
            sender.send_if_modified(|newest| {
                let is_news = revision > *newest;
                *newest = revision.max(*newest);
                is_news
            });
        }
    }

    /// Begins to listen.
    pub fn subscribe(self: &Arc<Self>, owner: Owner) -> Result<Subscription, Error> {
        let mut listened = self.lock();
        if listened.closed {
            return Err(Error::Unavailable);
        }
        let sender = listened.owners.entry(owner.clone()).or_insert_with(|| watch::Sender::new(0));
        if sender.receiver_count() >= MAX_STREAMS {
            return Err(Error::TooManyStreams { max: MAX_STREAMS });
        }
        let newest = sender.subscribe();
        drop(listened);
        Ok(Subscription { owner, newest, feed: Arc::clone(self) })
    }

    /// Ends all streams, for good.
    pub fn close(&self) {
        *self.lock() = Listened { owners: HashMap::new(), closed: true };
    }

    fn lock(&self) -> MutexGuard<'_, Listened> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// Waits for a revision newer than the one that was `seen`. Nothing if the feed is closed.
    pub async fn newer_than(&mut self, seen: Revision) -> Option<Revision> {
        self.newest.wait_for(|newest| *newest > seen).await.ok().map(|newest| *newest)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut listened = self.feed.lock();
        // This one still counts.
        if listened.owners.get(&self.owner).is_some_and(|sender| sender.receiver_count() <= 1) {
            listened.owners.remove(&self.owner);
        }
    }
}
