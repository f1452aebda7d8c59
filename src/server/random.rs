//! Randomness from the operating system's generator; nothing else uses it.

use super::clock::Timestamp;
use aws_lc_rs::rand;
use uuid::{Builder, Uuid};

/// `N` unpredictable bytes.
///
/// # Panics
///
/// If the operating system cannot provide any: there is no safe way to continue.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that uses the system's randomness")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the operating system provides random bytes");
    bytes
}

/// A new id (RFC 9562 §5.7, version 7): unique everywhere, ordered by time so that indexes stay compact. Not a secret.
#[must_use]
pub fn id(now: Timestamp) -> Uuid {
    let millis = now.as_millis().max(0).unsigned_abs();
    Builder::from_unix_timestamp_millis(millis, &bytes()).into_uuid()
}
