//! The keys that the issuer of the tokens publishes (a JWK set, RFC 7517): fetched at the start, every few minutes, and
//! when a token names a key that is not among them.
//!
//! Anybody can send tokens that name made-up keys. So one fetch serves all requests that wait for it, and the next one
//! comes only after a pause: the issuer hears nothing of such tokens.

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{StatusCode, Uri, body::Bytes};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{
    sync::Mutex,
    time::{Instant, interval, sleep, timeout},
};

const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause after a fetch that failed: doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const MAX_BYTES: usize = 64 * 1024;

/// Why there is no key for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The issuer publishes no such key.
    Unknown,
    /// The issuer cannot be asked: the key may be good.
    Unavailable,
}

/// The keys, by their name.
type KeySet = HashMap<String, DecodingKey>;

/// What is known of the issuer's keys.
pub struct Keys {
    url: Uri,
    client: Client<HttpConnector, Empty<Bytes>>,
    known: RwLock<KeySet>,
    pause: Duration,
    last: Mutex<Option<Fetch>>,
}

/// How and when the last fetch ended.
#[derive(Clone, Copy)]
struct Fetch {
    at: Instant,
    worked: bool,
}

impl Keys {
    /// Keys published at `url`, to be fetched once in a `pause` at most.
    pub fn new(url: Uri, pause: Duration) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { url, client, known: RwLock::default(), pause, last: Mutex::default() }
    }

    /// Finds a key, if need be by asking the issuer.
    pub async fn find(self: &Arc<Self>, kid: &str) -> Result<DecodingKey, KeyError> {
        if let Some(key) = self.known(kid) {
            return Ok(key);
        }
        let (keys, kid) = (Arc::clone(self), kid.to_owned());
        // A task of its own: whoever hangs up in the middle takes nobody else's fetch along, and cannot have the next
        // one begin before its time.
        let work = tokio::spawn(async move { keys.find_anew(&kid).await });
        work.await.unwrap_or(Err(KeyError::Unavailable))
    }

    /// Fetches the keys now, and again and again. An issuer that is only just starting, as it may if both were started
    /// together, is soon asked again.
    pub async fn keep_fresh(self: Arc<Self>, every: Duration) {
        let mut ticks = interval(every);
        loop {
            ticks.tick().await;
            let mut pause = FIRST_PAUSE;
            while !self.fetch_now(&mut *self.last.lock().await).await.worked {
                sleep(pause).await;
                pause = every.min(pause * 2);
            }
        }
    }

    async fn find_anew(&self, kid: &str) -> Result<DecodingKey, KeyError> {
        let mut last = self.last.lock().await;
        // Whoever was first here has fetched for all who waited.
        if let Some(key) = self.known(kid) {
            return Ok(key);
        }
        let fetch = match *last {
            Some(fetch) if fetch.at.elapsed() < self.pause => fetch,
            _ => self.fetch_now(&mut last).await,
        };
        let error = if fetch.worked { KeyError::Unknown } else { KeyError::Unavailable };
        self.known(kid).ok_or(error)
    }

    async fn fetch_now(&self, last: &mut Option<Fetch>) -> Fetch {
        let fetched = timeout(FETCH_TIMEOUT, self.fetch()).await.unwrap_or_else(|late| Err(late.into()));
        let worked = match fetched {
            Ok(keys) => {
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = keys;
                true
            }
            Err(error) => {
                tracing::warn!(error = &*error as &dyn Error, url = %self.url, "the issuer's keys cannot be fetched");
                false
            }
        };
        *last.insert(Fetch { at: Instant::now(), worked })
    }

    async fn fetch(&self) -> Result<KeySet, Box<dyn Error + Send + Sync>> {
        let answer = self.client.get(self.url.clone()).await?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answers {}", answer.status()).into());
        }
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await?.to_bytes();
        let set: JwkSet = serde_json::from_slice(&body)?;
        Ok(set.keys.iter().filter_map(usable).collect())
    }

    fn known(&self, kid: &str) -> Option<DecodingKey> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(kid).cloned()
    }
}

/// A key by which access tokens are checked here: of Ed25519 (RFC 8037), for signatures, and with a name.
fn usable(jwk: &Jwk) -> Option<(String, DecodingKey)> {
    let AlgorithmParameters::OctetKeyPair(parameters) = &jwk.algorithm else { return None };
    let fits = parameters.curve == EllipticCurve::Ed25519
        && matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature))
        && matches!(jwk.common.key_algorithm, None | Some(KeyAlgorithm::EdDSA));
    if !fits {
        return None;
    }
    Some((jwk.common.key_id.clone()?, DecodingKey::from_ed_components(&parameters.x).ok()?))
}
