//! What happens to a refresh token that comes in: the one decision everything else leans on.
//!
//! Pure, so that the server, the property tests and a model checker run the same code. The store carries the
//! decision out by compare-and-swap on the generation; whoever loses the race decides again on what is there then.
//!
//! The scheme cannot log an honest person out, because no order of arrival leaves a dead token in the cookie jar:
//! everybody who comes with the token before gets the *same* successor, for as long as that successor has not
//! evidently arrived. Evidence is the access token that came with it: the first time it is seen, the session is
//! marked delivered.

use super::session::{Generation, Session};
use crate::server::clock::Timestamp;
use std::time::Duration;

/// How long a token one behind still gets the same successor although that has arrived: requests of one browser
/// that were under way at the same time.
pub const GRACE: Duration = Duration::from_secs(30);

/// How long a token one behind is merely refused: a very late packet. The browser's next try carries the new cookie.
pub const LATE: Duration = Duration::from_mins(5);

/// What to do with a genuine refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The newest token: move the session on to `to`, if it still stands where it was read.
    Rotate { to: Generation },
    /// One behind, and the successor may not have arrived: hand out that same successor again.
    Replay { current: Generation },
    /// Newer than the store knows: a restored backup or a lost commit. The store catches up.
    RollForward { to: Generation },
    /// Too late to be served, too early to be called theft: answer without, change nothing.
    Refuse,
    /// A copy: the owner's browser has moved on long ago. The session ends.
    Reuse,
    /// The session's time is up.
    Expired,
    /// The session was ended.
    Ended,
}

/// Decides what a genuine refresh token of generation `presented` gets at time `now`.
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
    let arrived = session.delivered >= session.generation;
    let age = now.since(session.rotated_at);
    if !arrived || age <= GRACE {
        Verdict::Replay { current: session.generation }
    } else if age <= LATE {
        Verdict::Refuse
    } else {
        Verdict::Reuse
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::domain::{
        session::{EndReason, Ended, LoginMethod, SessionId},
        user::UserId,
    };
    use uuid::Uuid;

    const ROTATED: Timestamp = Timestamp::from_seconds(1_000_000);

    fn session(generation: u32, delivered: u32) -> Session {
        Session {
            id: SessionId::from_uuid(Uuid::nil()),
            user_id: UserId::from_uuid(Uuid::nil()),
            client_id: "web".to_owned(),
            method: LoginMethod::Password,
            began_at: ROTATED,
            expires_at: ROTATED + Duration::from_hours(30 * 24),
            generation: Generation::new(generation),
            rotated_at: ROTATED,
            delivered: Generation::new(delivered),
            ended: None,
            address: String::new(),
            user_agent: String::new(),
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
    fn an_undelivered_successor_is_handed_out_again_without_a_time_limit() {
        let verdict = decide(&session(5, 4), Generation::new(4), after(20 * 24 * 3600));
        assert_eq!(verdict, Verdict::Replay { current: Generation::new(5) });
    }

    #[test]
    fn a_delivered_successor_is_handed_out_again_only_within_the_grace() {
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
    fn a_clock_that_went_back_is_no_theft() {
        let session = session(5, 5);
        let earlier = ROTATED.before(Duration::from_hours(1));
        assert_eq!(decide(&session, Generation::new(4), earlier), Verdict::Replay { current: Generation::new(5) });
    }
}
