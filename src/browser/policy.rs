//! When the browser refreshes its access token: the whole decision, without browser APIs.
//!
//! Everything here is a function of the known state and the time passed on a monotonic clock, so that the server's
//! tests run the very code that runs in the browser.

use crate::model::TokenLife;
use std::time::Duration;

/// The pause after a response that a retry would hardly change.
const PAUSE_AFTER_RESPONSE: Duration = Duration::from_secs(30);

/// The longest pause after a transient failure of a refresh, before jitter. Each further failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The longest `Retry-After` that is honored.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(5);

/// Tabs that become visible together check their token within this time.
const STAGGER: Duration = Duration::from_millis(500);

/// An access token is renewed this long before its end, or a tenth of its life before, whichever is shorter.
const LONGEST_MARGIN: Duration = Duration::from_secs(30);

/// The state of the page when a call is about to be sent, or when its response has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientState {
    /// The access token, according to the readable cookie. A cookie that cannot be read counts as none.
    pub token: Option<Token>,
    /// Whether this page takes a user to be signed in.
    pub session_accepted: bool,
    /// The last refresh, if it failed.
    pub failure: Option<Failure>,
    /// The user is signing out on this page: nothing is renewed any more.
    pub leaving: bool,
}

/// A failed refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub outcome: RefreshOutcome,
    /// The time since then.
    pub since: Duration,
    /// The pause before the next refresh.
    pub pause: Duration,
}

/// An access token, known from the readable cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its lifetime by the server's clock.
    pub life: Duration,
    /// The time since this page first saw it.
    pub age: Duration,
}

/// What to do with a call before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// No user seems to be signed in: the call is sent, and no response to it causes a refresh.
    SendAnonymously,
    /// The access token seems valid, or a refresh is not sensible now.
    Send,
    /// The access token is gone or about to end: refresh, then send, whatever the outcome of the refresh.
    RefreshFirst,
}

/// What to do with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Deliver,
    /// Another call's refresh has succeeded since this one was sent.
    Retry,
    RefreshAndRetry,
    /// The call was refused, and the refresh failed transiently: that says nothing about the session.
    ReportUnreachable,
}

/// What a refresh does that has waited for the other tabs' refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Refresh,
    /// Another tab has renewed the token meanwhile.
    TakeOver,
    /// The user is signing out.
    GiveUp,
}

/// What a page does that becomes visible again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnVisible {
    Nothing,
    /// Request the signed-in user, after this pause. That refreshes first, if it is due.
    Check {
        after: Duration,
    },
}

/// The outcome of a refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshOutcome {
    Renewed,
    /// Renewed without effect: no readable cookie was set, or the call was refused all the same.
    InVain,
    /// Final: the session is over.
    Refused,
    /// The server could not process it. The session stays.
    Unable,
    /// No response arrived. The session stays.
    #[default]
    Unreachable,
}

impl ClientState {
    /// Decides about a call that has not been sent yet.
    #[must_use]
    pub fn before_call(&self) -> Plan {
        if self.token.is_none() && !self.session_accepted {
            return Plan::SendAnonymously;
        }
        if self.has_good_token() || !self.may_refresh() { Plan::Send } else { Plan::RefreshFirst }
    }

    /// Decides about a response to a call that was sent under `plan`.
    #[must_use]
    pub fn after_response(&self, plan: Plan, status: u16, renewed_meanwhile: bool) -> Then {
        match plan {
            Plan::SendAnonymously => Then::Deliver,
            _ if status != 401 => Then::Deliver,
            Plan::Send if renewed_meanwhile => Then::Retry,
            Plan::Send if self.may_refresh() => Then::RefreshAndRetry,
            _ if self.is_in_doubt() => Then::ReportUnreachable,
            _ => Then::Deliver,
        }
    }

    /// Decides about a refresh that has waited for its turn among the tabs.
    #[must_use]
    pub fn in_turn(&self, renewed_meanwhile: bool) -> Turn {
        match (self.leaving, renewed_meanwhile && self.has_good_token()) {
            (true, _) => Turn::GiveUp,
            (false, true) => Turn::TakeOver,
            (false, false) => Turn::Refresh,
        }
    }

