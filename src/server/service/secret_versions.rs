//! Which versions of the master secret are in use, by whatever server, and until when each is needed.
//!
//! The store knows each by a fingerprint. So a server notices that it was given another secret under the same number,
//! before it calls everybody's tokens forged; that a version is missing which somebody still needs; and that one is
//! not needed any more.

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

/// How often the store is looked at.
const INTERVAL: Duration = Duration::from_mins(1);
/// How much longer than it has to be a version is noted as needed, so that one write a day is enough.
const MARGIN: Duration = Duration::from_hours(24);

/// Why the master secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("version {0} of the master secret is another one than this database was used with")]
    Other(u8),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The versions of the master secret, as all servers of this database use them.
#[derive(Debug)]
pub struct SecretVersions {
    store: Arc<dyn SecretVersionStore>,
    keyring: Arc<Keyring>,
    refresh_ttl: Duration,
    known: RwLock<Vec<SecretVersion>>,
    /// How many questions to the store have begun, of those that requests cause.
    begun: AtomicU64,
    /// The number of the last one that was answered. Whoever asks holds the lock.
    answered: Mutex<u64>,
}

impl SecretVersions {
    /// Learns what is in use, and checks that each version here is the one that is known there.
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
            answered: Mutex::default(),
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

    /// Whether nothing made under this version, which this server does not have, is alive anywhere.
    ///
    /// Every server notes its version before it makes anything under it. So a version that the database does not know
    /// either is another installation's: of one that was here before, or that shares the browser's cookies.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn is_over(&self, version: u8, now: Timestamp) -> Result<bool, StoreError> {
        if self.needed_until(version).is_none() {
            self.reload_again().await?;
        }
        Ok(self.needed_until(version).is_none_or(|needed_until| needed_until <= now))
    }

    fn needed_until(&self, version: u8) -> Option<Timestamp> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|known| known.version == version).map(|known| known.needed_until)
    }

    /// The versions that somebody needs and this server lacks.
    #[must_use]
    pub fn missing(&self, now: Timestamp) -> Vec<SecretVersion> {
        let lacks = |known: &SecretVersion| self.keyring.fingerprints().all(|(version, _)| version != known.version);
        self.known().into_iter().filter(|known| known.needed_until > now && lacks(known)).collect()
    }

    /// Notes that this server makes tokens under its first version, and learns what others do.
    ///
    /// # Errors
    ///
    /// [`SecretError`].
    pub async fn record(&self, now: Timestamp) -> Result<(), SecretError> {
        let making = self.keyring.primary_version();
        let needed_until = now + self.refresh_ttl;
        let is_noted = |known: &SecretVersion| known.version == making && known.needed_until >= needed_until;
        self.reload().await?;
        if self.known().iter().any(is_noted) {
            return Ok(());
        }
        for (version, fingerprint) in self.keyring.fingerprints().filter(|(version, _)| *version == making) {
            let noted = SecretVersion { version, fingerprint, needed_until: needed_until + MARGIN };
            if !self.store.record_secret_version(&noted).await? {
                return Err(SecretError::Other(version));
            }
        }
        Ok(self.reload().await?)
    }

    /// Keeps noting and learning for as long as the server runs.
    pub async fn run_reload_loop(&self, clock: &dyn Clock) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut outage = Outage::default();
        let mut told_missing = Vec::new();
        loop {
            ticks.tick().await;
            let now = clock.now();
            outage.record(&self.record(now).await, "cannot note which master secret is in use; trying on");
            let missing: Vec<u8> = self.missing(now).iter().map(|known| known.version).collect();
            if missing != told_missing && !missing.is_empty() {
                warn!(versions = ?missing, "this server lacks versions of the master secret that others still use");
            }
            told_missing = missing;
        }
    }

    /// Learns what the store knows now. One question answers everybody who came before it began: tokens of a version
    /// that nobody knows can be made up, and must not cost a question each.
    async fn reload_again(&self) -> Result<(), StoreError> {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut answered = self.answered.lock().await;
        if *answered > begun {
            return Ok(());
        }
        let number = 1 + self.begun.fetch_add(1, Ordering::SeqCst);
        self.reload().await?;
        *answered = number;
        Ok(())
    }

    async fn reload(&self) -> Result<(), StoreError> {
        let known = self.store.list_secret_versions().await?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }
}
