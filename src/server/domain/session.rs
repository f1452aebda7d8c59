//! A session: the server's record of a signed-in browser.

use super::{id::id, user::UserId};
use crate::{server::clock::Timestamp, sign_in_method::SignInMethod};
use std::time::Duration;

id! {
    /// Identifies a session and its family of refresh tokens. Not a credential.
    SessionId
}

/// Counts the refresh tokens of a session: sign-in issues the first, each rotation the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u32);

impl Generation {
    pub const FIRST: Self = Self(1);
    /// Before the first: nothing has been delivered yet.
    pub const NONE: Self = Self(0);

    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The next generation. The last is its own successor: 2³² rotations do not fit into a session.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// One signed-in browser.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    /// The OAuth client the tokens were issued to (RFC 6749 §2.2).
    pub client_id: String,
    pub method: SignInMethod,
    pub began_at: Timestamp,
    /// The absolute end; rotation never moves it.
    pub expires_at: Timestamp,
    /// The generation of the newest refresh token.
    pub generation: Generation,
    /// When that generation was made, or issued again without evidence of delivery.
    pub rotated_at: Timestamp,
    /// The newest generation known to have been delivered to the browser.
    pub delivered: Generation,
    pub ended: Option<Ended>,
    /// The client address at sign-in; shown to its owner.
    pub address: String,
    pub user_agent: String,
}

impl Session {
    /// A session that begins at `now` and expires `ttl` later: at its first generation, not delivered yet.
    ///
    /// `address` and `user_agent` are empty; the caller sets them if they are known.
    #[must_use]
    pub fn begin(
        id: SessionId,
        user_id: UserId,
        client_id: &str,
        method: SignInMethod,
        now: Timestamp,
        ttl: Duration,
    ) -> Self {
        Self {
            id,
            user_id,
            client_id: client_id.to_owned(),
            method,
            began_at: now,
            expires_at: now + ttl,
            generation: Generation::FIRST,
            rotated_at: now,
            delivered: Generation::NONE,
            ended: None,
            address: String::new(),
            user_agent: String::new(),
        }
    }

    /// The remaining life of the session, in whole seconds: the `Max-Age` of the refresh token's cookie.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> Duration {
        Duration::from_secs(self.expires_at.since(now).as_secs())
    }

    /// Advances from one generation to another, if it has not ended and is still at `from`: the compare-and-swap of
    /// rotation. An advance to the same generation issues that again, and only while it is not delivered. `false` if
    /// nothing changed.
    #[must_use = "a request that lost the race has to decide again"]
    pub fn advance(&mut self, from: Generation, to: Generation, at: Timestamp) -> bool {
        let may_move = self.ended.is_none() && self.generation == from && (from != to || self.delivered < from);
        if may_move {
            (self.generation, self.rotated_at) = (to, at);
        }
        may_move
    }

    /// Records that a generation was delivered. Never lowers the recorded one.
    pub fn mark_delivered(&mut self, generation: Generation) {
        self.delivered = self.delivered.max(generation);
    }

    /// Ends the session. `false` if it had ended before.
    pub fn end(&mut self, at: Timestamp, reason: EndReason) -> bool {
        let ends = self.ended.is_none();
        self.ended.get_or_insert(Ended { at, reason });
        ends
    }
}

/// A session that ended because one of its old tokens was reused, as reported to its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReusedSession {
    pub session: Session,
    /// When the old token was presented; the session ended then.
    pub at: Timestamp,
    /// The client address of the request with the old token.
    pub from: String,
}

/// When and why a session ended before its expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ended {
    pub at: Timestamp,
    pub reason: EndReason,
}

/// Gives each variant its word in the store. One list serves both directions, and the compiler rejects a list without
/// one of the variants: whatever can be written can be read.
macro_rules! words {
    ($(#[$about:meta])* $name:ident, $to_word:ident, $from_word:ident: $($variant:ident = $word:literal,)+) => {
        impl $name {
            $(#[$about])*
            #[must_use]
            pub const fn $to_word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            #[must_use]
            pub fn $from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

/// Why a session ended before its expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The user signed out.
    SignedOut,
    /// A new sign-in in the same browser.
    Replaced,
    /// A refresh token was reused that the owner's browser had long replaced (RFC 9700 §4.14.2).
    Reuse,
    /// The account was disabled.
    AccountDisabled,
    /// The client that its tokens were issued to revoked one (RFC 7009).
    Revoked,
    /// Its owner ended it from another of their sessions.
    EndedByOwner,
    /// Its owner exceeded the limit of sessions, and this one was unused for longest.
    TooMany,
}

words! { EndReason, code, from_code:
    SignedOut = "signed_out",
    Replaced = "replaced",
    Reuse = "reuse",
    AccountDisabled = "account_disabled",
    Revoked = "revoked",
    EndedByOwner = "ended_by_owner",
    TooMany = "too_many",
}
