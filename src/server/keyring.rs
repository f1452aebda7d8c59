//! Every key of the application, derived from the one master secret (HKDF, RFC 5869), so that servers which share
//! that secret need to share nothing else.

use super::domain::refresh_token::RefreshTokenKey;
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::fmt;

/// The version of the master secret in use; written into what is made under it.
const VERSION: u8 = 1;

/// The keys of this application. Shows nothing of them.
pub struct Keyring {
    refresh_tokens: RefreshTokenKey,
    sealing: RandomizedNonceKey,
    web_client_secret: String,
}

/// A secret of ours in the store: encrypted and bound to its purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    #[must_use]
    pub const fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What is sealed does not open under this master secret and for this purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored secret does not open: it was sealed under another master secret")]
pub struct Unsealable;

impl Keyring {
    /// Derives all keys. `master` has at least 256 bits of entropy; the settings see to that.
    ///
    /// # Panics
    ///
    /// Never: the lengths are fixed.
    #[must_use]
    pub fn derive(master: &[u8]) -> Self {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"tokenlife").extract(master);
        let key_for = |purpose: &str| -> [u8; 32] {
            let mut key = [0; 32];
            extracted
                .expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
                .and_then(|expanded| expanded.fill(&mut key))
                .expect("32 bytes are one HKDF-SHA256 block");
            key
        };
        Self {
            refresh_tokens: RefreshTokenKey::new(VERSION, &key_for("refresh tokens")),
            sealing: RandomizedNonceKey::new(&AES_256_GCM, &key_for("stored secrets"))
                .expect("32 bytes are an AES-256 key"),
            web_client_secret: URL_SAFE_NO_PAD.encode(key_for("client secret of web")),
        }
    }

    #[must_use]
    pub const fn refresh_tokens(&self) -> &RefreshTokenKey {
        &self.refresh_tokens
    }

    /// The secret by which the server functions prove to be the registered client "web" (RFC 6749 §2.3.1).
    #[must_use]
    pub fn web_client_secret(&self) -> &str {
        &self.web_client_secret
    }

    /// Encrypts a secret for the store; it opens only for the same `purpose`.
    ///
    /// # Panics
    ///
    /// Never for secrets of any real size (AES-GCM takes up to 64 GiB).
    #[must_use]
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Sealed {
        let mut ciphertext = secret.to_vec();
        let nonce = self
            .sealing
            .seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut ciphertext)
            .expect("a secret is far shorter than AES-GCM's limit");
        let mut sealed = vec![VERSION];
        sealed.extend(nonce.as_ref());
        sealed.extend(ciphertext);
        Sealed(sealed)
    }

    /// Decrypts a secret from the store.
    ///
    /// # Errors
    ///
    /// [`Unsealable`] under another master secret, for another purpose, or if the bytes were changed.
    pub fn open(&self, purpose: &str, sealed: &Sealed) -> Result<Vec<u8>, Unsealable> {
        let (version, rest) = sealed.0.split_first().ok_or(Unsealable)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Unsealable)?;
        if *version != VERSION {
            return Err(Unsealable);
        }
        let mut secret = ciphertext.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened =
            self.sealing.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut secret).map_err(|_| Unsealable)?;
        Ok(opened.to_vec())
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_only_under_its_master_secret_and_for_its_purpose() {
        let ours = Keyring::derive(&[1; 32]);
        let sealed = ours.seal("signing key a", b"secret");
        assert_eq!(ours.open("signing key a", &sealed), Ok(b"secret".to_vec()));
        assert_eq!(ours.open("signing key b", &sealed), Err(Unsealable));
        assert_eq!(Keyring::derive(&[2; 32]).open("signing key a", &sealed), Err(Unsealable));
        assert_ne!(ours.seal("signing key a", b"secret"), sealed);
        assert!(!sealed.as_bytes().windows(6).any(|window| window == b"secret"));
        for length in 0..sealed.as_bytes().len() {
            let cut = Sealed::from_stored(sealed.as_bytes()[..length].to_vec());
            assert_eq!(ours.open("signing key a", &cut), Err(Unsealable));
        }
    }

    #[test]
    fn the_same_master_secret_gives_the_same_keys() {
        let (one, two) = (Keyring::derive(&[1; 32]), Keyring::derive(&[1; 32]));
        assert_eq!(one.web_client_secret(), two.web_client_secret());
        assert_ne!(one.web_client_secret(), Keyring::derive(&[3; 32]).web_client_secret());
        assert_eq!(one.open("p", &two.seal("p", b"x")), Ok(b"x".to_vec()));
    }
}
