//! Signing keys: the contract, the statements, which both databases share, and how rows become keys.

use super::StoreError;
use crate::server::{clock::Timestamp, domain::key_schedule::KeyTimes, keyring::Sealed};
use async_trait::async_trait;
use sqlx::{Database, Encode, FromRow, Type, query::Query};
use std::fmt;

/// A signing key: when it signs, its key id, and the private key sealed under the master secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSigningKey {
    pub times: KeyTimes,
    /// `kid` (RFC 7515 §4.1.4).
    pub id: String,
    pub sealed: Sealed,
    pub created_at: Timestamp,
}

/// The signing keys of the [store](super::Store).
#[async_trait]
pub trait SigningKeyStore: fmt::Debug + Send + Sync + 'static {
    /// Adds a signing key, unless its number is already taken: of all servers that make the next key, one succeeds.
    /// `false` if another one did.
    async fn add_signing_key(&self, key: &StoredSigningKey) -> Result<bool, StoreError>;

    /// All signing keys, in the order of their numbers.
    async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError>;

    /// Removes the signing key of this number. `false` if there is none.
    async fn remove_signing_key(&self, number: u32) -> Result<bool, StoreError>;

    /// Replaces the sealed private key of a signing key, if it is still `old`. `false` if it is not.
    async fn reseal_signing_key(&self, number: u32, old: &Sealed, new: &Sealed) -> Result<bool, StoreError>;
}

const ADD: &str = "INSERT INTO signing_keys (number, id, sealed, created_at, signs_from)
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (number) DO NOTHING";

pub(super) const LIST: &str = "SELECT number, id, sealed, created_at, signs_from FROM signing_keys ORDER BY number";

pub(super) const REMOVE: &str = "DELETE FROM signing_keys WHERE number = $1";

pub(super) const RESEAL: &str = "UPDATE signing_keys SET sealed = $3 WHERE number = $1 AND sealed = $2";

/// [`ADD`] with its values.
pub(super) fn add<'q, DB>(key: &'q StoredSigningKey) -> Query<'q, DB, DB::Arguments>
where
    DB: Database,
    i64: Encode<'q, DB> + Type<DB>,
    &'q str: Encode<'q, DB> + Type<DB>,
    &'q [u8]: Encode<'q, DB> + Type<DB>,
{
    sqlx::query(ADD)
        .bind(i64::from(key.times.number))
        .bind(key.id.as_str())
        .bind(key.sealed.as_bytes())
        .bind(key.created_at.as_millis())
        .bind(key.times.signs_from.as_millis())
}

#[derive(FromRow)]
pub(super) struct SigningKeyRow {
    number: i64,
    id: String,
    sealed: Vec<u8>,
    created_at: i64,
    signs_from: i64,
}

impl TryFrom<SigningKeyRow> for StoredSigningKey {
    type Error = StoreError;

    fn try_from(row: SigningKeyRow) -> Result<Self, StoreError> {
        let number = u32::try_from(row.number).map_err(|_| StoreError::Corrupt("number of a signing key"))?;
        Ok(Self {
            times: KeyTimes { number, signs_from: Timestamp::from_millis(row.signs_from) },
            id: row.id,
            sealed: Sealed::from_stored(row.sealed),
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}
