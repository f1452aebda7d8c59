//! The registered OAuth clients: who may redeem a refresh token (RFC 6749 §2.3, RFC 9700 §2.5).

use crate::server::{
    clock::Timestamp,
    keyring::Keyring,
    store::{Client, Store, StoreError},
};
use aws_lc_rs::{constant_time, digest};
use std::{collections::HashMap, fmt};

/// The client that the server functions are. Its secret is derived from the master secret.
pub const WEB: &str = "web";

/// A client's id and secret, as it presents them.
#[derive(Clone, Copy)]
pub struct ClientCredentials<'a> {
    pub id: &'a str,
    pub secret: &'a str,
}

impl fmt::Debug for ClientCredentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The client is unknown or its secret wrong: deliberately the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client could not be authenticated")]
pub struct InvalidClient;

/// The clients this server knows, so that redeeming a token asks nobody about them.
#[derive(Debug)]
pub struct Clients {
    secret_hashes: HashMap<String, [u8; 32]>,
}

impl Clients {
    /// Registers the client "web" if it is not, and loads it.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn load(store: &dyn Store, keyring: &Keyring, now: Timestamp) -> Result<Self, StoreError> {
        let secret_hash = hash(keyring.web_client_secret());
        let registered = store.find_client(WEB).await?;
        if registered.is_none_or(|client| client.secret_hash != secret_hash) {
            store.put_client(&Client { id: WEB.to_owned(), secret_hash, created_at: now }).await?;
        }
        Ok(Self { secret_hashes: HashMap::from([(WEB.to_owned(), secret_hash)]) })
    }

    /// Checks a client's secret in constant time, and returns its id.
    ///
    /// # Errors
    ///
    /// [`InvalidClient`].
    pub fn authenticate<'a>(&self, credentials: ClientCredentials<'a>) -> Result<&'a str, InvalidClient> {
        let presented = hash(credentials.secret);
        let expected = self.secret_hashes.get(credentials.id).ok_or(InvalidClient)?;
        constant_time::verify_slices_are_equal(&presented, expected).map_err(|_| InvalidClient)?;
        Ok(credentials.id)
    }
}

fn hash(secret: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    hash
}
