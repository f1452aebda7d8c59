//! How a presented refresh token is handled: the decision that the rest of the system relies on.
//!
//! Pure, so that the server, the property tests and the model checker run the same code: `decide` returns the verdict
//! on a token, [`Session::after`] the session after it, [`Session::advance`] how it is written. The store carries it
//! out by compare-and-swap on the generation; a request that loses the race decides again on the new state.
//!
//! # Why no legitimate user is signed out
//!
//! No order of arrival leaves a dead token in the cookie jar: every request with the previous token gets the *same*
//! successor, as long as there is no evidence that the successor was delivered. Evidence is the access token that was
//! issued with it: when it is first presented, the generation is marked delivered. The grace period counts from the
//! last time the successor was issued without evidence, however long ago it was made. And a browser that holds a fresh
//! access token gets no new tokens ([`AccessToken::is_fresh`]), so that a rotation follows the last one only when all
//! responses from then have long arrived.
//!
//! [`AccessToken::is_fresh`]: super::access_token::AccessToken::is_fresh
//!
//! # Assumptions
//!
//! A request together with its response is in transit for less than two minutes (half of [`LATE`], less the difference
//! between the clocks of two servers), and for less time than the access token is fresh. Longer ones would do harm: a
//! *request* with a token that was replaced more than [`LATE`] ago looks like theft, although the response that
//! replaced it in the jar was in transit as well; a *response* that arrives after the next rotation was delivered puts
//! an old token into the jar, which only the grace period would correct, and which then looks like theft too. The
//! server's time limits exclude both: head, body and response have 10, 30 and 30 s, and a client that reads a response
//! too slowly is disconnected (`[app.http]`, `transport/min_rate.rs`). A laptop that sleeps with a response half
//! received sends nothing meanwhile, so that time does not count. An access token life under a minute, or time limits
//! of minutes, break these assumptions.
//!
//! A browser that loses its newest cookies (a crash before the jar was on disk, an old copy of a profile) cannot be
//! distinguished from a copy: after the grace period the user has to sign in again.

use super::session::{EndReason, Generation, Session};
use crate::server::clock::Timestamp;
use std::time::Duration;

/// How long a token one generation behind still gets the same successor although that was delivered: for concurrent
/// requests of one browser.
pub const GRACE: Duration = Duration::from_secs(30);

/// How long a token one generation behind is only refused: a very late request. The browser's next attempt carries the
/// new cookie.
pub const LATE: Duration = Duration::from_mins(5);

/// A successor issued again within this time of the last issue is not recorded: a burst of requests would cause as many
/// writes.
pub const BURST: Duration = Duration::from_secs(10);

/// What to do with a genuine refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The newest token: advance the session to `to`, if its generation has not changed since it was read.
    Rotate { to: Generation },
    /// One generation behind, and the successor may not have arrived: issue the same successor again.
    Replay { current: Generation },
    /// Newer than the stored generation: a restored backup or a lost commit. The store catches up.
    RollForward { to: Generation },
    /// Too late to be served, too early to be treated as theft: refuse, change nothing.
    Refuse,
    /// A copy: the owner's browser has long replaced it. The session ends.
    Reuse,
    /// The session has expired.
    Expired,
    /// The session was ended.
    Ended,
}

impl Verdict {
    /// Whether the verdict is final: no token of this session will ever be redeemed again.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Reuse | Self::Expired | Self::Ended)
    }
}

/// Decides how a genuine refresh token of generation `presented` is handled at `now`.
#[must_use]
pub fn decide(session: &Session, presented: Generation, now: Timestamp) -> Verdict {
    if session.ended.is_some() {
        return Verdict::Ended;
    }
    if now >= session.expires_at {
        return Verdict::Expired;
    }
    if presented > session.generation {
        return Verdict::RollForward { to: presented.next() };
    }
    if presented == session.generation {
        return Verdict::Rotate { to: session.generation.next() };
    }
    let one_behind = presented.next() == session.generation;
    if !one_behind {
        return Verdict::Reuse;
    }
    let age = now.since(session.rotated_at);
    if !session.is_delivered() || age <= GRACE {
        Verdict::Replay { current: session.generation }
    } else if age <= LATE {
        Verdict::Refuse
    } else {
        Verdict::Reuse
    }
}

impl Session {
    /// The session after a verdict given at `now`. If it is unchanged, there is nothing to write.
    #[must_use]
    pub fn after(&self, verdict: Verdict, now: Timestamp) -> Self {
        let mut next = self.clone();
        match verdict {
            Verdict::Rotate { to } | Verdict::RollForward { to } => {
                (next.generation, next.rotated_at) = (to, now);
            }
            Verdict::Replay { .. } if !self.is_delivered() && now.since(self.rotated_at) > BURST => {
                next.rotated_at = now;
            }
            Verdict::Reuse => {
                next.end(now, EndReason::Reuse);
            }
            Verdict::Replay { .. } | Verdict::Refuse | Verdict::Expired | Verdict::Ended => {}
        }
        next
    }

    /// Whether there is evidence that the newest generation was delivered to the browser.
    fn is_delivered(&self) -> bool {
        self.delivered >= self.generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        server::domain::{
            session::{Ended, SessionId},
            user::UserId,
        },
        sign_in_method::SignInMethod,
    };
    use uuid::Uuid;

    const ROTATED: Timestamp = Timestamp::from_seconds(1_000_000);

    fn session(generation: u32, delivered: u32) -> Session {
        let (id, user, ttl) =
            (SessionId::from_uuid(Uuid::nil()), UserId::from_uuid(Uuid::nil()), Duration::from_hours(30 * 24));
        Session {
            generation: Generation::new(generation),
            delivered: Generation::new(delivered),
            ..Session::begin(id, user, "web", SignInMethod::Password, ROTATED, ttl)
        }
    }

