//! How long a peer may keep us waiting for its bytes, or for room to send ours.

use std::time::Duration;
use tokio::time::Instant;

/// The slowest transfer that is still accepted.
const MIN_BYTES_PER_SECOND: u64 = 500;

/// The time a peer has kept us waiting, and the bytes transferred.
///
/// Two rules apply together, so that neither silence nor an occasional byte keeps a connection open: no single wait
/// is longer than `patience`, and all waits together are no longer than `patience` plus one second for every
/// `MIN_BYTES_PER_SECOND` transferred. Only waiting counts, not the time in which we ourselves were busy.
#[derive(Clone, Copy, Debug)]
pub struct MinRate {
    patience: Duration,
    waited: Duration,
    bytes: u64,
    waiting_since: Option<Instant>,
}

impl MinRate {
    #[must_use]
    pub const fn new(patience: Duration) -> Self {
        Self { patience, waited: Duration::ZERO, bytes: 0, waiting_since: None }
    }

    /// Nothing can be transferred at the moment. Returns the deadline of the wait.
    pub fn wait(&mut self, now: Instant) -> Instant {
        let since = *self.waiting_since.get_or_insert(now);
        let earned = Duration::from_millis(self.bytes.saturating_mul(1000) / MIN_BYTES_PER_SECOND);
        let left = self.patience.saturating_add(earned).saturating_sub(self.waited);
        since + left.min(self.patience)
    }

    /// This many bytes have been transferred. The clock is read only if we waited for them.
    pub fn moved(&mut self, now: impl FnOnce() -> Instant, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.waited = self.waited.saturating_add(now().saturating_duration_since(since));
        }
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn silence_is_limited_by_the_patience() {
        let start = Instant::now();
        let mut min_rate = MinRate::new(20 * SECOND);
        assert_eq!(min_rate.wait(start), start + 20 * SECOND);
        assert_eq!(min_rate.wait(start + 5 * SECOND), start + 20 * SECOND, "another call does not extend it");
    }

    #[test]
    fn an_occasional_byte_gains_no_time() {
        let start = Instant::now();
        let mut min_rate = MinRate::new(20 * SECOND);
        min_rate.wait(start);
        min_rate.moved(|| start + 10 * SECOND, 1);
        let end = min_rate.wait(start + 10 * SECOND);
        assert!(end <= start + 21 * SECOND, "{:?}", end - start);
        min_rate.moved(|| start + 20 * SECOND, 1);
        assert!(min_rate.wait(start + 20 * SECOND) <= start + 21 * SECOND);
    }

    #[test]
    fn a_steady_transfer_may_take_as_long_as_it_needs() {
        let mut now = Instant::now();
        let mut min_rate = MinRate::new(20 * SECOND);
        for _ in 0..1000 {
            assert!(min_rate.wait(now) > now + SECOND);
            now += SECOND;
            min_rate.moved(|| now, 1000);
        }
        assert_eq!(min_rate.wait(now), now + 20 * SECOND, "earlier credit does not extend a single wait");
    }

    #[test]
    fn our_own_delays_do_not_count() {
        let start = Instant::now();
        let mut min_rate = MinRate::new(20 * SECOND);
        min_rate.wait(start);
        min_rate.moved(|| start + SECOND, 0);
        let much_later = start + 3600 * SECOND;
        assert_eq!(min_rate.wait(much_later), much_later + 19 * SECOND);
    }
}
