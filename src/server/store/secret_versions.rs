//! Versions of the master secret: the contract, and how rows become versions.

use super::StoreError;
use crate::server::{clock::Timestamp, keyring::FINGERPRINT_BYTES};
use async_trait::async_trait;
use sqlx::FromRow;
use std::fmt;

/// What is known about a version of the master secret; not the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretVersion {
    pub version: u8,
    /// By which it is recognised.
    pub fingerprint: [u8; FINGERPRINT_BYTES],
    /// When the last refresh token made under it expires.
    pub needed_until: Timestamp,
}

/// The versions of the master secret in the [store](super::Store).
#[async_trait]
pub trait SecretVersionStore: fmt::Debug + Send + Sync + 'static {
    /// Notes that a version of the master secret is in use. Never lowers until when it is needed. `false`, and nothing
    /// is noted, if another secret is known under this version.
    async fn note_secret_version(&self, version: &SecretVersion) -> Result<bool, StoreError>;

    /// The versions of the master secret that were ever in use, in their order.
    async fn list_secret_versions(&self) -> Result<Vec<SecretVersion>, StoreError>;

    /// Notes that a version of the master secret is not needed from `at` on. `false` if there is none.
    async fn retire_secret_version(&self, version: u8, at: Timestamp) -> Result<bool, StoreError>;
}

#[derive(FromRow)]
pub(super) struct SecretVersionRow {
    version: i64,
    fingerprint: Vec<u8>,
    needed_until: i64,
}

impl TryFrom<SecretVersionRow> for SecretVersion {
    type Error = StoreError;

    fn try_from(row: SecretVersionRow) -> Result<Self, StoreError> {
        let version = row.version.try_into().map_err(|_| StoreError::Corrupt("version of the master secret"))?;
        let fingerprint = row.fingerprint.try_into().map_err(|_| StoreError::Corrupt("fingerprint"))?;
        let needed_until = Timestamp::from_millis(row.needed_until);
        Ok(Self { version, fingerprint, needed_until })
    }
}
