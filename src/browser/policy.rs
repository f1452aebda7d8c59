//! When the browser refreshes its access token: the whole decision, without a browser.
//!
//! Everything here is a function of what is known and how much time has passed on a monotonic clock, so that the
//! server's tests run the very code that runs in the browser.

use crate::model::TokenLife;
use std::time::Duration;

/// So long the server is left alone after an answer that another try would hardly change.
const PAUSE_AFTER_ANSWER: Duration = Duration::from_secs(30);

/// The pause after a refresh that failed for now, before chance shortens it. Each further failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A server that asks for more patience than this is asked again all the same.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(5);

/// Within this time the tabs that come into view together look whether their token has ended.
const STAGGER: Duration = Duration::from_millis(500);

/// An access token is renewed this long before its end, or a tenth of its life before, whichever is shorter.
const LONGEST_MARGIN: Duration = Duration::from_secs(30);

/// What the page knows when a call is about to leave, or when its answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientState {
    /// The access token, as far as the readable cookie tells. A cookie that cannot be read counts as none.
    pub token: Option<Token>,
    /// Whether this page believes that somebody is signed in.
    pub session_accepted: bool,
    /// The last refresh, if it did not help.
    pub failure: Option<Failure>,
    /// User is signing out on this page: from now on nothing is renewed.
    pub leaving: bool,
}

/// A refresh that did not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub outcome: RefreshOutcome,
    /// How long ago that was.
    pub since: Duration,
    /// How long the server is left alone after it.
    pub pause: Duration,
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
    /// Anonymous seems to be signed in: the call goes out, and no answer to it causes a refresh.
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

/// What a refresh does that has waited until no other tab was at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Refresh,
    /// Another tab has done it meanwhile.
    TakeOver,
    /// User is signing out.
    GiveUp,
}

/// What a page does that comes back into view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnVisible {
    Nothing,
    /// Ask the server who is signed in, after this pause. That refreshes first, if it is due.
    Ask {
        after: Duration,
    },
}

/// What came of a refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefreshOutcome {
    Renewed,
    /// Renewed, but to no effect: no readable cookie came of it, or the call was refused all the same.
    InVain,
    /// The server's last word: the session is over.
    Refused,
    /// The server could not tell. Anonymous is signed out by this.
    Unable,
    /// No answer came. Anonymous is signed out by this.
    #[default]
    Unreachable,
}

impl ClientState {
    /// Decides about a call that has not left yet.
    #[must_use]
    pub fn before_call(&self) -> Plan {
        if self.token.is_none() && !self.session_accepted {
            return Plan::SendAnonymously;
        }
        if self.has_good_token() || !self.may_refresh() { Plan::Send } else { Plan::RefreshFirst }
    }

    /// Decides about an answer to a call that left under `plan`.
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

    /// Decides what to do when the page comes back into view. `random` is in `0.0..1.0`.
    ///
    /// A token that was renewed in the meantime may be somebody else's.
    #[must_use]
    pub fn on_visible(&self, renewed_meanwhile: bool, random: f64) -> OnVisible {
        match self.before_call() {
            Plan::RefreshFirst => OnVisible::Ask { after: STAGGER.mul_f64(random) },
            Plan::Send if renewed_meanwhile && !self.leaving => OnVisible::Ask { after: Duration::ZERO },
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

    /// How long the server is left alone after this outcome, when it is the `failures`th in a row that did not help.
    ///
    /// `random`, in `0.0..1.0`, keeps those whom one outage has hit from coming back all at once.
    #[must_use]
    pub fn pause(self, failures: u32, retry_after: Option<Duration>, random: f64) -> Duration {
        if !self.is_transient() {
            return PAUSE_AFTER_ANSWER;
        }
        let doublings = failures.saturating_sub(1).min(16);
        let half = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE) / 2;
        retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER) + half + half.mul_f64(random)
    }
}

/// Reads `Retry-After` (RFC 9110 §10.2.3). A date in it says nothing to a page that believes no clock.
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
    fn a_missing_token_is_renewed_only_if_somebody_seems_to_be_signed_in() {
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
    fn a_refresh_that_did_not_help_is_not_tried_again_at_once() {
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
        assert_eq!(RefreshOutcome::Refused.pause(9, Some(secs(600)), 0.9), secs(30), "an answer, not an outage");
    }

    #[test]
    fn a_server_that_says_when_is_not_asked_before() {
        let pause = |header| RefreshOutcome::Unable.pause(1, retry_after(header), 0.0);
        assert_eq!(pause("120"), secs(121));
        assert_eq!(pause(" 0 "), secs(1));
        assert_eq!(pause("86400"), secs(301), "within reason");
        for nonsense in ["", "-1", "1.5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999999999999"] {
            assert_eq!(pause(nonsense), secs(1), "{nonsense}");
        }
    }

    #[test]
    fn while_somebody_signs_out_nothing_is_renewed() {
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
    fn a_page_that_comes_into_view_asks_only_if_something_may_have_changed() {
        let good = signed_in(Some(Token::new(HOUR, secs(0))));
        assert_eq!(good.on_visible(false, 0.9), OnVisible::Nothing);
        assert_eq!(good.on_visible(true, 0.9), OnVisible::Ask { after: Duration::ZERO }, "perhaps by somebody else");
        assert_eq!(signed_in(None).on_visible(false, 0.5), OnVisible::Ask { after: Duration::from_millis(250) });
        assert_eq!(
            failed(RefreshOutcome::Unable, 0).on_visible(false, 0.0),
            OnVisible::Nothing,
            "not during an outage"
        );
        let anonymous = ClientState { session_accepted: false, ..signed_in(None) };
        assert_eq!(anonymous.on_visible(false, 0.0), OnVisible::Nothing);
        assert_eq!(
            ClientState { token: good.token, ..anonymous }.on_visible(true, 0.0),
            OnVisible::Ask { after: Duration::ZERO }
        );
    }

    #[test]
    fn a_refusal_for_want_of_a_refresh_says_nothing_about_the_session() {
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
