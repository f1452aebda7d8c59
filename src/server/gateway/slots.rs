//! How many concurrent requests an upstream gets, and how many of them may be of one user.
//!
//! A request holds its slot until the response has ended, streams and WebSockets included. Without shares, one user
//! with many streams, or with many stalled uploads, would block all others.

use super::{GatewayError, caller::Caller};
use crate::server::{
    auth::visitor::Visitor,
    domain::user::UserId,
    edge::{client_address::ClientAddress, rate_limit::AddressClass},
};
use axum::http::Extensions;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// The least number of users that can occupy all slots.
const SHARERS: usize = 4;
/// An event stream and a concurrent call, however few slots there are.
const SMALLEST_SHARE: usize = 2;

/// The slots of one upstream.
pub(super) struct Slots {
    all: Arc<Semaphore>,
    shares: Arc<Shares>,
    max_wait: Duration,
}

/// The holder of slots: a user, across all sessions, or the client address of an anonymous visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    User(UserId),
    Address(AddressClass),
}

impl Holder {
    pub(super) fn of(caller: Caller, request: &Extensions) -> Self {
        let visitor = request.get::<Visitor>().and_then(|visitor| visitor.session);
        match caller.session().or(visitor) {
            Some(session) => Self::User(session.user_id),
            None => Self::Address(AddressClass::of(ClientAddress::of(request))),
        }
    }
}

impl Slots {
    /// `count` slots. A request waits for one for up to `max_wait`.
    pub(super) fn new(count: usize, max_wait: Duration) -> Self {
        let size = (count / SHARERS).max(SMALLEST_SHARE).min(count);
        let shares = Arc::new(Shares { size, held: Mutex::default() });
        Self { all: Arc::new(Semaphore::new(count)), shares, max_wait }
    }

    /// Waits until this holder may take another slot.
    pub(super) async fn share(&self, holder: Holder) -> Result<Share, GatewayError> {
        let (claim, parts) = Claim::new(&self.shares, holder);
        match timeout(self.max_wait, parts.acquire_owned()).await {
            Ok(Ok(part)) => Ok(Share { _part: part, _claim: claim }),
            _ => Err(GatewayError::OverShare),
        }
    }

    /// Waits until the upstream may get another request. So an upstream that hangs blocks only its own slots.
    pub(super) async fn slot(&self, share: Share) -> Result<Slot, GatewayError> {
        match timeout(self.max_wait, Arc::clone(&self.all).acquire_owned()).await {
            Ok(Ok(slot)) => Ok(Slot { _slot: slot, _share: share }),
            _ => Err(GatewayError::Busy),
        }
    }
}

/// The slot of one request, released on drop.
pub(super) struct Slot {
    _slot: OwnedSemaphorePermit,
    _share: Share,
}

/// The right to a slot within its holder's share.
pub(super) struct Share {
    _part: OwnedSemaphorePermit,
    _claim: Claim,
}

/// The shares of all holders that have a slot or wait for one. No other holder has an entry, so memory stays bounded.
struct Shares {
    size: usize,
    held: Mutex<HashMap<Holder, Held>>,
}

struct Held {
    parts: Arc<Semaphore>,
    claims: usize,
}

impl Shares {
    fn held(&self) -> MutexGuard<'_, HashMap<Holder, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the entry of its holder; the last one removes it.
struct Claim {
    shares: Arc<Shares>,
    holder: Holder,
}

impl Claim {
    fn new(shares: &Arc<Shares>, holder: Holder) -> (Self, Arc<Semaphore>) {
        let mut all = shares.held();
        let unheld = || Held { parts: Arc::new(Semaphore::new(shares.size)), claims: 0 };
        let held = all.entry(holder).or_insert_with(unheld);
        held.claims += 1;
        (Self { shares: Arc::clone(shares), holder }, Arc::clone(&held.parts))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Entry::Occupied(mut held) = self.shares.held().entry(self.holder) {
            held.get_mut().claims -= 1;
            if held.get().claims == 0 {
                held.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn holder(number: u8) -> Holder {
        Holder::Address(AddressClass::of(Ipv4Addr::new(192, 0, 2, number).into()))
    }

    fn slots(count: usize) -> Slots {
        Slots::new(count, Duration::from_secs(2))
    }

    async fn take(slots: &Slots, number: u8) -> Result<Slot, GatewayError> {
        slots.slot(slots.share(holder(number)).await?).await
    }

    #[tokio::test(start_paused = true)]
    async fn no_user_gets_more_than_a_quarter() {
        let slots = slots(12);
        let mut taken = Vec::new();
        for number in 1..=4 {
            for _ in 0..3 {
                let Ok(slot) = take(&slots, number).await else { panic!("no slot") };
                taken.push(slot);
            }
            assert!(matches!(take(&slots, number).await, Err(GatewayError::OverShare)));
        }
        assert!(matches!(take(&slots, 5).await, Err(GatewayError::Busy)), "all are taken");
        drop(taken);
        assert!(take(&slots, 1).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_request_gets_a_released_slot() {
        let slots = slots(4);
        let (one, _two) = (take(&slots, 1).await, take(&slots, 1).await);
        let (third, ()) = futures::future::join(take(&slots, 1), async { drop(one) }).await;
        assert!(third.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_and_a_call_beside_it_always_fit() {
        for count in 2..=8 {
            let slots = slots(count);
            let two = (take(&slots, 1).await, take(&slots, 1).await);
            assert!(two.0.is_ok() && two.1.is_ok(), "{count}");
        }
        let only = slots(1);
        let _one = take(&only, 1).await;
        assert!(take(&only, 1).await.is_err(), "and no more than there are");
    }

    #[tokio::test(start_paused = true)]
    async fn a_holder_without_a_slot_is_removed() {
        let slots = slots(2);
        let taken = (take(&slots, 1).await, take(&slots, 1).await);
        assert!(take(&slots, 1).await.is_err() && take(&slots, 2).await.is_err());
        assert_eq!(slots.shares.held().len(), 1);
        drop(taken);
        assert!(slots.shares.held().is_empty());
    }
}
