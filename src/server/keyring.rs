//! Every key of the application, derived from the master secret (HKDF, RFC 5869), so that servers which share that
//! secret need to share nothing else.
//!
//! There may be several versions of the master secret at once. The first one signs and seals, all of them verify and
//! decrypt: so the secret can be changed without interrupting any session. Tokens and sealed values carry the version
//! in clear.

use super::{
    domain::{
        public_id::PublicIdKey,
        refresh_token::{RefreshTokenKey, RefreshTokenKeys},
        session::SessionId,
    },
    redacted::redacted,
};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The length of a version's fingerprint.
pub const FINGERPRINT_BYTES: usize = 16;

/// The keys of this application. `Debug` shows none of them.
pub struct Keyring {
    refresh_tokens: RefreshTokenKeys,
    /// Never empty; the first one signs and seals.
    versions: Vec<VersionKeys>,
}

/// What is derived from one version of the master secret.
struct VersionKeys {
    version: u8,
    public_ids: PublicIdKey,
    sealing: RandomizedNonceKey,
    web_client_secret: String,
    fingerprint: [u8; FINGERPRINT_BYTES],
}

/// A secret in the store: encrypted and bound to its purpose.
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

    /// The version of the master secret it was sealed under.
    #[must_use]
    pub fn version(&self) -> Option<u8> {
        self.0.first().copied()
    }
}

/// Why a sealed secret cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another server may have that version.
    #[error("it was sealed under version {0} of the master secret, which this server does not have")]
    UnknownVersion(u8),
    #[error("it was sealed under another master secret, or for another purpose")]
    Unsealable,
}

impl Keyring {
    /// Derives all keys from the versions of the master secret, of which the first one signs and seals. Each has at
    /// least 256 bits of entropy, which the settings ensure.
    ///
    /// # Panics
    ///
    /// If there is no version.
    #[must_use]
    pub fn derive<'a>(masters: impl IntoIterator<Item = (u8, &'a [u8])>) -> Self {
        let (refresh_tokens, versions): (Vec<_>, Vec<_>) =
            masters.into_iter().map(|(version, master)| keys_of(version, master)).unzip();
        assert!(!versions.is_empty(), "a master secret has at least one version");
        Self { refresh_tokens: RefreshTokenKeys::new(refresh_tokens), versions }
    }

    #[must_use]
    pub const fn refresh_tokens(&self) -> &RefreshTokenKeys {
        &self.refresh_tokens
    }

    /// The version that signs and seals.
    #[must_use]
    pub fn primary_version(&self) -> u8 {
        self.primary().version
    }

    /// All versions, each with its fingerprint, which reveals nothing about the secret.
    pub fn fingerprints(&self) -> impl Iterator<Item = (u8, [u8; FINGERPRINT_BYTES])> {
        self.versions.iter().map(|keys| (keys.version, keys.fingerprint))
    }

    /// The public id of a session, for pages.
    #[must_use]
    pub fn public_id(&self, session: SessionId) -> String {
        self.primary().public_ids.hide(session)
    }

    /// The session id of a public id. Whether the session exists has to be looked up in the store.
    #[must_use]
    pub fn session_called(&self, public_id: &str) -> Option<SessionId> {
        self.versions.iter().find_map(|keys| keys.public_ids.reveal(public_id))
    }

    /// The secret with which the server functions authenticate as the client "web" (RFC 6749 §2.3.1).
    #[must_use]
    pub fn web_client_secret(&self) -> &str {
        &self.primary().web_client_secret
    }

    /// The same for all versions: a server may present that of any of them.
    pub fn web_client_secrets(&self) -> impl Iterator<Item = &str> {
        self.versions.iter().map(|keys| keys.web_client_secret.as_str())
    }

    /// Encrypts a secret for the store; it can be decrypted only for the same `purpose`.
    ///
    /// # Panics
    ///
    /// Never for secrets below the limit of AES-GCM, 64 GiB.
    #[must_use]
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Sealed {
        let mut ciphertext = secret.to_vec();
        let VersionKeys { version, sealing, .. } = self.primary();
        let nonce = sealing
            .seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut ciphertext)
            .expect("a secret is far shorter than AES-GCM's limit");
        let mut sealed = vec![*version];
        sealed.extend(nonce.as_ref());
        sealed.extend(ciphertext);
        Sealed(sealed)
    }

    /// Decrypts a secret from the store.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it was sealed under another master secret or for another purpose, or the bytes were changed.
    pub fn open(&self, purpose: &str, sealed: &Sealed) -> Result<Vec<u8>, OpenError> {
        use OpenError::{UnknownVersion, Unsealable};

        let version = sealed.version().ok_or(Unsealable)?;
        let (nonce, ciphertext) = sealed.0[1..].split_first_chunk::<NONCE_LEN>().ok_or(Unsealable)?;
        let keys = self.versions.iter().find(|keys| keys.version == version).ok_or(UnknownVersion(version))?;
        let mut secret = ciphertext.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened =
            keys.sealing.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut secret).map_err(|_| Unsealable)?;
        Ok(opened.to_vec())
    }

    fn primary(&self) -> &VersionKeys {
        &self.versions[0]
    }
}

