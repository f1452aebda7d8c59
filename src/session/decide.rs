//! When the browser refreshes its access token: the whole decision, without a browser.
//!
//! Everything here is a function of what is known and how much time has passed on a monotonic clock, so that the
//! server's tests run the very code that runs in the browser.

use crate::model::TokenLife;
use std::time::Duration;

/// So long the server is left alone after a refresh that did not help.
const PAUSE: Duration = Duration::from_secs(30);

/// So long after a refresh that did not reach the server: long enough for the other calls of the same moment.
const PAUSE_WHEN_UNREACHABLE: Duration = Duration::from_secs(2);

/// An access token is renewed this long before its end, or a tenth of its life before, whichever is shorter.
const LONGEST_MARGIN: Duration = Duration::from_secs(30);

/// What the page knows when a call is about to leave, or when its answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The access token, as far as the readable cookie tells. A cookie that cannot be read counts as none.
    pub token: Option<Token>,
    /// Whether this page believes that somebody is signed in.
    pub session_believed: bool,
    /// The last refresh, if it did not help.
    pub failure: Option<Failure>,
}

/// A refresh that did not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub outcome: RefreshOutcome,
    /// How long ago that was.
    pub since: Duration,
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
    /// Another call's refresh has succeeded since this one left.
    Retry,
    RefreshAndRetry,
    /// The call was refused for want of a refresh that could not be had: that says nothing about the session.
    ReportUnreachable,
}

/// What came of a refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshOutcome {
    Renewed,
    /// Renewed, but to no effect: no readable cookie came of it, or the call was refused all the same.
    InVain,
    /// The server's last word: the session is over.
    Refused,
    /// The server could not tell. Nobody is signed out by this.
    Unable,
    /// No answer came. Nobody is signed out by this.
    #[default]
    Unreachable,
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
            Plan::SendAnonymously => Then::Deliver,
            _ if status != 401 => Then::Deliver,
            Plan::Send if renewed_meanwhile => Then::Retry,
            Plan::Send if self.may_refresh() => Then::RefreshAndRetry,
            _ if self.is_in_doubt() => Then::ReportUnreachable,
            _ => Then::Deliver,
        }
    }

    fn may_refresh(&self) -> bool {
        self.failure.is_none_or(|failure| failure.since >= failure.outcome.pause())
    }

    fn is_in_doubt(&self) -> bool {
        self.failure.is_some_and(|failure| failure.outcome.is_transient())
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
    /// A success that leaves no readable cookie behind is none: it would be asked for again at every call.
    #[must_use]
    pub const fn of(status: Option<u16>, token_is_there: bool) -> Self {
        match status {
            Some(200..=299) if token_is_there => Self::Renewed,
            Some(200..=299) => Self::InVain,
            Some(401) => Self::Refused,
            Some(_) => Self::Unable,
            None => Self::Unreachable,
        }
    }

    /// Whether the next try may well succeed, with the same session.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Unable | Self::Unreachable)
    }

    const fn pause(self) -> Duration {
        match self {
            Self::Unreachable => PAUSE_WHEN_UNREACHABLE,
            Self::Renewed | Self::InVain | Self::Refused | Self::Unable => PAUSE,
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
        Known { token, session_believed: true, failure: None }
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
        let anonymous = Known { token: None, session_believed: false, failure: None };
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

    fn failed(outcome: RefreshOutcome, seconds_ago: u64) -> Known {
        Known { failure: Some(Failure { outcome, since: secs(seconds_ago) }), ..signed_in(None) }
    }

    #[test]
    fn a_refresh_that_did_not_help_is_not_tried_again_at_once() {
        for outcome in [RefreshOutcome::InVain, RefreshOutcome::Refused, RefreshOutcome::Unable] {
            assert_eq!(failed(outcome, 0).before_call(), Plan::Send);
            assert_eq!(failed(outcome, 29).before_call(), Plan::Send);
            assert_eq!(failed(outcome, 30).before_call(), Plan::RefreshFirst);
            assert_eq!(failed(outcome, 30).after_answer(Plan::Send, 401, false), Then::RefreshAndRetry);
        }
        assert_eq!(failed(RefreshOutcome::Unreachable, 1).before_call(), Plan::Send);
        assert_eq!(failed(RefreshOutcome::Unreachable, 2).before_call(), Plan::RefreshFirst, "the network is back");
    }

    #[test]
    fn a_refusal_for_want_of_a_refresh_says_nothing_about_the_session() {
        for plan in [Plan::Send, Plan::RefreshFirst] {
            for outcome in [RefreshOutcome::Unable, RefreshOutcome::Unreachable] {
                assert_eq!(failed(outcome, 1).after_answer(plan, 401, false), Then::ReportUnreachable);
                assert_eq!(failed(outcome, 1).after_answer(plan, 200, false), Then::Deliver);
            }
            for outcome in [RefreshOutcome::InVain, RefreshOutcome::Refused] {
                assert_eq!(failed(outcome, 1).after_answer(plan, 401, false), Then::Deliver);
            }
        }
    }

    #[test]
    fn only_a_plain_refusal_ends_the_session() {
        assert_eq!(RefreshOutcome::of(Some(200), true), RefreshOutcome::Renewed);
        assert_eq!(RefreshOutcome::of(Some(200), false), RefreshOutcome::InVain);
        assert_eq!(RefreshOutcome::of(Some(401), true), RefreshOutcome::Refused);
        for status in [302, 400, 403, 404, 429, 500, 502, 503] {
            assert_eq!(RefreshOutcome::of(Some(status), true), RefreshOutcome::Unable, "{status}");
        }
        assert_eq!(RefreshOutcome::of(None, true), RefreshOutcome::Unreachable);
    }
}
