//! The registered OAuth clients: who may redeem a refresh token (RFC 6749 §2.3, RFC 9700 §2.5).

use crate::server::keyring::Keyring;
use aws_lc_rs::{constant_time, digest};
use std::{collections::HashMap, fmt};

/// The client that the server functions are. Its secrets are derived from the master secret: a server of any version
/// that is known here may present its own.
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
    secret_hashes: HashMap<String, Vec<[u8; 32]>>,
}

impl Clients {
    #[must_use]
    pub fn new(keyring: &Keyring) -> Self {
        let web = keyring.web_client_secrets().map(hash).collect();
        Self { secret_hashes: HashMap::from([(WEB.to_owned(), web)]) }
    }

    /// Checks a client's secret in constant time, and returns its id.
    ///
    /// # Errors
    ///
    /// [`InvalidClient`].
    pub fn authenticate<'a>(&self, credentials: ClientCredentials<'a>) -> Result<&'a str, InvalidClient> {
        let presented = hash(credentials.secret);
        let expected = self.secret_hashes.get(credentials.id).ok_or(InvalidClient)?;
        let fits = |expected: &[u8; 32]| constant_time::verify_slices_are_equal(&presented, expected).is_ok();
        if expected.iter().any(fits) { Ok(credentials.id) } else { Err(InvalidClient) }
    }
}

fn hash(secret: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_functions_are_known_by_the_secret_of_any_version() {
        let (one, two): (&[u8], &[u8]) = (&[1; 32], &[2; 32]);
        let here = Clients::new(&Keyring::derive([(1, one), (2, two)]));
        let knows = |id, secret: &str| here.authenticate(ClientCredentials { id, secret }).is_ok();
        let secret_of = |keyring: Keyring| keyring.web_client_secret().to_owned();
        let there = secret_of(Keyring::derive([(2, two), (1, one)]));
        assert!(knows(WEB, &there) && knows(WEB, &secret_of(Keyring::derive([(1, one)]))));
        let stranger = secret_of(Keyring::derive([(3, [3; 32].as_slice())]));
        assert!(!knows(WEB, "") && !knows(WEB, "x") && !knows(WEB, &stranger) && !knows("somebody", &there));
    }
}