fn keys_of(version: u8, master: &[u8]) -> (RefreshTokenKey, VersionKeys) {
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"tokenlife").extract(master);
    let key_for = |purpose: &str| -> [u8; 32] {
        let mut key = [0; 32];
        extracted
            .expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|expanded| expanded.fill(&mut key))
            .expect("32 bytes are one HKDF-SHA256 block");
        key
    };
    let mut fingerprint = [0; FINGERPRINT_BYTES];
    fingerprint.copy_from_slice(&key_for("fingerprint")[..FINGERPRINT_BYTES]);
    let keys = VersionKeys {
        version,
        public_ids: PublicIdKey::new(version, &key_for("public ids of sessions")),
        sealing: RandomizedNonceKey::new(&AES_256_GCM, &key_for("stored secrets"))
            .expect("32 bytes are an AES-256 key"),
        web_client_secret: URL_SAFE_NO_PAD.encode(key_for("client secret of web")),
        fingerprint,
    };
    (RefreshTokenKey::new(version, &key_for("refresh tokens")), keys)
}

redacted!(Keyring);

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(versions: &[(u8, u8)]) -> Keyring {
        let secrets: Vec<(u8, [u8; 32])> = versions.iter().map(|(version, byte)| (*version, [*byte; 32])).collect();
        Keyring::derive(secrets.iter().map(|(version, secret)| (*version, secret.as_slice())))
    }

    #[test]
    fn a_sealed_secret_is_decrypted_only_under_its_master_secret_and_for_its_purpose() {
        let ours = keyring(&[(1, 1)]);
        let sealed = ours.seal("signing key a", b"secret");
        assert_eq!(ours.open("signing key a", &sealed), Ok(b"secret".to_vec()));
        assert_eq!(ours.open("signing key b", &sealed), Err(OpenError::Unsealable));
        assert_eq!(keyring(&[(1, 2)]).open("signing key a", &sealed), Err(OpenError::Unsealable));
        assert_eq!(keyring(&[(2, 1)]).open("signing key a", &sealed), Err(OpenError::UnknownVersion(1)));
        assert_ne!(ours.seal("signing key a", b"secret"), sealed);
        assert!(!sealed.as_bytes().windows(6).any(|window| window == b"secret"));
        for length in 0..sealed.as_bytes().len() {
            let cut = Sealed::from_stored(sealed.as_bytes()[..length].to_vec());
            assert_eq!(ours.open("signing key a", &cut), Err(OpenError::Unsealable));
        }
    }

    #[test]
    fn the_same_master_secret_gives_the_same_keys() {
        let (one, two) = (keyring(&[(1, 1)]), keyring(&[(1, 1)]));
        assert_eq!(one.web_client_secret(), two.web_client_secret());
        assert_ne!(one.web_client_secret(), keyring(&[(1, 3)]).web_client_secret());
        assert_eq!(one.open("p", &two.seal("p", b"x")), Ok(b"x".to_vec()));
        assert_eq!(one.fingerprints().collect::<Vec<_>>(), two.fingerprints().collect::<Vec<_>>());
        assert_ne!(one.fingerprints().next(), keyring(&[(1, 3)]).fingerprints().next());
    }

    #[test]
    fn the_first_version_seals_and_all_of_them_decrypt() {
        let (old, both, turned) = (keyring(&[(1, 1)]), keyring(&[(2, 2), (1, 1)]), keyring(&[(1, 1), (2, 2)]));
        for (maker, version) in [(&old, 1), (&both, 2), (&turned, 1)] {
            let sealed = maker.seal("p", b"x");
            assert_eq!((maker.primary_version(), sealed.version()), (version, Some(version)));
            assert_eq!(both.open("p", &sealed), Ok(b"x".to_vec()));
            assert_eq!(turned.open("p", &sealed), Ok(b"x".to_vec()));
        }
        assert_eq!(old.open("p", &both.seal("p", b"x")), Err(OpenError::UnknownVersion(2)));
        let secrets = |keyring: &Keyring| keyring.web_client_secrets().map(str::to_owned).collect::<Vec<_>>();
        assert!(secrets(&both).contains(&turned.web_client_secret().to_owned()));
        assert!(secrets(&turned).contains(&both.web_client_secret().to_owned()));
    }
}
