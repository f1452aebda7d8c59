//! When the browser refreshes its access token: the whole decision, without a browser.
//!
//! Everything here is a function of what is known and how much time has passed on a monotonic clock, so that the
//! server's tests run the very code that runs in the browser.

use crate::model::TokenLife;
use std::time::Duration;

/// At least this long lies between a refresh that did not help and the next try.
pub const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(30);

/// An access token is renewed this long before its end, or a tenth of its life before, whichever is shorter.
const LONGEST_MARGIN: Duration = Duration::from_secs(30);

/// What the page knows when a call is about to leave, or when its answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The access token, as far as the readable cookie tells. A cookie that cannot be read counts as none.
    pub token: Option<Token>,
    /// Whether this page believes that somebody is signed in.
    pub session_believed: bool,
    /// How long ago a refresh did not help, if it is the last thing that was tried.
    pub since_failure: Option<Duration>,
}

/// An access token seen by its cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// How long it lives by the server's clock.
    pub life: Duration,
    /// How long this page has known it.
    pub age: Duration,
}

/// What to do with a call before it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nobody seems to be signed in: the call goes out, and no answer to it causes a refresh.
    SendAnonymously,
    /// The access token seems good, or asking for another one is not sensible now.
    Send,
    /// The access token is gone or about to end: refresh, then send, whatever came of the refresh.
    RefreshFirst,
}

/// What to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Deliver,
    /// Somebody else's refresh has succeeded since the call left.
    Retry,
    RefreshAndRetry,
}

/// What came of a refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshOutcome {
    Renewed,
    /// The server's last word: the session is over.
    Refused,
    /// The server could not be reached or could not tell. Nobody is signed out by this.
    #[default]
    Failed,
}

impl Known {
    /// Decides about a call that has not left yet.
    #[must_use]
    pub fn before_call(&self) -> Plan {
        let due = match self.token {
            Some(token) => token.is_near_its_end(),
            None if self.session_believed => true,
            None => return Plan::SendAnonymously,
        };
        if due && self.may_refresh() { Plan::RefreshFirst } else { Plan::Send }
    }

    /// Decides about an answer to a call that left under `plan`.
    #[must_use]
    pub fn after_answer(&self, plan: Plan, status: u16, renewed_meanwhile: bool) -> Then {
        match plan {
            Plan::Send if status == 401 && renewed_meanwhile => Then::Retry,
            Plan::Send if status == 401 && self.may_refresh() => Then::RefreshAndRetry,
            _ => Then::Deliver,
        }
    }

    fn may_refresh(&self) -> bool {
        self.since_failure.is_none_or(|since| since >= PAUSE_AFTER_FAILURE)
    }
}

impl Token {
    /// A token just read from its cookie.
    #[must_use]
    pub fn new(life: TokenLife, age: Duration) -> Self {
        Self { life: Duration::from_secs(life.seconds().unsigned_abs()), age }
    }

    fn is_near_its_end(self) -> bool {
        let margin = LONGEST_MARGIN.min(self.life / 10);
        self.life.saturating_sub(self.age) < margin
    }
}

impl RefreshOutcome {
    /// Reads the answer to a refresh; no status means that none came.
    ///
    /// A success that leaves no readable cookie behind counts as failed: it would be asked for again at every call.
    #[must_use]
    pub const fn of(status: Option<u16>, token_is_there: bool) -> Self {
        match status {
            Some(200..=299) if token_is_there => Self::Renewed,
            Some(401) => Self::Refused,
            _ => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: TokenLife = TokenLife { issued_at: 1_790_000_000, expires_at: 1_790_003_600 };

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn signed_in(token: Option<Token>) -> Known {
        Known { token, session_believed: true, since_failure: None }
    }

    #[test]
    fn a_good_token_is_used_and_an_ending_one_renewed() {
        for (age, plan) in [
            (0, Plan::Send),
            (3_570, Plan::Send),
            (3_571, Plan::RefreshFirst),
            (3_600, Plan::RefreshFirst),
            (1_000_000, Plan::RefreshFirst),
        ] {
            assert_eq!(signed_in(Some(Token::new(HOUR, secs(age)))).before_call(), plan, "{age}");
        }
    }

    #[test]
    fn a_short_life_has_a_short_margin() {
        let three_seconds = TokenLife { issued_at: 10, expires_at: 13 };
        let at = |millis| signed_in(Some(Token::new(three_seconds, Duration::from_millis(millis)))).before_call();
        assert_eq!(at(2_700), Plan::Send);
        assert_eq!(at(2_701), Plan::RefreshFirst);
    }

    #[test]
    fn a_missing_token_is_renewed_only_if_somebody_seems_to_be_signed_in() {
        assert_eq!(signed_in(None).before_call(), Plan::RefreshFirst);
        let anonymous = Known { token: None, session_believed: false, since_failure: None };
        assert_eq!(anonymous.before_call(), Plan::SendAnonymously);
        assert_eq!(anonymous.after_answer(Plan::SendAnonymously, 401, false), Then::Deliver);
    }

    #[test]
    fn a_refused_call_is_retried_once() {
        let known = signed_in(Some(Token::new(HOUR, secs(0))));
        assert_eq!(known.after_answer(Plan::Send, 401, false), Then::RefreshAndRetry);
        assert_eq!(known.after_answer(Plan::Send, 401, true), Then::Retry);
        assert_eq!(known.after_answer(Plan::RefreshFirst, 401, true), Then::Deliver, "it has had its refresh");
        for status in [200, 400, 403, 404, 422, 429, 500, 503] {
            assert_eq!(known.after_answer(Plan::Send, status, true), Then::Deliver, "{status}");
        }
    }

    #[test]
    fn a_refresh_that_did_not_help_is_not_tried_again_at_once() {
        let after = |seconds| Known { since_failure: Some(secs(seconds)), ..signed_in(None) };
        assert_eq!(after(0).before_call(), Plan::Send);
        assert_eq!(after(29).before_call(), Plan::Send);
        assert_eq!(after(30).before_call(), Plan::RefreshFirst);
        assert_eq!(after(29).after_answer(Plan::Send, 401, false), Then::Deliver);
        assert_eq!(after(30).after_answer(Plan::Send, 401, false), Then::RefreshAndRetry);
    }

    #[test]
    fn only_a_plain_refusal_ends_the_session() {
        assert_eq!(RefreshOutcome::of(Some(200), true), RefreshOutcome::Renewed);
        assert_eq!(RefreshOutcome::of(Some(401), true), RefreshOutcome::Refused);
        for status in [None, Some(302), Some(400), Some(403), Some(404), Some(429), Some(500), Some(502), Some(503)] {
            assert_eq!(RefreshOutcome::of(status, true), RefreshOutcome::Failed, "{status:?}");
        }
        assert_eq!(RefreshOutcome::of(Some(200), false), RefreshOutcome::Failed);
    }
}
