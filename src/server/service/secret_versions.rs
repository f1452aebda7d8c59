//! Which versions of the master secret are in use by any server, and until when each is needed.
//!
//! The store holds a fingerprint of each. So a server detects that it was given another secret under the same number,
//! before it refuses all tokens as forged; that it lacks a version which is still needed; and that a version is no
//! longer needed.

use super::outage::Outage;
use crate::server::{
    clock::{Clock, Timestamp},
    keyring::Keyring,
    store::{SecretVersion, SecretVersionStore, StoreError},
};
use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Mutex,
    time::{MissedTickBehavior, interval},
};
use tracing::warn;

/// How often the store is polled.
const INTERVAL: Duration = Duration::from_mins(1);
/// How much longer than necessary a version is recorded as needed, so that one write a day suffices.
const MARGIN: Duration = Duration::from_hours(24);

/// Why the master secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("version {0} of the master secret differs from the one that this database was used with")]
    Other(u8),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The versions of the master secret that the servers of this database use.
#[derive(Debug)]
pub struct SecretVersions {
    store: Arc<dyn SecretVersionStore>,
    keyring: Arc<Keyring>,
    refresh_ttl: Duration,
    known: RwLock<Vec<SecretVersion>>,
    /// How many reloads caused by requests have begun.
    begun: AtomicU64,
    /// The number of the last completed one. Locked during a reload.
    completed: Mutex<u64>,
}

impl SecretVersions {
    /// Loads the versions in use, and checks that each one configured here has the recorded fingerprint.
    ///
    /// # Errors
    ///
    /// [`SecretError`].
    pub async fn load(
        store: Arc<dyn SecretVersionStore>,
        keyring: Arc<Keyring>,
        refresh_ttl: Duration,
    ) -> Result<Self, SecretError> {
        let versions = Self {
            store,
            keyring,
            refresh_ttl,
            known: RwLock::default(),
            begun: AtomicU64::new(0),
            completed: Mutex::default(),
        };
        versions.reload().await?;
        let known = versions.known();
        let other = versions.keyring.fingerprints().find(|(version, fingerprint)| {
            known.iter().any(|known| known.version == *version && known.fingerprint != *fingerprint)
        });
        match other {
            Some((version, _)) => Err(SecretError::Other(version)),
            None => Ok(versions),
        }
    }

    /// All versions that were ever in use.
    #[must_use]
    pub fn known(&self) -> Vec<SecretVersion> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether no live token was made under this version, which this server does not have.
    ///
    /// Every server records its version before it makes anything under it. So a version that the database does not know
    /// either belongs to another installation: an earlier one at this origin, or one that shares the browser's cookies.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be reached.
    pub async fn is_over(&self, version: u8, now: Timestamp) -> Result<bool, StoreError> {
        if self.needed_until(version).is_none() {
            self.reload_for_request().await?;
        }
        Ok(self.needed_until(version).is_none_or(|needed_until| needed_until <= now))
    }

    fn needed_until(&self, version: u8) -> Option<Timestamp> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|known| known.version == version).map(|known| known.needed_until)
    }

    /// The versions that are still needed and that this server lacks.
    #[must_use]
    pub fn missing(&self, now: Timestamp) -> Vec<SecretVersion> {
        let lacks = |known: &SecretVersion| self.keyring.fingerprints().all(|(version, _)| version != known.version);
        self.known().into_iter().filter(|known| known.needed_until > now && lacks(known)).collect()
    }

    /// Records that this server makes tokens under its primary version, and reloads which versions others use.
    ///
    /// # Errors
    ///
    /// [`SecretError`].
    pub async fn record(&self, now: Timestamp) -> Result<(), SecretError> {
        let primary = self.keyring.primary_version();
        let needed_until = now + self.refresh_ttl;
        let is_recorded = |known: &SecretVersion| known.version == primary && known.needed_until >= needed_until;
        self.reload().await?;
        if self.known().iter().any(is_recorded) {
            return Ok(());
        }
        for (version, fingerprint) in self.keyring.fingerprints().filter(|(version, _)| *version == primary) {
            let recorded = SecretVersion { version, fingerprint, needed_until: needed_until + MARGIN };
            if !self.store.record_secret_version(&recorded).await? {
                return Err(SecretError::Other(version));
            }
        }
        Ok(self.reload().await?)
    }

    /// Records and reloads for as long as the server runs.
    pub async fn run_reload_loop(&self, clock: &dyn Clock) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut outage = Outage::default();
        let mut reported = Vec::new();
        loop {
            ticks.tick().await;
            let now = clock.now();
            outage.record(&self.record(now).await, "cannot record which master secret is in use; retrying");
            let missing: Vec<u8> = self.missing(now).iter().map(|known| known.version).collect();
            if missing != reported && !missing.is_empty() {
                warn!(versions = ?missing, "this server lacks versions of the master secret that are still in use");
            }
            reported = missing;
        }
    }

    /// Reloads from the store. One reload serves all callers that came before it began: tokens of an unknown version
    /// can be made up, and must not cost a query each.
    async fn reload_for_request(&self) -> Result<(), StoreError> {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut completed = self.completed.lock().await;
        if *completed > begun {
            return Ok(());
        }
        let number = 1 + self.begun.fetch_add(1, Ordering::SeqCst);
        self.reload().await?;
        *completed = number;
        Ok(())
    }

    async fn reload(&self) -> Result<(), StoreError> {
        let known = self.store.list_secret_versions().await?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }
}
