//! The access tokens for upstreams: issued when needed, cached until shortly before their expiry.
//!
//! An upstream never sees the access token of the cookie, which would let it act as that user here. It gets one that
//! names it as the audience, for a few minutes, signed under the same keys.

use super::{clients::WEB, tokens::Tokens};
use crate::server::{
    clock::{Clock, Timestamp},
    domain::{
        access_token::PlainAccessToken,
        session::SessionId,
        upstream_token::{Bearer, UpstreamClaims},
    },
    random,
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

/// How long such a token lives at most; never longer than an access token.
const LONGEST_TTL: Duration = Duration::from_mins(5);
/// A token is used while more than this fraction (one part in …) of its life is left: time for the upstream to verify
/// it.
const LAST_PART: u32 = 5;
/// How many are cached; some 8 MB.
const MAX_KEPT: usize = 8192;

/// Issues and caches the tokens for upstreams. `Debug` shows none of them.
pub struct UpstreamTokens {
    tokens: Arc<Tokens>,
    clock: Arc<dyn Clock>,
    ttl: Duration,
    kept: RwLock<HashMap<Key, Kept>>,
}

type Key = (Arc<str>, Option<SessionId>);

struct Kept {
    token: PlainAccessToken,
    /// From then on a new one is issued.
    stale_at: Timestamp,
}

impl UpstreamTokens {
    #[must_use]
    pub fn new(tokens: Arc<Tokens>, clock: Arc<dyn Clock>, access_ttl: Duration) -> Self {
        Self { tokens, clock, ttl: LONGEST_TTL.min(access_ttl), kept: RwLock::default() }
    }

    /// A token of a bearer for an audience. The caller has checked that the session is live.
    #[must_use]
    pub fn token(&self, audience: &Arc<str>, bearer: Bearer) -> PlainAccessToken {
        let now = self.clock.now();
        let key = key(audience, bearer);
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.get(&key).filter(|kept| now < kept.stale_at) {
            return found.token.clone();
        }
        drop(kept);
        let claims = UpstreamClaims::of(bearer, WEB, self.tokens.issuer(), audience, random::id(now), now, self.ttl);
        let token = self.tokens.sign(&claims, now);
        self.keep(key, Kept { token: token.clone(), stale_at: now + self.ttl / LAST_PART * (LAST_PART - 1) }, now);
        token
    }

    /// Drops the cached token for an audience: the next request gets a new one.
    pub fn forget(&self, audience: &Arc<str>, bearer: Bearer) {
        self.kept.write().unwrap_or_else(PoisonError::into_inner).remove(&key(audience, bearer));
    }

    fn keep(&self, key: Key, new: Kept, now: Timestamp) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, kept| now < kept.stale_at);
        }
        if kept.len() >= MAX_KEPT {
            // Signing again costs less than finding the entries to evict.
            kept.clear();
        }
        kept.insert(key, new);
    }
}

impl fmt::Debug for UpstreamTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamTokens").field("ttl", &self.ttl).finish_non_exhaustive()
    }
}

fn key(audience: &Arc<str>, bearer: Bearer) -> Key {
    let session = match bearer {
        Bearer::User { session_id, .. } => Some(session_id),
        Bearer::Client => None,
    };
    (Arc::clone(audience), session)
}