    /// Decides what to do when the page becomes visible again. `random` is in `0.0..1.0`.
    ///
    /// A token that was renewed in the meantime may be another user's.
    #[must_use]
    pub fn on_visible(&self, renewed_meanwhile: bool, random: f64) -> OnVisible {
        match self.before_call() {
            Plan::RefreshFirst => OnVisible::Check { after: STAGGER.mul_f64(random) },
            Plan::Send if renewed_meanwhile && !self.leaving => OnVisible::Check { after: Duration::ZERO },
            Plan::Send | Plan::SendAnonymously => OnVisible::Nothing,
        }
    }

    fn has_good_token(&self) -> bool {
        self.token.is_some_and(|token| !token.is_near_its_end())
    }

    fn may_refresh(&self) -> bool {
        !self.leaving && self.failure.is_none_or(|failure| failure.since >= failure.pause)
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
    /// Reads the response to a refresh; `None` for no response.
    ///
    /// A success without a readable cookie does not count: each call would refresh again.
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

    /// Whether a retry may succeed with the same session.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Unable | Self::Unreachable)
    }

    /// The pause after this outcome, when it is the `failures`th failure in a row.
    ///
    /// `random`, in `0.0..1.0`, spreads the retries of clients that were hit by the same outage.
    #[must_use]
    pub fn pause(self, failures: u32, retry_after: Option<Duration>, random: f64) -> Duration {
        if !self.is_transient() {
            return PAUSE_AFTER_RESPONSE;
        }
        let doublings = failures.saturating_sub(1).min(16);
        let half = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE) / 2;
        retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER) + half + half.mul_f64(random)
    }
}

