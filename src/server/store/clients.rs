//! OAuth clients: the contract, and how rows become clients.

use super::StoreError;
use crate::server::clock::Timestamp;
use async_trait::async_trait;
use sqlx::FromRow;
use std::fmt;

/// A registered OAuth client (RFC 6749 §2.2) and the hashes of its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub id: String,
    /// Whom the tokens are for that it gets in its own name.
    pub audience: Option<String>,
    /// SHA-256 of the secret, which has 256 bits of entropy.
    pub secret_hash: [u8; 32],
    /// The same of the secret before, while that is still valid.
    pub previous_secret_hash: Option<[u8; 32]>,
    pub created_at: Timestamp,
}

/// The registered OAuth clients of the [store](super::Store).
#[async_trait]
pub trait ClientStore: fmt::Debug + Send + Sync + 'static {
    /// Registers a client. `false` if there is one of its id.
    async fn add_client(&self, client: &Client) -> Result<bool, StoreError>;

    /// All clients, in the order of their ids.
    async fn list_clients(&self) -> Result<Vec<Client>, StoreError>;

    /// Gives a client a new secret, beside the one before or in its place. `false` if there is no such client.
    async fn rotate_client_secret(&self, id: &str, new: &[u8; 32], keep_previous: bool) -> Result<bool, StoreError>;

    /// Removes a client. `false` if there is none.
    async fn remove_client(&self, id: &str) -> Result<bool, StoreError>;
}

#[derive(FromRow)]
pub(super) struct ClientRow {
    id: String,
    audience: Option<String>,
    secret_hash: Vec<u8>,
    previous_secret_hash: Option<Vec<u8>>,
    created_at: i64,
}

impl TryFrom<ClientRow> for Client {
    type Error = StoreError;

    fn try_from(row: ClientRow) -> Result<Self, StoreError> {
        let hash = |bytes: Vec<u8>| bytes.try_into().map_err(|_| StoreError::Corrupt("client secret hash"));
        Ok(Self {
            id: row.id,
            audience: row.audience,
            secret_hash: hash(row.secret_hash)?,
            previous_secret_hash: row.previous_secret_hash.map(hash).transpose()?,
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}
