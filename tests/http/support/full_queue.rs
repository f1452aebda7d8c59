//! Every place in the password hasher's queue, taken: a request that needs hashing is refused at once, and any other is
//! not affected. This shows what is hashed without measuring time.

use futures::FutureExt as _;
use std::{future::Future, pin::Pin};
use tokenlife::server::{
    domain::{
        password_policy::{NormalPassword, PlainPassword},
        user::PasswordHash,
    },
    service::hashing::{Hasher, HashingError},
};

type Place = Pin<Box<dyn Future<Output = Result<PasswordHash, HashingError>> + Send>>;

/// Releases the places on drop.
pub struct FullQueue(Vec<Place>);

impl FullQueue {
    pub async fn of(hasher: &Hasher) -> Self {
        let mut places = take_all(hasher);
        // The first ones have begun to compute. When they are done, their places are free again.
        let threads = std::thread::available_parallelism().map_or(1, usize::from).saturating_sub(1).max(1);
        for computing in places.drain(..threads) {
            computing.await.expect("a hash");
        }
        places.extend(take_all(hasher));
        Self(places)
    }

    pub fn places(&self) -> usize {
        self.0.len()
    }
}

fn take_all(hasher: &Hasher) -> Vec<Place> {
    std::iter::from_fn(|| {
        let hasher = hasher.clone();
        let mut place: Place = Box::pin(async move { hasher.hash(password()).await });
        match place.as_mut().now_or_never() {
            None => Some(place),
            Some(outcome) => {
                assert_eq!(outcome, Err(HashingError::Busy));
                None
            }
        }
    })
    .collect()
}

fn password() -> NormalPassword {
    PlainPassword::from("any password".to_owned()).normal().expect("short enough")
}
