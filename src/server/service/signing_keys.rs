//! The keys that access tokens are signed with: made, published, used and dropped by schedule, the same on all servers.
//!
//! They are kept in the store, sealed under the master secret. A server holds the opened ones in memory, so that no
//! request asks for them. It looks at the store again every few seconds, and at once when a token names a key that it
//! has not heard of. [`crate::server::domain::key_schedule`] has the rules.

use super::outage::Outage;
use crate::server::{
    clock::{Clock, Timestamp},
    domain::key_schedule::{KeySchedule, KeyTimes, KeyWindow},
    keyring::{Keyring, OpenError, Sealed},
    store::{SigningKeyStore, StoreError, StoredSigningKey},
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

/// The length of a key's name (`kid`).
pub const ID_CHARS: usize = 16;
/// How often the store is looked at, at least.
const MAX_INTERVAL: Duration = Duration::from_secs(10);
/// How long others may keep the published keys, at most.
const MAX_KEEP: Duration = Duration::from_mins(5);
/// How long no other request may have the store asked for an unknown key. Forged names must not cost more.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How long a request waits for that.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);

/// Why the keys could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the signing key in the database cannot be read")]
    Unsealable(#[from] OpenError),
    #[error("the signing key in the database is no Ed25519 key")]
    Unusable,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What has become of the wish for a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// This one has been made.
    Made(KeyTimes),
    /// This one is published already and begins to sign soon.
    Underway(KeyTimes),
}

/// A signing key, opened.
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

    /// The key of this name, if what it signed holds at `now`.
    #[must_use]
    pub fn trusted(&self, id: &str, now: Timestamp) -> Option<&SigningKey> {
        self.keys.iter().find(|(window, key)| key.id == id && window.is_trusted(now)).map(|(_, key)| &**key)
    }

    /// All keys that sign now, will soon, or did lately.
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
    /// When the store was last asked for an unknown key. Whoever asks holds the lock, so that one does for all.
    last_lookup: tokio::sync::Mutex<Option<Timestamp>>,
}

impl SigningKeys {
    /// Loads the keys, making the first one if there is none.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
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

    /// How long others may keep the published keys: half as long as a key is published before it signs, and short
    /// enough for keys that are dropped at once.
    #[must_use]
    pub fn keep_for(&self) -> Duration {
        (self.schedule.lead / 2).min(MAX_KEEP)
    }

    /// What is stored, each with its window.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn list(&self) -> Result<Vec<(StoredSigningKey, KeyWindow)>, StoreError> {
        let stored = self.store.list_signing_keys().await?;
        let windows = self.schedule.windows(&times(&stored));
        Ok(stored.into_iter().zip(windows).collect())
    }

    /// Makes the next key when it is time, drops those that nothing needs any more, and learns what others have made.
    ///
    /// # Errors
    ///
    /// [`KeyError`]; what is known stays.
    pub async fn maintain(&self, now: Timestamp) -> Result<(), KeyError> {
        let stored = self.store.list_signing_keys().await?;
        if let Some(due) = self.schedule.due(&times(&stored), now) {
            self.make(due, now).await?;
        }
        for (key, window) in self.list().await? {
            if !window.is_trusted(now) && self.store.remove_signing_key(key.times.number).await? {
                info!(target: "tokenlife::security", event = "signing_key_dropped", kid = key.id);
            }
        }
        self.reload().await
    }

    /// Learns which keys are stored now. Those sealed under a version of the master secret that this server lacks are
    /// as if they were not there: it goes on with the others.
    ///
    /// # Errors
    ///
    /// [`KeyError`]; what is known stays.
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

    /// Seals under the version of the master secret that makes here what is sealed under another.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub async fn reseal(&self) -> Result<(), KeyError> {
        let version = self.keyring.primary_version();
        for key in self.store.list_signing_keys().await? {
            if key.sealed.version() == Some(version) {
                continue;
            }
            let purpose = purpose(&key.id);
            let secret = match self.keyring.open(&purpose, &key.sealed) {
                // Whoever has that version uses a newer one than this server.
                Err(OpenError::UnknownVersion(_)) => continue,
                opened => opened?,
            };
            let resealed = self.keyring.seal(&purpose, &secret);
            if self.store.reseal_signing_key(key.times.number, &key.sealed, &resealed).await? {
                info!(target: "tokenlife::security", event = "signing_key_resealed", kid = key.id, version);
            }
        }
        Ok(())
    }

    /// Whether the key of this name is known after all: asks the store, unless another request has just done so.
    pub async fn look_up(&self, id: &str, now: Timestamp) -> bool {
        let mut last_lookup = self.last_lookup.lock().await;
        if self.current().get(id).is_some() {
            return true;
        }
        // A clock that was set back must not keep anybody from asking.
        if last_lookup.is_some_and(|at| at <= now && now.since(at) < ASK_AGAIN_AFTER) {
            return false;
        }
        *last_lookup = Some(now);
        match timeout(ASK_TIMEOUT, self.reload()).await {
            Ok(Ok(())) => self.current().get(id).is_some(),
            Ok(Err(error)) => {
                warn!(error = &error as &dyn Error, "cannot look for an unknown signing key");
                false
            }
            Err(_elapsed) => false,
        }
    }

    /// Makes the next key ahead of its time. It begins to sign as by schedule, one lead from now.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
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

    /// Makes a key that signs from now on, and drops all others with everything they have signed: for keys that
    /// somebody else has got hold of. Whoever is signed in goes on after a refresh.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
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

    /// Keeps tending for as long as the server runs.
    pub async fn run_reload_loop(&self, clock: &dyn Clock) {
        let mut ticks = interval(MAX_INTERVAL.min(self.schedule.lead / 4).max(Duration::from_millis(100)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Once at start and no more: while versions change, servers that make under different ones would undo each
        // other's work for ever.
        let mut resealed = false;
        let mut outage = Outage::default();
        loop {
            ticks.tick().await;
            let outcome = if resealed { Ok(()) } else { self.reseal().await };
            resealed = outcome.is_ok();
            let outcome = outcome.and(self.maintain(clock.now()).await);
            outage.record(&outcome, "cannot look after the signing keys; trying on");
        }
    }

    async fn make(&self, times: KeyTimes, now: Timestamp) -> Result<(), KeyError> {
        let key = new_key(&self.keyring, times, now)?;
        if self.store.add_signing_key(&key).await? {
            info!(target: "tokenlife::security", event = "signing_key_made", kid = key.id, number = times.number);
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

/// Whether a text could be the name of a key made here; nothing else is looked for.
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
