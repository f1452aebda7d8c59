//! Versions of the master secret: the contract, the statements, which both databases share, and how rows become
//! versions.
//!
//! The maximum and the minimum of two numbers are written as `CASE`: the databases name the function differently.

use super::StoreError;
use crate::server::{clock::Timestamp, keyring::FINGERPRINT_BYTES};
use async_trait::async_trait;
use sqlx::{Database, Encode, FromRow, Type, query::Query};
use std::fmt;

/// The record of a version of the master secret, without the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretVersion {
    pub version: u8,
    /// Identifies the secret.
    pub fingerprint: [u8; FINGERPRINT_BYTES],
    /// When the last refresh token made under it expires.
    pub needed_until: Timestamp,
}

/// The versions of the master secret in the [store](super::Store).
#[async_trait]
pub trait SecretVersionStore: fmt::Debug + Send + Sync + 'static {
    /// Records that a version of the master secret is in use. Never lowers until when it is needed. `false`, and
    /// nothing is recorded, if another secret is known under this version.
    async fn record_secret_version(&self, version: &SecretVersion) -> Result<bool, StoreError>;

    /// The versions of the master secret that were ever in use, in their order.
    async fn list_secret_versions(&self) -> Result<Vec<SecretVersion>, StoreError>;

    /// Records that a version of the master secret is not needed from `at` on. `false` if it is unknown.
    async fn retire_secret_version(&self, version: u8, at: Timestamp) -> Result<bool, StoreError>;
}

const RECORD: &str = "INSERT INTO secret_versions AS known (version, fingerprint, needed_until) VALUES ($1, $2, $3)
    ON CONFLICT (version) DO UPDATE SET needed_until =
        CASE WHEN excluded.needed_until > known.needed_until THEN excluded.needed_until ELSE known.needed_until END
    WHERE known.fingerprint = excluded.fingerprint";

pub(super) const LIST: &str = "SELECT version, fingerprint, needed_until FROM secret_versions ORDER BY version";

pub(super) const RETIRE: &str = "UPDATE secret_versions
    SET needed_until = CASE WHEN needed_until > $2 THEN $2 ELSE needed_until END WHERE version = $1";

/// [`RECORD`] with its values.
pub(super) fn record<'q, DB>(version: &'q SecretVersion) -> Query<'q, DB, DB::Arguments>
where
    DB: Database,
    i64: Encode<'q, DB> + Type<DB>,
    &'q [u8]: Encode<'q, DB> + Type<DB>,
{
    sqlx::query(RECORD)
        .bind(i64::from(version.version))
        .bind(version.fingerprint.as_slice())
        .bind(version.needed_until.as_millis())
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
