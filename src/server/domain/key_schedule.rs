//! When each signing key is published, signs, and can be removed: pure functions of the stored keys, the settings and
//! the time, so that all servers reach the same result without communicating.
//!
//! ```text
//! made         signs_from                    signs_until        trusted_until
//!  │── lead ──▶│───────── rotation ─────────▶│── token_life ───▶│ dropped
//!  │              verified by all servers                         │
//! ```
//!
//! The next key is made one lead before the rotation of the current one is over. Both ends overlap: every server knows
//! a key before it meets its first signature, and still knows it when it meets the last one.

use super::access_token::CLOCK_LEEWAY;
use crate::server::clock::Timestamp;
use std::time::Duration;

/// The longest time between publishing a key and signing with it.
pub const MAX_LEAD: Duration = Duration::from_hours(1);

/// A signing key's number in the sequence of all keys, and when it begins to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTimes {
    /// Counted from 1. The store holds each number once, so that only one server makes the next key.
    pub number: u32,
    pub signs_from: Timestamp,
}

/// How long keys sign, and how long they are published before and trusted after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySchedule {
    /// How long a key signs.
    pub rotation: Duration,
    /// How long a key is published before it signs.
    pub lead: Duration,
    /// How long a token lives, and so how long a key is trusted after its last signature.
    pub token_life: Duration,
}

/// When a key signs and until when it is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyWindow {
    /// `None`: from the beginning of time.
    signs_from: Option<Timestamp>,
    /// `None`: until another key is made.
    signs_until: Option<Timestamp>,
    trusted_until: Option<Timestamp>,
}

impl KeyWindow {
    /// Whether this is the key to sign with. At any time exactly one key is.
    #[must_use]
    pub fn signs(&self, now: Timestamp) -> bool {
        self.signs_from.is_none_or(|from| from <= now) && self.signs_until.is_none_or(|until| now < until)
    }

    /// Whether signatures of this key are accepted. A key is trusted from its publication on, before it signs: the
    /// clock of the signing server may be ahead.
    #[must_use]
    pub fn is_trusted(&self, now: Timestamp) -> bool {
        self.trusted_until.is_none_or(|until| now < until)
    }
}

impl KeySchedule {
    /// A key signs for `rotation`; the tokens it signs live for `token_life`. It is published a tenth of `rotation`
    /// before it signs, an hour at most.
    #[must_use]
    pub fn new(rotation: Duration, token_life: Duration) -> Self {
        Self { rotation, lead: (rotation / 10).min(MAX_LEAD), token_life }
    }

    /// The window of each of these keys, in their order.
    ///
    /// A key signs until one with a higher number does. The lowest number signs whenever no other does: a server whose
    /// clock is behind that of the server which made the first key must not be without a key.
    #[must_use]
    pub fn windows(&self, keys: &[KeyTimes]) -> Vec<KeyWindow> {
        let lowest = keys.iter().map(|key| key.number).min();
        let window = |key: &KeyTimes| {
            let later = keys.iter().filter(|other| other.number > key.number);
            let signs_until = later.map(|other| other.signs_from).min();
            KeyWindow {
                signs_from: (Some(key.number) != lowest).then_some(key.signs_from),
                signs_until,
                trusted_until: signs_until.map(|until| until + self.token_life + CLOCK_LEEWAY),
            }
        };
        keys.iter().map(window).collect()
    }

    /// The key that has to be made now, if one is due.
    #[must_use]
    pub fn due(&self, keys: &[KeyTimes], now: Timestamp) -> Option<KeyTimes> {
        if keys.is_empty() {
            return Some(KeyTimes { number: 1, signs_from: now });
        }
        // A key that begins later than any made now was made by a wrong clock; it is not waited for.
        let latest_start = now + self.lead + CLOCK_LEEWAY;
        let starts = keys.iter().map(|key| key.signs_from).filter(|from| *from <= latest_start);
        starts.max().filter(|start| now + self.lead >= *start + self.rotation).map(|_| self.next(keys, now))
    }

    /// The key that is published and will sign soon, if there is one.
    #[must_use]
    pub fn upcoming(&self, keys: &[KeyTimes], now: Timestamp) -> Option<KeyTimes> {
        let latest_start = now + self.lead + CLOCK_LEEWAY;
        keys.iter().copied().find(|key| now < key.signs_from && key.signs_from <= latest_start)
    }

    /// The key that follows these, if it is made now.
    #[must_use]
    pub fn next(&self, keys: &[KeyTimes], now: Timestamp) -> KeyTimes {
        let highest = keys.iter().map(|key| key.number).max().unwrap_or_default();
        KeyTimes { number: highest.saturating_add(1), signs_from: now + self.lead }
    }
}

#[cfg(test)]
mod tests;
