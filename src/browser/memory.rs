//! The state of the session that a page keeps between calls.

use super::policy::{ClientState, Failure, RefreshOutcome, Token};
use crate::model::TokenLife;
use std::time::Duration;

/// The data behind [`ClientState`]. Every time in it is a reading of the page's monotonic clock.
#[derive(Debug, Default)]
pub struct Memory {
    token: Option<Sighting>,
    session_accepted: bool,
    failure: Option<RecordedFailure>,
    /// How many refreshes in a row did not help.
    failures: u32,
    renewals: u32,
    leaving: bool,
}

#[derive(Debug)]
struct Sighting {
    cookie: String,
    life: TokenLife,
    since: Duration,
}

#[derive(Clone, Copy, Debug)]
struct RecordedFailure {
    outcome: RefreshOutcome,
    at: Duration,
    pause: Duration,
}

impl Memory {
    /// Nothing known yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { token: None, session_accepted: false, failure: None, failures: 0, renewals: 0, leaving: false }
    }

    /// Records the readable cookie as it is now, and returns the state.
    ///
    /// For a new value the age begins here, and an earlier failure no longer counts.
    pub fn read_state(&mut self, cookie: Option<&str>, now: Duration) -> ClientState {
        let known_already = self.token.as_ref().is_some_and(|seen| Some(seen.cookie.as_str()) == cookie);
        if !known_already {
            self.token = cookie.and_then(|cookie| {
                Some(Sighting { cookie: cookie.to_owned(), life: TokenLife::parse(cookie)?, since: now })
            });
            if self.token.is_some() {
                self.record_renewal();
            }
        }
        ClientState {
            token: self.token.as_ref().map(|seen| Token::new(seen.life, now.saturating_sub(seen.since))),
            session_accepted: self.session_accepted,
            failure: self.failure.map(|RecordedFailure { outcome, at, pause }| Failure {
                outcome,
                since: now.saturating_sub(at),
                pause,
            }),
            leaving: self.leaving,
        }
    }

    /// Records whether the page shows a signed-in user.
    pub fn accept(&mut self, is_signed_in: bool) {
        self.session_accepted = is_signed_in;
    }

    /// Records whether the user is signing out on this page.
    pub fn leave(&mut self, leaving: bool) {
        self.leaving = leaving;
    }

    /// Records the outcome of a refresh, with the response's `Retry-After`. `random`, in `0.0..1.0`, spreads the
    /// retries.
    pub fn record(&mut self, outcome: RefreshOutcome, retry_after: Option<Duration>, random: f64, now: Duration) {
        if outcome == RefreshOutcome::Renewed {
            self.record_renewal();
            return;
        }
        if outcome == RefreshOutcome::Refused {
            self.session_accepted = false;
        }
        self.failures = self.failures.saturating_add(1);
        let pause = outcome.pause(self.failures, retry_after, random);
        self.failure = Some(RecordedFailure { outcome, at: now, pause });
    }

    /// Records that the network has come back: the next call may refresh again.
    pub fn record_network(&mut self) {
        _ = self.failure.take_if(|failure| failure.outcome == RefreshOutcome::Unreachable);
    }

    /// How many times the token was renewed, as far as this page has seen, by whichever tab. Two readings show whether
    /// it was renewed in between.
    #[must_use]
    pub const fn renewals(&self) -> u32 {
        self.renewals
    }

    fn record_renewal(&mut self) {
        self.renewals = self.renewals.wrapping_add(1);
        self.failure = None;
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::policy::Plan;

    const FIRST: &str = "1790000000.1790003600";
    const SECOND: &str = "1790003590.1790007190";

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn record(memory: &mut Memory, outcome: RefreshOutcome, now: Duration) {
        memory.record(outcome, None, 0.0, now);
    }

    fn signed_in() -> Memory {
        let mut memory = Memory::new();
        memory.accept(true);
        memory
    }

    #[test]
    fn the_age_of_a_token_counts_from_first_sight() {
        let mut memory = signed_in();
        assert_eq!(memory.read_state(Some(FIRST), at(100)).token.map(|token| token.age), Some(at(0)));
        assert_eq!(memory.read_state(Some(FIRST), at(160)).token.map(|token| token.age), Some(at(60)));
        assert_eq!(memory.read_state(Some(SECOND), at(170)).token.map(|token| token.age), Some(at(0)));
    }

    #[test]
    fn garbage_in_the_cookie_is_no_token() {
        for garbage in ["", "NaN", "-1", "1e309", "９", "9999999999", &"9".repeat(10_000)] {
            let mut memory = signed_in();
            assert_eq!(memory.read_state(Some(garbage), at(1)).token, None, "{garbage:.20}");
            assert_eq!(memory.read_state(Some(garbage), at(2)).before_call(), Plan::RefreshFirst);
        }
    }

    #[test]
    fn a_refused_refresh_leaves_an_anonymous_page() {
        let mut memory = signed_in();
        record(&mut memory, RefreshOutcome::Refused, at(10));
        assert_eq!(memory.read_state(None, at(11)).before_call(), Plan::SendAnonymously);
    }

    #[test]
    fn a_refused_refresh_of_a_signed_in_page_is_retried_every_half_minute() {
        let mut memory = signed_in();
        record(&mut memory, RefreshOutcome::Refused, at(10));
        memory.accept(true);
        assert_eq!(memory.read_state(None, at(39)).before_call(), Plan::Send);
        assert_eq!(memory.read_state(None, at(40)).before_call(), Plan::RefreshFirst);
    }

    #[test]
    fn an_outage_is_not_taken_for_a_sign_out() {
        let mut memory = signed_in();
        record(&mut memory, RefreshOutcome::Unable, at(10));
        assert!(memory.read_state(None, at(10)).session_accepted);
        assert_eq!(memory.read_state(None, at(10)).before_call(), Plan::Send);
        assert_eq!(memory.read_state(None, at(11)).before_call(), Plan::RefreshFirst);
    }

    #[test]
    fn each_failure_in_a_row_makes_the_pause_longer() {
        let mut memory = signed_in();
        let mut pauses = Vec::new();
        for second in 0..4 {
            record(&mut memory, RefreshOutcome::Unable, at(second));
            pauses.push(memory.read_state(None, at(second)).failure.map(|failure| failure.pause));
        }
        assert_eq!(pauses, [1, 2, 4, 8].map(at).map(Some));
        record(&mut memory, RefreshOutcome::Renewed, at(20));
        record(&mut memory, RefreshOutcome::Unable, at(30));
        assert_eq!(memory.read_state(None, at(30)).failure.map(|failure| failure.pause), Some(at(1)));
    }

    #[test]
    fn a_network_that_is_back_is_tried_at_once_and_a_busy_server_is_not() {
        for (outcome, plan) in [(RefreshOutcome::Unreachable, Plan::RefreshFirst), (RefreshOutcome::Unable, Plan::Send)]
        {
            let mut memory = signed_in();
            record(&mut memory, outcome, at(10));
            memory.record_network();
            assert_eq!(memory.read_state(None, at(10)).before_call(), plan);
        }
    }

    #[test]
    fn signing_out_forbids_renewing_until_it_has_failed() {
        let mut memory = signed_in();
        memory.leave(true);
        assert_eq!(memory.read_state(None, at(1)).before_call(), Plan::Send);
        memory.leave(false);
        assert_eq!(memory.read_state(None, at(2)).before_call(), Plan::RefreshFirst);
    }

    #[test]
    fn a_new_token_wipes_out_an_earlier_failure() {
        let mut memory = signed_in();
        record(&mut memory, RefreshOutcome::Unable, at(10));
        memory.read_state(Some(FIRST), at(10));
        assert_eq!(memory.read_state(None, at(10)).before_call(), Plan::RefreshFirst);
    }

    #[test]
    fn renewals_by_other_tabs_are_counted() {
        let mut memory = signed_in();
        record(&mut memory, RefreshOutcome::Renewed, at(1));
        record(&mut memory, RefreshOutcome::Unable, at(2));
        assert_eq!(memory.renewals(), 1);
        memory.read_state(Some(FIRST), at(3));
        memory.read_state(Some(FIRST), at(4));
        assert_eq!(memory.renewals(), 2, "by another tab");
        memory.read_state(None, at(5));
        assert_eq!(memory.renewals(), 2, "its end is no renewal");
    }
}