/// Reads `Retry-After` (RFC 9110 §10.2.3). A date is ignored, because the page trusts no wall clock.
#[must_use]
pub fn retry_after(header: &str) -> Option<Duration> {
    header.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: TokenLife = TokenLife { issued_at: 1_790_000_000, expires_at: 1_790_003_600 };

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn signed_in(token: Option<Token>) -> ClientState {
        ClientState { token, session_accepted: true, failure: None, leaving: false }
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
    fn a_missing_token_is_renewed_only_if_a_user_seems_to_be_signed_in() {
        assert_eq!(signed_in(None).before_call(), Plan::RefreshFirst);
        let anonymous = ClientState { session_accepted: false, ..signed_in(None) };
        assert_eq!(anonymous.before_call(), Plan::SendAnonymously);
        assert_eq!(anonymous.after_response(Plan::SendAnonymously, 401, false), Then::Deliver);
    }

    #[test]
    fn a_refused_call_is_retried_once() {
        let state = signed_in(Some(Token::new(HOUR, secs(0))));
        assert_eq!(state.after_response(Plan::Send, 401, false), Then::RefreshAndRetry);
        assert_eq!(state.after_response(Plan::Send, 401, true), Then::Retry);
        assert_eq!(state.after_response(Plan::RefreshFirst, 401, true), Then::Deliver, "it has had its refresh");
        for status in [200, 400, 403, 404, 409, 422, 429, 500, 503] {
            assert_eq!(state.after_response(Plan::Send, status, true), Then::Deliver, "{status}");
        }
    }

    fn failed(outcome: RefreshOutcome, seconds_ago: u64) -> ClientState {
        let pause = outcome.pause(1, None, 0.0);
        ClientState { failure: Some(Failure { outcome, since: secs(seconds_ago), pause }), ..signed_in(None) }
    }

    #[test]
    fn a_failed_refresh_is_not_retried_at_once() {
        for (outcome, pause) in [
            (RefreshOutcome::InVain, 30),
            (RefreshOutcome::Refused, 30),
            (RefreshOutcome::Unable, 1),
            (RefreshOutcome::Unreachable, 1),
        ] {
            assert_eq!(failed(outcome, 0).before_call(), Plan::Send);
            assert_eq!(failed(outcome, pause - 1).before_call(), Plan::Send);
            assert_eq!(failed(outcome, pause).before_call(), Plan::RefreshFirst);
            assert_eq!(failed(outcome, pause).after_response(Plan::Send, 401, false), Then::RefreshAndRetry);
        }
    }

    #[test]
    fn an_outage_is_met_with_ever_longer_pauses_up_to_a_minute() {
        for outcome in [RefreshOutcome::Unable, RefreshOutcome::Unreachable] {
            let pauses = |random| [1, 2, 3, 4, 5, 6, 7, u32::MAX].map(|tries| outcome.pause(tries, None, random));
            assert_eq!(pauses(0.0), [1, 2, 4, 8, 16, 30, 30, 30].map(secs));
            assert_eq!(pauses(0.5)[0], Duration::from_millis(1_500));
            assert!(pauses(0.999).iter().zip([2, 4, 8, 16, 32, 60, 60, 60]).all(|(pause, most)| *pause < secs(most)));
        }
        assert_eq!(RefreshOutcome::Refused.pause(9, Some(secs(600)), 0.9), secs(30), "a response, not an outage");
    }

    #[test]
    fn retry_after_is_honored_up_to_a_limit() {
        let pause = |header| RefreshOutcome::Unable.pause(1, retry_after(header), 0.0);
        assert_eq!(pause("120"), secs(121));
        assert_eq!(pause(" 0 "), secs(1));
        assert_eq!(pause("86400"), secs(301), "within reason");
        for nonsense in ["", "-1", "1.5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999999999999"] {
            assert_eq!(pause(nonsense), secs(1), "{nonsense}");
        }
    }

    #[test]
    fn while_the_user_signs_out_nothing_is_renewed() {
        let leaving = ClientState { leaving: true, ..signed_in(None) };
        assert_eq!(leaving.before_call(), Plan::Send);
        assert_eq!(leaving.after_response(Plan::Send, 401, false), Then::Deliver);
        assert_eq!(leaving.in_turn(false), Turn::GiveUp);
        assert_eq!(leaving.in_turn(true), Turn::GiveUp);
        assert_eq!(leaving.on_visible(true, 0.0), OnVisible::Nothing);
    }

    #[test]
    fn a_tab_that_has_waited_takes_over_what_another_has_renewed() {
        let good = signed_in(Some(Token::new(HOUR, secs(0))));
        let ending = signed_in(Some(Token::new(HOUR, secs(3_599))));
        assert_eq!(good.in_turn(true), Turn::TakeOver);
        assert_eq!(good.in_turn(false), Turn::Refresh, "it only looks good: the server has refused it");
        assert_eq!(ending.in_turn(true), Turn::Refresh);
        assert_eq!(signed_in(None).in_turn(true), Turn::Refresh, "renewed, and lost again");
    }

    #[test]
    fn a_page_that_becomes_visible_checks_only_if_something_may_have_changed() {
        let good = signed_in(Some(Token::new(HOUR, secs(0))));
        assert_eq!(good.on_visible(false, 0.9), OnVisible::Nothing);
        assert_eq!(good.on_visible(true, 0.9), OnVisible::Check { after: Duration::ZERO }, "perhaps for another user");
        assert_eq!(signed_in(None).on_visible(false, 0.5), OnVisible::Check { after: Duration::from_millis(250) });
        assert_eq!(
            failed(RefreshOutcome::Unable, 0).on_visible(false, 0.0),
            OnVisible::Nothing,
            "not during an outage"
        );
        let anonymous = ClientState { session_accepted: false, ..signed_in(None) };
        assert_eq!(anonymous.on_visible(false, 0.0), OnVisible::Nothing);
        assert_eq!(
            ClientState { token: good.token, ..anonymous }.on_visible(true, 0.0),
            OnVisible::Check { after: Duration::ZERO }
        );
    }

    #[test]
    fn a_refusal_after_a_transient_failure_says_nothing_about_the_session() {
        for plan in [Plan::Send, Plan::RefreshFirst] {
            for outcome in [RefreshOutcome::Unable, RefreshOutcome::Unreachable] {
                assert_eq!(failed(outcome, 0).after_response(plan, 401, false), Then::ReportUnreachable);
                assert_eq!(failed(outcome, 0).after_response(plan, 200, false), Then::Deliver);
            }
            for outcome in [RefreshOutcome::InVain, RefreshOutcome::Refused] {
                assert_eq!(failed(outcome, 0).after_response(plan, 401, false), Then::Deliver);
            }
        }
    }

    #[test]
    fn only_a_plain_refusal_ends_the_session() {
        assert_eq!(RefreshOutcome::of(Some(200), true), RefreshOutcome::Renewed);
        assert_eq!(RefreshOutcome::of(Some(200), false), RefreshOutcome::InVain);
        assert_eq!(RefreshOutcome::of(Some(401), true), RefreshOutcome::Refused);
        for status in [302, 400, 403, 404, 409, 429, 500, 502, 503] {
            assert_eq!(RefreshOutcome::of(Some(status), true), RefreshOutcome::Unable, "{status}");
        }
        assert_eq!(RefreshOutcome::of(None, true), RefreshOutcome::Unreachable);
    }
}
