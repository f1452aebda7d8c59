//! What a page remembers about its session from call to call.

use super::decide::{Failure, Known, RefreshOutcome, Token};
use crate::model::TokenLife;
use std::time::Duration;

/// The facts behind [`Known`]. Every time in it is a reading of the page's monotonic clock.
#[derive(Debug, Default)]
pub struct Memory {
    token: Option<Sighting>,
    session_believed: bool,
    failure: Option<(RefreshOutcome, Duration)>,
    renewals: u32,
}

#[derive(Debug)]
struct Sighting {
    cookie: String,
    life: TokenLife,
    since: Duration,
}

impl Memory {
    /// Nothing known yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { token: None, session_believed: false, failure: None, renewals: 0 }
    }

    /// Takes in the readable cookie as it is now, and says what is known.
    ///
    /// A value not seen before is news: its age begins here, and an earlier failure no longer counts.
    pub fn look(&mut self, cookie: Option<&str>, now: Duration) -> Known {
        let known_already = self.token.as_ref().is_some_and(|seen| Some(seen.cookie.as_str()) == cookie);
        if !known_already {
            self.token = cookie.and_then(|cookie| {
                Some(Sighting { cookie: cookie.to_owned(), life: TokenLife::parse(cookie)?, since: now })
            });
            if self.token.is_some() {
                self.failure = None;
            }
        }
        Known {
            token: self.token.as_ref().map(|seen| Token::new(seen.life, now.saturating_sub(seen.since))),
            session_believed: self.session_believed,
            failure: self.failure.map(|(outcome, at)| Failure { outcome, since: now.saturating_sub(at) }),
        }
    }

    /// Takes in whether the page shows somebody as signed in.
    pub fn believe(&mut self, somebody_is_signed_in: bool) {
        self.session_believed = somebody_is_signed_in;
    }

    /// Takes in what came of a refresh.
    pub fn note(&mut self, outcome: RefreshOutcome, now: Duration) {
        if outcome == RefreshOutcome::Renewed {
            self.renewals = self.renewals.wrapping_add(1);
            self.failure = None;
            return;
        }
        if outcome == RefreshOutcome::Refused {
            self.session_believed = false;
        }
        self.failure = Some((outcome, now));
    }

    /// How many refreshes have succeeded: a call compares it before and after, to see whether one came between.
    #[must_use]
    pub const fn renewals(&self) -> u32 {
        self.renewals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::decide::Plan;

    const FIRST: &str = "1790000000.1790003600";
    const SECOND: &str = "1790003590.1790007190";

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn signed_in() -> Memory {
        let mut memory = Memory::new();
        memory.believe(true);
        memory
    }

    #[test]
    fn the_age_of_a_token_counts_from_first_sight() {
        let mut memory = signed_in();
        assert_eq!(memory.look(Some(FIRST), at(100)).token.map(|token| token.age), Some(at(0)));
        assert_eq!(memory.look(Some(FIRST), at(160)).token.map(|token| token.age), Some(at(60)));
        assert_eq!(memory.look(Some(SECOND), at(170)).token.map(|token| token.age), Some(at(0)));
    }

    #[test]
    fn garbage_in_the_cookie_is_no_token() {
        for garbage in ["", "NaN", "-1", "1e309", "９", "9999999999", &"9".repeat(10_000)] {
            let mut memory = signed_in();
            assert_eq!(memory.look(Some(garbage), at(1)).token, None, "{garbage:.20}");
            assert_eq!(memory.look(Some(garbage), at(2)).before_call(), Plan::RefreshFirst);
        }
    }

    #[test]
    fn a_refused_refresh_leaves_an_anonymous_page() {
        let mut memory = signed_in();
        memory.note(RefreshOutcome::Refused, at(10));
        assert_eq!(memory.look(None, at(11)).before_call(), Plan::SendAnonymously);
    }

    #[test]
    fn somebody_who_still_turns_out_to_be_signed_in_causes_a_try_per_half_minute() {
        let mut memory = signed_in();
        memory.note(RefreshOutcome::Refused, at(10));
        memory.believe(true);
        assert_eq!(memory.look(None, at(39)).before_call(), Plan::Send);
        assert_eq!(memory.look(None, at(40)).before_call(), Plan::RefreshFirst);
    }

    #[test]
    fn an_outage_is_not_taken_for_a_sign_out() {
        let mut memory = signed_in();
        memory.note(RefreshOutcome::Unable, at(10));
        assert!(memory.look(None, at(11)).session_believed);
        assert_eq!(memory.look(None, at(11)).before_call(), Plan::Send);
        assert_eq!(memory.look(None, at(40)).before_call(), Plan::RefreshFirst);
    }

    #[test]
    fn a_new_token_wipes_out_an_earlier_failure() {
        let mut memory = signed_in();
        memory.note(RefreshOutcome::Unable, at(10));
        memory.look(Some(FIRST), at(11));
        assert_eq!(memory.look(None, at(12)).before_call(), Plan::RefreshFirst);
    }

    #[test]
    fn renewals_are_counted() {
        let mut memory = signed_in();
        memory.note(RefreshOutcome::Renewed, at(1));
        memory.note(RefreshOutcome::Unable, at(2));
        assert_eq!(memory.renewals(), 1);
    }
}
