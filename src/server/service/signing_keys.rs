//! The keys that sign access tokens: created, published, used and removed by schedule, the same on all servers.
//!
//! They are stored sealed under the master secret. A server holds the decrypted ones in memory, so that no request
//! queries them. It reloads them every few seconds, and at once when a token names an unknown key.
//! [`crate::server::domain::key_schedule`] has the rules.

use super::outage::Outage;
use crate::server::{
    clock::{Clock, Timestamp},
    domain::key_schedule::{KeySchedule, KeyTimes, KeyWindow},
    keyring::{Keyring, OpenError, Sealed},
    store::{SigningKeyStore, StoreError, StoredSigningKey},
    telemetry::SECURITY,
};
use aws_lc_rs::{
    digest,
    encoding::{AsDer, Pkcs8V1Der},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{Jwk, PublicKeyUse},
};
use std::{
    error::Error,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

/// The length of a key id (`kid`).
pub const ID_CHARS: usize = 16;
/// The longest interval between reloads.
const MAX_INTERVAL: Duration = Duration::from_secs(10);
/// How long the published keys may be cached, at most.
const MAX_CACHE_AGE: Duration = Duration::from_mins(5);
/// The minimum interval between lookups of an unknown key in the store: forged key ids must not cost more.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(1);
/// How long a request waits for such a lookup.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(1);

/// Why the keys could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the signing key in the database cannot be decrypted")]
    Unsealable(#[from] OpenError),
    #[error("the signing key in the database is not an Ed25519 key")]
    Unusable,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The outcome of a requested key rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// A new key has been created.
    Made(KeyTimes),
    /// This key is already published and begins to sign soon.
    Underway(KeyTimes),
}

/// A signing key, decrypted.
pub struct SigningKey {
    /// `kid` (RFC 7515 §4.1.4).
    pub id: String,
    pub signing: EncodingKey,
    pub verifying: DecodingKey,
    /// The public half (RFC 8037 §2), for others to check with.
    pub public: Jwk,
}

/// The keys this server knows.
#[derive(Default)]
pub struct KeySet {
    keys: Vec<(KeyWindow, Arc<SigningKey>)>,
}

impl KeySet {
    /// The key to sign with at `now`.
    #[must_use]
    pub fn signing(&self, now: Timestamp) -> Option<&SigningKey> {
        self.keys.iter().find(|(window, _)| window.signs(now)).map(|(_, key)| &**key)
    }

    /// The key of this id, if its signatures are accepted at `now`.
    #[must_use]
    pub fn trusted(&self, id: &str, now: Timestamp) -> Option<&SigningKey> {
        self.keys.iter().find(|(window, key)| key.id == id && window.is_trusted(now)).map(|(_, key)| &**key)
    }

    /// All keys that sign now, will sign soon, or signed recently.
    pub fn published(&self, now: Timestamp) -> impl Iterator<Item = &SigningKey> {
        self.keys.iter().filter(move |(window, _)| window.is_trusted(now)).map(|(_, key)| &**key)
    }

    fn get(&self, id: &str) -> Option<&Arc<SigningKey>> {
        self.keys.iter().map(|(_, key)| key).find(|key| key.id == id)
    }
}

/// The application's signing keys.
pub struct SigningKeys {
    store: Arc<dyn SigningKeyStore>,
    keyring: Arc<Keyring>,
    schedule: KeySchedule,
    current: RwLock<Arc<KeySet>>,
    /// When an unknown key was last looked up in the store. Locked during a lookup, so that concurrent requests share
    /// one.
    last_lookup: tokio::sync::Mutex<Option<Timestamp>>,
}

impl SigningKeys {
    /// Loads the keys, creating the first one if there is none.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the database cannot be reached or a key cannot be used.
    pub async fn load(
        store: Arc<dyn SigningKeyStore>,
        keyring: Arc<Keyring>,
        schedule: KeySchedule,
        now: Timestamp,
    ) -> Result<Self, KeyError> {
        let keys =
            Self { store, keyring, schedule, current: RwLock::default(), last_lookup: tokio::sync::Mutex::default() };
        keys.maintain(now).await?;
        if keys.current().signing(now).is_some() { Ok(keys) } else { Err(KeyError::Unusable) }
    }

    /// The keys this server knows now.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long the published keys may be cached: half as long as a key is published before it signs, and short enough
    /// for keys that are removed at once.
    #[must_use]
    pub fn keep_for(&self) -> Duration {
        (self.schedule.lead / 2).min(MAX_CACHE_AGE)
    }

    /// The stored keys, each with its window.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached.
    pub async fn list(&self) -> Result<Vec<(StoredSigningKey, KeyWindow)>, StoreError> {
        let stored = self.store.list_signing_keys().await?;
        let windows = self.schedule.windows(&times(&stored));
        Ok(stored.into_iter().zip(windows).collect())
    }

    /// Creates the next key when it is due, removes those no longer needed, and reloads what other servers have
    /// created.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the database cannot be reached or a key cannot be used; the known keys stay.
    pub async fn maintain(&self, now: Timestamp) -> Result<(), KeyError> {
        let stored = self.store.list_signing_keys().await?;
        if let Some(due) = self.schedule.due(&times(&stored), now) {
            self.make(due, now).await?;
        }
        for (key, window) in self.list().await? {
            if !window.is_trusted(now) && self.store.remove_signing_key(key.times.number).await? {
                info!(target: SECURITY, event = "signing_key_dropped", kid = key.id);
            }
        }
        self.reload().await
    }

    /// Reloads the stored keys. Those sealed under a version of the master secret that this server lacks are skipped.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the database cannot be reached or a key cannot be used; the known keys stay.
    pub async fn reload(&self) -> Result<(), KeyError> {
        let known = self.current();
        let (mut opened, mut lacking) = (Vec::new(), None);
        for stored in self.store.list_signing_keys().await? {
            let key = known.get(&stored.id).cloned().map_or_else(|| self.open(&stored).map(Arc::new), Ok);
            match key {
                Ok(key) => opened.push((stored.times, key)),
                Err(KeyError::Unsealable(error @ OpenError::UnknownVersion(_))) => lacking = Some(error),
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = lacking.filter(|_| opened.is_empty()) {
            return Err(error.into());
        }
        let (times, keys): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
        let keys = self.schedule.windows(&times).into_iter().zip(keys).collect();
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(KeySet { keys });
        Ok(())
    }

    /// Seals again, under this server's primary version of the master secret, the keys sealed under another version.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the database cannot be reached or a key cannot be used.
    pub async fn reseal(&self) -> Result<(), KeyError> {
        let version = self.keyring.primary_version();
        for key in self.store.list_signing_keys().await? {
            if key.sealed.version() == Some(version) {
                continue;
            }
            let purpose = purpose(&key.id);
            let secret = match self.keyring.open(&purpose, &key.sealed) {
                // A server that has that version uses a newer one than this server.
                Err(OpenError::UnknownVersion(_)) => continue,
                opened => opened?,
            };
            let resealed = self.keyring.seal(&purpose, &secret);
            if self.store.reseal_signing_key(key.times.number, &key.sealed, &resealed).await? {
                info!(target: SECURITY, event = "signing_key_resealed", kid = key.id, version);
            }
        }
        Ok(())
    }

    /// Whether the key of this id is known now: reloads from the store, unless another request has just done so.
    pub async fn look_up(&self, id: &str, now: Timestamp) -> bool {
        let mut last_lookup = self.last_lookup.lock().await;
        if self.current().get(id).is_some() {
            return true;
        }
        // A clock that was set back must not prevent lookups.
        if last_lookup.is_some_and(|at| at <= now && now.since(at) < LOOKUP_INTERVAL) {
            return false;
        }
        *last_lookup = Some(now);
        match timeout(LOOKUP_TIMEOUT, self.reload()).await {
            Ok(Ok(())) => self.current().get(id).is_some(),
            Ok(Err(error)) => {
                warn!(error = &error as &dyn Error, "cannot look up an unknown signing key");
                false
            }
            Err(_elapsed) => false,
        }
    }

    /// Creates the next key ahead of schedule. It begins to sign one lead from now.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the database cannot be reached or a key cannot be used.
    pub async fn rotate(&self, now: Timestamp) -> Result<Rotated, KeyError> {
        let keys = times(&self.store.list_signing_keys().await?);
        if let Some(next) = self.schedule.upcoming(&keys, now) {
            return Ok(Rotated::Underway(next));
        }
        let next = self.schedule.next(&keys, now);
        self.make(next, now).await?;
        self.maintain(now).await?;
        Ok(Rotated::Made(next))
    }

    /// Creates a key that signs from now on, and removes all others, which invalidates everything they have signed: for
    /// compromised keys. Signed-in users continue after a refresh.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the database cannot be reached or a key cannot be used.
    pub async fn replace_all(&self, now: Timestamp) -> Result<Rotated, KeyError> {
        let stored = self.store.list_signing_keys().await?;
        let next = KeyTimes { signs_from: now, ..self.schedule.next(&times(&stored), now) };
        self.make(next, now).await?;
        for key in stored {
            self.store.remove_signing_key(key.times.number).await?;
        }
        self.reload().await?;
        Ok(Rotated::Made(next))
    }

    /// Maintains the keys for as long as the server runs.
    pub async fn run_reload_loop(&self, clock: &dyn Clock) {
        let mut ticks = interval(MAX_INTERVAL.min(self.schedule.lead / 4).max(Duration::from_millis(100)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Only once, at startup: while the version changes, servers with different primary versions would undo each
        // other's work forever.
        let mut resealed = false;
        let mut outage = Outage::default();
        loop {
            ticks.tick().await;
            let outcome = if resealed { Ok(()) } else { self.reseal().await };
            resealed = outcome.is_ok();
            let outcome = outcome.and(self.maintain(clock.now()).await);
            outage.record(&outcome, "cannot maintain the signing keys; retrying");
        }
    }

    async fn make(&self, times: KeyTimes, now: Timestamp) -> Result<(), KeyError> {
        let key = new_key(&self.keyring, times, now)?;
        if self.store.add_signing_key(&key).await? {
            info!(target: SECURITY, event = "signing_key_made", kid = key.id, number = times.number);
        }
        Ok(())
    }

    fn open(&self, stored: &StoredSigningKey) -> Result<SigningKey, KeyError> {
        let pkcs8 = self.keyring.open(&purpose(&stored.id), &stored.sealed)?;
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| KeyError::Unusable)?;
        let verifying = DecodingKey::from_ed_der(pair.public_key().as_ref());
        let mut public = Jwk::from_decoding_key(&verifying, Some(Algorithm::EdDSA)).map_err(|_| KeyError::Unusable)?;
        public.common.key_id = Some(stored.id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(SigningKey { id: stored.id.clone(), signing: EncodingKey::from_ed_der(&pkcs8), verifying, public })
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeys").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(_, key)| &key.id)).finish()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Whether a text has the form of a key id made here; nothing else is looked up.
#[must_use]
pub fn is_key_id(text: &str) -> bool {
    text.len() == ID_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn times(stored: &[StoredSigningKey]) -> Vec<KeyTimes> {
    stored.iter().map(|key| key.times).collect()
}

fn new_key(keyring: &Keyring, times: KeyTimes, now: Timestamp) -> Result<StoredSigningKey, KeyError> {
    let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Unusable)?;
    let thumbprint = digest::digest(&digest::SHA256, pair.public_key().as_ref());
    let id = URL_SAFE_NO_PAD.encode(thumbprint.as_ref().get(..ID_CHARS / 4 * 3).unwrap_or_default());
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Unusable)?;
    let sealed: Sealed = keyring.seal(&purpose(&id), pkcs8.as_ref());
    Ok(StoredSigningKey { times, id, sealed, created_at: now })
}

fn purpose(key_id: &str) -> String {
    format!("signing key {key_id}")
}