    fn after(seconds: u64) -> Timestamp {
        ROTATED + Duration::from_secs(seconds)
    }

    #[test]
    fn the_newest_token_rotates_however_old_it_is() {
        for delivered in [0, 4, 5] {
            let verdict = decide(&session(5, delivered), Generation::new(5), after(29 * 24 * 3600));
            assert_eq!(verdict, Verdict::Rotate { to: Generation::new(6) });
        }
    }

    #[test]
    fn an_undelivered_successor_is_issued_again_without_a_time_limit() {
        let verdict = decide(&session(5, 4), Generation::new(4), after(20 * 24 * 3600));
        assert_eq!(verdict, Verdict::Replay { current: Generation::new(5) });
    }

    #[test]
    fn a_delivered_successor_is_issued_again_only_within_the_grace_period() {
        let session = session(5, 5);
        let replay = Verdict::Replay { current: Generation::new(5) };
        assert_eq!(decide(&session, Generation::new(4), after(0)), replay);
        assert_eq!(decide(&session, Generation::new(4), after(30)), replay);
        assert_eq!(decide(&session, Generation::new(4), after(31)), Verdict::Refuse);
        assert_eq!(decide(&session, Generation::new(4), after(300)), Verdict::Refuse);
        assert_eq!(decide(&session, Generation::new(4), after(301)), Verdict::Reuse);
    }

    #[test]
    fn two_behind_is_reuse_at_any_time() {
        assert_eq!(decide(&session(5, 4), Generation::new(3), after(0)), Verdict::Reuse);
        assert_eq!(decide(&session(5, 5), Generation::new(1), after(0)), Verdict::Reuse);
    }

    #[test]
    fn a_token_newer_than_the_store_rolls_it_forward() {
        assert_eq!(
            decide(&session(5, 5), Generation::new(7), after(0)),
            Verdict::RollForward { to: Generation::new(8) }
        );
    }

    #[test]
    fn the_end_is_the_end_for_every_generation() {
        let mut over = session(5, 5);
        let end = over.expires_at;
        for presented in 1..8 {
            assert_eq!(decide(&over, Generation::new(presented), end), Verdict::Expired);
        }
        over.ended = Some(Ended { at: after(1), reason: EndReason::SignedOut });
        for presented in 1..8 {
            assert_eq!(decide(&over, Generation::new(presented), after(2)), Verdict::Ended);
        }
    }

    #[test]
    fn a_clock_that_went_back_is_not_theft() {
        let session = session(5, 5);
        let earlier = ROTATED.before(Duration::from_hours(1));
        assert_eq!(decide(&session, Generation::new(4), earlier), Verdict::Replay { current: Generation::new(5) });
    }

    #[test]
    fn the_grace_period_counts_from_the_last_issue_without_evidence() {
        let lost = session(5, 4);
        let retry = decide(&lost, Generation::new(4), after(3600));
        let mut handed_out = lost.after(retry, after(3600));
        handed_out.mark_delivered(Generation::new(5));
        let parallel = decide(&handed_out, Generation::new(4), after(3601));
        assert_eq!(parallel, Verdict::Replay { current: Generation::new(5) }, "a second tab that retried as well");
        assert_eq!(handed_out.after(parallel, after(3629)), handed_out, "the grace period does not extend itself");
        assert_eq!(decide(&handed_out, Generation::new(4), after(3631)), Verdict::Refuse);
    }

    #[test]
    fn only_what_changes_is_written() {
        let unchanged = session(5, 4);
        for (verdict, seconds) in [
            (Verdict::Replay { current: Generation::new(5) }, 10),
            (Verdict::Refuse, 60),
            (Verdict::Expired, 60),
            (Verdict::Ended, 60),
        ] {
            assert_eq!(unchanged.after(verdict, after(seconds)), unchanged);
        }
        let moved = unchanged.after(Verdict::Rotate { to: Generation::new(6) }, after(7));
        assert_eq!(
            (moved.generation, moved.rotated_at, moved.delivered),
            (Generation::new(6), after(7), Generation::new(4))
        );
        assert_eq!(moved.expires_at, unchanged.expires_at);
        let ended = unchanged.after(Verdict::Reuse, after(8)).ended;
        assert_eq!(ended, Some(Ended { at: after(8), reason: EndReason::Reuse }));
    }

    #[test]
    fn a_session_advances_only_from_its_current_generation_and_never_after_its_end() {
        let mut session = session(5, 4);
        assert!(!session.advance(Generation::new(4), Generation::new(5), after(1)));
        assert!(session.advance(Generation::new(5), Generation::new(6), after(1)));
        session.mark_delivered(Generation::new(6));
        session.mark_delivered(Generation::new(5));
        assert_eq!((session.rotated_at, session.delivered), (after(1), Generation::new(6)));
        assert!(session.end(after(2), EndReason::SignedOut));
        assert!(!session.end(after(3), EndReason::Reuse));
        assert_eq!(session.ended, Some(Ended { at: after(2), reason: EndReason::SignedOut }));
        assert!(!session.advance(Generation::new(6), Generation::new(7), after(4)));
    }

    #[test]
    fn the_highest_generation_is_its_own_successor() {
        let last = Generation::new(u32::MAX);
        let (fresh, session) = (session(5, 5), session(u32::MAX, u32::MAX));
        assert_eq!(decide(&session, last, after(600)), Verdict::Rotate { to: last });
        assert_eq!(decide(&session, Generation::new(u32::MAX - 1), after(600)), Verdict::Reuse);
        assert_eq!(decide(&fresh, last, after(0)), Verdict::RollForward { to: last });
    }
}
