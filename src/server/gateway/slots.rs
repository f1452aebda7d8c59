//! How many requests a service gets at once, and how many of them may be one person's.
//!
//! A request holds its slot until the answer has ended, streams and websockets included. Without shares, one person with
//! many streams, or with many uploads that never come, would keep everybody else out.

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

/// So many people at least have to come before all slots are taken.
const SHARERS: usize = 4;
/// An event stream and a call next to it, however few slots there are.
const SMALLEST_SHARE: usize = 2;

/// The slots of one service.
pub(super) struct Slots {
    all: Arc<Semaphore>,
    shares: Arc<Shares>,
    patience: Duration,
}

/// Who takes slots: a person, over all of their sessions, or an address where nobody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    Person(UserId),
    Address(AddressClass),
}

impl Holder {
    pub(super) fn of(caller: Caller, request: &Extensions) -> Self {
        let visitor = request.get::<Visitor>().and_then(|visitor| visitor.session);
        match caller.session().or(visitor) {
            Some(session) => Self::Person(session.user_id),
            None => Self::Address(AddressClass::of(ClientAddress::of(request))),
        }
    }
}

impl Slots {
    /// `count` slots. Whoever finds none waits for `patience`.
    pub(super) fn new(count: usize, patience: Duration) -> Self {
        let size = (count / SHARERS).max(SMALLEST_SHARE).min(count);
        let shares = Arc::new(Shares { size, held: Mutex::default() });
        Self { all: Arc::new(Semaphore::new(count)), shares, patience }
    }

    /// Waits until this holder may take one more slot.
    pub(super) async fn share(&self, holder: Holder) -> Result<Share, GatewayError> {
        let (claim, parts) = Claim::new(&self.shares, holder);
        match timeout(self.patience, parts.acquire_owned()).await {
            Ok(Ok(part)) => Ok(Share { _part: part, _claim: claim }),
            _ => Err(GatewayError::OverShare),
        }
    }

    /// Waits until the service may get one more request. So a service that hangs ties up nothing but its own slots.
    pub(super) async fn slot(&self, share: Share) -> Result<Slot, GatewayError> {
        match timeout(self.patience, Arc::clone(&self.all).acquire_owned()).await {
            Ok(Ok(slot)) => Ok(Slot { _slot: slot, _share: share }),
            _ => Err(GatewayError::Busy),
        }
    }
}

/// One request's slot, given back on drop.
pub(super) struct Slot {
    _slot: OwnedSemaphorePermit,
    _share: Share,
}

/// The right to a slot within its holder's share.
pub(super) struct Share {
    _part: OwnedSemaphorePermit,
    _claim: Claim,
}

/// The shares of all who hold a slot or wait for one. Anonymous else has an entry, so memory stays bounded.
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
    async fn nobody_gets_more_than_a_quarter() {
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
    async fn who_waits_gets_what_is_given_back() {
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
    async fn who_has_no_slot_is_forgotten() {
        let slots = slots(2);
        let taken = (take(&slots, 1).await, take(&slots, 1).await);
        assert!(take(&slots, 1).await.is_err() && take(&slots, 2).await.is_err());
        assert_eq!(slots.shares.held().len(), 1);
        drop(taken);
        assert!(slots.shares.held().is_empty());
    }
}
